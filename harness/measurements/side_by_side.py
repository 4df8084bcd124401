"""Measure several levels side by side: during the delay of one level, use another."""

from collections.abc import Callable, Generator, Mapping
from typing import Generic, TypeVar

from harness.errors import HarnessError, Unjudged, Violation
from harness.tester.guesses import OpenedMeanwhile
from harness.tester.security import delay_of
from harness.tester.tester import Tester

T = TypeVar("T")

Steps = Generator[bool, None, T]
"""A measurement of one level in steps; each step begins in the known state and may lock the level out.

Before each step the measurement yields whether the delays of all other levels must be over for that step.
"""

Turns = Generator[float, None, T]
"""A measurement of one level that waits for its delays; it yields the time, by the link's clock, at which it goes on."""


class _Results(Generic[T]):
    """The results of measurements, each with its notes."""

    def __init__(self, tester: Tester, own: int) -> None:
        self._tester = tester
        self._own = own
        self._notes: dict[int, list[str]] = {}
        self.ended: dict[int, tuple[T | Unjudged, list[str]]] = {}

    def next(self, level: int, measurement: Generator[float, None, T]) -> float | None:
        """Continue a measurement until it yields, and return the value that it yields; None if it has ended.

        A failed measurement of a level other than `own` is dropped: the checks of that level will find the failure.
        """
        tester, notes = self._tester, self._notes.setdefault(level, [])
        others_notes, tester.notes[:] = [*tester.notes], notes
        try:
            return next(measurement)
        except StopIteration as end:
            self.ended[level] = end.value, notes
        except OpenedMeanwhile:  # to be measured once more
            if level == self._own:
                raise
        except Unjudged as reason:
            self.ended[level] = reason, notes
        except (Violation, HarnessError):
            if level == self._own:
                raise
        finally:
            notes[:], tester.notes[:] = tester.notes, others_notes
        return None


def side_by_side(
    tester: Tester, own: int, measurements: Mapping[int, Steps[T]], meanwhile: Callable[[float], None]
) -> dict[int, tuple[T | Unjudged, list[str]]]:
    """Take measurements of several levels, one step of each in turn; then wait for their delays, and so on.

    `meanwhile` is called with the seconds until the first delay is over, to use that time. Return each result with its
    notes. Raises any error of the measurement of the level `own` but Unjudged.
    """
    results = _Results[T](tester, own)
    needs_others = dict.fromkeys(measurements, True)
    while needs_others:
        tester.restore()
        stepped: list[int] = []
        for level in sorted(needs_others, key=lambda level: not needs_others[level]):
            if stepped and (needs_others[level] or not tester.serves_beside(level, stepped)):
                continue  # it has its turn in the next round
            stepped.append(level)
            found = results.next(level, measurements[level])
            del needs_others[level]
            if found is not None:
                needs_others[level] = bool(found)  # behind the others, which come first if they need the same
        tester.try_others_during_delays()
        if delayed := [level for level in stepped if tester.security.level(level).is_delayed]:
            meanwhile(min(map(tester.security.delay_left_s, delayed)))
    return results.ended


def in_turn(tester: Tester, own: int, measurements: Mapping[int, Turns[T]]) -> dict[int, tuple[T | Unjudged, list[str]]]:
    """Take measurements of several levels; while one waits, continue the next. Return each result with its notes.

    Raises any error of the measurement of the level `own` but Unjudged.
    """
    results = _Results[T](tester, own)
    until_s = dict.fromkeys(measurements, 0.0)
    while until_s:
        level = min(until_s, key=until_s.__getitem__)
        if (seconds := until_s[level] - tester.link.now_s) > 0:
            tester.wait(seconds, delay_of(level))
        found = results.next(level, measurements[level])
        if found is None:
            del until_s[level]
        else:
            until_s[level] = found
    return results.ended
