"""A level that is locked out, with most of its delay still to come."""

from __future__ import annotations

from harness import Reply, Tester, inconclusive

RENEWED_AFTER = 0.6
EARLY_UNTIL = 0.8
"""Shares of the delay: later a new lockout is begun; later a seed proves nothing, since clocks differ."""


class LockoutWindow:
    """Locks one level out, and again when most of the delay is over."""

    def __init__(self, tester: Tester, level: int, wrong_keys: int, delay_s: float) -> None:
        self._tester = tester
        self._level = level
        self._wrong_keys = wrong_keys
        self.delay_s = delay_s
        self._since_s: float | None = None
        self.seed = b""
        """The last seed that was answered."""

    @property
    def elapsed_s(self) -> float:
        """Since the last wrong key."""
        assert self._since_s is not None
        return self._tester.link.now_s - self._since_s

    @property
    def is_open(self) -> bool:
        """The level has been locked out, and was not seen to give a seed since."""
        return self._since_s is not None

    def open(self, *, for_s: float = 0.0) -> None:
        """Lock the level out unless it has just been, and there are `for_s` left. Inconclusive: wrong keys do not do it."""
        latest_s = min(RENEWED_AFTER * self.delay_s, EARLY_UNTIL * self.delay_s - for_s)
        if self._since_s is not None and self.elapsed_s < latest_s:
            return
        locked = self._tester.guesses.lock_out(self._level, wrong_keys=self._wrong_keys)
        if not locked.holds:
            self._tester.cite(locked.following)
            inconclusive(f"the level was not locked out again: {locked.wrong_keys} wrong keys, and then {locked.following}")
        self._since_s = locked.at_s
        self.seed = locked.seed

    def forget(self) -> None:
        """The delay is known to be over."""
        self._since_s = None

    def has_room_for(self, seconds: float) -> bool:
        """Whether so long a time ends before a seed proves nothing any more."""
        return seconds < EARLY_UNTIL * self.delay_s

    @property
    def is_early(self) -> bool:
        """The delay cannot have run out yet."""
        return self.elapsed_s < EARLY_UNTIL * self.delay_s

    def is_broken_by(self, seed: Reply) -> bool:
        """Whether this answer is a seed that came before the delay can have run out."""
        return seed.is_seed and self.is_early
