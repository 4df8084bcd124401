"""Run fuzz campaigns: rounds of hunts, in this process or on many, with the results in a run's folder."""
