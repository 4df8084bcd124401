"""Prove how each transport flaw treats frames that a sound ECU ignores, and that other frames still work."""

import pytest

from harness.ecu.profiles import hardened
from harness.ecu.rules import EcuDied
from harness.link.isotp_frames import segments

from .bench import Bench, HardenedBench

READ = "740#0322101000000000"
ANSWER = "748#04621010FF000000"
CTS = "748#3000000000000000"
OVERFLOW = "748#3200000000000000"
REFUSED = "748#037F3E1300000000"
"""The refusal of a TesterPresent of the wrong length, which is what the long messages here contain."""
FF_8, CF_8 = "740#10083E0000000000", "740#2100000000000000"
LONG_READ, OUR_CTS = "740#0322F1A000000000", "740#3000000000000000"


def bench(*flaws: str) -> Bench:
    return Bench(hardened(*flaws))


def given(bench: Bench, *frames: str) -> list[str]:
    """Send frames; return what comes back to the last of them."""
    answers: list[str] = []
    for frame in frames:
        answers = bench.give(frame)
    return answers


@pytest.mark.parametrize(
    ("flaw", "frames", "answers"),
    [
        ("empty_single_frame_executed", ["740#0022101000000000"], [ANSWER]),
        ("long_single_frame_executed", ["740#0922101000000000"], [ANSWER]),
        ("short_frame_executed", ["740#07221010"], [ANSWER]),
        ("reserved_type_executed", ["740#4322101000000000"], [ANSWER]),
        ("reserved_type_executed", ["740#F322101000000000"], [ANSWER]),
        ("short_first_frame_accepted", ["740#1007221010101010"], [CTS]),
        ("overflow_never_sent", ["740#1000000100003E00"], [CTS]),
        ("overflow_never_sent", ["740#1000FFFFFFFF3E00"], [CTS]),
        ("length_read_as_signed", ["740#1000FFFFFFFF3E00"], [CTS]),
        ("sequence_number_ignored", [FF_8, "740#2500000000000000"], [REFUSED]),
        ("single_frame_mixed_in", [FF_8, READ, CF_8], ["748#037F221300000000"]),
        ("functional_first_frame_accepted", ["7DF#10083E0000000000"], [CTS]),
    ],
)
def test_frames_that_a_sound_ecu_drops_are_taken(flaw: str, frames: list[str], answers: list[str]) -> None:
    assert given(bench(), *frames) in ([], [OVERFLOW])
    assert given(bench(flaw), *frames) == answers


HEARING = (
    *("empty_single_frame_executed", "long_single_frame_executed", "short_frame_executed", "reserved_type_executed"),
    *("short_first_frame_accepted", "overflow_never_sent", "length_read_as_signed", "sequence_number_ignored"),
    *("no_consecutive_frame_timeout", "single_frame_mixed_in", "hangs_on_wait_flood", "hangs_on_reserved_stmin"),
    *("no_flow_control_timeout", "functional_first_frame_accepted", "dies_on_empty_frame", "dies_on_remote_frame"),
    *("half_open_reception_leaks", "long_message_cut"),
)


@pytest.mark.parametrize("flaw", HEARING)
def test_what_is_well_formed_is_answered_as_by_a_sound_ecu(flaw: str) -> None:
    flawed = bench(flaw)
    assert given(flawed, READ) == [ANSWER]
    assert given(flawed, FF_8) == [CTS]
    assert given(flawed, CF_8) == [REFUSED]
    assert given(flawed, LONG_READ)[0].startswith("748#1064")
    assert len(given(flawed, OUR_CTS)) == 14


def test_lengths_below_two_gibibytes_are_refused_although_they_are_signed() -> None:
    assert given(bench("length_read_as_signed"), "740#10007FFFFFFF3E00") == [OVERFLOW]


def test_a_message_is_continued_a_minute_later_where_nothing_times_it_out() -> None:
    for flaws, answers in (((), []), (("no_consecutive_frame_timeout",), [REFUSED])):
        late = bench(*flaws)
        late.give(FF_8)
        late.wait(60.0)
        assert given(late, CF_8) == answers


def test_no_flow_control_comes() -> None:
    flawed = bench("flow_control_never_sent")
    assert given(flawed, FF_8) == []
    assert given(flawed, CF_8) == [REFUSED]


def test_only_the_status_of_a_flow_control_is_written() -> None:
    assert given(bench("flow_control_not_filled_in"), FF_8) == ["748#30CCCCCCCCCCCCCC"]


def test_no_flow_control_follows_the_first_block() -> None:
    flawed = bench("next_block_never_granted")
    assert given(flawed, "740#10163E0000000000") == ["748#3002000000000000"]
    assert given(flawed, "740#2100000000000000", "740#2200000000000000") == []
    assert given(flawed, "740#2300000000000000") == [REFUSED]


@pytest.mark.parametrize(
    ("flaw", "frames"),
    [
        ("hangs_on_wait_flood", ["740#3100000000000000"] * 9),
        ("hangs_on_reserved_stmin", ["740#3000F00000000000"]),
        ("no_flow_control_timeout", []),
    ],
)
def test_a_sender_that_hangs_hears_nothing_more_until_its_power_is_cycled(flaw: str, frames: list[str]) -> None:
    for flaws, answers in (((), [ANSWER]), ((flaw,), [])):
        stuck = bench(*flaws)
        given(stuck, LONG_READ, *frames)
        stuck.wait(60.0)
        assert given(stuck, READ) == answers
        stuck.power_cycle()
        stuck.wait(1.0)
        assert given(stuck, READ) == [ANSWER]


def test_unfinished_messages_use_up_the_buffers() -> None:
    for flaws, answers in (((), [ANSWER]), (("half_open_reception_leaks",), [])):
        worn = bench(*flaws)
        given(worn, *[FF_8] * 60)
        worn.wait(60.0)
        assert given(worn, READ) == answers


def test_finished_messages_use_up_nothing() -> None:
    worn = bench("half_open_reception_leaks")
    assert given(worn, *[FF_8, CF_8] * 60) == [REFUSED]


@pytest.mark.parametrize(("flaw", "frame"), [("dies_on_empty_frame", "740#"), ("dies_on_remote_frame", "740#R8")])
def test_a_frame_without_data_kills_the_ecu(flaw: str, frame: str) -> None:
    assert given(bench(), frame) == []
    with pytest.raises(EcuDied):
        bench(flaw).give(frame)


@pytest.mark.parametrize(
    ("flaws", "answer"), [((), "748#037F271300000000"), (("long_message_cut",), "748#0267020000000000")]
)
def test_what_follows_a_long_key_is_cut_off(flaws: tuple[str, ...], answer: str) -> None:
    ecu = HardenedBench(flaws=flaws)
    ecu.ask("10 03")
    key = bytes.fromhex(ecu.key(ecu.seed()))
    frames = [f"740#{field.hex()}" for field in segments(b"\x27\x02" + key + bytes(5))]
    assert given(ecu, *frames) == [answer]
