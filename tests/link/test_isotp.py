"""Prove each rule of ISO 15765-2 for a single endpoint, as sender and as receiver. Frames are hex."""

import random

import pytest

from harness.errors import IsoTpBusy
from harness.link.isotp import IsoTp, IsoTpConfig, IsoTpFault
from tests.steps import dialogues, play

PDU_20 = bytes(range(1, 21))
FF_20 = "1014 010203040506"
CF_20 = ("21 0708090a0b0c0d", "22 0e0f1011121314")
CTS = "300000"


def endpoint(**config: int | float | None) -> IsoTp:
    return IsoTp(IsoTpConfig(**config))  # type: ignore[arg-type]


def give(iso: IsoTp, *frames: str, at_s: float = 0.0, is_functional: bool = False) -> bytes | None:
    """Hand frames to an endpoint, all at one time; return the message that the last frame completed."""
    message = None
    for frame in frames:
        message = iso.receive(bytes.fromhex(frame), at_s, is_functional=is_functional)
    return message


def take(iso: IsoTp) -> list[str]:
    """Take the frames that the endpoint wants to send now, and return them in hex."""
    frames = [frame.hex() for frame in iso.outbox]
    iso.outbox.clear()
    return frames


def cf_numbers(iso: IsoTp) -> str:
    """Take the consecutive frames that the endpoint wants to send now; return their sequence numbers, e.g. "123"."""
    frames = take(iso)
    assert all(frame[0] == "2" for frame in frames)
    return "".join(frame[1] for frame in frames)


def sending(length: int = 100, **config: int | float | None) -> IsoTp:
    """Return an endpoint that has sent its first frame at 0 s and waits for the flow control."""
    iso = endpoint(**config)
    iso.send(bytes(length), 0.0)
    iso.outbox.clear()
    return iso


def receiving(*frames: str, **config: int | float | None) -> IsoTp:
    """Return an endpoint that has received, at 0 s, the first frame of 20 bytes and then `frames`."""
    iso = endpoint(**config)
    give(iso, FF_20, *frames)
    iso.outbox.clear()
    return iso


# --- as dialogues ---


def number(text: str) -> int | float:
    return float(text) if "." in text else int(text, 0)


class Endpoint:
    """An endpoint that is led by the steps of a dialogue; the time is 0 until a step such as ``at: 0.5`` sets it."""

    def __init__(self) -> None:
        self.iso, self.now_s = endpoint(), 0.0

    def do(self, step: str) -> str:
        """Carry out one step and return what it gave.

        A step is frames in hex, which give the message that the last frame completes; the name of an attribute, which gives
        its value; or an action.
        """
        words, _, rest = step.partition(": ")
        iso = self.iso
        match words:
            case "with":
                pairs = (setting.split("=") for setting in rest.split())
                self.iso = endpoint(**{name: number(value) for name, value in pairs})
            case "send":
                iso.send(bytes(int(rest)), self.now_s)
            case "send pdu":
                iso.send(bytes.fromhex(rest), self.now_s)
            case "at":
                self.now_s = float(rest)
            case "tick":
                iso.tick(self.now_s)
            case "reset":
                iso.reset()
            case "take":
                return " ".join(take(iso))
            case "numbers":
                return cf_numbers(iso)
            case "fault":
                return iso.fault.name if iso.fault is not None else "none"
            case "is_sending" | "is_receiving" | "deadline_s":
                return str(getattr(iso, words))
            case "to all":
                return (give(iso, *rest.split(), at_s=self.now_s, is_functional=True) or b"").hex()
            case _:
                return (give(iso, *step.split(), at_s=self.now_s) or b"").hex()
        return ""


FF, CF1, CF2 = (frame.replace(" ", "") for frame in (FF_20, *CF_20))
FIRST = f"{FF} > nothing | take"
"""The first frame of a message of 20 bytes arrives, and is answered with a flow control."""
WHOLE = PDU_20.hex()
FIRST_OUT = "send: 100 | take"
"""The first frame of a message of 100 bytes has been sent."""
SHORT_OUT = "send: 20 | take"
WAIT, CLEAR = "310000", "3000000000000000"


