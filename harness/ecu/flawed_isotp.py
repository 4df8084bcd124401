"""How may an ECU's ISO-TP be wrong? The sound one knows nothing of it; a flawed one differs by one switch."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.ecu.config import EcuConfig
from harness.ecu.defects.transport import TransportDefects
from harness.link.isotp import IsoTp, IsoTpConfig, IsoTpFault
from harness.link.isotp_frames import CLASSIC_BYTES, CLEAR_TO_SEND, LONGEST_BYTES, LONGEST_MESSAGE, WAIT, read_first_frame

_FRAME_TIME_S: Final = 0.00025
"""A full frame with 11-bit id and some stuff bits at 500 kbit/s: from its end the peer's STmin counts."""

_NEVER_S: Final = 1e6
_HALF_OF_32_BITS: Final = 1 << 31
_BUFFERS: Final = 48
_LEFT_OVER: Final = b"\xcc"
"""What a frame's buffer holds before anything is written into it."""

_IN_ISOTP: Final = (
    "short_first_frame_accepted",
    "overflow_never_sent",
    "length_read_as_signed",
    "sequence_number_ignored",
    "no_consecutive_frame_timeout",
    "single_frame_mixed_in",
    "hangs_on_wait_flood",
    "hangs_on_reserved_stmin",
    "no_flow_control_timeout",
    "functional_first_frame_accepted",
    "flow_control_never_sent",
    "flow_control_not_filled_in",
    "next_block_never_granted",
    "half_open_reception_leaks",
    "long_message_cut",
)
"""Switches of `TransportDefects` that are looked at here; the others spoil frames before ISO-TP sees them."""


def isotp_of(ecu: EcuConfig) -> IsoTp:
    """One end of the ECU's pair of addresses, with the flaws that it has."""
    tx_dl = LONGEST_BYTES if ecu.fd else CLASSIC_BYTES
    config = IsoTpConfig(tx_dl=tx_dl, padding=ecu.padding, address_bytes=ecu.address_bytes, frame_time_s=_FRAME_TIME_S)
    if not any(getattr(ecu.defects, name) for name in _IN_ISOTP):
        return IsoTp(config)
    longest_request = 2 + max((level.key_bytes for level in ecu.levels), default=0)
    return FlawedIsoTp(config, ecu.defects, longest_request)


class FlawedIsoTp(IsoTp):
    """An endpoint with some of `TransportDefects`."""

    __slots__ = ("_buffers", "_defects", "_is_stuck", "_longest_request")

    def __init__(self, config: IsoTpConfig, defects: TransportDefects, longest_request: int) -> None:
        self._defects = defects
        self._longest_request = longest_request
        self._is_stuck = False
        self._buffers = _BUFFERS
        if defects.no_consecutive_frame_timeout:
            config = replace(config, n_cr_s=_NEVER_S)
        if defects.no_flow_control_timeout:
            config = replace(config, n_bs_s=_NEVER_S)
        if defects.next_block_never_granted:
            config = replace(config, block_size=2)
        if defects.overflow_never_sent:
            config = replace(config, max_length=LONGEST_MESSAGE)
        super().__init__(config)
        if defects.flow_control_not_filled_in:
            self._clear_to_send = bytes((CLEAR_TO_SEND,)) + (self._classic_bytes - 1) * _LEFT_OVER

    def receive(self, data: bytes | bytearray, now_s: float, *, is_functional: bool = False) -> bytes | None:
        """As a sound endpoint, but for the defects."""
        defects = self._defects
        frame_type = data[0] >> 4 if data else None
        is_deaf = defects.no_flow_control_timeout and self.is_sending and frame_type != 3
        if self._is_stuck or not self._buffers or is_deaf:
            return None
        if defects.sequence_number_ignored and frame_type == 2 and self.is_receiving:
            data = bytes((0x20 | self._rx_sn,)) + data[1:]
        if defects.single_frame_mixed_in and self.is_receiving and data and 0 < data[0] < min(len(data), 8):
            self._rx_buffer[: data[0]] = data[1 : data[0] + 1]
            return bytes(data[1 : data[0] + 1])
        if defects.functional_first_frame_accepted:
            is_functional = False
        pdu = super().receive(data, now_s, is_functional=is_functional)
        return pdu[: self._longest_request] if pdu and defects.long_message_cut else pdu

    def _first_frame(self, data: bytes | bytearray, now_s: float) -> None:
        read = read_first_frame(data, self._address_bytes)
        announced = bytes((0x10, self._short_sf_bytes))
        if self._defects.short_first_frame_accepted and len(data) == self._classic_bytes and data[:2] == announced:
            self._begin_reception(self._short_sf_bytes, data[2:], now_s)
        elif self._defects.length_read_as_signed and read is not None and read[0] >= _HALF_OF_32_BITS:
            self._begin_reception(read[0], data[read[1] :], now_s)
        else:
            super()._first_frame(data, now_s)

    def _grant_block(self, now_s: float) -> None:
        super()._grant_block(now_s)
        is_first_block = self._rx_sn == 1
        if self._defects.flow_control_never_sent or (self._defects.next_block_never_granted and not is_first_block):
            self.outbox.remove(self._clear_to_send)

    def _abort_reception(self, fault: IsoTpFault) -> None:
        super()._abort_reception(fault)
        if self._defects.half_open_reception_leaks:
            self._buffers = max(0, self._buffers - 1)

    def _flow_control(self, data: bytes | bytearray, now_s: float) -> None:
        if self._tx_awaits_flow_control and len(data) > 2:
            self._is_stuck = self._hangs_on(data[0], data[2])
        super()._flow_control(data, now_s)

    def _hangs_on(self, status: int, stmin: int) -> bool:
        if status == WAIT:
            return self._defects.hangs_on_wait_flood and self._tx_waits >= self._config.wait_limit
        is_reserved = 0x80 <= stmin <= 0xF0 or stmin >= 0xFA
        return self._defects.hangs_on_reserved_stmin and status == CLEAR_TO_SEND and is_reserved
