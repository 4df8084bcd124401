"""Define the services of a loom for testers: data, periodic data, outputs, routines, transfers, timing and baud rate."""

from tests.unseen.loom.loom import (
    BAD_LENGTH,
    DEFAULT,
    EXTENDED,
    FACTORY,
    LOCKED,
    NO_SUB_FUNCTION,
    RANGE,
    SEQUENCE,
    SETUP,
    Loom,
    Said,
)
from tests.unseen.loom.loom import key as key

WIDTH, PATTERN, RECIPE, OUTPUT, VERSION, ACTIVE = 0x0701, 0x0702, 0x0703, 0x0704, 0xF195, 0xF186
GUARDED_READ = {RECIPE, 0xF202}
OPEN_WRITE, GUARDED_WRITE = {WIDTH}, {PATTERN, RECIPE}
SELF_TEST, CALIBRATE = 0x0500, 0x0501
FLASH, FLASH_SIZE, BLOCK_BYTES = 0x0040_0000, 0x400, 0x42
"""The memory for downloads and uploads, and the largest length of a request 36 with service and counter."""


class FullLoom(Loom):
    """A loom with all its services."""

    def __init__(self) -> None:
        super().__init__()
        self.data = {
            WIDTH: b"\x5a",
            PATTERN: b"\x10\x32\x54\x76",
            RECIPE: b"\x8e\x21\xc9\x04\xb7\x6d\x13",
            VERSION: b"LM2.7",
            0xF201: b"\x00\x37",
        }
        self.flash = bytearray(bytes((11 * n + n // 200) % 256 for n in range(FLASH_SIZE)))
        self.files = {b"pattern.bin": b"weave 1/3 twill"}

    def start(self, cause: str | int) -> None:
        self.output, self.is_controlled = b"\x00\x00", False
        super().start(cause)

    def lock(self) -> None:
        super().lock()
        self.transfer: dict | None = None
        self.periodic: dict[int, float] = {}
        self.has_verified_baud = False
        self.running: set[int] = set()
        self.is_controlled, self.output = False, b"\x00\x00"

    def table(self) -> dict:
        other = (EXTENDED, SETUP, FACTORY)
        return super().table() | {
            0x22: (self.read, 3, self.sessions),
            0x2A: (self.read_periodically, 2, other),
            0x2E: (self.write, 4, self.sessions),
            0x2F: (self.control_output, 4, other),
            0x31: (self.routine, 4, other),
            0x34: (self.request_transfer, 4, other),
            0x35: (self.request_transfer, 4, other),
            0x36: (self.transfer_data, 2, other),
            0x37: (self.end_transfer, 1, other),
            0x38: (self.transfer_file, 5, other),
            0x83: (self.timing, 2, other),
            0x87: (self.control_link, 2, other),
        }

    def work_s(self, pdu: bytes) -> float:
        is_test = pdu == b"\x31\x01" + SELF_TEST.to_bytes(2, "big")
        return 1.2 if is_test and self.session != DEFAULT else 0.0

    # data

    def read(self, pdu: bytes) -> Said:
        if len(pdu) % 2 == 0:
            return BAD_LENGTH
        dids = [int.from_bytes(pdu[at : at + 2], "big") for at in range(1, len(pdu), 2)]
        known = [did for did in dids if self.value(did) is not None]
        if not known:
            return RANGE
        if not self.may_read(known):
            return LOCKED
        said = b"\x62" + b"".join(did.to_bytes(2, "big") + self.value(did) for did in known)
        return said if len(said) <= 500 else 0x14

    def may_read(self, dids: list[int]) -> bool:
        return self.is_open or not GUARDED_READ.intersection(dids)

    def value(self, did: int) -> bytes | None:
        special = {ACTIVE: bytes((self.session,)), OUTPUT: self.output, 0xF202: self.data[RECIPE][:3]}
        return special.get(did, self.data.get(did))

    def write(self, pdu: bytes) -> Said:
        did, value = int.from_bytes(pdu[1:3], "big"), pdu[3:]
        if did not in OPEN_WRITE | GUARDED_WRITE:
            return RANGE
        if not self.may_write(did):
            return LOCKED
        if len(value) != len(self.data[did]):
            return BAD_LENGTH
        self.data[did] = value
        return b"\x6e" + pdu[1:3]

    def may_write(self, did: int) -> bool:
        return self.is_open or did in OPEN_WRITE

    def read_periodically(self, pdu: bytes) -> Said:
        mode, numbers = pdu[1], pdu[2:]
        if not 1 <= mode <= 4 or (mode != 4 and not numbers):
            return RANGE if numbers or mode == 4 else BAD_LENGTH
        if mode == 4:
            for number in numbers or list(self.periodic):
                self.periodic.pop(number, None)
            return b"\x6a"
        if not set(numbers) <= {1, 2}:
            return RANGE
        if not self.may_read_periodically(mode, numbers):
            return LOCKED
        for number in numbers:
            self.periodic[number] = {1: 1.0, 2: 0.3, 3: 0.1}[mode]
            self.emit(number, self.periodic)
        return b"\x6a"

    def may_read_periodically(self, mode: int, numbers: bytes) -> bool:
        return self.may_read([0xF200 | number for number in numbers])

    def emit(self, number: int, order: dict[int, float]) -> None:
        """Send a periodic record after its pause, as long as the session's request for it holds."""

        def later() -> None:
            if self.periodic is order and number in order:
                if self.port.now_s > self.heard_s + self.s3_s:
                    self.hear()
                    return
                self.wire.send(bytes((number,)) + (self.value(0xF200 | number) or b""))
                self.emit(number, order)

        self.port.call_later(order[number], later)

    # outputs and routines

    def control_output(self, pdu: bytes) -> Said:
        if int.from_bytes(pdu[1:3], "big") != OUTPUT:
            return RANGE
        if not self.may_control(pdu[3]):
            return LOCKED
        if pdu[3] > 3:
            return RANGE
        if len(pdu) != (6 if pdu[3] == 3 else 4):
            return BAD_LENGTH
        self.is_controlled = pdu[3] != 0
        if pdu[3] != 2:
            self.output = pdu[4:] if pdu[3] == 3 else b"\x00\x00"
        return b"\x6f" + pdu[1:4] + self.output

    def may_control(self, option: int) -> bool:
        return self.is_open

    def routine(self, pdu: bytes) -> Said:
        rid = int.from_bytes(pdu[2:4], "big")
        if rid not in (SELF_TEST, CALIBRATE):
            return RANGE
        if not self.may_run(pdu, rid):
            return LOCKED
        if bad := self.bad_sub(pdu, (1, 2, 3), size=4):
            return bad
        kind = pdu[1] & 0x7F
        if kind != 1 and rid not in self.running:
            return SEQUENCE
        self.running.add(rid)
        if kind == 2:
            self.running.discard(rid)
        return self.good(pdu, pdu[2:4] + b"\x00")

    def may_run(self, pdu: bytes, rid: int) -> bool:
        return self.is_open or rid == SELF_TEST

    # transfers

    def request_transfer(self, pdu: bytes) -> Said:
        if pdu[2] != 0x44:
            return RANGE
        if len(pdu) != 11:
            return BAD_LENGTH
        if not self.may_transfer(pdu):
            return LOCKED
        address, size = int.from_bytes(pdu[3:7], "big"), int.from_bytes(pdu[7:11], "big")
        if pdu[1] or not size or not FLASH <= address <= FLASH + FLASH_SIZE - size:
            return RANGE
        start = address - FLASH
        self.transfer = {"sid": pdu[0], "at": start, "end": start + size, "next": 1, "source": self.flash}
        return bytes((pdu[0] + 0x40, 0x10, BLOCK_BYTES))

    def may_transfer(self, pdu: bytes) -> bool:
        return self.is_open

    def transfer_data(self, pdu: bytes) -> Said:
        now = self.transfer
        if now is None:
            return SEQUENCE
        if len(pdu) > BLOCK_BYTES or (now["sid"] == 0x35 and len(pdu) != 2) or (now["sid"] == 0x34 and len(pdu) < 3):
            return BAD_LENGTH
        if pdu[1] != now["next"]:
            return 0x73
        content = pdu[2:] if now["sid"] == 0x34 else bytes(now["source"][now["at"] : min(now["at"] + 64, now["end"])])
        if not content or now["at"] + len(content) > now["end"]:
            return SEQUENCE
        if now["sid"] == 0x34:
            self.flash[now["at"] : now["at"] + len(content)] = content
        now["at"], now["next"] = now["at"] + len(content), (now["next"] + 1) % 256
        return b"\x76" + pdu[1:2] + (content if now["sid"] == 0x35 else b"")

    def end_transfer(self, pdu: bytes) -> Said:
        if len(pdu) != 1:
            return BAD_LENGTH
        if self.transfer is None or self.transfer["at"] != self.transfer["end"]:
            return SEQUENCE
        self.transfer = None
        return b"\x77"

    def transfer_file(self, pdu: bytes) -> Said:
        """Serve 38 with the modes 02 (delete), 04 (read) and 05 (list)."""
        mode, size = pdu[1], int.from_bytes(pdu[2:4], "big")
        if mode not in (2, 4, 5):
            return RANGE
        if not size or len(pdu) != 4 + size + (mode == 4):
            return BAD_LENGTH
        if not self.may_transfer_file(mode):
            return LOCKED
        name = pdu[4 : 4 + size]
        if name not in self.files and not (mode == 5 and name == b"/"):
            return RANGE
        if mode == 2:
            del self.files[name]
            return b"\x78\x02"
        source = b" ".join(self.files) if mode == 5 else self.files[name]
        self.transfer = {"sid": 0x35, "at": 0, "end": len(source), "next": 1, "source": source}
        length = len(source).to_bytes(2, "big")
        return bytes((0x78, mode, 1, BLOCK_BYTES, 0, 0, 2)) + length * (2 if mode == 4 else 1)

    def may_transfer_file(self, mode: int) -> bool:
        return self.is_open

    # the link

    def timing(self, pdu: bytes) -> Said:
        if bad := self.bad_sub(pdu, (1, 2, 3)):
            return bad
        return self.good(pdu, b"" if pdu[1] & 0x7F == 2 else b"\x00\x32\x01\xf4")

    def control_link(self, pdu: bytes) -> Said:
        kind = pdu[1] & 0x7F
        if kind not in (1, 3):
            return NO_SUB_FUNCTION
        if len(pdu) != (3 if kind == 1 else 2):
            return BAD_LENGTH
        if not self.may_control_link(kind):
            return LOCKED
        if kind == 1 and pdu[2] != 0x12:
            return RANGE
        if kind == 3 and not self.has_verified_baud:
            return SEQUENCE
        self.has_verified_baud = kind == 1
        return self.good(pdu)

    def may_control_link(self, kind: int) -> bool:
        return self.is_open
