"""Whether what must stay secret stays out of a run's files."""
