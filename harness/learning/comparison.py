"""Compare two learned machines of one ECU: new and lost states and steps, and the shortest sequence that differs."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.runs.state_machine import StateMachine, Transition

Word = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MachineChange:
    """A step that both machines reach by the same sequence, but answer differently."""

    sequence: Word
    """The shortest sequence that shows the change; the two machines answer its last letter differently."""
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class MachineComparison:
    """What two machines have in common, and where they differ."""

    letters_gone: Word
    letters_new: Word
    states_gone: Word
    states_new: Word
    steps_gone: Word
    """Lost steps, each as ``state, letter: answer → state``, with the names of the states."""
    steps_new: Word
    changes: tuple[MachineChange, ...]
    """Changed answers to letters that both machines have, the shortest sequence first."""
    rules_gone: Word
    rules_new: Word

    @property
    def is_same(self) -> bool:
        """Whether both machines behave alike, whatever their states are called."""
        return not (self.changes or self.rules_gone or self.rules_new or self.letters_gone or self.letters_new)


def compare(old: StateMachine, new: StateMachine) -> MachineComparison:
    """Return the differences of `new` from `old`."""
    one, two = dict.fromkeys(old.alphabet), dict.fromkeys(new.alphabet)
    shared = [letter for letter in one if letter in two]
    before, after = {state.name for state in old.states}, {state.name for state in new.states}
    steps_before, steps_after = set(_steps(old)), set(_steps(new))
    return MachineComparison(
        letters_gone=tuple(letter for letter in one if letter not in two),
        letters_new=tuple(letter for letter in two if letter not in one),
        states_gone=tuple(sorted(before - after)),
        states_new=tuple(sorted(after - before)),
        steps_gone=tuple(sorted(steps_before - steps_after)),
        steps_new=tuple(sorted(steps_after - steps_before)),
        changes=tuple(_changes(old, new, shared)),
        rules_gone=tuple(sorted(_rules(old) - _rules(new))),
        rules_new=tuple(sorted(_rules(new) - _rules(old))),
    )


def _steps(machine: StateMachine) -> Iterator[str]:
    names = {state.id: state.name for state in machine.states}
    for one in machine.transitions:
        yield f"{names[one.source]}, {one.letter}: {one.answer} → {names[one.target]}"


def _rules(machine: StateMachine) -> set[str]:
    return {f"{one.id} {one.rule}" for one in machine.violations}


def differing_steps(
    one: StateMachine, other: StateMachine, letters: Iterable[str]
) -> Iterator[tuple[Word, Transition, Transition]]:
    """Yield the steps that the machines answer differently, each with the shortest sequence that leads to it.

    The search goes breadth-first through pairs of states; it follows no letter that is answered differently.
    """
    if not one.states or not other.states:
        return
    steps, others, letters = one.table(), other.table(), [*letters]
    start = (one.initial, other.initial)
    ways: dict[tuple[str, str], Word] = {start: ()}
    waiting = deque([start])
    while waiting:
        here, there = pair = waiting.popleft()
        for letter in letters:
            step, its_step = steps.get((here, letter)), others.get((there, letter))
            if step is None or its_step is None:
                continue
            if step.answer != its_step.answer:
                yield ways[pair], step, its_step
            elif (step.target, its_step.target) not in ways:
                ways[step.target, its_step.target] = (*ways[pair], letter)
                waiting.append((step.target, its_step.target))


def _changes(old: StateMachine, new: StateMachine, letters: list[str]) -> Iterator[MachineChange]:
    """Yield every answer that differs, once."""
    told = set()
    for way, one, two in differing_steps(old, new, letters):
        if (key := (one.letter, one.answer, two.answer)) not in told:
            told.add(key)
            yield MachineChange((*way, one.letter), one.answer, two.answer)


def comparison_lines(found: MachineComparison) -> Iterator[str]:
    """Format a comparison for the terminal."""
    if found.is_same:
        yield "the machines do the same"
        return
    if found.changes:
        first = found.changes[0]
        yield "the shortest sequence that tells them apart:"
        yield f"  {', '.join(first.sequence)}"
        yield f"  the last letter is answered: {first.old} (old), {first.new} (new)"
    for title, lines in (
        ("rules that are broken now, and were not", found.rules_new),
        ("rules that were broken, and are not now", found.rules_gone),
        ("letters that are new", found.letters_new),
        ("letters that are gone", found.letters_gone),
        ("states that are new", found.states_new),
        ("states that are gone", found.states_gone),
        ("steps that are new", found.steps_new),
        ("steps that are gone", found.steps_gone),
    ):
        if lines:
            yield ""
            yield f"{title}:"
            yield from (f"  {line}" for line in lines)
    if len(found.changes) > 1:
        yield ""
        yield "further answers that changed, each with its shortest sequence:"
        for one in found.changes[1:]:
            yield f"  {', '.join(one.sequence)}: {one.old} (old), {one.new} (new)"
