"""Prove the sound ECU's answers: order of refusals, suppressed answers, effects of time and reset."""

import pytest

from harness.ecu.config import NEVER, DataIdentifier
from harness.ecu.profiles import DATA_IDENTIFIERS, HARDENED

from .bench import HardenedBench

BOOT_S = HARDENED.boot_s
S3_S = HARDENED.s3_s


@pytest.fixture
def bench() -> HardenedBench:
    return HardenedBench()


# The order of refusals, catalogue 2.2. Each request deserves more than one of them.


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        ("BA", "11"),
        ("83 00", "11"),
        ("27", "7f"),
        ("27 7D", "7f"),
        ("27 01", "7f"),
        ("10", "13"),
        ("10 7E 00", "12"),
        ("10 03 00", "13"),
        ("11", "13"),
        ("11 7E 00", "12"),
        ("11 01 00", "13"),
        ("3E", "13"),
        ("3E 05 00", "12"),
        ("3E 00 00", "13"),
        ("22", "13"),
        ("22 10", "13"),
        ("22 1010 20", "13"),
        ("22 FFFF", "31"),
        ("2E", "13"),
        ("2E F123", "13"),
        ("2E F123 00", "31"),
        ("2E F18C 00", "31"),
        ("2E 2020 00 00", "13"),
        ("2E 2020 00", "33"),
        ("2E 3030 FFFF", "33"),
    ],
)
def test_first_refusal_in_the_default_session(bench: HardenedBench, request_: str, refusal: str) -> None:
    assert bench.ask(request_) == f"7f {request_[:2].lower()} {refusal}"


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        ("27", "13"),
        ("27 00", "12"),
        ("27 05", "12"),
        ("27 7D 00 00", "12"),
        ("27 01 00", "13"),
        ("27 02", "24"),
        ("27 02 00", "24"),
    ],
)
def test_first_refusal_of_security_access(bench: HardenedBench, request_: str, refusal: str) -> None:
    bench.ask("10 03")
    assert bench.ask(request_) == f"7f 27 {refusal}"


def test_value_out_of_range_is_refused_and_not_stored(bench: HardenedBench) -> None:
    bench.unlock(3)
    assert bench.ask("2E 3030 8000") == "7f 2e 31"
    assert bench.ask("22 3030") == "62 30 30 03 20"
    assert bench.ask("2E 3030 7FFF") == "6e 30 30"


def test_empty_message_is_not_answered(bench: HardenedBench) -> None:
    assert bench.ask("") == ""


# Answers that are kept back.


@pytest.mark.parametrize("request_", ["3E 80", "10 83", "11 81"])
def test_suppressed_positive_responses_are_silent(bench: HardenedBench, request_: str) -> None:
    assert bench.ask(request_) == ""


def test_suppressed_request_has_its_effect(bench: HardenedBench) -> None:
    bench.ask("10 83")
    assert len(bench.seed()) == 16


@pytest.mark.parametrize(("request_", "answer"), [("10 FE", "7f 10 12"), ("3E 80 00", "7f 3e 13"), ("27 FD", "7f 27 7f")])
def test_refusals_are_never_suppressed(bench: HardenedBench, request_: str, answer: str) -> None:
    assert bench.ask(request_) == answer


def test_identifier_with_bit_7_is_no_suppression(bench: HardenedBench) -> None:
    assert bench.ask("22 F18C").startswith("62 f1 8c")


@pytest.mark.parametrize("request_", ["BA 00", "10 7E", "22 FFFF", "27 01"])
def test_functional_request_that_does_not_concern_the_ecu_is_met_with_silence(bench: HardenedBench, request_: str) -> None:
    assert bench.ask(request_).startswith("7f")
    assert bench.ask(request_, is_functional=True) == ""


@pytest.mark.parametrize(
    ("request_", "answer"), [("22 1010", "62 10 10 ff"), ("2E 2020 00", "7f 2e 33"), ("10 03 00", "7f 10 13")]
)
def test_functional_request_is_answered_otherwise(bench: HardenedBench, request_: str, answer: str) -> None:
    assert bench.ask(request_, is_functional=True) == answer


