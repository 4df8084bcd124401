"""Time and frames."""
