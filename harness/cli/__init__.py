"""Implement the command line: one file a command. Heavy modules are imported only when a command runs."""
