"""Put an address byte before all frames of a node, as extended and mixed addressing do (ISO 15765-2)."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import partial

import can

from harness.ecu.ecu_node import Outlet, UdsNode
from harness.link.isotp_frames import CLASSIC_BYTES
from harness.simulation.node import Port


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressBytes:
    """What frames begin with."""

    request: int | None
    """To this ECU; frames with another first byte are another's. None: there is no address before those."""
    functional: int
    """To all ECUs."""
    response: int | None
    """From this ECU; None: there is no address before those."""


class AddressedNode:
    """A node that hears what bears its address, and sees and sends frames without it."""

    def __init__(self, node: UdsNode, addresses: AddressBytes) -> None:
        """`node` must have room for the address in its frames (`EcuConfig.address_bytes`)."""
        self.node = node
        self._addresses = addresses

    @property
    def image(self) -> bytes:
        """What lies in its flash memory."""
        return self.node.image

    def attach(self, port: Port) -> None:
        """Start."""
        self.node.attach(Outlet(port, partial(self._send, port)))

    def power_cycle(self) -> None:
        """Lose what is volatile, and boot."""
        self.node.power_cycle()

    def on_frame(self, frame: can.Message) -> None:
        """Hand on a frame without its address; one that bears another's only if it has an id that means nothing here."""
        node, addresses = self.node, self._addresses
        can_id = frame.arbitration_id
        address = addresses.functional if can_id == node.functional_id else addresses.request
        if address is None:
            node.on_frame(frame)
            return
        if frame.data and frame.data[0] == address:
            frame = copy(frame)
            frame.data = frame.data[1:]
            frame.dlc = len(frame.data)
        elif frame.data and can_id in node.request_ids:
            return
        node.on_frame(frame)

    def _send(self, port: Port, frame: can.Message) -> None:
        """Put the address before what an answer holds; other frames have none."""
        address = self._addresses.response
        if address is not None and frame.arbitration_id in self.node.response_ids:
            frame = copy(frame)
            frame.data = bytearray((address, *frame.data))
            if not frame.is_fd:
                del frame.data[CLASSIC_BYTES:]
            frame.dlc = len(frame.data)
        port.send(frame)
