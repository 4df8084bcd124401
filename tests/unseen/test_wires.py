"""Prove the crane's and the loom's own ISO-TP against frames that are wrong, late, foreign or unexpected."""

import can
import pytest

from tests.unseen.bench import Bench
from tests.unseen.crane.crane import key as crane_key
from tests.unseen.crane.crane_services import FullCrane
from tests.unseen.loom.loom import key as loom_key
from tests.unseen.loom.loom_services import FullLoom

DIDS = {"crane": (b"\x31\x01", b"\x01\x2c"), "loom": (b"\x07\x01", b"\x5a")}
"""By ECU: an open DID, and its value."""


@pytest.fixture(params=["crane", "loom"])
def ecu(request) -> Bench:
    b = Bench(FullCrane(), crane_key) if request.param == "crane" else Bench(FullLoom(), loom_key)
    b.did, b.value = DIDS[request.param]
    return b


def frames(b: Bench, *data: bytes, can_id: int | None = None, wait_s: float = 0.2) -> list[bytes]:
    """Send frames as they are; return the ECU's answers."""
    b.frames.clear()
    for one in data:
        is_long = b.pairs[0][0] > 0x7FF
        b.node.on_frame(can.Message(arbitration_id=can_id or b.pairs[0][0], is_extended_id=is_long, data=one))
        b.wait(0.001)
    b.wait(wait_s)
    return [bytes(frame.data) for frame in b.frames]


@pytest.mark.parametrize("first", [0x00, *range(0x08, 0x10), *range(0x40, 0x100, 0x10), 0x21, 0x30])
def test_wrong_first_bytes_are_ignored(ecu, first):
    assert frames(ecu, bytes((first, 0x22)) + ecu.did + bytes(4)) == []


@pytest.mark.parametrize("size", range(4))
def test_a_single_frame_that_is_too_short_is_ignored(ecu, size):
    assert frames(ecu, (b"\x03\x22" + ecu.did)[:size]) == []


@pytest.mark.parametrize("size", range(4, 9))
def test_any_size_that_holds_the_request_will_do(ecu, size):
    assert frames(ecu, (b"\x03\x22" + ecu.did + bytes(4))[:size])[0][1:4] == b"\x62" + ecu.did


@pytest.mark.parametrize("start", ["1000", "1007", "100000000005", "100000000FFF"])
def test_first_frames_of_messages_too_short_get_no_flow_control(ecu, start):
    assert frames(ecu, bytes.fromhex(start).ljust(8, b"\x00")) == []


@pytest.mark.parametrize("start", ["1FFF", "100000001000", "1000FFFFFFFF"])
def test_messages_too_long_are_refused(ecu, start):
    assert frames(ecu, bytes.fromhex(start).ljust(8, b"\x01"))[0][:1] == b"\x32"


