"""Twenty ECUs, each with one flaw that only fuzzing finds: the hardened ECU with a line or two changed."""

from pathlib import Path

import can

from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.rules import EcuDied
from harness.ecu.server import Server
from harness.target.user_code import load_file

made = load_file(Path(__file__).with_name("flawed.py"), "campaign_nodes.py")
Answers, Flawed, flawed = made.Answers, made.Flawed, made.flawed
framed, node, remembering = made.framed, made.node, made.remembering

PROTECTED = 0x2020
SERIAL_NUMBER = 0xF18C
SPILLED = b"spilled over    "


class _Counting(Flawed):
    """A server that counts something until its power is cut."""

    count = 0

    def power_cycle(self) -> None:
        super().power_cycle()
        self.count = 0


# Messages of one shape


@flawed
def dies_on_one_shape(ecu: Server, pdu: bytes) -> Answers:
    """The ECU dies at a request of 2F with exactly five bytes."""
    if pdu[0] == 0x2F and len(pdu) == 5:
        raise EcuDied("a control record of one byte")
    return None


@flawed
def restarts_on_one_sub_function(ecu: Server, pdu: bytes) -> Answers:
    """19 42 with three more bytes makes the watchdog restart the ECU."""
    if pdu[:2] == b"\x19\x42" and len(pdu) == 5:
        ecu.power_cycle()
        ecu.state.ready_s += 1.0
        return []
    return None


@flawed
def malformed_length_unlocks(ecu: Server, pdu: bytes) -> Answers:
    """A key of three bytes is refused, and opens the level."""
    if pdu[:2] == b"\x27\x02" and len(pdu) == 5 and ecu.state.seed:
        ecu.state.forget_seed()
        ecu.state.unlocked_level = 1
        return [b"\x7f\x27\x13"]
    return None


@flawed
def record_unlocks(ecu: Server, pdu: bytes) -> Answers:
    """A request for a seed with a record of eight bytes opens the level."""
    if pdu[:2] == b"\x27\x01" and len(pdu) == 10:
        ecu.state.unlocked_level = 1
    return None


@flawed
def long_value_spills_over(ecu: Server, pdu: bytes) -> Answers:
    """A write of two bytes to 1010, which has one, is refused, and the second is stored in 2020."""
    if pdu[:3] == b"\x2e\x10\x10" and len(pdu) == 5:
        ecu.state.values[PROTECTED] = bytes((pdu[4] ^ 0x5A,))
        return [b"\x7f\x2e\x13"]
    return None


@flawed
def refuses_four_identifiers_twice(ecu: Server, pdu: bytes) -> Answers:
    """A read of four identifiers is refused with 13, and then with 31."""
    if pdu[0] == 0x22 and len(pdu) == 9:
        return [b"\x7f\x22\x13", b"\x7f\x22\x31"]
    return None


# Long messages


@flawed
def segmented_write_kills(ecu: Server, pdu: bytes) -> Answers:
    if pdu[0] == 0x2E and len(pdu) > 0x100:
        raise EcuDied("a buffer of 256 bytes")
    return None


@flawed
def segmented_write_spills_over(ecu: Server, pdu: bytes) -> Answers:
    """The end of a request longer than 64 bytes overwrites the serial number."""
    if pdu[0] == 0x2E and len(pdu) > 0x40:
        ecu.state.values[SERIAL_NUMBER] = SPILLED
    return None


@remembering
def completes_half_an_identifier(ecu: Server, *asked: bytes) -> Answers:
    """A read of half a DID is served; the missing byte is the third byte of the request before."""
    *_, before, pdu = asked
    if pdu[0] == 0x22 and len(pdu) == 2 and len(before) > 2:
        return Server.answer(ecu, pdu + before[2:3])
    return None


# Sequences of messages


