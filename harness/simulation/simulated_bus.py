"""Run a simulated bus: deliver frames and call callbacks, one at a time, in the order of their time."""

from __future__ import annotations

import bisect
import heapq
import io
import math
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from traceback import TracebackException

import can

from harness.link.address_book import AddressBook
from harness.link.bus import NodeFault
from harness.link.clock import VIRTUAL_EPOCH_S, Chance
from harness.link.frame import Frame, check, from_message
from harness.link.isotp_frames import CLASSIC_BYTES
from harness.link.trace import Trace
from harness.simulation.node import Node, power_cycle, takes_data
from harness.simulation.watchdog import NodeSpins, watch

INSTANT_S = 0.001
EVENTS_AT_ONE_INSTANT = 10_000
"""How many events a node may cause within a millisecond of simulated time before it counts as never stopping."""

FRAMES_WAITING = 1 << 16
"""How many frames fit a node's transmit queue."""

CONSOLE_CHARACTERS = 1 << 20
_FOREVER_S = sys.float_info.max
"""The time at which events at infinity are placed, such as the next event of a silent bus; it is never reached."""

_STREAMS = vars(sys)
"""Holds `sys.stdout` and `sys.stderr`, which each call of a node exchanges: quicker than setting attributes."""

REASON_CHARACTERS = 1000
TRACEBACK_CHARACTERS = 20_000


class NodeConsole(io.TextIOBase):
    """Keeps the last mebibyte of what nodes print, to standard output or standard error."""

    def __init__(self) -> None:
        self._pieces: deque[str] = deque()
        self._size = 0
        self.written = 0
        """How many characters were printed so far, even if they are no longer kept."""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Keep `text`, and drop the oldest text beyond the last mebibyte."""
        if text:
            self._pieces.append(text[-CONSOLE_CHARACTERS:])
            self._size += len(self._pieces[-1])
            self.written += len(text)
            while self._size > CONSOLE_CHARACTERS:
                self._size -= len(self._pieces.popleft())
        return len(text)

    def text(self) -> str:
        """Return all that is kept."""
        return "".join(self._pieces)

    def since(self, written: int) -> str:
        """Return what was printed after the first `written` characters, as far as it is kept."""
        missing, found = self.written - written, []
        for piece in reversed(self._pieces):
            if missing <= 0:
                break
            found.append(piece[-missing:])
            missing -= len(piece)
        return "".join(reversed(found))


class _Timer:
    __slots__ = ("callback", "port")

    def __init__(self, port: _Port, callback: Callable[[], None]) -> None:
        self.port = port
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class _Port:
    """A node's access to the bus; the harness itself has no port."""

    def __init__(self, simulation: Simulation, node: Node, chance: Chance) -> None:
        self._simulation = simulation
        self.node = node
        self.random_bytes = chance.random_bytes
        self.now_s = 0.0
        """The time of the bus: a plain attribute, set before each call of the node, because nodes read it often."""
        self.on_data = takes_data(node)
        self.is_dead = False
        self.waiting = 0
        self.let_time_pass()

    def let_time_pass(self) -> None:
        """Reset the count of events at one instant, since time has passed."""
        self.instant_ends_s = -math.inf
        self.events_at_instant = 0

    @property
    def utc_s(self) -> float:
        return self._simulation.utc_s

    def send(self, frame: can.Message) -> None:
        if not self.is_dead:
            check(frame)
            self._simulation.enqueue((from_message(frame, 0.0, False),), self)

    def send_data(self, can_id: int, fields: Sequence[bytes], is_extended: bool) -> None:
        if not self.is_dead:
            self._simulation.enqueue([Frame(can_id, data, is_extended) for data in fields], self)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> _Timer:
        if not delay_s >= 0:
            raise ValueError(f"call_later: {delay_s} s is no delay")
        timer = _Timer(self, callback)
        self._simulation.schedule(delay_s, timer)
        return timer


_Waiting = tuple[int, int, Frame, _Port | None]
"""A waiting frame: arbitration field, order of sending, frame, and sender (None: the harness)."""