SENDING = f"""
a single frame is sent at once
    send pdu: 3e00 | is_sending > False | deadline_s > None
eight bytes leave as a first frame
    send pdu: 0001020304050607 > nothing | take > 1008000102030405
4095 bytes leave with a length of twelve bits
    send: 4095 | take > 1fff000000000000
4096 bytes leave with the escape and a length of 32 bits
    send pdu: {"aa" * 4096} | take > 100000001000aaaa
consecutive frames wait for a flow control
    send pdu: {WHOLE} | at: 0.9 | tick | take > {FF}
consecutive frames carry what the first left
    send pdu: {WHOLE} | take | {CTS} | take > {CF1} {CF2}
a message is sent when its last frame is in the outbox
    {SHORT_OUT} | {CTS} | is_sending > False | deadline_s > None | fault > none
sequence numbers begin at one and wrap from fifteen to zero
    send: {6 + 7 * 18} | take | {CTS} | numbers > 123456789abcdef012
sequence numbers go on over blocks
    send: {6 + 7 * 4} | take | 300200 300200 | numbers > 1234
sequence numbers of the next message begin at one again
    {SHORT_OUT} | {CTS} | take | {SHORT_OUT} | {CTS} | numbers > 12
"""
FLOW_CONTROL = f"""
block size limits the frames until the next flow control
    {FIRST_OUT} | 300300 | numbers > 123
each flow control sets the block size anew
    {FIRST_OUT} | 300100 300400 | numbers > 12345
a block that ends with the message wants no further flow control
    {SHORT_OUT} | 300200 | is_sending > False
a flow control of three bytes is heard
    {SHORT_OUT} | 300000 | numbers > 12
bytes after the third of a flow control say nothing
    {SHORT_OUT} | 300000ffffffffff | numbers > 12
a flow control that nobody waits for is ignored
    {CTS} 310000 320000 3f0000 | take > nothing | is_sending > False | fault > none
the peer's overflow aborts
    {FIRST_OUT} | 320000 | take > nothing | is_sending > False | fault > OVERFLOW
an aborted transmission is not continued
    {FIRST_OUT} | 320000 {CTS} | take > nothing
no flow control in time aborts
    with: n_bs_s=0.25 | {FIRST_OUT} | at: 0.25 | tick | is_sending > False | deadline_s > None | fault > TIMEOUT_BS
the wait for a flow control is not cut short
    with: n_bs_s=0.25 | {FIRST_OUT} | at: 0.2499 | tick | is_sending > True | deadline_s > 0.25
a late flow control is not heard though no tick came
    {FIRST_OUT} | at: 1.1 | {CTS} | take > nothing | fault > TIMEOUT_BS
the wait for the next flow control begins with the block's end
    {FIRST_OUT} | at: 0.5 | 300200 | deadline_s > 1.5
the wait for a flow control counts from the end of the first frame
    with: frame_time_s=0.25 | {FIRST_OUT} | deadline_s > 1.25
the wait for a flow control counts from the end of the block
    with: frame_time_s=0.25 | {FIRST_OUT} | at: 0.5 | 300300 | deadline_s > {0.5 + 3 * 0.25 + 1.0}
wait starts the wait anew
    {FIRST_OUT} | at: 0.75 | {WAIT} | take > nothing | deadline_s > 1.75 | fault > none
clear to send after wait goes on
    {SHORT_OUT} | {WAIT} {CTS} | numbers > 12
as many waits as the limit are borne
    with: wait_limit=3 | {SHORT_OUT} | {WAIT} {WAIT} {WAIT} {CTS} | numbers > 12
one wait more than the limit aborts
    with: wait_limit=3 | {SHORT_OUT} | {WAIT} {WAIT} {WAIT} {WAIT} | is_sending > False | fault > WAIT_LIMIT
only waits in a row are counted
    with: wait_limit=3 | {SHORT_OUT} | {WAIT} {WAIT} {WAIT} 300100 {WAIT} {WAIT} {WAIT} 300100 | numbers > 12
waits of an aborted message do not count for the next
    with: wait_limit=3 | {SHORT_OUT} | {WAIT} {WAIT} {WAIT} {WAIT} | {SHORT_OUT} | {WAIT} {WAIT} {WAIT} {CTS} | numbers > 12
"""
SEPARATION_TIME = f"""
STmin holds back the next frame until it is due
    {FIRST_OUT} | 300014 | take | at: 0.0199 | tick | take > nothing
a due consecutive frame leaves on tick
    {FIRST_OUT} | 300014 | take | at: 0.020 | tick | numbers > 2
a late tick does not send two frames closer than STmin
    {FIRST_OUT} | 300014 | take | at: 0.5 | tick | numbers > 2 | deadline_s > 0.52
the time of the frame itself is added to STmin
    with: frame_time_s=0.25 | {FIRST_OUT} | at: 0.5 | 300014 | deadline_s > {0.5 + 0.25 + 0.020}
each flow control sets STmin anew
    {FIRST_OUT} | 300114 300300 | numbers > 1234
STmin holds across a flow control
    {FIRST_OUT} | 300114 | take | at: 0.005 | 300114 | take > nothing | deadline_s > 0.02
the first consecutive frame of the next message is not held back
    send: 13 | take | 30007f | at: 0.010 | send: 13 | take | at: 0.020 | 30007f | numbers > 1
"""
RECEIVING = f"""
a single frame carries up to seven bytes
    0701020304050607 > 01020304050607
a first frame is answered with block size and STmin of the config
    with: block_size=5 stmin=0xF3 | {FF} | take > 3005f30000000000
a message in three frames arrives whole
    {FF} {CF1} {CF2} > {WHOLE}
the shortest segmented message has eight bytes
    1008010203040506 210708 > {WHOLE[:16]}
a finished reception leaves nothing under way
    {FIRST} | {CF1} {CF2} | is_receiving > False | deadline_s > None | fault > none
an escape for a longer message is granted if there is room
    with: max_length=4096 | 1000000010000102 | take > {CLEAR}
a message of the longest length is granted
    with: max_length=20 | {FF} | take > {CLEAR}
a refused message is not collected
    with: max_length=19 | {FF} {CF1} {CF2} > nothing
a repeated consecutive frame aborts
    {FIRST} | {CF1} {CF1} | is_receiving > False | fault > WRONG_SN
an aborted reception is not continued
    {FIRST} | {CF2} | {CF1} {CF2} > nothing
a consecutive frame that nobody waits for is ignored
    212e101077 > nothing | take > nothing | fault > none
a short consecutive frame before the last is ignored
    {FIRST} | 21070809 | {CF1} {CF2} > {WHOLE}
a short frame does not prolong the wait
    {FIRST} | at: 0.5 | 21070809 | deadline_s > 1.0
a last consecutive frame may be as short as its content
    1009010203040506 21070809 > {WHOLE[:18]}
a last consecutive frame shorter than its content is ignored
    1009010203040506 | 210708 > nothing | is_receiving > True
no block size grants the rest with one flow control
    {FIRST} | {CF1} {CF2} | take > nothing
a block that ends with the message is not followed by a flow control
    with: block_size=2 | {FIRST} | {CF1} {CF2} | take > nothing
no consecutive frame in time aborts
    with: n_cr_s=0.25 | {FIRST} | at: 0.25 | tick | is_receiving > False | deadline_s > None | fault > TIMEOUT_CR
the wait for a consecutive frame is not cut short
    with: n_cr_s=0.25 | {FIRST} | at: 0.2499 | tick | is_receiving > True | deadline_s > 0.25
a consecutive frame just in time is taken
    {FIRST} | {CF1} | at: 0.9 | {CF2} > {WHOLE}
a late consecutive frame is not taken though no tick came
    {FIRST} | {CF1} | at: 1.1 | {CF2} > nothing | fault > TIMEOUT_CR
each consecutive frame starts the wait anew
    {FIRST} | at: 0.75 | {CF1} | deadline_s > 1.75
a late single frame is a message and the old reception timed out
    {FIRST} | at: 1.1 | 023e00 > 3e00 | fault > TIMEOUT_CR
a single frame during a reception is a message
    {FIRST} | {CF1} | 03221010 > 221010
a single frame during a reception ends it
    {FIRST} | {CF1} | 03221010 | is_receiving > False | deadline_s > None | fault > UNEXPECTED_PDU
a first frame during a reception starts anew
    {FIRST} | 21ffffffffffffff | {FF} {CF1} {CF2} > {WHOLE}
a first frame during a reception is noted as a fault
    {FIRST} | {FF} | fault > UNEXPECTED_PDU
a refused first frame during a reception ends it
    with: max_length=20 | {FIRST} | 1fff010203040506 | {CF1} {CF2} > nothing
a thousand half-open receptions do not stand in the way
    {FIRST} | {" ".join([FF] * 1000)} | 03221010 > 221010
"""
FUNCTIONAL = f"""
a functional single frame is a message
    to all: 023e00 > 3e00
a functional first frame is ignored
    to all: {FF} | take > nothing | is_receiving > False
a functional consecutive frame is ignored
    {FIRST} | {CF1} | to all: {CF2} > nothing | is_receiving > True
a functional flow control is ignored
    {FIRST_OUT} | to all: {CTS} | take > nothing
a functional single frame leaves a reception alone
    {FIRST} | {CF1} | to all: 023e80 | {CF2} > {WHOLE}
"""
BOTH_DIRECTIONS = f"""
a message arrives while another is sent
    {FIRST_OUT} | 300100 {FF} {CF1} | 300100 {CF2} > {WHOLE}
a single frame is sent during a reception
    {FIRST} | {CF1} | send pdu: 3e80 | {CF2} > {WHOLE}
the deadline is the earlier of both directions
    with: n_bs_s=0.5 n_cr_s=0.25 | {FIRST_OUT} | {FF} | deadline_s > 0.25
a reception that times out leaves the transmission alone
    with: n_cr_s=0.25 | {SHORT_OUT} | {FF} | take | at: 0.5 | tick | {CTS} | numbers > 12
a transmission that times out leaves the reception alone
    with: n_bs_s=0.25 | {SHORT_OUT} | {FF} | at: 0.5 | tick | {CF1} {CF2} > {WHOLE}
a message clears the fault when it is sent
    {FIRST} | {CF2} | send pdu: 3e | fault > none
a long message clears the fault when it is sent
    {FIRST} | {CF2} | send: 20 | fault > none
a reset forgets the reception
    {FIRST} | {CF1} | reset | {CF2} > nothing | is_receiving > False | deadline_s > None
a reset forgets the transmission
    {FIRST_OUT} | reset | {CTS} | take > nothing | is_sending > False | deadline_s > None
a reset forgets frames that were not taken yet
    send pdu: 3e | reset | take > nothing
a reset forgets the fault
    {FIRST} | {CF2} | reset | fault > none
"""


