"""ISO-TP, on raw frames."""
