"""Learn which waits for one ECU are in vain, and shorten them."""

import math
from typing import Final

from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET

GRACE_S, LEAST_GRACE_S = 0.02, 0.005
"""Seconds added to the longest time after which another frame ever followed a frame without a message.

The first number is the usual addition, the second the least, for an ECU whose answers are quick.
"""
SHARE_OF_LATEST: Final = 1 / 16
"""The weight of the latest answer in the time that is usual for answers."""
MOST_TIMES_USUAL: Final = 4
"""How many times longer than usual another frame of the same answer may take."""
SHORT_N_BS_S: Final = 0.15
"""The seconds for which a flow control is awaited from an ECU that has never sent one."""
FEWEST_IN_VAIN: Final = 3
"""How many complete waits must be in vain before any wait is shortened."""
MOST_TRUST: Final = 10
"""The exponent of 2 that limits shortening: at least one in 2 to the power of this many waits is complete."""

PUNCTUAL_AFTER: Final = 64
"""How many answers must have come within P2 before the margin added to P2 becomes less than `MARGIN_S`."""
MORE_AFTER_LATE: Final = 4
"""After each late answer this many times as many answers within P2 are needed as before."""
QUICK_AGAIN: Final = 8
"""The number of answers within P2 after which a request that was once answered later is no longer taken for a slow one."""
LONG_SINCE: Final = 12 * PUNCTUAL_AFTER
"""The number of answers after which no request is taken for a slow one any more, if none was answered after P2."""
BYTES_OF_KIND: Final = 3
"""How many bytes at the beginning of a request tell its kind."""
LEAST_MARGIN_S: Final = 0.03
MARGIN_S: Final = 0.15
"""The seconds that adapter, driver and a busy tester may add to P2 before the ECU counts as silent."""
OWN_DELAY_S: Final = 0.1
"""How many seconds after the arrival of a frame this program may read the frame."""


class InVain:
    """Remembers whether one kind of wait has always been in vain.

    Each complete wait in vain doubles the number of waits that may be shortened before the next complete one, the control. A
    single wait that was not in vain ends all shortening for good.
    """

    def __init__(self) -> None:
        self._complete = 0
        self._left = 0
        self._is_refuted = False

    def may_be_shortened(self, *, could_be_complete: bool = True) -> bool:
        """Whether this wait may be shortened; if so, it counts as shortened.

        With `could_be_complete` false it does not count: not shortened, such a wait would be no control either.
        """
        if self._is_refuted or self._complete < FEWEST_IN_VAIN or (self._left == 0 and could_be_complete):
            return False
        self._left -= could_be_complete
        return True

    def was_complete(self) -> None:
        """Note a complete wait in vain."""
        self._complete += 1
        if self._complete >= FEWEST_IN_VAIN:
            self._left = 2 ** min(self._complete, MOST_TRUST)

    def refute(self) -> None:
        """Note that the awaited frame has come, so that no wait of this kind is shortened any more."""
        self._is_refuted = True


class Punctuality:
    """Measures how late an ECU's answers come, with the time of adapter, driver and this computer included."""

    def __init__(self, p2_s: float) -> None:
        self._p2_s = p2_s
        self._answers = 0
        self._needed = PUNCTUAL_AFTER
        self._slowest_s = 0.0
        """The slowest answer that came within P2."""
        self._usual_s = 0.0
        self._slow: dict[bytes, int] = {}
        """By kind of request that was once answered after P2: the number of answers within P2 since then."""
        self._since_slow = 0
        """The number of answers since the last one that came after P2."""

    def hear(self, latency_s: float, asked: bytes) -> bool:
        """Note the answer to `asked`, which came after `latency_s`; return whether the margin may have changed."""
        self._answers += 1
        self._usual_s += (latency_s - self._usual_s) * SHARE_OF_LATEST
        if latency_s > self._p2_s:
            self._slow[asked[:BYTES_OF_KIND]] = self._since_slow = 0
            return True
        if self._slow and self._is_slow_no_more(asked[:BYTES_OF_KIND]):  # this computer was busy, or the ECU
            return True
        if latency_s > self._slowest_s:
            self._slowest_s = latency_s
            return True
        return self._answers == self._needed

    def _is_slow_no_more(self, kind: bytes) -> bool:
        self._since_slow += 1
        if kind in self._slow:
            self._slow[kind] += 1
            if self._slow[kind] >= QUICK_AGAIN:
                del self._slow[kind]
        if self._since_slow >= LONG_SINCE:
            self._slow.clear()
        return not self._slow

    @property
    def margin_s(self) -> float:
        """The seconds to wait beyond P2: with them the wait is at least twice as long as the slowest answer took."""
        if self._answers < self._needed or self._slow:
            return MARGIN_S
        return min(max(2 * self._slowest_s - self._p2_s, LEAST_MARGIN_S), MARGIN_S)

    @property
    def grace_s(self) -> float:
        """The seconds that another frame of the same answer may take after the first.

        They depend on what is usual, not on the slowest answer, which may be due to this computer: if once they do not
        suffice, no wait after garbage is shortened any more.
        """
        return (
            GRACE_S if self._answers < self._needed else min(max(MOST_TIMES_USUAL * self._usual_s, LEAST_GRACE_S), GRACE_S)
        )

    def refute(self) -> None:
        """Note an answer that came after its wait had been given up."""
        self._answers = 0
        self._needed *= MORE_AFTER_LATE


