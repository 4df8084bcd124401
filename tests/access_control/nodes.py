"""ECUs with services that `hardened` lacks: each adds a few answers to those of the hardened ECU."""

from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.server import Server

PROTECTED = 0x2A2A
DENIED, OUT_OF_RANGE, CONDITIONS = 0x33, 0x31, 0x22


class Richer(Server):
    """Answers some services itself: `own` gives an answer, or None to leave the request to the hardened ECU."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        hardened = super().answer(pdu, is_functional=is_functional, connection=connection)
        if not hardened and pdu[:1] != b"\x2a":
            return hardened
        own = self.own(pdu)
        return hardened if own is None else [own]

    def own(self, pdu: bytes) -> bytes | None:
        raise NotImplementedError

    def is_open(self) -> bool:
        return self.state.unlocked_level == 1

    def no(self, pdu: bytes, nrc: int) -> bytes:
        return bytes((0x7F, pdu[0], nrc))


class GuardedAlias(Richer):
    """2C needs the level of the source when it defines an alias; 22 reads whatever is defined."""

    defined: bytes = b""

    def own(self, pdu: bytes) -> bytes | None:
        if pdu[0] == 0x2C:
            if len(pdu) < 4:
                return self.no(pdu, 0x13)
            if pdu[1] == 1 and not self.is_open():
                return self.no(pdu, DENIED)
            self.defined = pdu[2:4] if pdu[1] == 1 else b""
            return bytes((0x6C,)) + pdu[1:4]
        if pdu[0] == 0x22 and pdu[1:] == self.defined:
            return b"\x62" + self.defined + self.state.values[PROTECTED]
        return None


class AliasAskedEachTime(GuardedAlias):
    """The level of the source is also needed when the alias is read."""

    def own(self, pdu: bytes) -> bytes | None:
        is_read = pdu[0] == 0x22 and pdu[1:] == self.defined
        return self.no(pdu, DENIED) if is_read and not self.is_open() else super().own(pdu)


class MaskedAlias(GuardedAlias):
    """Every alias may be defined, and reads as zeros."""

    def own(self, pdu: bytes) -> bytes | None:
        if pdu[0] == 0x2C:
            self.defined = pdu[2:4]
            return self.no(pdu, 0x13) if len(pdu) < 4 else bytes((0x6C,)) + pdu[1:4]
        if pdu[0] == 0x22 and pdu[1:] == self.defined:
            return b"\x62" + self.defined + bytes(10)
        return None


class PeriodicLeak(Richer):
    """Reading the alias without the level is refused, but it is sent periodically to anybody."""

    def own(self, pdu: bytes) -> bytes | None:
        if pdu[0] == 0x2C:
            return bytes((0x6C,)) + pdu[1:4] if pdu[2:3] == b"\xf2" else self.no(pdu, OUT_OF_RANGE)
        if pdu[0] == 0x22 and pdu[1] == 0xF2:
            return self.no(pdu, DENIED)
        if pdu[0] == 0x2A and len(pdu) == 3:
            if pdu[1] != 4:
                content = bytes((6 + 1, pdu[2])) + self.state.values[PROTECTED][:6]
                self.surroundings.call_later(0.5, lambda: self.transmit(content))
            return b"\x6a"
        return None


class GuardedControl(Richer):
    """2F and 35 exist, and need the level."""

    def own(self, pdu: bytes) -> bytes | None:
        if pdu[0] not in (0x2F, 0x35):
            return None
        if len(pdu) < 4:
            return self.no(pdu, 0x13)
        if not self.is_open():
            return self.no(pdu, DENIED)
        return b"\x6f" + pdu[1:4] if pdu[0] == 0x2F else b"\x75\x20\x01\x02"


class TiredOfResets(Richer):
    """The sixth reset in a row is refused with 0x22, unless another request came in between."""

    resets = 0

    def own(self, pdu: bytes) -> bytes | None:
        if pdu[0] != 0x11:
            return None
        self.resets += 1
        return self.no(pdu, CONDITIONS) if self.resets > 5 else None


class OldIdentification(Richer):
    """1A 90 reads the serial number, as it did before 22."""

    def own(self, pdu: bytes) -> bytes | None:
        return b"\x5a\x90" + self.state.values[0xF18C] if pdu == b"\x1a\x90" else None


class NoMemoryThere(Richer):
    """23, 34 and 3D exist, but know none of the addresses that the checks try."""

    def own(self, pdu: bytes) -> bytes | None:
        return self.no(pdu, OUT_OF_RANGE) if pdu[0] in (0x23, 0x34, 0x3D) and self.state.session != 1 else None


class BlankMemory(Richer):
    """23 reads usual addresses without the level, although the target declares that others need one."""

    def own(self, pdu: bytes) -> bytes | None:
        return b"\x63" + bytes(pdu[6]) if pdu[:6] == bytes.fromhex("231408000000") and len(pdu) == 7 else None


def _node(server: type[Richer]) -> UdsNode:
    ecu = server(HARDENED)
    node = UdsNode(ecu)
    ecu.transmit = lambda content: node.port.send(_message(content))  # type: ignore[attr-defined]
    return node


def _message(content: bytes) -> object:
    import can

    return can.Message(arbitration_id=0x748, data=content, is_extended_id=False)


def guarded_alias() -> UdsNode:
    return _node(GuardedAlias)


def alias_asked_each_time() -> UdsNode:
    return _node(AliasAskedEachTime)


def masked_alias() -> UdsNode:
    return _node(MaskedAlias)


def periodic_leak() -> UdsNode:
    return _node(PeriodicLeak)


def guarded_control() -> UdsNode:
    return _node(GuardedControl)


def tired_of_resets() -> UdsNode:
    return _node(TiredOfResets)


def old_identification() -> UdsNode:
    return _node(OldIdentification)


def no_memory_there() -> UdsNode:
    return _node(NoMemoryThere)


def blank_memory() -> UdsNode:
    return _node(BlankMemory)
