"""Serve further testers of one ECU, each on its own pair of ids; a level that one tester unlocks stays locked for others."""

from functools import partial

import can

from harness.ecu.server import Server
from harness.link.isotp import IsoTp, IsoTpConfig
from harness.simulation.node import Port


class Connection:
    """A further pair of 11-bit ids on which an ECU takes physical requests, numbered from 1, with an ISO-TP of its own."""

    def __init__(self, ecu: Server, number: int, response_id: int) -> None:
        self._ecu = ecu
        self._number = number
        self._response_id = response_id
        self._isotp = IsoTp(IsoTpConfig(padding=ecu.config.padding, address_bytes=ecu.config.address_bytes))

    def attach(self, port: Port) -> None:
        """Start with the node's own port."""
        self._port = port

    def power_cycle(self) -> None:
        """Forget a message that is being sent or received."""
        self._isotp.reset()

    def take(self, data: bytes | bytearray) -> None:
        """Take one classic frame that has the request id. Raises EcuDied if the frame crashes the ECU."""
        now_s = self._port.now_s
        if now_s < self._ecu.state.ready_s:
            return
        pdu = self._isotp.receive(data, now_s)
        if pdu is None:
            self._go_on()
            return
        config = self._ecu.config
        delay_s = config.answer_delay_s
        for answer in self._ecu.answer(pdu, connection=self._number):
            self._port.call_later(delay_s, partial(self._transmit, answer))
            delay_s += config.pending_s

    def _transmit(self, answer: bytes) -> None:
        if self._isotp.is_sending:
            self._isotp.reset()
        self._isotp.send(answer, self._port.now_s)
        self._go_on()

    def _go_on(self) -> None:
        """Send the frames that ISO-TP has ready, and set a timer for its next deadline."""
        isotp = self._isotp
        for data in isotp.outbox:
            self._port.send(can.Message(arbitration_id=self._response_id, data=data, is_extended_id=False))
        isotp.outbox.clear()
        if isotp.deadline_s is not None:
            self._ecu.keep_session()
            self._port.call_later(max(0.0, isotp.deadline_s - self._port.now_s), self._on_timer)

    def _on_timer(self) -> None:
        if self._isotp.deadline_s is not None and self._isotp.deadline_s <= self._port.now_s:
            self._isotp.tick(self._port.now_s)
            self._go_on()
