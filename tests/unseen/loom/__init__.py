"""A loom, and looms with one flaw or oddity."""
