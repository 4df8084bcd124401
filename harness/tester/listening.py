"""Let time pass, and hear what one ECU sends meanwhile or beside the answer to a request."""

from collections import Counter, deque
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext

from harness.errors import Inconclusive
from harness.link.bus import Link
from harness.link.frame import Frame
from harness.link.isotp_frames import FrameType
from harness.link.trace import Trace
from harness.target import Target
from harness.tester.ecu_state import EcuState
from harness.tester.oddities import Oddities
from harness.tester.reply import Reply, ReplyKind, is_positive_response
from harness.tester.transport import Transport
from harness.tester.waits import GRACE_S, MARGIN_S
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Nrc

PENDING_LIMIT_S = 60.0
"""For how many seconds an ECU may repeat 0x78, or leave a message unfinished, before the request counts as unanswered."""
LONGEST_ANSWER_S = 2 * PENDING_LIMIT_S
SECOND_WITHIN_S = 1.0
"""The seconds after a final answer within which a second answer to the same request is recognised."""
RECENTLY_ANSWERED = 4
STAMP_ERROR_S = 0.05
"""By how many seconds time stamps may contradict the order of events; they may have two sources, or be made late."""
MOST_ENDLESS, SHORT_LIMIT_S = 5, 1.0
"""How often a service may send 0x78 without a final answer, and how many seconds 0x78 is believed from then on."""
N_BS_S = 1.0
"""The seconds that an ECU may take to send a flow control."""
SHARED_S = 5.0
"""For how many seconds after a frame of another tester a second answer may be meant for that tester."""
FEWEST_INTRUSIONS = 3
"""The smallest number of frames by another tester on our request id that is reported; fewer may be a mistake."""
LISTEN_S = 0.2
"""The seconds in which raw frames may have an effect."""
SENDS_UNASKED = "whether the ECU sends unasked"
"""The purpose of listening for messages that nobody requested, as plans and logs name it."""


