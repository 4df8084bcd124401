"""Predict what an audit would send, by running it in virtual time against an ECU simulated from the target."""
