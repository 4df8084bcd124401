"""Prove the article's Raspberry Pi frame by frame, as the article's text shows it."""

import hashlib

import can
import pytest

from harness.ecu.profiles import article, article_v1

from .bench import Bench

SEED = "A83A63B3C1"
KEY = "5EF739B0"


@pytest.fixture
def pi() -> Bench:
    return Bench(article())


def answer(bench: Bench, data: str) -> str:
    """Send a frame; return the data field of the answer, which must be one 29-bit frame; empty for silence."""
    frames = bench.give(f"740#{data.replace(' ', '')}")
    assert len(frames) <= 1
    return "".join(frames).removeprefix("00000748#")


def unlock(bench: Bench) -> None:
    bench.port.chance.append(bytes.fromhex(SEED))
    assert answer(bench, "02 27 01 00 00 00 00 00") == "076701" + SEED
    assert answer(bench, f"06 27 02 {KEY} 00") == "0267020000000000"


# What the article shows, in its order.


def test_protected_value_reads_ff_at_first(pi: Bench) -> None:
    assert answer(pi, "03 22 20 20 00 00 00 00") == "04622020FF000000"


def test_protected_write_is_refused_while_locked(pi: Bench) -> None:
    assert answer(pi, "04 2E 20 20 99 00 00 00") == "037F2E3300000000"
    assert answer(pi, "03 22 20 20 00 00 00 00") == "04622020FF000000"


def test_key_of_the_articles_seed_unlocks_the_write(pi: Bench) -> None:
    unlock(pi)
    assert answer(pi, "04 2E 20 20 99 00 00 00") == "036E202000000000"
    assert answer(pi, "03 22 20 20 00 00 00 00") == "0462202099000000"


def test_wrong_key_is_answered_as_if_it_were_a_request(pi: Bench) -> None:
    answer(pi, "02 27 01 00 00 00 00 00")
    assert answer(pi, "06 27 02 11 22 33 44 00") == "0227350000000000"


def test_console_shows_every_secret(capsys: pytest.CaptureFixture[str]) -> None:
    unlock(Bench(article()))
    digest = hashlib.sha256((0xA83A63B3C1 ^ 0x1234567890).to_bytes(5, "big")).digest()[:16]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Received request data: 0x02, 0x27, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00"
    assert lines[1:4] == [
        f"Random Seed (40 bits): {0xA83A63B3C1}",
        f"Prekey (40 bits): {0x1234567890}",
        f"XOR Result: {0xA83A63B3C1 ^ 0x1234567890}",
    ]
    assert lines[4:7] == [
        f"SHA-128 Output: {digest!r}",
        "Key Bytes: {'byte_0': 94, 'byte_5': 247, 'byte_9': 57, 'byte_13': 176}",
        "Key Bytes (Hex): 0x5E, 0xF7, 0x39, 0xB0",
    ]
    assert lines[7:] == ["Received request data: 0x06, 0x27, 0x02, 0x5E, 0xF7, 0x39, 0xB0, 0x00", "1"]


def test_console_shows_the_lock_at_a_protected_write(pi: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    answer(pi, "04 2E 20 20 99")
    unlock(pi)
    capsys.readouterr()
    answer(pi, "04 2E 20 20 99")
    assert capsys.readouterr().out.splitlines()[1:] == ["1"]


# Catalogue 1.1.


def test_periodic_frames_start_at_once_and_repeat_each_second(pi: Bench) -> None:
    three = [f"0000007{can_id}#1122334455667788" for can_id in "BCD"]
    assert pi.periodic == three
    assert pi.wait(0.999) == []
    assert pi.wait(0.002) == three
    assert pi.wait(1.0) == three


def test_open_value_is_written_by_anyone(pi: Bench) -> None:
    assert answer(pi, "03 22 10 10 00 00 00 00") == "04621010FF000000"
    assert answer(pi, "04 2E 10 10 5A 00 00 00") == "036E101000000000"
    assert answer(pi, "03 22 10 10 00 00 00 00") == "046210105A000000"


def test_other_ids_are_not_answered(pi: Bench) -> None:
    for can_id in ("73F", "741", "748", "7DF", "000"):
        assert pi.give(f"{can_id}#0322101000000000") == []


def test_fd_frames_are_not_seen(pi: Bench) -> None:
    pi.node.on_frame(can.Message(arbitration_id=0x740, data=bytes.fromhex("03221010"), is_fd=True))
    assert pi.frames() == []


# Catalogue 1.2, by its row numbers.


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("02 10 03 00 00 00 00 00", "7F0231"),
        ("03 22 F1 90 00 00 00 00", "7F0331"),
        ("04 2E F1 90 00 00 00 00", "7F0431"),
        ("02 27 03 00 00 00 00 00", "7F0231"),
        ("02 11 01 00 00 00 00 00", "7F0231"),
        ("02 3E 00 00 00 00 00 00", "7F0231"),
    ],
)
def test_rows_2_and_3_all_else_is_answered_with_the_length_and_31(pi: Bench, data: str, expected: str) -> None:
    assert answer(pi, data) == expected


