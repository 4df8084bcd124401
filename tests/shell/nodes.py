"""ECUs for the tests of the shell."""

from typing import Any

import can

from harness.ecu.article import ArticleNode
from harness.ecu.profiles import article
from harness.link.isotp import IsoTp, IsoTpConfig
from harness.simulation.node import Port

ARTICLE_SEED = bytes.fromhex("A83A63B3C1")
ARTICLE_KEY = bytes.fromhex("5EF739B0")
LEAKED = bytes.fromhex("C0FFEE0BADF00D42")
"""The secret of level 0x01 in secret.toml."""


class _SameChance:
    """A port whose random bytes are always the article's seed."""

    def __init__(self, port: Port) -> None:
        self._port = port

    def random_bytes(self, n: int) -> bytes:
        return ARTICLE_SEED[:n]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


def of_the_article() -> ArticleNode:
    """Return the article's ECU, which gives the seed that the article prints."""
    node = article()
    attach = node.attach
    node.attach = lambda port: attach(_SameChance(port))  # type: ignore[method-assign, arg-type]
    return node


class Answering:
    """A node that answers messages by a table in hex."""

    def __init__(self, table: dict[str, list[str]]) -> None:
        self._table = table
        self._isotp = IsoTp(IsoTpConfig())

    def attach(self, port: Port) -> None:
        self._port = port

    def on_frame(self, message: can.Message) -> None:
        if message.arbitration_id != 0x740:
            return
        pdu = self._isotp.receive(bytes(message.data), self._port.now_s)
        for answer in self._table.get(pdu.hex(), []) if pdu else []:
            self._isotp.send(bytes.fromhex(answer), self._port.now_s)
        self._flush()

    def _flush(self) -> None:
        for data in self._isotp.outbox:
            self._port.send(can.Message(arbitration_id=0x748, data=data, is_extended_id=False))
        self._isotp.outbox.clear()
        if self._isotp.deadline_s is not None:
            self._port.call_later(max(self._isotp.deadline_s - self._port.now_s, 0.0), self._tick)

    def _tick(self) -> None:
        self._isotp.tick(self._port.now_s)
        self._flush()


def hostile() -> Answering:
    """Return a node whose answers of every kind contain what a terminal would obey."""
    return Answering(
        {
            "22f190": ["62f190" + b"\x1b[2J\x07".hex()],
            "22f191": ["ff1b5b324a"],
            "22f192": ["7f2278", "62f19201"],
            "22f193": ["7f2299"],
            "22f194": ["7f22"],
            "22f195": ["62f195" + LEAKED.hex()[:10]],
            "222020": ["622020" + "41"],
            "2e202042": ["6e2020"],
        }
    )
