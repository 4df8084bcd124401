"""Learn which waits for one ECU are in vain, and shorten them."""

from __future__ import annotations

import math
from typing import Final

GRACE_S: Final = 0.02
"""After a frame without a message: the seconds that are added to the longest time after which more was ever seen."""
SHORT_N_BS_S: Final = 0.15
"""The seconds for which a flow control is awaited from an ECU that has never sent one."""
FEWEST_IN_VAIN: Final = 3
"""The number of complete waits in vain before any wait is shortened."""
MOST_TRUST: Final = 10
"""At least one wait in two to the power of this is complete."""


class InVain:
    """Whether a kind of wait has always been in vain.

    Each complete wait in vain doubles the number of waits that may be shortened before the next complete one, which is the
    control. A single success ends the shortening for good.
    """

    def __init__(self) -> None:
        self._whole = 0
        self._left = 0
        self._is_refuted = False

    def may_be_shortened(self) -> bool:
        """Whether this wait may be shortened; it then counts as shortened."""
        if self._is_refuted or self._left == 0:
            return False
        self._left -= 1
        return True

    def was_whole(self) -> None:
        """Note a complete wait in vain."""
        self._whole += 1
        if self._whole >= FEWEST_IN_VAIN:
            self._left = 2 ** min(self._whole, MOST_TRUST)

    def refute(self) -> None:
        """Note that the awaited frame has come."""
        self._is_refuted = True


class Waits:
    """How long one ECU is waited for.

    After a frame without a message (garbage) an answer may still come, and after a first frame a flow control. An ECU that
    has done so is waited for completely each time; one that has not is tested now and then.
    """

    def __init__(self, p2_s: float) -> None:
        """Start without knowledge. `p2_s`: after garbage, only a wait of this many seconds is complete."""
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
        """Note that a request is sent."""
        self.has_heard = bool(self._is_shortened)
        self._garbage_s = math.inf
        self._was_shortened, self._is_shortened = self._is_shortened, None

    # After garbage

    def hear_garbage(self, now_s: float) -> None:
        """Note a frame that holds neither a message nor a part of one."""
        self.has_heard = True
        self._garbage_s = min(self._garbage_s, now_s)
        self._longest_s = max(self._longest_s, now_s - self._garbage_s)

    def hear_message(self) -> None:
        """Note a message that answers the request."""
        if self._garbage_s < math.inf:
            self._more.refute()

    def hear_stray(self) -> None:
        """Note a frame outside any wait: if the last wait was shortened, it was too short."""
        if self._is_shortened or self._was_shortened:
            self._more.refute()

    def until_s(self, until_s: float) -> float:
        """Return until when to wait for an answer, at most `until_s`."""
        if self._garbage_s == math.inf:
            return until_s
        if self._is_shortened is None:
            self._is_shortened = self._more.may_be_shortened()
        return min(until_s, self._garbage_s + self._longest_s + GRACE_S) if self._is_shortened else until_s

    def end(self, now_s: float) -> None:
        """Note that no message has come until now."""
        if not self._is_shortened and now_s - self._garbage_s >= self._p2_s:
            self._more.was_whole()
            self._garbage_s = math.inf

    # After a first frame

    def n_bs_s(self) -> float | None:
        """Return how long to wait for a flow control; None: as long as ISO 15765-2 allows."""
        return SHORT_N_BS_S if self._flow.may_be_shortened() else None

    def had_no_flow_control(self) -> None:
        """Note that none came in the whole time that ISO 15765-2 allows."""
        self._flow.was_whole()

    def hear_flow_control(self) -> None:
        """Note that one came, expected or late."""
        self._flow.refute()