class EcuListener:
    """Lets time pass, and follows what the ECU sends although no request waits for it.

    Such messages are late answers, second answers, answers that 0x78 has announced, and answers to other testers.
    """

    def __init__(self, link: Link, target: Target, state: EcuState | None) -> None:
        self.link = link
        self.target = target
        self.trace: Trace = link.trace
        self.state = state or EcuState(None if target.timing.s3_ms is None else target.timing.s3_ms / 1000)
        self.oddities = Oddities()
        """Wrong answers that were seen in passing, no matter what was requested."""
        self._answered: deque[tuple[float, Reply]] = deque(maxlen=RECENTLY_ANSWERED)
        """The last exchanges by the request id that ended with a final answer, each with its time; raw frames clear them."""
        self._previous_request = b""
        self._previous_outcome: ReplyKind | int = ReplyKind.SILENCE
        self._was_cut_short: bool | None = False
        """Whether the previous request was given less time than the ECU may take to answer it."""
        self._endless: Counter[bytes] = Counter()
        """By service, how often the ECU sent 0x78 and then no final answer."""
        self._outstanding: dict[bytes, float] = {}
        """Services that the ECU answered by 0x78 while nobody waited, each with the latest time of the final answer."""
        self._quiet_s = 0.0
        """For how many seconds the ECU has been quiet at a stretch since it last sent a message that nobody requested."""
        self._transport = Transport(link, target.can, p2_s=target.timing.p2_ms / 1000)
        self._p2_s = target.timing.p2_ms / 1000 + MARGIN_S
        self._p2_star_s = target.timing.p2_star_ms / 1000 + MARGIN_S

    # Frames

    @property
    def has_answered(self) -> bool:
        """Whether any frame has arrived on the ECU's response id so far."""
        return self._transport.answer_frames > 0

    @property
    def frame_bytes(self) -> int:
        """The bytes of a full classic frame to this ECU after the address: 8, or 7 with extended and mixed addressing."""
        return self._transport.frame_bytes

    def frame(
        self, data: bytes, *, is_functional: bool = False, can_id: int | None = None, is_extended: bool | None = None
    ) -> Frame:
        """Return a frame with the address that this ECU needs and then this data, on the usual id or on `can_id`."""
        frame = self._transport.frame(data, is_functional=is_functional)
        frame.can_id = frame.can_id if can_id is None else can_id
        frame.is_extended = frame.is_extended if is_extended is None else is_extended
        return frame

    def is_answer(self, frame: Frame) -> bool:
        """Whether a frame has the ECU's response id, in a format that the target declares."""
        return self._transport.is_answer(frame)

    def answer_times_s(self, reply: Reply) -> tuple[float, ...]:
        """Return when each frame of the ECU came, in seconds after the last frame of the request, by the bus's time stamps.

        Empty if no frame came, if the frames are no longer stored (call this soon after the exchange), or if the stamps are
        implausible.
        """
        sent_s = None
        times: list[float] = []
        for frame in reply.frames:
            if frame.is_sent and frame.pci_type != FrameType.FLOW_CONTROL:
                sent_s, times = frame.time_s, []
            elif sent_s is not None and self.is_answer(frame):
                times.append(frame.time_s - sent_s)
        is_possible = all(-STAMP_ERROR_S < time_s < LONGEST_ANSWER_S for time_s in times)
        return tuple(max(time_s, 0.0) for time_s in times) if is_possible else ()

    # Time

    def listen(
        self,
        seconds: float,
        *,
        after_first_of: int = 0,
        also_from: Collection[int] = (),
        ends_with_answer: bool = False,
        why: str = "",
    ) -> tuple[Frame, ...]:
        """Send nothing for `seconds`, and return the frames that come on the ECU's response id, and on `also_from`.

        If `after_first_of` frames of ours were just handed over, nothing counts before the first of them is sent. With
        `ends_with_answer` listening ends soon after the first message, or the first frame of a long one, has come. `why` is
        for plans and logs.
        """
        with self._wait_told(seconds, why, is_pause=False):
            return self._listen(seconds, after_first_of, also_from, ends_with_answer)

    def _listen(
        self, seconds: float, after_first_of: int = 0, also_from: Collection[int] = (), ends_with_answer: bool = False
    ) -> tuple[Frame, ...]:
        link = self.link
        until_s = link.now_s + seconds
        if also_from:
            link.hear_also(also_from, seconds)
        self.state.wait(seconds)
        heard = []
        is_unasked = False
        while (frame := link.receive(until_s)) is not None:
            is_too_early = after_first_of and link.unsent >= after_first_of
            is_answer = self.is_answer(frame)
            if (is_answer or frame.can_id in also_from) and not is_too_early:
                heard.append(frame)
            if is_answer:
                message = frame.pdu
                if frame.pci_type == FrameType.FLOW_CONTROL:
                    self._transport.waits.hear_flow_control()
                if not after_first_of:
                    is_unasked = True
                    self._transport.waits.hear_stray(message, link.now_s)
                self._follow_pending(message)
                self._note_second(message)
                if ends_with_answer and message and not is_too_early:
                    until_s = min(until_s, link.now_s + GRACE_S)
            else:
                self._transport.overhear(frame)
            if link.now_s >= until_s:
                break
        if is_unasked:
            self._quiet_s = 0.0
        elif not after_first_of:
            self._quiet_s = max(self._quiet_s, seconds)
        return tuple(heard)

    def wait(self, seconds: float, why: str = "") -> None:
        """Wait without sending; `why` is for plans and logs. A session that needs TesterPresent ends meanwhile."""
        with self._wait_told(seconds, why, is_pause=True):
            self._listen(seconds)

    def _wait_told(self, seconds: float, why: str, *, is_pause: bool) -> AbstractContextManager[None]:
        """Return the context in which a wait runs; a tester that reports its waits to somebody overrides this.

        `why` is empty for a wait without a purpose; `is_pause`: the tester does not listen during the wait.
        """
        return nullcontext()

    def require_quiet(self, seconds: float = LISTEN_S) -> None:
        """Raise Inconclusive if the ECU sends unrequested messages on its response id: no answer could be recognised.

        Listens for `seconds`; for P2 only, if the ECU was quiet for as long before and has sent no such message since.
        """
        is_late = self.listen(self.silence_s, why=SENDS_UNASKED)
        if not is_late and self._quiet_s >= seconds:
            return
        heard = self.listen(seconds, why=SENDS_UNASKED)
        if heard:
            raise Inconclusive(f"the ECU sends on its response id unasked: {heard[0].text()}")

    @property
    def silence_s(self) -> float:
        """The seconds of silence after which this ECU has given no answer: P2, and a margin for adapter and computer.

        The margin becomes smaller while the ECU's answers come quickly.
        """
        return self._transport.waits.silence_s

    def flow_control_s(self) -> float:
        """Return for how many seconds to wait for the next flow control: N_Bs, or fewer if this ECU has never sent one."""
        n_bs_s = self._transport.waits.n_bs_s()
        return N_BS_S if n_bs_s is None else n_bs_s

    @property
    def times_too_short(self) -> int:
        """How often a frame came after a shortened wait for it had ended, but within the time of the whole wait."""
        return self._transport.waits.times_too_short

    # What comes beside an answer

    def _note_strays(self) -> None:
        """Record frames that came between the last final answer and the request of this exchange."""
        strays = self._transport.strays
        self._quiet_s = 0.0
        for frame in strays:
            message = frame.pdu
            self._note_second(message)
            self._follow_pending(message)
        strays.clear()

    def _note_second(self, message: bytes) -> None:
        """Keep a message as a second answer if it fits a request to which the ECU has lately given its final answer."""
        if len(message) < 2 or self.is_shared():
            return
        is_pending = message[0] == NEGATIVE_RESPONSE and message[2:3] == bytes((Nrc.RESPONSE_PENDING,))
        for answered_s, reply in reversed(self._answered) if not is_pending else ():
            is_refusal = message[0] == NEGATIVE_RESPONSE and message[1] == reply.request[0]
            is_late = self.link.now_s - answered_s > SECOND_WITHIN_S
            if not is_late and (is_refusal or is_positive_response(reply.request, message)):
                self.oddities.second_answer(reply, message, self.link.now_s)
                return

    def _suspect_stray(self, message: bytes) -> None:
        """Recognise an answer to the previous request: the ECU answers twice, and later requests must wait for the copies.

        A message that fits neither request, such as a bare 50 to each 10, may as well be a malformed answer to this one.
        """
        previous = self._previous_request
        if not previous or self._was_cut_short:
            return
        is_refusal = message[0] == NEGATIVE_RESPONSE and len(message) > 1 and message[1] == previous[0]
        if is_refusal or is_positive_response(previous, message):
            self.state.hear_stray(self._p2_s, is_copy=self._previous_outcome is not ReplyKind.SILENCE)

    def _await_strays(self) -> None:
        heard = self.listen(self.state.quiet_s, why="late answers, and copies of the last")
        self.state.hear_pause(has_heard=bool(heard))

    def _follow_pending(self, message: bytes) -> None:
        """Note what the ECU announces by 0x78 while no request waits for it, and the final answers to that."""
        if len(message) < 2:
            return
        if message[0] != NEGATIVE_RESPONSE:
            if self._outstanding:
                self._outstanding.pop(bytes((message[0] - RESPONSE_OFFSET & 0xFF,)), None)
        elif message[2:3] != bytes((Nrc.RESPONSE_PENDING,)):
            self._outstanding.pop(message[1:2], None)
        elif self._endless[message[1:2]] < MOST_ENDLESS:
            self._outstanding[message[1:2]] = self.link.now_s + self._p2_star_s

    def _pending_limit_s(self, service: bytes) -> float:
        """Return for how many seconds 0x78 is believed; fewer if the service sent 0x78 without a final answer before."""
        times = self._endless[service]
        if not times:
            return PENDING_LIMIT_S
        return self._p2_star_s if times < MOST_ENDLESS else SHORT_LIMIT_S

    def _await_outstanding(self) -> None:
        """Receive final answers that the ECU announced by 0x78 while nobody waited: until then it may serve nothing else."""
        link = self.link
        give_up_s = link.now_s + PENDING_LIMIT_S
        while self._outstanding:
            message = self._transport.receive(min(max(self._outstanding.values()), give_up_s), give_up_s)
            if message is None:
                self._endless.update(self._outstanding.keys())
                self._outstanding.clear()
            else:
                self._follow_pending(message)

    # Other testers

    def is_shared(self) -> bool:
        """Whether another tester has sent lately, or an echo of ours was heard, so that more answers may come."""
        return self.link.now_s - self._transport.shared_s < SHARED_S

    def intruder(self) -> str:
        """Describe another tester's frames on our request id, on a real bus; empty if too few, or unknown.

        Only an adapter that confirms our own frames distinguishes them from other frames on the same id.
        """
        first, count = self._transport.intruder, self._transport.intrusions
        if first is None or count < FEWEST_INTRUSIONS or self.link.is_virtual or not self.link.confirms_sending:
            return ""
        return f"{first.text()} and {count - 1} more frames on 0x{first.can_id:X}"
