"""A clock for ECUs under test: its time is a number, and nothing happens but when it is moved."""

import heapq
import itertools
from collections.abc import Callable


class Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Clock:
    """The half of a node's port that has to do with time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    @property
    def utc_s(self) -> float:
        return 1_767_225_600.0 + self.now_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        assert delay_s >= 0
        timer = Timer(callback)
        heapq.heappush(self._timers, (self.now_s + delay_s, next(self._order), timer))
        return timer

    def advance(self, seconds: float, is_done: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass, and what is due happen, until it `is_done`. False: it was not, all the time."""
        end_s = self.now_s + seconds
        while not is_done():
            if not self._timers or self._timers[0][0] > end_s:
                self.now_s = end_s
                return False
            self.now_s, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
        return True

    def forget(self) -> None:
        """Drop timers, as a bus does before it cuts the power."""
        self._timers.clear()
