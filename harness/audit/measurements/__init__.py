"""What several checks need to know about an ECU, measured once, on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from harness.audit.measurements.lockout import Lockout, probe_lockout
from harness.audit.measurements.seeds import SeedSample, sample_seeds
from harness.outcome import Unjudged
from harness.run import Depth, Profile
from harness.tester.tester import Tester

T = TypeVar("T")


class Measurements:
    """Takes each measurement once, and gives the same result, or the same reason for none, to all that ask.

    A check that needs the ECU in a known state restores it after its first question here.
    """

    def __init__(self, tester: Tester, depth: Depth) -> None:
        self._tester = tester
        self._depth = depth
        self._taken: dict[tuple[object, ...], object] = {}
        self.profiles: list[Profile] = []
        """What the report shows of measurements, in the order in which they were taken."""

    def once(self, key: tuple[object, ...], take: Callable[[], T]) -> T:
        """What `take` gives the first time. Raises again what it ended by, where that was no result."""
        if key not in self._taken:
            try:
                self._taken[key] = take()
            except Unjudged as reason:
                self._taken[key] = reason
        found = self._taken[key]
        if isinstance(found, Unjudged):
            raise found
        return found  # type: ignore[return-value]

    def publish(self, title: str, rows: Mapping[str, str]) -> None:
        """Show a measured profile in the report, e.g. of a lockout; a later one of the same title takes its place."""
        self.profiles = [profile for profile in self.profiles if profile.title != title]
        self.profiles.append(Profile(title=title, rows=tuple(rows.items())))

    def seeds(self, level: int) -> SeedSample:
        """The run's seed sample of a locked level: 256, 1000 or 10000 by depth."""
        return self.once(("seeds", level), lambda: self.fresh_seeds(level))

    def fresh_seeds(self, level: int) -> SeedSample:
        """Another sample of the same size."""
        return sample_seeds(self._tester, level, self._depth)

    def lockout(self, level: int) -> Lockout:
        """How many wrong keys the level takes: 11 are tried, 50 at depth deep."""
        return self.once(("lockout", level), lambda: probe_lockout(self._tester, level, self._depth))