class Waits:
    """Decides how long to wait for one ECU.

    After a frame without a message (garbage) an answer may still come, after a first frame a flow control, and after P2 an
    answer that was delayed on its way. Once the ECU has sent one of these three, every wait for it is complete; until then
    only some waits are.
    """

    def __init__(self, p2_s: float) -> None:
        """Start without knowledge of the ECU. `p2_s` is the declared P2; a wait after garbage must last P2."""
        self._p2_s = p2_s
        self.complete_s: Final = p2_s + MARGIN_S
        """The seconds for which an answer is awaited while nothing is known of the ECU."""
        self.silence_s = self.complete_s
        """The seconds for which an answer is awaited now."""
        self.times_too_short = 0
        """How often a frame came after a shortened wait had ended, but within the complete wait."""
        self._punctuality = Punctuality(p2_s)
        self._more = InVain()
        """Whether waits for another frame after garbage have been in vain."""
        self._flow = InVain()
        """Whether waits for a flow control have been in vain."""
        self.has_heard = False
        """Whether garbage has come since the last request; if not, no wait is a wait after garbage."""
        self.garbage_s = math.inf
        """The time of the first garbage after the last request, by the link's clock."""
        self._longest_s = 0.0
        """The longest time in seconds between the first and the last garbage after one request."""
        self.is_shortened: bool | None = None
        """Whether the present wait after garbage is shortened; None if that is not decided."""
        self._given_up: InVain | Punctuality | None = None
        """The object that shortened the last wait, if nothing came in that wait."""
        self._complete_until_s = -math.inf
        """The end that the last shortened wait would have had if complete, by the link's clock."""
        self.asked = b""
        """The last request."""
        self._given_up_for = b""
        """The request whose wait was shortened last."""

    def begin(self) -> None:
        """Note that a request is sent."""
        self.has_heard = False
        self.garbage_s = math.inf
        self.is_shortened = None

    # P2

    def hear_answer(self, latency_s: float) -> None:
        """Note an answer that came `latency_s` after its request, without response pending before it."""
        if self._punctuality.hear(latency_s, self.asked):
            self.silence_s = self._p2_s + self._punctuality.margin_s

    def hear_silence(self, waited_s: float, now_s: float) -> None:
        """Note that no frame came for `waited_s` seconds."""
        if self.silence_s <= waited_s < self.complete_s:
            self._give_up(self._punctuality, now_s + self.complete_s - waited_s)

    def _give_up(self, reason: InVain | Punctuality, complete_until_s: float) -> None:
        self._given_up, self._given_up_for, self._complete_until_s = reason, self.asked, complete_until_s

    def hear_stray(self, message: bytes, now_s: float) -> None:
        """Note a frame outside any wait, or a frame that does not answer the last request; garbage has an empty message.

        If the frame answers the request whose wait was shortened last, that wait was too short.
        """
        given_up, asked = self._given_up, self._given_up_for
        if given_up is None or now_s > self._complete_until_s + OWN_DELAY_S:
            return
        if not message or not asked:
            fits = given_up is self._punctuality
        else:
            fits = message[0] == asked[0] + RESPONSE_OFFSET or message[:2] == bytes((NEGATIVE_RESPONSE, asked[0]))
        if fits:
            self._given_up = None
            given_up.refute()
            self.times_too_short += 1
            self.silence_s = self._p2_s + self._punctuality.margin_s

    # After garbage

    def hear_garbage(self, now_s: float) -> None:
        """Note a frame that contains neither a message nor a part of one."""
        self.has_heard = True
        self.garbage_s = min(self.garbage_s, now_s)
        self._longest_s = max(self._longest_s, now_s - self.garbage_s)

    def hear_message(self) -> None:
        """Note a message that answers the request, or an earlier request."""
        if self.garbage_s < math.inf:
            self._more.refute()

    def until_s(self, until_s: float) -> float:
        """Return the time until which to wait for an answer: `until_s`, or earlier if a wait after garbage is shortened."""
        if self.garbage_s == math.inf:
            return until_s
        if self.is_shortened is None:
            could_be_complete = until_s - self.garbage_s >= self._p2_s
            self.is_shortened = self._more.may_be_shortened(could_be_complete=could_be_complete)
        if not self.is_shortened:
            return until_s
        self._give_up(self._more, until_s)
        return min(until_s, self.garbage_s + self._longest_s + self._punctuality.grace_s)

    def end(self, now_s: float) -> None:
        """Note that the wait has ended without a message."""
        if not self.is_shortened and now_s - self.garbage_s >= self._p2_s:
            self._more.was_complete()

    # After a first frame

    def n_bs_s(self) -> float | None:
        """Return how many seconds to wait for a flow control; None: as long as ISO 15765-2 allows."""
        return SHORT_N_BS_S if self._flow.may_be_shortened() else None

    def had_no_flow_control(self) -> None:
        """Note that no flow control came in the whole time that ISO 15765-2 allows."""
        self._flow.was_complete()

    def hear_flow_control(self) -> None:
        """Note that a flow control came, expected or late."""
        self._flow.refute()