# Response pending.


def test_pending_service_is_answered_78_and_then_finally() -> None:
    bench = HardenedBench(pending_services=frozenset((0x22,)))
    assert bench.ask("22 1010") == "7f 22 78, 62 10 10 ff"
    assert bench.ask("22 FFFF") == "7f 22 78, 7f 22 31"
    assert bench.ask("3E 00") == "7e 00"


def test_final_answer_after_78_is_not_suppressed() -> None:
    assert HardenedBench(pending_services=frozenset((0x3E,))).ask("3E 80") == "7f 3e 78, 7e 00"


def test_functional_request_that_does_not_concern_the_ecu_is_not_pending() -> None:
    assert HardenedBench(pending_services=frozenset((0x22,))).ask("22 FFFF", is_functional=True) == ""


# Data.


def test_several_identifiers_are_read_as_often_as_asked_for(bench: HardenedBench) -> None:
    assert bench.ask("22 1010 2020 1010") == "62 10 10 ff 20 20 ff 10 10 ff"


def test_unknown_identifiers_are_left_out(bench: HardenedBench) -> None:
    assert bench.ask("22 FFFF 1010 FFFE") == "62 10 10 ff"


def test_one_protected_identifier_refuses_the_whole_read() -> None:
    protected = DataIdentifier(did=0x4040, initial=b"\x5a", read=0x01)
    bench = HardenedBench(data_identifiers=(*DATA_IDENTIFIERS, protected))
    assert bench.ask("22 1010 4040") == "7f 22 33"
    bench.unlock()
    assert bench.ask("22 1010 4040") == "62 10 10 ff 40 40 5a"


def test_identifier_that_nobody_may_read_does_not_exist() -> None:
    bench = HardenedBench(data_identifiers=(DataIdentifier(did=0x4040, initial=b"\x5a", read=NEVER, write=0),))
    assert bench.ask("22 4040") == "7f 22 31"
    assert bench.ask("2E 4040 00") == "6e 40 40"


def test_response_that_iso_tp_cannot_carry_is_refused(bench: HardenedBench) -> None:
    assert len(bytes.fromhex(bench.ask("22" + "F1A0" * 41))) == 1 + 41 * 99
    assert bench.ask("22" + "F1A0" * 42) == "7f 22 14"


def test_the_long_value_makes_a_response_of_100_bytes(bench: HardenedBench) -> None:
    assert len(bytes.fromhex(bench.ask("22 F1A0"))) == 100


def test_open_value_is_written_in_the_default_session(bench: HardenedBench) -> None:
    assert bench.ask("2E 1010 5A") == "6e 10 10"
    assert bench.ask("22 1010") == "62 10 10 5a"


def test_protected_value_needs_its_level(bench: HardenedBench) -> None:
    assert bench.ask("2E 2020 99") == "7f 2e 33"
    assert bench.ask("22 2020") == "62 20 20 ff"
    bench.unlock(1)
    assert bench.ask("2E 2020 99") == "6e 20 20"
    assert bench.ask("22 2020") == "62 20 20 99"


# Sessions and S3.


def test_session_response_carries_p2_in_1_ms_and_p2_star_in_10_ms(bench: HardenedBench) -> None:
    assert bench.ask("10 03") == "50 03 00 32 01 f4"


@pytest.mark.parametrize("session", ["02", "03"])
def test_security_access_is_there_in_every_session_but_the_default_one(bench: HardenedBench, session: str) -> None:
    assert bench.ask("27 01") == "7f 27 7f"
    bench.ask(f"10 {session}")
    assert len(bench.seed()) == 16
    bench.ask("10 01")
    assert bench.ask("27 01") == "7f 27 7f"


def test_session_lasts_until_s3(bench: HardenedBench) -> None:
    bench.unlock()
    bench.wait(S3_S - 0.001)
    assert bench.is_unlocked()


