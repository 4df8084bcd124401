"""Put an address byte before all frames of a node, as extended and mixed addressing do (ISO 15765-2)."""

from copy import copy
from dataclasses import dataclass
from functools import partial

import can

from harness.ecu.ecu_node import Outlet, UdsNode
from harness.link.isotp_frames import CLASSIC_BYTES
from harness.simulation.node import Port


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressBytes:
    """The address byte at the start of each frame, by direction."""

    request: int | None
    """The byte before requests to this ECU; frames with another byte are ignored. None: requests have no address byte."""
    functional: int
    """The byte before requests to all ECUs."""
    response: int | None
    """The byte before this ECU's answers. None: answers have no address byte."""


class AddressedNode:
    """A wrapper of a node that removes the address byte from frames to the node, and puts one before the node's answers."""

    def __init__(self, node: UdsNode, addresses: AddressBytes) -> None:
        """Wrap `node`, which must leave room for the address in its frames (`EcuConfig.address_bytes`)."""
        self.node = node
        self._addresses = addresses

    @property
    def image(self) -> bytes:
        """The content of the ECU's flash memory."""
        return self.node.image

    def attach(self, port: Port) -> None:
        """Start the node, on a port that adds the address byte to its answers."""
        self.node.attach(Outlet(port, partial(self._send, port)))

    def power_cycle(self) -> None:
        """Lose everything volatile, and boot."""
        self.node.power_cycle()

    def on_frame(self, frame: can.Message) -> None:
        """Hand on a frame without its address byte.

        A frame with another first byte is dropped if it has a request id of the node, else handed on unchanged.
        """
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
        """Put the address byte before the data of an answer; send other frames as they are."""
        address = self._addresses.response
        if address is not None and frame.arbitration_id in self.node.response_ids:
            frame = copy(frame)
            frame.data = bytearray((address, *frame.data))
            if not frame.is_fd:
                del frame.data[CLASSIC_BYTES:]
            frame.dlc = len(frame.data)
        port.send(frame)
