"""Prove that discovery finds which frames an ECU wants: 29-bit ids, CAN FD, padding, announced answers."""

from dataclasses import replace

import pytest

from harness.buses import open_link
from harness.discovery.addresses import IdPair
from harness.discovery.discover import Found, discover
from harness.discovery.usual_ids import usual_ids
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import load_text, unknown_target
from harness.verdict import Depth

NODES = "tests.discovery.nodes"
ONE_ID = [(0x740, False)]


def found(channel: str, ids: list[tuple[int, bool]] | None = None, **can: object) -> tuple[Found, Trace]:
    trace = Trace()
    link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=trace, chance=Chance(1))
    target = unknown_target(interface="uds-sim", channel=channel)
    target = replace(target, can=replace(target.can, **can))  # type: ignore[arg-type]
    (one,) = discover(link, target, candidates=ids, depth=Depth.QUICK, pace_s=0.001).ecus
    return one, trace


LONG_IDS = [one for one in usual_ids() if one[1]]


@pytest.mark.parametrize(
    ("channel", "request_id", "response_id", "functional_id"),
    [
        ("hardened+extended_ids", 0x18DA40F1, 0x18DAF140, 0x18DB33F1),
        (f"{NODES}:of_a_truck", 0x18DA00F9, 0x18DAF900, None),
        (f"{NODES}:of_another_priority", 0x14DA80F1, 0x14DAF180, None),
        (f"{NODES}:of_a_group_of_makers", 0x17FC0076, 0x17FE0076, None),
    ],
)
def test_29_bit_ids_are_found_where_makers_put_them(
    channel: str, request_id: int, response_id: int, functional_id: int | None
) -> None:
    can = load_text(found(channel, LONG_IDS)[0].text, "found").can
    assert (can.request_id, can.response_id, can.functional_id) == (request_id, response_id, functional_id)
    assert can.extended_ids is True


@pytest.mark.parametrize(
    ("channel", "takes", "answers"),
    [
        ("hardened+can_fd", True, True),
        (f"{NODES}:only_flexible", True, True),
        (f"{NODES}:answering_classic", True, False),
        ("hardened", False, False),
        ("article", False, False),
    ],
)
def test_on_a_bus_for_fd_it_is_found_who_speaks_it(channel: str, takes: bool, answers: bool) -> None:
    one, _ = found(channel, ONE_ID, fd=True, data_bitrate=2_000_000)
    assert (one.ecu.takes_fd, one.ecu.answers_in_fd) == (takes, answers)
    can = load_text(one.text, "found").can
    assert (can.fd, can.data_bitrate) == ((True, 2_000_000) if answers else (False, None))
    assert one.map.identifiers, "it is spoken to in frames that it understands"


def test_on_a_classic_bus_no_fd_frame_is_sent() -> None:
    one, trace = found("hardened+can_fd", ONE_ID)
    assert one.ecu.takes_fd is None
    assert not [frame for frame in trace.frames(0, trace.count) if frame.is_sent and frame.is_fd]


@pytest.mark.parametrize(
    ("channel", "says"),
    [("hardened+pad_aa", "filled up with 0xAA"), ("hardened+unpadded", "as short as its content")],
)
def test_what_fills_its_frames_is_told(channel: str, says: str) -> None:
    one, _ = found(channel, ONE_ID)
    assert one.ecu.pair.filling == says
    assert f"# Its answer was {says}." in one.text


@pytest.mark.parametrize("answer", ["", "00", "FF FF FF FF FF FF FF FF", "10 14 62 01 02 03 04 05", "07 7E"])
def test_what_is_no_single_frame_is_not_filled_up(answer: str) -> None:
    assert IdPair((1, False), (2, False), bytes.fromhex(answer), 0.0).filling == ""


def test_how_long_an_announced_answer_takes_is_measured() -> None:
    one, _ = found("hardened+pending", ONE_ID)
    assert one.map.p2_star_seen_ms == pytest.approx(100, abs=5)
    assert load_text(one.text, "found").timing.p2_star_ms == 5000
    assert "After responsePending it took up to 1" in one.text
    assert found("hardened", ONE_ID)[0].map.p2_star_seen_ms is None


def test_of_an_ecus_connections_the_one_that_speaks_to_all_comes_first() -> None:
    target = load_text(found("hardened+extended_ids")[0].text, "found")
    assert target.can.functional_id == 0x18DB33F1
    assert [one.request_id for one in target.connections] == [0x742]


@pytest.mark.parametrize(
    ("channel", "means", "uds"),
    [("hardened", "reset", 0x01), ("hardened+reset_protected", "power cycle", None), ("article", "power cycle", None)],
)
def test_the_time_to_boot_is_measured_by_what_is_allowed_and_works(channel: str, means: str, uds: int | None) -> None:
    one, _ = found(channel, ONE_ID)
    assert (one.map.boot_means, one.map.boot_s is not None) == (means, True)
    reset = load_text(one.text, "found").reset
    assert (reset.uds, reset.boot_s) == (uds, one.map.boot_s)
