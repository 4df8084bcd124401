"""Declare what a target file can say of an ECU. Each annotated field is a key of the file, with its rule beside it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from harness.target import values as rules
from harness.target.toml_schema import FLAG, Rule, choice, integer, list_of, number, text
from harness.target.values import NEVER, OPEN, Access, Before, Secret, Span, Values, plain

SIMULATED_INTERFACE = "uds-sim"
DIALECTS = ("uds", "kwp2000", "gmlan")
ADDRESSINGS = ("normal", "normal-fixed", "extended", "mixed")


class Permission(StrEnum):
    """The permissions of [safety] allow. A request that is not known to be harmless needs at least one of them."""

    LOCKOUT = "lockout"
    """Wrong keys, and whatever else may lock out the right key for a while or for good."""
    WRITE = "write"
    """Requests that store something: data, identifiers, certificates, actions at an event."""
    RESET = "reset"
    """Requests that restart the ECU, leave its application, or end what another tester has begun."""
    POWER = "power"
    """Cutting the supply, by the hook that [reset] names."""
    FUNCTIONAL = "functional"
    """Requests to every ECU of the bus at once, and ids that other nodes may take for theirs."""
    DESTRUCTIVE = "destructive"
    """Requests that erase, program, move or silence something, and requests whose effect nobody knows."""


PERMISSIONS = tuple(Permission)
QUIRKS = {"malformed_invalid_key": "a wrong key is answered 27 35 instead of 7F 27 35; it is read as invalidKey"}
"""Known deviations, and the meaning of tolerating them."""

_PERMISSION_LIST = list_of(choice(*PERMISSIONS), f"a list of any of {', '.join(PERMISSIONS)}")
_ALLOW = Rule(
    _PERMISSION_LIST.allowed,
    lambda value: frozenset(map(Permission, _PERMISSION_LIST.parse(value))),
    schema=_PERMISSION_LIST.schema,
)
_ID_OF_CHECK = text('the id of a check, e.g. "SA-09"', pattern=r"\S+")
_IDS_OF_CHECKS = list_of(_ID_OF_CHECK, 'a list of ids of checks, e.g. ["SA-09"]')
_CAN_IDS = list_of(rules.CAN_ID, "a list of CAN ids, e.g. [0x701]")

_HOOKS = frozenset({"key", "command", "power", "console", "memory"})
"""Fields of [[security]], [reset] and [observe] that may name a program or a service."""

Origin = Annotated[Literal["declared", "found"], choice("declared", "found")]
"""Whether a person declared the entry or discovery found it.

Entries that were only found give no permission.

