"""ECUs, for `path.py:factory`, with flaws that fuzz cases must find: the hardened ECU with a line or two changed."""

from dataclasses import replace
from pathlib import Path

import can

from harness.ecu.config import EcuConfig
from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.rules import EcuDied
from harness.ecu.server import Server
from harness.simulation.node import Port
from harness.target.user_code import load_file

made = load_file(Path(__file__).with_name("flawed.py"), "nodes.py")
Answers, Factory, Flawed = made.Answers, made.Factory, made.Flawed
flawed, node = made.flawed, made.node

PROTECTED = 0x2020
OPEN = 0x1010
FOREVER = 1e9


# Flaws of malformed requests


@flawed
def reads_what_is_missing(ecu: Server, pdu: bytes) -> Answers:
    """Half a DID is doubled, so that 22 10 reads 1010."""
    if pdu[0] != 0x22 or len(pdu) != 2:
        return None
    return Server.answer(ecu, pdu + pdu[1:])


@flawed
def ignores_what_follows_a_read(ecu: Server, pdu: bytes) -> Answers:
    return Server.answer(ecu, pdu[:3]) if pdu[0] == 0x22 and len(pdu) > 3 else None


@flawed
def dies_on_long_read(ecu: Server, pdu: bytes) -> Answers:
    if pdu[0] == 0x22 and len(pdu) > 12:
        raise EcuDied("a buffer of twelve bytes")
    return None


@flawed
def stores_what_is_missing(ecu: Server, pdu: bytes) -> Answers:
    """A write without data stores zeros, and is refused."""
    if pdu[0] != 0x2E or len(pdu) != 3:
        return None
    did = int.from_bytes(pdu[1:], "big")
    if did not in ecu.state.values:
        return None
    ecu.state.values[did] = bytes(len(ecu.state.values[did]))
    return [b"\x7f\x2e\x13"]


@flawed
def any_level_writes(ecu: Server, pdu: bytes) -> Answers:
    if pdu[0] == 0x2E and pdu[1:3] == b"\x20\x20" and len(pdu) == 4 and ecu.state.unlocked_level:
        ecu.state.values[PROTECTED] = pdu[3:]
        return [b"\x6e\x20\x20"]
    return None


class _IgnoresFrameTypes(UdsNode):
    def on_frame(self, frame: can.Message) -> None:
        if frame.data and frame.data[0] >> 4 > 3:
            frame.data[0] = len(frame.data) - 1
        super().on_frame(frame)


def ignores_frame_types() -> UdsNode:
    """A frame that is no frame of ISO-TP is taken for a single frame."""
    return _IgnoresFrameTypes(Server(HARDENED))


def answering_long_reads(*answers: bytes, times: int = 1_000, config: EcuConfig = HARDENED) -> Factory:
    """Make an ECU that gives these answers to the first reads of 1010 that have one byte too many, `times` of them."""

    class Ecu(Flawed):
        count = 0

        def flawed_answers(self, pdu: bytes) -> Answers:
            if pdu[:3] != b"\x22\x10\x10" or len(pdu) != 4 or self.count >= times:
                return None
            self.count += 1
            return list(answers)

    return lambda: node(Ecu, config)


ignores_long_reads = answering_long_reads()
answers_a_long_read_for_another_service = answering_long_reads(b"\x63\x10\x10")
answers_a_long_read_twice = answering_long_reads(b"\x7f\x22\x13", b"\x7f\x22\x31", config=replace(HARDENED, pending_s=0.001))
ignores_the_first_long_read = answering_long_reads(times=1)


# Flaws of SecurityAccess


@flawed
def dies_on_seed_record(ecu: Server, pdu: bytes) -> Answers:
    if pdu[:2] == b"\x27\x01" and len(pdu) > 20:
        raise EcuDied("a buffer of twenty bytes")
    return None


def reserved_level_gives_seeds() -> UdsNode:
    first = HARDENED.levels[0]
    return UdsNode(Server(replace(HARDENED, levels=(*HARDENED.levels, replace(first, level=0x43)))))


@flawed
def empty_key_unlocks(ecu: Server, pdu: bytes) -> Answers:
    if pdu == b"\x27\x02" and ecu.state.seed:
        ecu.state.forget_seed()
        ecu.state.unlocked_level = 1
        return [b"\x67\x02"]
    return None


# Flaws that only what holds after every message shows: the answers are those of a sound ECU


@flawed
def read_of_one_did_unlocks(ecu: Server, pdu: bytes) -> Answers:
    """A read of 004D, which does not exist, is refused, and opens level 1."""
    if pdu == b"\x22\x00\x4d":
        ecu.state.unlocked_level = 1
    return None


class _ReadOfOneDidWritesSerialNumber(Flawed):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu == b"\x22\x00\x4d":
            self.state.values[0xF18C] = b"overwritten     "
        return None


def read_of_one_did_writes_serial_number() -> UdsNode:
    return node(_ReadOfOneDidWritesSerialNumber)


class _ReadOfOneDidWritesForGood(_ReadOfOneDidWritesSerialNumber):
    def power_cycle(self) -> None:
        serial_number = self.state.values[0xF18C]
        super().power_cycle()
        self.state.values[0xF18C] = serial_number


def read_of_one_did_writes_for_good() -> UdsNode:
    """A read of one DID overwrites the serial number for good."""
    return node(_ReadOfOneDidWritesForGood)


class _ReadOfOneDidKills(Flawed):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu == b"\x22\x00\x4d":
            raise EcuDied("an address that is not there")
        return None


