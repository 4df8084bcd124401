"""Prove that secrets stay out of a run's files."""
