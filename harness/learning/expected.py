"""Build the reference: the machine of a sound ECU with the same alphabet, drawn beside the learned machine."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from harness.learning.letters import Alphabet, Letter, LetterKind
from harness.learning.names import named
from harness.learning.reference import Known
from harness.learning.subject import POSITIVE, RESTARTED, SEED, SILENCE, WAITED, WRITTEN, ZERO_SEED
from harness.learning.suite import USUAL_LIMIT
from harness.runs.state_machine import NamedState, StateMachine, Transition
from harness.uds import Session

MOST_STATES: Final = 400
_OUT: Final = "0x7F"


@dataclass(frozen=True, slots=True)
class _Ecu:
    """The state of a sound ECU, as far as the alphabet shows it."""

    session: int = Session.DEFAULT
    opened: int = 0
    pending: int = 0
    wrong: int = 0
    """How many wrong keys the level whose keys are counted was sent."""
    is_delayed: bool = False
    is_booting: bool = False


def expected_machine(alphabet: Alphabet, known: Known, *, boots_deaf: bool) -> StateMachine:
    """Build the machine of ISO 14229-1's Annex I, with the limit that was seen, or else a usual limit.

    The machine has no states if it would be too large. `boots_deaf`: the letter after a restart finds the ECU still booting.
    Time passes only in letters that wait.
    """
    level = alphabet.level
    limit = known.limits.get(level) or USUAL_LIMIT
    start = _Ecu()
    ids = {start: "s0"}
    waiting, transitions = deque([start]), []
    while waiting and len(ids) <= MOST_STATES:
        ecu = waiting.popleft()
        for letter in alphabet.letters:
            after, answer = _step(ecu, letter, level, limit, known, boots_deaf=boots_deaf)
            if after not in ids:
                ids[after] = f"s{len(ids)}"
                waiting.append(after)
            transitions.append(Transition(ids[ecu], letter.name, answer, ids[after]))
    if len(ids) > MOST_STATES:
        return StateMachine(alphabet=(), states=(), initial="", transitions=())
    machine = StateMachine(
        alphabet=tuple(one.name for one in alphabet.letters),
        states=tuple(NamedState(id, id) for id in ids.values()),
        initial="s0",
        transitions=tuple(transitions),
        target="the reference",
    )
    return named(_smallest(machine), alphabet)


def _smallest(machine: StateMachine) -> StateMachine:
    """Merge states with the same behaviour, by separating states with different answers, round after round."""
    table = machine.table()
    classes = {state.id: 0 for state in machine.states}
    count = 0
    while True:
        looks = {
            state: (own, *((table[state, name].answer, classes[table[state, name].target]) for name in machine.alphabet))
            for state, own in classes.items()
        }
        numbers = {look: number for number, look in enumerate(dict.fromkeys(looks.values()))}
        classes = {state: numbers[look] for state, look in looks.items()}
        if len(numbers) == count:
            break
        count = len(numbers)
    kept = {number: state for state, number in reversed(classes.items())}  # the first of each class
    states = [state for state in machine.states if kept[classes[state.id]] == state.id]
    ids = {classes[state.id]: f"s{number}" for number, state in enumerate(states)}
    return replace(
        machine,
        states=tuple(NamedState(ids[classes[one.id]], one.name) for one in states),
        initial=ids[classes[machine.initial]],
        transitions=tuple(
            Transition(ids[classes[one.source]], one.letter, one.answer, ids[classes[one.target]])
            for one in machine.transitions
            if kept[classes[one.source]] == one.source
        ),
    )


def _step(ecu: _Ecu, letter: Letter, level: int, limit: int, known: Known, *, boots_deaf: bool) -> tuple[_Ecu, str]:
    if ecu.is_booting:
        ready = replace(ecu, is_booting=False)
        return (ready, SILENCE) if letter.kind is not LetterKind.WAIT else _waited(ready, letter, level, known)
    rules = known.rules
    match letter.kind:
        case LetterKind.SESSION:
            if not rules.has_sessions:
                return ecu, "0x11"
            return replace(ecu, session=letter.number, opened=0, pending=0), POSITIVE
        case LetterKind.RESET | LetterKind.POWER:
            is_delayed = bool(ecu.wrong) or ecu.is_delayed
            wrong = limit if is_delayed else 0
            return _Ecu(wrong=wrong, is_delayed=is_delayed, is_booting=boots_deaf), RESTARTED
        case LetterKind.WAIT:
            return _waited(ecu, letter, level, known)
        case LetterKind.EFFECT:
            return ecu, WRITTEN if ecu.opened == letter.number else "0x33"
    if rules.is_out_of_session(letter.number, ecu.session):
        return ecu, _OUT
    is_counted = letter.number == level
    if letter.kind is LetterKind.SEED:
        if ecu.opened == letter.number:
            return ecu, ZERO_SEED
        if is_counted and ecu.is_delayed:
            return ecu, "0x37"
        return replace(ecu, pending=letter.number), SEED
    if ecu.pending != letter.number:
        return replace(ecu, pending=0), "0x24"
    if letter.kind is LetterKind.RIGHT_KEY:
        cleared = {"wrong": 0, "is_delayed": False} if is_counted else {}
        return replace(ecu, opened=letter.number, pending=0, **cleared), POSITIVE  # type: ignore[arg-type]
    wrong = min(ecu.wrong + 1, limit)
    is_limit = wrong >= limit
    return replace(ecu, pending=0, wrong=wrong, is_delayed=is_limit), "0x36" if is_limit else "0x35"


def _waited(ecu: _Ecu, letter: Letter, level: int, known: Known) -> tuple[_Ecu, str]:
    delay_s = known.delay_s(level)
    if delay_s is not None and letter.seconds > delay_s and ecu.is_delayed:
        ecu = replace(ecu, is_delayed=False, wrong=0)
    if known.s3_s is not None and letter.seconds > known.s3_s:
        ecu = replace(ecu, session=Session.DEFAULT, opened=0, pending=0)
    return ecu, WAITED