def test_session_and_unlock_end_with_s3(bench: HardenedBench) -> None:
    bench.unlock()
    bench.wait(S3_S)
    assert not bench.is_unlocked()
    assert bench.ask("27 01") == "7f 27 7f"


def test_pending_seed_ends_with_s3(bench: HardenedBench) -> None:
    bench.ask("10 03")
    key = bench.key(bench.seed())
    bench.wait(S3_S)
    bench.ask("10 03")
    assert bench.send_key(key) == "7f 27 24"


@pytest.mark.parametrize("request_", ["3E 00", "3E 80", "22 1010", "BA"])
def test_any_request_restarts_s3(bench: HardenedBench, request_: str) -> None:
    bench.unlock()
    for _ in range(5):
        bench.wait(S3_S - 0.001)
        bench.ask(request_)
    assert bench.is_unlocked()


def test_functional_request_that_is_not_answered_restarts_s3(bench: HardenedBench) -> None:
    bench.unlock()
    bench.wait(S3_S - 0.001)
    assert bench.ask("3E 80", is_functional=True) == ""
    bench.wait(S3_S - 0.001)
    assert bench.is_unlocked()


def test_s3_starts_when_the_final_answer_is_out() -> None:
    bench = HardenedBench(pending_services=frozenset((0x10,)), pending_s=2.0, answer_delay_s=1.0)
    bench.ask("10 03")
    bench.wait(S3_S + 3.0 - 0.001)
    assert len(bench.seed()) == 16


def test_default_session_has_no_s3(bench: HardenedBench) -> None:
    bench.ask("10 03")
    bench.ask("10 01")
    bench.ask("2E 1010 5A")
    bench.wait(3600)
    assert bench.ask("22 1010") == "62 10 10 5a"


@pytest.mark.parametrize("sessions", [("01",), ("03",), ("02",), ("01", "03")])
def test_entering_any_session_locks(bench: HardenedBench, sessions: tuple[str, ...]) -> None:
    bench.unlock()
    for session in sessions:
        bench.ask(f"10 {session}")
    assert not bench.is_unlocked()


@pytest.mark.parametrize("request_", ["10 04", "10 03 00"])
def test_session_that_is_refused_leaves_unlocked(bench: HardenedBench, request_: str) -> None:
    bench.unlock()
    assert bench.ask(request_).startswith("7f 10")
    assert bench.is_unlocked()


# Reset and power.


@pytest.mark.parametrize("type_", ["01", "02", "03"])
def test_reset_is_answered_before_the_ecu_boots(bench: HardenedBench, type_: str) -> None:
    assert bench.ask(f"11 {type_}") == f"51 {type_}"
    assert bench.ask("22 1010") == ""
    bench.wait(BOOT_S - 0.001)
    assert bench.ask("22 1010") == ""
    bench.wait(0.001)
    assert bench.ask("22 1010") == "62 10 10 ff"


def test_reset_locks_and_ends_the_session(bench: HardenedBench) -> None:
    bench.unlock()
    bench.ask("11 01")
    bench.wait(BOOT_S)
    assert not bench.is_unlocked()
    assert bench.ask("27 01") == "7f 27 7f"


@pytest.mark.parametrize("how", ["11 01", "power"])
def test_only_non_volatile_values_survive(bench: HardenedBench, how: str) -> None:
    bench.ask("2E 1010 11")
    bench.unlock(1)
    bench.ask("2E 2020 22")
    bench.unlock(3)
    bench.ask("2E 3030 3333")
    if how == "power":
        bench.power_cycle()
    else:
        bench.ask(how)
    bench.wait(BOOT_S)
    assert bench.ask("22 1010 2020 3030") == "62 10 10 ff 20 20 22 30 30 33 33"


def test_power_cycle_boots_locked(bench: HardenedBench) -> None:
    bench.unlock()
    bench.power_cycle()
    assert bench.ask("3E 00") == ""
    bench.wait(BOOT_S)
    assert bench.ask("3E 00") == "7e 00"
    assert not bench.is_unlocked()
