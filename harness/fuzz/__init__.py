"""Fuzz cases: what a few lines of TOML or one Scapy packet mean."""
