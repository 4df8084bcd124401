"""List the sequences that single checks send, from the initial state and in every state of the machine."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from harness.learning.letters import Alphabet, Letter, LetterKind
from harness.learning.observations import Word
from harness.target import Target
from harness.uds import Session

USUAL_LIMIT: Final = 3
LARGEST_LIMIT: Final = 10
MOST_KEYS: Final = 12
"""The largest number of wrong keys in a row in one sequence."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Sequences that are sent whatever machine has been learned."""

    first: tuple[Word, ...]
    """Sequences to send from the initial state."""
    everywhere: tuple[Word, ...]
    """Sequences to send from every state."""
    after_each: tuple[Word, ...]
    """Sequences to send after every transition, since they separate states that differ only in a counter."""


Limits = Mapping[int, int | None]
"""By level: the number of wrong keys in a row that the ECU compared; None: no limit was seen."""


def suite_for(alphabet: Alphabet, target: Target, limits: Limits | None = None) -> Suite:
    """Return the sequences that the letters of an alphabet permit. Where no limit was seen, the declared limit counts."""
    first, everywhere, after_each = [], [], []
    levels = alphabet.levels if len(alphabet.levels) > 1 and alphabet.probes else (alphabet.level,)
    for level in levels:
        scenes = _Scenes(alphabet, target, level, limits)
        first += list(scenes.from_start())
        everywhere += list(scenes.in_every_state())
        after_each += list(scenes.after_each_transition())
    if len(levels) > 1:
        first += list(_shared_count(alphabet, target, levels))
    return Suite(*(tuple(dict.fromkeys(filter(None, words))) for words in (first, everywhere, after_each)))


def plain_wrong_keys(alphabet: Alphabet, target: Target, level: int) -> Word:
    """Return more wrong keys in a row than a level should compare, from the initial state; empty if no such key is sent."""
    scenes = _Scenes(alphabet, target, level)
    keys = scenes.wrong_keys(scenes.longest)
    return (*scenes.enter, *keys) if keys else ()


def wrong_keys_after_another_level(alphabet: Alphabet, target: Target, level: int, other: int) -> Word:
    """Return a wrong key for `other`, then as many as lock `level`: one too many if both levels share one counter."""
    scenes, before = _Scenes(alphabet, target, level), _Scenes(alphabet, target, other)
    first, then = before.wrong_keys(1), scenes.wrong_keys(scenes.limit)
    return (*before.enter, *first, *scenes.enter, *then) if first and then else ()


def _shared_count(alphabet: Alphabet, target: Target, levels: tuple[int, ...]) -> Iterator[Word]:
    yield from (
        wrong_keys_after_another_level(alphabet, target, one, other) for one in levels for other in levels if one != other
    )


