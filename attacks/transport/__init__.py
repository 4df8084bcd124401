"""Check ISO-TP, with raw frames."""
