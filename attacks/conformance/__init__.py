"""Check that the ECU answers in the way that ISO 14229-1 prescribes."""
