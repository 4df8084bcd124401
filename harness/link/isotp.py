"""Split a message into frames, and assemble a message from frames, as in ISO 15765-2.

Classic CAN and CAN FD; no I/O, no clock.

Addresses are the owner's task: with extended and mixed addressing it puts one byte before each data field that goes out,
and removes it from each that comes in. An endpoint only knows how many bytes of a frame the address takes.
"""

import math
from dataclasses import dataclass
from typing import Final

from harness.errors import IsoTpBusy
from harness.link.isotp_frames import (
    CF_HEAD,
    CLASSIC_BYTES,
    CLEAR_TO_SEND,
    FF_MAX,
    LONGEST_BYTES,
    LONGEST_MESSAGE,
    OVERFLOW,
    SF_BYTES,
    SF_HEAD,
    STMIN_S,
    WAIT,
    IsoTpFault,
    escaped_single,
    fills,
    first_frame_head,
    longest_single,
    read_first_frame,
)

__all__ = ["IsoTp", "IsoTpBusy", "IsoTpConfig", "IsoTpFault"]

_ROUNDING_S: Final = 1e-6
"""An allowance in seconds for rounding: an owner that waits `deadline_s - now_s` must not come too early and wait again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoTpConfig:
    """What one endpoint announces and accepts, and its time-outs."""

    tx_dl: int = CLASSIC_BYTES  # our longest frame; above 8 it is CAN FD, and frames of up to 64 bytes are accepted
    padding: int | None = 0x00  # the byte that fills frames up to 8 bytes; None: frames as short as their content
    block_size: int = 0  # BS in our flow control: the peer's frames until it must wait for the next; 0: no limit
    stmin: int = 0  # the raw STmin byte in our flow control
    max_length: int = FF_MAX  # the longest message accepted; a longer one is refused at its first frame
    n_bs_s: float = 1.0  # the wait for a flow control
    n_cr_s: float = 1.0  # the wait for a consecutive frame
    wait_limit: int = 8  # N_WFTmax: flow controls in a row that may say wait; one more ends the transmission
    address_bytes: int = 0  # of each frame, before what stands in `outbox`: 1 with extended and mixed addressing
    frame_time_s: float = 0.0  # a frame of ours occupies the bus so long: STmin and N_Bs count from its end


class IsoTp:
    """One end of one pair of addresses.

    Its owner moves the frames and tells the time.

    After each call the owner puts the data fields in `outbox` on the bus, in order, and clears the list; it calls `tick`
    when `deadline_s` is reached. A message is sent (`is_sending` is false again) once its last frame is in the outbox. A
    reception and a transmission may run at the same time.

    `fault` says why a message, of either direction, was last given up; `send` and `reset` clear it. The owner reads the
    attributes and does not set them.

    An endpoint that is wrong on purpose is a subclass that overrides `receive` or a step without an underscore:
    `take_first_frame`, `begin_reception`, `grant_block`, `abort_reception`, `take_flow_control`. Such a subclass
    uses the attributes without an underscore: `received` (the part of a message that has arrived), `expected_sn`,
    `clear_to_send` (our flow control), `awaits_flow_control`, `waits` (flow controls in a row that said wait), `config`.
    """

    __slots__ = (
        *("outbox", "fault", "is_sending", "is_receiving", "deadline_s"),
        *("config", "_fill", "short_sf_bytes", "_sf_bytes", "_cf_bytes", "clear_to_send", "_overflow"),
        *("address_bytes", "classic_bytes", "_longest_frame"),
        *("received", "_rx_length", "_rx_dl", "expected_sn", "_rx_block", "_rx_deadline_s"),
        *("_tx_pdu", "_tx_next", "_tx_sn", "_tx_block", "_tx_stmin_s", "_tx_cf_end_s", "waits"),
        *("awaits_flow_control", "_tx_deadline_s"),
    )
    outbox: list[bytes]
    fault: IsoTpFault | None
    is_sending: bool
    is_receiving: bool
    deadline_s: float | None
    _tx_pdu: bytes
    awaits_flow_control: bool

    def __init__(self, config: IsoTpConfig) -> None:
        """Make an endpoint. Raises ValueError if padding, block_size or stmin is no byte, or `tx_dl` no frame length."""
        self.config = config
        self.address_bytes = address_bytes = config.address_bytes
        self._fill = fills(config.tx_dl, config.padding, address_bytes)
        self.short_sf_bytes = SF_BYTES - address_bytes
        self._sf_bytes = longest_single(config.tx_dl, address_bytes)
        self._cf_bytes = config.tx_dl - 1 - address_bytes
        self.classic_bytes = CLASSIC_BYTES - address_bytes
        self._longest_frame = (CLASSIC_BYTES if config.tx_dl == CLASSIC_BYTES else LONGEST_BYTES) - address_bytes
        self.clear_to_send = bytes((CLEAR_TO_SEND, config.block_size, config.stmin)) + self._fill[3]
        self._overflow = bytes((OVERFLOW, 0, 0)) + self._fill[3]
        self.outbox = []
        self.reset()

    def fill_flow_controls(self) -> None:
        """From now on fill flow controls up to 8 bytes, whatever the configuration says of other frames."""
        self.clear_to_send = self.clear_to_send.ljust(self.classic_bytes, b"\x00")
        self._overflow = self._overflow.ljust(self.classic_bytes, b"\x00")

    def reset(self) -> None:
        """Forget everything, even the frames in `outbox`, as a loss of power does."""
        self.outbox.clear()
        self.fault = None
        self._tx_deadline_s = math.inf
        self._end_reception()
        self._end_transmission()

    def send(self, pdu: bytes | bytearray, now_s: float) -> None:
        """Start to send a message of 1 to 2**32 - 1 bytes; raises ValueError for any other length.

        Raises IsoTpBusy while another message is being sent: a message is neither dropped nor mixed with the next one.
        """
        frame = self.single_frame(pdu)
        if frame is not None:
            self.outbox.append(frame)
            return
        length = len(pdu)
        if not 0 < length <= LONGEST_MESSAGE:
            raise ValueError(f"a message of {length} bytes; ISO-TP carries 1 to {LONGEST_MESSAGE}")
        self.fault = None
        if length <= self._sf_bytes:
            self.outbox.append(bytes((0, length)) + pdu + self._fill[length + 2])
            return
        head = first_frame_head(length)
        self._tx_pdu = bytes(pdu)
        self._tx_next = self.config.tx_dl - self.address_bytes - len(head)
        self._tx_sn = 1
        self.waits = 0
        self._tx_cf_end_s = -math.inf
        self.outbox.append(head + self._tx_pdu[: self._tx_next])
        self._await_flow_control(now_s + self.config.frame_time_s)

    def single_frame(self, pdu: bytes | bytearray) -> bytes | None:
        """Return the frame of up to 8 bytes that holds the whole message, for the owner to send; None if it is too long.

        Raises IsoTpBusy in the case in which `send` does.
        """
        if self.is_sending:
            raise IsoTpBusy(f"{len(self._tx_pdu)} bytes are in transmission; send the next when is_sending is false")
        length = len(pdu)
        if not 0 < length <= self.short_sf_bytes:
            return None
        self.fault = None
        return SF_HEAD[length] + pdu + self._fill[length + 1]

    def receive(self, data: bytes | bytearray, now_s: float, *, is_functional: bool = False) -> bytes | None:
        """Take the data of one frame that arrived at `now_s`; return the message if this frame completed one.

        Never raises: what the standard does not allow is ignored or ends the message, and only `fault` tells. Data of more
        than 8 bytes is ignored as no classic frame unless `tx_dl` says CAN FD. With functional addressing only a single
        frame is accepted; it does not affect a reception that is running, because it belongs to another channel.
        """
        size = len(data)
        if not 0 < size <= self._longest_frame:
            return None
        if self.deadline_s is not None and self.deadline_s <= now_s + _ROUNDING_S:
            self.tick(now_s)  # what has run out by now is not revived by this frame
        pci = data[0]
        if pci < 0x10:
            if size > self.classic_bytes:
                pdu = escaped_single(data, self.address_bytes)
            else:
                pdu = bytes(data[1 : pci + 1]) if 0 < pci < size else None
            if self.is_receiving and pdu is not None and not is_functional:
                self.abort_reception(IsoTpFault.UNEXPECTED_PDU)
            return pdu
        if is_functional:
            return None
        if pci < 0x20:
            self.take_first_frame(data, now_s)
        elif pci < 0x30:
            return self._consecutive_frame(data, now_s)
        elif pci < 0x40:
            self.take_flow_control(data, now_s)
        return None

    def tick(self, now_s: float) -> None:
        """Send a consecutive frame that is due, and give up a message whose time-out has passed."""
        due_s = now_s + _ROUNDING_S
        if self._rx_deadline_s <= due_s:
            self.abort_reception(IsoTpFault.TIMEOUT_CR)
        if self._tx_deadline_s <= due_s:
            if self.awaits_flow_control:
                self.abort_transmission(IsoTpFault.TIMEOUT_BS)
            else:
                self._send_consecutive(now_s)

    def take_first_frame(self, data: bytes | bytearray, now_s: float) -> None:
        """Begin a reception, or refuse a message that is too long."""
        read = read_first_frame(data, self.address_bytes)
        if read is None:
            return
        length, start = read
        if self.is_receiving:
            self.abort_reception(IsoTpFault.UNEXPECTED_PDU)
        if length > self.config.max_length:
            self.fault = IsoTpFault.TOO_LONG
            self.outbox.append(self._overflow)
            return
        self._rx_dl = len(data)  # RX_DL: the peer's frames are all so long, but for the last one
        self.begin_reception(length, data[start:], now_s)

    def begin_reception(self, length: int, content: bytes | bytearray, now_s: float) -> None:
        """Expect a message of `length` bytes, and keep its beginning, `content`."""
        self.received = bytearray(content)
        self._rx_length = length
        self.expected_sn = 1
        self.grant_block(now_s)

    def grant_block(self, now_s: float) -> None:
        """Send a flow control that requests the next consecutive frames."""
        self.outbox.append(self.clear_to_send)
        self._rx_block = self.config.block_size or -1  # counts down to 0; from -1 it never gets there
        self._await_consecutive(now_s)

    def _await_consecutive(self, now_s: float) -> None:
        self._rx_deadline_s = now_s + self.config.n_cr_s
        self._schedule()

    def _consecutive_frame(self, data: bytes | bytearray, now_s: float) -> bytes | None:
        if not self.is_receiving:
            return None
        received = self.received
        missing = self._rx_length - len(received)
        size, rx_dl = len(data), self._rx_dl
        if size != rx_dl and (size <= missing or size > rx_dl):
            return None  # only the last one may be short, and not shorter than its content
        if data[0] & 0x0F != self.expected_sn:
            self.abort_reception(IsoTpFault.WRONG_SN)
            return None
        received += data[1 : missing + 1]
        if missing < rx_dl:
            pdu = bytes(received)
            self._end_reception()
            return pdu
        self.expected_sn = (self.expected_sn + 1) & 0x0F
        self._rx_block -= 1
        if self._rx_block == 0:
            self.grant_block(now_s)
        else:  # as `_await_consecutive`; nothing but the deadline changes
            self._rx_deadline_s = due_s = now_s + self.config.n_cr_s
            self.deadline_s = due_s if due_s < self._tx_deadline_s else self._tx_deadline_s
        return None

    def abort_reception(self, fault: IsoTpFault) -> None:
        """Give up the message that is being received."""
        self.fault = fault
        self._end_reception()

    def _end_reception(self) -> None:
        self.received = bytearray()
        self._rx_deadline_s = math.inf
        self._schedule()

    def take_flow_control(self, data: bytes | bytearray, now_s: float) -> None:
        """Continue the transmission, wait, or give it up, as the flow control says."""
        if not self.awaits_flow_control or len(data) < 3:
            return
        status = data[0]
        if status == CLEAR_TO_SEND:
            self.waits = 0
            self.awaits_flow_control = False
            self._tx_block = data[1] or -1  # as _rx_block
            self._tx_stmin_s = STMIN_S[data[2]]
            # STmin holds between any two consecutive frames, so across a flow control too.
            self._tx_deadline_s = self._tx_cf_end_s + self._tx_stmin_s if self._tx_stmin_s else now_s
            self._schedule()
            self.tick(now_s)
        elif status == WAIT:
            self.waits += 1
            if self.waits > self.config.wait_limit:
                self.abort_transmission(IsoTpFault.WAIT_LIMIT)
            else:
                self._await_flow_control(now_s)
        else:
            self.abort_transmission(IsoTpFault.OVERFLOW if status == OVERFLOW else IsoTpFault.INVALID_FS)

    def _await_flow_control(self, sent_s: float) -> None:
        self.awaits_flow_control = True
        self._tx_deadline_s = sent_s + self.config.n_bs_s
        self._schedule()

    def _send_consecutive(self, now_s: float) -> None:
        """Send the consecutive frames that are due: a single one if STmin paces them, else the rest of the block."""
        pdu, start, end_s, cf_bytes = self._tx_pdu, self._tx_next, now_s, self._cf_bytes
        sn, frame_time_s = self._tx_sn, self.config.frame_time_s
        while start < len(pdu) and self._tx_block != 0:
            frame = CF_HEAD[sn] + pdu[start : start + cf_bytes]
            self.outbox.append(frame + self._fill[len(frame)])
            start += cf_bytes
            end_s += frame_time_s
            sn = (sn + 1) & 0x0F
            self._tx_block -= 1
            if self._tx_stmin_s:
                break
        self._tx_next, self._tx_sn, self._tx_cf_end_s = start, sn, end_s
        if start >= len(pdu):
            self._end_transmission()
        elif self._tx_block == 0:
            self._await_flow_control(end_s)
        else:
            self._tx_deadline_s = end_s + self._tx_stmin_s
            self._schedule()

    def abort_transmission(self, fault: IsoTpFault) -> None:
        """Give up the message that is being sent."""
        self.fault = fault
        self._end_transmission()

    def _end_transmission(self) -> None:
        self._tx_pdu = b""
        self.awaits_flow_control = False
        self._tx_deadline_s = math.inf
        self._schedule()

    def _schedule(self) -> None:
        """Set `deadline_s` and `is_sending` from the deadlines of reception and transmission."""
        self.is_receiving = self._rx_deadline_s < math.inf
        self.is_sending = self._tx_deadline_s < math.inf
        first_s = self._rx_deadline_s if self._rx_deadline_s < self._tx_deadline_s else self._tx_deadline_s
        self.deadline_s = first_s if first_s < math.inf else None
