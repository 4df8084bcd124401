"""Flaws of reading and sending frames."""

from collections.abc import Callable
from typing import Final

import can

from harness.ecu.definition import Definition
from harness.ecu.ecu_node import UdsNode
from harness.ecu.flaws.declare import flaw
from harness.ecu.rules import Ecu, EcuDied
from harness.link.isotp import IsoTp, IsoTpConfig, IsoTpFault
from harness.link.isotp_frames import CLASSIC_BYTES, CLEAR_TO_SEND, LONGEST_MESSAGE, SF_BYTES, WAIT, read_first_frame
from harness.uds import Service

_NEVER_S: Final = 1e6
_HALF_OF_32_BITS: Final = 1 << 31
_BUFFERS: Final = 48
_LEFT_OVER: Final = b"\xcc"
"""The content of a frame buffer before a frame is written to it."""


def _executing(definition: Definition, request_in: Callable[[bytearray, Ecu, IsoTp], bytes | None]) -> Definition:
    """Execute the request that `request_in` finds in a frame, before ISO-TP sees the frame."""
    return definition.with_frame_rule(lambda: lambda server, isotp, data: request_in(data, server, isotp))


def _dying_without_data(definition: Definition, *, is_remote: bool) -> Definition:
    """Crash when a data frame, or with `is_remote` a remote frame, arrives without data."""

    def hear(go_on: Callable[[can.Message], None], node: UdsNode, frame: can.Message) -> None:
        if frame.arbitration_id == node.request_id and not frame.data and frame.is_remote_frame == is_remote:
            raise EcuDied("a frame without data came")
        go_on(frame)

    return definition.at("hear", hear)


class _ShortFirstFrameAccepted(IsoTp):
    def take_first_frame(self, data: bytes | bytearray, now_s: float) -> None:
        shortest = self.short_sf_bytes
        if len(data) == self.classic_bytes and data[:2] == bytes((0x10, shortest)):
            self.begin_reception(shortest, data[2:], now_s)
        else:
            super().take_first_frame(data, now_s)


class _FlowControlNeverSent(IsoTp):
    def grant_block(self, now_s: float) -> None:
        super().grant_block(now_s)
        self.outbox.remove(self.clear_to_send)


class _FlowControlNotFilledIn(IsoTp):
    def __init__(self, config: IsoTpConfig) -> None:
        super().__init__(config)
        self.clear_to_send = bytes((CLEAR_TO_SEND,)) + (self.classic_bytes - 1) * _LEFT_OVER


class _NextBlockNeverGranted(IsoTp):
    def grant_block(self, now_s: float) -> None:
        super().grant_block(now_s)
        if self.expected_sn != 1:
            self.outbox.remove(self.clear_to_send)


class _LengthReadAsSigned(IsoTp):
    def take_first_frame(self, data: bytes | bytearray, now_s: float) -> None:
        read = read_first_frame(data, self.address_bytes)
        if read is not None and read[0] >= _HALF_OF_32_BITS:
            self.begin_reception(read[0], data[read[1] :], now_s)
        else:
            super().take_first_frame(data, now_s)


class _SequenceNumberIgnored(IsoTp):
    def receive(self, data: bytes | bytearray, now_s: float, *, is_functional: bool = False) -> bytes | None:
        if data and data[0] >> 4 == 2 and self.is_receiving:
            data = bytes((0x20 | self.expected_sn,)) + data[1:]
        return super().receive(data, now_s, is_functional=is_functional)


class _SingleFrameMixedIn(IsoTp):
    def receive(self, data: bytes | bytearray, now_s: float, *, is_functional: bool = False) -> bytes | None:
        if self.is_receiving and data and 0 < data[0] < min(len(data), 8):
            self.received[: data[0]] = data[1 : data[0] + 1]
            return bytes(data[1 : data[0] + 1])
        return super().receive(data, now_s, is_functional=is_functional)


class _Hanging(IsoTp):
    """An ISO-TP endpoint that receives nothing more once it hangs."""

    _is_stuck = False

    def receive(self, data: bytes | bytearray, now_s: float, *, is_functional: bool = False) -> bytes | None:
        return None if self._is_stuck else super().receive(data, now_s, is_functional=is_functional)

    def take_flow_control(self, data: bytes | bytearray, now_s: float) -> None:
        if self.awaits_flow_control and len(data) > 2:
            self._is_stuck = self._is_stuck or self._hangs_on(data[0], data[2])
        super().take_flow_control(data, now_s)

    def _hangs_on(self, status: int, stmin: int) -> bool:
        return False


class _HangsOnWaitFlood(_Hanging):
    def _hangs_on(self, status: int, stmin: int) -> bool:
        is_too_often = status == WAIT and self.waits >= self.config.wait_limit
        return is_too_often or super()._hangs_on(status, stmin)


