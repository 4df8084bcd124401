"""Run a simulated ECU for weeks: open its bus, wait for the bus when it is gone, and report the state."""

import logging
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import can

from harness.ecu.article import ArticleNode
from harness.ecu.flaws import FLAWS
from harness.ecu_host.non_volatile import ecus_of, recall, soundly_remembered
from harness.ecu_host.state_file import StateFile
from harness.ecu_host.view import EcuView, as_json, views_of
from harness.errors import LinkError, UserError
from harness.link.adapter import is_interface_down, rate_options, trouble_with
from harness.link.clock import RealClock, utc_text
from harness.link.frame import Frame
from harness.simulation.live import LiveBus, LiveClock
from harness.simulation.node import Node, load_nodes

STEP_S: Final = 0.1
"""The longest wait in a step, in seconds; a function that another thread passes to `ask` is called within this time."""
RETRY_S: Final = 0.5
"""The seconds between two attempts to open a bus that is away."""
FAULTS_KEPT: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class BusOptions:
    """The bus on which an ECU runs."""

    interface: str
    channel: str
    bitrate: int = 500_000
    fd: bool = False
    data_bitrate: int | None = None

    @property
    def name(self) -> str:
        """The name of the bus, e.g. ``socketcan:can0``."""
        return f"{self.interface}:{self.channel}"

    def trouble(self) -> str:
        """Return why the bus cannot be opened now, if that is known without trying; empty if it is worth trying."""
        return trouble_with(self.channel, is_fd=self.fd) if self.interface == "socketcan" else ""

    @property
    def is_down(self) -> bool:
        """Whether the bus is a network interface that exists and is down."""
        return self.interface == "socketcan" and is_interface_down(self.channel)

    def open(self) -> can.BusABC:
        """Open the bus through python-can. Raises UserError if that is impossible."""
        rates = rate_options(self.interface, bitrate=self.bitrate, fd=self.fd, data_bitrate=self.data_bitrate)
        try:
            return can.Bus(interface=self.interface, channel=self.channel, **rates)
        except Exception as error:  # backends raise what they like
            raise UserError(f"cannot open {self.name}: {' '.join(str(error).split())}") from error


