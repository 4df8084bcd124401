"""ECUs that give little to judge."""

from __future__ import annotations

from dataclasses import replace

from harness.ecu.node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.server import Server
from harness.link.node import Port


class RefusingServer(Server):
    """Answers every request with serviceNotSupported."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        self.now_s = self.surroundings.now_s
        return [] if is_functional else [bytes((0x7F, pdu[0], 0x11))]


def refusing() -> UdsNode:
    return UdsNode(RefusingServer(HARDENED))


class Silent:
    """Hears everything and says nothing."""

    def attach(self, port: Port) -> None:
        return

    def on_frame(self, frame: object) -> None:
        return


def one_session() -> UdsNode:
    return UdsNode(Server(replace(HARDENED, sessions=())))
