"""Prove discovery and verdicts on other people's UDS servers, by their source."""
