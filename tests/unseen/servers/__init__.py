"""Prove discovery and verdicts on other people's UDS servers, by comparison with their source."""
