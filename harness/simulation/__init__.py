"""Simulate the bus: virtual time, the contract of a node, and the python-can backend ``uds-sim``."""
