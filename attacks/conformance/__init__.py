"""Check that the ECU answers as ISO 14229-1 says."""