class _Scenes:
    """The sequences for one level. A sequence is left out if one of its letters is not sent."""

    def __init__(self, alphabet: Alphabet, target: Target, level: int, limits: Limits | None = None) -> None:
        self._alphabet = alphabet
        self._target = target
        self._limits = limits
        self._letters = alphabet.letters
        names = alphabet.by_name()
        of: Callable[[LetterKind], str] = lambda kind: next(  # noqa: E731
            (one.name for one in names.values() if one.kind is kind and one.number == level), ""
        )
        self.seed, self.key, self.wrong, self.effect = map(
            of, (LetterKind.SEED, LetterKind.RIGHT_KEY, LetterKind.WRONG_KEY, LetterKind.EFFECT)
        )
        self.without_seed, self.old, self.long = map(
            of, (LetterKind.KEY_WITHOUT_SEED, LetterKind.OLD_KEY, LetterKind.LONG_KEY)
        )
        self.quiet_key, self.quiet_seed = map(of, (LetterKind.QUIET_KEY, LetterKind.QUIET_SEED))
        self.functional = of(LetterKind.FUNCTIONAL_SEED)
        entry = target.of_level(level)
        declared = entry.attempts or USUAL_LIMIT
        self.limit = min((limits or {}).get(level) or declared, LARGEST_LIMIT)
        self.longest = max(self.limit + 2, MOST_KEYS)
        chain = target.way_to(entry.session) if entry.session is not None else ()
        wanted = [f"10 {one:02X}" for one in chain if one != Session.DEFAULT] or [
            one.name for one in self._letters if one.kind is LetterKind.SESSION and one.number != Session.DEFAULT
        ][:1]
        self.enter: Word = tuple(one for one in wanted if one in names)
        self.level = level

    def _of(self, kind: LetterKind) -> list[Letter]:
        return [one for one in (*self._letters, *self._alphabet.probes) if one.kind is kind]

    def _restarts(self) -> list[Letter]:
        return [*self._of(LetterKind.RESET), *self._of(LetterKind.POWER)]

    def _word(self, *parts: str | Word) -> Word:
        """Return the sequence of these letters; empty if one is an empty text, for a letter that is not sent."""
        letters: list[str] = []
        for part in parts:
            if part == "":
                return ()
            letters += [part] if isinstance(part, str) else part
        return tuple(letters)

    def wrong_keys(self, count: int) -> Word | str:
        """Return `count` wrong keys, each after its seed; an empty text if wrong keys are not sent."""
        return (self.seed, self.wrong) * count if self.seed and self.wrong else ""

    def breaks(self) -> Iterator[Word]:
        """Return what may come between two keys: sessions, resets, waits, other requests; ending in the level's session."""
        enter = self.enter or (self.seed,)
        for one in self._of(LetterKind.SESSION):
            yield (one.name, *enter)
        for one in self._restarts():
            yield (one.name, enter[0], *enter)  # the first request meets an ECU that boots
        for one in self._of(LetterKind.WAIT):
            yield (one.name, *enter)
        yield from ((one.name,) for one in [*self._of(LetterKind.PRESENT), *self._of(LetterKind.READ)])
        for level in self._alphabet.levels:
            other = _Scenes(self._alphabet, self._target, level, self._limits) if level != self.level else None
            if other is not None and other.seed and other.key:
                there, back = (other.enter, enter) if other.enter != self.enter else ((), ())
                yield (*there, other.seed, other.key, *back)

    def from_start(self) -> Iterator[Word]:
        """Return the sequences that checks send from a known state."""
        word, enter, wrong = self._word, self.enter, self.wrong_keys
        seed, key = self.seed, self.key
        start = enter or (seed,)
        yield word(start, wrong(self.longest), seed, key, self.effect or seed)
        yield word(self.effect)
        yield word(start, key, self.effect or seed)
        yield word(start, seed, key, key, self.effect or seed, seed)
        yield word(start, seed, self.wrong, key, self.effect or seed)
        if self.limit > 1:
            yield word(start, wrong(self.limit - 1), (seed, seed, self.wrong, seed, self.wrong) if self.wrong else "")
        for one in self.breaks():
            if self.limit > 1:
                for count in dict.fromkeys((1, self.limit - 1)):
                    yield word(start, wrong(count), one, wrong(self.limit))
                yield word(start, wrong(1), one, seed, key, self.effect or seed)
            yield word(start, wrong(self.limit), one, seed, key, self.effect or seed)
            yield word(start, seed, one, key, self.effect or seed)
            yield word(start, seed, key, self.effect or seed, one, self.effect or seed)
            yield word(start, seed, key, one, key, seed, key)

        for restart in self._restarts():  # what is there without any further session
            yield word(start, restart.name, seed, seed)
            yield word(start, seed, key, restart.name, self.effect, self.effect)
        yield from self._in_delay()
        yield from self._other_keys()
        yield from self._other_levels()
        yield from self._tester_present()

    def _in_delay(self) -> Iterator[Word]:
        """Return sequences that may evade the delay, that outlast it, or that show that it never ends."""
        word, seed, wrong = self._word, self.seed, self.wrong_keys(self.limit)
        start = self.enter or (seed,)
        for one in self._of(LetterKind.SESSION):
            yield word(start, wrong, one.name, seed)
        for one in self._of(LetterKind.READ):
            yield word(one.name)
            yield word(start, wrong, one.name)
        yield word(start, wrong, self.functional)
        yield word(start, wrong, self.quiet_seed, self.wrong)
        waits = sorted(self._of(LetterKind.WAIT), key=lambda one: one.seconds)
        for one in self._of(LetterKind.RESET) if waits else ():
            yield word(start, wrong, one.name, waits[0].name, start, seed)
        if waits:
            longest = waits[-1].name
            yield word(start, wrong, longest, start, self.wrong_keys(self.longest), seed)
            if rounds := word(wrong, longest, start) * (LARGEST_LIMIT // self.limit + 1):
                yield word(start, rounds, wrong, (longest,) * 11, start, seed)

    def _other_keys(self) -> Iterator[Word]:
        """Return sequences with keys of another form, at another time, or for another seed."""
        word, seed, key, seen = self._word, self.seed, self.key, self.effect or self.seed
        start = self.enter or (seed,)
        yield word(start, self.without_seed, seen)
        yield word(start, seed, self.long, seen)
        yield word(start, seed, self.long, key, seen)
        yield word(start, seed, self.quiet_key, seen)
        yield word(start, (seed, self.quiet_key) * (self.limit + 2) if self.quiet_key else "", seed)
        yield word(start, seed, key, start, seed, self.old, seen)

    def _other_levels(self) -> Iterator[Word]:
        """Return sequences with seeds and keys of another level."""
        word, seed, key, seen = self._word, self.seed, self.key, self.effect or self.seed
        start = self.enter or (seed,)
        for level in self._alphabet.levels:
            if level == self.level:
                continue
            other = _Scenes(self._alphabet, self._target, level, self._limits)
            there = other.enter if other.enter != self.enter else ()
            foreign = next(
                (one.name for one in self._of(LetterKind.FOREIGN_KEY) if (one.number, one.other) == (self.level, level)), ""
            )
            yield word(start, seed, foreign, other.effect or other.seed)
            yield word(start, seed, foreign, key, seen)
            yield word(start, seed, key, other.effect)
            yield word(start, seed, key, there, other.seed, other.key, self.effect)
            yield word(start, self.wrong_keys(self.limit), there, other.seed, start if there else (), seed)

    def _tester_present(self) -> Iterator[Word]:
        """Return sequences that show whether TesterPresent does more than keep a session."""
        word, seed, key = self._word, self.seed, self.key
        start = self.enter or (seed,)
        for one in self._of(LetterKind.PRESENT):
            yield word(start, one.name, self.effect)
            for wait in self._of(LetterKind.WAIT):
                yield word(start, seed, key, one.name, wait.name, self.effect)
                yield word(start, seed, key, wait.name, one.name, self.effect)

    def in_every_state(self) -> Iterator[Word]:
        """Return the sequences to send in every state; they consist only of the model's letters."""
        word, seed, key = self._word, self.seed, self.key
        yield word(seed, key, self.effect or seed)
        if self._is_counted():
            yield word(seed, self.wrong, key)
        yield word(self.effect, seed)

    def _is_counted(self) -> bool:
        return any(one.name == self.wrong for one in self._letters)

    def after_each_transition(self) -> Iterator[Word]:
        """Give wrong keys that lock a level from any state; with several, also letters that show the open level and seed."""
        if len(self._alphabet.levels) > 1 and self._alphabet.probes:
            yield self._word(self.effect, self.key, self.effect)
        if self._is_counted():
            yield self._word(self.enter or self.seed, self.wrong_keys(self.limit), self.seed)
