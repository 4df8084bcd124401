"""Vans whose memory is read in older forms, or guarded by an incomplete comparison of addresses."""

from tests.unseen.vans.nodes_van import No, Van, but

LAST = 0x0010_0000
GUARDED_FROM, GUARDED_TO = 0x1000, 0x1040


class PlainMemory(Van):
    """Everybody may read memory by 23 with four bytes of address and two of size, without a format."""

    address_bytes, size_bytes = 4, 2
    head = b"\x63"

    def more(self):
        return {0x23: self.memory}

    def memory(self, pdu):
        if len(pdu) != 1 + self.address_bytes + self.size_bytes:
            raise No(0x13)
        at = int.from_bytes(pdu[1 : 1 + self.address_bytes], "big")
        size = int.from_bytes(pdu[1 + self.address_bytes :], "big")
        if at + size > LAST or not 0 < size <= 250:
            raise No(0x31)
        return self.deliver(at, size)

    def deliver(self, at, size):
        return self.head + bytes(((at + index) * 37 + 11) & 0xFF for index in range(size))


ShortAddresses = but(PlainMemory, address_bytes=3, size_bytes=1)
"""Everybody may read memory by 23 with three bytes of address and one of size, as before ISO 14229-1."""

SupplierMemory = but(PlainMemory, address_bytes=4, size_bytes=1, head=b"\x23", more=lambda ecu: {0xE3: ecu.memory})
"""A service of the supplier reads memory; the number of its answer overflows."""


class GuardedMemory(PlainMemory):
    """23 has a format. Addresses 1000 to 103F need the level; everybody may read the memory around them."""

    def memory(self, pdu):
        if len(pdu) < 4 or len(pdu) != 2 + (pdu[1] & 15) + (pdu[1] >> 4):
            raise No(0x13)
        at = int.from_bytes(pdu[2 : 2 + (pdu[1] & 15)], "big")
        size = int.from_bytes(pdu[2 + (pdu[1] & 15) :], "big")
        if not size or not self.is_within(at, size):
            raise No(0x31)
        if not self.is_open and self.is_guarded(at, size):
            raise No(0x33)
        return self.deliver(at, min(size, 250))

    def is_within(self, at, size):
        return at + size <= LAST

    def is_guarded(self, at, size):
        return at < GUARDED_TO and at + size > GUARDED_FROM


FirstAddressOnly = but(GuardedMemory, is_guarded=lambda ecu, at, size: GUARDED_FROM <= at < GUARDED_TO)
"""Only the first address of a read is checked for its guard."""

LastByteForgotten = but(GuardedMemory, is_guarded=lambda ecu, at, size: at < GUARDED_TO - 1 and at + size > GUARDED_FROM)
"""The guard ends one byte too early."""


class SumRunsOver(GuardedMemory):
    """The end of a read is computed as a sum of 32 bits, which may overflow."""

    def is_within(self, at, size):
        return (at + size) % 2**32 <= LAST

    def is_guarded(self, at, size):
        return at < GUARDED_TO and (at + size) % 2**32 > GUARDED_FROM


class Programmable(Van):
    """34 accepts from everybody three bytes of address, the data format and three bytes of size."""

    def more(self):
        return {0x34: self.download}

    def download(self, pdu):
        if len(pdu) != 8:
            raise No(0x13)
        return b"\x74\x82"
