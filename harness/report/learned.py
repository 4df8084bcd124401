"""Render the learned state machine, as learn.html and as a section of audit.html: self-contained, without JavaScript."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from markupsafe import Markup

from harness.report.html import csp_hash, environment, source
from harness.report.machine_picture import MOST_DRAWN, picture
from harness.runs.state_machine import BrokenRule, StateMachine, Transition

MOST_STATES_IN_TABLE: Final = 200
MOST_STEPS: Final = 40
"""How many steps of a sequence are shown; model.json has the whole sequence."""


def learn_html(machine: StateMachine) -> str:
    """Render the page of one learned machine."""
    style = source("audit.css") + source("machine.css")
    page = environment().get_template("learn.html")
    return page.render(style=Markup(style), style_hash=csp_hash(style), **_context(machine)) + "\n"


def machine_section(machine: StateMachine) -> Markup:
    """Render the machine as a section of another page, which must include the style `source("machine.css")`."""
    return Markup(_parts().section(**_context(machine)))


def _context(machine: StateMachine) -> dict[str, Any]:
    broken = broken_steps(machine)
    table = machine.table() if len(machine.states) <= MOST_STATES_IN_TABLE else {}
    return {
        "machine": machine,
        "drawing": picture(machine, broken=broken, differing=machine.differing),
        "reference": picture(machine.reference) if machine.reference is not None else Markup(""),
        "most_drawn": MOST_DRAWN,
        "rows": [
            (state, [_cell(table.get((state.id, letter)), broken, machine) for letter in machine.alphabet])
            for state in (machine.states if table else ())
        ],
        "rules": [(rule, _steps(rule)) for rule in machine.violations],
        "most_steps": MOST_STEPS,
    }


def broken_steps(machine: StateMachine) -> dict[tuple[str, str], str]:
    """Return, by state and letter, the ids of the rules that the transition breaks; no rules with unknown letters."""
    table = machine.table()
    found: dict[tuple[str, str], str] = {}
    for rule in machine.violations:
        state, step = machine.initial, None
        for letter in rule.sequence:
            step = table.get((state, letter))
            if step is None:
                break
            state = step.target
        if step is not None:
            key = (step.source, step.letter)
            found[key] = f"{found[key]}, {rule.id}" if key in found else rule.id
    return found


def _cell(
    step: Transition | None, broken: Mapping[tuple[str, str], str], machine: StateMachine
) -> tuple[str, str, str, str]:
    """Return what a cell of the table shows: the answer, a next state that differs, a CSS class, the broken rule's check."""
    if step is None:
        return "", "", "", ""
    key = (step.source, step.letter)
    kind = "broken" if key in broken else "differs" if key in machine.differing else ""
    return step.answer, "" if step.target == step.source else step.target, kind, broken.get(key, "")


def _steps(rule: BrokenRule) -> list[tuple[str, str]]:
    answers = rule.answers or ("",) * len(rule.sequence)
    return list(zip(rule.sequence, answers, strict=False))


@cache
def _parts() -> Any:
    return environment().get_template("machine.html").module
