"""The states in which a case wants the ECU before each of its messages, and the way to reach each of them.

    session 0x03        in that session, entered anew: locked, no seed pending
    seed pending        in the level's session, a fresh seed given: for the level that `{level}` stands for in the message;
                        without a `{level}` in the case, for the first level of the target
    seed pending 0x03   the same for that level; the case has no `{level}`, which would stand for other levels too
    unlocked 0x01       that level opened by its key

Without a state a case begins as every check does: default session, locked; and each message finds what the last one left.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from harness.errors import Inconclusive, Refused
from harness.fuzz.keyed import Keyed
from harness.target import Target
from harness.target.toml_schema import Rule, integer
from harness.target.values import LEVEL, whole_number
from harness.tester.tester import Tester
from harness.uds import Service, Session

ALLOWED: Final = '"session 0x03", "seed pending", "seed pending 0x03" or "unlocked 0x01"'

_SESSION: Final = integer(0x01, 0xFF, "a session, e.g. session 0x03", is_hex=True)
_STATE: Final = re.compile(r"(session|seed pending|unlocked)(?: +(\w+))?")


class CaseStateKind(Enum):
    """The kinds of state that a case can name."""

    SESSION = "session"
    SEED_PENDING = "seed pending"
    UNLOCKED = "unlocked"


@dataclass(frozen=True, slots=True)
class CaseState:
    """The state that a case wants, with the session or level that it names."""

    kind: CaseStateKind
    number: int | None = None

    def __str__(self) -> str:
        return self.kind.value if self.number is None else f"{self.kind.value} 0x{self.number:02X}"

    @property
    def session(self) -> int | None:
        """The session that the state names; None if it names no session."""
        return self.number if self.kind is CaseStateKind.SESSION else None

    @property
    def pending_level(self) -> int | None:
        """The level whose seed is to be pending; None if the state names no level."""
        return self.number if self.kind is CaseStateKind.SEED_PENDING else None

    @property
    def unlocked_level(self) -> int | None:
        """The level that is open in the state; None if no level is."""
        return self.number if self.kind is CaseStateKind.UNLOCKED else None


def _state(value: object) -> CaseState:
    words = _STATE.fullmatch(" ".join(value.split())) if isinstance(value, str) else None
    if words is None:
        raise Refused
    kind = CaseStateKind(words[1])
    if words[2] is None:
        if kind is not CaseStateKind.SEED_PENDING:
            raise Refused
        return CaseState(kind)
    rule = _SESSION if kind is CaseStateKind.SESSION else LEVEL
    number = whole_number(words[2])
    if number is None:
        raise Refused
    return CaseState(kind, rule.parse(number))


STATE: Final = Rule(ALLOWED, _state)


def reach(state: CaseState, tester: Tester, level: int | None) -> None:
    """Bring the ECU into a state; `level` is what `{level}` stands for.

    Raises NotApplicable without such a session or level, Inconclusive if none is declared or the ECU does not go there.
    """
    match state.kind:
        case CaseStateKind.SESSION:
            _enter(state, tester)
        case CaseStateKind.SEED_PENDING:
            first = tester.target.security[0].level if tester.target.security else None
            _have_seed(state.number or level or first, tester)
        case CaseStateKind.UNLOCKED:
            tester.security.unlock(_declared(state.number, tester))


def requests_to(state: CaseState, target: Target) -> tuple[bytes, ...]:
    """Return the requests that lead from the default session into a state, in the notation of a case."""
    number = state.number or 0
    if state.kind is CaseStateKind.SESSION:
        return tuple(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, one)) for one in target.way_to(number))
    entry = target.of_level(number)
    session = entry.session if target.timing.s3_ms is not None else None
    way = requests_to(CaseState(CaseStateKind.SESSION, session), target) if session not in (None, Session.DEFAULT) else ()
    seed = bytes((Service.SECURITY_ACCESS, number)) + entry.record
    key = (Keyed.of(bytes((Service.SECURITY_ACCESS, number + 1))),) if state.kind is CaseStateKind.UNLOCKED else ()
    return (*way, seed, *key)


def _enter(state: CaseState, tester: Tester) -> None:
    declared = [entry.id for entry in tester.target.sessions]
    if not tester.has_sessions or (declared and state.number not in declared):
        raise tester.looking.without_session(state.number or 0)
    assert state.number is not None
    reply = tester.enter_session(state.number)
    if not reply.is_positive:
        tester.cite(reply)
        raise Inconclusive(f"{state} was not entered: {reply}")


def _have_seed(wanted: int | None, tester: Tester) -> None:
    level = _declared(wanted, tester)
    if tester.security.make_room(level):
        _require_locked(level, tester)
    tester.session_for(level)
    if not tester.security.seed(level):
        raise Inconclusive(f"level 0x{level:02X} is open already (its seed is zero), so that no seed is pending")


def _declared(level: int | None, tester: Tester) -> int:
    if level is None or tester.target.level(level) is None:
        raise tester.looking.without_level() if level is None else tester.looking.without_this_level(level)
    return level


def wait_out_lockout(level: int, tester: Tester) -> None:
    """Wait until the level gives seeds again, and clear its attempt counter if the key is known.

    Raises Inconclusive if the level refuses its key now, or is open and cannot be locked.
    """
    if tester.security.clear_attempts(level):
        _require_locked(level, tester)
        return
    tester.session_for(level)
    try:
        tester.security.seed(level)
    except Inconclusive as reason:
        tester.note(f"level 0x{level:02X} stayed locked out: {reason}")
    if tester.has_sessions:
        tester.enter_session(Session.DEFAULT)


def _require_locked(level: int, tester: Tester) -> None:
    """Raise Inconclusive if an ECU that was opened to clear its counter stays open: no message of the case caused that."""
    tester.access.require_locked(tester.access.protected_by(level))
    if tester.has_sessions:
        tester.enter_session(Session.DEFAULT)
