"""Prove how the sound ECU guards memory, transfer, routines and services, and what the end of a session undoes."""

import pytest

from harness.ecu.profiles import HARDENED

from .bench import HardenedBench

RAM, CELL = "20000000", "20002020"


@pytest.fixture
def bench() -> HardenedBench:
    """In the extended session, locked."""
    bench = HardenedBench()
    bench.ask("10 03")
    return bench


@pytest.fixture
def unlocked() -> HardenedBench:
    bench = HardenedBench()
    bench.unlock()
    return bench


@pytest.mark.parametrize("request_", [f"23 14 {RAM} 01", f"3D 14 {RAM} 01 00", f"34 00 44 {RAM} 00000010", "36 01", "37"])
def test_memory_is_no_affair_of_the_default_session(request_: str) -> None:
    assert HardenedBench().ask(request_) == f"7f {request_[:2].lower()} 7f"


@pytest.mark.parametrize("request_", ["14 FFFFFF", "28 03 01", "85 02", "31 01 0203"])
def test_state_is_not_changed_from_the_default_session(request_: str) -> None:
    assert HardenedBench().ask(request_) == f"7f {request_[:2].lower()} 7f"


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        ("14", "13"),
        ("14 FFFF", "13"),
        ("14 FFFFFF", "33"),
        ("19 02", "13"),
        ("19 7E", "12"),
        ("23 14 00", "13"),
        ("23 05 00000000 01", "31"),
        (f"23 14 {RAM} 00", "31"),
        (f"23 14 {RAM} 41", "31"),
        (f"23 14 {RAM} 01", "33"),
        ("28 7E 01", "12"),
        ("28 03 01 00", "13"),
        ("28 03 01", "33"),
        ("31 01 02", "13"),
        ("31 7E 1234", "31"),
        ("31 7E 0203", "33"),
        ("31 01 0203 00", "33"),
        (f"34 11 44 {RAM} 00000010", "31"),
        (f"34 00 44 {RAM} 00", "13"),
        (f"34 00 44 {RAM} 00000010", "33"),
        ("36", "13"),
        ("36 01 00", "24"),
        ("37", "24"),
        (f"3D 14 {RAM} 02 00", "13"),
        ("3D 14 30000000 01 00", "31"),
        (f"3D 14 {CELL} 01 55", "33"),
        ("85 03", "12"),
        ("85 02", "33"),
    ],
)
def test_first_refusal_while_locked(bench: HardenedBench, request_: str, refusal: str) -> None:
    assert bench.ask(request_) == f"7f {request_[:2].lower()} {refusal}"
    assert bench.ask("22 2020") == "62 20 20 ff"


@pytest.mark.parametrize("sid", ["21", "29", "2A", "2C", "2F", "35", "38", "3B", "87"])
def test_services_that_only_a_flaw_adds_are_not_there(unlocked: HardenedBench, sid: str) -> None:
    assert unlocked.ask(f"{sid} 00 00 00") == f"7f {sid.lower()} 11"


def test_another_level_opens_no_memory(bench: HardenedBench) -> None:
    bench.send_right_key(3)
    assert bench.ask(f"23 14 {RAM} 01") == "7f 23 33"


def test_memory_is_read_and_written_once_unlocked(unlocked: HardenedBench) -> None:
    assert unlocked.ask(f"3D 14 {RAM} 02 AABB") == f"7d 14 {' '.join(RAM[i : i + 2] for i in range(0, 8, 2))} 02"
    assert unlocked.ask(f"23 24 {RAM} 0003") == "63 aa bb 02"


def test_the_cell_of_a_value_is_the_value(unlocked: HardenedBench) -> None:
    unlocked.ask(f"3D 14 {CELL} 01 5A")
    assert unlocked.ask("22 2020") == "62 20 20 5a"
    assert unlocked.ask(f"23 14 {CELL} 01") == "63 5a"


def test_a_download_is_block_after_block(unlocked: HardenedBench) -> None:
    assert unlocked.ask(f"34 00 44 {RAM} 00000003") == "74 20 01 02"
    assert unlocked.ask(f"34 00 44 {RAM} 00000003") == "7f 34 70"
    assert unlocked.ask("36 02 AA") == "7f 36 73"
    assert unlocked.ask("36 01 AABB") == "76 01"
    assert unlocked.ask("36 01 AABB") == "76 01"
    assert unlocked.ask("37") == "7f 37 24"
    assert unlocked.ask("36 02 CCDD") == "7f 36 71"
    assert unlocked.ask("36 02 CC") == "76 02"
    assert unlocked.ask("37") == "77"
    assert unlocked.ask(f"23 14 {RAM} 04") == "63 aa bb cc 03"


