"""Put an address byte before all frames of a node, as extended and mixed addressing do (ISO 15765-2)."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import can

from harness.ecu.node import UdsNode
from harness.link.isotp_frames import CLASSIC_BYTES
from harness.simulation.node import Port, Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressBytes:
    """What frames begin with."""

    request: int
    """To this ECU; frames with another first byte are another's."""
    functional: int
    """To all ECUs."""
    response: int
    """From this ECU."""


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
        self.node.attach(_AddressingPort(port, self.node.response_ids, self._addresses.response))

    def power_cycle(self) -> None:
        """Lose what is volatile, and boot."""
        self.node.power_cycle()

    def on_frame(self, frame: can.Message) -> None:
        """Hand on a frame without its address; one that bears another's only if it has an id that means nothing here."""
        node, addresses = self.node, self._addresses
        can_id = frame.arbitration_id
        address = addresses.functional if can_id == node.functional_id else addresses.request
        if frame.data and frame.data[0] == address:
            frame = copy(frame)
            frame.data = frame.data[1:]
            frame.dlc = len(frame.data)
        elif frame.data and can_id in node.request_ids:
            return
        node.on_frame(frame)


class _AddressingPort:
    """The port of a node, which puts the address before every answer."""

    def __init__(self, port: Port, response_ids: frozenset[int], address: int) -> None:
        self._port = port
        self._response_ids = response_ids
        self._address = bytes((address,))

    @property
    def now_s(self) -> float:
        """The bus's time."""
        return self._port.now_s

    @property
    def utc_s(self) -> float:
        """The wall clock."""
        return self._port.utc_s

    def send(self, frame: can.Message) -> None:
        """Send a frame, an answer with its address before what it holds."""
        if frame.arbitration_id in self._response_ids:
            frame = copy(frame)
            frame.data = bytearray(self._address + frame.data)
            if not frame.is_fd:
                del frame.data[CLASSIC_BYTES:]
            frame.dlc = len(frame.data)
        self._port.send(frame)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back later."""
        return self._port.call_later(delay_s, callback)

    def random_bytes(self, n: int) -> bytes:
        """Chance from the run's seed."""
        return self._port.random_bytes(n)
