"""Send a stream of stimuli to one ECU: requests and their answers, or frames without waiting for any."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.fuzz.execution import NOT_TAKEN_LIMIT
from harness.fuzz.keyed import filled
from harness.fuzz.requests import SLOWEST_BOOT, not_taken
from harness.link.frame import Frame
from harness.tester.access import STORING_S
from harness.tester.bus_load import MOST_BACKLOG_S, await_quiet
from harness.tester.reply import RawReply, Reply
from harness.tester.tester import Tester
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Service, Session

Stimulus = tuple[bytes, ...]
"""The data fields of frames that go out back to back, or requests, one after the other."""

_RESET, _SESSION_CONTROL = int(Service.ECU_RESET), int(Service.DIAGNOSTIC_SESSION_CONTROL)

SHORTEST_GAP_S, LONGEST_GAP_S = 0.002, 0.02
"""Between two raw stimuli: long enough for an answer of this ECU, so that it looks at each."""


class Player:
    """Plays stimuli; requests to restart are followed by a wait for the boot."""

    def __init__(
        self,
        tester: Tester,
        *,
        is_raw: bool,
        timeout_s: float | None = None,
        hear: Callable[[Reply], None] = lambda reply: None,
        hear_raw: Callable[[RawReply], None] = lambda reply: None,
        before: Callable[[Stimulus], None] = lambda stimulus: None,
    ) -> None:
        """`timeout_s` is how long the answer to a request of one frame is waited for.

        `hear` is told each answer but those to requests to restart. `before` is told what will be sent.
        """
        self._tester = tester
        self._is_raw = is_raw
        self._timeout_s = timeout_s
        self._hear, self._hear_raw, self._before = hear, hear_raw, before
        self.gap_s = SHORTEST_GAP_S
        """So long each raw stimulus is left to the ECU."""
        self._not_taken_in_a_row = 0
        self.latest: Reply | RawReply | None = None

    def measure_gap(self) -> None:
        """Leave raw stimuli as long as this ECU takes to answer."""
        tester = self._tester
        times = [max(tester.answer_times_s(tester.request(tester.liveness_request)), default=0.0) for _ in range(3)]
        self.gap_s = min(max(1.5 * max(times), SHORTEST_GAP_S), LONGEST_GAP_S)

    def play(self, batch: Sequence[Stimulus]) -> None:
        """Send them all, in order."""
        tester = self._tester
        heard: list[Frame] = []
        for stimulus in batch:
            if self._is_raw:
                frames = tuple(filled(one, tester) for one in stimulus)
                self._before(frames)
                raw = self.latest = tester.raw(*frames, listen_s=self.gap_s)
                self._hear_raw(raw)
                heard += raw.answers
            else:
                self._ask(stimulus)
        if self._is_raw:
            heard += tester.listen(STORING_S)
            await_quiet(tester, MOST_BACKLOG_S, after=heard)
            if any(_may_restart(data) for stimulus in batch for data in stimulus):
                self._await_boot()

    def _ask(self, stimulus: Stimulus) -> None:
        tester = self._tester
        for message in stimulus:
            pdu = message if type(message) is bytes else filled(message, tester)
            self._before((pdu,))
            is_long = len(pdu) >= tester.frame_bytes
            if is_long and self._not_taken_in_a_row >= NOT_TAKEN_LIMIT:
                tester.note("long messages were left out: the ECU takes none")
                continue
            reply = self.latest = tester.request(pdu, timeout_s=None if is_long else self._timeout_s)
            if is_long:
                self._not_taken_in_a_row = self._not_taken_in_a_row + 1 if not_taken([reply]) else 0
            if _asks_for_restart(pdu) and not reply.is_negative:
                self._await_boot()
            else:
                self._hear(reply)

    def _await_boot(self) -> None:
        reset = self._tester.target.reset
        self._tester.wait(reset.boot_s)
        self._tester.await_life(reset.boot_s * SLOWEST_BOOT + 2.0)


def _may_restart(frame: bytes) -> bool:
    """Whether an ECU may find in a frame the request to restart, or to leave its application."""
    return any(_asks_for_restart(frame, at) for at in range(4))


def _asks_for_restart(message: bytes, at: int = 0) -> bool:
    """Whether the request that begins there is one."""
    service = message[at] if len(message) > at else None
    if service == _RESET:
        return True
    is_session = service == _SESSION_CONTROL and len(message) > at + 1
    return is_session and message[at + 1] & ~SUPPRESS_POSITIVE_RESPONSE == Session.PROGRAMMING
