"""Estimate what learning an ECU would take, before anything is sent, by learning the reference machine in its place."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from harness.learning.expected import expected_machine
from harness.learning.learner import learn
from harness.learning.learning import DEFAULT_EFFORT, FULL_EFFORT, FULL_REQUESTS
from harness.learning.letters import GUESSES, KEYS, Alphabet, Letter, LetterKind
from harness.learning.observations import LearningEnded, Observations, Relearn
from harness.learning.reference import known_of
from harness.learning.subject import NOT_SENT, RESTARTED, SILENCE, TrueReset
from harness.learning.suite import suite_for
from harness.link.clock import Chance
from harness.runs.state_machine import StateMachine
from harness.target import Permission, Target
from harness.tester.restart import LATEST_START_S
from harness.tester.security import DEFAULT_DELAY_S, DELAY_MARGIN_S

WRITE_REQUESTS: Final = 2
"""How many requests a guarded write takes, with the read that shows its effect."""
RESTORING_REQUESTS: Final = 9
"""How many requests it takes to reset a real ECU: liveness, right key with session and seed, the restart, the session."""


@dataclass(frozen=True, slots=True)
class LearningCost:
    """How much it would take to learn the ECU if it were a sound one."""

    sequences: int
    requests: int
    resets: int
    wrong_keys: int
    seconds: float
    """The duration on a real ECU, by the timing that its target declares; 0 in virtual time."""
    letters: tuple[str, ...]
    left_out: tuple[str, ...]
    reset_by: str
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the cost by field name, for programs."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(slots=True)
class _Rehearsal:
    """Answers like the reference machine, in place of the ECU, and counts the requests that would be sent."""

    target: Target
    reference: StateMachine
    how: TrueReset
    requests: int = 0
    resets: int = 0
    wrong_keys: int = 0
    seconds: float = 0.0
    _state: str = ""
    _wrong_in_sequence: int = 0
    _table: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._table = {key: (one.answer, one.target) for key, one in self.reference.table().items()}

    def reset(self) -> None:
        """Count the requests that the reset after a sequence takes."""
        boot_s = self.target.reset.boot_s + LATEST_START_S
        answer_s = self.target.timing.p2_ms / 1000
        if self.how is TrueReset.RESTARTED:
            self.requests += RESTORING_REQUESTS
            self.seconds += 3 * boot_s + RESTORING_REQUESTS * answer_s
            if self._wrong_in_sequence:
                delays = [one.delay_s if one.delay_s is not None else DEFAULT_DELAY_S for one in self.target.security]
                self.seconds += max(delays, default=0.0) + DELAY_MARGIN_S
        elif self.how is TrueReset.SESSION:
            self.requests += 2
            self.seconds += 2 * answer_s
        self.resets += 1
        self._wrong_in_sequence = 0
        self._state = self.reference.initial

    @property
    def wrong_keys_left(self) -> int | None:
        """Return None, since the plan shows the permitted wrong keys separately."""
        return None

    def lives(self) -> bool:
        """Return True, since the reference always answers."""
        return True

    def do(self, letter: Letter) -> str:
        """Return the reference's answer; for a letter that the reference lacks, the likeliest answer."""
        self.seconds += letter.seconds
        step = self._table.get((self._state, letter.name))
        answer, self._state = step if step is not None else ("0x24", self._state)
        count = 0 if letter.kind is LetterKind.WAIT else WRITE_REQUESTS if letter.kind is LetterKind.EFFECT else 1
        count += answer == SILENCE
        self.requests += count
        self.seconds += count * self.target.timing.p2_ms / 1000
        if answer == RESTARTED:
            self.seconds += self.target.reset.boot_s + LATEST_START_S
        if letter.kind is LetterKind.RIGHT_KEY and answer == "0x24" and Permission.LOCKOUT not in self.target.safety.allow:
            return NOT_SENT
        if letter.kind in GUESSES or (letter.kind in KEYS and answer == "0x24"):
            self.wrong_keys += 1
            self._wrong_in_sequence += 1
        return answer


def plan_of(
    target: Target, alphabet: Alphabet, how: TrueReset, *, is_full: bool, seed: int, most_requests: int | None
) -> LearningCost:
    """Estimate the cost for an ECU that obeys the standard, with the limits that its target declares."""
    attempts = {one.level: one.attempts for one in target.security}
    known = known_of(target, attempts, is_one_counter=False, read_answer="")
    reference = expected_machine(alphabet, known, boots_deaf=target.is_simulated)
    rehearsal = _Rehearsal(target, reference, how)
    letters = alphabet.by_name()
    limit = most_requests or (FULL_REQUESTS if is_full else None)
    observations = Observations(rehearsal, letters, most_requests=limit)
    suite = suite_for(alphabet, target)
    notes = []
    try:
        for word in suite.first:
            if observations.known(word) is None:
                observations.play(word)
        learn(
            [one.name for one in alphabet.letters],
            observations,
            chance=Chance(seed).stream("learn"),
            effort=FULL_EFFORT if is_full else DEFAULT_EFFORT,
            suite=suite,
            see=lambda hypothesis: None,
        )
    except (LearningEnded, Relearn) as reason:
        notes.append(f"learning would end early: {reason}")
    budget = target.safety.wrong_keys
    if budget is not None and not target.is_simulated and rehearsal.wrong_keys > budget:
        notes.append(
            f"{rehearsal.wrong_keys} wrong keys are more than [safety] wrong_keys = {budget} allows; "
            "learning ends there, and keeps what it knows"
        )
    return LearningCost(
        sequences=rehearsal.resets,
        requests=rehearsal.requests,
        resets=rehearsal.resets,
        wrong_keys=rehearsal.wrong_keys,
        seconds=0.0 if target.is_simulated else round(rehearsal.seconds, 1),
        letters=tuple(one.name for one in alphabet.letters),
        left_out=alphabet.left_out,
        reset_by=how.value,
        notes=tuple(notes),
    )


def plan_lines(plan: LearningCost) -> Iterator[str]:
    """Format a plan for the terminal."""
    yield f"letters       {', '.join(plan.letters)}"
    yield from (f"not sent      {one}" for one in plan.left_out)
    yield f"reset by      {plan.reset_by}"
    yield f"queries       about {plan.sequences}, each from the initial state"
    yield f"requests      about {plan.requests}"
    yield f"resets        about {plan.resets}"
    yield f"wrong keys    about {plan.wrong_keys}"
    yield f"time          {_time(plan.seconds)}"
    yield from (f"note          {one}" for one in plan.notes)
    yield "An ECU that has more to hide than a sound one takes more of each."


def _time(seconds: float) -> str:
    if not seconds:
        return "virtual: a few seconds on this computer, 0.0 hours of an ECU"
    return f"about {seconds / 3600:.1f} hours by the timing that the target declares"
