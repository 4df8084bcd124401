"""Send stimuli to one ECU: requests, of which each is answered, or frames, with or without a wait for answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.fuzz.keyed import filled
from harness.link.frame import Frame
from harness.link.isotp import IsoTpFault
from harness.link.isotp_frames import FrameType
from harness.tester.access import STORING_S
from harness.tester.bus_load import MOST_BACKLOG_S, await_quiet
from harness.tester.ecu_state import level_of
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, SUPPRESS_POSITIVE_RESPONSE, Nrc, Service, Session, is_send_key

Stimulus = tuple[bytes, ...]
"""The data fields of frames that go out back to back, or requests, one after the other."""

_RESET, _SESSION_CONTROL = int(Service.ECU_RESET), int(Service.DIAGNOSTIC_SESSION_CONTROL)
_PENDING = bytes((Nrc.RESPONSE_PENDING,))
_RESTARTS = frozenset((_RESET, _SESSION_CONTROL))

SHORTEST_GAP_S, LONGEST_GAP_S = 0.002, 0.02
"""The shortest and longest gap in seconds between two raw stimuli, in which this ECU can process and answer each."""
NOT_TAKEN_LIMIT: Final = 3
"""How many long messages in a row the ECU may reject before no more are sent, because each takes a second."""
LATEST_START_S, ASKED_EVERY_S = 0.3, 0.1
"""The seconds for which an ECU may run on after it has confirmed the programming session, and between two requests then."""
SLOWEST_BOOT: Final = 5
"""How many times its declared boot time, plus two seconds, an ECU gets after a reset that a message requested."""

_NOT_TAKEN: Final = {
    fault.value for fault in (IsoTpFault.TIMEOUT_BS, IsoTpFault.OVERFLOW, IsoTpFault.WAIT_LIMIT, IsoTpFault.INVALID_FS)
}
"""Errors of sending that mean that the ECU did not receive the whole message."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to the last message of a stimulus, in cases where each stimulus is judged."""

    reply: Reply
    evidence: tuple[Reply | RawReply, ...]
    """The answers to all messages of the stimulus."""
    is_right_key: bool = False
    """Whether one of the messages happened to be the right key."""
    locked_out_level: int | None = None
    """The level that is locked for a while, as an answer says."""
    not_taken: str = ""
    """Why the ECU did not receive one of the messages completely, so that its answer says nothing; empty if it did."""


