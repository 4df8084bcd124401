"""Measure several levels in turn, so that the delay of one passes while another one is asked."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TypeVar

from harness.errors import HarnessError, Unjudged, Violation
from harness.tester.tester import Tester

T = TypeVar("T")

Steps = Generator[bool, None, T]
"""A measurement of one level in steps, each of which may lock the level out.

Before each step it yields whether the step needs all other levels out of their delays, too.
"""


def side_by_side(
    tester: Tester, own: int, measurements: Mapping[int, Steps[T]]
) -> dict[int, tuple[T | Unjudged, list[str]]]:
    """Take the measurements, by level, a step of each beside one of the others; then wait until all delays are over.

    Return what each came to, with the notes it made. One of another level than `own` that fails in any other way is left
    out: that is for the checks of its level to find. Raises what `own` raises, except Unjudged.
    """
    ended: dict[int, tuple[T | Unjudged, list[str]]] = {}
    notes: dict[int, list[str]] = {level: [] for level in measurements}
    needs_others = dict.fromkeys(measurements, True)
    while needs_others:
        tester.restore()
        stepped: list[int] = []
        for level in sorted(needs_others, key=lambda level: not needs_others[level]):
            if stepped and (needs_others[level] or not tester.serves_beside(level, stepped)):
                continue  # it has its turn in the next round
            stepped.append(level)
            others_notes, tester.notes[:] = [*tester.notes], notes[level]
            try:
                needs_others[level] = next(measurements[level])
                continue
            except StopIteration as end:
                ended[level] = end.value, notes[level]
            except Unjudged as reason:
                ended[level] = reason, notes[level]
            except (Violation, HarnessError):
                if level == own:
                    raise
            finally:
                notes[level][:], tester.notes[:] = tester.notes, others_notes
            del needs_others[level]
    return ended
