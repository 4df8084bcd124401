"""A crane, and cranes with one flaw or oddity."""
