"""While one check waits for a delay, do parts of other checks that take long and send no keys."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.check import Attack
from harness.errors import HarnessError, Unjudged, Violation
from harness.tester.tester import Tester
from harness.verdict import Depth


@dataclass(frozen=True, slots=True)
class Errand:
    """A part of a check that takes long and sends no keys, so that it may be done during the delay of any level."""

    name: str
    seconds: float
    """The longest time in seconds that the part takes."""
    is_in_order: Callable[[], bool]
    """Do the part, and return whether the ECU was in order; if not, the check does the part again, and finds the cause."""


class Errands:
    """The parts of a run's checks that are still to be done, and the parts in which the ECU was found in order."""

    def __init__(self, tester: Tester, depth: Depth) -> None:
        self._tester = tester
        self._depth = depth
        self._checks: list[Attack] = []
        self._left: list[tuple[str, Errand]] = []
        self._in_order: dict[str, set[str]] = {}

    def expect(self, checks: Iterable[Attack]) -> None:
        """Note checks whose parts are to be done when there is time."""
        self._checks = [check for check in checks if check.meanwhile is not None]

    def of(self, check: str) -> set[str]:
        """Return the names of the check's parts that were done and in order; it does the other parts itself."""
        self._checks = [one for one in self._checks if one.id != check]
        self._left = [(id, errand) for id, errand in self._left if id != check]
        return self._in_order.get(check, set())

    def run(self, seconds: float) -> None:
        """Do the parts that fit into `seconds`."""
        tester = self._tester
        until_s = tester.link.now_s + seconds
        notes, evidence = [*tester.notes], [*tester.evidence]
        try:
            for check in self._checks:
                if all(need in tester.target.safety.allow for need in check.needs) and check.meanwhile is not None:
                    self._left += [(check.id, errand) for errand in check.meanwhile(tester, self._depth)]
            self._checks.clear()
            for id, errand in [*self._left]:
                if tester.link.now_s + errand.seconds < until_s:
                    self._left.remove((id, errand))
                    if errand.is_in_order():
                        self._in_order.setdefault(id, set()).add(errand.name)
        except (Unjudged, Violation, HarnessError):
            return  # its check will meet it again
        finally:
            tester.notes[:], tester.evidence[:] = notes, evidence
