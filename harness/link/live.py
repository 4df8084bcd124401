"""How nodes run on a real bus: the same contract as on the simulated one, in real time, until interrupted."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial

import can

from harness.errors import LinkError
from harness.link.adapter import adapter_of, is_down
from harness.link.clock import RealClock, system_random_bytes
from harness.link.frame import Frame, check, from_message
from harness.link.node import Node

IDLE_S = 1.0


class _Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class _Port:
    """One node's side of the bus."""

    random_bytes = staticmethod(system_random_bytes)

    def __init__(self, bus: LiveBus, node: Node) -> None:
        self._bus = bus
        self.node = node
        self.call_later = bus.call_later

    @property
    def now_s(self) -> float:
        return self._bus.now_s

    @property
    def utc_s(self) -> float:
        return self._bus.utc_s

    def send(self, frame: can.Message) -> None:
        self._bus.send(frame, self)


class LiveBus:
    """Runs nodes on one python-can bus, all on the calling thread."""

    def __init__(self, bus: can.BusABC, nodes: Sequence[Node]) -> None:
        self._adapter = adapter_of(bus)
        self._ports = [_Port(self, node) for node in nodes]
        self._clock = RealClock()
        self._started_s = self._clock.now_s()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._sequence = 0
        self.now_s = 0.0
        """Seconds since the bus was taken up; it stands still while a node does something, as on a simulated bus."""

    @property
    def utc_s(self) -> float:
        """Seconds since 1970."""
        return self._clock.utc_s()

    def send(self, frame: can.Message, sender: _Port) -> None:
        """Put a node's frame on the bus, where the other nodes here hear it too. LinkError: the adapter refuses it.

        On an interface that is down it is lost, as on a wire that is cut.
        """
        check(frame)
        try:
            self._adapter.send(from_message(frame, 0.0, True))
        except (can.CanError, OSError) as error:
            if not is_down(error):
                raise LinkError(f"the adapter does not send: {error}") from error
        for port in self._ports:
            if port is not sender:
                self.call_later(0.0, partial(port.node.on_frame, copy(frame)))

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> _Timer:
        """Call back later, between two frames."""
        self._sequence += 1
        timer = _Timer(callback)
        heapq.heappush(self._timers, (self.now_s + delay_s, self._sequence, timer))
        return timer

    def run(self) -> None:
        """Serve the bus for ever. What a node raises ends it; LinkError: the adapter failed."""
        for port in self._ports:
            port.node.attach(port)
        while True:
            if self._timers:
                self._tick()
                self._run_due()
            frame = self._receive(self._timers[0][0] - self.now_s if self._timers else IDLE_S)
            self._tick()
            if frame is not None and not frame.is_error:
                for port in self._ports:
                    port.node.on_frame(frame.message())

    def _tick(self) -> None:
        self.now_s = self._clock.now_s() - self._started_s

    def _receive(self, timeout_s: float) -> Frame | None:
        try:
            return self._adapter.receive(max(timeout_s, 0.0))
        except (can.CanError, OSError) as error:
            if is_down(error):
                return None
            raise LinkError(f"the adapter does not receive: {error}") from error

    def _run_due(self) -> None:
        while self._timers and self._timers[0][0] <= self.now_s:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                callback()
