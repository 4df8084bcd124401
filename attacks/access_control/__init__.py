"""Check who may read, write and run what in the ECU."""
