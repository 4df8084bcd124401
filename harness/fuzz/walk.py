"""Walk at random through an ECU's sessions, seeds and keys, and compare its answers with the model."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.errors import ContactLost, Inconclusive
from harness.fuzz.reference_model import Action, ModelAnswer, ModelKey, ModelRules, ModelState, ModelStep, Said, Tracker
from harness.link.clock import Chance
from harness.target import DataEntry
from harness.target.values import Before
from harness.tester.reply import Reply, ReplyKind
from harness.tester.restart import LATEST_START_S, SLOWEST_BOOT, STEP_S
from harness.tester.security import DEFAULT_ATTEMPTS
from harness.tester.tester import Tester
from harness.uds import Service

STEPS_SHOWN: Final = 8
LOCKOUT_ONE_IN: Final = 8
"""One in this many keys that may start the ECU's delay is sent; the others are not risked."""
UNWANTED_LOCKOUTS: Final = 2
"""How many lockouts an ECU whose limit is lower than declared may cause."""
LOCK_MAY_CHANGE: Final = frozenset((Action.SESSION, Action.RESET, Action.WAIT, Action.SEED, Action.KEY))


Weights = tuple[tuple[int, Action, ModelKey | None], ...]

WHEN_LOCKED: Final[Weights] = (
    (50, Action.SEED, None),
    (20, Action.SESSION, None),
    (8, Action.KEY, ModelKey.RIGHT),
    (4, Action.KEY, ModelKey.WRONG),
    (3, Action.PRESENT, None),
    (3, Action.READ, None),
    (2, Action.WAIT, None),
)
WHEN_PENDING: Final[Weights] = (
    (40, Action.KEY, ModelKey.RIGHT),
    (16, Action.KEY, ModelKey.WRONG),
    (8, Action.KEY, ModelKey.SHORT),
    (8, Action.KEY, ModelKey.LONG),
    (8, Action.SEED, None),
    (10, Action.SESSION, None),
    (3, Action.PRESENT, None),
    (3, Action.READ, None),
    (4, Action.WAIT, None),
)
WHEN_OPEN: Final[Weights] = (
    (25, Action.SESSION, None),
    (20, Action.SEED, None),
    (10, Action.KEY, ModelKey.RIGHT),
    (5, Action.KEY, ModelKey.WRONG),
    (12, Action.RESET, None),
    (12, Action.WAIT, None),
    (4, Action.PRESENT, None),
    (4, Action.READ, None),
)
"""Weights of the next step while a level is open.

In each of these tables legal steps weigh most, since they lead on, so that illegal steps are tried in every state.
"""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Behaviour that no sound ECU shows."""

    expected: str
    observed: str
    reply: Reply
    is_open: bool = False
    """Whether a protected write was effective while, by the model, the ECU is locked."""
    messages: tuple[bytes, ...] = ()
    """The requests since the ECU was last certainly locked; empty if a right key or a precondition is among them."""
    did: int = 0
    """The data identifier that could be written."""


@dataclass(slots=True)
class Patience:
    """How many resets, waits and lockouts a walk may still make; each of them takes long."""

    resets: int
    waits: int
    lockouts: int


class Walk:
    """One walk on a restored ECU. Raises Inconclusive if no level has a key, so that no level can be opened."""

    def __init__(self, tester: Tester, chance: Chance, patience: Patience) -> None:
        self._tester = tester
        self._chance = chance
        self._patience = patience
        self._levels = [entry.level for entry in tester.target.security if tester.security.has_key(entry.level)]
        if not self._levels:
            raise Inconclusive("no key function is given: no level can be opened")
        target = tester.target
        self._sessions = tester.sessions()
        self._readable = next((entry.did for entry in target.data if entry.read.kind == "open"), None)
        self._probes = self._lock_probes()
        self._seeds: dict[int, bytes] = {}
        self._old_keys: dict[int, bytes] = {}
        self._last_level = 0
        self._failed = dict.fromkeys(self._levels, 0)
        self._failed_since_success = 0
        self._has_just_failed = False
        self._path: deque[str] = deque(maxlen=STEPS_SHOWN)
        self._sent: list[bytes] | None = []
        """The requests since the ECU was last certainly locked; None: they cannot be sent again as they are."""
        self.deviations: list[Deviation] = []
        self.has_opened = False
        self._is_presence_answered = True
        rules = ModelRules({entry.level: entry.session for entry in target.security}, has_sessions=bool(self._sessions))
        start = ModelState()
        beginnings = (
            [start] if tester.access.can_relock else [start, *(ModelState(unlocked=level) for level in self._levels)]
        )
        self._tracker = Tracker(rules, beginnings)

    def _lock_probes(self) -> dict[int, tuple[DataEntry, bytes]]:
        tester = self._tester
        guarded = {level: tester.access.protected_by(level) for level in self._levels}
        entries = {level: one for level, one in guarded.items() if one is not None and not tester.access.is_shared(one)}
        if tester.access.can_relock:
            tester.access.require_locked(next(iter(entries.values()), None), by_refusal=True)
        if not tester.allows("write"):
            tester.note("the lock state was not watched: the target does not allow the probe, a write")
            return {}
        return {level: (entry, tester.stable_value(entry.did)) for level, entry in entries.items()}

    def run(self, steps: int) -> int:
        """Walk this many steps, or until the ECU is open where it must not be; return the number of steps made."""
        for level in self._levels:
            self._tester.session_for(level)
            self._tester.security.key_length(level)
        self._tester.restore()
        self._is_presence_answered = self._tester.request(b"\x3e\x00").is_positive
        for done in range(steps):
            step = self._choose()
            for via in self._on_the_way(step):
                self._do(ModelStep(Action.SESSION, via))
            self._do(step)
            if step.action in LOCK_MAY_CHANGE:
                for level in self._probes:
                    self._do(ModelStep(Action.WRITE, level))
            if any(deviation.is_open for deviation in self.deviations):
                return done + 1
            if self._patience.lockouts < -UNWANTED_LOCKOUTS:
                self._tester.note("the walk ended early: the ECU was locked out too often")
                return done + 1
        return steps

    # What to do next

    def _choose(self) -> ModelStep:
        state = self._tracker.likely()
        if self._has_just_failed and self._can_afford_a_failure() and self._chance.below(2):
            return ModelStep(Action.KEY, self._last_level, ModelKey.RIGHT)  # the seed must be gone
        action, key = likely_step(state, self._is_possible, self._chance)
        level = self._levels[self._chance.below(len(self._levels))]
        if action is Action.KEY:
            likely = state.pending or self._last_level
            level = likely if likely and self._chance.below(5) else level
            is_harmless = key is ModelKey.RIGHT and state.pending == level
            if not is_harmless and not self._can_afford_a_failure():
                return (
                    ModelStep(Action.KEY, level, ModelKey.RIGHT)
                    if state.pending == level
                    else self._way_to_a_seed(state, level)
                )
            return ModelStep(Action.KEY, level, key)
        if action is Action.SEED:
            return self._way_to_a_seed(state, level) if self._chance.below(4) else ModelStep(Action.SEED, level)
        if action is Action.SESSION:
            return ModelStep(Action.SESSION, self._sessions[self._chance.below(len(self._sessions))])
        return ModelStep(action)

    def _way_to_a_seed(self, state: ModelState, level: int) -> ModelStep:
        """Return the next step towards a seed of the level: request the seed, or first enter the level's session."""
        if self._tracker.rules.is_out_of_session(level, state.session):
            session = self._tracker.rules.levels[level]
            assert session is not None
            return ModelStep(Action.SESSION, session)
        return ModelStep(Action.SEED, level)

    def _on_the_way(self, step: ModelStep) -> tuple[int, ...]:
        """Return the sessions to enter before the session of the step; entering each locks, whatever the step's answer."""
        return self._tester.target.way_to(step.number)[:-1] if step.action is Action.SESSION else ()

    def _is_possible(self, action: Action) -> bool:
        if action is Action.SESSION:
            return bool(self._sessions)
        if action is Action.PRESENT:  # how else it is answered says nothing of the lock
            return self._is_presence_answered
        if action is Action.RESET:
            tester = self._tester
            return tester.target.reset.uds is not None and tester.allows("reset") and self._patience.resets > 0
        if action is Action.WAIT:
            return self._tester.has_sessions and self._patience.waits > 0
        return action is not Action.READ or self._readable is not None

    def _can_afford_a_failure(self) -> bool:
        """Whether one more refused key would be safe, whether the ECU counts it for its level or for all levels together."""
        declared = [entry.attempts for entry in self._tester.target.security if entry.attempts]
        if max(self._failed_since_success, *self._failed.values()) < min(declared, default=DEFAULT_ATTEMPTS) - 1:
            return True
        return self._patience.lockouts > 0 and not self._chance.below(LOCKOUT_ONE_IN)

    # Doing it

    def _do(self, step: ModelStep) -> None:
        tester = self._tester
        before = str(self._tracker)
        if step.action in (Action.SESSION, Action.SEED, Action.RESET):
            self._has_just_failed = False
        if step.action is Action.WAIT:
            self._wait((tester.target.timing.s3_ms or 0) / 1000 * 1.2)
            self._patience.waits -= 1
            return
        reply = self._request(step)
        answer = _answer(reply)
        self._remember(step, reply)
        if step.action is Action.KEY and reply.is_malformed and tester.security.unlock_effects.is_open(step.number):
            answer = ModelAnswer(Said.YES)  # the form of the answer is another subject than the lock
        if reply.kind is ReplyKind.SILENCE and not tester.is_alive():
            raise ContactLost(f"no answer to {reply.request.hex(' ').upper()}, and none to anything after it")
        if step.action is Action.SEED and answer.said is Said.YES and self._has_locked_itself(step.number):
            self._tracker.take(ModelStep(Action.LOCK), answer)
        is_allowed = self._tracker.take(step, answer)
        self.has_opened = self.has_opened or (step.action is Action.KEY and answer.said is Said.YES)
        self._path.append(f"{step} ({reply})" if reply.kind is not ReplyKind.POSITIVE else str(step))
        if not is_allowed:
            self._note_deviation(step, reply, before)
        if step.action is Action.RESET and reply.is_positive:
            self._patience.resets -= 1
            self._watch_restart()
        if reply.is_delayed:
            self._wait_out_delay(step.number)

    def _remember(self, step: ModelStep, reply: Reply) -> None:
        """Record a request so that it could be sent again; forget all after a right key, which opens a level rightly."""
        target = self._tester.target
        needs = target.before_session(step.number) if step.action is Action.SESSION else ()
        needs = target.before_level(step.number) if step.action is Action.SEED else needs
        if step.action is Action.SESSION and reply.is_positive:
            self._sent = []  # which locks a sound ECU
        if needs or (step.action is Action.KEY and step.key is ModelKey.RIGHT):
            self._sent = None
        elif self._sent is not None:
            self._sent.append(reply.request)

    def _meet(self, preconditions: Sequence[Before]) -> None:
        """Send the preconditions of a step, except keys, which are steps of their own."""
        self._tester.meet([one for one in preconditions if one.level is None])

    def _has_locked_itself(self, level: int) -> bool:
        """Write protected data to find out whether an ECU that gives a new seed for an open level has locked itself."""
        if not any(state.unlocked == level for state in self._tracker.states):
            return False
        if level not in self._probes:
            return True
        entry, value = self._probes[level]
        return not self._tester.write(entry.did, value).is_positive

    def _request(self, step: ModelStep) -> Reply:
        tester, security = self._tester, self._tester.security
        match step.action:
            case Action.SESSION:
                self._meet(tester.target.before_session(step.number))
                return tester.request(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, step.number)))
            case Action.RESET:
                assert tester.target.reset.uds is not None
                return tester.request(bytes((Service.ECU_RESET, tester.target.reset.uds)))
            case Action.SEED:
                self._meet(tester.target.before_level(step.number))
                reply = security.request_seed(step.number)
                if reply.is_positive and any(reply.pdu[2:]):
                    self._seeds[step.number] = reply.pdu[2:]
                    self._last_level = step.number
                return reply
            case Action.KEY:
                key = self._key(step)
                reply = security.send_key(step.number, key)
                if reply.is_positive:
                    self._old_keys[step.number] = key
                    self._failed[step.number] = self._failed_since_success = 0
                else:
                    self._failed[step.number] += 1
                    self._failed_since_success += 1
                self._has_just_failed = reply.is_negative and step.number == self._last_level and not self._has_just_failed
                return reply
            case Action.READ:
                assert self._readable is not None
                return tester.read_reply(self._readable)
            case Action.WRITE:
                entry, value = self._probes[step.number]
                return tester.write(entry.did, value)
            case _:
                return tester.request(b"\x3e\x00")

    def _key(self, step: ModelStep) -> bytes:
        """Return a key for the level's last seed, or of the level whose seed is pending; a random one without a seed."""
        security = self._tester.security
        pending = self._tracker.likely().pending
        level = step.number if not pending or self._chance.below(2) else pending
        seed = self._seeds.get(level)
        if seed is None:
            return self._chance.random_bytes(security.key_length(level))
        right = security.right_key(level, seed)
        if step.key is ModelKey.WRONG:
            old = self._old_keys.get(level, right)
            return (
                old
                if old != right and self._chance.below(2)
                else security.wrong_key(level, seed, flip=self._chance.below(32))
            )
        return {ModelKey.SHORT: right[:-1], ModelKey.LONG: right + b"\x00"}.get(step.key or ModelKey.RIGHT, right)

    def _watch_restart(self) -> None:
        """Follow a restart if one is seen: the ECU may run on for a while before a restart that it has confirmed."""
        tester = self._tester
        until_s = tester.link.now_s + tester.target.reset.boot_s + LATEST_START_S
        while tester.link.now_s < until_s:
            if tester.request(tester.liveness_request).kind is ReplyKind.SILENCE:
                tester.await_life(tester.target.reset.boot_s * SLOWEST_BOOT + 2.0)
                tester.state.restart_seen()
                self._tracker.take(ModelStep(Action.RESTART), ModelAnswer(Said.YES))
                self._path.append("it restarted")
                self._sent = []
                return
            tester.wait(STEP_S, "whether the ECU comes back")

    def _wait_out_delay(self, level: int) -> None:
        self._patience.lockouts -= 1
        s3_s = (self._tester.target.timing.s3_ms or 0) / 1000 * 1.2
        self._wait(max(self._tester.security.delay_s(level) + 0.5, s3_s))

    def _wait(self, seconds: float) -> None:
        other = self._tester.others_heard(seconds)
        action = Action.WAIT_WITH_OTHERS if other else Action.WAIT
        self._tracker.take(ModelStep(action), ModelAnswer(Said.YES))
        self._path.append(f"{seconds:g} s {f'in which {other} was sent by somebody else' if other else 'of silence'}")
        if other:
            self._tester.note(f"somebody else asks the ECU, which may keep its session: {other}")

    # What must not be

    def _note_deviation(self, step: ModelStep, reply: Reply, before: str) -> None:
        effect = ""
        is_open = False
        did = 0
        if step.action is Action.WRITE and reply.is_positive:
            entry, _ = self._probes[step.number]
            did = entry.did
            written = self._tester.access.write_effect(entry)
            is_open = written.is_changed and not self._tracker.may_be_open(step.number)
            effect = f"; a write is {'effective' if written.is_changed else 'without effect'} ({written})"
        expected = f"no such answer to {step} ({before})"
        if is_open:
            expected = f"level 0x{step.number:02X} not open ({before})"
        path = ", ".join(self._path)
        observed = f"{step}: {reply}{effect}; the last steps: {path}"
        self.deviations.append(Deviation(expected, observed, reply, is_open, tuple(self._sent or ()), did))


def _answer(reply: Reply) -> ModelAnswer:
    if reply.is_negative:
        return ModelAnswer(Said.NO, reply.nrc)
    if not reply.is_positive:
        return ModelAnswer(Said.NOTHING)
    is_seed = reply.request[0] == Service.SECURITY_ACCESS and reply.request[1] & 1
    return ModelAnswer(Said.ZERO_SEED if is_seed and len(reply.pdu) > 2 and not any(reply.pdu[2:]) else Said.YES)


def likely_step(state: ModelState, is_possible: Callable[[Action], bool], chance: Chance) -> tuple[Action, ModelKey | None]:
    """Return an action that is possible now, and for a key also the kind of key."""
    weights = WHEN_OPEN if state.unlocked else WHEN_PENDING if state.pending else WHEN_LOCKED
    possible = [one for one in weights if is_possible(one[1])]
    at = chance.below(sum(weight for weight, _, _ in possible))
    for weight, action, key in possible:
        at -= weight
        if at < 0:
            return action, key
    raise AssertionError("the weights are the sum's own")
