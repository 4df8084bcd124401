"""Simulate a bus in virtual time: its nodes, what a node must offer, and the python-can backend ``uds-sim``."""
