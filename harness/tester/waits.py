"""Learn from one ECU which waits for it are in vain, and shorten them."""

from __future__ import annotations

import math
from typing import Final

GRACE_S: Final = 0.02
"""After a frame that holds no message, more is waited for this much longer, in seconds, than more was ever seen to take."""
SHORT_N_BS_S: Final = 0.15
"""How long, in seconds, a flow control is waited for from an ECU that has not sent any."""
FEWEST_IN_VAIN: Final = 3
"""How many whole waits must have been in vain before any is shortened."""
MOST_TRUST: Final = 10
"""A whole wait is made at least once in two to the power of this."""


class InVain:
    """Whether a kind of wait has always been in vain.

    Each whole wait in vain doubles how many may be shortened before the next whole one, which is the control. A single
    one that was not in vain ends that for good.
    """

    def __init__(self) -> None:
        self._whole = 0
        self._left = 0
        self._is_refuted = False

    def may_be_shortened(self) -> bool:
        """Whether this wait may be shortened; it counts as shortened then."""
        if self._is_refuted or self._left == 0:
            return False
        self._left -= 1
        return True

    def was_whole(self) -> None:
        """A whole wait was in vain."""
        self._whole += 1
        if self._whole >= FEWEST_IN_VAIN:
            self._left = 2 ** min(self._whole, MOST_TRUST)

    def refute(self) -> None:
        """What was waited for has come."""
        self._is_refuted = True


class Waits:
    """How long one ECU is waited for.

    After a frame that holds no message (garbage) an answer may still come, and after a first frame a flow control. An ECU
    that has done so is waited for in full each time, and one that has not is asked to prove it now and then.
    """

    def __init__(self, p2_s: float) -> None:
        """`p2_s`: after garbage, only a wait of so many seconds is a whole one."""
        self._p2_s = p2_s
        self._more = InVain()
        """More after garbage."""
        self._flow = InVain()
        """A flow control."""
        self.has_heard = False
        """Whether any garbage has come lately; while there is none, nothing here needs to be asked or told."""
        self._garbage_s = math.inf
        """When the first garbage came after the last request, by the link's time."""
        self._longest_s = 0.0
        """The longest time in seconds between the first and the last garbage after one request."""
        self._is_shortened: bool | None = None
        """Whether the present wait for more is shortened; None: not decided."""
        self._was_shortened: bool | None = None
        """Whether that after the request before was."""

    def begin(self) -> None:
        """A request is sent."""
        self.has_heard = bool(self._is_shortened)
        self._garbage_s = math.inf
        self._was_shortened, self._is_shortened = self._is_shortened, None

    # After garbage

    def hear_garbage(self, now_s: float) -> None:
        """A frame came that holds neither a message nor a part of one."""
        self.has_heard = True
        self._garbage_s = min(self._garbage_s, now_s)
        self._longest_s = max(self._longest_s, now_s - self._garbage_s)

    def hear_message(self) -> None:
        """A message came in answer to the request."""
        if self._garbage_s < math.inf:
            self._more.refute()

    def hear_stray(self) -> None:
        """A frame came while nothing was waited for: the last wait was too short, if it was shortened."""
        if self._is_shortened or self._was_shortened:
            self._more.refute()

    def until_s(self, until_s: float) -> float:
        """Return until when an answer that would be waited for `until_s` is waited for."""
        if self._garbage_s == math.inf:
            return until_s
        if self._is_shortened is None:
            self._is_shortened = self._more.may_be_shortened()
        return min(until_s, self._garbage_s + self._longest_s + GRACE_S) if self._is_shortened else until_s

    def end(self, now_s: float) -> None:
        """No message came until now."""
        if not self._is_shortened and now_s - self._garbage_s >= self._p2_s:
            self._more.was_whole()
            self._garbage_s = math.inf

    # After a first frame

    def n_bs_s(self) -> float | None:
        """Return how long a flow control is waited for; None: as long as ISO 15765-2 allows."""
        return SHORT_N_BS_S if self._flow.may_be_shortened() else None

    def had_no_flow_control(self) -> None:
        """None came in the whole time that ISO 15765-2 allows."""
        self._flow.was_whole()

    def hear_flow_control(self) -> None:
        """One came, asked for or late."""
        self._flow.refute()
