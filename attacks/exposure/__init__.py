"""Check which secrets the ECU gives away."""
