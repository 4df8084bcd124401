"""Prove the program that plays an ECU: its bus, its memory, its status and its window."""
