"""Connect the harness to the simulated bus: it sends and receives frames there, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from harness.errors import LinkError
from harness.link.bus import NodeFault
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.simulation.node import Node
from harness.simulation.simulated_bus import NodeConsole, Simulation


class SimulatedLink:
    """The simulated bus in virtual time: waiting costs nothing, and nothing happens until somebody waits."""

    is_virtual = True
    confirms_sending = True
    tells_stale = True
    is_fd = True
    lost_frames = 0
    error_frames = 0
    is_gone = False

    def __init__(
        self,
        nodes: Sequence[Node],
        *,
        bitrate: int,
        data_bitrate: int | None = None,
        chance: Chance,
        trace: Trace,
        make_nodes: Callable[[], Sequence[Node]] | None = None,
    ) -> None:
        """Make the link. `make_nodes` makes the same nodes in factory state; without `make_nodes` they cannot be renewed."""
        self._make_nodes = make_nodes
        self.trace = trace
        self.remarks: list[str] = []
        self.say: Callable[[str], None] = lambda text: None
        self._console = NodeConsole()
        self._simulation = Simulation(
            nodes, bitrate=bitrate, data_bitrate=data_bitrate, chance=chance, trace=trace, console=self._console
        )
        self.addresses = self._simulation.addresses
        self._inbox = self._simulation.inbox
        self.send = self._simulation.send
        self.is_quiet_for = self._simulation.is_quiet_for
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

    def use(self, ids: Collection[int]) -> None:
        return

    def hear_also(self, ids: Collection[int], seconds: float) -> None:
        return

    def console(self) -> str:
        return self._console.text()

    def console_since(self, written: int) -> tuple[str, int]:
        now = self._console.written
        return ("", now) if now == written else (self._console.since(written), now)

    def images(self) -> Sequence[bytes]:
        return self._simulation.images()

    def faults(self) -> Sequence[NodeFault]:
        return self._simulation.faults

    def can_power_cycle(self) -> bool:
        return self._simulation.can_power_cycle

    def power_cycle(self) -> None:
        self._simulation.power_cycle()

    def can_renew(self) -> bool:
        return self._make_nodes is not None

    def renew(self) -> None:
        if self._make_nodes is None:
            raise LinkError("nobody has said how the nodes of this bus are made")
        self._simulation.renew(self._make_nodes())

    def close(self) -> None:
        self.trace.flush()
