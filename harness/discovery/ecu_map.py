"""What is known of one ECU once it has been asked?"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.tester.dialects import Dialect


@dataclass(frozen=True, slots=True)
class FoundLevel:
    """A security level that gives seeds, or says why it does not now."""

    level: int
    session: int
    seed_bytes: int
    """0: no seed was given."""
    said: str
    """What it said, where it gave no seed."""
    also: tuple[int, ...] = ()
    """The other sessions in which it gives a seed."""
    record: bytes = b""
    """The data record with which it was asked for its seed; empty: none."""
    behind: int | None = None
    """The level that had to be open before it gave a seed."""


@dataclass(frozen=True, slots=True)
class FoundIdentifier:
    """A data identifier that is there."""

    did: int
    length: int
    """0: it is there, and not to be read now."""
    said: str
    sessions: tuple[int, ...]
    """Where it was read, or refused like that."""


@dataclass(slots=True)
class EcuMap:
    """What was found of one ECU, in the order in which it is asked for."""

    dialect: Dialect | None = None
    """What it speaks, where that is not UDS."""
    sessions: dict[int, str] = field(default_factory=dict)
    """Each session that was entered, with the timing that its answer states."""
    refused_sessions: dict[int, dict[int, str]] = field(default_factory=dict)
    """Each session that is there and was not entered: from which sessions it was asked for, and what was said."""
    aliases: dict[int, int] = field(default_factory=dict)
    """By session above 0x7F that does what another one does, as where the suppress bit is ignored: that other one."""
    security_access: str = ""
    """What is known of service 27 where it gave no seed; a sentence without its full stop."""
    behind: dict[int, int] = field(default_factory=dict)
    """By session that was entered only with a level open: that level."""
    vias: dict[int, int] = field(default_factory=dict)
    """By session that is not entered from every other: one that it is entered from."""
    transitions: dict[tuple[int, int], str] = field(default_factory=dict)
    """From one session to another: what was said."""
    services: dict[int, dict[int, str]] = field(default_factory=dict)
    """By session: each service that is there, and what it said to a request without anything."""
    sub_functions: dict[int, dict[int, dict[int, str]]] = field(default_factory=dict)
    """By session and service: each sub-function that is there, and what it said, mostly to a request that is none."""
    not_asked: list[str] = field(default_factory=list)
    """What was left out, and why, in sentences."""
    levels: list[FoundLevel] = field(default_factory=list)
    identifiers: list[FoundIdentifier] = field(default_factory=list)
    is_asked_in_groups: bool = False
    """Identifiers in rare places were asked for several at a time."""
    unsteady: set[int] = field(default_factory=set)
    """Identifiers that hold one thing in one session, and another in the next."""
    routines: dict[int, str] = field(default_factory=dict)
    memory: dict[int, str] = field(default_factory=dict)
    p2_ms: float | None = None
    """The longest time that a first answer took."""
    p2_stated_ms: int | None = None
    """What the answers to session requests state."""
    p2_star_ms: int | None = None
    """What the answers to session requests state."""
    p2_star_seen_ms: float | None = None
    """The longest time from responsePending to what followed it."""
    s3_ms: int | None = None
    s3_said: str = ""
    boot_s: float | None = None
    boot_means: str = ""
    """What that start came of: "reset" (11 01) or "power cycle"."""
    writes: dict[int, str] = field(default_factory=dict)
    """By identifier: what a write of its own value was answered."""
    read_with: dict[int, int] = field(default_factory=dict)
    """By identifier that was refused: the level that, unlocked, let it be read."""
    written_with: dict[int, int] = field(default_factory=dict)
    """By identifier: the level that, unlocked, let its own value be written."""
    opened: set[int] = field(default_factory=set)
    """The levels that were unlocked with their keys."""
    lengths: dict[int, int] = field(default_factory=dict)
    """Of the identifiers that were read only unlocked."""

    def leads(self, start: int, end: int) -> bool:
        """Whether one session was entered from the other."""
        return self.transitions.get((start, end), "").startswith("positive")