class Simulation:
    """A bus with nodes. Time stands still except in `receive`.

    A frame takes the time that its bits take at `bitrate`, without stuff bits (at `data_bitrate`: the data of an FD frame
    that switches to it). Of frames waiting at the same moment the lowest id goes first, and of those with the same id the
    frame that was sent first. A node that raises, spins, or never lets time pass is dead: `faults` says why. Its prints go
    to `console` or, if that is None, to its usual output.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        *,
        bitrate: int = 500_000,
        data_bitrate: int | None = None,
        chance: Chance,
        trace: Trace,
        console: NodeConsole | None = None,
        epoch_s: float = VIRTUAL_EPOCH_S,
    ) -> None:
        self.now_s = 0.0
        self.epoch_s = epoch_s
        self.trace = trace
        self._console = console
        self._faults: list[NodeFault] = []
        self.unsent = 0
        """How many frames of the harness have not left yet."""
        self.addresses = AddressBook()
        self.calls = 0
        self.thread_id = 0
        self.is_in_node = False
        self._bit_s = 1.0 / bitrate
        self._data_bit_s = 1.0 / (data_bitrate or bitrate)
        self._short_s = tuple((47 + 8 * size) * self._bit_s for size in range(CLASSIC_BYTES + 1))
        """By the number of its bytes: how many seconds a classic frame with an 11-bit id occupies the bus."""
        self._timers: list[tuple[float, int, _Timer]] = []
        self._sequence = 0
        self._waiting: deque[_Waiting] = deque()
        """Frames that wait for the bus, in the order in which they will be sent."""
        self._flying: _Waiting | None = None
        """The frame on the bus, which arrives at `_arrives_s`."""
        self._arrives_s = 0.0
        self._chance = chance
        self._made = 0
        self._ports: list[_Port] = []
        watch(self)
        self._attach(nodes)

    @property
    def utc_s(self) -> float:
        """The wall clock, in seconds since 1970."""
        return self.epoch_s + self.now_s

    def _attach(self, nodes: Sequence[Node]) -> None:
        """Attach nodes to the bus, each with its own source of chance."""
        streams = [self._chance.stream(f"node {self._made + n}") for n in range(len(nodes))]
        self._made += len(nodes)
        self._ports = [_Port(self, node, stream) for node, stream in zip(nodes, streams, strict=True)]
        for port in self._ports:
            self._call(port, port.node.attach, port)

    def replace_nodes(self, nodes: Sequence[Node]) -> None:
        """Replace all nodes by these; frames on their way are lost."""
        for port in self._ports:
            port.is_dead = True
        self._timers.clear()
        self._waiting.clear()
        self._flying, self.unsent = None, 0
        self._attach(nodes)

    def send(self, frame: Frame) -> None:
        """Queue a frame of the harness, which must not be changed afterwards. It enters the trace when it has been sent."""
        frame.is_sent = True
        self.unsent += 1
        self.enqueue((frame,), None)

    def enqueue(self, frames: Sequence[Frame], port: _Port | None) -> None:
        """Insert frames in order. Raises CanOperationError if the node's transmit queue is full."""
        if port is not None:
            if port.waiting + len(frames) > FRAMES_WAITING:
                raise can.CanOperationError(f"the transmit queue is full: {FRAMES_WAITING} frames wait in it")
            port.waiting += len(frames)
        waiting = self._waiting
        for frame in frames:
            self._sequence += 1
            bits = _arbitration(frame) if frame.is_extended else frame.can_id << 20 | frame.is_remote
            entry = (bits, self._sequence, frame, port)
            if waiting and entry < waiting[-1]:
                bisect.insort(waiting, entry)
            else:  # most frames belong at the end, since a long message's have one id
                waiting.append(entry)

    def schedule(self, delay_s: float, timer: _Timer) -> None:
        """Add a callback."""
        self._sequence += 1
        heapq.heappush(self._timers, (self.now_s + delay_s, self._sequence, timer))

    def next_event_s(self) -> float:
        """Return the time of the next event if nothing is sent; infinity if there is none."""
        due_s = self._timers[0][0] if self._timers else math.inf
        if self._flying is None:
            return self.now_s if self._waiting else due_s
        return min(self._arrives_s, due_s)

    def is_quiet_for(self, seconds: float) -> bool:
        """Whether no frame is waiting or on its way, and no event comes for so many seconds unless something is sent."""
        if self._waiting or self._flying is not None:
            return False
        return not self._timers or self._timers[0][0] > self.now_s + seconds

    def receive(self, until_s: float) -> Frame | None:
        """Run events in order until a frame arrives for the harness, and return it; None at `until_s`."""
        if until_s <= self.now_s:
            return None
        if until_s == math.inf:
            until_s = _FOREVER_S
        timers, waiting = self._timers, self._waiting
        while True:
            due_s = timers[0][0] if timers else math.inf
            if self._flying is None and waiting and due_s > self.now_s:
                self._flying = _, _, frame, sender = waiting.popleft()
                if sender is not None:
                    sender.waiting -= 1
                if frame.is_extended or frame.is_fd or frame.address:
                    self._arrives_s = self._arrival_s(frame)
                else:
                    self._arrives_s = self.now_s + self._short_s[len(frame.data)]
            if self._flying is None or self._arrives_s > due_s:
                if due_s > until_s:
                    break
                self._call_back(heapq.heappop(timers)[2], due_s)
                continue
            if self._arrives_s > until_s:
                break
            _, _, frame, sender = self._flying
            self._flying = None
            self.now_s = frame.time_s = self._arrives_s
            if self.addresses:
                self.addresses.split(frame)
            if sender is None:
                self.unsent -= 1
            self.trace.record(frame)
            for port in self._ports:
                if port is not sender and not port.is_dead:
                    self._show(port, frame)
            if sender is not None:
                return frame
        if self.now_s < until_s < _FOREVER_S:
            self.now_s = until_s
        return None

    def _arrival_s(self, frame: Frame) -> float:
        """Return when a frame that is sent now will have arrived."""
        if frame.is_fd:
            nominal, fast = frame.fd_bits()
            return self.now_s + nominal * self._bit_s + fast * self._data_bit_s
        return self.now_s + ((67 if frame.is_extended else 47) + 8 * (len(frame.data) + len(frame.address))) * self._bit_s

    def _call_back(self, timer: _Timer, due_s: float) -> None:
        if due_s > self.now_s:
            self.now_s = due_s
        callback = timer.callback
        if callback is not None and not timer.port.is_dead:
            timer.callback = None
            self._call(timer.port, callback)

    def _show(self, port: _Port, frame: Frame) -> None:
        if port.on_data is not None and not (frame.is_remote or frame.is_fd or frame.address or frame.is_error):
            self._call(port, port.on_data, frame.can_id, frame.data, frame.is_extended)
        else:
            self._call(port, port.node.on_frame, frame.message())

    def _call(self, port: _Port, function: Callable[..., None], *arguments: object) -> None:
        """Let a node act; capture what it prints, and declare the node dead if it raises."""
        if self.now_s >= port.instant_ends_s:
            port.instant_ends_s = self.now_s + INSTANT_S
            port.events_at_instant = 0
        port.events_at_instant += 1
        port.now_s = self.now_s
        self.calls += 1
        self.thread_id = threading.get_ident()
        self.is_in_node = True
        console, streams = self._console, _STREAMS
        if console is not None:
            stdout, stderr = streams["stdout"], streams["stderr"]
            streams["stdout"] = streams["stderr"] = console
        try:
            function(*arguments)
            if port.events_at_instant > EVENTS_AT_ONE_INSTANT:
                self._kill(port, "never lets time pass")
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._kill(port, "spins" if isinstance(error, NodeSpins) else "raised", error)
        finally:
            self.is_in_node = False
            if console is not None:
                streams["stdout"], streams["stderr"] = stdout, stderr

    def _kill(self, port: _Port, reason: str, error: BaseException | None = None) -> None:
        port.is_dead = True
        self._forget(port)
        trace = ""
        if error is not None:
            told = TracebackException.from_exception(error)  # survives errors whose own text raises
            trace = "".join(told.format())[-TRACEBACK_CHARACTERS:]
            if reason == "raised":
                reason = f"raised {type(error).__name__}: {told}"[:REASON_CHARACTERS]
        self._faults.append(NodeFault(type(port.node).__name__, self.now_s, reason, trace))

    def _forget(self, port: _Port) -> None:
        for _, _, timer in self._timers:
            if timer.port is port:
                timer.callback = None
        left = [entry for entry in self._waiting if entry[3] is not port]
        self._waiting.clear()
        self._waiting.extend(left)
        port.waiting = 0

    def faults(self) -> Sequence[NodeFault]:
        """Return the nodes that are dead or were, and why."""
        return self._faults

    def images(self) -> list[bytes]:
        """Return, by name, the flash memory of those nodes that have one."""
        found = (getattr(port.node, "image", None) for port in self._ports)
        return [content for content in found if isinstance(content, bytes)]

    def can_power_cycle(self) -> bool:
        """Whether any node supports a cut of its supply, or is dead and needs one."""
        return any(port.is_dead or hasattr(port.node, "power_cycle") for port in self._ports)

    def power_cycle(self) -> None:
        """Cut and restore the supply of every node that supports it, and of dead nodes."""
        for port in self._ports:
            if port.is_dead or hasattr(port.node, "power_cycle"):
                self._forget(port)
                if self._flying is not None and self._flying[3] is port:
                    self._flying = None
                port.is_dead = False
                port.let_time_pass()
                self._call(port, power_cycle, port.node)


def _arbitration(frame: Frame) -> int:
    """Return the arbitration bits of a frame with a 29-bit id: the lowest wins. A remote frame loses to its data frame."""
    return frame.can_id >> 18 << 20 | 1 << 19 | (frame.can_id & 0x3FFFF) << 1 | frame.is_remote