def test_rows_4_and_5_the_right_key_opens_after_a_thousand_wrong_ones(pi: Bench) -> None:
    pi.port.chance.append(bytes.fromhex(SEED))
    answer(pi, "02 27 01 00 00 00 00 00")
    for number in range(1000):
        assert answer(pi, f"06 27 02 {number:08x} 00") == "0227350000000000"
    assert answer(pi, f"06 27 02 {KEY} 00") == "0267020000000000"


def test_row_6_the_right_key_is_taken_again_and_a_wrong_one_does_not_lock(pi: Bench) -> None:
    unlock(pi)
    assert answer(pi, f"06 27 02 {KEY} 00") == "0267020000000000"
    assert answer(pi, "06 27 02 11 22 33 44 00") == "0227350000000000"
    assert answer(pi, "04 2E 20 20 01 00 00 00") == "036E202000000000"


def test_row_7_a_seed_while_unlocked_is_a_new_one(pi: Bench) -> None:
    unlock(pi)
    pi.port.chance.append(bytes.fromhex("0102030405"))
    assert answer(pi, "02 27 01 00 00 00 00 00") == "0767010102030405"
    assert answer(pi, "04 2E 20 20 01 00 00 00") == "036E202000000000"


def test_row_8_nothing_locks_again(pi: Bench) -> None:
    unlock(pi)
    answer(pi, "02 10 01 00 00 00 00 00")
    answer(pi, "02 11 01 00 00 00 00 00")
    pi.wait(3600)
    assert answer(pi, "04 2E 20 20 01 00 00 00") == "036E202000000000"


def test_row_9_a_key_before_any_seed_is_met_with_silence(pi: Bench) -> None:
    assert answer(pi, "06 27 02 00 00 00 00 00") == ""
    assert answer(pi, "03 22 10 10 00 00 00 00") == "04621010FF000000"


@pytest.mark.parametrize(
    "data", ["", "00", "02 22", "02 2E", "02 27", "03 22 10", "03 22 20", "03 2E 10", "06 27 02 5E F7 39"]
)
def test_row_10_short_frames_are_met_with_silence(pi: Bench, data: str) -> None:
    answer(pi, "02 27 01 00 00 00 00 00")
    assert answer(pi, data) == ""
    assert answer(pi, "03 22 10 10 00 00 00 00") == "04621010FF000000"


@pytest.mark.parametrize(("data", "expected"), [("02 3E", "7F0231"), ("03 22 11", "7F0331")])
def test_row_10_short_frames_that_miss_nothing_are_answered(pi: Bench, data: str, expected: str) -> None:
    assert answer(pi, data) == expected


@pytest.mark.parametrize("pci", ["00", "01", "0F", "10", "21", "30", "FF"])
def test_row_11_the_first_byte_means_nothing(pi: Bench, pci: str) -> None:
    assert answer(pi, f"{pci} 22 10 10 00 00 00 00") == "04621010FF000000"


def test_row_11_a_flow_control_yields_a_seed(pi: Bench) -> None:
    assert answer(pi, "30 27 01").startswith("076701")


def test_row_11_a_consecutive_frame_writes(pi: Bench) -> None:
    assert answer(pi, "21 2E 10 10 77") == "036E101000000000"
    assert answer(pi, "03 22 10 10") == "0462101077000000"


def test_row_11_a_flow_control_is_answered(pi: Bench) -> None:
    assert answer(pi, "30 00 00") == "7F3031"


def test_row_11_a_first_frame_gets_no_flow_control(pi: Bench) -> None:
    assert answer(pi, "10 0A 2E 10 10 01 02 03") == "7F1031"


