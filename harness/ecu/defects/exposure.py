"""What can leak out of an ECU, and what can bring it down?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ExposureDefects:
    """One switch for each; a rule asks for the one that spoils it."""
