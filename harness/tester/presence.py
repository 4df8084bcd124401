"""Tell whether the ECU has a service, session, level, identifier or routine, as far as its frames have shown."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from harness.tester.reply import ReplyKind
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, Service, Session, nrc_name

MOST_SUBJECTS = 8192
"""The largest number of subjects that are kept: reading all data identifiers must not fill the memory."""

UNASSIGNED_SERVICE = 0x1E
"""A service that no edition of the standard assigns; its answer shows how the ECU answers missing services."""

UNLIKELY_DID = 0x5A5B
"""An identifier that hardly any ECU has; its answer shows how the ECU answers missing identifiers."""

RESERVED_LEVEL = 0x7F
"""A level that the standard reserves; its answer shows how the ECU answers missing levels."""

SHORTEST_SERVED = {0x22: 3, 0x23: 3, 0x24: 3, 0x2E: 3, 0x2F: 3, 0x31: 4}
"""By service, the shortest request in bytes whose refusal with 0x11 shows that the service is absent; 2 for others.

Some ECUs refuse shorter requests with 0x11 although they have the service.
"""

_READ, _WRITE = Service.READ_DATA_BY_IDENTIFIER, Service.WRITE_DATA_BY_IDENTIFIER
_CONTROL = Service.DIAGNOSTIC_SESSION_CONTROL
_PARAMETER_BYTES: dict[int, int] = {_READ: 2, _WRITE: 2, Service.SECURITY_ACCESS: 1, _CONTROL: 1, Service.ECU_RESET: 1}

_NO_SUCH_SERVICE = frozenset({Nrc.SERVICE_NOT_SUPPORTED})
_TELLS_NOTHING = frozenset({Nrc.BUSY_REPEAT_REQUEST})
_LIKE_A_MISSING_ONE: frozenset[ReplyKind | int] = frozenset(
    {Nrc.GENERAL_REJECT, Nrc.SUB_FUNCTION_NOT_SUPPORTED, Nrc.REQUEST_OUT_OF_RANGE, ReplyKind.MALFORMED}
)
"""Outcomes that some ECUs give for any missing service instead of 0x11."""
_NO_SUCH_PART = frozenset({Nrc.SUB_FUNCTION_NOT_SUPPORTED, Nrc.REQUEST_OUT_OF_RANGE})


class PresenceState(Enum):
    """What is known of the existence of a subject. Only ABSENT is a reason for the verdict `not_applicable`."""

    ABSENT = "absent"
    """The subject was seen to be absent."""
    THERE = "there"
    """A frame shows that the subject exists."""
    NOT_KNOWN = "not known"
    """No request has asked for the subject, or only silence and answers that show nothing came."""


class Knowledge(NamedTuple):
    """Whether one subject is known to exist, and the frames that show it, in words."""

    standing: PresenceState
    why: str
    """The evidence as a sentence without a stop, e.g. ``27 is there: 27 01 in session 0x01 was answered negative ...``."""

    @property
    def is_absent(self) -> bool:
        """Whether the subject was seen to be absent."""
        return self.standing is PresenceState.ABSENT

    @property
    def is_there(self) -> bool:
        """Whether a frame shows that the subject exists."""
        return self.standing is PresenceState.THERE


@dataclass(frozen=True, slots=True)
class _Heard:
    """One outcome of a subject in one session."""

    session: int
    request: bytes
    outcome: ReplyKind | int

    def __str__(self) -> str:
        said = nrc_name(self.outcome) if isinstance(self.outcome, int) else self.outcome.value
        return f"{self.request[:8].hex(' ').upper()} in session 0x{self.session:02X}: {said}"


class Presence:
    """Keeps what every answer shows of the ECU's services and their parts; `harness.tester.looking` sends requests."""

    def __init__(self) -> None:
        self._heard: dict[bytes, dict[tuple[int, ReplyKind | int], _Heard]] = {}
        self._sessions: dict[int, dict[tuple[int, ReplyKind | int], _Heard]] = {}
        """By session, the outcomes of requests for that session: in which sessions a part can be absent depends on these."""
        self.longest_taken = b""
        """The longest request that got a positive or negative response."""

    def hear(self, request: bytes, outcome: ReplyKind | int, session: int) -> None:
        """Note the outcome of a physical request in the session that was active; a refusal is given by its code."""
        if not request:
            return
        if len(request) > len(self.longest_taken) and (outcome is ReplyKind.POSITIVE or isinstance(outcome, int)):
            self.longest_taken = request
        self._keep(request[:1], request, outcome, session)
        part = _part(request)
        if part:
            self._keep(part, request, outcome, session)

    def _keep(self, subject: bytes, request: bytes, outcome: ReplyKind | int, session: int) -> None:
        by = self._heard.get(subject)
        if by is None:
            if len(self._heard) >= MOST_SUBJECTS:
                return
            by = self._heard[subject] = {}
            if subject[0] == _CONTROL and len(subject) == 2:
                self._sessions[subject[1]] = by
        known = by.get((session, outcome))
        if known is None or (len(request) > len(known.request) and len(known.request) < _shortest(subject[0])):
            by[session, outcome] = _Heard(session, request, outcome)

    # What is known

    def entered(self) -> list[int]:
        """Return the sessions that were entered; the default session is always among them."""
        entered = {
            session
            for session, by in self._sessions.items()
            if any(one.outcome is ReplyKind.POSITIVE for one in by.values())
        }
        return sorted(entered | {int(Session.DEFAULT)})

    def refused_sessions(self) -> dict[int, int]:
        """Return the sessions that exist but were never entered, each with the code of the refusal; never 0x12 or 0x31."""
        refused = {}
        for session, by in self._sessions.items():
            codes = {one.outcome for one in by.values()}
            told = [code for code in codes if isinstance(code, int) and code not in _NO_SUCH_PART | _SHOWS_NO_SESSION]
            if told and ReplyKind.POSITIVE not in codes:
                refused[session] = min(told, key=lambda code: (code in _IN_ANOTHER_SESSION, code))
        asked_low = {*refused, *self.entered()}  # a refused session above 0x7F may mean the session of its lower bits
        return {one: code for one, code in refused.items() if one & ~SUPPRESS_POSITIVE_RESPONSE not in asked_low - {one}}

    def service(self, service: int) -> Knowledge:
        """Return what is known of a service."""
        name = f"{service:02X}"
        heard = self._all(bytes((service,)))
        controls = self._by_session(bytes((UNASSIGNED_SERVICE,)))
        absent = []
        for one in heard:
            is_as_control = one.outcome in controls.get(one.session, ())
            is_long_enough = len(one.request) >= _shortest(service)
            if one.outcome in _NO_SUCH_SERVICE or (is_as_control and one.outcome in _LIKE_A_MISSING_ONE):
                absent += [one] if is_long_enough else []
            elif one.outcome is ReplyKind.POSITIVE or (
                isinstance(one.outcome, int) and one.outcome not in _TELLS_NOTHING and not is_as_control
            ):
                return Knowledge(PresenceState.THERE, f"{name} is there ({one})")
        silent_in = {one.session for one in heard} - {one.session for one in absent}
        if absent and not silent_in:
            why = f"the ECU does not have service {name} ({_words(absent)}{self._not_entered()})"
            return Knowledge(PresenceState.ABSENT, why)
        return Knowledge(PresenceState.NOT_KNOWN, self._not_known(f"service {name}", heard))

    def session(self, session: int) -> Knowledge:
        """Return what is known of a session."""
        name, heard = f"session 0x{session:02X}", self._all(bytes((_CONTROL, session)))
        return self._of_part(name, heard, frozenset(), _NO_SUCH_PART | _NO_SUCH_SERVICE, _SHOWS_NO_SESSION)

    def level(self, level: int) -> Knowledge:
        """Return what is known of a security level, by the odd number that requests its seed."""
        name, heard = f"level 0x{level:02X}", self._all(bytes((Service.SECURITY_ACCESS, level)))
        control = self._outcomes(bytes((Service.SECURITY_ACCESS, RESERVED_LEVEL)))
        return self._of_part(name, heard, control, _NO_SUCH_PART | _NO_SUCH_SERVICE, _SHOWS_NO_PART)

    def levels(self) -> dict[int, Knowledge]:
        """Return the security levels that a frame shows."""
        subjects = [subject for subject in self._heard if subject[0] == Service.SECURITY_ACCESS and len(subject) == 2]
        asked = {subject[1]: self.level(subject[1]) for subject in sorted(subjects)}
        return {level: known for level, known in asked.items() if known.is_there}

    def data(self, did: int) -> Knowledge:
        """Return what is known of a data identifier, read or written."""
        heard = [one for service in (_READ, _WRITE) for one in self._all(bytes((service, did >> 8, did & 0xFF)))]
        absent = frozenset({Nrc.REQUEST_OUT_OF_RANGE}) | _NO_SUCH_SERVICE
        control = self._outcomes(b"\x22" + UNLIKELY_DID.to_bytes(2, "big"))
        return self._of_part(f"DID {did:04X}", heard, control, absent, _SHOWS_NO_PART)

    def is_guarded(self, did: int) -> bool:
        """Whether a read of a data identifier was refused for lack of a level or of authentication."""
        codes = {one.outcome for one in self._all(bytes((_READ, did >> 8, did & 0xFF)))}
        return bool(codes & {Nrc.SECURITY_ACCESS_DENIED, Nrc.AUTHENTICATION_REQUIRED})

    def routine(self, routine: int) -> Knowledge:
        """Return what is known of a routine."""
        heard = self._all(b"\x31" + routine.to_bytes(2, "big"))
        absent = frozenset({Nrc.REQUEST_OUT_OF_RANGE}) | _NO_SUCH_SERVICE
        return self._of_part(f"routine {routine:04X}", heard, frozenset(), absent, _SHOWS_NO_PART)

    def wants_authentication(self) -> list[int]:
        """Return the services that refused a request with 0x34: Authentication (29) guards them, or parts of them."""
        return sorted(
            subject[0]
            for subject, by in self._heard.items()
            if len(subject) == 1 and any(one.outcome == Nrc.AUTHENTICATION_REQUIRED for one in by.values())
        )

    def security_access(self) -> Knowledge:
        """Say what is known of service 27, in a sentence with which a report can begin."""
        known = self.service(Service.SECURITY_ACCESS)
        if not known.is_there:
            return known
        seeds = [subject for subject in self._heard if len(subject) == 2 and subject[0] == 0x27 and subject[1] & 1]
        if any(one.outcome is ReplyKind.POSITIVE for subject in seeds for one in self._all(subject)):
            return Knowledge(PresenceState.THERE, "27 is there and gives seeds")
        ignored = _NO_SUCH_PART | {Nrc.INCORRECT_MESSAGE_LENGTH}
        said = [one for one in self._all(b"\x27") if isinstance(one.outcome, int) and one.outcome not in ignored]
        everywhere = {one.outcome for one in said} <= {Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION, *_NO_SUCH_SERVICE}
        where = "in no session that could be entered" if everywhere else "it gave no seed"
        return Knowledge(PresenceState.THERE, f"27 is there, but {where} ({_words(said[:4])}{self._not_entered()})")

    # How it is known

    def _all(self, subject: bytes) -> list[_Heard]:
        return list(self._heard.get(subject, {}).values())

    def _without(self, heard: list[_Heard]) -> set[int]:
        """Return the sessions in which the whole service is refused, so that no request for its parts is needed."""
        whole = self._by_session(heard[0].request[:1]) if heard else {}
        return {session for session, outcomes in whole.items() if outcomes <= _NOT_HERE}

    def _outcomes(self, subject: bytes) -> frozenset[tuple[int, ReplyKind | int]]:
        return frozenset((one.session, one.outcome) for one in self._all(subject))

    def _by_session(self, subject: bytes) -> dict[int, set[ReplyKind | int]]:
        found: dict[int, set[ReplyKind | int]] = {}
        for one in self._all(subject):
            found.setdefault(one.session, set()).add(one.outcome)
        return found

    def _of_part(
        self,
        name: str,
        heard: list[_Heard],
        control: frozenset[tuple[int, ReplyKind | int]],
        absent: frozenset[int],
        tells_nothing: frozenset[int],
    ) -> Knowledge:
        """Judge a part of a service: present by any answer that does not deny it, absent if every session denied it."""
        for one in heard:
            is_as_control = (one.session, one.outcome) in control
            is_refusal = isinstance(one.outcome, int) and one.outcome not in absent | tells_nothing
            if one.outcome is ReplyKind.POSITIVE or (is_refusal and not is_as_control):
                return Knowledge(PresenceState.THERE, f"{name} is there ({one})")
        told = [one for one in heard if one.outcome in absent or _is_disowned(one, control)]
        has_service = {*(one.session for one in heard), *self.entered()} - self._without(heard[:1])
        if told and {one.session for one in told} >= has_service:
            return Knowledge(PresenceState.ABSENT, f"the ECU does not have {name} ({_words(told)}{self._not_entered()})")
        return Knowledge(PresenceState.NOT_KNOWN, self._not_known(name, heard))

    def _not_known(self, name: str, heard: list[_Heard]) -> str:
        if not heard:
            return f"{name} was not asked for"
        return f"whether the ECU has {name} is not known ({_words(heard)}{self._not_entered()})"

    def _not_entered(self) -> str:
        """Describe the sessions that could not be entered, as text that continues a list."""
        refused = self.refused_sessions()
        return "".join(f"; 10 {session:02X} is refused with 0x{code:02X}" for session, code in sorted(refused.items()))