def read_many(b: Bench, count: int = 6) -> list[bytes]:
    """Return the frames of a request that reads one DID several times."""
    pdu = b"\x22" + b.did * count
    return [bytes((0x10, len(pdu))) + pdu[:6]] + [
        bytes((0x21 + n,)) + pdu[6 + 7 * n : 13 + 7 * n] for n in range(len(pdu) // 7)
    ]


def test_a_request_in_several_frames_is_answered(ecu):
    said = frames(ecu, *read_many(ecu))
    assert [one[0] >> 4 for one in said] == [3, 1]


def test_a_wrong_number_ends_the_message(ecu):
    first, *rest = read_many(ecu)
    assert len(frames(ecu, first, bytes((0x22,)) + rest[0][1:], *rest)) == 1


def test_a_late_frame_ends_the_message(ecu):
    first, *rest = read_many(ecu)
    frames(ecu, first)
    ecu.wait(1.5)
    assert frames(ecu, *rest) == []


def test_a_single_frame_ends_a_message_and_is_answered(ecu):
    first, *rest = read_many(ecu)
    said = frames(ecu, first, b"\x03\x22" + ecu.did + bytes(4), *rest)
    assert [one[0] >> 4 for one in said] == [3, 0]


def test_functional_messages_have_one_frame(ecu):
    functional = ecu.node.functional_id
    assert frames(ecu, *read_many(ecu), can_id=functional) == []
    assert frames(ecu, b"\x03\x22" + ecu.did + bytes(4), can_id=functional)[0][1:2] == b"\x62"
    assert frames(ecu, b"\x03\x22\x12\x34\x00\x00\x00\x00", can_id=functional) == []
    assert frames(ecu, b"\x01\xba\x00\x00\x00\x00\x00\x00", can_id=functional) == []


@pytest.mark.parametrize("flow", ["32 00 00", "33 00 00", "3F 00 00", "30", ""])
def test_after_a_wrong_or_no_flow_control_the_answer_is_given_up(ecu, flow):
    frames(ecu, *read_many(ecu))
    assert frames(ecu, bytes.fromhex(flow), wait_s=1.2) == []
    assert frames(ecu, b"\x30\x00\x00\x00\x00\x00\x00\x00") == []
    assert frames(ecu, b"\x03\x22" + ecu.did + bytes(4))[0][1:4] == b"\x62" + ecu.did


def test_waiting_has_an_end(ecu):
    frames(ecu, *read_many(ecu))
    for _ in range(20):
        assert frames(ecu, b"\x31\x00\x00") == []
    assert frames(ecu, b"\x30\x00\x00") == []


@pytest.mark.parametrize(("stmin", "gap_s"), [(0x14, 0.02), (0xF5, 0.0005), (0x80, 0.127), (0xFA, 0.127)])
def test_blocks_and_pauses_are_kept(ecu, stmin, gap_s):
    frames(ecu, *read_many(ecu, 9))
    start_s = ecu.now_s
    times = []
    ecu.send = lambda frame: times.append(ecu.now_s - start_s)
    frames(ecu, bytes((0x30, 2, stmin)), wait_s=0.5)
    assert len(times) == 2
    assert times[1] - times[0] == pytest.approx(gap_s)
    frames(ecu, bytes((0x30, 0, 0)), wait_s=0.5)
    assert len(times) > 2


@pytest.mark.parametrize("kind", [{"is_remote_frame": True}, {"is_fd": True}, {"is_extended_id": None}])
def test_other_kinds_of_frames_are_ignored(ecu, kind):
    is_long = ecu.pairs[0][0] > 0x7FF
    settings = {"is_extended_id": is_long} | kind
    if settings["is_extended_id"] is None:
        settings["is_extended_id"] = True
        if is_long:
            pytest.skip("the loom's ids have 29 bits")
    data = None if settings.get("is_remote_frame") else b"\x03\x22" + ecu.did + bytes(4)
    ecu.frames.clear()
    ecu.node.on_frame(can.Message(arbitration_id=ecu.pairs[0][0], data=data, **settings))
    ecu.wait(0.2)
    assert ecu.frames == []


def test_every_answer_is_padded_alike(ecu):
    pads = set()
    for request in ("22 1234", "3E 00", "10 03", "27 7D", "2E 0000 00"):
        frame = frames(ecu, bytes.fromhex("0" + str(len(bytes.fromhex(request))) + request.replace(" ", "")))[0]
        assert len(frame) == 8
        pads |= set(frame[1 + frame[0] :])
    assert len(pads) == 1


@pytest.mark.parametrize(
    ("request_hex", "said"),
    [
        ("BA", "7F BA 11"),
        ("83", ("7F 83 11", "7F 83 7F")),
        ("10", "7F 10 13"),
        ("10 7E", "7F 10 12"),
        ("10 03 00", "7F 10 13"),
        ("3E", "7F 3E 13"),
        ("3E 05", "7F 3E 12"),
        ("3E 80", ""),
        ("22", "7F 22 13"),
        ("22 10", "7F 22 13"),
        ("22 F123", "7F 22 31"),
        ("2E F123 00", "7F 2E 31"),
        ("27 01", "7F 27 7F"),
        ("27", "7F 27 7F"),
        ("27 7D", "7F 27 7F"),
        ("11 01 00", "7F 11 13"),
        ("11 7E", "7F 11 12"),
        ("11 FE", "7F 11 12"),
    ],
)
def test_refusals_follow_the_usual_order(ecu, request_hex, said):
    assert ecu.ask(request_hex) in (said if isinstance(said, tuple) else (said,))
