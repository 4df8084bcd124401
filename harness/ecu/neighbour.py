"""Simulate another ECU that sends frames on the same bus as the ECU under test."""

from typing import Final

import can

from harness.simulation.node import Port

_PERIOD_S: Final = 0.5
_REQUEST_ID: Final = 0x741
_RESPONSE_ID: Final = 0x749
_UNASKED: Final = ((0x747, "027F2735"), (0x749, "0467020000000000"), (0x73F, "0227010000000000"))
"""Frames that nobody requested and that look like diagnostic answers and requests, on ids next to those of the ECU."""


class Neighbour:
    """Another ECU, on ids one above those of the ECU under test. It refuses every request, and sends frames of its own."""

    def attach(self, port: Port) -> None:
        """Start sending frames."""
        self._port = port
        self._speak()

    def on_frame(self, frame: can.Message) -> None:
        """Refuse a request to this ECU, and answer a request to the simulated ECU with a refusal too."""
        if frame.arbitration_id in (_REQUEST_ID, _REQUEST_ID - 1) and not frame.is_extended_id and len(frame.data) > 1:
            self._send(_RESPONSE_ID, bytes((0x03, 0x7F, frame.data[1], 0x33)))

    def _speak(self) -> None:
        for can_id, data in _UNASKED:
            self._send(can_id, bytes.fromhex(data))
        self._port.call_later(_PERIOD_S, self._speak)

    def _send(self, can_id: int, data: bytes) -> None:
        self._port.send(can.Message(arbitration_id=can_id, is_extended_id=False, data=data))
