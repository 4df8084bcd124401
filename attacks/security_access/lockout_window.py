"""Keep a level locked out with most of its delay still to come, and tell which requests have time in that delay."""

from harness import Reply, Tester, inconclusive
from harness.measurements import Act, Delay

RENEWED_AFTER = 0.6
EARLY_UNTIL = 0.8
"""Share of the delay up to which a seed proves that the delay ended early, although two clocks differ."""
EARLY = 0.6
"""Share of the measured delay; a seed before this share of a later delay cannot be explained by clocks that differ."""
MOST_OF_WINDOW = 0.5
"""Share of the time until `EARLY_UNTIL`: an act that takes longer leaves no time for others in the same delay."""
MOST_TIMES = 60
"""The largest number of times that one request is repeated in a delay, since each request may shorten the delay by a second.
"""
SHARE_FOR_ACT = 0.1
"""Share of the delay in which one request may be repeated."""


class LockoutWindow:
    """Locks one level out, and locks it out again when most of the delay is over."""

    def __init__(self, tester: Tester, level: int, wrong_keys: int, delay_s: float) -> None:
        self._tester = tester
        self._level = level
        self._wrong_keys = wrong_keys
        self.delay_s = delay_s
        self._since_s: float | None = None
        self.sent = 0
        """The number of wrong keys that the last lockout took."""
        self.seed = b""
        """The last seed that was answered with a key."""

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
        """Lock the level out, unless at least `for_s` seconds of a lockout are left.

        Raises Inconclusive if wrong keys do not lock the level out.
        """
        if self.has_time_for(for_s):
            return
        locked = self._tester.guesses.lock_out(self._level, wrong_keys=self._wrong_keys)
        if not locked.holds:
            self._tester.cite(locked.following)
            inconclusive(f"the level was not locked out again: {locked.wrong_keys} wrong keys, and then {locked.following}")
        self.sent = locked.wrong_keys
        self._since_s = locked.at_s
        self.seed = locked.seed

    def forget(self) -> None:
        """Record that the ECU's delay is over."""
        self._since_s = None

    def has_time_for(self, seconds: float) -> bool:
        """Whether the present lockout leaves this many seconds before it has to be renewed."""
        latest_s = min(RENEWED_AFTER * self.delay_s, EARLY_UNTIL * self.delay_s - seconds)
        return self.is_open and self.elapsed_s < latest_s

    def has_room_for(self, seconds: float) -> bool:
        """Whether the delay is so long that a seed given after this many seconds of it would still be a failure."""
        return seconds < self.longest_s

    @property
    def longest_s(self) -> float:
        """For how many seconds after the limit a seed proves that the delay ended early."""
        return EARLY_UNTIL * self.delay_s

    @property
    def is_early(self) -> bool:
        """Whether so little time has passed that the delay cannot have run out yet."""
        return self.elapsed_s < self.longest_s

    def is_broken_by(self, seed: Reply) -> bool:
        """Whether this answer is a seed that came before the delay can have run out."""
        return seed.is_seed and self.is_early


def ends_delay(tester: Tester, level: int, window: LockoutWindow, act: Act) -> bool:
    """Do the act during the delay, and return whether the level gives a seed early afterwards.

    An act that takes no time is repeated, since each one may shorten the delay a little.
    """
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
    """Request a seed long before the delay may be over; return the answer, and the seconds since the limit was reached.

    The ECU needs `answer_s` seconds to answer. Return None if the delay is too far gone for an early request.
    """
    limit_s = tester.security.level(level).last_wrong_s
    assert limit_s is not None
    left_s = limit_s + EARLY * delay.at_least_s - tester.link.now_s - answer_s
    if left_s < 0:
        return None
    tester.wait(left_s, f"the delay of level 0x{level:02X}")
    early = tester.guesses.seed_in_delay(level)
    return early, tester.link.now_s - limit_s