class Host:
    """Runs a profile's nodes, all of them on the thread that calls `run` or `step`; any thread may call `ask` and `stop`."""

    def __init__(
        self,
        profile: str,
        *,
        flaws: Sequence[str] = (),
        say: Callable[[str], None],
        state_file: StateFile | None = None,
        beside: Sequence[Node] = (),
        on_frame: Callable[[Frame], None] | None = None,
        clock: LiveClock | None = None,
    ) -> None:
        """Make the host. `beside`: further nodes on the same bus.

        `say` is called with messages for the operator.

        Raises UserError if the profile or a flaw does not exist, or if the state file belongs to another profile.
        """
        self.profile = profile
        self.flaws = tuple(flaws)
        self.say = say
        self.bus_options: BusOptions | None = None
        self.state_file = state_file
        self.outages = 0
        self.faults: deque[str] = deque(maxlen=FAULTS_KEPT)
        """The errors that nodes raised, the latest last."""
        self._beside = tuple(beside)
        self._clock: LiveClock = clock or RealClock()
        self.started_s = self._clock.now_s()
        self._asked: deque[Callable[[], None]] = deque()
        self.is_stopping = False
        self._is_attached = False
        self._away_since_s: float | None = None
        self._next_try_s = 0.0
        self._why_away = self._why_unsent = ""
        self._is_told_of_file = False
        self.nodes = self._made(profile, self.flaws)
        self._live = LiveBus(
            None,
            [*self.nodes, *self._beside],
            clock=self._clock,
            on_fault=self._tell_fault,
            before_send=self._keep if state_file is not None else None,
            on_frame=on_frame,
        )

    # From any thread

    def ask(self, act: Callable[[], None]) -> None:
        """Call a function between two frames, on the thread that runs the nodes."""
        self._asked.append(act)

    def stop(self) -> None:
        """Make `run` return within one step."""
        self.is_stopping = True

    # On the thread that runs the nodes

    def run(self) -> None:
        """Run until `stop` is called."""
        try:
            while not self.is_stopping:
                self.step()
        finally:
            self.close()

    def step(self, longest_s: float = STEP_S) -> None:
        """Call what `ask` was given and what is due, then take one frame if one comes within `longest_s`."""
        self.start()
        while self._asked:
            self._asked.popleft()()
        if self.bus_options is not None and not self._live.is_plugged:
            self._look_for_bus()
        try:
            self._live.step(longest_s)
        except LinkError as error:
            self._lose_bus(error)
        if self._live.unsent_why != self._why_unsent:  # said once, not for each frame
            self._why_unsent = self._live.unsent_why
            self.say(f"the adapter does not send: {self._why_unsent}; the frame is lost")
        self._keep()

    def close(self) -> None:
        """Close the bus. The state file is complete at any time."""
        self._keep()
        with suppress(Exception):  # backends raise what they like, and nobody needs this one any more
            self._live.unplug()

    def connect(self, bus: BusOptions, *, waits: bool = True) -> None:
        """Put the ECU on a bus.

        Raises UserError if the bus cannot be opened, unless `waits` is true and the bus may appear later. The host always
        waits for an interface that exists but is down.
        """
        self.disconnect()
        trouble = bus.trouble()
        if trouble and not waits and not bus.is_down:
            raise UserError(f"cannot open {bus.name}: {trouble}")
        if not trouble:
            try:
                self._live.plug(bus.open())
            except UserError as error:
                if not waits or not _may_come(error):
                    raise
                trouble = str(error)
        self.bus_options = bus
        if trouble:
            self._is_away(trouble)

    def start(self) -> None:
        """Switch the ECU on, with its memory from the state file if there is one.

        `step` calls this by itself.

        Raises UserError if the file does not fit the ECU.
        """
        if not self._is_attached:
            self._is_attached = True
            self._live.start()
            ecus = ecus_of(self.nodes)
            if self.state_file is not None and self.state_file.recall(ecus):
                self._live.power_cycle()
            self._keep()

    def disconnect(self) -> None:
        """Take the ECU off the bus; it stays switched on."""
        self._live.unplug()
        self.bus_options = None
        self._away_since_s = None

    def power_cycle(self) -> None:
        """Cut and restore the ECU's supply. A node that crashed runs again."""
        self._live.power_cycle()
        self._keep()

    def set_flaws(self, flaws: Sequence[str]) -> None:
        """Restart as the same ECU, with these flaws and no others. Raises UserError if the profile has no such flaw."""
        nodes = self._made(self.profile, flaws)
        sound = ecus_of(self._made("+".join(one for one in self.profile.split("+") if one not in FLAWS), ()))
        memories = [soundly_remembered(ecu, one.config) for ecu, one in zip(ecus_of(self.nodes), sound, strict=False)]
        old, self.nodes, self.flaws = self.nodes, nodes, tuple(flaws)
        self._live.replace(old, nodes)
        for ecu, memory in zip(ecus_of(nodes), memories, strict=False):
            recall(ecu, memory)
        self.power_cycle()

    @property
    def is_on_bus(self) -> bool:
        """Whether the ECU is on a bus that is working."""
        return self._live.is_plugged

    def views(self) -> tuple[EcuView, ...]:
        """Return the present state of each ECU."""
        return views_of(self.nodes) if self._is_attached else ()

    def counters(self) -> dict[str, int]:
        """Return the numbers of frames since the start, by name."""
        names = ("received_frames", "sent_frames", "unsent_frames", "error_frames")
        return {name: getattr(self._live, name) for name in names}

    def status(self) -> dict[str, Any]:
        """Return everything that an operator may want to know, as values for JSON."""
        bus = self.bus_options
        used = os.times()
        file = self.state_file
        return {
            "schema_version": 1,
            "profile": self.profile,
            "flaws": list(self.flaws),
            "interface": bus.interface if bus is not None else None,
            "channel": bus.channel if bus is not None else None,
            "pid": os.getpid(),
            "started": utc_text(self._clock.utc_s() - (self._clock.now_s() - self.started_s)),
            "running_s": round(self._clock.now_s() - self.started_s, 1),
            "is_on_bus": self.is_on_bus,
            "away": self._why_away if not self.is_on_bus else "",
            "outages": self.outages,
            **self.counters(),
            "is_dead": self._live.has_dead_nodes,
            "faults": list(self.faults),
            "memory_bytes": resident_bytes(),
            "processor_s": round(used.user + used.system, 3),
            "state_file": None
            if file is None
            else {
                "path": str(file.path),
                "writes": file.writes,
                "slowest_write_ms": round(file.slowest_write_s * 1000, 1),
                "trouble": file.trouble,
            },
            "ecus": [as_json(view) for view in self.views()],
        }

    # The bus

    def _look_for_bus(self) -> None:
        """Try to open the bus if it is time for the next attempt."""
        now_s = self._clock.now_s()
        if now_s < self._next_try_s or self.bus_options is None:
            return
        self._next_try_s = now_s + RETRY_S
        trouble = self.bus_options.trouble()
        if not trouble:
            try:
                self._live.plug(self.bus_options.open())
            except UserError as error:
                trouble = str(error)
        if trouble:
            self._is_away(trouble)
            return
        away_s = now_s - (self._away_since_s if self._away_since_s is not None else now_s)
        self._away_since_s, self._why_away = None, ""
        self.say(f"{self.bus_options.name}: the ECU is on the bus, after {away_s:.1f} s")

    def _lose_bus(self, error: LinkError) -> None:
        with suppress(Exception):  # backends raise what they like, and this one has failed already
            self._live.unplug()
        self.outages += 1
        self._next_try_s = self._clock.now_s() + RETRY_S
        self._is_away((self.bus_options.trouble() if self.bus_options else "") or str(error))

    def _is_away(self, why: str) -> None:
        if self._away_since_s is None:
            self._away_since_s = self._clock.now_s()
        if why != self._why_away:
            self._why_away = why
            name = self.bus_options.name if self.bus_options is not None else "the bus"
            self.say(f"{name}: {why.removeprefix(f'cannot open {name}: ')}; waiting for it")

    # The nodes

    def _made(self, profile: str, flaws: Sequence[str]) -> list[Node]:
        nodes = load_nodes("+".join([profile, *flaws]))
        if self._beside:
            for node in nodes:
                if isinstance(node, ArticleNode):
                    node.sends_periodically = False
        return nodes

    def _tell_fault(self, node: Node, error: Exception) -> None:
        text = f"{type(node).__name__} died: {type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
        self.faults.append(text)
        self.say(f"{text}; it is silent until its power is cycled")

    def _keep(self) -> None:
        file = self.state_file
        if file is None or not self._is_attached:
            return
        if file.keep(ecus_of(self.nodes)):
            self._is_told_of_file = False
        elif not self._is_told_of_file:
            self._is_told_of_file = True
            self.say(f"{file.path}: {file.trouble}; the ECU goes on, and forgets at its next start")


def _may_come(error: UserError) -> bool:
    """Whether a bus that could not be opened may appear later, as an unplugged adapter may, a mistyped option not."""
    cause = error.__cause__
    return isinstance(cause, (can.CanError, OSError)) and not isinstance(cause, can.CanInterfaceNotImplementedError)


def resident_bytes() -> int:
    """Return the memory of this process in bytes; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def quiet_python_can() -> None:
    """Keep python-can from printing errors that this program reports itself."""
    logging.getLogger("can").addHandler(logging.NullHandler())
