"""Store the ECU's answers to sequences of letters.

A sequence is sent once and then looked up; if two answers contradict each other, repetitions decide by vote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from harness.learning.letters import Letter
from harness.learning.subject import DEAD, NOT_SENT
from harness.runs.state_machine import AnswerConflict

Word = tuple[str, ...]
Answers = tuple[str, ...]

NOT_SERVED: Final = frozenset({"0x11", "0x12", "0x7E", "0x7F", NOT_SENT})
"""Codes by which the ECU refuses a request before examining it, so that its state should stay the same."""
VOTES: Final = 5
KEPT_WRONG_KEYS: Final = 40
"""How many wrong keys it takes to confirm a few findings, resets included."""
MAJORITY: Final = 5
"""How many equal answers decide a vote among the two answers that differed and `VOTES` repetitions."""
MOST_CONFLICTS: Final = 200
FEW_CONFLICTS: Final = 12
"""How many contradictions are tolerated, whatever their share of the sequences."""
OFTEN: Final = 0.2
"""The share of sequences with contradictions from which contradictions are no longer exceptions."""
MOST_RETRIES: Final = 10


class LearningEnded(Exception):
    """Learning cannot continue; the text is the reason."""


class Relearn(Exception):
    """The accepted answer to a sequence has changed, so the machine has to be built again from the known answers."""


class Exceptional(Relearn):
    """An answer differed from the accepted one, which stands: the present sequence continued after an exceptional answer."""


class OutOfBudget(LearningEnded):
    """The budget of requests is used up."""


@dataclass(slots=True)
class _Node:
    answers: dict[str, str] = field(default_factory=dict)
    after: dict[str, _Node] = field(default_factory=dict)
    is_dead: bool = False
    """Whether the ECU has fallen silent here, so that no letter is sent after this node."""

    def answer(self, letter: str) -> str | None:
        """Return the answer to a letter at this node; None if the letter was not sent here."""
        return DEAD if self.is_dead else self.answers.get(letter)

    def then(self, letter: str) -> _Node:
        """Return the node behind a letter that was sent here; this node itself if the letter changes nothing."""
        return self if self.is_dead else self.after[letter]


class LetterSubject(Protocol):
    """An ECU, or a stand-in for one, that answers letters."""

    @property
    def requests(self) -> int:
        """The number of requests sent so far."""

    def reset(self) -> None:
        """Go to the initial state."""

    def do(self, letter: Letter) -> str:
        """Return the answer to one letter."""

    def lives(self) -> bool:
        """Whether the ECU answers anything after a reset to its initial state."""

    @property
    def wrong_keys_left(self) -> int | None:
        """The number of wrong keys that the ECU may still be sent; None if there is no limit."""


class Observations:
    """A tree of answers by sequence. A refused letter is assumed to leave the state unchanged until the opposite is seen."""

    def __init__(self, subject: LetterSubject, letters: dict[str, Letter], *, most_requests: int | None = None) -> None:
        self._subject = subject
        self._letters = letters
        self.most_requests = most_requests
        """How many requests may have been sent for a new sequence still to be begun; None: no limit."""
        self.keeps_wrong_keys = KEPT_WRONG_KEYS
        """How many of the permitted wrong keys learning leaves for later."""
        self._root = _Node()
        self._played: list[tuple[Word, Answers]] = []
        self._changes_though_refused: set[str] = set()
        self._verified: set[Word] = set()
        self.conflicts: list[AnswerConflict] = []
        self.saved_letters = 0
        self.watch: Callable[[Word, Answers], None] = lambda word, answers: None
        """A function to call with each sequence that was played on the ECU, and its answers."""

    @property
    def requests(self) -> int:
        """The number of requests sent so far."""
        return self._subject.requests

    def played(self) -> Iterator[tuple[Word, Answers]]:
        """Yield each sequence that was sent, with its answers, in the order of sending."""
        yield from self._played

    def remember(self, word: Word, answers: Answers) -> None:
        """Take over the answers of an earlier run."""
        self._played.append((word, answers))
        node = self._root
        for letter, answer in zip(word, answers, strict=False):
            self._learn(node, letter, answer)
            node = node.then(letter)

    def known(self, word: Sequence[str]) -> Answers | None:
        """Return the answers to a sequence if all of them follow from known answers, else None."""
        node, answers = self._root, []
        for letter in word:
            answer = node.answer(letter)
            if answer is None:
                return None
            answers.append(answer)
            node = node.then(letter)
        return tuple(answers)

    def ask(self, word: Sequence[str]) -> Answers:
        """Return the answers to a sequence; send it only if they are not known."""
        known = self.known(word)
        if known is not None:
            self.saved_letters += len(word)
            return known
        return self.follow(word, lambda answers: None)

    def follow(self, word: Sequence[str], choose: Callable[[Answers], str | None]) -> Answers:
        """Send a sequence, then letters that `choose` picks by the answers, until it returns None; return all answers.

        Letters that are known to change nothing are not sent; nothing is sent if every answer is known.
        """
        answers: list[str] = []
        changing: list[tuple[str, str]] = []  # the letters that matter, with their answers
        is_live = False
        node = self._root
        for letter in self._letters_of(word, choose, answers):
            answer = node.answer(letter)
            if answer is None or (is_live and node.then(letter) is not node):
                if not is_live:
                    is_live = True
                    self._start()
                    for index, (one, known) in enumerate(changing):
                        self._check(one, known, self._do(one), [before for before, _ in changing[:index]])
                given = self._do(letter)
                self._check(letter, answer, given, [one for one, _ in changing])
                answer = given
                self._learn(node, letter, answer)
                changing.append((letter, answer))
            else:
                self.saved_letters += 1
                if node.then(letter) is not node:
                    changing.append((letter, answer))
            answers.append(answer)
            node = node.then(letter)
        if is_live:
            self._note(tuple(one for one, _ in changing), tuple(answer for _, answer in changing))
        return tuple(answers)

    @staticmethod
    def _letters_of(word: Sequence[str], choose: Callable[[Answers], str | None], answers: list[str]) -> Iterator[str]:
        yield from word
        while (letter := choose(tuple(answers))) is not None:
            yield letter

    def play(self, word: Sequence[str]) -> Answers:
        """Send every letter of a sequence, and compare the answers with the known ones.

        Raises Relearn if a refused letter has changed the state, or a known answer was an exception; LearningEnded if the
        ECU's answers vary.
        """
        for _ in range(MOST_RETRIES):
            try:
                return self._play(word)
            except Exceptional:
                continue
        raise LearningEnded(
            f"the ECU does not always answer alike: {_shown(tuple(word))} did not come to its end as it did before"
        )

    def verify(self, word: Word) -> None:
        """Send a sequence again unless it was verified before. Raises what `play` raises."""
        if word not in self._verified:
            self.play(word)
            self._verified.add(word)

    def _play(self, word: Sequence[str]) -> Answers:
        self._start()
        answers: list[str] = []
        node = self._root
        skipped: list[str] = []
        for index, letter in enumerate(word):
            given = self._do(letter)
            known = node.answer(letter)
            if known is not None and known != given and skipped and self._again(tuple(word[: index + 1])) == given:
                self._changes_though_refused.update(skipped)
                self._rebuild()
                raise Relearn
            self._check(letter, known, given, word[:index])
            self._learn(node, letter, given)
            if node.then(letter) is node:
                skipped.append(letter)
            answers.append(given)
            node = node.then(letter)
        self._note(tuple(word), tuple(answers))
        return tuple(answers)

    def _check(self, letter: str, known: str | None, given: str, before: Sequence[str]) -> None:
        """Compare the answer to a letter with the known one; if they differ, send the sequence up to it several times.

        Raises Relearn if one answer has a clear majority; LearningEnded if none has, or answers have differed too often.
        """
        if known in (None, given):
            return
        assert known is not None
        word = (*before, letter)
        if given == DEAD and not self._subject.lives():
            self._forget_deaths()
            raise LearningEnded(
                "the ECU no longer answers, and could not be brought back; it died in one of the last sequences"
            )
        counts = Counter((known, given))
        for _ in range(VOTES):
            counts[self._again(word)] += 1
        self.conflicts.append(AnswerConflict(word, dict(counts.most_common())))
        if counts.most_common(1)[0][1] < MAJORITY:
            raise LearningEnded(f"the ECU does not always answer alike: {_shown(word)} gives {_counts_in_words(counts)}")
        number = len(self.conflicts)
        if number >= MOST_CONFLICTS or (number >= FEW_CONFLICTS and number > OFTEN * len(self._played)):
            raise LearningEnded(f"the ECU does not always answer alike: {number} sequences had more than one answer")
        if counts.most_common(1)[0][0] != known:
            self._forget(word)
            raise Relearn
        raise Exceptional

    def _again(self, word: Word) -> str:
        self._start()
        answer = ""
        for letter in word:
            answer = self._do(letter)
        return answer

    def _forget_deaths(self) -> None:
        """Forget all sequences after which the ECU was silent, because the ECU is now silent after any sequence."""
        self._played = [(word, answers) for word, answers in self._played if DEAD not in answers]
        self._rebuild()

    def _forget(self, word: Word) -> None:
        """Forget every sequence with this beginning, so that it is sent again."""
        self._played = [(one, answers) for one, answers in self._played if one[: len(word)] != word]
        self._verified = {one for one in self._verified if one[: len(word)] != word}
        self._rebuild()

    def _rebuild(self) -> None:
        self._root = _Node()
        for word, answers in self._played:
            node = self._root
            for letter, answer in zip(word, answers, strict=True):
                self._learn(node, letter, answer)
                node = node.then(letter)

    def _learn(self, node: _Node, letter: str, answer: str) -> None:
        if node.answer(letter) == answer:
            return
        node.answers[letter] = answer
        is_as_before = answer in NOT_SERVED and letter not in self._changes_though_refused
        node.after[letter] = node if is_as_before else _Node(is_dead=answer == DEAD)

    def _note(self, word: Word, answers: Answers) -> None:
        self._played.append((word, answers))
        self.watch(word, answers)

    def _start(self) -> None:
        if self.most_requests is not None and self.requests >= self.most_requests:
            raise OutOfBudget(f"the budget of {self.most_requests} requests is used up")
        left = self._subject.wrong_keys_left
        if self.keeps_wrong_keys and left is not None and left < self.keeps_wrong_keys:
            raise OutOfBudget(f"no more than {left} wrong keys are left, which are kept to confirm what was found")
        self._subject.reset()

    def _do(self, letter: str) -> str:
        return self._subject.do(self._letters[letter])


def _shown(word: Word) -> str:
    return ", ".join(word)


def _counts_in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{times} x {answer}" for answer, times in counts.most_common())
