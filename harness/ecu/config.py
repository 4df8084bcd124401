"""What does an ECU know when it leaves the factory? Its data, its security levels, its timing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from harness.ecu.defects import Defects
from harness.ecu.keys import KeyFunction
from harness.uds import Session

OPEN: Final = 0
"""Needs no unlocked level. Any other need is the level's number, as in 27 01."""

NEVER: Final = -1
"""No level is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIdentifier:
    """One value that 22 reads and 2E writes; its length never changes."""

    did: int
    initial: bytes
    read: int = OPEN
    write: int = NEVER
    is_non_volatile: bool = False
    allowed: range | None = None
    """What may be written, as a big-endian number; None: anything of the right length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityLevel:
    """One pair of SecurityAccess sub-functions: `level` (odd) asks for the seed, `level` + 1 sends the key."""

    level: int
    key: KeyFunction
    seed_bytes: int
    key_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EcuConfig:
    """A sound ECU, unless `defects` says otherwise."""

    levels: tuple[SecurityLevel, ...]
    data_identifiers: tuple[DataIdentifier, ...]
    sessions: tuple[int, ...] = (Session.DEFAULT, Session.PROGRAMMING, Session.EXTENDED)
    p2_ms: int = 50
    p2_star_ms: int = 5000
    s3_s: float = 5.0
    attempts: int = 3
    """The wrong key that is answered 36 and starts the delay, counted per level."""
    delay_s: float = 10.0
    boot_s: float = 0.05
    """After a reset or power-up the ECU hears nothing for so long."""
    answer_delay_s: float = 0.0
    pending_services: frozenset[int] = frozenset()
    """Services whose requests are answered 78 first and `pending_s` later finally."""
    pending_s: float = 0.1
    padding: int | None = 0x00
    """The byte that fills frames up to 8 bytes; None: frames as short as their content."""
    defects: Defects = field(default_factory=Defects)
