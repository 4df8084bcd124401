"""What is a defect: one flaw of a sound ECU, and the checks that must see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Depth = Literal["quick", "default", "deep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """What is wrong, and who must notice.

    Each of `kills` fails on the defect at `depth`. A check in `also` may fail because of it, for the reason
    given; no other check may.
    """

    what: str
    kills: tuple[str, ...]
    also: Mapping[str, str] = field(default_factory=dict)
    depth: Depth = "quick"
    base: str = "hardened"
    """The profile that it is put into."""
    survives: str = ""
    """Why no check can be asked to see it, where that is so: then `kills` is empty."""
    number: str = ""
    """Its number in the catalogue of defects, e.g. ``M80b``; empty if it is one of the harness's own."""
    name: str = ""
