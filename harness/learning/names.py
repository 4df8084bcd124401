"""Name each state of a learned machine by its meaning: its session, and which levels, seeds, keys and delays it has."""

from collections import Counter
from collections.abc import Mapping

from harness.learning.letters import Alphabet, Letter, LetterKind
from harness.learning.subject import CHANGED, DEAD, NOT_SENT, POSITIVE, RESTARTED, SILENCE, WAITED, WRITTEN, ZERO_SEED
from harness.learning.suite import MOST_KEYS
from harness.runs.state_machine import NamedState, StateMachine, Transition
from harness.uds import Session

_IN_DELAY = ("0x36", "0x37")


def named(machine: StateMachine, alphabet: Alphabet) -> StateMachine:
    """Return the same machine with a unique name for each state."""
    namer = _Namer(machine, alphabet)
    names = {one.id: namer.name(one.id) for one in machine.states}
    counts, used = Counter(names.values()), Counter[str]()
    states = []
    for state, name in names.items():
        used[name] += 1
        states.append(NamedState(state, f"{name} ({used[name]})" if counts[name] > 1 else name))
    return StateMachine(
        **{field: getattr(machine, field) for field in machine.__dataclass_fields__ if field != "states"},
        states=tuple(states),
    )


class _Namer:
    def __init__(self, machine: StateMachine, alphabet: Alphabet) -> None:
        self._table: Mapping[tuple[str, str], Transition] = machine.table()
        self._ways = machine.ways()
        self._initial = machine.initial
        self._alphabet = alphabet
        self._letters = {one.name: one for one in alphabet.letters}
        self._limits = {level: self._wrong_keys_left(machine.initial, level) for level in alphabet.levels}

    def name(self, state: str) -> str:
        """Return a name for the meaning of a state."""
        answers = {letter: self._answer(state, letter) for letter in self._letters}
        sent = {name: answer for name, answer in answers.items() if answer != NOT_SENT}
        asked = [answer for name, answer in sent.items() if self._letters[name].kind is not LetterKind.WAIT]
        if asked and all(answer == DEAD for answer in asked):
            return "dead"
        if asked and all(answer == SILENCE for answer in asked):
            after = next(self._table[state, name].target for name in sent if self._letters[name].kind is not LetterKind.WAIT)
            rest = [part for part in self._parts(after) if part not in ("locked", self._session(after))]
            return ", ".join(["restarting", *rest])
        session = self._session(state)
        return ", ".join([*([session] if session else []), *self._parts(state)])

    def _parts(self, state: str) -> list[str]:
        is_shown = len(self._alphabet.levels) > 1 and len({one.number for one in self._of(LetterKind.SEED)}) > 1
        parts: list[str] = []
        opened = []
        for one in self._of(LetterKind.SEED):
            level, suffix = one.number, f" 0x{one.number:02X}" if is_shown else ""
            if self._is_open(state, level):
                opened.append(f"unlocked{suffix}")
            if self._answers(state, LetterKind.RIGHT_KEY, level) == POSITIVE:
                parts.append(f"seed pending{suffix}")
            if self._answers(self._where_seeds_are(state, level), LetterKind.SEED, level) in _IN_DELAY:
                parts.append(f"delayed{suffix}")
            elif (limit := self._limits[level]) is not None:
                left = self._wrong_keys_left(state, level)
                if left is not None and limit > left:
                    parts.append(f"{limit - left} wrong key{'s' if limit - left > 1 else ''}{suffix}")
        return [*(opened or ["locked"]), *parts]

    def _of(self, kind: LetterKind) -> list[Letter]:
        return [one for one in self._letters.values() if one.kind is kind]

    def _answer(self, state: str, letter: str) -> str:
        one = self._table.get((state, letter))
        return one.answer if one is not None else ""

    def _answers(self, state: str, kind: LetterKind, level: int) -> str:
        letter = next((one.name for one in self._of(kind) if one.number == level), "")
        return self._answer(state, letter)

    def _is_open(self, state: str, level: int) -> bool:
        effect = self._answers(state, LetterKind.EFFECT, level)
        if effect:
            return effect in (WRITTEN, POSITIVE) or CHANGED in effect
        return self._answers(state, LetterKind.SEED, level) == ZERO_SEED

    def _where_seeds_are(self, state: str, level: int) -> str:
        """Return the state in which the level's seeds are requested, after entering the sessions that they need."""
        if self._answers(state, LetterKind.SEED, level) not in ("0x7F", "0x7E", "0x12", "0x11"):
            return state
        for one in self._of(LetterKind.SESSION):
            step = self._table.get((state, one.name)) if one.number != Session.DEFAULT else None
            if step is not None and step.answer == POSITIVE:
                state = step.target
        return state

    def _wrong_keys_left(self, state: str, level: int) -> int | None:
        """Return how many wrong keys the level would still compare; None if there is no limit, or it cannot be seen."""
        seed = next((one.name for one in self._of(LetterKind.SEED) if one.number == level), "")
        wrong = next((one.name for one in self._of(LetterKind.WRONG_KEY) if one.number == level), "")
        if not seed or not wrong:
            return None
        state = self._where_seeds_are(state, level)
        for count in range(MOST_KEYS):
            given = self._table.get((state, seed))
            if given is None or given.answer in _IN_DELAY:
                return count if given is not None else None
            refused = self._table.get((given.target, wrong))
            if refused is None or refused.answer not in ("0x35", "0x36"):
                return None
            state = refused.target
            if refused.answer == "0x36":
                return count + 1
        return None

    def _session(self, state: str) -> str:
        """Return the session at the end of the shortest way to a state; empty if the ECU has no sessions."""
        sessions = self._of(LetterKind.SESSION)
        if not any(self._answer(self._initial, one.name) == POSITIVE for one in sessions):
            return ""
        session, here = int(Session.DEFAULT), self._initial
        for name in self._ways.get(state, ()):
            letter, step = self._letters[name], self._table[here, name]
            if letter.kind is LetterKind.SESSION and step.answer == POSITIVE:
                session = letter.number
            elif step.answer in (RESTARTED, WAITED):
                session = Session.DEFAULT
            here = step.target
        return "default session" if session == Session.DEFAULT else f"session {session:02X}"
