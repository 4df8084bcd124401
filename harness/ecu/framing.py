"""What does a flawed ECU make of a frame, before its ISO-TP sees it? A sound one makes nothing of it."""

from __future__ import annotations

from collections.abc import Callable

from harness.ecu.server import Server
from harness.link.isotp import IsoTp
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


def frame_rules(ecu: Server) -> tuple[FrameRule, ...]:
    """Those that the ECU's defects ask for."""
    defects = ecu.config.defects
    return tuple(
        rule
        for is_wanted, rule in (
            (defects.consecutive_frame_executed, unasked_consecutive_frame_is_executed),
            (defects.flow_control_executed, unasked_flow_control_is_executed),
            (defects.padding_taken_as_data, written_value_is_read_past_the_message),
        )
        if is_wanted
    )
