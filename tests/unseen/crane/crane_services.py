"""Define the services of a crane for testers, each behind its level: data, memory, trouble codes, routines,
communication.
"""

from tests.unseen.crane.crane import DEFAULT, EXTENDED, HIGH, LOW, PROGRAMMING, Crane, No
from tests.unseen.crane.crane import key as key

SPEED, RAMP, LOAD, CODE, TRACE, SERIAL, SESSION = 0x3101, 0x3102, 0x3103, 0x3104, 0x3105, 0xF18C, 0xF186
READ = {CODE: LOW, TRACE: HIGH}
WRITE = {SPEED: None, RAMP: LOW, LOAD: HIGH, CODE: LOW}
"""By DID: the level that a write needs; None: no level."""
DYNAMIC = range(0xF300, 0xF308)
BRAKE_TEST, LAMP_TEST, ERASE = 0x0211, 0x0212, 0xFF00
ROUTINES = {BRAKE_TEST: LOW, LAMP_TEST: None, ERASE: HIGH}
RAM, RAM_SIZE, SCRATCH_SIZE = 0x2000_0000, 0x100, 0x80
"""The memory, whose first half everybody may use and whose second half needs the high level."""
DTC = b"\x40\x21\x07"


class FullCrane(Crane):
    """A crane with all its services."""

    def __init__(self) -> None:
        super().__init__()
        self.values = {
            SPEED: b"\x01\x2c",
            RAMP: b"\x0a\x14\x1e",
            LOAD: b"\x00\x13\x88\x00\x17\x70",
            CODE: b"\x39\x17\x52\x08\x66",
            TRACE: b"\xc4\x1d\x7b\x90\x2e\x55\xa8\x03",
            SERIAL: b"CRN-00418",
        }
        self.ram = bytearray(bytes((7 * n + 3) % 256 for n in range(RAM_SIZE)))
        self.has_dtc = True

    def boot(self, cause: str | int) -> None:
        super().boot(cause)
        self.dtc_setting, self.communication = True, 0

    def relock(self) -> None:
        super().relock()
        self.dynamic: dict[int, list[tuple[int, int, int]]] = {}
        self.running: set[int] = set()

    def enter(self, session: int) -> None:
        super().enter(session)
        self.dtc_setting, self.communication = True, 0

    def services(self) -> dict:
        other = (PROGRAMMING, EXTENDED)
        every = (DEFAULT, *other)
        return super().services() | {
            0x14: (self.clear_dtc, other, 4),
            0x19: (self.read_dtc, every, 2),
            0x22: (self.read, every, 3),
            0x23: (self.read_memory, every, 5),
            0x28: (self.communicate, other, 2),
            0x2C: (self.define, other, 2),
            0x2E: (self.write, every, 4),
            0x31: (self.routine, other, 4),
            0x3D: (self.write_memory, every, 6),
            0x85: (self.set_dtc, other, 2),
        }

    # trouble codes, communication

    def clear_dtc(self, pdu: bytes) -> bytes:
        if len(pdu) != 4:
            raise No(0x13)
        if pdu[1:] not in (b"\xff\xff\xff", DTC):
            raise No(0x31)
        self.has_dtc = False
        return b"\x54"

    def read_dtc(self, pdu: bytes) -> bytes | None:
        kind = self.sub(pdu, 1, 2, 6, size={1: 3, 2: 3, 6: 6}.get(pdu[1] & 0x7F, 2))
        self.need_for_dtc(kind, pdu)
        codes = DTC + b"\x09" if self.has_dtc and pdu[2] & 9 else b""
        if kind == 1:
            return self.yes(pdu, b"\x09\x01\x00" + bytes((len(codes) // 4,)))
        if kind == 2:
            return self.yes(pdu, b"\x09" + codes)
        if pdu[2:5] != DTC or pdu[5] not in (0x90, 0xFF):
            raise No(0x31)
        return self.yes(pdu, DTC + b"\x09" + (b"\x90\x00\x13\x77\x05\x42" if self.has_dtc else b""))

    def need_for_dtc(self, kind: int, pdu: bytes) -> None:
        self.need(LOW)

    def communicate(self, pdu: bytes) -> bytes | None:
        kind = pdu[1] & 0x7F
        if kind > 5:
            raise No(0x12)
        if len(pdu) != (5 if kind > 3 else 3):
            raise No(0x13)
        self.need_for_communication(kind)
        if pdu[2] not in (1, 2, 3):
            raise No(0x31)
        self.communication = kind
        return self.yes(pdu)

    def need_for_communication(self, kind: int) -> None:
        self.need(LOW)

    def set_dtc(self, pdu: bytes) -> bytes | None:
        if pdu[1] & 0x7F not in (1, 2):
            raise No(0x12)
        if len(pdu) not in (2, 5):
            raise No(0x13)
        self.need_for_setting(pdu)
        self.dtc_setting = pdu[1] & 0x7F == 1
        return self.yes(pdu)

    def need_for_setting(self, pdu: bytes) -> None:
        self.need(LOW)

    # data

    def read(self, pdu: bytes) -> bytes:
        if len(pdu) % 2 == 0:
            raise No(0x13)
        dids = [int.from_bytes(pdu[at : at + 2], "big") for at in range(1, len(pdu), 2)]
        known = [did for did in dids if did in self.values or did in self.dynamic or did == SESSION]
        if not known:
            raise No(0x31)
        self.need_for_reading(known)
        said = b"\x62" + b"".join(did.to_bytes(2, "big") + self.value(did) for did in known)
        if len(said) > 1024:
            raise No(0x14)
        return said

    def need_for_reading(self, dids: list[int]) -> None:
        for did in dids:
            self.need(READ.get(did))
            self.need_for_parts(self.dynamic.get(did, []))

    def need_for_parts(self, parts: list[tuple[int, int, int]]) -> None:
        for source, _, size in parts:
            if source < 0x10000:
                self.need(READ.get(source))
            else:
                self.need_for_memory(0x23, source, size)

    def value(self, did: int) -> bytes:
        if did == SESSION:
            return bytes((self.session,))
        return self.values[did] if did in self.values else b"".join(self.part(*part) for part in self.dynamic[did])

    def part(self, source: int, at: int, size: int) -> bytes:
        if source < 0x10000:
            return self.value(source)[at : at + size]
        return bytes(self.ram[source - RAM : source - RAM + size])

    def define(self, pdu: bytes) -> bytes | None:
        kind = pdu[1] & 0x7F
        if kind not in (1, 2, 3):
            raise No(0x12)
        if kind == 3 and len(pdu) == 2:
            self.dynamic.clear()
            return self.yes(pdu)
        if len(pdu) < 4 or (kind == 3 and len(pdu) != 4):
            raise No(0x13)
        did = int.from_bytes(pdu[2:4], "big")
        if did not in DYNAMIC:
            raise No(0x31)
        if kind == 3:
            self.dynamic.pop(did, None)
            return self.yes(pdu, pdu[2:4])
        parts = self.parts_of_data(pdu[4:]) if kind == 1 else self.parts_of_memory(pdu[4:])
        self.need_for_definition(kind, parts)
        if sum(size for _, _, size in self.dynamic.get(did, []) + parts) > 64:
            raise No(0x31)
        self.dynamic.setdefault(did, []).extend(parts)
        return self.yes(pdu, pdu[2:4])

    def need_for_definition(self, kind: int, parts: list[tuple[int, int, int]]) -> None:
        self.need_for_parts(parts)

    def parts_of_data(self, rest: bytes) -> list[tuple[int, int, int]]:
        if not rest or len(rest) % 4:
            raise No(0x13)
        parts = []
        for index in range(0, len(rest), 4):
            did, at, size = int.from_bytes(rest[index : index + 2], "big"), rest[index + 2], rest[index + 3]
            if did not in self.values or not size or not 0 < at <= len(self.values[did]) - size + 1:
                raise No(0x31)
            parts.append((did, at - 1, size))
        return parts

    def parts_of_memory(self, rest: bytes) -> list[tuple[int, int, int]]:
        if len(rest) < 6 or len(rest) % 5 != 1:
            raise No(0x13)
        if rest[0] != 0x14:
            raise No(0x31)
        places = [rest[at : at + 5] for at in range(1, len(rest), 5)]
        parts = [(int.from_bytes(place[:4], "big"), 0, place[4]) for place in places]
        for address, _, size in parts:
            self.in_memory(address, size)
        return parts

    def write(self, pdu: bytes) -> bytes:
        did, value = int.from_bytes(pdu[1:3], "big"), pdu[3:]
        if did not in WRITE:
            raise No(0x31)
        self.need_for_writing(did)
        if len(value) != len(self.values[did]):
            raise No(0x13)
        self.values[did] = value
        return b"\x6e" + pdu[1:3]

    def need_for_writing(self, did: int) -> None:
        self.need(WRITE[did])

    # memory

    def place(self, pdu: bytes) -> tuple[int, int, int]:
        """Return address, size, and where both end in the request."""
        if pdu[1] not in (0x14, 0x24):
            raise No(0x31)
        end = 6 + (pdu[1] >> 4)
        if len(pdu) < end:
            raise No(0x13)
        return int.from_bytes(pdu[2:6], "big"), int.from_bytes(pdu[6:end], "big"), end

    def in_memory(self, address: int, size: int) -> None:
        if not size or not RAM <= address <= RAM + RAM_SIZE - size:
            raise No(0x31)

    def need_for_memory(self, sid: int, address: int, size: int) -> None:
        if address + size > RAM + SCRATCH_SIZE:
            self.need(HIGH)

    def read_memory(self, pdu: bytes) -> bytes:
        address, size, end = self.place(pdu)
        if len(pdu) != end:
            raise No(0x13)
        self.in_memory(address, size)
        self.need_for_memory(0x23, address, size)
        return b"\x63" + self.ram[address - RAM : address - RAM + size]

    def write_memory(self, pdu: bytes) -> bytes:
        address, size, end = self.place(pdu)
        if len(pdu) != end + size:
            raise No(0x13)
        self.in_memory(address, size)
        self.need_for_memory(0x3D, address, size)
        self.ram[address - RAM : address - RAM + size] = pdu[end:]
        return b"\x7d" + pdu[1:end]

    # routines

    def routine(self, pdu: bytes) -> bytes | None:
        rid = int.from_bytes(pdu[2:4], "big")
        if rid not in ROUTINES:
            raise No(0x31)
        self.need_for_routine(pdu, rid)
        kind = pdu[1] & 0x7F
        if kind not in (1, 2, 3):
            raise No(0x12)
        if len(pdu) != 4:
            raise No(0x13)
        if kind != 1 and rid not in self.running:
            raise No(0x24)
        self.running.add(rid)
        if kind == 2:
            self.running.discard(rid)
        return self.yes(pdu, pdu[2:4] + (b"\x00\x4b" if kind == 3 else b""))

    def need_for_routine(self, pdu: bytes, rid: int) -> None:
        self.need(ROUTINES[rid])
