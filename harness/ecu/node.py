"""How does the simulated ECU stand on a bus? Frames in, ISO-TP, the answering machine, frames out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import can

from harness.ecu.aliases import hear_aliases
from harness.ecu.config import NORMAL_TRAFFIC, PeriodicFrame
from harness.ecu.connections import Connection
from harness.ecu.exposure import image, talking
from harness.ecu.flawed_isotp import isotp_of
from harness.ecu.frailty import spoil
from harness.ecu.framing import frame_rules
from harness.ecu.lateness import mistime
from harness.ecu.machine import UdsAnsweringMachine
from harness.ecu.server import Server
from harness.simulation.node import Port, Timer

_BOOT_CONTENT = bytes.fromhex("F055AA0000000000")


class UdsNode:
    """An ECU with a diagnostic server, behind 11-bit ids on classic CAN or CAN FD; other frames do not concern it.

    One request at a time: while an answer is being prepared further requests are lost, and a new answer takes the place
    of a long one that the tester has stopped fetching.
    """

    def __init__(
        self,
        ecu: Server,
        *,
        request_id: int = 0x740,
        response_id: int = 0x748,
        functional_id: int = 0x7DF,
        hears_extended: bool = False,
        speaks_extended: bool = False,
    ) -> None:
        """`hears_extended`, `speaks_extended`: requests, and answers, have 29-bit ids."""
        self.ecu = ecu
        self.machine = UdsAnsweringMachine(ecu)
        self._answer: Callable[..., list[bytes]] = self.machine.answer
        if ecu.config.defects.secret_printed:
            self._answer = talking(ecu.config, self._answer)
        self.request_id, self.response_id, self.functional_id = request_id, response_id, functional_id
        self._request_id = request_id
        self._is_fd = is_fd = ecu.config.fd
        self._hears_extended = hears_extended
        self._frame = can.Message(
            arbitration_id=response_id, is_extended_id=speaks_extended, is_fd=is_fd, bitrate_switch=is_fd
        )
        """Every frame that it sends, one after the other: the bus takes a copy."""
        self.functional_id = self._functional_id = functional_id
        self._isotp = isotp_of(ecu.config)
        self._connections = {
            ids[0]: Connection(ecu, number, ids[1]) for number, ids in enumerate(ecu.config.connections, start=1)
        }
        further = ecu.config.connections
        self.request_ids = frozenset((request_id, functional_id, *(ids[0] for ids in further)))
        self.response_ids = frozenset((response_id, *(ids[1] for ids in further)))
        self._frame_rules = frame_rules(ecu)
        self._is_busy = False
        self._timer: Timer | None = None
        self._timer_due_s = 0.0
        spoil(self, ecu.config.defects)
        hear_aliases(self, ecu.config.defects)
        mistime(self, ecu.config)

    @property
    def image(self) -> bytes:
        """What lies in its flash memory."""
        return image(self.ecu.config)

    def attach(self, port: Port) -> None:
        """Start, ready at once."""
        self._port = port
        self.ecu.attach(port)
        for connection in self._connections.values():
            connection.attach(port)
        self._start_sending()

    def power_cycle(self) -> None:
        """Lose what is volatile, and boot. The bus has dropped this node's timers and waiting frames."""
        self._isotp = isotp_of(self.ecu.config)
        for connection in self._connections.values():
            connection.power_cycle()
        self._is_busy = False
        self._timer = None
        self.ecu.power_cycle()
        self._start_sending()
        self._talk_while_booting()

    def _talk_while_booting(self) -> None:
        """Some ECUs send frames of their own on the response id before they hear anything."""
        config = self.ecu.config
        for number in range(config.boot_frames):
            delay_s = config.boot_s * (number + 1) / (config.boot_frames + 1)
            frame = can.Message(arbitration_id=self._frame.arbitration_id, data=_BOOT_CONTENT, is_extended_id=False)
            self._port.call_later(delay_s, partial(self._port.send, frame))

    def _start_sending(self) -> None:
        """The frames of normal traffic, each in its period."""
        config = self.ecu.config
        is_talking = config.defects.periodic_frames_stop or config.defects.communication_stays_off
        for sent in config.periodic_frames or (NORMAL_TRAFFIC if is_talking else ()):
            self._port.call_later(sent.period_s, partial(self._send_periodically, sent))

    def _send_periodically(self, sent: PeriodicFrame) -> None:
        is_stuck = self.ecu.config.defects.periodic_frames_stop and (self._isotp.is_receiving or self._isotp.is_sending)
        if not is_stuck and self.ecu.is_speaking:
            self._port.send(can.Message(arbitration_id=sent.can_id, data=sent.content, is_extended_id=False))
        self._port.call_later(sent.period_s, partial(self._send_periodically, sent))

    def on_frame(self, frame: can.Message) -> None:
        """Take one frame from the bus. Raises EcuDied if a defect lets it kill the ECU."""
        can_id = frame.arbitration_id
        if can_id != self._request_id and can_id != self._functional_id:
            if can_id in self._connections:
                self._connections[can_id].on_frame(frame)
            return
        if frame.is_extended_id != self._hears_extended or frame.is_remote_frame or frame.is_error_frame:
            return
        if frame.is_fd and not self._is_fd:
            return
        now_s = self._port.now_s
        if now_s < self.ecu.state.ready_s:
            return
        if can_id == self._request_id:
            pdu = self._misread(frame.data) if self._frame_rules else None
            if pdu is None:
                pdu = self._isotp.receive(frame.data, now_s)
            if pdu is not None and not self._is_busy:
                self._respond(self._answer(pdu))
                return
        else:
            pdu = self._isotp.receive(frame.data, now_s, is_functional=True)
            if pdu is not None and not self._is_busy:
                self._respond(self._answer(pdu, is_functional=True))
                return
        self._go_on()

    def _misread(self, data: bytearray) -> bytes | None:
        """What the ECU's defects make of a frame, if anything."""
        for rule in self._frame_rules if data else ():
            pdu = rule(self.ecu, self._isotp, data)
            if pdu is not None:
                return pdu
        return None

    def _respond(self, answers: list[bytes]) -> None:
        """Send now, or when the ECU has taken its time."""
        config = self.ecu.config
        if self.ecu.now_s < self.ecu.state.ready_s:
            self._isotp = isotp_of(config)  # it boots after this answer, and a reception under way is lost
            self._talk_while_booting()
        delay_s = config.answer_delay_s + self.ecu.work_s
        if config.answer_jitter_s:
            delay_s += config.answer_jitter_s * int.from_bytes(self._port.random_bytes(2), "big") / 0xFFFF
        if len(answers) == 1 and not delay_s:
            self._transmit(answers[0])
            return
        for left, answer in zip(range(len(answers))[::-1], answers, strict=True):
            self._is_busy = True
            self._port.call_later(delay_s, partial(self._transmit_late, answer, left == 0))
            delay_s += config.pending_s

    def _transmit_late(self, answer: bytes, is_final: bool) -> None:
        self._is_busy = not is_final
        self._transmit(answer)

    def _transmit(self, answer: bytes) -> None:
        if self._isotp.is_sending:
            self._isotp.reset()
        self._isotp.send(answer, self._port.now_s)
        self._flush()

    def _flush(self) -> None:
        """Put on the bus what ISO-TP has ready, and see that it is woken in time."""
        isotp = self._isotp
        frame = self._frame
        for data in isotp.outbox:
            frame.data, frame.dlc = bytearray(data), len(data)
            self._port.send(frame)
        isotp.outbox.clear()
        if isotp.deadline_s is not None and (self._timer is None or isotp.deadline_s < self._timer_due_s):
            if self._timer is not None:
                self._timer.cancel()
            self._timer_due_s = isotp.deadline_s
            self._timer = self._port.call_later(max(0.0, isotp.deadline_s - self._port.now_s), self._on_timer)

    def _go_on(self) -> None:
        """A message may be under way, in or out; S3 does not run meanwhile."""
        if self._isotp.outbox or self._isotp.deadline_s is not None:
            self.ecu.keep_session()
            self._flush()

    def _on_timer(self) -> None:
        self._timer = None
        self._isotp.tick(self._port.now_s)
        self._go_on()
