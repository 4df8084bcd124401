"""Define the content of model.json: what was learned of an ECU's state machine. Knows no bus, learner or page."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from harness.errors import UserError

SCHEMA_VERSION: Final = 1
MODEL_JSON: Final = "model.json"
MODEL_DOT: Final = "model.dot"
LEARN_HTML: Final = "learn.html"
MOST_STATES: Final = 10_000


@dataclass(frozen=True, slots=True)
class NamedState:
    """One state of the learned machine."""

    id: str
    name: str
    """What the state means, e.g. ``session 03, locked, seed pending, 1 wrong key``."""


@dataclass(frozen=True, slots=True)
class Transition:
    """The ECU's answer to a letter in a state, and the next state."""

    source: str
    letter: str
    answer: str
    target: str


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A sequence of letters after which the ECU breaks a rule that sound ECUs keep."""

    id: str
    """The id of the check that demands the rule, e.g. ``SA-22``."""
    rule: str
    """The rule as a sentence."""
    sequence: tuple[str, ...]
    """The shortest sequence found that breaks the rule, from the initial state."""
    answers: tuple[str, ...] = ()
    """The ECU's answer to each letter when the sequence was sent again to confirm it; empty if it was not confirmed."""


@dataclass(frozen=True, slots=True)
class AnswerConflict:
    """A sequence whose last letter was answered differently at different times."""

    sequence: tuple[str, ...]
    answers: Mapping[str, int]
    """How many times each answer to the last letter came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine:
    """An ECU's learned state machine, with the rules it broke and the effort of learning."""

    alphabet: tuple[str, ...]
    states: tuple[NamedState, ...]
    initial: str
    transitions: tuple[Transition, ...]
    requests: int = 0
    """How many requests were sent in all, for learning and for everything around it."""
    resets: int = 0
    """How often the ECU was brought back to its initial state."""
    wrong_keys: int = 0
    violations: tuple[BrokenRule, ...] = ()
    nondeterminism: tuple[AnswerConflict, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    """By letter, what is sent for it."""
    left_out: tuple[str, ...] = ()
    """Letters that were not used, and why."""
    saved_letters: int = 0
    """How many letters were not sent again because the answer was known."""
    reset_by: str = ""
    target: str = ""
    seed: int = 0
    ended: str = ""
    """Why learning ended early; empty if it was complete."""
    reference: StateMachine | None = None
    """The state machine that a sound ECU would have with the same alphabet."""
    differing: tuple[tuple[str, str], ...] = ()
    """States and letters for which the reference answers differently."""

    def table(self) -> dict[tuple[str, str], Transition]:
        """Return each transition by its state and letter."""
        return {(one.source, one.letter): one for one in self.transitions}

    def name_of(self, state: str) -> str:
        """Return a state's name."""
        return next((one.name for one in self.states if one.id == state), state)

    def ways(self) -> dict[str, tuple[str, ...]]:
        """Return the shortest sequence of letters from the initial state to each reachable state."""
        table = self.table()
        ways: dict[str, tuple[str, ...]] = {self.initial: ()}
        waiting = deque([self.initial])
        while waiting:
            state = waiting.popleft()
            for letter in self.alphabet:
                one = table.get((state, letter))
                if one is not None and one.target not in ways:
                    ways[one.target] = (*ways[state], letter)
                    waiting.append(one.target)
        return ways

    def as_json(self) -> dict[str, Any]:
        """Return the content of model.json."""
        return {
            "schema_version": SCHEMA_VERSION,
            "target": self.target,
            "seed": self.seed,
            "alphabet": list(self.alphabet),
            "letters": dict(self.meanings),
            "left_out": list(self.left_out),
            "states": [{"id": one.id, "name": one.name} for one in self.states],
            "initial": self.initial,
            "transitions": [
                {"from": one.source, "input": one.letter, "output": one.answer, "to": one.target} for one in self.transitions
            ],
            "reset_by": self.reset_by,
            "requests": self.requests,
            "resets": self.resets,
            "wrong_keys": self.wrong_keys,
            "saved_letters": self.saved_letters,
            "violations": [
                {"id": one.id, "rule": one.rule, "sequence": list(one.sequence), "answers": list(one.answers)}
                for one in self.violations
            ],
            "nondeterminism": [
                {"sequence": list(one.sequence), "answers": dict(one.answers)} for one in self.nondeterminism
            ],
            "ended": self.ended,
            "reference": None if self.reference is None else self.reference.graph_json(),
            "differing": [list(one) for one in self.differing],
        }

    def graph_json(self) -> dict[str, Any]:
        """Return only alphabet, states and transitions, as plain JSON values."""
        whole = replace(self, reference=None).as_json()
        return {name: whole[name] for name in ("alphabet", "states", "initial", "transitions")}

    def text(self) -> str:
        """Return the text of model.json."""
        return json.dumps(self.as_json(), indent=1) + "\n"

    def dot(self) -> str:
        """Return the machine as a Graphviz graph; all transitions from one state to another share an edge."""
        lines = [
            "digraph machine {",
            "  rankdir=LR;",
            "  node [shape=box, style=rounded];",
            '  start [shape=point, label=""];',
        ]
        lines += [f"  {_quoted(one.id)} [label={_quoted(one.name)}];" for one in self.states]
        lines.append(f"  start -> {_quoted(self.initial)};")
        for (source, target), labels in self.edges().items():
            lines.append(f"  {_quoted(source)} -> {_quoted(target)} [label={_quoted(chr(10).join(labels))}];")
        return "\n".join([*lines, "}", ""])

    def edges(self) -> dict[tuple[str, str], list[str]]:
        """Return, by source and target, ``letter / answer`` of each transition between them."""
        edges: dict[tuple[str, str], list[str]] = {}
        for one in self.transitions:
            edges.setdefault((one.source, one.target), []).append(f"{one.letter} / {one.answer}")
        return edges


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def read_machine(path: Path) -> StateMachine:
    """Read a model.json, or the model.json in a run folder. Raises UserError if there is none, or it is damaged."""
    file = path / MODEL_JSON if path.is_dir() else path
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); name a folder that `uds-harness learn` made") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: is no JSON ({error}); the file is damaged") from error
    try:
        return _machine(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{file}: is no learned state machine ({type(error).__name__}: {error})") from error


def _machine(document: dict[str, Any]) -> StateMachine:
    if document["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema_version is not {SCHEMA_VERSION}")
    states = tuple(NamedState(_word(one["id"]), _word(one["name"])) for one in document["states"])
    if len(states) > MOST_STATES:
        raise ValueError(f"more than {MOST_STATES} states")
    known = {one.id for one in states}
    transitions = tuple(_transitions(document["transitions"], known))
    initial = _word(document["initial"])
    if states and initial not in known:
        raise ValueError("initial is no state")
    return StateMachine(
        alphabet=_words(document["alphabet"]),
        states=states,
        initial=initial,
        transitions=transitions,
        requests=int(document["requests"]),
        resets=int(document["resets"]),
        wrong_keys=int(document["wrong_keys"]),
        violations=tuple(
            BrokenRule(_word(one["id"]), _word(one["rule"]), _words(one["sequence"]), _words(one.get("answers", [])))
            for one in document["violations"]
        ),
        nondeterminism=tuple(
            AnswerConflict(_words(one["sequence"]), {_word(name): int(count) for name, count in one["answers"].items()})
            for one in document["nondeterminism"]
        ),
        meanings={_word(name): _word(what) for name, what in document.get("letters", {}).items()},
        left_out=_words(document.get("left_out", [])),
        saved_letters=int(document.get("saved_letters", 0)),
        reset_by=_word(document.get("reset_by", "")),
        target=_word(document.get("target", "")),
        seed=int(document.get("seed", 0)),
        ended=_word(document.get("ended", "")),
        reference=_graph(document["reference"]) if document.get("reference") else None,
        differing=tuple((_word(state), _word(letter)) for state, letter in document.get("differing", [])),
    )


def _graph(document: dict[str, Any]) -> StateMachine:
    rest = {"schema_version": SCHEMA_VERSION, "requests": 0, "resets": 0, "wrong_keys": 0}
    return _machine({**document, **rest, "violations": [], "nondeterminism": [], "target": "the reference"})


def _transitions(rows: list[dict[str, Any]], known: set[str]) -> Iterator[Transition]:
    for row in rows:
        one = Transition(_word(row["from"]), _word(row["input"]), _word(row["output"]), _word(row["to"]))
        if one.source not in known or one.target not in known:
            raise ValueError(f"a transition names a state that is not there: {one.source} -> {one.target}")
        yield one


def _words(values: list[Any]) -> tuple[str, ...]:
    return tuple(map(_word, values))


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
