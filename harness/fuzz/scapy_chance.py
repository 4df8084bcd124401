"""How is Scapy's `fuzz()` made repeatable? It draws from Python's global generator, which is the run's meanwhile.

The one file beside the clock that touches the module `random`: nothing is drawn here, the global generator is only given
a state that the run's seed decides, and its own one back.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from harness.link.clock import Chance


class ScapyChance:
    """A state of the global generator that goes on where it was left."""

    def __init__(self, chance: Chance) -> None:
        self._state: object = None
        self._seed = int.from_bytes(chance.random_bytes(16), "big")

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Whatever draws from `random` within draws from the run's chance."""
        outside = random.getstate()
        if self._state is None:
            random.seed(self._seed)
        else:
            random.setstate(self._state)  # type: ignore[arg-type]
        try:
            yield
        finally:
            self._state = random.getstate()
            random.setstate(outside)
