"""Cranes with one request that is unguarded, or guarded on too few connections."""

from tests.unseen.crane.crane import key as key
from tests.unseen.crane.crane_services import RAM, SCRATCH_SIZE, FullCrane


class UnlockIsEverybodys(FullCrane):
    """The second connection may use what the first one unlocked."""

    def may(self, level):
        return self.unlocked is not None and self.unlocked[0] == level


class SuppressedRoutineUnguarded(FullCrane):
    """31 81 has no guard, since only sub-function 01 is compared."""

    def need_for_routine(self, pdu, rid):
        if not pdu[1] & 0x80:
            super().need_for_routine(pdu, rid)


class RoutineResultsUnguarded(FullCrane):
    """31 03 gives stored results to everybody."""

    def routine(self, pdu):
        rid = int.from_bytes(pdu[2:4], "big")
        if pdu[1] & 0x7F == 3 and len(pdu) == 4 and rid == 0x0211:
            return self.yes(pdu, pdu[2:4] + b"\x00\x4b")
        return super().routine(pdu)


class AllSnapshotsUnguarded(FullCrane):
    """19 06 with record FF (all) bypasses the guard of a single record."""

    def need_for_dtc(self, kind, pdu):
        if not (kind == 6 and pdu[5] == 0xFF):
            super().need_for_dtc(kind, pdu)


class MemoryReadChecksStart(FullCrane):
    """23 checks the guard of the first address only."""

    def need_for_memory(self, sid, address, size):
        super().need_for_memory(sid, address, 1 if sid == 0x23 else size)


class MemoryWriteWithLongSize(FullCrane):
    """3D with a size of two bytes has no guard."""

    def write_memory(self, pdu):
        self.is_long = pdu[1] == 0x24
        return super().write_memory(pdu)

    def need_for_memory(self, sid, address, size):
        if not (sid == 0x3D and self.is_long):
            super().need_for_memory(sid, address, size)


class MemoryWriteOffByOne(FullCrane):
    """The first byte behind the scratch area is taken for a part of it."""

    def need_for_memory(self, sid, address, size):
        is_edge = sid == 0x3D and address + size == RAM + SCRATCH_SIZE + 1
        super().need_for_memory(sid, address, size - is_edge)


class FirstFourDidsGuarded(FullCrane):
    """A read checks the guards of only four DIDs."""

    def need_for_reading(self, dids):
        super().need_for_reading(dids[:4])


class DynamicMemoryUnguarded(FullCrane):
    """2C 02 defines a DID from any memory, since only DIDs have guards there."""

    def need_for_parts(self, parts):
        super().need_for_parts([part for part in parts if part[0] < 0x10000])


class NodeCommunicationUnguarded(FullCrane):
    """28 04 and 28 05, which name a node, have no guard."""

    def need_for_communication(self, kind):
        if kind < 4:
            super().need_for_communication(kind)


class SettingWithRecordUnguarded(FullCrane):
    """85 with a list of codes has no guard; 85 without a list has one."""

    def need_for_setting(self, pdu):
        if len(pdu) == 2:
            super().need_for_setting(pdu)
