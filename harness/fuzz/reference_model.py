"""A reference state machine: the states that an ECU may be in after each step of SecurityAccess, without any I/O.

The states are those of ISO 14229-1's Annex I: locked or one level unlocked, with or without a pending seed. The standard and
its users leave much open (see `following`), so the model is a set of states: every answer of the ECU narrows the set, and an
answer that leaves it empty is a deviation. Behaviour stricter than the standard is never wrong: an ECU may lock, or refuse,
at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from harness.uds import Nrc, Session

NOTHING: Final = 0
"""The value for "no level is unlocked" and for "no seed is pending"."""


class Action(Enum):
    """What a tester does to an ECU in a step."""

    SESSION = "session"
    RESET = "reset"
    RESTART = "restart, seen"
    LOCK = "locked by itself, seen"
    WAIT = "wait until the session is over"
    WAIT_WITH_OTHERS = "wait while somebody else asks the ECU"
    SEED = "seed"
    KEY = "key"
    PRESENT = "tester present"
    READ = "read"
    WRITE = "write"


class ModelKey(Enum):
    """How a key relates to the pending seed or, if no seed is pending, to the last one."""

    RIGHT = "right"
    WRONG = "wrong"
    SHORT = "one byte short"
    LONG = "one byte too long"


@dataclass(frozen=True, slots=True)
class ModelStep:
    """One action of a tester, with its argument."""

    action: Action
    number: int = 0
    """The session or the level; for a write, the level that the data needs."""
    key: ModelKey | None = None

    def __str__(self) -> str:
        if self.action is Action.KEY:
            assert self.key is not None
            return f"{self.key.value} key for level 0x{self.number:02X}"
        if self.action is Action.WRITE:
            return f"write that needs level 0x{self.number:02X}"
        return f"{self.action.value} 0x{self.number:02X}" if self.number else self.action.value


class Said(Enum):
    """The outcome of a request, as far as the model needs it."""

    YES = "positive"
    ZERO_SEED = "a seed of zeros"
    NO = "negative"
    NOTHING = "no valid answer"
    """The ECU was silent, or sent an invalid answer."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """The outcome of a request, with the code of a refusal."""

    said: Said
    nrc: int | None = None


@dataclass(frozen=True, slots=True)
class ModelState:
    """One state that the ECU may be in."""

    session: int = Session.DEFAULT
    unlocked: int = NOTHING
    """The level that is open."""
    pending: int = NOTHING
    """The level whose seed is pending."""

    @property
    def locked(self) -> ModelState:
        """The same state with nothing unlocked and no seed pending."""
        return ModelState(self.session)


@dataclass(frozen=True, slots=True)
class ModelRules:
    """What the target declares of the ECU, as far as the model needs it."""

    levels: Mapping[int, int | None]
    """By level: the session in which it can be unlocked; None: any session."""
    has_sessions: bool = True

    def is_out_of_session(self, level: int, session: int) -> bool:
        """Whether the session denies 27 for the level; the default one does if the level has its own (Table 23)."""
        own = self.levels.get(level)
        return self.has_sessions and session == Session.DEFAULT and own is not None and own != Session.DEFAULT


_DENIED: Final = frozenset((Nrc.SECURITY_ACCESS_DENIED, Nrc.AUTHENTICATION_REQUIRED))
_ANY_TIME: Final = frozenset((Nrc.BUSY_REPEAT_REQUEST, Nrc.CONDITIONS_NOT_CORRECT))
_SESSION: Final = frozenset(
    (
        Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
        Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
        Nrc.SUB_FUNCTION_NOT_SUPPORTED,
    )
)
_DELAY: Final = frozenset((Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS, Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED))
_SEQUENCE: Final = frozenset((Nrc.REQUEST_SEQUENCE_ERROR,))
_KEY_WITHOUT_SEED: Final = (
    _SEQUENCE | _DELAY | _ANY_TIME | _SESSION | _DENIED | frozenset((Nrc.INCORRECT_MESSAGE_LENGTH, Nrc.REQUEST_OUT_OF_RANGE))
)
"""NRCs with which a sound ECU may refuse a key without a seed, whatever it checks first."""
_KEY_REFUSED: Final = _KEY_WITHOUT_SEED | frozenset((Nrc.INVALID_KEY,))


def following(rules: ModelRules, state: ModelState, step: ModelStep, answer: ModelAnswer) -> Iterator[ModelState]:
    """Return the states that a sound ECU may be in after a step with this answer; none if a sound ECU does not answer so."""
    match step.action:
        case Action.WAIT:
            yield ModelState() if rules.has_sessions else state
            if state.session == Session.DEFAULT:
                yield from (state, state.locked)
        case Action.WAIT_WITH_OTHERS:  # whose requests may have kept the session, or not all the time
            yield state
            yield from following(rules, state, ModelStep(Action.WAIT), answer)
        case Action.RESTART:
            yield ModelState()
        case Action.LOCK:
            yield state.locked
        case _ if answer.said is Said.NOTHING:
            return
        case Action.SESSION:
            yield ModelState(step.number) if answer.said is Said.YES else state
        case Action.RESET:
            yield state  # that it restarts is not believed before it is seen
            if answer.said is Said.YES:
                yield ModelState()
        case Action.PRESENT | Action.READ:
            yield state
        case Action.WRITE:
            yield from _after_write(state, step, answer)
        case Action.SEED:
            yield from _after_seed(rules, state, step, answer)
        case Action.KEY:
            yield from _after_key(rules, state, step, answer)


def _after_write(state: ModelState, step: ModelStep, answer: ModelAnswer) -> Iterator[ModelState]:
    """Return the states after a write that succeeded or was refused; only the level that the data needs permits the write.

    An ECU may have locked itself before.
    """
    if answer.said is Said.NO:
        yield replace(state, unlocked=NOTHING) if state.unlocked == step.number else state
        yield state
    elif state.unlocked == step.number:
        yield state


def _after_seed(rules: ModelRules, state: ModelState, step: ModelStep, answer: ModelAnswer) -> Iterator[ModelState]:
    """Return the states after a seed: only the open level gives zeros; a new seed replaces a pending one."""
    is_open = state.unlocked == step.number
    if answer.said is Said.NO:
        yield from (state, replace(state, pending=NOTHING))
    elif answer.said is Said.ZERO_SEED:
        if is_open:
            yield from (state, replace(state, pending=NOTHING))
    elif not is_open and not rules.is_out_of_session(step.number, state.session):
        yield replace(state, pending=step.number)
        yield ModelState(state.session, pending=step.number)  # a seed for one level may lock the other


def _after_key(rules: ModelRules, state: ModelState, step: ModelStep, answer: ModelAnswer) -> Iterator[ModelState]:
    """Return the states after a key: the right key opens its level and locks any other; every other key uses up the seed."""
    is_pending = state.pending == step.number
    if answer.said is not Said.NO:
        if is_pending and step.key is ModelKey.RIGHT and not rules.is_out_of_session(step.number, state.session):
            yield ModelState(state.session, unlocked=step.number)
        return
    is_malformed = step.key in (ModelKey.SHORT, ModelKey.LONG)  # some ECUs have one code for every key that is not right
    allowed = _KEY_REFUSED if is_pending or is_malformed else _KEY_WITHOUT_SEED
    if rules.is_out_of_session(step.number, state.session) or answer.nrc in allowed:
        yield replace(state, pending=NOTHING)
        yield state.locked
    if answer.nrc in _ANY_TIME | _DELAY | _SESSION:
        yield state  # not looked at, and so no attempt


class Tracker:
    """The set of states that the ECU may be in, given all its answers."""

    def __init__(self, rules: ModelRules, states: Iterable[ModelState] = (ModelState(),)) -> None:
        self.rules = rules
        self.states = frozenset(states)
        self._doubted = self.states
        """The states that follow if a new seed for an open level was only a wrong answer, and the level is still open."""

    @property
    def belief(self) -> tuple[frozenset[ModelState], frozenset[ModelState]]:
        """A value that two trackers share if they judge all further answers alike."""
        return self.states, self._doubted

    def copy(self) -> Tracker:
        """Return an independent tracker with the same states."""
        other = Tracker(self.rules, self.states)
        other._doubted = self._doubted
        return other

    def take(self, step: ModelStep, answer: ModelAnswer) -> bool:
        """Take a step with its answer; return whether a sound ECU may answer so.

        After a wrong answer the states continue as if the answer were sound, as far as this opens no level, so that one
        deviation is not reported many times.
        """
        found = frozenset(after for state in self.states for after in following(self.rules, state, step, answer))
        doubted = frozenset(self._with_doubt(step, answer))
        self._doubted = doubted or self._doubted
        self.states = found or doubted or frozenset(self._as_if_allowed(step, answer)) or self.states
        return bool(found)

    def _with_doubt(self, step: ModelStep, answer: ModelAnswer) -> Iterator[ModelState]:
        for state in self.states | self._doubted:
            yield from following(self.rules, state, step, answer)
            if step.action is Action.SEED and answer.said is Said.YES and state.unlocked == step.number:
                yield replace(state, pending=step.number)

    def _as_if_allowed(self, step: ModelStep, answer: ModelAnswer) -> Iterator[ModelState]:
        indulgent = replace(self.rules, has_sessions=False)
        for state in self.states:
            yield from following(indulgent, state, step, answer)
            if step.action is Action.SEED and answer.said is Said.YES:
                yield replace(state, pending=step.number)

    def may_be_open(self, level: int) -> bool:
        """Whether the level could now be unlocked without any fault of the ECU."""
        return any(state.unlocked == level for state in self.states | self._doubted)

    def likely(self) -> ModelState:
        """Return the state in which most is possible, from which the next step is chosen."""
        return max(self.states, key=lambda state: (state.unlocked != NOTHING, state.pending != NOTHING, state.session))

    def __str__(self) -> str:
        state = self.likely()
        words = [f"session 0x{state.session:02X}"] if self.rules.has_sessions else []
        words.append(f"level 0x{state.unlocked:02X} open" if state.unlocked else "locked")
        if state.pending:
            words.append(f"seed of level 0x{state.pending:02X} pending")
        return ", ".join(words)
