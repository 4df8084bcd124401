"""Run nodes on a real bus in real time, until interrupted; they are the same nodes as on the simulated bus."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from functools import partial
from typing import Protocol

import can

from harness.errors import LinkError
from harness.link.adapter import Adapter, adapter_of, is_down, is_full_queue, is_gone
from harness.link.clock import RealClock, system_random_bytes
from harness.link.frame import Frame, check, from_message
from harness.simulation.node import Node, heard_ids, power_cycle

IDLE_S = 1.0


class LiveClock(Protocol):
    """The clock of a live bus: that of the machine, or of a test."""

    def now_s(self) -> float:
        """Return monotonic seconds."""

    def utc_s(self) -> float:
        """Return seconds since 1970."""

    def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""


class _Timer:
    def __init__(self, callback: Callable[[], None], port: _Port | None) -> None:
        self.callback: Callable[[], None] | None = callback
        self.port = port

    def cancel(self) -> None:
        self.callback = None


class _Port:
    """A node's access to the bus."""

    random_bytes = staticmethod(system_random_bytes)

    def __init__(self, bus: LiveBus, node: Node) -> None:
        self._bus = bus
        self.node = node
        self.is_dead = False

    @property
    def now_s(self) -> float:
        return self._bus.now_s

    @property
    def utc_s(self) -> float:
        return self._bus.utc_s

    def send(self, frame: can.Message) -> None:
        self._bus.send(frame, self)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> _Timer:
        return self._bus.call_later(delay_s, callback, self)


