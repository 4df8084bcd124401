"""ECUs that give the checks little to judge."""

from dataclasses import replace

from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.rules import EcuDied
from harness.ecu.server import Server
from harness.simulation.node import Port


class RefusingServer(Server):
    """A server that refuses every request with serviceNotSupported."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        self.now_s = self.surroundings.now_s
        return [] if is_functional else [bytes((0x7F, pdu[0], 0x11))]


def refusing() -> UdsNode:
    return UdsNode(RefusingServer(HARDENED))


class Silent:
    """A node that hears every frame and sends none."""

    def attach(self, port: Port) -> None:
        return

    def on_frame(self, frame: object) -> None:
        return


def one_session() -> UdsNode:
    return UdsNode(Server(replace(HARDENED, sessions=())))


class FragileServer(Server):
    """A server that dies of a write that is longer than its buffer."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        if pdu[:1] == b"\x2e" and len(pdu) > 64:
            raise EcuDied("the buffer was too short")
        return super().answer(pdu, is_functional=is_functional, connection=connection)


def dying_of_a_long_write() -> UdsNode:
    return UdsNode(FragileServer(HARDENED))
