"""Carry messages to the ECU and back: ISO-TP over a link, with the target's addresses."""

import math
from collections import deque
from collections.abc import Collection

from harness.errors import NotApplicable
from harness.link.addressing import add_to, addresses_of
from harness.link.bus import Link
from harness.link.frame import FD_BIT_RATE_SWITCH, Frame
from harness.link.isotp import IsoTp, IsoTpConfig, IsoTpFault
from harness.link.isotp_frames import CLASSIC_BYTES, LONGEST_BYTES, FrameType, longest_single
from harness.target import Can
from harness.tester.waits import Waits
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, SUB_FUNCTION_SERVICES, SUPPRESS_POSITIVE_RESPONSE

OTHERS_KEPT = 8
LONGEST_SEGMENT_S = 60.0
"""Seconds for one step of a transfer; ISO-TP's own time-outs end a transfer long before."""


class Transport:
    """Carries messages to one ECU and back. Frames that hold no message are counted, since garbage is no silence."""

    def __init__(self, link: Link, can: Can, *, p2_s: float, takes_any_format: bool = False) -> None:
        self.link = link
        self.waits = Waits(p2_s)
        tx_dl = LONGEST_BYTES if can.fd else CLASSIC_BYTES
        addresses = addresses_of(can)
        self._address, self._functional_address = addresses.request, addresses.functional
        self._answer_address = addresses.response
        size_bytes = addresses.size_bytes
        self.frame_bytes = CLASSIC_BYTES - size_bytes
        """How many bytes a classic CAN frame holds behind its address."""
        self._isotp = IsoTp(IsoTpConfig(tx_dl=tx_dl, padding=can.padding, address_bytes=size_bytes))
        self._longest_single = longest_single(tx_dl, len(self._functional_address))
        self._is_fd = can.fd
        self._fd_flags = FD_BIT_RATE_SWITCH if can.fd and can.data_bitrate is not None else 0
        self._request_id = can.request_id
        self._response_id = can.response_id
        self._functional_id = can.functional_id
        add_to(link.addresses, can)
        self._is_extended = can.extended_ids is True or can.request_id > 0x7FF
        self._answer_formats: tuple[bool, ...] = (True, False)
        if can.extended_ids != "any" and not takes_any_format:
            self._answer_formats = (can.extended_ids or can.response_id > 0x7FF,)
        self._may_fill_flow_controls = can.padding is None and not can.fd
        self._has_stopped_answer = False
        self.remark = ""
        """What a reader must know of how messages are carried; empty if there is nothing to know."""
        self._handed_over = 1
        self._early: deque[bytes] = deque()
        self.early = 0
        """How many messages of the ECU came before our last message was sent."""
        self.fault = ""
        """Why the last message was not sent completely, in the standard's word; empty if it was."""
        self.garbage = 0
        """How many frames came instead of a flow control while the last message was sent."""
        self.answer_frames = 0
        """How many frames have come on the ECU's response id so far, whatever their content."""
        self.strays: list[Frame] = []
        """Frames from the response id that came when no request was open."""
        self.shared_s = -math.inf
        """When a frame of another tester to this ECU, or an echo of ours, was last heard, by the link's time."""
        self.intruder: Frame | None = None
        """The first frame on our request id that another tester sent, or that is an echo of ours."""
        self.intrusions = 0
        """How many frames came of which `intruder` is the first."""
        self._others: deque[tuple[float, bytes]] = deque(maxlen=OTHERS_KEPT)
        """Unanswered requests of other testers to this ECU, with their times."""

    def is_answer(self, frame: Frame) -> bool:
        """Whether a frame has the ECU's response id, in a format that the target declares."""
        return (
            frame.can_id == self._response_id
            and frame.is_extended in self._answer_formats
            and (frame.address == self._answer_address or (self._answer_address is None and bool(frame.address)))
            and not frame.is_remote
        )

    def frame(self, data: bytes, *, is_functional: bool = False) -> Frame:
        """Return a frame to the ECU with its address, if there is one, and this data unchanged."""
        can_id = self._functional_id if is_functional else self._request_id
        assert can_id is not None
        address = self._functional_address if is_functional else self._address
        if len(address) > len(self._address) and not self._is_fd:
            data = data[: CLASSIC_BYTES - len(address)]  # without the padding of a frame that has no address
        is_extended = self._is_extended or can_id > 0x7FF
        return Frame(can_id, data, is_extended, is_fd=self._is_fd, fd_flags=self._fd_flags, address=address)

    def drain(self) -> None:
        """Receive the frames that are waiting, so that none of them is taken for an answer to the next request."""
        link = self.link
        if not link.tells_stale:
            while (frame := link.receive(0.0)) is not None:  # takes what is there, without waiting
                if self.is_answer(frame):
                    self._keep_stray(frame)
                else:
                    self.overhear(frame)
        if self._early:
            self._early.clear()
        if self._isotp.deadline_s is not None:
            self._isotp.reset()

    def send(self, pdu: bytes, *, is_functional: bool = False) -> None:
        """Send a message; return when its last frame is handed to the bus, or the transmission was cut short.

        An answer that comes instead of a flow control cuts the transmission short. Raises ValueError if a functional message
        needs more than one frame, NotApplicable if the target has no functional id.
        """
        if is_functional:
            if self._functional_id is None:
                raise NotApplicable("the target declares no functional_id")
            if len(pdu) > self._longest_single:
                raise ValueError(
                    f"a functional request is one frame of at most {self._longest_single} bytes, not {len(pdu)}"
                )
        isotp, link, waits = self._isotp, self.link, self.waits
        self.garbage = self.early = 0
        waits.asked = pdu
        if waits.has_heard:
            waits.begin()
        single = None if is_functional or self._is_fd else isotp.single_frame(pdu)
        if single is not None:
            self._handed_over = 1
            self.fault = ""
            frame = Frame(self._request_id, single, self._is_extended)
            if self._address:
                frame.address = self._address
            link.send(frame)
            return
        isotp.send(pdu, link.now_s)
        self._flush(is_functional)
        n_bs_s = waits.n_bs_s() if isotp.is_sending else None
        give_up_s = math.inf if n_bs_s is None else link.now_s + n_bs_s
        while isotp.is_sending:
            message = self._step(min(link.now_s + LONGEST_SEGMENT_S, give_up_s))
            if isotp.is_sending and link.now_s >= give_up_s:
                isotp.abort_transmission(IsoTpFault.TIMEOUT_BS)
            elif isotp.fault is IsoTpFault.TIMEOUT_BS:
                waits.had_no_flow_control()
            if message is not None:
                self._early.append(message)
                self.early += 1
                if message[0] == pdu[0] + RESPONSE_OFFSET or message[:2] == bytes((NEGATIVE_RESPONSE, pdu[0])):
                    isotp.reset()
        self.fault = "" if isotp.fault is None else str(isotp.fault.value)

    def pads_flow_controls(self) -> bool:
        """If an answer stopped after a flow control of 3 bytes, pad them to 8 bytes from now on; return whether it did.

        Some ECUs accept single frames of any length, but ignore a flow control without padding.
        """
        if not self._has_stopped_answer or not self._may_fill_flow_controls:
            return False
        self._may_fill_flow_controls = False
        self._isotp.fill_flow_controls()
        self.remark = (
            "A long answer stopped after its first frame: the ECU did not take a flow control of 3 bytes, which is what "
            "padding = false makes of it. From then on flow controls had 8 bytes; padding = 0x00 would fill all frames."
        )
        return True

    def receive(self, until_s: float, give_up_s: float) -> bytes | None:
        """Return the ECU's next message; None if none has begun by `until_s`, or none is complete by `give_up_s`.

        `give_up_s` is not before `until_s`.
        """
        isotp = self._isotp
        link = self.link
        if self._early:
            return self._early.popleft()
        waits = self.waits
        whole_s = until_s
        if waits.has_heard:
            until_s = waits.until_s(whole_s)
        while True:
            pdu = self._step(until_s)
            if waits.has_heard:
                if pdu is not None:
                    waits.hear_message()
                until_s = waits.until_s(whole_s)
            if pdu is not None:
                return pdu
            if link.now_s >= (give_up_s if isotp.is_receiving else until_s):
                if waits.has_heard:
                    waits.end(link.now_s)
                return None

    def _step(self, until_s: float) -> bytes | None:
        """Wait for one frame, or for the ISO-TP timer if that is due earlier; return the message that is then complete."""
        isotp, link = self._isotp, self.link
        due_s = isotp.deadline_s
        if due_s is not None and (due_s < until_s or isotp.is_receiving):
            until_s = due_s
        frame = link.receive(until_s)
        pdu = None
        if frame is None:
            if due_s is not None:
                was_receiving = isotp.is_receiving
                isotp.tick(link.now_s)
                self._has_stopped_answer |= was_receiving and isotp.fault is IsoTpFault.TIMEOUT_CR
        elif (
            frame.can_id == self._response_id
            and frame.is_extended in self._answer_formats
            and (frame.address == self._answer_address or (self._answer_address is None and bool(frame.address)))
            and not frame.is_remote
            and link.unsent < self._handed_over  # what arrives before any frame of ours is sent cannot answer it
        ):
            self.answer_frames += 1
            was_sending = isotp.is_sending
            pdu = isotp.receive(frame.data, link.now_s)
            if pdu is None and not isotp.is_receiving:
                self._hear_frame(frame, was_sending=was_sending)
        elif self.is_answer(frame):
            self._keep_stray(frame)
        else:
            self.overhear(frame)
        if isotp.outbox:
            self._flush(False)
        return pdu

    def _hear_frame(self, frame: Frame, *, was_sending: bool) -> None:
        """Note a frame of the ECU that neither began nor ended a message."""
        kind = frame.pci_type
        if kind == FrameType.FLOW_CONTROL:
            self.waits.hear_flow_control()
            return
        self.garbage += was_sending
        if kind not in (FrameType.FIRST, FrameType.CONSECUTIVE):
            self.waits.hear_garbage(self.link.now_s)

    def _keep_stray(self, frame: Frame) -> None:
        self.strays.append(frame)
        self.waits.hear_stray(frame.pdu, self.link.now_s)
        if frame.pci_type == FrameType.FLOW_CONTROL:
            self.waits.hear_flow_control()

    def overhear(self, frame: Frame) -> None:
        """Record the request of another tester in a single frame. An adapter's echo of our own frame looks the same."""
        if not self._is_to_this_ecu(frame):
            return
        self.shared_s = self.link.now_s
        if frame.can_id == self._request_id:
            self.intruder = self.intruder or frame
            self.intrusions += 1
        pdu = frame.pdu
        if pdu and frame.pci_type == FrameType.SINGLE and not frame.is_remote:
            is_silent = pdu[0] in SUB_FUNCTION_SERVICES and len(pdu) > 1 and pdu[1] & SUPPRESS_POSITIVE_RESPONSE
            if not is_silent:
                self._others.append((self.link.now_s, pdu))

    def _is_to_this_ecu(self, frame: Frame) -> bool:
        is_physical = frame.can_id == self._request_id and frame.address == self._address
        return is_physical or (frame.can_id == self._functional_id and frame.address == self._functional_address)

    def answers_another(self, message: bytes, *, ours: Collection[bytes] = ()) -> bool:
        """Whether a message answers an overheard request of another tester, which then counts as answered.

        `ours`: our own requests, whose echo may be among what was overheard.
        """
        now_s = self.link.now_s
        for asked_s, pdu in self._others:
            if pdu in ours:
                continue
            is_positive = message[0] == pdu[0] + RESPONSE_OFFSET
            if now_s - asked_s < LONGEST_SEGMENT_S and (is_positive or message[:2] == bytes((NEGATIVE_RESPONSE, pdu[0]))):
                self._others.remove((asked_s, pdu))
                return True
        return False

    def _flush(self, is_functional: bool) -> None:
        fields = self._isotp.outbox.copy()
        self._isotp.outbox.clear()
        self._handed_over = len(fields)
        for data in fields:
            self.link.send(self.frame(data, is_functional=is_functional))
