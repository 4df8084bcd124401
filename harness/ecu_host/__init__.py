"""Run a simulated ECU as a program for weeks, on a bus that comes and goes, watched and handled by an operator."""
