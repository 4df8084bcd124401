"""Whether the budgets are kept: `make bench`."""
