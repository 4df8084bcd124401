"""Check what the ECU gives away."""
