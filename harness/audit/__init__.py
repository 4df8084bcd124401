"""Checks: declared, run, judged."""
