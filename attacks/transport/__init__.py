"""Check the ECU's ISO-TP with raw frames."""