@pytest.mark.parametrize(
    "steps",
    [
        *(one for text in (SENDING, FLOW_CONTROL, SEPARATION_TIME) for one in dialogues(text)),
        *(one for text in (RECEIVING, FUNCTIONAL, BOTH_DIRECTIONS) for one in dialogues(text)),
    ],
)
def test_an_endpoint(steps: str) -> None:
    play(steps, Endpoint().do)


# --- sending: the frames ---


@pytest.mark.parametrize(
    ("pdu", "frame"),
    [("3e", "013e000000000000"), ("221010", "0322101000000000"), ("01020304050607", "0701020304050607")],
)
def test_up_to_seven_bytes_leave_as_one_single_frame(pdu: str, frame: str) -> None:
    iso = endpoint()
    iso.send(bytes.fromhex(pdu), 0.0)
    assert take(iso) == [frame]


@pytest.mark.parametrize(
    ("padding", "frames"),
    [
        (0xCC, ["0122cccccccccccc", "1009010203040506", "21070809cccccccc", "300000cccccccccc", "320000cccccccccc"]),
        (None, ["0122", "1009010203040506", "21070809", "300000", "320000"]),
    ],
)
def test_padding_fills_every_frame_or_none(padding: int | None, frames: list[str]) -> None:
    iso = endpoint(padding=padding)
    iso.send(b"\x22", 0.0)
    iso.send(PDU_20[:9], 0.0)
    give(iso, CTS, FF_20, "1000 00100000 0000")
    assert take(iso) == frames


