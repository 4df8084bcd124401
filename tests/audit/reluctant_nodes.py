"""ECUs whose SecurityAccess is unreachable, absent, or not declared."""

from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.server import Server


class Edited(Server):
    """A server that answers what `edited` returns or, if that is None, what the hardened ECU answers."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        edited = self.edited(pdu)
        answers = super().answer(pdu, is_functional=is_functional, connection=connection)
        return answers if edited is None else edited

    def edited(self, pdu: bytes) -> list[bytes] | None:
        raise NotImplementedError


class LockedAway(Edited):
    """SecurityAccess exists only in the programming session, which has a precondition."""

    def edited(self, pdu: bytes) -> list[bytes] | None:
        if pdu[:1] == b"\x27":
            return [b"\x7f\x27\x7f"]
        return [b"\x7f\x10\x22"] if pdu == b"\x10\x02" else None


class WithoutSecurityAccess(Edited):
    """SecurityAccess does not exist."""

    def edited(self, pdu: bytes) -> list[bytes] | None:
        return [b"\x7f\x27\x11"] if pdu[:1] == b"\x27" else None


class SilentToWhatItLacks(Edited):
    """Neither SecurityAccess nor Authentication exists, and requests for them are not answered."""

    def edited(self, pdu: bytes) -> list[bytes] | None:
        return [] if pdu[:1] in (b"\x27", b"\x29", b"\x1e", b"\x15") else None


class WantingAuthentication(Edited):
    """Without Authentication nobody may read any data but the active session, or control inputs and outputs."""

    def edited(self, pdu: bytes) -> list[bytes] | None:
        if pdu[:1] == b"\x2f":
            return [b"\x7f\x2f\x34"]
        return [b"\x7f\x22\x34"] if pdu[:1] == b"\x22" and pdu[1:] != b"\xf1\x86" else None


def hardened() -> UdsNode:
    return UdsNode(Server(HARDENED))


def locked_away() -> UdsNode:
    return UdsNode(LockedAway(HARDENED))


def without_security_access() -> UdsNode:
    return UdsNode(WithoutSecurityAccess(HARDENED))


def silent_to_what_it_lacks() -> UdsNode:
    return UdsNode(SilentToWhatItLacks(HARDENED))


def wanting_authentication() -> UdsNode:
    return UdsNode(WantingAuthentication(HARDENED))
