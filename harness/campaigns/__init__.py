"""Fuzz campaigns: rounds of hunts, in this process or on as many as there are, and what they come to in a run's folder."""