class _HangsOnReservedStmin(_Hanging):
    def _hangs_on(self, status: int, stmin: int) -> bool:
        is_reserved = 0x80 <= stmin <= 0xF0 or stmin >= 0xFA
        return (status == CLEAR_TO_SEND and is_reserved) or super()._hangs_on(status, stmin)


class _NoFlowControlTimeout(IsoTp):
    def receive(self, data: bytes | bytearray, now_s: float, *, is_functional: bool = False) -> bytes | None:
        is_deaf = self.is_sending and bool(data) and data[0] >> 4 != 3
        return None if is_deaf else super().receive(data, now_s, is_functional=is_functional)


class _FunctionalFirstFrameAccepted(IsoTp):
    def receive(self, data: bytes | bytearray, now_s: float, *, is_functional: bool = False) -> bytes | None:
        return super().receive(data, now_s)


class _HalfOpenReceptionLeaks(IsoTp):
    _buffers = _BUFFERS

    def receive(self, data: bytes | bytearray, now_s: float, *, is_functional: bool = False) -> bytes | None:
        return super().receive(data, now_s, is_functional=is_functional) if self._buffers else None

    def abort_reception(self, fault: IsoTpFault) -> None:
        super().abort_reception(fault)
        self._buffers = max(0, self._buffers - 1)


@flaw(
    number="M93d",
    kills=("TP-12",),
    also=dict.fromkeys(
        ("TP-05", "TP-09", "TP-10", "TP-11"), "What is left of a message that was given up is executed by itself."
    ),
)
def consecutive_frame_executed(definition: Definition) -> Definition:
    """A consecutive frame that belongs to no message is executed as a request."""
    return _executing(
        definition, lambda data, server, isotp: bytes(data[1:]) if data[0] >> 4 == 2 and not isotp.is_receiving else None
    )


@flaw(kills=("TP-12",))
def flow_control_executed(definition: Definition) -> Definition:
    """A flow control that belongs to no message is executed as a request."""
    return _executing(
        definition, lambda data, server, isotp: bytes(data[1:]) if data[0] >> 4 == 3 and not isotp.is_sending else None
    )


@flaw(number="M77b", kills=("TP-15", "AC-13"))
def padding_taken_as_data(definition: Definition) -> Definition:
    """A write in a single frame takes its value from the frame's bytes, whatever length the frame states."""

    def write(data: bytearray, ecu: Ecu, isotp: IsoTp) -> bytes | None:
        if not 3 <= data[0] <= 7 or len(data) <= data[0] or data[1] != Service.WRITE_DATA_BY_IDENTIFIER:
            return None
        value = ecu.state.values.get(data[2] << 8 | data[3])
        if value is None:
            return None
        length = 3 + len(value)
        return bytes(data[1 : 1 + length].ljust(length, b"\x00"))

    return _executing(definition, write)


@flaw(number="M90a", kills=("TP-01",))
def empty_single_frame_executed(definition: Definition) -> Definition:
    """A single frame that states no length is executed as a whole."""
    return _executing(
        definition, lambda data, server, isotp: bytes(data[1:]) if data[0] == 0 and len(data) <= CLASSIC_BYTES else None
    )


@flaw(number="M90b", kills=("TP-02",))
def long_single_frame_executed(definition: Definition) -> Definition:
    """A single frame that states more than its eight bytes can hold is executed with the bytes that it has."""
    return _executing(definition, lambda data, server, isotp: bytes(data[1:]) if SF_BYTES < data[0] < 0x10 else None)


@flaw(number="M90c", kills=("TP-03",))
def short_frame_executed(definition: Definition) -> Definition:
    """A frame that is shorter than the length it states is executed with the bytes that it has."""
    return _executing(definition, lambda data, server, isotp: bytes(data[1:]) if len(data) <= data[0] <= SF_BYTES else None)


@flaw(number="M128", kills=("TP-04",))
def reserved_type_executed(definition: Definition) -> Definition:
    """Frames of the reserved types 4 to F are taken for single frames."""

    def take(data: bytearray, ecu: Ecu, isotp: IsoTp) -> bytes | None:
        length = data[0] & 0x0F
        return bytes(data[1 : length + 1]) if data[0] >> 4 > 3 and 0 < length < len(data) else None

    return _executing(definition, take)


@flaw(number="M91", kills=("TP-05",))
def short_first_frame_accepted(definition: Definition) -> Definition:
    """A first frame may announce seven bytes."""
    return definition.with_isotp(_ShortFirstFrameAccepted)


