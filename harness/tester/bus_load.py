"""How is a bus loaded? Frames at a rate, or in bursts without a pause, while everything that comes is heard."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Final

from harness.errors import Inconclusive, LinkError
from harness.link.frame import Frame
from harness.link.isotp_frames import FrameType
from harness.target import Timing
from harness.tester.client import Client
from harness.tester.exchange import PENDING_LIMIT_S
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Nrc

FRAME_BITS: Final = 111
"""A frame of 8 bytes with an 11-bit id, without stuff bits."""
TURN_S: Final = 0.01
"""So often frames are handed over where they are more than a few."""
N_BS_S: Final = 1.1
"""As long as this an ECU may wait for a flow control, and serve nobody."""
MOST_BACKLOG_S: Final = 60.0
"""An ECU that was sent more than it can take at once may go on answering for so long."""
STEP_S: Final = 0.0005
IN_QUEUE: Final = 32
"""So many frames of ours may wait to go out on a real bus: enough that it is never idle, and few enough to be counted."""
STALLED_S: Final = 2.0
"""As long as this no frame of ours may fail to go out while others wait behind it."""
LAST_FRAMES: Final = 256
"""So far back it is looked for what the ECU has announced."""
FIRST_FREE_ID: Final = 0x7F0
"""Foreign frames take an id from here on: the lowest priorities, where no ECU is usually addressed."""
LAG_PROBE_S: Final = 0.002


def frames_per_second(bitrate: int, share: float = 1.0) -> float:
    """How many frames of 8 bytes a bus carries that is loaded to this share."""
    return bitrate * share / FRAME_BITS


def send_load(client: Client, frame: Frame, *, per_second: float, seconds: float, burst: int = 0) -> int:
    """Send a frame again and again; how many there were.

    They are spread evenly, or with `burst` come so many in a row and then a pause, so that the rate is the same; an adapter
    that is slower sets the pace. What the ECU sends meanwhile is only recorded. Returns when all are out. ValueError: the
    frame may be read as a key. NotPermitted: as for any raw frame. Inconclusive: this computer cannot load the bus so.
    """
    if client.gate.check_raw(frame):
        raise ValueError(f"{frame.text()} may be read as a key")
    link = client.link
    in_a_row = burst or max(round(per_second * TURN_S), 1)
    begun_s = link.now_s
    sent = 0
    while (elapsed_s := link.now_s - begun_s) < seconds:
        for _ in range(in_a_row):
            link.send(copy(frame))
            if not link.is_virtual:
                _let_out(client, but=IN_QUEUE)
        sent += in_a_row
        client.wait(max(sent / per_second - elapsed_s, 0.0))
        _let_out(client, but=in_a_row)
    _let_out(client, but=0)
    return sent


def _let_out(client: Client, but: int) -> None:
    """Wait until no more than so many of our frames are still to go out: with them comes what has piled up meanwhile."""
    link = client.link
    left, since_s = link.unsent, link.now_s
    while left > but:
        client.wait(STEP_S)
        if link.unsent < left:
            left, since_s = link.unsent, link.now_s
        elif link.now_s - since_s > STALLED_S:
            try:
                link.check_sent()
            except LinkError as error:
                raise Inconclusive(f"the bus could not be loaded as wanted: {error}") from error
            return


def await_quiet(client: Client, most_s: float, *, after: Sequence[Frame] = ()) -> float:
    """Listen until the ECU has no more to say, but no longer than `most_s`; how long it took.

    After P2 of silence it has not, unless it has said "response pending" (in what was heard before, `after`, or since) and
    owes the final answer, or waits for a flow control that nobody sends.
    """
    link = client.link
    begun_s = heard_s = link.now_s
    debts = _Debts(client.target.timing)
    debts.follow(after)
    while (now_s := link.now_s) - begun_s < (PENDING_LIMIT_S if debts.pending else most_s):
        heard = client.listen(debts.p2_s)
        if heard:
            debts.follow(heard)
            heard_s = link.now_s
        elif now_s - heard_s >= debts.patience_s:
            break
    return link.now_s - begun_s


def owes_answer(client: Client) -> bool:
    """Whether the ECU said "response pending" within P2*, and no more to that: it may leave other requests unanswered."""
    count = client.trace.count
    frames = client.trace.frames(max(count - LAST_FRAMES, 0), count)
    since_s = frames[-1].time_s - client.target.timing.p2_star_ms / 1000 if frames else 0.0
    debts = _Debts(client.target.timing)
    debts.follow([frame for frame in frames if client.is_answer(frame) and frame.time_s >= since_s])
    return bool(debts.pending)


class _Debts:
    """What an ECU has yet to say, by the frames that came from it."""

    def __init__(self, timing: Timing) -> None:
        self.p2_s, self._p2_star_s = timing.p2_ms / 1000, timing.p2_star_ms / 1000
        self.pending: set[int] = set()
        """Services that owe their final answer."""
        self._awaits_flow_control = False

    def follow(self, frames: Sequence[Frame]) -> None:
        """Take note of more frames."""
        for frame in frames:
            kind = frame.pci_type
            message = frame.pdu
            if kind in (FrameType.SINGLE, FrameType.FIRST, FrameType.CONSECUTIVE):  # a flow control is about what it gets
                self._awaits_flow_control = kind == FrameType.FIRST
            if len(message) < 2:
                continue
            if message[0] != NEGATIVE_RESPONSE:
                self.pending.discard(message[0] - RESPONSE_OFFSET)
            elif message[2:3] == bytes((Nrc.RESPONSE_PENDING,)):
                self.pending.add(message[1])
            else:
                self.pending.discard(message[1])

    @property
    def patience_s(self) -> float:
        """How long it may be silent meanwhile."""
        if self.pending:
            return self._p2_star_s
        return N_BS_S if self._awaits_flow_control else 0.0


def foreign_frame(client: Client, taken: set[int]) -> Frame:
    """A frame for nobody: an id that is not in use, and data that no diagnostic receiver takes for a message."""
    can = client.target.can
    used = taken | {can.request_id, can.response_id, can.functional_id or 0}
    return Frame(next(can_id for can_id in range(FIRST_FREE_ID, 0x800) if can_id not in used), bytes(8))


def own_lag_s(client: Client) -> float:
    """How much later than asked for this computer comes back from a short wait: what its load adds to any time; 0 simulated.

    An ECU that is simulated on the same computer suffers from the same load.
    """
    if client.link.is_virtual:
        return 0.0
    begun_s = client.link.now_s
    client.wait(LAG_PROBE_S)
    return max(0.0, client.link.now_s - begun_s - LAG_PROBE_S)
