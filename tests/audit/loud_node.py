"""An ECU that prints 4 KiB of text that no report's reader can use."""

from tests.audit.nodes import MARKUP, SmallEcu

PIECE = MARKUP.encode() + b"| `x` {0} [a](http://e.example)\n\r\n# b" + bytes(range(256)) + b"\xed\xa0\x80\xff\xfe"
VALUE = (PIECE * 40)[:4092]
"""Markup, control characters, and bytes that are no UTF-8, as many as a message of 4095 bytes holds."""


class Loud(SmallEcu):
    """An ECU that returns `VALUE` for DID 5000, and prints it."""

    def start(self) -> None:
        super().start()
        print(VALUE.decode("latin-1"))

    def read(self, pdu: bytes):
        return b"\x62\x50\x00" + VALUE if pdu == b"\x22\x50\x00" else super().read(pdu)
