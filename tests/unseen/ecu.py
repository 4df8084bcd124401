"""Describe an ECU that was written without sight of the checks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unseen:
    """One ECU, its flaw, and the checks that have to notice it."""

    name: str
    factory: str
    """``file.py:factory``, relative to this folder."""
    flaw: str
    """One sentence; empty for a sound ECU."""
    must_fail: tuple[str, ...]
    """Ids of checks of which at least one must fail; each is a justified find. Empty for a sound ECU."""
    target: str
    """A whole target file, with ``@CHANNEL@`` for the channel and ``@KEY@`` for the key function,
    which is ``key`` of the factory's own file."""
    depth: str = "default"
