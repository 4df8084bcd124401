"""Prove the hardened ECU on CAN FD: which frames it accepts, and in which it answers."""

import pytest

from harness.ecu.profiles import HARDENED, hardened

from .bench import Bench, HardenedBench

ANSWER = "748##104621010FF000000"


@pytest.fixture
def bench() -> Bench:
    return Bench(hardened("can_fd"))


@pytest.mark.parametrize("frame", ["740##10322101000000000", "740##003221010", "740#03221010", "7DF##1032210100000"])
def test_requests_of_both_kinds_are_answered_by_can_fd_frames(bench: Bench, frame: str) -> None:
    assert bench.give(frame) == [ANSWER]


def test_a_long_answer_is_one_frame(bench: Bench) -> None:
    serial = next(entry for entry in HARDENED.data_identifiers if entry.did == 0xF18C).initial
    assert bench.give("740##10322F18C00000000") == ["748##1" + f"001362F18C{serial.hex().upper()}".ljust(2 * 24, "0")]


def test_a_longer_answer_waits_for_its_flow_control(bench: Bench) -> None:
    (first,) = bench.give("740##10322F1A000000000")
    assert first.startswith("748##1106462F1A0000102")
    assert len(first) == len("748##1") + 2 * 64
    (rest,) = bench.give("740##13000000000000000")
    assert rest.startswith("748##121")
    assert len(rest) == len("748##1") + 2 * 48


def test_a_classic_ecu_hears_no_can_fd_frames() -> None:
    assert HardenedBench().give("740##10322101000000000") == []


def test_it_hears_neither_remote_frames_nor_29_bit_ids(bench: Bench) -> None:
    assert bench.give("740#R8") == bench.give("00000740##103221010") == []