class Player:
    """Plays stimuli on one ECU, and waits for its boot after requests to restart."""

    def __init__(
        self,
        tester: Tester,
        *,
        is_raw: bool,
        timeout_s: float | None = None,
        hear: Callable[[Reply], None] = lambda reply: None,
        hear_raw: Callable[[RawReply], None] = lambda reply: None,
        before: Callable[[Stimulus], None] = lambda stimulus: None,
        stays: set[int] | None = None,
    ) -> None:
        """Make a player.

        `timeout_s` is how long a stream waits for the answer to a request of one frame. `hear` is called with each answer of
        a stream, except answers to requests to restart; `before` with each stimulus before it is sent.
        """
        self._tester = tester
        self._frame_bytes = tester.frame_bytes
        self._is_raw = is_raw
        self._timeout_s = timeout_s
        self._hear, self._hear_raw, self._before = hear, hear_raw, before
        self._stays = set() if stays is None else stays
        self.gap_s = SHORTEST_GAP_S
        """The seconds to wait after each raw stimulus of a stream."""
        self._not_taken_in_a_row = 0
        self.latest: Reply | RawReply | None = None

    def measure_gap(self) -> None:
        """Set the gap between raw stimuli to the time that this ECU takes to answer."""
        tester = self._tester
        times = [max(tester.answer_times_s(tester.request(tester.liveness_request)), default=0.0) for _ in range(3)]
        self.gap_s = min(max(1.5 * max(times), SHORTEST_GAP_S), LONGEST_GAP_S)

    # A stream: as much as possible in a short time

    def play(self, batch: Sequence[Stimulus]) -> None:
        """Send all stimuli of a stream, in order."""
        tester = self._tester
        heard: list[Frame] = []
        for stimulus in batch:
            if self._is_raw:
                frames = tuple([one if type(one) is bytes else filled(one, tester) for one in stimulus])
                self._before(frames)
                raw = self.latest = tester.raw(*frames, listen_s=self.gap_s)
                self._hear_raw(raw)
                heard += raw.answers
            else:
                self._play_requests(stimulus)
        if self._is_raw:
            heard += tester.listen(STORING_S, why="the ECU stores a value")
            if any(map(_may_go_on, heard)) or not tester.link.is_quiet_for(tester.target.timing.p2_ms / 1000):
                await_quiet(tester, MOST_BACKLOG_S, after=heard)
            if any(_may_restart(data) for stimulus in batch for data in stimulus if not _RESTARTS.isdisjoint(data[:4])):
                self._await_boot()

    def _play_requests(self, stimulus: Stimulus) -> None:
        tester, frame_bytes = self._tester, self._frame_bytes
        for message in stimulus:
            pdu = message if type(message) is bytes else filled(message, tester)
            self._before((pdu,))
            is_long = len(pdu) >= frame_bytes
            if is_long and self._not_taken_in_a_row >= NOT_TAKEN_LIMIT:
                tester.note("long messages were left out: the ECU takes none")
                continue
            reply = self.latest = tester.request(pdu, timeout_s=None if is_long else self._timeout_s)
            if is_long:
                self._not_taken_in_a_row = self._not_taken_in_a_row + 1 if _not_taken([reply]) else 0
            if pdu[0] in _RESTARTS and _asks_for_restart(pdu) and not reply.is_negative:
                self._await_boot(pdu[0])
            else:
                self._hear(reply)

    # One stimulus by itself, whose answer is judged

    def answer_to(self, stimulus: Stimulus, *, gap_s: float | None = None) -> Answered:
        """Send one stimulus and return the answer.

        Raises NotRun or Inconclusive if a key in it must not be sent.

        `gap_s`: the time after each frame; None: back to back.
        """
        tester = self._tester
        if self._is_raw:
            tester.wait(tester.silence_s, "late answers, which are none to frames")
            raw = self._frames(stimulus, gap_s)
            tester.state.expect_anything()
            return Answered(_read(raw, is_shared=tester.is_shared()), (raw,))
        is_right = False
        replies = []
        for message in stimulus:
            reply, was_right = self._request(filled(message, tester))
            is_right = is_right or was_right
            replies.append(reply)
        return Answered(reply, tuple(replies), is_right, _locked_out_level(replies), _not_taken(replies))

    def _frames(self, stimulus: Stimulus, gap_s: float | None) -> RawReply:
        tester = self._tester
        frames = tuple(filled(message, tester) for message in stimulus)
        if gap_s is None:
            return tester.raw(*frames, listen_s=tester.silence_s)
        replies = [tester.raw(frame, listen_s=gap_s) for frame in frames[:-1]]
        replies.append(tester.raw(frames[-1], listen_s=max(gap_s, tester.silence_s)))
        sent = tuple(frame for reply in replies for frame in reply.sent)
        answers = tuple(frame for reply in replies for frame in reply.answers)
        return RawReply(sent, answers, replies[0].trace, replies[0].first_frame)

    def _request(self, message: bytes) -> tuple[Reply, bool]:
        """Send one request; return the reply, and whether the message was the right key."""
        tester, security = self._tester, self._tester.security
        seed = security.level(level_of(message)).seed if is_send_key(message) else None
        reply = tester.request(message)
        if message[0] == Service.ECU_RESET and not reply.is_negative:
            self._await_boot()
        if seed is None or reply.is_negative or not security.has_key(level_of(message)):
            return reply, False
        return reply, message[2:] == security.right_key(level_of(message), seed)

    # Restarts

    def _await_boot(self, service: int = _RESET) -> None:
        """Wait for a restart; after a service that promises none, only until this ECU is known not to restart."""
        reset = self._tester.target.reset
        if service in self._stays:
            return
        if service != _RESET and reset.boot_s > LATEST_START_S and self._goes_on(reset.boot_s + LATEST_START_S):
            self._stays.add(service)
            return
        self._tester.wait(reset.boot_s, "the ECU boots")
        self._tester.await_life(reset.boot_s * SLOWEST_BOOT + 2.0)

    def _goes_on(self, seconds: float) -> bool:
        """Whether the ECU answers every plain request for `seconds`."""
        until_s = self._tester.link.now_s + seconds
        while self._tester.link.now_s < until_s:
            if self._tester.request(self._tester.liveness_request).is_silence:
                return False
            self._tester.wait(ASKED_EVERY_S, "whether the ECU restarts")
        return True


