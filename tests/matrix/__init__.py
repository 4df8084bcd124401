"""The matrix: which check sees which flaw, and that none accuses a sound ECU."""
