"""Let AALpy build a state machine from the ECU's answers, until no further sequence contradicts the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from aalpy.base import SUL, Oracle
from aalpy.learning_algs.deterministic.LSharp import run_Lsharp

from harness.learning.observations import NOT_SERVED, Observations, Relearn, Word
from harness.learning.subject import DEAD
from harness.learning.suite import Suite
from harness.link.clock import Chance

MOST_RELEARNED: Final = 300
Hypothesis: TypeAlias = Any
"""A `MealyMachine` of AALpy, which has no type annotations."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try to refute a machine before it is accepted."""

    walks: int
    """How many random walks start in each state."""
    steps: int
    """How many letters each walk has."""


class _System(SUL):  # type: ignore[misc]
    """The ECU in the form that AALpy queries; its answers come from the observations."""

    def __init__(self, observations: Observations) -> None:
        super().__init__()
        self._observations = observations

    def query(self, word: Sequence[str]) -> list[str]:
        """Return the answers to a sequence."""
        return list(self._observations.ask(tuple(word)))

    def adaptive_query(self, word: list[str], ads: Any) -> tuple[list[str], list[str]]:
        """Continue a sequence by letters that `ads` picks from the answers; return the whole sequence and all answers."""
        length = len(word)

        def choose(answers: tuple[str, ...]) -> str | None:
            letter: str | None = ads.next_input(answers[-1] if len(answers) > length else None)
            if letter is not None:
                word.append(letter)
            return letter

        answers = self._observations.follow(tuple(word), choose)
        return word, list(answers)

    def pre(self) -> None:
        """Do nothing, since each query starts from the initial state."""

    def post(self) -> None:
        """Do nothing."""

    def step(self, letter: str) -> str:
        """Raise NotImplementedError, since AALpy calls `query` instead."""
        raise NotImplementedError(letter)


@dataclass
class _Doubt(Oracle):  # type: ignore[misc]
    """Searches for a sequence that a machine answers differently from the ECU."""

    alphabet: list[str]
    observations: Observations
    chance: Chance
    effort: Effort
    suite: Suite
    see: Callable[[Hypothesis], None]
    walked: dict[Word, int] = field(default_factory=dict)
    known_letters: set[str] = field(init=False)
    num_queries: int = 0
    num_steps: int = 0

    def __post_init__(self) -> None:
        self.known_letters = set(self.alphabet)

    def find_cex(self, hypothesis: Hypothesis) -> Word | None:
        """Return a sequence on which machine and ECU differ; None if none was found."""
        self.see(hypothesis)
        for word, answers in self.observations.played():
            if self.known_letters.issuperset(word) and tuple(_outputs(hypothesis, word)) != answers:
                return self._shortest(hypothesis, word, answers)
        for word in self._words(hypothesis):
            answers = self.observations.known(word) or self.observations.play(word)
            if tuple(_outputs(hypothesis, word)) != answers:
                return self._shortest(hypothesis, word, answers)
        if self.observations.conflicts:  # what was asked once may have been an exception
            for state in hypothesis.states:
                for letter in self.alphabet:
                    self.observations.verify((*state.prefix, letter))
        return None

    def _words(self, hypothesis: Hypothesis) -> Iterator[Word]:
        states = sorted(hypothesis.states, key=lambda state: (len(state.prefix), state.prefix))
        for state in states:
            for sequence in self.suite.everywhere:
                yield (*state.prefix, *sequence)
        for state in states:
            for letter in self.alphabet:
                if state.output_fun[letter] not in NOT_SERVED | {DEAD}:
                    for sequence in self.suite.after_each:
                        yield (*state.prefix, letter, *sequence)
        for state in reversed(states):
            while self.walked.get(state.prefix, 0) < self.effort.walks:
                self.walked[state.prefix] = self.walked.get(state.prefix, 0) + 1
                yield (*state.prefix, *(self._any_letter() for _ in range(self.effort.steps)))

    def _any_letter(self) -> str:
        return self.alphabet[self.chance.below(len(self.alphabet))]

    @staticmethod
    def _shortest(hypothesis: Hypothesis, word: Word, answers: Sequence[str]) -> Word:
        given = _outputs(hypothesis, word)
        index = next(n for n, (one, other) in enumerate(zip(given, answers, strict=True)) if one != other)
        return word[: index + 1]


def _outputs(hypothesis: Hypothesis, word: Word) -> Iterator[str]:
    state = hypothesis.initial_state
    for letter in word:
        yield state.output_fun[letter]
        state = state.transitions[letter]


def learn(
    alphabet: Sequence[str],
    observations: Observations,
    *,
    chance: Chance,
    effort: Effort,
    suite: Suite,
    see: Callable[[Hypothesis], None],
) -> None:
    """Learn until no sequence contradicts the machine; call `see` with each intermediate machine.

    Raises LearningEnded if learning ends early, and whatever the tester raises.
    """
    for attempt in range(MOST_RELEARNED):
        doubt = _Doubt(list(alphabet), observations, chance.stream(f"walk {attempt}"), effort, suite, see)
        try:
            run_Lsharp(
                list(alphabet),
                _System(observations),
                doubt,
                automaton_type="mealy",
                cache_and_non_det_check=False,
                print_level=0,
            )
            return
        except Relearn:
            continue
