"""Find the rules that a learned machine, or a sequence that was sent, breaks, and the shortest sequence for each rule."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from harness.learning.letters import Alphabet, Letter, LetterKind
from harness.learning.observations import Answers, Observations, Word
from harness.learning.reference import Known, Monitor, known_of
from harness.learning.subject import CHANGED, DEAD, POSITIVE, WRITTEN
from harness.learning.suite import plain_wrong_keys, wrong_keys_after_another_level
from harness.runs.state_machine import NamedState, StateMachine, Transition
from harness.target import Target

MOST_BELIEFS = 8_000
"""How many pairs of a machine's state and a reference's state are examined at most."""

_COMPARED = ("0x35", "0x36")

_BY_EFFECT = frozenset({"AC-02", "SA-28", "SA-29", "SA-36", "SA-39", "ST-01", "ST-02", "ST-03", "ST-04"})
"""Rules that are broken if a guarded effect succeeds while the level should be locked."""

_IMPLIES = {
    "SA-09": frozenset({"SA-10", "SA-11", "SA-12", "SA-13", "SA-14", "SA-15", "SA-18", "SA-20", "SA-36"}),
    "SA-11": frozenset({"SA-12", "SA-13", "SA-14", "SA-18"}),
    "SA-12": frozenset({"SA-18"}),
    "SA-13": frozenset({"SA-18"}),
    "SA-16": frozenset({"SA-14", "SA-19"}),
    "SA-28": frozenset({"SA-29", "SA-39"}),
    "SA-39": frozenset({"SA-36", "ST-01", "ST-02", "ST-03", "ST-04"}),
    "AC-02": _BY_EFFECT - {"AC-02"},
    "ST-02": frozenset({"ST-04"}),
    "ST-05": frozenset({"SA-26", "ST-08"}),
}
"""By rule: further rules that the same mistake breaks, e.g. an ECU without a limit also breaks every rule on its counter."""

Broken = dict[str, Word]
"""By id of the check that demands the rule: the shortest sequence that breaks it."""


def limits_seen(observations: Observations, alphabet: Alphabet, target: Target) -> dict[int, int | None]:
    """Return, by level, how many wrong keys in a row the ECU compared; None: no limit was seen."""
    declared = {entry.level: entry.attempts for entry in target.security}
    return {
        level: _limit(observations, plain_wrong_keys(alphabet, target, level), declared.get(level))
        for level in alphabet.levels
    }


def what_is_known(observations: Observations, alphabet: Alphabet, target: Target) -> Known:
    """Return what must be known of an ECU before it is judged: its limits, and whether its levels share one counter."""
    limits = limits_seen(observations, alphabet, target)
    is_shared = False
    for level in alphabet.levels:
        for other in alphabet.levels:
            word = wrong_keys_after_another_level(alphabet, target, level, other) if other != level else ()
            alone, compared = limits[level], _compared(observations, word, alphabet, level)
            is_shared = is_shared or (alone is not None and compared is not None and compared < alone)
    read = next((one.name for one in alphabet.probes if one.kind is LetterKind.READ), "")
    answers = observations.known((read,)) if read else None
    return known_of(target, limits, is_one_counter=is_shared, read_answer=answers[0] if answers else POSITIVE)


def _limit(observations: Observations, word: Word, declared: int | None) -> int | None:
    """Return how many wrong keys of a sequence were compared before the ECU refused further keys; None if it refused none.

    If a seed is refused after fewer keys than declared, that is taken for a pause between two keys, not for a limit.
    """
    answers = observations.known(word) if word else None
    compared = 0
    for letter, answer in zip(word, answers or (), strict=False):
        if letter.startswith("wrong key") and answer in _COMPARED:
            compared += 1
            if answer == "0x36":
                return compared
        elif letter.startswith("seed") and answer.startswith("0x") and compared:
            return compared if declared is not None and compared >= declared else None
    return None


def _compared(observations: Observations, word: Word, alphabet: Alphabet, level: int) -> int | None:
    """Return how many wrong keys for a level were compared in a sequence; None if the sequence was not sent."""
    answers = observations.known(word) if word else None
    wrong = alphabet.first(LetterKind.WRONG_KEY, level)
    if answers is None or wrong is None:
        return None
    return sum(letter == wrong.name and answer in _COMPARED for letter, answer in zip(word, answers, strict=True))


def judge_word(
    word: Sequence[Letter], answers: Answers, known: Known, seconds: Sequence[float] = ()
) -> list[tuple[str, int]]:
    """Return the ids of the rules that the answers to a sequence break, each with the number of letters until the break.

    `seconds` is, for each letter, the time that passed in addition to the wait that the letter itself stands for.
    """
    monitor, found = Monitor.start(known), []
    open_levels: set[int] = set()
    for index, (letter, answer) in enumerate(zip(word, answers, strict=True)):
        extra_s = seconds[index] if seconds else 0.0
        monitor, broken = monitor.after(letter, answer, is_open=letter.number in open_levels, seconds=extra_s)
        if letter.kind is LetterKind.EFFECT:
            is_open = answer in (WRITTEN, POSITIVE) or CHANGED in answer
            (open_levels.add if is_open else open_levels.discard)(letter.number)
        elif letter.kind in (LetterKind.SESSION, LetterKind.RESET, LetterKind.POWER, LetterKind.WAIT):
            open_levels.clear()
        if broken:
            found.append((broken, index + 1))
            if letter.kind is LetterKind.EFFECT or answer == DEAD:
                break  # it is open where it must not be, or dead: what follows is a consequence
    return found


def judge_words(words: Iterable[tuple[Word, Answers]], known: Known, letters: dict[str, Letter]) -> Broken:
    """Return, for each rule, the shortest beginning of these sequences that breaks the rule."""
    shortest: Broken = {}
    for word, answers in words:
        for id, length in judge_word([letters[name] for name in word], answers, known):
            if id not in shortest or length < len(shortest[id]):
                shortest[id] = word[:length]
    return shortest


def causes_of(id: str, broken: Broken, letters: dict[str, Letter]) -> list[str]:
    """Return the broken rules that may be why the rule `id` is broken, too."""
    found = [cause for cause, implied in _IMPLIES.items() if id in implied and cause in broken]
    if id in _BY_EFFECT and "AC-01" in broken and all(letters[name].kind is LetterKind.EFFECT for name in broken["AC-01"]):
        found.append("AC-01")
    return found


def judge_machine(machine: StateMachine, known: Known, letters: dict[str, Letter]) -> Broken:
    """Return the shortest sequence of the machine that breaks each rule, breadth-first through both it and the reference."""
    table = machine.table()
    if not machine.states:
        return {}
    open_in = {state.id: set(_open_levels(state, table, letters)) for state in machine.states}
    start = Monitor.start(known)
    waiting: deque[tuple[str, Monitor, Word]] = deque([(machine.initial, start, ())])
    seen = {(machine.initial, start.key())}
    shortest: Broken = {}
    while waiting and len(seen) < MOST_BELIEFS:
        state, monitor, word = waiting.popleft()
        for name in machine.alphabet:
            step = table.get((state, name))
            if step is None:
                continue
            letter = letters[name]
            after, broken = monitor.after(letter, step.answer, is_open=letter.number in open_in[state])
            if broken:
                shortest.setdefault(broken, (*word, name))
                if letter.kind is LetterKind.EFFECT or step.answer == DEAD:
                    continue
            key = (step.target, after.key())
            if key not in seen:
                seen.add(key)
                waiting.append((step.target, after, (*word, name)))
    return shortest


def _open_levels(state: NamedState, table: dict[tuple[str, str], Transition], letters: dict[str, Letter]) -> Iterator[int]:
    for letter in letters.values():
        step = table.get((state.id, letter.name)) if letter.kind is LetterKind.EFFECT else None
        if step is not None and (step.answer in (WRITTEN, POSITIVE) or CHANGED in step.answer):
            yield letter.number