class LiveBus:
    """Runs nodes on one python-can bus, all on the calling thread.

    An exception of a node ends the bus; with `on_fault` the node is dead until `power_cycle`, and the bus goes on.
    `before_send` is called before each frame leaves a node, `on_frame` with each frame received or sent. If every node tells
    which ids it hears and there is no `on_frame`, the adapter drops all other frames, as the CAN controller of a real ECU
    does.
    """

    def __init__(
        self,
        bus: can.BusABC | None,
        nodes: Sequence[Node],
        *,
        clock: LiveClock | None = None,
        on_fault: Callable[[Node, Exception], None] | None = None,
        before_send: Callable[[], None] | None = None,
        on_frame: Callable[[Frame], None] | None = None,
    ) -> None:
        """Make the bus; if `bus` is None, call `plug` with a bus later."""
        self._adapter: Adapter | None = adapter_of(bus) if bus is not None else None
        self._ports = [_Port(self, node) for node in nodes]
        self._clock: LiveClock = clock or RealClock()
        self._started_s = self._clock.now_s()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._sequence = 0
        self._failure: Exception | None = None
        self._on_fault = on_fault
        self._before_send = before_send
        self._on_frame = on_frame
        self.received_frames = self.sent_frames = self.unsent_frames = self.error_frames = 0
        """How many frames were received, sent and left unsent since then; the adapter refused these, or had no bus."""
        self.unsent_why = ""
        """Why the adapter refused a frame when it last refused one."""
        self.now_s = 0.0
        """Seconds since the bus was started; it stands still while a node acts, as on a simulated bus."""

    @property
    def utc_s(self) -> float:
        """Seconds since 1970."""
        return self._clock.utc_s()

    @property
    def is_plugged(self) -> bool:
        """Whether there is a bus at present."""
        return self._adapter is not None

    @property
    def has_dead_nodes(self) -> bool:
        """Whether a node has died since its power was last cycled."""
        return any(port.is_dead for port in self._ports)

    def plug(self, bus: can.BusABC) -> None:
        """Continue with this bus; the nodes do not notice, as when a cut wire is repaired."""
        self.unplug()
        self._adapter = adapter_of(bus)
        self._choose_frames()

    def _choose_frames(self) -> None:
        """Let the adapter drop the frames that no node hears."""
        heard = [heard_ids(port.node) for port in self._ports]
        ids = None if self._on_frame is not None or None in heard else frozenset().union(*filter(None, heard))
        if self._adapter is not None:
            with suppress(Exception):  # backends raise what they like; the nodes ignore what a driver cannot filter
                self._adapter.narrow(ids)

    def unplug(self) -> None:
        """Close the bus, if there is one; the nodes run on, and nobody hears them."""
        adapter, self._adapter, self._failure = self._adapter, None, None
        if adapter is not None:
            adapter.close()

    def send(self, frame: can.Message, sender: _Port) -> None:
        """Put a node's frame on the bus, where the other nodes of this process hear it, too.

        A frame that the adapter refuses is lost, as on a cut wire. Raises ValueError if it is no CAN frame.
        """
        check(frame)
        if self._before_send is not None:
            self._before_send()
        sent = from_message(frame, self._clock.utc_s(), True)
        if self._is_handed_over(sent):
            self.sent_frames += 1
            if self._on_frame is not None:
                self._on_frame(sent)
        else:
            self.unsent_frames += 1
        for port in self._ports:
            if port is not sender:
                self.call_later(0.0, partial(port.node.on_frame, copy(frame)), port)

    def _is_handed_over(self, frame: Frame) -> bool:
        if self._adapter is None or self._failure is not None:
            return False
        try:
            self._adapter.send(frame)
        except Exception as error:  # backends raise any kind of exception
            if isinstance(error, (can.CanError, OSError)) and is_gone(error) and not is_full_queue(error):
                self._failure = error
            self.unsent_why = str(error)
            return False
        return True

    def call_later(self, delay_s: float, callback: Callable[[], None], port: _Port | None = None) -> _Timer:
        """Call `callback` after `delay_s`, between two frames, unless the port's node is dead by then."""
        self._sequence += 1
        timer = _Timer(callback, port)
        heapq.heappush(self._timers, (self.now_s + delay_s, self._sequence, timer))
        return timer

    def start(self) -> None:
        """Attach the nodes."""
        self._choose_frames()
        for port in self._ports:
            self._do(port, partial(port.node.attach, port))

    def replace(self, old: Sequence[Node], new: Sequence[Node]) -> None:
        """Remove nodes, and put others in their place."""
        gone = [port for port in self._ports if port.node in old]
        self._timers = [entry for entry in self._timers if entry[2].port not in gone]
        heapq.heapify(self._timers)
        ports = [_Port(self, node) for node in new]
        self._ports = [*ports, *(port for port in self._ports if port not in gone)]
        self._choose_frames()
        self._tick()
        for port in ports:
            self._do(port, partial(port.node.attach, port))

    def power_cycle(self) -> None:
        """Cut and restore the supply of all nodes: their timers are gone, and dead nodes live again."""
        self._timers = [entry for entry in self._timers if entry[2].port is None]
        heapq.heapify(self._timers)
        for port in self._ports:
            port.is_dead = False
            self._do(port, partial(power_cycle, port.node))

    def run(self) -> None:
        """Serve the bus for ever; wait for an interface that is only down. Raises LinkError if the adapter fails."""
        self.start()
        while True:
            try:
                self.step()
            except LinkError as error:
                if not isinstance(error.__cause__, Exception) or not is_down(error.__cause__):
                    raise

    def step(self, longest_s: float = IDLE_S) -> None:
        """Call due callbacks, and deliver a frame that comes within `longest_s`. Raises LinkError if the adapter fails."""
        self._tick()
        self._run_due()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise LinkError(f"the adapter does not send: {failure}") from failure
        due_s = self._timers[0][0] - self.now_s if self._timers else longest_s
        frame = self._receive(max(min(due_s, longest_s), 0.0))
        self._tick()
        if frame is None:
            return
        if frame.is_error:
            self.error_frames += 1
            return
        self.received_frames += 1
        if self._on_frame is not None:
            frame.time_s = self._clock.utc_s()  # a driver's stamp may be of another epoch than those of the frames we send
            self._on_frame(frame)
        for port in self._ports:
            self._do(port, partial(port.node.on_frame, frame.message()))

    def _do(self, port: _Port, act: Callable[[], None]) -> None:
        """Let a node act, if it is alive."""
        if port.is_dead:
            return
        if self._on_fault is None:
            act()
            return
        try:
            act()
        except Exception as error:  # a node is foreign code, which may raise any exception
            port.is_dead = True
            self._on_fault(port.node, error)

    def _tick(self) -> None:
        self.now_s = self._clock.now_s() - self._started_s

    def _receive(self, timeout_s: float) -> Frame | None:
        if self._adapter is None:
            self._clock.sleep(timeout_s)
            return None
        try:
            return self._adapter.receive(timeout_s)
        except Exception as error:  # backends raise any kind of exception
            raise LinkError(f"the adapter does not receive: {error}") from error

    def _run_due(self) -> None:
        """Call the callbacks that are due by now.

        Callbacks that are added meanwhile wait for the next step, so that a bus can always be stopped.
        """
        last = self._sequence
        while self._timers and self._timers[0][0] <= self.now_s and self._timers[0][1] <= last:
            timer = heapq.heappop(self._timers)[2]
            if timer.callback is None:
                continue
            if timer.port is None:
                timer.callback()
            else:
                self._do(timer.port, timer.callback)