A found refusal can still be judged: a level that was found to be needed is a subject of checks.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Can:
    """[can]: the way to the bus and the ECU's addresses on it."""

    interface: Annotated[str, text('a python-can interface, e.g. "socketcan", or "uds-sim"')]
    """The adapter, by python-can's name for it; "uds-sim" is the simulated bus."""
    channel: Annotated[str, rules.CHANNEL]
    """The bus behind the adapter; on "uds-sim" a profile, `PROFILE+flaw`, or `file.py:factory` beside the target file."""
    request_id: Annotated[int, rules.CAN_ID]
    """The id on which the ECU takes our requests."""
    response_id: Annotated[int, rules.RESPONSE_ID]
    """The id on which the ECU answers."""
    functional_id: Annotated[int | None, rules.FUNCTIONAL_ID] = None
    """The id of requests to every ECU of the bus. Absent: none is known, and none is sent."""
    addressing: Annotated[Literal["normal", "normal-fixed", "extended", "mixed"], choice(*ADDRESSINGS)] = "normal"
    """The addressing of ISO 15765-2: "normal-fixed" has the addresses in 29-bit ids; "extended" and "mixed" put a byte
    before the data.
    """
    target_address: Annotated[int | None, rules.ADDRESS] = None
    """The address of the ECU: the first byte of requests with extended addressing, a part of the ids with normal fixed
    addressing.
    """
    source_address: Annotated[int | None, rules.ADDRESS] = None
    """The address of the tester: the first byte of answers with extended addressing (absent: any), a part of the ids with
    normal fixed.
    """
    address_extension: Annotated[int | None, rules.ADDRESS] = None
    """The first byte of requests and answers with mixed addressing."""
    functional_address: Annotated[int | None, rules.ADDRESS] = None
    """The first byte of functional requests, if it differs from that of physical ones."""
    other_request_ids: Annotated[tuple[int, ...], _CAN_IDS] = ()
    """Further ids on which the ECU was seen to take requests, rightly or not; checks try them."""
    extended_ids: Annotated[bool | Literal["any"], rules.EXTENDED_IDS] = False
    """Whether ids have 29 bits; "any": requests as the id's size says, answers in either format.

    A file without the key gets what the size of its ids says.
    """
    padding: Annotated[int | None, rules.PADDING] = 0x00
    """The byte that fills our frames up to 8 bytes; false: frames are as short as their content."""
    bitrate: Annotated[int, integer(1_000, 1_000_000, "bits per second, e.g. 500000")] = 500_000
    """The bit rate of the bus. With socketcan `ip link` sets it, and this value only has to agree."""
    fd: Annotated[bool, FLAG] = False
    """Whether CAN FD frames are sent and received."""
    data_bitrate: Annotated[int | None, integer(1_000, 20_000_000, "bits per second, e.g. 2000000")] = None
    """The bit rate of the data phase of CAN FD frames."""
    shared: Annotated[bool, FLAG] = False
    """Whether another tester may use the same ids: an audit on a real bus then goes on beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionEntry:
    """[[connection]]: another pair of ids on which the ECU takes requests, as for a second tester."""

    request_id: Annotated[int, rules.CAN_ID]
    """The id on which the ECU takes requests there."""
    response_id: Annotated[int, rules.RESPONSE_ID]
    """The id on which the ECU answers these requests."""
    origin: Origin = "declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """[timing]: the time limits of the ECU."""

    p2_ms: Annotated[int, integer(1, 600_000, "milliseconds, e.g. 50")] = 50
    """The longest time until the first answer to a request (P2 of the server)."""
    p2_star_ms: Annotated[int, integer(1, 600_000, "milliseconds, e.g. 5000")] = 5000
    """The longest time until the next answer after response pending, 0x78 (P2*)."""
    s3_ms: Annotated[int | None, integer(1, 3_600_000, "milliseconds, e.g. 5000")] = None
    """The time without a request after which the ECU returns to the default session. Absent: the ECU has no sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEntry:
    """[[session]]: a session that the ECU has. Without any entry: 01, 02, 03 where they answer."""

    id: Annotated[int, integer(0x01, 0xFF, "a session, e.g. 0x03", is_hex=True)]
    """The sub-function of service 10 that enters the session. Above 0x7F it has no suppress bit: 10 82 gets 50 82."""
    name: Annotated[str, text('a name, e.g. "extended"')] = ""
    """The session's name in the report."""
    via: Annotated[int | None, integer(0x01, 0xFF, "a session, e.g. 0x03", is_hex=True)] = None
    """The session from which this one is entered; ways of several steps follow from entry to entry. Absent: any session."""
    before: Annotated[tuple[Before, ...], rules.BEFORE] = ()
    """Requests to send there before the session is requested; the seed request of a level opens that level."""
    origin: Origin = "declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityLevel:
    """[[security]]: a SecurityAccess level, by the odd number that requests its seed."""

    level: Annotated[int, rules.LEVEL]
    """The odd sub-function of service 27 that requests its seed; the next number sends the key."""
    session: Annotated[int | None, integer(0x01, 0xFF, "a session, e.g. 0x03", is_hex=True)] = None
    """The session in which the level can be unlocked. Absent: any session."""
    record: Annotated[bytes, rules.RECORD] = b""
    """The data record in the request for a seed, if the level needs one."""
    before: Annotated[tuple[Before, ...], rules.BEFORE] = ()
    """Requests to send in that session before a seed is requested; the seed request of another level opens that level."""
    attempts: Annotated[int | None, integer(1, 255, "how many wrong keys lock the level, e.g. 3")] = None
    """The number of wrong keys that start the delay. Absent: not declared."""
    delay_s: Annotated[float | None, number(0, 86_400, "seconds, e.g. 10")] = None
    """The duration of that delay. Absent: not declared."""
    key: Annotated[str | None, rules.KEY] = None
    """How a key is computed from a seed: built in, a Python function, a command or an HTTP service. Absent: not known."""
    secret: Annotated[Secret | None, rules.SECRET] = None
    """The secret of a built-in key; never printed. With another key: bytes that must never leave the ECU."""
    key_timeout_s: Annotated[float, number(0.001, 3600, "seconds, e.g. 5")] = 5.0
    """The longest time that computing a key may take."""
    pairs: Annotated[str | None, text('a path, e.g. "pairs.csv"')] = None
    """A file of recorded seeds with their keys: a line each, both in hex, with a comma between.

    Relative to the target file.
    """
    origin: Origin = "declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataEntry:
    """[[data]]: a data identifier."""

    did: Annotated[int, integer(0x0000, 0xFFFF, "a data identifier, e.g. 0xF190", is_hex=True)]
    """The identifier, as services 22 and 2E send it."""
    length: Annotated[int | None, integer(1, 65_535, "how many bytes it has, e.g. 1")] = None
    """The length of the value. Absent: not declared."""
    read: Annotated[Access, rules.ACCESS] = OPEN
    """Who may read the value."""
    write: Annotated[Access, rules.ACCESS] = NEVER
    """Who may write the value."""
    values: Annotated[Values | None, rules.VALUES] = None
    """The values that may be written. Absent: not declared."""
    volatile: Annotated[bool, FLAG] = False
    """Whether the value changes by itself, so that no change counts against the ECU."""
    secret: Annotated[bool, FLAG] = False
    """Whether the value is hidden in reports."""
    origin: Origin = "declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guarded:
    """The common keys of services, routines and memory: one number or a range of them, and who may use it."""

    id: int | None = None
    range: Span | None = None
    needs: Annotated[Access, rules.ACCESS] = OPEN
    """Who may use the entry's numbers."""
    safe: Annotated[bool, FLAG] = False
    """Whether a check may use what the entry names, where that is open, because doing so harms nothing."""
    origin: Origin = "declared"

    @property
    def span(self) -> Span:
        """The numbers of the entry, given as one number or as a range."""
        if self.range is not None:
            return self.range
        return Span(self.id or 0, self.id or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEntry(_Guarded):
    """[[service]]: a service (SID), or a range of them."""

    id: Annotated[int | None, integer(0x00, 0xFF, "a service, e.g. 0x31", is_hex=True)] = None
    """The service; or give a range."""
    range: Annotated[Span | None, rules.SERVICES] = None
    """From the first service to the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutineEntry(_Guarded):
    """[[routine]]: a routine identifier, or a range of them."""

    id: Annotated[int | None, integer(0x0000, 0xFFFF, "a routine, e.g. 0x0203", is_hex=True)] = None
    """The routine identifier; or give a range."""
    range: Annotated[Span | None, rules.ROUTINES] = None
    """From the first routine to the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEntry(_Guarded):
    """[[memory]]: an address, or a range of them."""

    id: Annotated[int | None, integer(0, 2**64 - 1, "an address, e.g. 0x20000000", is_hex=True)] = None
    """The address; or give a range."""
    range: Annotated[Span | None, rules.ADDRESSES] = None
    """From the first address to the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """[reset]: the ways to restart the ECU. None of them by default."""

    uds: Annotated[int | None, integer(0x01, 0x7F, "a reset type, e.g. 0x01", is_hex=True)] = None
    """The type of service 11 that restarts the ECU, where "reset" is allowed."""
    boot_s: Annotated[float, number(0, 600, "seconds, e.g. 1.0")] = 1.0
    """The time from a restart until the ECU answers again."""
    command: Annotated[str | None, rules.BARE_COMMAND] = None
    """A program on this computer that restarts the ECU."""
    power: Annotated[str | None, rules.POWER] = None
    """A program that cuts and restores its supply, where "power" is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe:
    """[observe]: ways to observe the ECU outside the bus."""

    console: Annotated[str | None, rules.COMMAND] = None
    """A program that prints the ECU's console output so far."""
    memory: Annotated[str | None, rules.COMMAND] = None
    """A program that prints the memory that the ECU uses, as a number."""
    image: Annotated[str | None, text('a path, e.g. "firmware.bin"')] = None
    """The firmware image, or a folder of it, that is searched for secrets. Relative to the target file."""
    other_unit: Annotated[str | None, text('a file of pairs, e.g. "unit-b.pairs", or "simulated"')] = None
    """Seeds and keys of another unit of the same type, a line `0x01 SEED KEY` for each. Relative to the target file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """[safety]: what may be sent. A file without the keys: everything if simulated; else nothing that harms."""

    allow: Annotated[frozenset[Permission], _ALLOW] = frozenset()
    """The permissions beyond what is harmless. Absent: all on a simulated ECU, none on a real one."""
    wrong_keys: Annotated[int | None, integer(0, 10**9, "how many wrong keys per level, e.g. 200")] = None
    """The most wrong keys for each level over all runs. Absent: 200 on a real ECU, no limit on a simulated one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """[[accepted]]: a finding that is accepted for now."""

    id: Annotated[str, _ID_OF_CHECK]
    """The check that fails."""
    severity: Annotated[str, rules.SEVERITY]
    """The highest severity that is accepted; a more severe failure counts."""
    parameter: Annotated[str | None, text('what the check was run on, e.g. "level 0x01"')] = None
    """The parameter of the check, e.g. a level. Absent: any."""
    observed: Annotated[str | None, text("text that the failure's observation holds", is_multiline=True)] = None
    """Words that the observation must contain. Absent: any observation."""
    reason: Annotated[str, text("the reason, a sentence", is_multiline=True)]
    """The reason for accepting the finding; it stands in every report."""
    expires: Annotated[date | None, rules.EXPIRES] = None
    """The last day on which the finding is accepted. Absent: for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementEntry:
    """[[requirement]]: one of the user's own requirements, and the checks that answer it."""

    id: Annotated[str, text('the requirement\'s id, e.g. "CSR-42"', pattern=r"\S.{0,99}")]
    """The id that results show."""
    checks: Annotated[tuple[str, ...], _IDS_OF_CHECKS]
    """The checks that answer it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Everything that the user declares of one ECU. The annotated fields are the keys of [target]."""

    name: Annotated[str, text('a name, e.g. "gateway"', pattern=r".{0,99}\S.{0,99}")]
    """The ECU's name in reports and in the names of run folders. Absent: the file's name."""
    notes: Annotated[str, text("text", pattern=r".*", is_multiline=True)] = ""
    """Notes for the report."""
    environment: Annotated[Literal["simulated", "bench"], choice("simulated", "bench")] = "simulated"
    """"simulated" is required for uds-sim, "bench" for a real bus: the ECU lies on a desk, and is in no vehicle."""
    dialect: Annotated[Literal["uds", "kwp2000", "gmlan"] | None, choice(*DIALECTS)] = None
    """The protocol of the ECU on ISO-TP: UDS, KWP2000 or GMLAN. Absent: it is found out by requests that only read."""
    expected_findings: Annotated[tuple[str, ...], _IDS_OF_CHECKS] = ()
    """The checks that this ECU, weak on purpose, is known to fail; an audit says whether it found these and no others."""
    can: Can
    timing: Timing = Timing()
    connections: tuple[ConnectionEntry, ...] = ()
    sessions: tuple[SessionEntry, ...] = ()
    security: tuple[SecurityLevel, ...] = ()
    data: tuple[DataEntry, ...] = ()
    services: tuple[ServiceEntry, ...] = ()
    routines: tuple[RoutineEntry, ...] = ()
    memory: tuple[MemoryEntry, ...] = ()
    reset: Reset = Reset()
    observe: Observe = Observe()
    safety: Safety = Safety()
    quirks: tuple[str, ...] = ()
    """The deviations to tolerate, by name: those that [quirks] sets to true."""
    accepted: tuple[Accepted, ...] = ()
    requirements: tuple[RequirementEntry, ...] = ()
    path: Path | None = None
    """The absolute path of the target file; None if the target was not read from a file."""

    @property
    def is_simulated(self) -> bool:
        """Whether the ECU is on the simulated bus."""
        return self.can.interface == SIMULATED_INTERFACE

    @property
    def folder(self) -> Path:
        """The folder to which relative paths refer: the file's folder, or the working directory."""
        return self.path.parent if self.path else Path.cwd()

    def way_to(self, session: int) -> tuple[int, ...]:
        """Return the sessions to enter, one after the other, to reach this one."""
        way = [session]
        vias = {entry.id: entry.via for entry in self.sessions}
        while (via := vias.get(way[0])) is not None and via not in way:
            way.insert(0, via)
        return tuple(way)

    def before_session(self, session: int) -> tuple[Before, ...]:
        """Return what must be sent before a session is requested."""
        return next((entry.before for entry in self.sessions if entry.id == session), ())

    def before_level(self, level: int) -> tuple[Before, ...]:
        """Return what must be sent before a level gives a seed."""
        return next((entry.before for entry in self.security if entry.level == level), ())

    def opens_a_level(self, session: int) -> bool:
        """Whether a level must be opened on the way to a session."""
        return any(before.level is not None for step in self.way_to(session) for before in self.before_session(step))

    @property
    def levels_opened_before(self) -> frozenset[int]:
        """The levels that must be opened before another level gives a seed, or a session is entered."""
        lists = [entry.before for entry in self.sessions] + [entry.before for entry in self.security]
        return frozenset(before.level for befores in lists for before in befores if before.level is not None)

    def level(self, number: int) -> SecurityLevel | None:
        """Return what the file declares of a SecurityAccess level, if anything."""
        return next((entry for entry in self.security if entry.level == number), None)

    def of_level(self, number: int) -> SecurityLevel:
        """Return what the file declares of a SecurityAccess level; an entry without values if that is nothing."""
        return self.level(number) or SecurityLevel(level=number)

    def did(self, number: int) -> DataEntry | None:
        """Return what the file declares of a data identifier, if anything."""
        return next((entry for entry in self.data if entry.did == number), None)

    def requirements_of(self, check: str) -> tuple[str, ...]:
        """Return the user's own requirements that a check answers."""
        return tuple(entry.id for entry in self.requirements if check in entry.checks)

    def redacted(self) -> dict[str, Any]:
        """Return the target as plain JSON values, with secrets and arguments of hooks as ``(redacted)``."""
        settings: dict[str, Any] = plain(self)
        for table in (*settings["security"], settings["reset"], settings["observe"]):
            for name in _HOOKS & table.keys():
                if table[name] is not None:
                    table[name] = rules.without_arguments(table[name])
        return settings

    @property
    def hooks(self) -> tuple[str, ...]:
        """Yield every command and URL that the target names, as written."""
        tables = (*self.security, self.reset, self.observe)
        found = (getattr(table, name, None) for table in tables for name in sorted(_HOOKS))
        return tuple(hook for hook in found if hook is not None and rules.without_arguments(hook) != hook)