def test_an_empty_message_is_refused() -> None:
    with pytest.raises(ValueError, match="a message of 0 bytes"):
        endpoint().send(b"", 0.0)


def test_a_message_beyond_32_bits_of_length_is_refused() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 2**32

    with pytest.raises(ValueError, match="a message of 4294967296 bytes"):
        endpoint().send(Huge(), 0.0)


def test_the_owner_may_change_its_buffer_after_sending() -> None:
    iso = endpoint()
    buffer = bytearray(b"\x11" * 9)
    iso.send(buffer, 0.0)
    buffer[:] = b"\x22" * 9
    iso.outbox.clear()
    give(iso, CTS)
    assert take(iso) == ["2111111100000000"]


@pytest.mark.parametrize("pdu", [b"\x3e", bytes(20)])
def test_a_second_message_during_a_transmission_is_refused(pdu: bytes) -> None:
    with pytest.raises(IsoTpBusy, match="20 bytes are in transmission"):
        sending(20).send(pdu, 0.0)


def test_a_refused_second_message_leaves_the_first_intact() -> None:
    iso = sending(20)
    with pytest.raises(IsoTpBusy):
        iso.send(b"\x3e", 0.0)
    give(iso, CTS)
    assert cf_numbers(iso) == "12"


# --- sending: what a flow control says ---