@pytest.mark.parametrize(
    ("data", "stored"),
    [("03 2E 10 10 55 55 55 55", "55"), ("03 2E 10 10", "00"), ("05 2E 10 10 12 34 00 00", "12")],
)
def test_row_12_padding_is_stored(pi: Bench, data: str, stored: str) -> None:
    answer(pi, "04 2E 10 10 99 00 00 00")
    assert answer(pi, data) == "036E101000000000"
    assert answer(pi, "03 22 10 10") == f"04621010{stored}000000"


def test_row_12_a_key_in_the_padding_is_taken(pi: Bench) -> None:
    pi.port.chance.append(bytes.fromhex(SEED))
    answer(pi, "02 27 01")
    assert answer(pi, f"02 27 02 {KEY} 00") == "0267020000000000"


def test_row_13_only_the_first_identifier_is_read(pi: Bench) -> None:
    assert answer(pi, "05 22 10 10 20 20 00 00") == "04621010FF000000"


def test_row_13_bytes_after_a_seed_request_are_ignored(pi: Bench) -> None:
    assert answer(pi, "03 27 01 AA 00 00 00 00").startswith("076701")


@pytest.mark.parametrize("sub_function", ["81", "82"])
def test_row_14_the_suppress_bit_is_not_understood(pi: Bench, sub_function: str) -> None:
    assert answer(pi, f"02 27 {sub_function} 00 00 00 00 00") == "7F0231"


def test_row_16_another_seed_takes_the_place_of_the_pending_one(pi: Bench) -> None:
    pi.port.chance.append(bytes.fromhex(SEED))
    answer(pi, "02 27 01")
    pi.give("00000740#022701")
    assert answer(pi, f"06 27 02 {KEY} 00") == "0227350000000000"


def test_row_17_requests_are_taken_in_either_format_and_answered_in_29_bits(pi: Bench) -> None:
    assert pi.give("740#03221010") == pi.give("00000740#03221010") == ["00000748#04621010FF000000"]


def test_row_18_a_remote_frame_is_met_with_silence(pi: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert pi.give("740#R8") == []
    assert capsys.readouterr().out == "Received request data: \n"
    assert answer(pi, "03 22 10 10") == "04621010FF000000"


def test_row_25_a_power_cycle_forgets_everything(pi: Bench) -> None:
    unlock(pi)
    answer(pi, "04 2E 20 20 99 00 00 00")
    pi.power_cycle()
    assert pi.frames() == pi.periodic
    assert answer(pi, "03 22 20 20") == "04622020FF000000"
    assert answer(pi, "04 2E 20 20 99") == "037F2E3300000000"
    assert answer(pi, f"06 27 02 {KEY} 00") == ""


# The first script.


def test_first_script_has_no_security_access() -> None:
    assert answer(Bench(article_v1()), "02 27 01 00 00 00 00 00") == "7F0231"


def test_first_script_never_writes_the_protected_value_and_says_less(capsys: pytest.CaptureFixture[str]) -> None:
    pi = Bench(article_v1())
    assert answer(pi, "04 2E 20 20 99 00 00 00") == "037F2E3300000000"
    assert capsys.readouterr().out == "Received request data: 0x04, 0x2E, 0x20, 0x20, 0x99, 0x00, 0x00, 0x00\n"
    assert answer(pi, "04 2E 10 10 99 00 00 00") == "036E101000000000"
    assert answer(pi, "03 22 10 10 00 00 00 00") == "0462101099000000"


# What a tester hears that keeps to ISO-TP.


def test_messages_are_wrapped_and_unwrapped(pi: Bench) -> None:
    assert pi.ask("22 1010") == "62 10 10 ff"
    assert pi.ask("2E 2020 99") == "7f 2e 33"
    assert len(pi.ask("27 01").split()) == 7


def test_wrong_key_is_heard_as_a_request(pi: Bench) -> None:
    pi.ask("27 01")
    assert pi.ask("27 02 11223344") == "27 35"


def test_answer_without_a_length_is_not_heard(pi: Bench) -> None:
    assert pi.ask("10 03") == ""


def test_functional_requests_are_not_heard(pi: Bench) -> None:
    assert pi.ask("22 1010", is_functional=True) == ""


def test_first_frame_of_a_long_message_is_executed_if_its_length_reads_as_a_service(pi: Bench) -> None:
    assert pi.ask("1010" + "00" * 0x20) == "62 10 10 ff"
    assert pi.ask("1010" + "00" * 0x21) == ""
