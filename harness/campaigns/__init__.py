"""Run fuzz campaigns: rounds of hunts, in this process or in many, with the results in a run's folder."""
