"""Measure whether the budgets are kept: `make bench`."""
