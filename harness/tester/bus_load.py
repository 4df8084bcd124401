"""Load a bus with frames at a rate, or in bursts, and record everything that comes meanwhile."""

from collections.abc import Sequence
from copy import copy
from typing import Final

from harness.errors import Inconclusive, LinkError
from harness.link.frame import Frame
from harness.link.isotp_frames import FrameType
from harness.target import Timing
from harness.tester.client import Client
from harness.tester.listening import PENDING_LIMIT_S
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Nrc

FRAME_BITS: Final = 111
"""The length in bits of a frame of 8 bytes with an 11-bit id, without stuff bits."""
TURN_S: Final = 0.01
"""The interval in seconds at which frames are handed to the adapter if there are many a second."""
N_BS_S: Final = 1.1
"""For how many seconds an ECU may wait for a flow control and serve nobody."""
MOST_BACKLOG_S: Final = 60.0
"""For how many seconds an ECU may go on answering if it was sent more than it can process."""
STEP_S: Final = 0.0005
IN_QUEUE: Final = 32
"""How many frames of ours may wait to be sent on a real bus: enough to keep it busy, few enough to be counted."""
STALLED_S: Final = 2.0
"""The seconds without any frame of ours being sent, while others wait, after which the bus cannot be loaded."""
LAST_FRAMES: Final = 256
"""The number of last frames that are searched for a response pending of the ECU."""
FIRST_FREE_ID: Final = 0x7F0
"""The lowest id of frames for nobody: at such low priorities ECUs are usually not addressed."""
LAG_PROBE_S: Final = 0.002


def frames_per_second(bitrate: int, share: float = 1.0) -> float:
    """Return how many frames of 8 bytes a second load a bus to this share."""
    return bitrate * share / FRAME_BITS


def send_load(client: Client, frame: Frame, *, per_second: float, seconds: float, burst: int = 0) -> int:
    """Send a frame `per_second` times a second, for `seconds`; return how many times it was sent.

    The frames are spread evenly over the time; with `burst`, this many are sent in a row, followed by a pause that keeps the
    rate. A slower adapter sets the pace. What the ECU sends meanwhile is only recorded. Returns when all frames
    are sent. Raises ValueError if the frame may be read as a key, NotPermitted as for any raw frame, Inconclusive if this
    computer cannot reach the rate.
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
        client.wait(max(sent / per_second - elapsed_s, 0.0), "the wanted load of the bus")
        _let_out(client, but=in_a_row)
    _let_out(client, but=0)
    return sent


def _let_out(client: Client, but: int) -> None:
    """Wait until at most `but` frames of ours are unsent, and receive the frames that arrive meanwhile."""
    link = client.link
    left, since_s = link.unsent, link.now_s
    while left > but:
        client.wait(STEP_S, "our frames are sent")
        if link.unsent < left:
            left, since_s = link.unsent, link.now_s
        elif link.now_s - since_s > STALLED_S:
            try:
                link.check_sent()
            except LinkError as error:
                raise Inconclusive(f"the bus could not be loaded as wanted: {error}") from error
            return


def await_quiet(client: Client, most_s: float, *, after: Sequence[Frame] = ()) -> float:
    """Listen until the ECU has no more to say, but no longer than `most_s`; return how long it took.

    P2 of silence is enough, unless the ECU owes a final answer after a "response pending" (in the frames `after`, which came
    before, or later), or waits for a flow control that nobody sends.
    """
    link = client.link
    begun_s = heard_s = link.now_s
    debts = _Debts(client.target.timing)
    debts.follow(after)
    while (now_s := link.now_s) - begun_s < (PENDING_LIMIT_S if debts.pending else most_s):
        heard = client.listen(debts.p2_s, why="the ECU says no more")
        if heard:
            debts.follow(heard)
            heard_s = link.now_s
        elif now_s - heard_s >= debts.patience_s:
            break
    return link.now_s - begun_s


def owes_answer(client: Client) -> bool:
    """Whether the ECU has announced an answer by response pending within the last P2*, and has not sent it.

    Such an ECU may ignore other requests until then.
    """
    count = client.trace.count
    frames = client.trace.frames(max(count - LAST_FRAMES, 0), count)
    since_s = frames[-1].time_s - client.target.timing.p2_star_ms / 1000 if frames else 0.0
    debts = _Debts(client.target.timing)
    debts.follow([frame for frame in frames if client.is_answer(frame) and frame.time_s >= since_s])
    return bool(debts.pending)


class _Debts:
    """The answers that the ECU has announced but not sent yet, as its frames show."""

    def __init__(self, timing: Timing) -> None:
        self.p2_s, self._p2_star_s = timing.p2_ms / 1000, timing.p2_star_ms / 1000
        self.pending: set[int] = set()
        """Services whose final answer is outstanding."""
        self._awaits_flow_control = False

    def follow(self, frames: Sequence[Frame]) -> None:
        """Update the debts by further frames of the ECU."""
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
        """For how many seconds the ECU may be silent before it sends the next answer that it owes."""
        if self.pending:
            return self._p2_star_s
        return N_BS_S if self._awaits_flow_control else 0.0


def foreign_frame(client: Client, taken: set[int]) -> Frame:
    """Return a frame that addresses no node: its id is unused, and no diagnostic receiver takes its data for a message."""
    can = client.target.can
    used = taken | {can.request_id, can.response_id, can.functional_id or 0}
    return Frame(next(can_id for can_id in range(FIRST_FREE_ID, 0x800) if can_id not in used), bytes(8))


def own_lag_s(client: Client) -> float:
    """Return how many seconds too late this computer wakes from a short wait, and may measure; 0 on a simulated bus."""
    if client.link.is_virtual:
        return 0.0
    begun_s = client.link.now_s
    client.wait(LAG_PROBE_S, "how late this computer wakes")
    return max(0.0, client.link.now_s - begun_s - LAG_PROBE_S)