_IN_ANOTHER_SESSION = frozenset({Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION, Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION})
"""Codes that mean only "not from the present session"; any other refusal of a session tells more."""
_NOT_HERE = frozenset({Nrc.SERVICE_NOT_SUPPORTED, Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION})
"""Codes by which the ECU refuses a whole service in a session."""
_SHOWS_NO_PART = frozenset({Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION, Nrc.INCORRECT_MESSAGE_LENGTH, *_TELLS_NOTHING})
"""Codes about the service that say nothing of the requested part."""
_SHOWS_NO_SESSION = frozenset({Nrc.INCORRECT_MESSAGE_LENGTH, Nrc.SERVICE_NOT_SUPPORTED, *_TELLS_NOTHING})


def _part(request: bytes) -> bytes:
    """Return the bytes that name a part of a request's service: a sub-function, identifier or routine; empty if none."""
    service = request[0]
    if service == Service.ROUTINE_CONTROL:
        return request[:1] + request[2:4] if len(request) >= 4 else b""
    length = _PARAMETER_BYTES.get(service, 0)
    if not length or len(request) <= length:
        return b""
    if service == Service.SECURITY_ACCESS and not request[1] & 1:
        return b""
    if service == _READ and len(request) != 3:
        return b""
    if service == Service.SECURITY_ACCESS:
        return bytes((service, request[1] & ~SUPPRESS_POSITIVE_RESPONSE))
    return request[: 1 + length]


def _is_disowned(one: _Heard, control: frozenset[tuple[int, ReplyKind | int]]) -> bool:
    """Whether an outcome is one that this ECU, or some ECUs, give to requests for subjects that cannot exist."""
    return (one.session, one.outcome) in control and one.outcome in _LIKE_A_MISSING_ONE


def is_long_enough(request: bytes) -> bool:
    """Whether the request is so long that its refusal with 0x11 shows that the service is absent."""
    return len(request) >= _shortest(request[0])


def _shortest(service: int) -> int:
    return SHORTEST_SERVED.get(service, 2)


def _words(heard: list[_Heard]) -> str:
    """Describe the first outcomes, and count the others: ``27 01 in session 0x01: 0x7F ... and 2 more``."""
    shown = [str(one) for one in heard[:6]]
    return ", ".join(shown) + (f" and {len(heard) - 6} more" if len(heard) > 6 else "")
