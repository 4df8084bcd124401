"""Check that the ECU keeps its service under load, nonsense and abuse."""
