"""Check that the ECU keeps working under load, nonsense and abuse."""
