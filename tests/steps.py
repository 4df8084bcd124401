"""Write a test as a dialogue: what is shown, and the steps that show it."""

from collections.abc import Callable
from typing import Any

import pytest


def dialogues(text: str) -> list[Any]:
    """Parameters of a test: a line that says what is shown, then indented lines of steps with ``|`` between."""
    shown: list[tuple[str, list[str]]] = []
    for line in text.strip("\n").split("\n"):
        if line.startswith(" "):
            shown[-1][1].append(line)
        else:
            shown.append((line, []))
    return [pytest.param("|".join(steps), id=title) for title, steps in shown]


def each(text: str) -> list[Any]:
    """Parameters of a test, each a dialogue of one step."""
    return [pytest.param(step.strip(), id=step.partition(">")[0].strip()) for step in text.replace("\n", "|").split("|")]


def play(steps: str, do: Callable[[str], str], *, is_flawed: bool = False) -> None:
    """Do each step, and compare its answer with the words after ``>``: `nothing` is silence, ``...`` any end.

    In ``> one / other`` the first answer is that of a sound ECU, the second that of a flawed one.
    """
    for number, step in enumerate(steps.split("|"), 1):
        done, asks, expected = (word.strip() for word in step.partition(">"))
        said = do(done)
        expected = expected.split(" / ")[-1 if is_flawed else 0]
        if expected.endswith("..."):
            expected = expected.removesuffix("...").strip()
            said = said[: len(expected)]
        assert not asks or said == expected.replace("nothing", ""), f"step {number}, {step.strip()}"
