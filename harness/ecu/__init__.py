"""The simulated ECU."""
