"""How the harness reaches a bus: one interface over the simulated bus and every adapter that python-can knows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import can

from harness.errors import LinkError, UserError
from harness.link.adapter import adapter_of, is_full_queue, rate_options, trouble_with
from harness.link.clock import Chance, RealClock
from harness.link.frame import Frame
from harness.link.lock import BusLock
from harness.link.node import Node, load_nodes
from harness.link.simulation import Console, NodeFault, Simulation
from harness.link.trace import Trace
from harness.target import Target

SIMULATED_INTERFACE = "uds-sim"
ECHO_TIMEOUT_S = 1.0
"""An adapter that has not sent a frame within this on a working bus will not send it."""

FULL_QUEUE_WAIT_S = 0.001
"""As long as a bus at 500 kbit/s needs for four frames."""


class Link(Protocol):
    """Frames out, frames in, and time. Everything that passes is in `trace`."""

    trace: Trace
    is_virtual: bool
    confirms_sending: bool
    """Whether a frame that did not go out would be noticed."""
    tells_stale: bool
    """Whether `unsent` is kept, so that nothing need be drained before a request."""
    is_fd: bool
    """Whether CAN FD frames can be sent."""

    @property
    def unsent(self) -> int:
        """Frames handed over that are not yet out: what arrives before them cannot answer them."""

    @property
    def lost_frames(self) -> int:
        """Frames that arrived and were lost on their way to us, as far as the adapter tells."""

    @property
    def error_frames(self) -> int:
        """Error frames that the adapter reported."""

    @property
    def now_s(self) -> float:
        """The link's time; for time-outs."""

    @property
    def utc_s(self) -> float:
        """The wall clock, seconds since 1970; virtual on a simulated bus."""

    def send(self, frame: Frame) -> None:
        """Hand a frame over to the bus, whose own it is from then on. LinkError: the adapter refuses it."""

    def receive(self, until_s: float) -> Frame | None:
        """The next frame of another node, or None when it is `until_s`. LinkError: the adapter failed."""

    def check_sent(self) -> None:
        """LinkError if silence may be ours: a frame that was handed over has not gone out, or frames were lost."""

    def console(self) -> str:
        """What simulated nodes printed."""

    def images(self) -> Sequence[bytes]:
        """What lies in the flash memory of simulated nodes, of those that show it."""

    def faults(self) -> Sequence[NodeFault]:
        """Which simulated nodes died, and of what."""

    def can_power_cycle(self) -> bool:
        """Whether `power_cycle` has an effect."""

    def power_cycle(self) -> None:
        """Cut and restore the supply of simulated nodes."""

    def close(self) -> None:
        """Let go of the bus."""


class SimulatedLink:
    """The simulated bus in virtual time: waiting costs nothing, and nothing happens unless somebody waits."""

    is_virtual = True
    confirms_sending = True
    tells_stale = True
    is_fd = True
    lost_frames = 0
    error_frames = 0

    def __init__(
        self, nodes: Sequence[Node], *, bitrate: int, data_bitrate: int | None = None, chance: Chance, trace: Trace
    ) -> None:
        self.trace = trace
        self._console = Console()
        self._simulation = Simulation(
            nodes, bitrate=bitrate, data_bitrate=data_bitrate, chance=chance, trace=trace, console=self._console
        )
        self._inbox = self._simulation.inbox
        self.send = self._simulation.send
        self._advance = self._simulation.advance

    @property
    def now_s(self) -> float:
        return self._simulation.now_s

    @property
    def utc_s(self) -> float:
        return self._simulation.epoch_s + self._simulation.now_s

    @property
    def unsent(self) -> int:
        return self._simulation.unsent

    def receive(self, until_s: float) -> Frame | None:
        inbox = self._inbox
        if not inbox:
            if until_s <= self._simulation.now_s:
                return None
            self._advance(until_s)
            if not inbox:
                return None
        return inbox.popleft()

    def check_sent(self) -> None:
        return

    def console(self) -> str:
        return self._console.text()

    def images(self) -> Sequence[bytes]:
        return self._simulation.images()

    def faults(self) -> Sequence[NodeFault]:
        return self._simulation.faults

    def can_power_cycle(self) -> bool:
        return self._simulation.can_power_cycle

    def power_cycle(self) -> None:
        self._simulation.power_cycle()

    def close(self) -> None:
        self.trace.flush()


