"""Keep a level locked out with most of its delay still to come, and say what may be done in that time."""

from __future__ import annotations

from harness import Reply, Tester, inconclusive
from harness.measurements import Act, Delay

RENEWED_AFTER = 0.6
EARLY_UNTIL = 0.8
"""Share of the delay until which a seed proves something, clocks being different; later a new lockout is begun."""
EARLY = 0.6
"""Share of the measured delay: a seed that comes earlier after a later lockout is not explained by clocks."""
MOST_TIMES = 60
"""How often at most a request is made in a delay that each one may shorten by a second."""
SHARE_FOR_ACT = 0.1
"""Share of the delay for one of them."""


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
        """Seconds since the last wrong key."""
        assert self._since_s is not None
        return self._tester.link.now_s - self._since_s

    @property
    def is_open(self) -> bool:
        """Whether the level has been locked out, and has not been seen to give a seed since."""
        return self._since_s is not None

    def open(self, *, for_s: float = 0.0) -> None:
        """Lock the level out, unless `for_s` are left of a lockout. Raises Inconclusive if wrong keys do not lock it out."""
        if self.has_time_for(for_s):
            return
        locked = self._tester.guesses.lock_out(self._level, wrong_keys=self._wrong_keys)
        if not locked.holds:
            self._tester.cite(locked.following)
            inconclusive(f"the level was not locked out again: {locked.wrong_keys} wrong keys, and then {locked.following}")
        self._since_s = locked.at_s
        self.seed = locked.seed

    def forget(self) -> None:
        """Record that the delay is over."""
        self._since_s = None

    def has_time_for(self, seconds: float) -> bool:
        """Whether this time ends before a new lockout would be begun."""
        latest_s = min(RENEWED_AFTER * self.delay_s, EARLY_UNTIL * self.delay_s - seconds)
        return self.is_open and self.elapsed_s < latest_s

    def has_room_for(self, seconds: float) -> bool:
        """Whether this many seconds pass early enough in the delay for a seed to be a failure afterwards."""
        return seconds < EARLY_UNTIL * self.delay_s

    @property
    def is_early(self) -> bool:
        """Whether the delay cannot have run out yet."""
        return self.elapsed_s < EARLY_UNTIL * self.delay_s

    def is_broken_by(self, seed: Reply) -> bool:
        """Whether this answer is a seed that came before the delay can have run out."""
        return seed.is_seed and self.is_early


def ends_delay(tester: Tester, level: int, window: LockoutWindow, act: Act) -> bool:
    """Whether a seed is given early after this was done in the delay; repeat it if it takes no time."""
    window.open(for_s=act.seconds)
    latest_s = window.elapsed_s + SHARE_FOR_ACT * window.delay_s
    for _ in range(min(int(window.delay_s) + 1, MOST_TIMES)):
        act.do()
        if act.seconds or act.leaves_place or window.elapsed_s > latest_s:
            break
    reply = tester.guesses.seed_in_delay(level)
    if window.is_broken_by(reply):
        tester.cite(reply)
        return True
    if reply.is_seed:
        window.forget()
    return False


def early_look(tester: Tester, level: int, delay: Delay, answer_s: float) -> tuple[Reply, float] | None:
    """Request a seed long before the delay may be over; return the answer, and the time since the limit.

    The ECU takes `answer_s` for an answer. None if no such moment is left.
    """
    limit_s = tester.security.level(level).last_wrong_s
    assert limit_s is not None
    left_s = limit_s + EARLY * delay.at_least_s - tester.link.now_s - answer_s
    if left_s < 0:
        return None
    tester.wait(left_s, f"the delay of level 0x{level:02X}")
    early = tester.guesses.seed_in_delay(level)
    return early, tester.link.now_s - limit_s
