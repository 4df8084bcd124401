"""Run gallia's virtual ECU, a server whose sessions, services, levels and data follow from a number."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any

from gallia.services.uds import server as gallia
from gallia.transports import TargetURI

from tests.unseen.servers.wire import ServerNode

NUMBER = 3
"""The number of the ECU: session 01 leads to 04 and 54, 54 to 5D, 5D to 63; levels 3F, 51 and 59 are in 54."""


class GalliaEcu(ServerNode):
    def start_server(self) -> None:
        node = self

        class Chance(gallia.RNG):
            """A source of random bytes from the bus, in place of the system's source that the server uses."""

            def set_seeds(self, *seeds: Any) -> None:
                super().set_seeds(*(seeds or (node.port.random_bytes(16),)))

        gallia.RNG = Chance
        gallia.time = lambda: self.port.now_s
        server = gallia.RandomUDSServer(NUMBER)
        finished(server.setup())
        self.transport = gallia.UDSServerTransport(server, TargetURI("isotp://simulated"))

    def answers(self, pdu: bytes) -> Iterator[bytes]:
        answer, _ = finished(self.transport.handle_request(pdu))
        yield answer or b""


def finished(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the server waits for something")


def ecu() -> GalliaEcu:
    return GalliaEcu()
