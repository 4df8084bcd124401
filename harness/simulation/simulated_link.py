"""Connect the harness to the simulated bus: it sends and receives frames there, in virtual time."""

from collections.abc import Callable, Collection, Sequence

from harness.errors import LinkError
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.simulation.node import Node
from harness.simulation.simulated_bus import NodeConsole, Simulation


class SimulatedLink(Simulation):
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
        self.remarks: list[str] = []
        self.say: Callable[[str], None] = lambda text: None
        self._printed = NodeConsole()
        super().__init__(
            nodes, bitrate=bitrate, data_bitrate=data_bitrate, chance=chance, trace=trace, console=self._printed
        )

    def check_sent(self) -> None:
        return

    def use(self, ids: Collection[int]) -> None:
        return

    def hear_also(self, ids: Collection[int], seconds: float) -> None:
        return

    def console(self) -> str:
        return self._printed.text()

    def console_since(self, written: int) -> tuple[str, int]:
        now = self._printed.written
        return ("", now) if now == written else (self._printed.since(written), now)

    def can_renew(self) -> bool:
        return self._make_nodes is not None

    def renew(self) -> None:
        if self._make_nodes is None:
            raise LinkError("nobody has said how the nodes of this bus are made")
        self.replace_nodes(self._make_nodes())

    def close(self) -> None:
        self.trace.flush()