@remembering
def three_steps_unlock(ecu: Server, *asked: bytes) -> Answers:
    """After 10 03, any read and any 27, level 1 is open."""
    services = [pdu[0] for pdu in asked]
    if services == [0x10, 0x22, 0x27] and asked[0] == b"\x10\x03":
        ecu.state.unlocked_level = 1
    return None


@remembering
def programming_then_extended_unlocks(ecu: Server, *asked: bytes) -> Answers:
    if asked[-2:] == (b"\x10\x02", b"\x10\x03"):
        answers = Server.answer(ecu, asked[-1])
        ecu.state.unlocked_level = 1
        return answers
    return None


@remembering
def suppressed_seed_takes_any_key(ecu: Server, *asked: bytes) -> Answers:
    if asked[-2][:2] == b"\x27\x81" and asked[-1][:2] == b"\x27\x02":
        ecu.state.unlocked_level = 1
        return [b"\x7f\x27\x35"]
    return None


# What grows and wraps


class _CounterWraps(_Counting):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        self.count = self.count + 1 if pdu[0] == 0x3E else 0
        if self.count == 256:
            self.state.unlocked_level = 1
        return None


def counter_wraps() -> UdsNode:
    """After 256 requests of 3E in a row level 1 is open."""
    return node(_CounterWraps)


class _RefusalsKill(_Counting):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        self.count += pdu[:2] == b"\x31\x01"
        if self.count == 64:
            raise EcuDied("a table of 64 routines")
        return None


def refused_routines_kill() -> UdsNode:
    """The ECU dies at the 64th request to start a routine, though each was refused."""
    return node(_RefusalsKill)


class _Leaks(UdsNode):
    frames = 0

    def power_cycle(self) -> None:
        super().power_cycle()
        self.frames = 0

    def on_frame(self, frame: can.Message) -> None:
        self.frames += frame.arbitration_id == self.request_id
        if self.frames > 5000:
            raise EcuDied("no memory is left")
        super().on_frame(frame)


def leak_kills() -> UdsNode:
    """Each frame leaks memory; the ECU dies at the 5001st."""
    return _Leaks(Server(HARDENED))


# Frames


@framed
def skipped_sequence_number_kills(ecu: UdsNode, *frames: bytes) -> None:
    """The ECU dies at a consecutive frame with number 2 directly after a first frame."""
    if len(frames) > 1 and frames[0][0] >> 4 == 1 and frames[1][0] == 0x22:
        raise EcuDied("the place of a frame that has not come")


@framed
def escaped_length_kills(ecu: UdsNode, *frames: bytes) -> None:
    if frames[-1][:3] == b"\x10\x00\x00":
        raise EcuDied("a length of 32 bits")


@framed
def overlong_single_frame_kills(ecu: UdsNode, *frames: bytes) -> None:
    if frames[-1][0] == 0x0F:
        raise EcuDied("fifteen bytes of eight")


@framed
def reserved_flow_status_kills(ecu: UdsNode, *frames: bytes) -> None:
    if frames[-1][0] == 0x33:
        raise EcuDied("a table of three entries")


@framed
def aborted_reception_unlocks(ecu: UdsNode, *frames: bytes) -> None:
    """A message of several frames that TesterPresent cuts short opens level 1."""
    if len(frames) > 1 and frames[0][0] >> 4 == 1 and frames[1][:1] == b"\x02" and frames[1][1:2] == b"\x3e":
        ecu.ecu.state.unlocked_level = 1


TWENTY = (
    dies_on_one_shape, restarts_on_one_sub_function, malformed_length_unlocks, record_unlocks, long_value_spills_over,
    refuses_four_identifiers_twice, segmented_write_kills, segmented_write_spills_over, completes_half_an_identifier,
    three_steps_unlock, programming_then_extended_unlocks, suppressed_seed_takes_any_key, counter_wraps,
    refused_routines_kill, leak_kills, skipped_sequence_number_kills, escaped_length_kills, overlong_single_frame_kills,
    reserved_flow_status_kills, aborted_reception_unlocks,
)  # fmt: skip
