"""The matrix: which check sees which defect, and that none accuses a sound ECU."""