@pytest.mark.parametrize("end", ["10 03", "10 01"])
def test_a_transfer_ends_with_its_session(unlocked: HardenedBench, end: str) -> None:
    unlocked.ask(f"34 00 44 {RAM} 00000003")
    unlocked.ask(end)
    unlocked.ask("10 03")
    assert unlocked.ask("36 01 AA") == "7f 36 24"


def test_a_routine_is_started_asked_and_stopped(unlocked: HardenedBench) -> None:
    assert unlocked.ask("31 03 0203") == "7f 31 24"
    assert unlocked.ask("31 01 0203") == "71 01 02 03 00"
    assert unlocked.ask("31 03 0203") == "71 03 02 03 00"
    assert unlocked.ask("31 02 0203") == "71 02 02 03"
    assert unlocked.ask("31 02 0203") == "7f 31 24"
    assert unlocked.ask("31 04 0203") == "7f 31 12"
    assert unlocked.ask("31 01 0203 00") == "7f 31 13"


def test_a_suppressed_start_starts(unlocked: HardenedBench) -> None:
    assert unlocked.ask("31 81 0203") == ""
    assert unlocked.ask("31 03 0203") == "71 03 02 03 00"


def test_erasing_spares_the_values_of_identifiers(unlocked: HardenedBench) -> None:
    unlocked.ask("2E 2020 11")
    unlocked.ask("31 01 FF00")
    assert unlocked.ask(f"23 14 {RAM} 02") == "63 ff ff"
    assert unlocked.ask("22 2020") == "62 20 20 11"


def test_trouble_codes_are_listed_and_cleared(unlocked: HardenedBench) -> None:
    assert unlocked.ask("19 02 08") == "59 02 08 05 62 00 08 c1 00 00 08"
    assert unlocked.ask("14 012345") == "7f 14 31"
    assert unlocked.ask("14 056200") == "54"
    assert unlocked.ask("19 02 FF") == "59 02 08 c1 00 00 08"
    assert unlocked.ask("14 FFFFFF") == "54"
    assert unlocked.ask("19 02 FF") == "59 02 08"
    assert unlocked.ask("19 0A") == "59 0a 08 05 62 00 00 c1 00 00 00"


def test_cleared_trouble_codes_do_not_come_back_with_power(unlocked: HardenedBench) -> None:
    unlocked.ask("14 FFFFFF")
    unlocked.power_cycle()
    unlocked.wait(HARDENED.boot_s)
    assert unlocked.ask("19 02 FF") == "59 02 08"


def test_memory_is_volatile(unlocked: HardenedBench) -> None:
    unlocked.ask(f"3D 14 {RAM} 01 AA")
    unlocked.power_cycle()
    unlocked.wait(HARDENED.boot_s)
    unlocked.unlock()
    assert unlocked.ask(f"23 14 {RAM} 01") == "63 00"


@pytest.mark.parametrize(("off", "answer"), [("28 03 01", "68 03"), ("28 01 03", "68 01")])
def test_communication_is_silenced_until_the_session_ends(unlocked: HardenedBench, off: str, answer: str) -> None:
    ecu = unlocked.node.ecu
    assert unlocked.ask("28 03 04") == "7f 28 31"
    assert unlocked.ask(off) == answer
    assert not ecu.is_speaking
    unlocked.wait(HARDENED.s3_s)
    assert ecu.is_speaking


def test_communication_can_be_switched_on_again(unlocked: HardenedBench) -> None:
    unlocked.ask("28 03 01")
    assert unlocked.ask("28 00 01") == "68 00"
    assert unlocked.node.ecu.is_speaking


def test_dtc_setting_is_off_until_the_session_ends(unlocked: HardenedBench) -> None:
    assert unlocked.ask("85 02") == "c5 02"
    assert not unlocked.node.ecu.state.is_dtc_setting_on
    unlocked.ask("10 01")
    assert unlocked.node.ecu.state.is_dtc_setting_on


def test_read_protected_data_needs_its_level(bench: HardenedBench) -> None:
    assert bench.ask("22 1010 2A2A") == "7f 22 33"
    bench.send_right_key()
    assert bench.ask("22 2A2A") == "62 2a 2a " + b"CALIBRATED".hex(" ")
