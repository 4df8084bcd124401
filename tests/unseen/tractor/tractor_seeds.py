"""Tractors whose seeds are odd, or weak."""

import hashlib
import zlib

from tests.unseen.tractor.tractor import EXTENDED, PROGRAMMING, Refusal, Tractor, but
from tests.unseen.tractor.tractor import key as key

# Sound.


OneZeroByte = but(Tractor, open_seed=lambda ecu: b"\x00")
"""An open level gives a seed of one zero byte, where twelve are usual."""

LengthsVary = but(Tractor, new_seed=lambda ecu: ecu.port.random_bytes((12, 16, 20)[ecu.port.random_bytes(1)[0] % 3]))
"""Seeds have 12, 16 or 20 bytes by chance; the key is made of all of them."""


class WantsRecord(Tractor):
    """A seed request has a record of two bytes that names the kind of tester; an unknown kind is refused with 31."""

    def give_seed(self, pdu):
        if len(pdu) != 4:
            raise Refusal(0x13)
        if pdu[2:] != b"\x4b\x31":
            raise Refusal(0x31)
        return super().give_seed(pdu[:2])


class RefusesOpenSeed(Tractor):
    """A seed of the open level is refused with 22; the level stays open."""

    def give_seed(self, pdu):
        if self.is_open and len(pdu) == 2:
            raise Refusal(0x22)
        return super().give_seed(pdu)


class NeverInTheMood(Tractor):
    """A seed is always refused with 22, since its vehicle is missing."""

    def give_seed(self, pdu):
        raise Refusal(0x22 if len(pdu) == 2 else 0x13)


# Flawed.


class ZeroInProgramming(Tractor):
    """The level exists in two sessions; in 02 each seed is zero, since the generator does not run there."""

    security_sessions = (PROGRAMMING, EXTENDED)

    def new_seed(self):
        return bytes(12) if self.session == PROGRAMMING else super().new_seed()


class ZeroAfterWrongKey(Tractor):
    """The seed after a wrong key is zero, and its key is computed as usual."""

    has_failed = False

    def new_seed(self):
        seed = bytes(12) if self.has_failed else super().new_seed()
        self.has_failed = False
        return seed

    def wrong_key(self, pdu):
        self.has_failed = True
        return super().wrong_key(pdu)


class TailFollows(Tractor):
    """Four bytes are random; the next four are their CRC-32, and the last four are the random ones rotated by 11 bits and
    masked.
    """

    def new_seed(self):
        head = self.port.random_bytes(4)
        number = int.from_bytes(head, "big")
        turned = (number << 11 | number >> 21) & 0xFFFFFFFF ^ 0x9D3C07E1
        return head + zlib.crc32(head).to_bytes(4, "big") + turned.to_bytes(4, "big")


class RenewedEachSecond(Tractor):
    """The seed is a hash of a secret and the clock's second, so that all requests within a second get the same seed."""

    def new_seed(self):
        return hashlib.sha256(b"furrow" + int(self.port.utc_s).to_bytes(8, "big")).digest()[:12]


class EveryNinthOfFour(Tractor):
    """Every ninth seed comes from a table of four."""

    given = 0

    def new_seed(self):
        self.given += 1
        if self.given % 9:
            return super().new_seed()
        return hashlib.sha256(b"table %d" % (self.port.random_bytes(1)[0] % 4)).digest()[:12]


class FourBytesMove(Tractor):
    """Eight of a seed's twelve bytes are drawn at the start only; four are new each time."""

    stays = b""

    def boot(self):
        super().boot()
        self.stays = b""

    def new_seed(self):
        self.stays = self.stays or self.port.random_bytes(8)
        return self.stays[:5] + self.port.random_bytes(4) + self.stays[5:]
