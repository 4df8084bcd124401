"""Prove which check finds which flaw, and that none accuses a sound ECU."""