def read_of_one_did_kills() -> UdsNode:
    return node(_ReadOfOneDidKills)


class _ReadOfOneDidKillsLater(UdsNode):
    def on_frame(self, frame: can.Message) -> None:
        super().on_frame(frame)
        if frame.arbitration_id == 0x740 and frame.data[:4] == b"\x03\x22\x00\x4d":
            self.port.call_later(0.001, self.ecu_dies)

    def ecu_dies(self) -> None:
        self.ecu.state.ready_s = FOREVER


def read_of_one_did_kills_later() -> UdsNode:
    """The read is answered, and a millisecond later the ECU is dead."""
    return _ReadOfOneDidKillsLater(Server(HARDENED))


@flawed
def read_of_one_did_restarts(ecu: Server, pdu: bytes) -> Answers:
    """The ECU stops at the read, and two seconds later the watchdog has restarted it."""
    if pdu == b"\x22\x00\x4d":
        ecu.power_cycle()
        ecu.state.ready_s += 2.0
        return []
    return None


class _DiesForGoodOnce(Flawed):
    died = False

    def power_cycle(self) -> None:
        ready_s = FOREVER if self.died else 0.0
        super().power_cycle()
        self.state.ready_s = max(self.state.ready_s, ready_s)

    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu == b"\x22\x00\x4d":
            self.died = True
            self.state.ready_s = FOREVER
            return []
        return None


def read_of_one_did_kills_for_good() -> UdsNode:
    """The ECU dies at the read, and no power cycle helps."""
    return node(_DiesForGoodOnce)


class _DiesOnce(Flawed):
    died = False

    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu == b"\x22\x00\x4d" and not self.died:
            self.died = True
            raise EcuDied("a coincidence")
        return None


def dies_once() -> UdsNode:
    """A message kills the ECU once; the same message does no harm the second time."""
    return node(_DiesOnce)


# ECUs that must not be blamed


@flawed
def always_unlocked(ecu: Server, pdu: bytes) -> Answers:
    """The ECU is open from the start, and nothing locks it."""
    ecu.state.unlocked_level = 1
    return None


class _Counts(Flawed):
    count = 0

    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu == b"\x22\x20\x20":
            self.count += 1
            self.state.values[PROTECTED] = bytes((self.count // 2 & 0xFF,))
        return None


def value_changes_by_itself() -> UdsNode:
    """The value of 2020 counts up, though the target does not say so."""
    return node(_Counts)


class _Drifts(UdsNode):
    """A server whose value of 2020 counts up twenty times a second."""

    def attach(self, port: Port) -> None:
        super().attach(port)
        self._tick()

    def power_cycle(self) -> None:
        super().power_cycle()
        self._tick()

    def _tick(self) -> None:
        self.ecu.state.values[PROTECTED] = bytes((int(self.port.now_s * 20) & 0xFF,))
        self.port.call_later(0.05, self._tick)


def value_drifts() -> UdsNode:
    return _Drifts(Server(HARDENED))


class _CountsRequests(Flawed):
    count = 0

    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        self.count += 1
        self.state.values[PROTECTED] = bytes((self.count // 50 & 0xFF,))
        return None


def value_counts_requests() -> UdsNode:
    """The value of 2020 counts up at every fiftieth request."""
    return node(_CountsRequests)


class _SingleFramesOnly(UdsNode):
    def on_frame(self, frame: can.Message) -> None:
        if not frame.data or frame.data[0] >> 4 != 1:
            super().on_frame(frame)


def takes_single_frames_only() -> UdsNode:
    return _SingleFramesOnly(Server(HARDENED))


class _FirstFrameKills(UdsNode):
    def on_frame(self, frame: can.Message) -> None:
        if frame.data and frame.data[0] >> 4 == 1:
            raise EcuDied("no room for more than one frame")
        super().on_frame(frame)


def first_frame_kills() -> UdsNode:
    return _FirstFrameKills(Server(HARDENED))


class _AnswersTwice(UdsNode):
    def _flush(self) -> None:
        for data in list(self.isotp.outbox):
            echo = can.Message(arbitration_id=0x748, is_extended_id=False, data=data)
            self.port.call_later(0.02, lambda echo=echo: self.port.send(echo))
        super()._flush()


def answers_twice() -> UdsNode:
    """Every frame is sent a second time after 20 ms."""
    return _AnswersTwice(Server(HARDENED))


class _Chatters(UdsNode):
    def attach(self, port: Port) -> None:
        super().attach(port)
        self._chat()

    def power_cycle(self) -> None:
        super().power_cycle()
        self._chat()

    def _chat(self) -> None:
        self.port.send(can.Message(arbitration_id=0x748, is_extended_id=False, data=b"\xf0\x00"))
        self.port.call_later(0.05, self._chat)


def chatters() -> UdsNode:
    return _Chatters(Server(HARDENED))


def all_zero(seed: bytes, level: int) -> bytes:
    """Return a key of zeros, which is not the ECU's."""
    return bytes(16)


def low_bit(seed: bytes, level: int) -> bytes:
    """Return a key of one bit, which every second guess hits."""
    return bytes((seed[-1] & 1,))


def one_byte_keys() -> UdsNode:
    first = replace(HARDENED.levels[0], key=low_bit, seed_bytes=4, key_bytes=1)
    return UdsNode(Server(replace(HARDENED, levels=(first, *HARDENED.levels[1:]))))
