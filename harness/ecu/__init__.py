"""Simulate an ECU: its services, state and rules, and the flaws and variants that change a sound one."""
