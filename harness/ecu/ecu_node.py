"""Put the simulated ECU on a bus: receive frames, assemble requests by ISO-TP, and send the server's answers as frames."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import can

from harness.ecu.answering_machine import UdsAnsweringMachine
from harness.ecu.config import PeriodicFrame
from harness.ecu.connections import Connection
from harness.ecu.server import Server
from harness.link.isotp import IsoTp, IsoTpConfig
from harness.link.isotp_frames import CLASSIC_BYTES, LONGEST_BYTES
from harness.simulation.node import Port, Timer

_BOOT_CONTENT = bytes.fromhex("F055AA0000000000")
_FRAME_TIME_S = 0.00025
"""The duration in seconds of a full frame with 11-bit id and some stuff bits at 500 kbit/s; STmin counts from its end."""


class UdsNode:
    """An ECU with a diagnostic server, behind 11-bit ids on classic CAN or CAN FD; it ignores frames with other ids.

    The ECU serves one request at a time: requests that arrive while an answer is being prepared are lost, and a new answer
    replaces a long one that the tester has stopped fetching.
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
        """Make the node. `hears_extended`: requests have 29-bit ids; `speaks_extended`: answers have them."""
        self.ecu = ecu
        self.machine = UdsAnsweringMachine(ecu)
        self._answer: Callable[..., list[bytes]] = ecu.answer
        self.request_id, self.response_id, self.functional_id = request_id, response_id, functional_id
        self._request_id = request_id
        self._is_fd = is_fd = ecu.config.fd
        self._hears_extended = hears_extended
        self._frame = can.Message(
            arbitration_id=response_id, is_extended_id=speaks_extended, is_fd=is_fd, bitrate_switch=is_fd
        )
        """The one message object that the node fills anew for each frame that it sends; the bus takes a copy."""
        self._functional_id = functional_id
        self._connections = {
            ids[0]: Connection(ecu, number, ids[1]) for number, ids in enumerate(ecu.config.connections, start=1)
        }
        further = ecu.config.connections
        self.request_ids = frozenset((request_id, functional_id, *(ids[0] for ids in further)))
        self.response_ids = frozenset((response_id, *(ids[1] for ids in further)))
        self._is_busy = False
        self._timer: Timer | None = None
        self._timer_due_s = 0.0
        self.notes: dict[str, Any] = {}
        """Values that the wrappers of flaws and variants remember; a loss of power does not clear them."""
        definition = ecu.definition
        self._new_isotp = _isotp_of(ecu)
        self.isotp = self._new_isotp()
        self._frame_rules = tuple(make() for make in definition.frame_rules)
        self._hear = definition.at_the_node("hear", self._take, self)
        self._respond = definition.at_the_node("respond", self._respond_in_time, self)
        self.transmit = definition.at_the_node("transmit", self._transmit_now, self)
        # Without python-can's messages in between, if nothing looks at them on their way.
        self._send_data: Callable[[int, Sequence[bytes], bool], None] | None = None
        if type(self).on_frame is UdsNode.on_frame and self._hear == self._take:
            self.on_data = self._take_data
            self.hears = self.request_ids
        self._may_talk = definition.at_the_node("talk", lambda: ecu.is_speaking, self)

    @property
    def image(self) -> bytes:
        """The content of the ECU's flash memory."""
        return self.ecu.decide.image(self.ecu.config)

    def attach(self, port: Port) -> None:
        """Start the ECU, which is ready at once."""
        self.port = Outlet.of(port, self.ecu.definition.at_the_node("send", port.send, self))
        fits = self.response_id <= (0x1FFFFFFF if self._frame.is_extended_id else 0x7FF)
        self._send_data = getattr(self.port, "send_data", None) if fits and not self._is_fd else None
        self.ecu.attach(self.port)
        for connection in self._connections.values():
            connection.attach(self.port)
        self._start_sending()

    def power_cycle(self) -> None:
        """Lose everything volatile, and boot; the bus has already dropped this node's timers and waiting frames."""
        self.isotp = self._new_isotp()
        for connection in self._connections.values():
            connection.power_cycle()
        self._is_busy = False
        self._timer = None
        self.ecu.power_cycle()
        self._start_sending()
        self._talk_while_booting()

    def _talk_while_booting(self) -> None:
        """Send the frames that some ECUs send on their response id before they can receive any."""
        config = self.ecu.config
        for number in range(config.boot_frames):
            delay_s = config.boot_s * (number + 1) / (config.boot_frames + 1)
            frame = can.Message(arbitration_id=self._frame.arbitration_id, data=_BOOT_CONTENT, is_extended_id=False)
            self.port.call_later(delay_s, partial(self.port.send, frame))

    def _start_sending(self) -> None:
        """Start the frames of normal traffic, each with its period."""
        for sent in self.ecu.config.periodic_frames:
            self.port.call_later(sent.period_s, partial(self._send_periodically, sent))

    def _send_periodically(self, sent: PeriodicFrame) -> None:
        if self._may_talk():
            self.port.send(can.Message(arbitration_id=sent.can_id, data=sent.content, is_extended_id=False))
        self.port.call_later(sent.period_s, partial(self._send_periodically, sent))

    def on_frame(self, frame: can.Message) -> None:
        """Take one frame from the bus. Raises EcuDied if the frame crashes the ECU."""
        self._hear(frame)

    def _take(self, frame: can.Message) -> None:
        may_be_fd = self._is_fd and frame.arbitration_id not in self._connections
        if not (frame.is_remote_frame or frame.is_error_frame or (frame.is_fd and not may_be_fd)):
            self._take_data(frame.arbitration_id, frame.data, frame.is_extended_id)

    def _take_data(self, can_id: int, data: bytes | bytearray, is_extended: bool) -> None:
        is_physical = can_id == self._request_id
        if not is_physical and can_id != self._functional_id:
            if can_id in self._connections and not is_extended:
                self._connections[can_id].take(data)
            return
        if is_extended != self._hears_extended:
            return
        now_s = self.port.now_s
        if now_s < self.ecu.state.ready_s:
            return
        if is_physical:
            pdu = self._made_of(bytearray(data)) if self._frame_rules else None
            if pdu is None:
                pdu = self.isotp.receive(data, now_s)
            if pdu is not None and not self._is_busy:
                self._respond(self._answer(pdu))
                return
        else:
            pdu = self.isotp.receive(data, now_s, is_functional=True)
            if pdu is not None and not self._is_busy:
                self._respond(self._answer(pdu, is_functional=True))
                return
        self._go_on()

    def _made_of(self, data: bytearray) -> bytes | None:
        """Return the request that a frame rule makes of the frame before ISO-TP sees it; None if no rule makes one."""
        for rule in self._frame_rules if data else ():
            pdu = rule(self.ecu, self.isotp, data)
            if pdu is not None:
                return pdu
        return None

    def _respond_in_time(self, answers: list[bytes]) -> None:
        """Send the answer now, or after the ECU's answer delay."""
        config = self.ecu.config
        if self.ecu.now_s < self.ecu.state.ready_s:
            self.isotp = self._new_isotp()  # it boots after this answer, and a reception under way is lost
            self._talk_while_booting()
        delay_s = config.answer_delay_s + self.ecu.work_s
        if config.answer_jitter_s:
            delay_s += config.answer_jitter_s * int.from_bytes(self.port.random_bytes(2), "big") / 0xFFFF
        if len(answers) == 1 and not delay_s:
            self.transmit(answers[0])
            return
        for left, answer in zip(range(len(answers))[::-1], answers, strict=True):
            self._is_busy = True
            self.port.call_later(delay_s, partial(self._transmit_late, answer, left == 0))
            delay_s += config.pending_s

    def _transmit_late(self, answer: bytes, is_final: bool) -> None:
        self._is_busy = not is_final
        self.transmit(answer)

    def _transmit_now(self, answer: bytes) -> None:
        isotp, send_data = self.isotp, self._send_data
        if isotp.is_sending:
            isotp.reset()
        single = None if send_data is None or isotp.deadline_s is not None else isotp.single_frame(answer)
        if send_data is not None and single is not None:
            send_data(self.response_id, (single,), self._frame.is_extended_id)
        else:
            isotp.send(answer, self.port.now_s)
            self._flush()

    def _flush(self) -> None:
        """Put the frames that ISO-TP has ready on the bus, and set a timer for its next deadline."""
        isotp = self.isotp
        frame, send_data = self._frame, self._send_data
        if send_data is not None:
            send_data(frame.arbitration_id, isotp.outbox, frame.is_extended_id)
        else:
            for data in isotp.outbox:
                frame.data, frame.dlc = bytearray(data), len(data)
                self.port.send(frame)
        isotp.outbox.clear()
        if isotp.deadline_s is not None and (self._timer is None or isotp.deadline_s < self._timer_due_s):
            if self._timer is not None:
                self._timer.cancel()
            self._timer_due_s = isotp.deadline_s
            self._timer = self.port.call_later(max(0.0, isotp.deadline_s - self.port.now_s), self._on_timer)

    def _go_on(self) -> None:
        """While a message is being sent or received, restart S3 and send the frames that ISO-TP has ready."""
        if self.isotp.outbox or self.isotp.deadline_s is not None:
            self.ecu.keep_session()
            self._flush()

    def _on_timer(self) -> None:
        self._timer = None
        self.isotp.tick(self.port.now_s)
        self._go_on()