def test_block_size_zero_releases_the_whole_message() -> None:
    iso = sending(4095)
    give(iso, CTS)
    assert len(iso.outbox) == 585


@pytest.mark.parametrize("frame", ["30", "3000", "32", "3200", "3f00", "3100"])
def test_a_flow_control_shorter_than_three_bytes_is_ignored(frame: str) -> None:
    iso = sending(20)
    give(iso, frame)
    assert (iso.outbox, iso.deadline_s, iso.fault) == ([], 1.0, None)


@pytest.mark.parametrize("frame", ["300100", "320000", "3f0000", "310000"])
def test_a_flow_control_inside_a_block_is_ignored(frame: str) -> None:
    iso = sending(48)  # six consecutive frames
    give(iso, "30000a")
    give(iso, frame, at_s=0.005)
    for step in range(1, 6):
        iso.tick(step * 0.010)
    assert cf_numbers(iso) == "123456"


@pytest.mark.parametrize("status", range(3, 16))
def test_a_reserved_flow_status_aborts(status: int) -> None:
    iso = sending()
    give(iso, f"3{status:x}0000")
    assert (iso.outbox, iso.is_sending, iso.fault) == ([], False, IsoTpFault.INVALID_FS)


# --- sending: separation time ---


@pytest.mark.parametrize(
    ("raw", "gap_s"),
    [
        *((1, 0.001), (0x14, 0.020), (0x7F, 0.127)),
        *((0xF1, 0.0001), (0xF5, 0.0005), (0xF9, 0.0009)),
        *((0x80, 0.127), (0xF0, 0.127), (0xFA, 0.127), (0xFF, 0.127)),  # reserved
    ],
)
def test_stmin_is_the_gap_after_a_consecutive_frame(raw: int, gap_s: float) -> None:
    iso = sending()
    give(iso, f"3000{raw:02x}")
    assert (cf_numbers(iso), iso.deadline_s) == ("1", gap_s)


def test_an_owner_that_waits_from_now_to_the_deadline_need_not_wait_again() -> None:
    now_s = 1_760_000_000.3  # a wall clock: its steps are 0.2 microseconds
    iso = endpoint()
    iso.send(bytes(4095), now_s)
    give(iso, "3000f1", at_s=now_s)
    for _ in range(584):
        assert iso.deadline_s is not None
        now_s += iso.deadline_s - now_s - 2e-7
        iso.tick(now_s)
    assert len(iso.outbox) == 1 + 585


# --- receiving: single frames ---


@pytest.mark.parametrize("frame", ["03221010", "0322101055", "0322101000000000", "03221010ffffffff"])
def test_a_single_frame_is_a_message_whatever_its_padding(frame: str) -> None:
    assert give(endpoint(), frame) == b"\x22\x10\x10"


@pytest.mark.parametrize("frame", ["0322101000000000", "07 01020304050607"])
def test_a_message_is_bytes_even_if_the_frame_is_a_bytearray(frame: str) -> None:
    assert type(endpoint().receive(bytearray.fromhex(frame), 0.0)) is bytes


