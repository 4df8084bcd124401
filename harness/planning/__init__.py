"""Say what an audit would send, before it does: it is run against an ECU simulated from the target, in virtual time."""
