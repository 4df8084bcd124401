"""Twenty ECUs with one flaw each that only fuzzing finds: the hardened ECU with a line or two changed."""

import can

from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.rules import EcuDied
from harness.ecu.server import Server

PROTECTED = 0x2020
SERIAL_NUMBER = 0xF18C
SPILLED = b"spilled over    "


class Flawed(Server):
    """Answers as the sound server does where `flawed_answers` gives None."""

    def answer(self, pdu: bytes, *, is_functional: bool = False) -> list[bytes]:
        self.now_s = self.surroundings.now_s
        answers = None if self.now_s < self.state.ready_s or not pdu else self.flawed_answers(pdu)
        return super().answer(pdu, is_functional=is_functional) if answers is None else answers

    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        raise NotImplementedError


def node(server: type[Flawed]) -> UdsNode:
    return UdsNode(server(HARDENED))


class _Counting(Flawed):
    """Counts something until it loses its supply."""

    count = 0

    def power_cycle(self) -> None:
        super().power_cycle()
        self.count = 0


class _Remembering(Flawed):
    """Remembers what it was asked last until it loses its supply."""

    last: tuple[bytes, ...] = ()

    def power_cycle(self) -> None:
        super().power_cycle()
        self.last = ()

    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        self.last = (*self.last[-2:], pdu)
        return self.after(*self.last) if len(self.last) > 1 else None

    def after(self, *asked: bytes) -> list[bytes] | None:
        raise NotImplementedError


# Messages of one shape


class _DiesOnOneShape(Flawed):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu[0] == 0x2F and len(pdu) == 5:
            raise EcuDied("a control record of one byte")
        return None


def dies_on_one_shape() -> UdsNode:
    """2F with exactly five bytes."""
    return node(_DiesOnOneShape)


class _RestartsOnOneSubFunction(Flawed):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu[:2] == b"\x19\x42" and len(pdu) == 5:
            self.power_cycle()
            self.state.ready_s += 1.0
            return []
        return None


def restarts_on_one_sub_function() -> UdsNode:
    """19 42 with three more bytes lets the watchdog bite."""
    return node(_RestartsOnOneSubFunction)


class _ShortKeyUnlocks(Flawed):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu[:2] == b"\x27\x02" and len(pdu) == 5 and self.state.seed:
            self.state.forget_seed()
            self.state.unlocked_level = 1
            return [b"\x7f\x27\x13"]
        return None


def malformed_length_unlocks() -> UdsNode:
    """A key of three bytes is refused, and opens the level."""
    return node(_ShortKeyUnlocks)


class _RecordUnlocks(Flawed):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu[:2] == b"\x27\x01" and len(pdu) == 10:
            self.state.unlocked_level = 1
        return None


def record_unlocks() -> UdsNode:
    """A request for a seed with a record of eight bytes opens the level."""
    return node(_RecordUnlocks)


class _LongValueSpills(Flawed):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu[:3] == b"\x2e\x10\x10" and len(pdu) == 5:
            self.state.values[PROTECTED] = bytes((pdu[4] ^ 0x5A,))
            return [b"\x7f\x2e\x13"]
        return None


def long_value_spills_over() -> UdsNode:
    """A write of two bytes to 1010, which has one, is refused, and the second is stored in 2020."""
    return node(_LongValueSpills)


class _RefusesTwice(Flawed):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu[0] == 0x22 and len(pdu) == 9:
            return [b"\x7f\x22\x13", b"\x7f\x22\x31"]
        return None


def refuses_four_identifiers_twice() -> UdsNode:
    """A read of four identifiers is refused with 13, and then with 31."""
    return node(_RefusesTwice)


# Long messages


class _LongWriteKills(Flawed):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu[0] == 0x2E and len(pdu) > 0x100:
            raise EcuDied("a buffer of 256 bytes")
        return None


def segmented_write_kills() -> UdsNode:
    return node(_LongWriteKills)


class _LongWriteSpills(Flawed):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        if pdu[0] == 0x2E and len(pdu) > 0x40:
            self.state.values[SERIAL_NUMBER] = SPILLED
        return None


def segmented_write_spills_over() -> UdsNode:
    """What is longer than 64 bytes runs into the serial number."""
    return node(_LongWriteSpills)


class _CompletesHalfAnIdentifier(_Remembering):
    def after(self, *asked: bytes) -> list[bytes] | None:
        *_, before, pdu = asked
        if pdu[0] == 0x22 and len(pdu) == 2 and len(before) > 2:
            return Server.answer(self, pdu + before[2:3])
        return None


def completes_half_an_identifier() -> UdsNode:
    """A read of half a DID is served with the third byte of the request before it as the other half."""
    return node(_CompletesHalfAnIdentifier)


# Sequences of messages


class _ThreeStepsUnlock(_Remembering):
    def after(self, *asked: bytes) -> list[bytes] | None:
        services = [pdu[0] for pdu in asked]
        if services == [0x10, 0x22, 0x27] and asked[0] == b"\x10\x03":
            self.state.unlocked_level = 1
        return None