@pytest.mark.parametrize("frame", ["00", "0022101000000000"])
def test_a_single_frame_of_length_zero_is_ignored(frame: str) -> None:
    assert give(endpoint(), frame) is None


@pytest.mark.parametrize("length", range(8, 16))
def test_a_single_frame_longer_than_seven_is_ignored(length: int) -> None:
    assert give(endpoint(), f"{length:02x}22101000000000") is None


@pytest.mark.parametrize("frame", ["01", "03 2210", "07 221010", "07 010203040506"])
def test_a_single_frame_longer_than_its_frame_is_ignored(frame: str) -> None:
    assert give(endpoint(), frame) is None


def test_an_empty_data_field_is_ignored() -> None:
    iso = endpoint()
    assert (give(iso, ""), iso.outbox) == (None, [])


@pytest.mark.parametrize("frame", ["03 2210100000000000", "00 0a 01020304050607080900", "1014 01020304050607"])
def test_a_data_field_longer_than_eight_bytes_is_ignored(frame: str) -> None:
    iso = endpoint()
    assert (give(iso, frame), iso.outbox) == (None, [])


@pytest.mark.parametrize("kind", range(4, 16))
def test_a_reserved_kind_of_frame_is_ignored(kind: int) -> None:
    iso = receiving()
    assert (give(iso, f"{kind:x}322101000000000"), iso.outbox, iso.is_receiving) == (None, [], True)


@pytest.mark.parametrize("kind", range(4, 16))
def test_a_reserved_kind_of_frame_is_no_flow_control(kind: int) -> None:
    iso = sending()
    give(iso, f"{kind:x}00000")
    assert (iso.outbox, iso.deadline_s, iso.fault) == ([], 1.0, None)


# --- receiving: first frames ---


@pytest.mark.parametrize("length", range(1, 8))
def test_a_first_frame_shorter_than_eight_is_ignored(length: int) -> None:
    iso = endpoint()
    give(iso, f"10{length:02x}2e1010555555")
    assert (iso.outbox, iso.is_receiving) == ([], False)


@pytest.mark.parametrize("frame", ["10", "1014", "1014 0102030405", "1000 00002000 00"])
def test_a_first_frame_in_less_than_eight_bytes_is_ignored(frame: str) -> None:
    iso = endpoint(max_length=10_000)
    give(iso, frame)
    assert (iso.outbox, iso.is_receiving) == ([], False)


@pytest.mark.parametrize("length", [0, 5, 8, 4095])
def test_an_escape_for_a_length_of_twelve_bits_is_ignored(length: int) -> None:
    iso = endpoint(max_length=10_000)
    give(iso, f"1000{length:08x}0102")
    assert (iso.outbox, iso.is_receiving) == ([], False)


@pytest.mark.parametrize("frame", ["1015010203040506", "1fff010203040506", "1000000010000102", "1000ffffffffffff"])
def test_a_message_longer_than_max_length_is_refused_with_overflow(frame: str) -> None:
    iso = endpoint(max_length=20)
    give(iso, frame)
    assert (take(iso), iso.is_receiving, iso.fault) == (["3200000000000000"], False, IsoTpFault.TOO_LONG)


# --- receiving: consecutive frames ---


def test_received_sequence_numbers_wrap_from_fifteen_to_zero() -> None:
    frames = [f"2{number % 16:x}{number:02x}ffffffffffff" for number in range(1, 19)]
    message = give(endpoint(), f"10{6 + 7 * 18:02x}000000000000", *frames)
    assert message is not None
    assert message[6::7] == bytes(range(1, 19))


@pytest.mark.parametrize("number", [0, *range(2, 16)])
def test_a_first_consecutive_frame_numbered_other_than_one_aborts(number: int) -> None:
    iso = receiving(f"2{number:x} 01020304050607")
    assert (iso.is_receiving, iso.deadline_s, iso.fault) == (False, None, IsoTpFault.WRONG_SN)


@pytest.mark.parametrize("padding", ["", "55", "aaaaaaaa"])
def test_padding_of_the_last_consecutive_frame_is_no_content(padding: str) -> None:
    assert give(endpoint(), "1009 010203040506", "21 070809" + padding) == PDU_20[:9]


