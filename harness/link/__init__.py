"""Carry frames to and from a bus, tell the time, and read and write ISO-TP."""