class CanLink:
    """A real bus through python-can.

    With `confirms_sending` the adapter gives our own frames back once they have been sent: they enter the trace then,
    with the driver's time stamp and in their true order. Without it they enter it when they are handed over, and all
    frames are stamped here, on arrival: a driver's stamps may be of another epoch, or run at another pace.
    """

    is_virtual = False

    def __init__(self, bus: can.BusABC, *, trace: Trace, confirms_sending: bool, name: str, is_fd: bool = False) -> None:
        self.trace = trace
        self.is_fd = is_fd
        self.confirms_sending = self.tells_stale = confirms_sending
        self._handed_over: list[tuple[object, ...]] = []
        self._lost_frames_told = 0
        self.error_frames = 0
        self._adapter = adapter_of(bus)
        self._clock = RealClock()
        self._name = name
        self._lock: BusLock | None = None

    @property
    def now_s(self) -> float:
        return self._clock.now_s()

    @property
    def utc_s(self) -> float:
        return self._clock.utc_s()

    def send(self, frame: Frame) -> None:
        try:
            self._adapter.send(frame)
        except (can.CanError, OSError) as error:
            self._send_again(frame, error)
        if self.confirms_sending:
            self._handed_over.append(frame.identity)
        else:
            self.trace.record(frame.as_sent(self._clock.utc_s()))

    def _send_again(self, frame: Frame, error: Exception) -> None:
        """A full queue empties as the bus takes its frames; other errors last."""
        until_s = self.now_s + ECHO_TIMEOUT_S
        while is_full_queue(error) and self.now_s < until_s:
            self._clock.sleep(FULL_QUEUE_WAIT_S)
            try:
                self._adapter.send(frame)
                return
            except (can.CanError, OSError) as again:
                error = again
        raise LinkError(
            f"{self._name}: the adapter does not send ({error}); "
            "see that the interface is up, terminated, and that another node acknowledges"
        ) from error

    def receive(self, until_s: float) -> Frame | None:
        while True:
            timeout_s = max(until_s - self._clock.now_s(), 0.0)
            frame = self._next(timeout_s)
            if frame is None:
                if timeout_s > 0:
                    continue  # the adapter may wait for less
                return None
            if not frame.is_sent and not frame.is_error:
                return frame

    def _next(self, timeout_s: float) -> Frame | None:
        """The next frame, ours and the adapter's own included."""
        try:
            frame = self._adapter.receive(timeout_s)
        except (can.CanError, OSError) as error:
            raise LinkError(f"{self._name}: the adapter does not receive ({error})") from error
        if frame is None:
            return None
        if not self.confirms_sending:  # our own frames bear this clock's time, and only times of one clock compare
            frame.time_s = self._clock.utc_s()
        self.trace.record(frame)
        self.trace.trim()
        if frame.is_error:
            self.error_frames += 1
            if self._adapter.is_bus_off(frame):
                raise LinkError(f"{self._name}: the adapter is bus-off; check bit rate, wiring and termination")
        if frame.is_sent:
            self._confirm(frame)
        return frame

    def _confirm(self, frame: Frame) -> None:
        """A frame of ours is out. One that was given up already says nothing of those that were sent since."""
        if frame.identity in self._handed_over:
            self._handed_over.remove(frame.identity)

    @property
    def unsent(self) -> int:
        return len(self._handed_over)

    @property
    def lost_frames(self) -> int:
        return self._adapter.lost_frames

    def check_sent(self) -> None:
        until_s = self.now_s + ECHO_TIMEOUT_S
        while self.unsent and (timeout_s := until_s - self.now_s) > 0:
            self._next(timeout_s)
        is_unsent, lost_before = bool(self.unsent), self._lost_frames_told
        self._handed_over.clear()
        self._lost_frames_told = self.lost_frames
        if self._lost_frames_told > lost_before:
            raise LinkError(
                f"{self._name}: frames were lost ({self._lost_frames_told - lost_before}), perhaps an answer among them; "
                "they come faster than they are taken: keep other programs from loading this computer or the bus"
            )
        if is_unsent:
            raise LinkError(
                f"{self._name}: a frame that was handed to the adapter did not go out; "
                "nobody on the bus acknowledges it, or the bit rate is wrong"
            )

    def console(self) -> str:
        return ""

    def images(self) -> Sequence[bytes]:
        return ()

    def faults(self) -> Sequence[NodeFault]:
        return ()

    def can_power_cycle(self) -> bool:
        return False

    def power_cycle(self) -> None:
        raise LinkError(f"{self._name}: the supply of an ECU on a real bus is not ours to cut")

    def hold(self) -> None:
        """Keep other runs off this bus until `close`. UserError if one is under way."""
        self._lock = BusLock(self._name)

    def close(self) -> None:
        try:
            self.trace.flush()
        finally:
            self._adapter.close()
            if self._lock is not None:
                self._lock.release()
                self._lock = None


def open_link(
    *,
    interface: str,
    channel: str,
    bitrate: int,
    fd: bool = False,
    data_bitrate: int | None = None,
    trace: Trace,
    chance: Chance,
    relative_to: Path | None = None,
) -> Link:
    """Open a bus, for CAN FD too if so wanted. UserError: there is no such interface or profile, or another run uses it."""
    if interface == SIMULATED_INTERFACE:
        nodes = load_nodes(channel, relative_to)
        return SimulatedLink(nodes, bitrate=bitrate, data_bitrate=data_bitrate, chance=chance, trace=trace)
    name = f"{interface}:{channel}"
    if interface == "socketcan" and (trouble := trouble_with(channel, is_fd=fd)):
        raise UserError(f"cannot open {name}: {trouble}")
    logging.getLogger("can").addHandler(logging.NullHandler())  # python-can would print what the UserError says
    confirms_sending = interface in ("socketcan", "virtual")
    options = rate_options(interface, bitrate=bitrate, fd=fd, data_bitrate=data_bitrate)
    options |= {"receive_own_messages": True} if confirms_sending else {}
    try:
        bus = can.Bus(interface=interface, channel=channel, **options)
    except Exception as error:  # backends raise what they like, ImportError and AttributeError included
        raise UserError(f"cannot open {name}: {' '.join(str(error).split())}") from error
    link = CanLink(bus, trace=trace, confirms_sending=confirms_sending, name=name, is_fd=fd)
    try:
        link.hold()
    except UserError:
        link.close()
        raise
    return link


def open_bus_of(target: Target, *, trace: Trace, chance: Chance) -> Link:
    """Open the bus that a target names. UserError: as `open_link`."""
    can = target.can
    return open_link(
        interface=can.interface,
        channel=can.channel,
        bitrate=can.bitrate,
        fd=can.fd,
        data_bitrate=can.data_bitrate,
        trace=trace,
        chance=chance,
        relative_to=target.folder,
    )
