"""What does a flawed ECU make of a frame, before its ISO-TP sees it? A sound one makes nothing of it."""

from __future__ import annotations

from collections.abc import Callable

from harness.ecu.rules import EcuDied
from harness.ecu.server import Server
from harness.ecu.state import LOCKED
from harness.link.isotp import IsoTp
from harness.link.isotp_frames import CLASSIC_BYTES, SF_BYTES
from harness.uds import Service

FrameRule = Callable[[Server, IsoTp, bytearray], bytes | None]
"""Makes a request out of a frame's data field, or leaves the frame to ISO-TP (None)."""


def unasked_consecutive_frame_is_executed(ecu: Server, isotp: IsoTp, data: bytearray) -> bytes | None:
    """All that follows the first byte is the request: the frame states no length."""
    return bytes(data[1:]) if data[0] >> 4 == 2 and not isotp.is_receiving else None


def unasked_flow_control_is_executed(ecu: Server, isotp: IsoTp, data: bytearray) -> bytes | None:
    """All that follows the first byte is the request: the frame states no length."""
    return bytes(data[1:]) if data[0] >> 4 == 3 and not isotp.is_sending else None


def written_value_is_read_past_the_message(ecu: Server, isotp: IsoTp, data: bytearray) -> bytes | None:
    """In a write the identifier's length counts, not the frame's; a frame that ends too early goes on in zeros."""
    if not 3 <= data[0] <= 7 or len(data) <= data[0] or data[1] != Service.WRITE_DATA_BY_IDENTIFIER:
        return None
    value = ecu.state.values.get(data[2] << 8 | data[3])
    if value is None:
        return None
    length = 3 + len(value)
    return bytes(data[1 : 1 + length].ljust(length, b"\x00"))


def level_is_noted_at_the_first_frame(ecu: Server, isotp: IsoTp, data: bytearray) -> bytes | None:
    """The guard of a long write is asked when it begins; a single frame makes nothing of it."""
    if data[0] >> 4 == 1:
        ecu.state.level_at_first_frame = ecu.state.unlocked_level
    elif data[0] >> 4 == 0:
        ecu.state.level_at_first_frame = LOCKED
    return None


class SequenceNumberZeroIsFatal:
    """A consecutive frame numbered 0 that follows its first frame crashes the ECU; where a 0 is due it does not."""

    def __init__(self) -> None:
        self._previous = 0

    def __call__(self, ecu: Server, isotp: IsoTp, data: bytearray) -> bytes | None:
        """Nothing is made of the frame."""
        previous, self._previous = self._previous, data[0]
        if data[0] == 0x20 and previous >> 4 == 1 and isotp.is_receiving:
            raise EcuDied("a consecutive frame numbered 0 came first")
        return None


def single_frame_without_length_is_executed(ecu: Server, isotp: IsoTp, data: bytearray) -> bytes | None:
    """All that follows the first byte is the request."""
    return bytes(data[1:]) if data[0] == 0 and len(data) <= CLASSIC_BYTES else None


def single_frame_that_states_too_much_is_executed(ecu: Server, isotp: IsoTp, data: bytearray) -> bytes | None:
    """More than any single frame of eight bytes can hold."""
    return bytes(data[1:]) if SF_BYTES < data[0] < 0x10 else None


def short_single_frame_is_executed(ecu: Server, isotp: IsoTp, data: bytearray) -> bytes | None:
    """More than this frame holds, though another one could."""
    return bytes(data[1:]) if len(data) <= data[0] <= SF_BYTES else None


def frame_of_reserved_type_is_executed(ecu: Server, isotp: IsoTp, data: bytearray) -> bytes | None:
    """The lower half of the first byte is the length, whatever the upper half says."""
    length = data[0] & 0x0F
    return bytes(data[1 : length + 1]) if data[0] >> 4 > 3 and 0 < length < len(data) else None


def frame_rules(ecu: Server) -> tuple[FrameRule, ...]:
    """Those that the ECU's defects ask for."""
    defects = ecu.config.defects
    return tuple(
        rule
        for is_wanted, rule in (
            (defects.consecutive_frame_executed, unasked_consecutive_frame_is_executed),
            (defects.flow_control_executed, unasked_flow_control_is_executed),
            (defects.padding_taken_as_data, written_value_is_read_past_the_message),
            (defects.level_checked_at_first_frame, level_is_noted_at_the_first_frame),
            (defects.empty_single_frame_executed, single_frame_without_length_is_executed),
            (defects.long_single_frame_executed, single_frame_that_states_too_much_is_executed),
            (defects.short_frame_executed, short_single_frame_is_executed),
            (defects.reserved_type_executed, frame_of_reserved_type_is_executed),
            (defects.dies_on_sequence_number_zero, SequenceNumberZeroIsFatal()),
        )
        if is_wanted
    )