def test_each_block_is_granted_by_a_flow_control() -> None:
    frames = [f"2{number % 16:x}00000000000000" for number in range(1, 5)]
    iso = endpoint(block_size=2)
    grants = []
    for frame in (f"10{6 + 7 * 5:02x}000000000000", *frames):
        give(iso, frame)
        grants.append(len(take(iso)))
    assert grants == [1, 0, 1, 0, 1]


# --- receiving: one message inside another ---


@pytest.mark.parametrize("frame", ["0022101000", "0f22101000000000", "1005 010203040506", "1014 01", "1000 00000005 0102"])
def test_an_invalid_start_during_a_reception_leaves_it_alone(frame: str) -> None:
    assert give(receiving(CF_20[0], frame), CF_20[1]) == PDU_20


# --- both directions, faults, reset ---


def test_a_message_is_sent_while_another_arrives() -> None:
    iso = sending(20)
    give(iso, "300100", FF_20, CF_20[0], "300100")
    assert [frame[:2] for frame in take(iso)] == ["21", "30", "22"]


@pytest.mark.parametrize("config", [{"padding": 256}, {"block_size": 256}, {"stmin": -1}])
def test_a_config_that_is_no_byte_is_refused(config: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="range"):
        endpoint(**config)


# --- at random, from a printed seed ---


def carry(sender: IsoTp, receiver: IsoTp, pdu: bytes) -> tuple[bytes | None, float]:
    """Send a message from one endpoint to another in memory; return what arrived and the virtual time that it took."""
    now_s, message = 0.0, None
    sender.send(pdu, now_s)
    for _ in range(5_000):
        while sender.outbox or receiver.outbox:
            to_receiver, to_sender = sender.outbox[:], receiver.outbox[:]
            sender.outbox.clear()
            receiver.outbox.clear()
            for frame in to_receiver:
                message = receiver.receive(frame, now_s) or message
            for frame in to_sender:
                sender.receive(frame, now_s)
        deadlines_s = [iso.deadline_s for iso in (sender, receiver) if iso.deadline_s is not None]
        if not deadlines_s:
            return message, now_s
        now_s = min(deadlines_s)
        sender.tick(now_s)
        receiver.tick(now_s)
    raise AssertionError("still under way")


@pytest.mark.parametrize("seed", range(60))
def test_any_message_crosses_between_any_two_endpoints(seed: int) -> None:
    rng = random.Random(seed)
    sender = endpoint(padding=rng.choice([None, 0x00, 0xCC]))
    receiver = endpoint(
        padding=rng.choice([None, 0x55]), block_size=rng.choice([0, 1, 2, 15, 255]), stmin=rng.randrange(256)
    )
    pdu = rng.randbytes(rng.choice([rng.randint(1, 20), rng.randint(1, 300), rng.randint(1, 4095)]))
    message, _ = carry(sender, receiver, pdu)
    assert (message, sender.fault, receiver.fault) == (pdu, None, None)


def test_a_message_beyond_4095_bytes_crosses() -> None:
    pdu = random.Random(1).randbytes(70_001)
    message, _ = carry(endpoint(), endpoint(block_size=7, max_length=70_001), pdu)
    assert message == pdu


def test_stmin_sets_the_time_that_a_message_takes() -> None:
    _, took_s = carry(endpoint(), endpoint(block_size=3, stmin=20), bytes(6 + 7 * 10))
    assert took_s == pytest.approx(9 * 0.020)


@pytest.mark.parametrize("seed", range(20))
def test_no_sequence_of_frames_raises(seed: int) -> None:
    rng = random.Random(seed)
    iso, now_s = endpoint(block_size=rng.randrange(4), max_length=200), 0.0
    for _ in range(2_000):
        now_s += rng.choice([0.0, 0.0, 0.001, 0.3])
        size = rng.choice([8, 8, 8, *range(10)])
        pci = rng.choice([0x00, 0x10, 0x20, 0x30, 0xF0]) | rng.randrange(16)
        iso.receive((bytes((pci,)) + rng.randbytes(10))[:size], now_s, is_functional=rng.random() < 0.1)
        if not iso.is_sending and rng.random() < 0.3:
            iso.send(rng.randbytes(rng.randint(1, 60)), now_s)
    assert all(0 < len(frame) <= 8 for frame in iso.outbox)
