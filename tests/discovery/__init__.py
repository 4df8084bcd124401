"""Prove discovery, from a bus to a target file."""