def three_steps_unlock() -> UdsNode:
    """10 03, any read, any 27: level 1 is open."""
    return node(_ThreeStepsUnlock)


class _TwoSessionsUnlock(_Remembering):
    def after(self, *asked: bytes) -> list[bytes] | None:
        if asked[-2:] == (b"\x10\x02", b"\x10\x03"):
            answers = Server.answer(self, asked[-1])
            self.state.unlocked_level = 1
            return answers
        return None


def programming_then_extended_unlocks() -> UdsNode:
    return node(_TwoSessionsUnlock)


class _SuppressedSeedUnlocks(_Remembering):
    def after(self, *asked: bytes) -> list[bytes] | None:
        if asked[-2][:2] == b"\x27\x81" and asked[-1][:2] == b"\x27\x02":
            self.state.unlocked_level = 1
            return [b"\x7f\x27\x35"]
        return None


def suppressed_seed_takes_any_key() -> UdsNode:
    return node(_SuppressedSeedUnlocks)


# What grows and wraps


class _CounterWraps(_Counting):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        self.count = self.count + 1 if pdu[0] == 0x3E else 0
        if self.count == 256:
            self.state.unlocked_level = 1
        return None


def counter_wraps() -> UdsNode:
    """After 256 times 3E in a row level 1 is open."""
    return node(_CounterWraps)


class _RefusalsKill(_Counting):
    def flawed_answers(self, pdu: bytes) -> list[bytes] | None:
        self.count += pdu[:2] == b"\x31\x01"
        if self.count == 64:
            raise EcuDied("a table of 64 routines")
        return None


def refused_routines_kill() -> UdsNode:
    """The 64th routine that is started is the last, though each was refused."""
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
    """Each frame leaks; the 5001st is the last."""
    return _Leaks(Server(HARDENED))


# Frames


class _Framed(UdsNode):
    """Remembers the last two frames that were sent to it until it loses its supply."""

    last: tuple[bytes, ...] = ()

    def power_cycle(self) -> None:
        super().power_cycle()
        self.last = ()

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id == self.request_id and frame.data and self.ecu.surroundings.now_s >= self.ecu.state.ready_s:
            self.last = (*self.last[-1:], bytes(frame.data))
            self.look(*self.last)
        super().on_frame(frame)

    def look(self, *frames: bytes) -> None:
        raise NotImplementedError


class _SkippedNumberKills(_Framed):
    def look(self, *frames: bytes) -> None:
        if len(frames) > 1 and frames[0][0] >> 4 == 1 and frames[1][0] == 0x22:
            raise EcuDied("the place of a frame that has not come")


def skipped_sequence_number_kills() -> UdsNode:
    """Consecutive frame 2 behind a first frame."""
    return _SkippedNumberKills(Server(HARDENED))


class _EscapedLengthKills(_Framed):
    def look(self, *frames: bytes) -> None:
        if frames[-1][:3] == b"\x10\x00\x00":
            raise EcuDied("a length of 32 bits")


def escaped_length_kills() -> UdsNode:
    return _EscapedLengthKills(Server(HARDENED))


class _LongSingleFrameKills(_Framed):
    def look(self, *frames: bytes) -> None:
        if frames[-1][0] == 0x0F:
            raise EcuDied("fifteen bytes of eight")


def overlong_single_frame_kills() -> UdsNode:
    return _LongSingleFrameKills(Server(HARDENED))


class _ReservedFlowStatusKills(_Framed):
    def look(self, *frames: bytes) -> None:
        if frames[-1][0] == 0x33:
            raise EcuDied("a table of three entries")


def reserved_flow_status_kills() -> UdsNode:
    return _ReservedFlowStatusKills(Server(HARDENED))


class _AbortedReceptionUnlocks(_Framed):
    def look(self, *frames: bytes) -> None:
        if len(frames) > 1 and frames[0][0] >> 4 == 1 and frames[1][:1] == b"\x02" and frames[1][1:2] == b"\x3e":
            self.ecu.state.unlocked_level = 1


def aborted_reception_unlocks() -> UdsNode:
    """A message of several frames that TesterPresent cuts short opens level 1."""
    return _AbortedReceptionUnlocks(Server(HARDENED))


TWENTY = (
    dies_on_one_shape, restarts_on_one_sub_function, malformed_length_unlocks, record_unlocks, long_value_spills_over,
    refuses_four_identifiers_twice, segmented_write_kills, segmented_write_spills_over, completes_half_an_identifier,
    three_steps_unlock, programming_then_extended_unlocks, suppressed_seed_takes_any_key, counter_wraps,
    refused_routines_kill, leak_kills, skipped_sequence_number_kills, escaped_length_kills, overlong_single_frame_kills,
    reserved_flow_status_kills, aborted_reception_unlocks,
)  # fmt: skip