@flaw(number="M129a", kills=("TP-06",))
def flow_control_never_sent(definition: Definition) -> Definition:
    """A first frame is never answered by a flow control."""
    return definition.with_isotp(_FlowControlNeverSent)


@flaw(number="M129b", kills=("TP-06",))
def flow_control_not_filled_in(definition: Definition) -> Definition:
    """Only the first byte of a flow control is written; block size and STmin are what the buffer held before."""
    return definition.with_isotp(_FlowControlNotFilledIn)


@flaw(kills=("TP-06",))
def next_block_never_granted(definition: Definition) -> Definition:
    """Blocks of two frames are asked for, and no flow control follows the first block."""
    return definition.with_isotp(_NextBlockNeverGranted, block_size=2)


@flaw(number="M92a", kills=("TP-07", "TP-08"))
def overflow_never_sent(definition: Definition) -> Definition:
    """Every length that a first frame can announce is accepted; there is no overflow."""
    return definition.with_isotp(max_length=LONGEST_MESSAGE)


@flaw(number="M92b", kills=("TP-08",))
def length_read_as_signed(definition: Definition) -> Definition:
    """A length of 32 bits is compared as a signed number: from two gibibytes on it is below every limit."""
    return definition.with_isotp(_LengthReadAsSigned)


@flaw(number="M93a", kills=("TP-09",))
def sequence_number_ignored(definition: Definition) -> Definition:
    """Consecutive frames are taken in whatever order they come."""
    return definition.with_isotp(_SequenceNumberIgnored)


@flaw(number="M93b", kills=("TP-10",))
def no_consecutive_frame_timeout(definition: Definition) -> Definition:
    """A message that has begun may be continued after any pause."""
    return definition.with_isotp(n_cr_s=_NEVER_S)


@flaw(number="M93c", kills=("TP-11",))
def single_frame_mixed_in(definition: Definition) -> Definition:
    """A single frame that comes within a long message is copied into the same buffer, and both are executed."""
    return definition.with_isotp(_SingleFrameMixedIn)


@flaw(number="M94a", kills=("TP-13",))
def hangs_on_wait_flood(definition: Definition) -> Definition:
    """When its peer has said wait too often, a sender waits for ever, and hears nothing more."""
    return definition.with_isotp(_HangsOnWaitFlood)


@flaw(number="M94b", kills=("TP-13",))
def hangs_on_reserved_stmin(definition: Definition) -> Definition:
    """A reserved STmin makes a busy loop."""
    return definition.with_isotp(_HangsOnReservedStmin)


@flaw(kills=("TP-13",), also=dict.fromkeys(("FZ-01", "FZ-05"), "Frames at random ask for long answers, and fetch none."))
def no_flow_control_timeout(definition: Definition) -> Definition:
    """A sender waits for its flow control for ever, and hears nothing else."""
    return definition.with_isotp(_NoFlowControlTimeout, n_bs_s=_NEVER_S)


@flaw(number="M95", kills=("TP-14",))
def functional_first_frame_accepted(definition: Definition) -> Definition:
    """Long messages are taken from the functional id too."""
    return definition.with_isotp(_FunctionalFirstFrameAccepted)


@flaw(
    number="M98a",
    kills=("TP-16", "DS-04"),
    also=dict.fromkeys(("FZ-01", "FZ-05"), "Frames of any length include those without data."),
)
def dies_on_empty_frame(definition: Definition) -> Definition:
    """A frame without data kills the ECU."""
    return _dying_without_data(definition, is_remote=False)


@flaw(number="M98b", kills=("TP-16", "DS-04"))
def dies_on_remote_frame(definition: Definition) -> Definition:
    """A remote frame kills the ECU."""
    return _dying_without_data(definition, is_remote=True)


@flaw(
    number="M130",
    kills=("TP-17",),
    also=dict.fromkeys(("FZ-01", "FZ-05"), "Frames at random begin many long messages, and complete few."),
)
def half_open_reception_leaks(definition: Definition) -> Definition:
    """Each long message that is not completed keeps its buffer for good."""
    return definition.with_isotp(_HalfOpenReceptionLeaks)


@flaw(kills=("TP-18", "SA-30"), also={"FZ-04": "Right keys with something behind them are among its steps."})
def long_message_cut(definition: Definition) -> Definition:
    """A request longer than the longest that the ECU expects, a key, is cut to that length."""
    longest_request = 2 + max((level.key_bytes for level in definition.config.levels), default=0)

    class Cutting(IsoTp):
        def receive(self, data: bytes | bytearray, now_s: float, *, is_functional: bool = False) -> bytes | None:
            pdu = super().receive(data, now_s, is_functional=is_functional)
            return pdu and pdu[:longest_request]

    return definition.with_isotp(Cutting)