def asks_for_restart(messages: Stimulus, *, is_raw: bool) -> bool:
    """Whether an ECU may read a request to restart into messages or frames."""
    return any(_RESET in (one[:4] if is_raw else one[:1]) for one in messages)


def _may_go_on(frame: Frame) -> bool:
    """Whether more frames follow this frame: the rest of a message, or an announced answer."""
    return frame.pci_type != FrameType.SINGLE or frame.pdu[2:3] == _PENDING


def _may_restart(frame: bytes) -> bool:
    """Whether an ECU may read into a frame a request to restart, or to leave its application."""
    return any(_asks_for_restart(frame, at) for at in range(4))


def _asks_for_restart(message: bytes, at: int = 0) -> bool:
    """Whether a request that begins at this position asks for a restart, or for the programming session."""
    service = message[at] if len(message) > at else None
    if service == _RESET:
        return True
    is_session = service == _SESSION_CONTROL and len(message) > at + 1
    return is_session and message[at + 1] & ~SUPPRESS_POSITIVE_RESPONSE == Session.PROGRAMMING


def _locked_out_level(replies: list[Reply]) -> int | None:
    for reply in replies:
        if reply.request[0] == Service.SECURITY_ACCESS and len(reply.request) > 1 and reply.is_delayed:
            return level_of(reply.request)
    return None


def _not_taken(replies: list[Reply]) -> str:
    """Return why the ECU did not receive one of the requests completely; empty if it received all of them."""
    for reply in replies:
        has_answer = reply.is_positive or reply.is_negative
        if not has_answer and reply.note in _NOT_TAKEN:
            return reply.note
    return ""


def _read(raw: RawReply, *, is_shared: bool) -> Reply:
    """Return the first message in the frames of the ECU, though it is unknown which request it answers.

    `is_shared`: another tester uses the ECU too, so that an answer to a service which is not in our frames is not ours.
    """
    sent = b"".join(frame.data for frame in raw.sent)
    answers = [frame for frame in raw.answers if not is_shared or _may_answer(frame.pdu, sent)]
    kind, nrc, pdu = ReplyKind.MALFORMED if answers else ReplyKind.SILENCE, None, b""
    for frame in answers:
        pdu = frame.pdu
        if len(pdu) == 3 and pdu[0] == NEGATIVE_RESPONSE:
            if pdu[2] == Nrc.RESPONSE_PENDING:
                continue
            kind, nrc = ReplyKind.NEGATIVE, pdu[2]
        elif pdu and pdu[0] != NEGATIVE_RESPONSE and pdu[0] & RESPONSE_OFFSET:
            kind = ReplyKind.POSITIVE
        break
    return Reply(sent, pdu, kind, nrc, (), raw.trace, raw.first_frame, note=str(raw) if answers else "")


def _may_answer(pdu: bytes, sent: bytes) -> bool:
    """Whether a message answers a service that may have been sent; the rest of a long message is unknown."""
    if not pdu:
        return False
    service = pdu[1] if pdu[0] == NEGATIVE_RESPONSE and len(pdu) > 1 else pdu[0] - RESPONSE_OFFSET
    return service in sent
