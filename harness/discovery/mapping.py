"""What does one ECU offer? Sessions, services, levels and timing, by questions that change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from harness.discovery.addresses import Progress
from harness.tester.reply import Kind, Reply
from harness.tester.tester import Tester
from harness.uds import Nrc, Service, Session

SESSION_IDS = range(0x01, 0x80)
REQUEST_SERVICES = (*range(0x00, 0x40), *range(0x80, 0xC0))
"""The other half of the numbers are answers."""
UNASSIGNED_SERVICE = b"\x1e"
LEVELS = range(0x01, 0x7E, 2)
ROUTINES = (*range(0x0200, 0x0210), *range(0xF000, 0xF010), *range(0xFF00, 0xFF10))
ADDRESSES = (0x0, 0x1000, 0x8000, 0x10000, 0x20000000, 0x40000000, 0x70000000, 0x80000000, 0xA0000000)
IDLE_S = (2.0, 4.0, 4.8, 5.5, 7.0, 12.0, 30.0)
"""After so long without a request it is looked whether the session has ended."""
MOST_SESSIONS = 16
SILENT_QUESTIONS = 8
"""An ECU that leaves so many questions of a kind unanswered in a row is not asked the others."""

_IN_ANOTHER_SESSION = (Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION, Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION)
_NO_SUCH_LEVEL = (
    Nrc.SERVICE_NOT_SUPPORTED,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED,
    Nrc.REQUEST_OUT_OF_RANGE,
    *_IN_ANOTHER_SESSION,
)


@dataclass(frozen=True, slots=True)
class FoundLevel:
    """A security level that gives seeds, or says why it does not now."""

    level: int
    session: int
    seed_bytes: int
    """0: no seed was given."""
    said: str
    """What it said, where it gave no seed."""


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

    sessions: dict[int, str] = field(default_factory=dict)
    """Each session that was entered, with the timing that its answer states."""
    transitions: dict[tuple[int, int], str] = field(default_factory=dict)
    """From one session to another: what was said."""
    services: dict[int, dict[int, str]] = field(default_factory=dict)
    """By session: each service that is there, and what it said to a request without anything."""
    not_asked: list[str] = field(default_factory=list)
    """What was left out, and why, in sentences."""
    levels: list[FoundLevel] = field(default_factory=list)
    identifiers: list[FoundIdentifier] = field(default_factory=list)
    routines: dict[int, str] = field(default_factory=dict)
    memory: dict[int, str] = field(default_factory=dict)
    p2_ms: float | None = None
    """The longest time that a first answer took."""
    p2_star_ms: int | None = None
    s3_ms: int | None = None
    s3_said: str = ""
    boot_s: float | None = None
    writes: dict[int, str] = field(default_factory=dict)
    """By identifier: what a write of its own value was answered."""


class Mapper:
    """Asks one ECU. LinkError: the adapter fails."""

    def __init__(self, tester: Tester, progress: Progress) -> None:
        self._tester = tester
        self._progress = progress
        self.map = EcuMap()

    def sessions(self) -> None:
        """Every session that is entered from the default one, and the ways between them."""
        tester, found = self._tester, self.map
        for session, reply in self._each("sessions", SESSION_IDS, lambda session: bytes((0x10, session))):
            if reply.is_positive:
                found.sessions[session] = reply.pdu.hex(" ").upper()
                if len(reply.pdu) == 6:
                    found.p2_star_ms = int.from_bytes(reply.pdu[4:6], "big") * 10
                tester.enter_session(Session.DEFAULT)
        if len(found.sessions) > MOST_SESSIONS:
            found.not_asked.append(
                f"{len(found.sessions)} sessions were entered, as if any would do; only the usual are mapped."
            )
            found.sessions = {session: said for session, said in found.sessions.items() if session in set(Session)}
        for start in found.sessions:
            for end in found.sessions:
                tester.enter_session(Session.DEFAULT)
                if start != Session.DEFAULT:
                    tester.enter_session(start)
                found.transitions[start, end] = str(tester.enter_session(end))
        tester.enter_session(Session.DEFAULT)

    def services(self) -> None:
        """In each session, the services that are not disowned as one that nobody has."""
        for session in self._in_each_session():
            disowned = str(self._tester.request(UNASSIGNED_SERVICE))
            here: dict[int, str] = {}
            for service, reply in self._each(f"services{session}", REQUEST_SERVICES, lambda service: bytes((service,))):
                if reply.is_positive or (reply.is_negative and str(reply) != disowned):
                    here[service] = str(reply)
            self.map.services[session.number] = here

    def levels(self) -> None:
        """Security levels, each in the first session in which it gives a seed. No key is sent."""
        known: dict[int, FoundLevel] = {}
        for session in self._in_each_session():
            for level, reply in self._each(f"security levels{session}", LEVELS, lambda level: bytes((0x27, level))):
                seed_bytes = len(reply.pdu) - 2 if reply.is_positive else 0
                is_there = reply.is_positive or (reply.is_negative and not reply.is_refused_with(*_NO_SUCH_LEVEL))
                if is_there and (level not in known or (seed_bytes and not known[level].seed_bytes)):
                    known[level] = FoundLevel(level, session.number, seed_bytes, "" if seed_bytes else str(reply))
        self.map.levels = [known[level] for level in sorted(known)]

    def routines(self) -> None:
        """Routines that know of results; asking for results starts nothing."""
        for _ in self._in_each_session():
            for routine, reply in self._each("routines", ROUTINES, lambda one: b"\x31\x03" + one.to_bytes(2, "big")):
                is_absent = reply.is_refused_with(*_NO_SUCH_LEVEL, Nrc.INCORRECT_MESSAGE_LENGTH)
                if (reply.is_positive or reply.is_negative) and not is_absent:
                    self.map.routines.setdefault(routine, str(reply))

    def memory(self) -> None:
        """Addresses that can be read, or are guarded."""
        for _ in self._in_each_session():
            for address, reply in self._each("memory", ADDRESSES, _read_one_byte):
                if reply.is_positive or reply.is_refused_with(Nrc.SECURITY_ACCESS_DENIED):
                    self.map.memory.setdefault(address, "read" if reply.is_positive else str(reply))

    def timing(self) -> None:
        """P2 as it was seen, and S3 where losing a session shows."""
        tester, found = self._tester, self.map
        times = [tester.answer_times_s(tester.request(tester.liveness_request)) for _ in range(20)]
        firsts = [one[0] for one in times if one]
        found.p2_ms = round(max(firsts) * 1000, 3) if firsts else None
        witness = self._witness()
        if witness is None:
            found.s3_said = "no request tells a session from the default one" if len(found.sessions) > 1 else ""
            return
        session, request, in_session = witness
        lasted = 0.0
        for idle_s in IDLE_S:
            self._progress("the end of a session by time", int(lasted), int(IDLE_S[-1]))
            tester.enter_session(session)
            tester.wait(idle_s)
            if tester.request(request).nrc != in_session:
                found.s3_ms = 5000 if lasted <= 5.0 <= idle_s else round(idle_s * 1000)
                found.s3_said = f"a session lasts longer than {lasted:g} s and less than {idle_s:g} s"
                break
            lasted = idle_s
        else:
            found.s3_said = f"a session lasts longer than {lasted:g} s"
        tester.enter_session(Session.DEFAULT)

    def _witness(self) -> tuple[int, bytes, int | None] | None:
        """A session, and a request whose answer there has another code than in the default session."""
        tester = self._tester
        requests = [bytes((0x27, level.level)) for level in self.map.levels] + [b"\x31", b"\x28", b"\x2e", b"\x85"]
        for session in self.map.sessions:
            if session == Session.DEFAULT:
                continue
            for request in requests:
                if not tester.permits(request):
                    continue
                tester.enter_session(Session.DEFAULT)
                outside = tester.request(request).nrc
                tester.enter_session(session)
                inside = tester.request(request).nrc
                if inside != outside:
                    return session, request, inside
        return None

    def boot_time(self) -> None:
        """How long a reset takes, where resets are allowed and the ECU takes one."""
        tester = self._tester
        if not tester.permits(b"\x11\x01"):
            self.map.not_asked.append("Resets are not allowed: the time to boot is not known.")
            return
        if not tester.request(b"\x11\x01").is_positive:
            return
        begun_s = tester.link.now_s
        if tester.await_life(30.0):
            self.map.boot_s = round(tester.link.now_s - begun_s, 3)

    def imply_services(self) -> None:
        """Some ECUs answer a service that they have only to requests that are whole: what was used is there."""
        found = self.map
        used = {
            Service.READ_DATA_BY_IDENTIFIER: any(one.length for one in found.identifiers),
            Service.SECURITY_ACCESS: bool(found.levels),
            Service.WRITE_DATA_BY_IDENTIFIER: any(how != "never" for how in found.writes.values()),
            Service.DIAGNOSTIC_SESSION_CONTROL: bool(found.sessions),
            Service.ROUTINE_CONTROL: bool(found.routines),
            Service.READ_MEMORY_BY_ADDRESS: bool(found.memory),
        }
        known = {service for here in found.services.values() for service in here}
        for service, is_used in used.items():
            if is_used and service not in known:
                found.services.setdefault(Session.DEFAULT, {})[service] = "answered when it was used"

    # How it is asked

    def _each(self, what: str, numbers: Sequence[int], request_of: Callable[[int], bytes]) -> Iterator[tuple[int, Reply]]:
        """One question for each number, as far as questions of the kind are permitted and get answers."""
        tester = self._tester
        silent, refused = 0, 0
        total = len(numbers)
        for done, number in enumerate(numbers):
            request = request_of(number)
            if done % 16 == 0:
                self._progress(what, done, total)
            if not tester.permits(request):
                refused += 1
                continue
            reply = tester.request(request)
            silent = silent + 1 if reply.kind is Kind.SILENCE else 0
            yield number, reply
            if silent >= SILENT_QUESTIONS and done + 1 < total:
                self.map.not_asked.append(f"{what.capitalize()}: {silent} questions in a row were not answered.")
                break
        if refused:
            self.map.not_asked.append(f"{what.capitalize()}: {refused} were not asked for, which the target does not allow.")

    def _in_each_session(self) -> Iterator[_Here]:
        """Each session that was found, entered, programming last; just the one there is where none was."""
        for session in sorted(self.map.sessions or (int(Session.DEFAULT),), key=_preference):
            if self.map.sessions:
                self._tester.enter_session(Session.DEFAULT)
                if session != Session.DEFAULT and not self._tester.enter_session(session).is_positive:
                    continue
            yield _Here(session)
        if self.map.sessions:
            self._tester.enter_session(Session.DEFAULT)


def _preference(session: int) -> tuple[bool, int]:
    return session == Session.PROGRAMMING, session


def _read_one_byte(address: int) -> bytes:
    return b"\x23\x14" + address.to_bytes(4, "big") + b"\x01"


@dataclass(frozen=True, slots=True)
class _Here:
    """The session that is active, as progress is told of it."""

    number: int

    def __str__(self) -> str:
        return f" in session 0x{self.number:02X}"