def _isotp_of(ecu: Server) -> Callable[[], IsoTp]:
    """Return the function that makes the ISO-TP endpoint of the ECU."""
    definition = ecu.definition
    tx_dl = LONGEST_BYTES if ecu.config.fd else CLASSIC_BYTES
    config = IsoTpConfig(
        tx_dl=tx_dl, padding=ecu.config.padding, address_bytes=ecu.config.address_bytes, frame_time_s=_FRAME_TIME_S
    )
    config = replace(config, **definition.isotp)
    kind = type("ChangedIsoTp", definition.isotp_parts, {}) if definition.isotp_parts else IsoTp
    return lambda: kind(config)


class Outlet:
    """The node's port, with another function for sending frames."""

    def __init__(self, port: Port, send: Callable[[can.Message], None]) -> None:
        self._port = port
        self.send = send

    @classmethod
    def of(cls, port: Port, send: Callable[[can.Message], None]) -> Port:
        """Return the port itself if no change concerns sending, else an outlet."""
        return port if send == port.send else cls(port, send)

    @property
    def now_s(self) -> float:
        """The bus's time."""
        return self._port.now_s

    @property
    def utc_s(self) -> float:
        """The wall clock."""
        return self._port.utc_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` after `delay_s`."""
        return self._port.call_later(delay_s, callback)

    def random_bytes(self, n: int) -> bytes:
        """Return `n` random bytes, determined by the run's seed."""
        return self._port.random_bytes(n)
