"""Hold what was found of one ECU by sending requests to it."""

from dataclasses import dataclass, field

from harness.tester.dialects import Dialect


@dataclass(frozen=True, slots=True)
class FoundLevel:
    """A security level that gives seeds, or that refuses them in a way which shows that it exists."""

    level: int
    session: int
    seed_bytes: int
    """The seed's length in bytes; 0 if no seed was given."""
    said: str
    """The answer instead of a seed; empty if a seed was given."""
    also: tuple[int, ...] = ()
    """Other sessions in which the level gives a seed."""
    record: bytes = b""
    """The data record that a request for this seed needs; empty if it needs none."""
    behind: int | None = None
    """The level that had to be open before this level gave a seed; None if none had to be open."""


@dataclass(frozen=True, slots=True)
class FoundIdentifier:
    """A data identifier that exists."""

    did: int
    length: int
    """The value's length in bytes; 0 if the identifier exists but cannot be read now."""
    said: str
    sessions: tuple[int, ...]
    """Sessions in which the identifier was read, or refused as `said`."""


@dataclass(slots=True)
class EcuMap:
    """Everything that was found of one ECU."""

    dialect: Dialect | None = None
    """The ECU's dialect, if the ECU does not speak UDS."""
    sessions: dict[int, str] = field(default_factory=dict)
    """Each session that was entered, with the timing that its answer states."""
    refused_sessions: dict[int, dict[int, str]] = field(default_factory=dict)
    """Sessions that exist but were not entered, each with the sessions from which it was requested, and the answers."""
    aliases: dict[int, int] = field(default_factory=dict)
    """By session above 0x7F that is only a lower session with the suppress bit ignored: that lower session."""
    security_access: str = ""
    """What is known of service 27 if it gave no seed; a sentence without its full stop."""
    behind: dict[int, int] = field(default_factory=dict)
    """By session that could be entered only with a level open: that level."""
    vias: dict[int, int] = field(default_factory=dict)
    """By session that cannot be entered from every other session: a session from which it can be entered."""
    transitions: dict[tuple[int, int], str] = field(default_factory=dict)
    """By session and requested session: the answer to the request."""
    services: dict[int, dict[int, str]] = field(default_factory=dict)
    """By session: each service that exists, and its answer to the bare service number."""
    sub_functions: dict[int, dict[int, dict[int, str]]] = field(default_factory=dict)
    """By session and service: each sub-function that exists, and its answer, usually to an incomplete request."""
    not_asked: list[str] = field(default_factory=list)
    """Sentences that say what was not requested, and why."""
    levels: list[FoundLevel] = field(default_factory=list)
    identifiers: list[FoundIdentifier] = field(default_factory=list)
    is_asked_in_groups: bool = False
    """Whether identifiers outside the common ranges were requested several at a time."""
    unsteady: set[int] = field(default_factory=set)
    """Identifiers whose content differs between sessions."""
    routines: dict[int, str] = field(default_factory=dict)
    memory: dict[int, str] = field(default_factory=dict)
    p2_ms: float | None = None
    """The longest measured time from a request to the first answer."""
    p2_stated_ms: int | None = None
    """P2 as stated in the answers to session requests."""
    p2_star_ms: int | None = None
    """P2* as stated in the answers to session requests."""
    p2_star_seen_ms: float | None = None
    """The longest measured time from a response pending to the answer after it."""
    s3_ms: int | None = None
    s3_said: str = ""
    boot_s: float | None = None
    boot_means: str = ""
    """What caused the start that `boot_s` measures: "reset" (11 01) or "power cycle"."""
    writes: dict[int, str] = field(default_factory=dict)
    """By identifier: whether a write of the present value was accepted ("open"), "protected" or "never" accepted."""
    read_with: dict[int, int] = field(default_factory=dict)
    """By identifier that the ECU refused to read while locked: the level that had to be open to read it."""
    written_with: dict[int, int] = field(default_factory=dict)
    """By identifier whose present value could be written only unlocked: the level that had to be open."""
    opened: set[int] = field(default_factory=set)
    """The levels that were unlocked with their keys."""
    lengths: dict[int, int] = field(default_factory=dict)
    """By identifier that could be read only unlocked: the length of its value in bytes."""

    def leads(self, start: int, end: int) -> bool:
        """Whether the session `end` could be entered from the session `start`."""
        return self.transitions.get((start, end), "").startswith("positive")
