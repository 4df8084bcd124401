"""Provide a node whose messages another server answers, with frames by can-isotp on the bus's clock."""

from collections import deque
from collections.abc import Iterable
from typing import Any

import can
import isotp
from isotp.tools import Timer

from harness.simulation.node import Port
from harness.simulation.node import Timer as BusTimer

JUST_AFTER_S = 1e-5
"""Seconds added to can-isotp's times, since its timers run out only when more time has passed."""


class VirtualTimer(Timer):
    """can-isotp's timer, on the bus's clock."""

    def __init__(self, port: Port, timeout_s: float) -> None:
        super().__init__(timeout_s)
        self._port = port

    def start(self, timeout: float | None = None) -> None:
        if timeout is not None:
            self.set_timeout(timeout)
        self.start_time = round(self._port.now_s * 1e9)

    def elapsed_ns(self) -> int:
        return 0 if self.start_time is None else round(self._port.now_s * 1e9) - self.start_time


class VirtualLayer(isotp.TransportLayerLogic):
    """can-isotp's transport layer, which makes a new timer for each wait."""

    def __init__(self, port: Port, **settings: Any) -> None:
        self._port = port
        self.inbox: deque[isotp.CanMessage] = deque()
        self.wakes: BusTimer | None = None
        super().__init__(rxfn=lambda timeout: self.inbox.popleft() if self.inbox else None, **settings)
        self.timer_tx_stmin = VirtualTimer(port, 0.0)

    def _start_rx_fc_timer(self) -> None:
        self.timer_rx_fc = VirtualTimer(self._port, self.params.rx_flowcontrol_timeout / 1000)
        self.timer_rx_fc.start()

    def _start_rx_cf_timer(self) -> None:
        self.timer_rx_cf = VirtualTimer(self._port, self.params.rx_consecutive_frame_timeout / 1000)
        self.timer_rx_cf.start()

    def waits_s(self) -> list[float]:
        """Return after how many seconds the layer has to act if no frame comes."""
        sending = [self.timer_tx_stmin] if self.is_tx_transmitting_cf() else []
        timers = [self.timer_rx_fc, self.timer_rx_cf, *sending]
        return [timer.remaining() for timer in timers if not timer.is_stopped()]


class ServerNode:
    """A server on 0x7E0 and 0x7E8, and on a functional id if its users usually give it one."""

    request_id, response_id = 0x7E0, 0x7E8
    functional_id: int | None = None
    latency_s = 0.002

    def attach(self, port: Port) -> None:
        self.port = port
        self.power_cycle()

    def power_cycle(self) -> None:
        ids = [self.request_id] if self.functional_id is None else [self.request_id, self.functional_id]
        self.layers = {request_id: self._layer(request_id) for request_id in ids}
        self.start_server()

    def start_server(self) -> None:
        """Make the server anew, since it keeps everything in memory."""
        raise NotImplementedError

    def answers(self, pdu: bytes) -> Iterable[bytes]:
        """Return the server's answers to a message."""
        raise NotImplementedError

    def on_frame(self, frame: can.Message) -> None:
        if frame.is_extended_id or frame.is_remote_frame or frame.is_error_frame or frame.is_fd:
            return
        layer = self.layers.get(frame.arbitration_id)
        is_single = bool(frame.data) and frame.data[0] >> 4 == 0
        if layer is not None and (is_single or frame.arbitration_id == self.request_id):
            layer.inbox.append(isotp.CanMessage(arbitration_id=frame.arbitration_id, data=bytes(frame.data)))
            self._go_on(layer)

    def _layer(self, request_id: int) -> VirtualLayer:
        mode = isotp.AddressingMode.Normal_11bits
        address = isotp.Address(mode, txid=self.response_id, rxid=request_id)
        return VirtualLayer(self.port, txfn=self._send, address=address, params={"tx_padding": 0})

    def _send(self, message: isotp.CanMessage) -> None:
        data = bytes(message.data or b"")
        self.port.send(can.Message(arbitration_id=message.arbitration_id, data=data, is_extended_id=False))

    def _go_on(self, layer: VirtualLayer) -> None:
        layer.process()
        while (pdu := layer.recv()) is not None:
            self.port.call_later(self.latency_s, lambda pdu=bytes(pdu): self._serve(pdu))
        if layer.wakes is not None:
            layer.wakes.cancel()
        waits_s = layer.waits_s()
        layer.wakes = self.port.call_later(min(waits_s) + JUST_AFTER_S, lambda: self._go_on(layer)) if waits_s else None

    def _serve(self, pdu: bytes) -> None:
        layer = self.layers[self.request_id]
        for answer in self.answers(pdu):
            if answer:
                layer.send(answer)
                self._go_on(layer)
