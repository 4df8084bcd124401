"""A large car's body computer with its own ISO-TP: three sessions, two levels, memory, routines, downloads, periodic frames.

Each of its acts is one method, so that a variant overrides one thing. `Refused` carries the code of a negative response.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType as table

import can

from harness.simulation.node import Port

DEFAULT, PROGRAMMING, EXTENDED = 1, 2, 3
ALL = (DEFAULT, PROGRAMMING, EXTENDED)
NEVER, OPEN = -1, 0
"""Who may write a record: nobody, or everybody; any other number is a level."""
SILENT_WHEN_FUNCTIONAL = (0x11, 0x12, 0x31, 0x7E, 0x7F)
SECRETS = {level: hashlib.sha256(b"limousine %d" % level).digest()[:16] for level in (1, 3, 5)}


def key(seed: bytes, level: int) -> bytes:
    """Compute the key that the tester sends for a seed."""
    return hmac.new(SECRETS[level], seed, hashlib.sha256).digest()[:16]


class Refused(Exception):
    """A negative response; the argument is its code."""


def refuse(nrc: int) -> None:
    """Raise `Refused`, where a statement is not possible."""
    raise Refused(nrc)


def but(base: type, **otherwise: object) -> type:
    """Return a class that differs from its base in some values and methods, given by name."""
    return type(base.__name__, (base,), otherwise)


class Transport:
    """ISO 15765-2 with normal addressing on classic CAN, for one pair of ids."""

    block_size, stmin, buffer_size, wait_limit = 0, 0, 4095, 10
    n_bs_s, n_cr_s, fc_delay_s = 1.0, 1.0, 0.0

    def __init__(self, ecu: Limousine, response_id: int) -> None:
        self.ecu, self.port, self.response_id = ecu, ecu.port, response_id
        self.token = 0
        self.reset()

    def reset(self) -> None:
        self.reception: bytearray | None = None
        self.expected = self.sn = self.block = 0
        self.deadline_s = 0.0
        self.rest = b""
        self.tx_sn = self.waits = 0
        self.awaits = False
        self.token += 1

    def put(self, data: bytes) -> None:
        self.ecu.put(self.response_id, data)

    # receiving

    def receive(self, data: bytes, functional: bool) -> None:
        if not data:
            return
        kind = data[0] >> 4
        if kind == 0:
            self.single(data, functional)
        elif functional:
            self.segmented_for_all(data)
        elif kind == 1:
            self.first(data)
        elif kind == 2:
            self.consecutive(data)
        elif kind == 3:
            self.flow_control(data)
        else:
            self.reserved(data)

    def single(self, data: bytes, functional: bool) -> None:
        length = data[0]
        if 0 < length < len(data):
            if not functional:
                self.reception = None
            self.ecu.deliver(self, data[1 : 1 + length], functional)

    def segmented_for_all(self, data: bytes) -> None:
        """Ignore a first frame on the functional id, where only single frames are permitted."""

    def reserved(self, data: bytes) -> None:
        """Ignore frames of unknown types."""

    def first(self, data: bytes) -> None:
        if len(data) < 8:
            return
        length, body = (data[0] & 0x0F) << 8 | data[1], data[2:]
        if length == 0:
            length, body = int.from_bytes(data[2:6], "big"), data[6:]
            if length <= 4095:
                return
        elif length < 8:
            return
        self.begin(length, body)

    def begin(self, length: int, body: bytes) -> None:
        self.reception = None
        if length > self.buffer_size:
            self.too_long()
            return
        self.reception, self.expected, self.sn = bytearray(body), length, 1
        self.grant()

    def too_long(self) -> None:
        self.put(b"\x32\x00\x00")

    def grant(self) -> None:
        self.block = self.block_size
        self.deadline_s = self.port.now_s + self.fc_delay_s + self.n_cr_s
        flow = bytes((0x30, self.block_size, self.stmin))
        if self.fc_delay_s:
            self.ecu.later(self.fc_delay_s, lambda: self.put(flow))
        else:
            self.put(flow)

    def consecutive(self, data: bytes) -> None:
        if self.reception is None:
            return
        missing = self.expected - len(self.reception)
        if self.port.now_s > self.deadline_s or not self.is_next(data[0] & 0x0F) or len(data) - 1 < min(7, missing):
            self.reception = None
            return
        self.reception += data[1 : 1 + missing]
        if missing <= 7:
            pdu, self.reception = bytes(self.reception), None
            self.ecu.deliver(self, pdu, False)
            return
        self.sn = (self.sn + 1) & 0x0F
        self.block -= 1
        self.deadline_s = self.port.now_s + self.n_cr_s
        if self.block == 0:
            self.grant()

    def is_next(self, sn: int) -> bool:
        return sn == self.sn

    # sending

    def send(self, pdu: bytes) -> None:
        if len(pdu) <= 7:
            self.put(bytes((len(pdu),)) + pdu)
            self.ecu.idle()
            return
        self.put((0x1000 | len(pdu)).to_bytes(2, "big") + pdu[:6])
        self.rest, self.tx_sn, self.waits = pdu[6:], 1, 0
        self.await_flow_control()

    def await_flow_control(self) -> None:
        self.awaits = True
        self.token += 1
        token = self.token
        self.ecu.later(self.n_bs_s, lambda: self.give_up() if token == self.token and self.awaits else None)

    def give_up(self) -> None:
        self.awaits, self.rest = False, b""
        self.token += 1
        self.ecu.idle()

    def flow_control(self, data: bytes) -> None:
        if not self.awaits or len(data) < 3:
            return
        status = data[0] & 0x0F
        if status == 0:
            self.awaits, self.waits = False, 0
            self.token += 1
            self.pump(data[1], self.pause_s(data[2]), self.token)
        elif status == 1 and self.waits < self.wait_limit:
            self.waits += 1
            self.await_flow_control()
        else:
            self.give_up()

    def pause_s(self, stmin: int) -> float:
        if 0xF1 <= stmin <= 0xF9:
            return (stmin - 0xF0) / 10_000
        return min(stmin, 0x7F) / 1000

    def pump(self, block: int, pause_s: float, token: int) -> None:
        if token != self.token:
            return
        left = block or -1
        while self.rest and left:
            self.put(bytes((0x20 | self.tx_sn,)) + self.rest[:7])
            self.tx_sn, self.rest = (self.tx_sn + 1) & 0x0F, self.rest[7:]
            left -= 1
            if pause_s and self.rest and left:
                self.ecu.later(pause_s + 0.0003, lambda left=left: self.pump(max(left, 0), pause_s, token))
                return
        if self.rest:
            self.await_flow_control()
        else:
            self.ecu.idle()


@dataclass(slots=True)
class Request:
    """A message, and by which way it came."""

    link: Transport
    pdu: bytes
    functional: bool
    must_answer: bool = False
    """Whether a response pending was sent, so that the final answer must not be suppressed."""


@dataclass(frozen=True, slots=True)
class Service:
    """In which sessions a service exists, and how short its requests may be; `subs` if it has sub-functions."""

    method: str
    sessions: tuple[int, ...] = ALL
    shortest: int = 2
    subs: tuple[int, ...] | None = None
    level: int = OPEN


@dataclass(frozen=True, slots=True)
class Record:
    """The content of a data identifier, and who may read and write it."""

    value: bytes
    write: int = NEVER
    read: int = OPEN
    lowest: bytes = b""
    highest: bytes = b""


@dataclass(slots=True)
class Pending:
    """A seed that waits for its key."""

    level: int
    seed: bytes
    link: Transport
    since_s: float


RAM, FLASH, DOWNLOAD = 0x2000_0000, 0x0800_0000, 0x0801_0000


class Limousine:
    """The sound limousine, as the standard describes it."""

    connections: tuple[tuple[int, int], ...] = ((0x6A0, 0x6A8),)
    functional_id: int | None = 0x7DF
    extended = False
    padding: int | None = 0xAA
    transport: type[Transport] = Transport
    periodic: tuple[tuple[int, float], ...] = ((0x0B1, 1.0), (0x0B2, 2.0))

    boot_s, s3_s, queue_size = 0.3, 5.0, 4
    levels: tuple[int, ...] = (1, 3)
    limit, delay_s = 3, 10.0
    seed_bytes, key_bytes = 16, 16

    services: Mapping[int, Service] = table(
        {
            0x10: Service("control", subs=(1, 2, 3)),
            0x11: Service("ecu_reset", subs=(1, 2, 3)),
            0x14: Service("clear_faults", (EXTENDED,), 4, level=1),
            0x19: Service("faults", subs=(0x01, 0x02, 0x0A)),
            0x22: Service("read", shortest=3),
            0x23: Service("read_memory", (PROGRAMMING, EXTENDED), 4, level=3),
            0x27: Service("security", (PROGRAMMING, EXTENDED)),
            0x28: Service("communication", (EXTENDED,), subs=(0, 1, 2, 3), level=1),
            0x2C: Service("define", (EXTENDED,), subs=(1, 3)),
            0x2E: Service("write", shortest=4),
            0x2F: Service("control_output", (EXTENDED,), 4),
            0x31: Service("routine", shortest=4),
            0x34: Service("request_download", (PROGRAMMING,), 4, level=3),
            0x36: Service("transfer", (PROGRAMMING,), level=3),
            0x37: Service("transfer_exit", (PROGRAMMING,), 1, level=3),
            0x3D: Service("write_memory", (PROGRAMMING, EXTENDED), 5, level=3),
            0x3E: Service("present", subs=(0,)),
            0x85: Service("fault_setting", (EXTENDED,), subs=(1, 2), level=1),
        }
    )
    with_subs = (0x10, 0x11, 0x19, 0x27, 0x28, 0x2C, 0x31, 0x3E, 0x85)
    records: Mapping[int, Record] = table(
        {
            0x0110: Record(b"\x20", OPEN, lowest=b"\x10", highest=b"\x64"),
            0x0120: Record(b"\x01\x02", OPEN),
            0x0210: Record(b"\x01\x80", 1, lowest=b"\x00\x00", highest=b"\x0f\xff"),
            0x0220: Record(b"KEYS", 1),
            0x0230: Record(b"TOP", 3),
            0x0240: Record(b"twenty bytes of data", 1),
            0x0310: Record(b"\x00"),
            0x0A55: Record(b"\x00\x00"),
            0x0D10: Record(b"hidden", read=1),
            0xF18C: Record(b"LIMO0042"),
            0xF190: Record(b"WLM00000000000042"),
            0xF1A0: Record(bytes(range(0x30, 0x30 + 60))),
        }
    )
    routines: Mapping[int, int] = table({0x0203: 1, 0x0301: OPEN, 0xFF00: 3})
    outputs: Mapping[int, int] = table({0x0310: 1})

    def __init__(self) -> None:
        self.values = {did: record.value for did, record in self.records.items()}
        self.failures = dict.fromkeys(self.levels, 0)
        self.faults_stored = [bytes.fromhex("01234529"), bytes.fromhex("C1550008")]
        self.memory = {start: bytearray(range(256)) for start in (RAM, FLASH, DOWNLOAD)}
        self.life = 0

    def attach(self, port: Port) -> None:
        self.port = port
        self.links = {request: self.transport(self, response) for request, response in self.connections}
        self.awake_s = port.now_s
        self.boot()

    def power_cycle(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.awake_s = self.port.now_s + self.boot_s
        self.boot()

    def boot(self) -> None:
        """Reset everything that is in RAM."""
        self.life += 1
        for link in self.links.values():
            link.reset()
        self.queue: deque[Request] = deque()
        self.busy = self.is_leaving = False
        self.is_mute = False
        self.is_watching = False
        self.heard_s = self.awake_s
        self.faults_are_stored = True
        self.delay_until_s = self.delays_at_boot()
        self.enter(DEFAULT)
        wait_s = self.awake_s - self.port.now_s
        for can_id, period_s in self.periodic:
            self.later(wait_s + period_s, lambda can_id=can_id, period_s=period_s: self.beat(can_id, period_s))

    def delays_at_boot(self) -> dict[int, float]:
        return {level: self.awake_s + self.delay_s for level, n in self.failures.items() if n}

    def later(self, delay_s: float, what: Callable[[], object]) -> None:
        """Call `what` after a time, unless the ECU restarts before."""
        life = self.life
        self.port.call_later(delay_s, lambda: what() if life == self.life else None)

    def beat(self, can_id: int, period_s: float) -> None:
        if not self.is_mute:
            self.send_frame(can_id, b"\x11\x22\x33\x44\x55\x66\x77\x88")
        self.later(period_s, lambda: self.beat(can_id, period_s))

    # frames

    def on_frame(self, frame: can.Message) -> None:
        if self.port.now_s < self.awake_s or not self.is_for_us(frame):
            return
        functional = frame.arbitration_id == self.functional_id
        link = self.link_of(frame)
        link.receive(bytes(frame.data), functional)

    def link_of(self, frame: can.Message) -> Transport:
        return self.links.get(frame.arbitration_id, self.links[self.connections[0][0]])

    def is_for_us(self, frame: can.Message) -> bool:
        if frame.is_remote_frame or frame.is_error_frame or frame.is_fd or frame.is_extended_id != self.extended:
            return False
        return frame.arbitration_id in self.links or frame.arbitration_id == self.functional_id

    def put(self, can_id: int, data: bytes) -> None:
        """Send one frame of ISO-TP."""
        if self.padding is not None:
            data = data.ljust(8, bytes((self.padding,)))
        self.send_frame(can_id, data)

    def send_frame(self, can_id: int, data: bytes) -> None:
        self.port.send(can.Message(arbitration_id=can_id, is_extended_id=self.extended, data=data))

    # requests, one after the other

    def deliver(self, link: Transport, pdu: bytes, functional: bool) -> None:
        if self.is_leaving or len(self.queue) >= self.queue_size:
            return
        self.queue.append(Request(link, pdu, functional))
        self.next()

    def next(self) -> None:
        if self.busy or not self.queue:
            return
        self.expire()
        self.busy = True
        request = self.queue.popleft()
        self.later(self.latency_s(request), lambda: self.execute(request))

    def latency_s(self, request: Request) -> float:
        return 0.002

    def execute(self, request: Request) -> None:
        self.finish(request, self.answer(request))

    def finish(self, request: Request, answer: bytes | None) -> None:
        self.heard_s = self.port.now_s
        if answer is None:
            self.idle()
        else:
            request.link.send(answer)

    def idle(self) -> None:
        """Note that the answer has been sent, or that there is none."""
        self.busy = False
        self.heard_s = self.port.now_s
        self.watch()
        self.next()

    def say_pending(self, request: Request) -> None:
        request.must_answer = True
        self.put(request.link.response_id, bytes((3, 0x7F, request.pdu[0], 0x78)))

    # the session's end

    def expire(self) -> None:
        if self.session != DEFAULT and not self.busy and self.port.now_s - self.heard_s > self.s3_s - 1e-6:
            self.session_timeout()

    def session_timeout(self) -> None:
        self.enter(DEFAULT)

    def watch(self) -> None:
        if self.session != DEFAULT and not self.is_watching:
            self.is_watching = True
            self.later(max(0.01, self.heard_s + self.s3_s - self.port.now_s), self.look)

    def look(self) -> None:
        self.is_watching = False
        self.expire()
        self.watch()

    def enter(self, session: int) -> None:
        self.session = session
        self.dynamic: dict[int, list[tuple[int, int, int]]] = {}
        self.download: tuple[int, int, int] | None = None
        self.started: set[int] = set()
        if session == DEFAULT:
            self.faults_are_stored = True
            self.restore_communication()
        self.relock()

    def restore_communication(self) -> None:
        self.is_mute = False

    def relock(self) -> None:
        self.unlocked: int | None = None
        self.owner: Transport | None = None
        self.pending: Pending | None = None

    # answers

    def answer(self, request: Request) -> bytes | None:
        self.request = request
        pdu = request.pdu
        try:
            reply = self.serve(pdu)
        except Refused as refused:
            return self.refuse(request, refused.args[0])
        is_suppressed = pdu[0] in self.with_subs and len(pdu) > 1 and pdu[1] & 0x80
        return None if is_suppressed and not request.must_answer else reply

    def refuse(self, request: Request, nrc: int) -> bytes | None:
        if request.functional and not request.must_answer and nrc in SILENT_WHEN_FUNCTIONAL:
            return None
        return self.negative(request.pdu, nrc)

    def negative(self, pdu: bytes, nrc: int) -> bytes:
        return bytes((0x7F, pdu[0], nrc))

    def serve(self, pdu: bytes) -> bytes | None:
        service = self.services.get(pdu[0])
        if service is None:
            return self.unsupported(pdu)
        if self.session not in service.sessions:
            self.not_in_session(pdu)
        if len(pdu) < service.shortest:
            return self.too_short(pdu)
        if pdu[0] in self.with_subs:
            pdu = pdu[:1] + bytes((pdu[1] & 0x7F,)) + pdu[2:]
        if service.subs is not None and pdu[1] not in service.subs:
            self.unknown_sub(pdu)
        if service.level != OPEN:
            self.guard_service(pdu, service.level)
        method: Callable[[bytes], bytes | None] = getattr(self, service.method)
        return method(pdu)

    def unsupported(self, pdu: bytes) -> bytes | None:
        raise Refused(0x11)

    def not_in_session(self, pdu: bytes) -> None:
        raise Refused(0x7F)

    def too_short(self, pdu: bytes) -> bytes | None:
        raise Refused(0x13)

    def unknown_sub(self, pdu: bytes) -> None:
        raise Refused(0x12)

    def guard_service(self, pdu: bytes, level: int) -> None:
        self.need(level)

    def need(self, level: int) -> None:
        if level == NEVER:
            raise Refused(0x31)
        if level != OPEN and not self.is_open(level):
            raise Refused(0x33)

    def is_open(self, level: int) -> bool:
        return self.unlocked == level and self.owner is self.request.link

    def exactly(self, pdu: bytes, length: int) -> None:
        if len(pdu) != length:
            raise Refused(0x13)

    # sessions, reset, presence

    def control(self, pdu: bytes) -> bytes:
        self.exactly(pdu, 2)
        self.enter(pdu[1])
        return bytes((0x50, pdu[1])) + b"\x00\x32\x01\xf4"

    def ecu_reset(self, pdu: bytes) -> bytes | None:
        self.exactly(pdu, 2)
        self.is_leaving = True
        self.later(0.01, self.restart)
        return b"\x51" + pdu[1:]

    def present(self, pdu: bytes) -> bytes | None:
        self.exactly(pdu, 2)
        return b"\x7e\x00"

    # data

    def read(self, pdu: bytes) -> bytes:
        if len(pdu) % 2 == 0 or len(pdu) > 17:
            raise Refused(0x13)
        dids = [int.from_bytes(pdu[at : at + 2], "big") for at in range(1, len(pdu), 2)]
        known = [did for did in dids if self.is_known(did)]
        if not known:
            return self.unknown_did(pdu)
        self.guard_read(known)
        told = b"\x62" + b"".join(did.to_bytes(2, "big") + self.value(did) for did in known)
        if len(told) > 4095:
            raise Refused(0x14)
        return told

    def unknown_did(self, pdu: bytes) -> bytes:
        raise Refused(0x31)

    def is_known(self, did: int) -> bool:
        return did in self.values or did in self.dynamic

    def guard_read(self, dids: list[int]) -> None:
        for did in dids:
            for source in self.sources(did):
                self.need(self.records[source].read)

    def sources(self, did: int) -> list[int]:
        return [source for source, _, _ in self.dynamic[did]] if did in self.dynamic else [did]

    def value(self, did: int) -> bytes:
        if did in self.dynamic:
            return b"".join(self.value(source)[at - 1 : at - 1 + size] for source, at, size in self.dynamic[did])
        if did == 0x0A55:
            return int(self.port.now_s * 10).to_bytes(4, "big")[2:]
        return self.values[did]

    def define(self, pdu: bytes) -> bytes:
        if len(pdu) < 4 and pdu != b"\x2c\x03":
            raise Refused(0x13)
        did = int.from_bytes(pdu[2:4], "big")
        if pdu != b"\x2c\x03" and did >> 8 != 0xF3:
            raise Refused(0x31)
        if pdu[1] == 3:
            if len(pdu) not in (2, 4):
                raise Refused(0x13)
            self.dynamic = {one: parts for one, parts in self.dynamic.items() if len(pdu) == 4 and one != did}
            return b"\x6c" + pdu[1:]
        if len(pdu) < 8 or len(pdu) % 4 or len(pdu) > 36:
            raise Refused(0x13)
        parts = [(int.from_bytes(pdu[at : at + 2], "big"), pdu[at + 2], pdu[at + 3]) for at in range(4, len(pdu), 4)]
        if not all(self.is_part(*part) for part in parts):
            raise Refused(0x31)
        self.guard_definition([source for source, _, _ in parts])
        self.dynamic[did] = [*self.dynamic.get(did, []), *parts]
        return b"\x6c" + pdu[1:4]

    def is_part(self, source: int, at: int, size: int) -> bool:
        return source in self.records and size > 0 and 0 < at <= len(self.value(source)) - size + 1

    def guard_definition(self, sources: list[int]) -> None:
        self.guard_read(sources)

    def write(self, pdu: bytes) -> bytes:
        did, value = int.from_bytes(pdu[1:3], "big"), pdu[3:]
        record = self.records.get(did)
        if record is None or record.write == NEVER:
            return self.not_writable(pdu, did, value)
        if len(value) != len(record.value):
            raise Refused(0x13)
        self.guard_write(did, record, value)
        self.check_range(did, record, value)
        self.values[did] = value
        return b"\x6e" + pdu[1:3]

    def not_writable(self, pdu: bytes, did: int, value: bytes) -> bytes:
        raise Refused(0x31)

    def guard_write(self, did: int, record: Record, value: bytes) -> None:
        self.need(record.write)

    def check_range(self, did: int, record: Record, value: bytes) -> None:
        if record.highest and not record.lowest <= value <= record.highest:
            raise Refused(0x31)

    def control_output(self, pdu: bytes) -> bytes:
        did = int.from_bytes(pdu[1:3], "big")
        if did not in self.outputs:
            raise Refused(0x31)
        if pdu[3] not in (0, 3) or len(pdu) != (5 if pdu[3] == 3 else 4):
            raise Refused(0x31 if pdu[3] not in (0, 3) else 0x13)
        self.need(self.outputs[did])
        self.values[did] = pdu[4:] or self.records[did].value
        return b"\x6f" + pdu[1:4] + self.values[did]

    # routines

    def routine(self, pdu: bytes) -> bytes | None:
        rid = int.from_bytes(pdu[2:4], "big")
        if rid not in self.routines:
            raise Refused(0x31)
        self.guard_routine(rid)
        if pdu[1] not in (1, 2, 3):
            raise Refused(0x12)
        self.exactly(pdu, 4)
        if pdu[1] == 1:
            self.started.add(rid)
        elif rid not in self.started:
            raise Refused(0x24)
        return b"\x71" + pdu[1:4] + b"\x00"

    def guard_routine(self, rid: int) -> None:
        self.need(self.routines[rid])

    # memory and transfer

    def place(self, pdu: bytes, at: int) -> tuple[int, int, int]:
        """Return address, size, and where both end, after an address-and-length format at `at`."""
        if len(pdu) <= at:
            raise Refused(0x13)
        sizes, addresses = pdu[at] >> 4, pdu[at] & 0x0F
        if addresses != 4 or sizes not in (1, 2, 4):
            raise Refused(0x31)
        end = at + 1 + addresses + sizes
        if len(pdu) < end:
            raise Refused(0x13)
        address = int.from_bytes(pdu[at + 1 : at + 5], "big")
        return address, int.from_bytes(pdu[at + 5 : end], "big"), end

    def region(self, address: int, size: int, allowed: tuple[int, ...]) -> tuple[bytearray, int]:
        for start in allowed:
            if start <= address and size > 0 and address + size <= start + 256:
                return self.memory[start], address - start
        raise Refused(0x31)

    def read_memory(self, pdu: bytes) -> bytes:
        address, size, end = self.place(pdu, 1)
        self.exactly(pdu, end)
        memory, at = self.region(address, size, (RAM, FLASH))
        return b"\x63" + memory[at : at + size]

    def write_memory(self, pdu: bytes) -> bytes:
        address, size, end = self.place(pdu, 1)
        self.exactly(pdu, end + size)
        memory, at = self.region(address, size, (RAM,))
        memory[at : at + size] = pdu[end:]
        return b"\x7d" + pdu[1:end]

    def request_download(self, pdu: bytes) -> bytes:
        address, size, end = self.place(pdu, 2)
        self.exactly(pdu, end)
        if pdu[1] != 0:
            raise Refused(0x31)
        self.region(address, size, (DOWNLOAD,))
        self.download = (address, size, 1)
        return b"\x74\x20\x00\x42"

    def transfer(self, pdu: bytes) -> bytes:
        if self.download is None:
            raise Refused(0x24)
        address, size, block = self.download
        if pdu[1] != block:
            raise Refused(0x73)
        data = pdu[2:]
        if not 0 < len(data) <= min(size, 0x40):
            raise Refused(0x13)
        memory, at = self.region(address, len(data), (DOWNLOAD,))
        memory[at : at + len(data)] = data
        self.download = (address + len(data), size - len(data), (block + 1) & 0xFF)
        return b"\x76" + pdu[1:2]

    def transfer_exit(self, pdu: bytes) -> bytes:
        self.exactly(pdu, 1)
        if self.download is None or self.download[1]:
            raise Refused(0x24)
        self.download = None
        return b"\x77"

    # faults and communication

    def faults(self, pdu: bytes) -> bytes:
        self.exactly(pdu, 2 if pdu[1] == 0x0A else 3)
        if pdu[1] == 0x01:
            return b"\x59\x01\x29\x01" + len(self.faults_stored).to_bytes(2, "big")
        return b"\x59" + pdu[1:2] + b"\x29" + b"".join(self.faults_stored)

    def clear_faults(self, pdu: bytes) -> bytes:
        self.exactly(pdu, 4)
        if pdu[1:] != b"\xff\xff\xff":
            raise Refused(0x31)
        self.faults_stored = []
        return b"\x54"

    def fault_setting(self, pdu: bytes) -> bytes:
        self.exactly(pdu, 2)
        self.faults_are_stored = pdu[1] == 1
        return b"\xc5" + pdu[1:2]

    def communication(self, pdu: bytes) -> bytes:
        self.exactly(pdu, 3)
        if pdu[2] not in (1, 2, 3):
            raise Refused(0x31)
        self.is_mute = pdu[1] in (1, 3) and pdu[2] != 2
        return b"\x68" + pdu[1:2]

    # security access

    def security(self, pdu: bytes) -> bytes | None:
        level = pdu[1] - (pdu[1] + 1) % 2
        if level not in self.levels_here():
            self.unknown_sub(pdu)
        if pdu[1] == level:
            return self.request_seed(pdu, level)
        return self.send_key(pdu, level)

    def levels_here(self) -> tuple[int, ...]:
        return self.levels

    def is_delayed(self, level: int) -> bool:
        until_s = self.delay_until_s.get(level)
        if until_s is None:
            return False
        if self.port.now_s < until_s:
            return True
        del self.delay_until_s[level]
        self.delay_over(level)
        return False

    def delay_over(self, level: int) -> None:
        self.failures[level] = 0

    def request_seed(self, pdu: bytes, level: int) -> bytes:
        self.exactly(pdu, 2)
        if self.is_open(level):
            return self.seed_when_open(pdu)
        if self.is_delayed(level):
            raise Refused(0x37)
        self.pending = Pending(level, self.new_seed(level), self.request.link, self.port.now_s)
        return b"\x67" + pdu[1:2] + self.pending.seed

    def seed_when_open(self, pdu: bytes) -> bytes:
        return b"\x67" + pdu[1:2] + bytes(self.seed_bytes)

    def new_seed(self, level: int) -> bytes:
        return self.port.random_bytes(self.seed_bytes)

    def send_key(self, pdu: bytes, level: int) -> bytes | None:
        if self.is_delayed(level):
            return self.key_in_delay(pdu, level)
        pending, self.pending = self.pending, None
        if pending is None or not self.is_pair(pending, level):
            return self.no_seed(pdu, level)
        if len(pdu) != 2 + self.key_bytes:
            return self.key_misfits(pdu, pending)
        if self.fits(pending.seed, level, pdu[2:]):
            self.unlock(level)
            return b"\x67" + pdu[1:2]
        self.wrong_key(level, pending)
        raise Refused(self.nrc_of_wrong_key(level))

    def key_in_delay(self, pdu: bytes, level: int) -> bytes | None:
        raise Refused(0x37)

    def is_pair(self, pending: Pending, level: int) -> bool:
        return pending.level == level and pending.link is self.request.link

    def no_seed(self, pdu: bytes, level: int) -> bytes | None:
        raise Refused(0x24)

    def key_misfits(self, pdu: bytes, pending: Pending) -> bytes | None:
        raise Refused(0x13)

    def key_of(self, seed: bytes, level: int) -> bytes:
        return key(seed, level)

    def fits(self, seed: bytes, level: int, sent: bytes) -> bool:
        return hmac.compare_digest(sent, self.key_of(seed, level))

    def unlock(self, level: int) -> None:
        self.unlocked, self.owner = level, self.request.link
        self.failures[level] = 0

    def wrong_key(self, level: int, pending: Pending) -> None:
        self.failures[level] += 1
        if self.failures[level] >= self.limit:
            self.delay_until_s[level] = self.port.now_s + self.delay_s

    def nrc_of_wrong_key(self, level: int) -> int:
        return 0x36 if level in self.delay_until_s else 0x35


class Coupe(Limousine):
    """There are no sessions: every service is always available, and an unlock ends after 30 s of silence."""

    idle_s = 30.0
    services = table(
        {
            sid: Service(one.method, ALL, one.shortest, one.subs, one.level)
            for sid, one in Limousine.services.items()
            if sid not in (0x10, 0x28, 0x34, 0x36, 0x37)
        }
    )

    def expire(self) -> None:
        if not self.busy and self.port.now_s - self.heard_s > self.idle_s:
            self.enter(DEFAULT)
