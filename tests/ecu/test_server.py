"""Prove the sound ECU's answers: order of refusals, suppressed answers, effects of time and reset."""

import pytest

from harness.ecu.config import NEVER, DataIdentifier
from harness.ecu.profiles import DATA_IDENTIFIERS, HARDENED
from tests.steps import dialogues, each, play

from .bench import HardenedBench

BOOT_S = HARDENED.boot_s
S3_S = HARDENED.s3_s


@pytest.fixture
def bench() -> HardenedBench:
    return HardenedBench()


DIALOGUES = """
a value out of range is refused and not stored
    unlock: 3 | 2E 3030 8000 > 7f 2e 31 | 22 3030 > 62 30 30 03 20 | 2E 3030 7FFF > 6e 30 30
an empty message is not answered
     > nothing
a suppressed request has its effect
    10 83 | seed > 16 bytes
an identifier with bit 7 is no suppression
    22 F18C > 62 f1 8c ...
several identifiers are read as often as asked for
    22 1010 2020 1010 > 62 10 10 ff 20 20 ff 10 10 ff
unknown identifiers are left out
    22 FFFF 1010 FFFE > 62 10 10 ff
an open value is written in the default session
    2E 1010 5A > 6e 10 10 | 22 1010 > 62 10 10 5a
a protected value needs its level
    2E 2020 99 > 7f 2e 33 | 22 2020 > 62 20 20 ff | unlock: 1 | 2E 2020 99 > 6e 20 20 | 22 2020 > 62 20 20 99
a session response carries P2 in 1 ms and P2* in 10 ms
    10 03 > 50 03 00 32 01 f4
a session lasts until S3
    unlock | wait: almost s3 | is open > yes
session and unlock end with S3
    unlock | wait: s3 | is open > no | 27 01 > 7f 27 7f
a pending seed ends with S3
    10 03 | seed | wait: s3 | 10 03 | key of the seed > 7f 27 24
the default session has no S3
    10 03 | 10 01 | 2E 1010 5A | wait: an hour | 22 1010 > 62 10 10 5a
a functional request that is not answered restarts S3
    unlock | wait: almost s3 | to all: 3E 80 > nothing | wait: almost s3 | is open > yes
a reset locks and ends the session
    unlock | 11 01 | wait: boot | is open > no | 27 01 > 7f 27 7f
a power cycle boots locked
    unlock | power | 3E 00 > nothing | wait: boot | 3E 00 > 7e 00 | is open > no
"""


@pytest.mark.parametrize("steps", dialogues(DIALOGUES))
def test_the_sound_ecu_says(bench: HardenedBench, steps: str) -> None:
    play(steps, bench.do)


# The order of refusals, catalogue 2.2. Each request deserves more than one of them.


@pytest.mark.parametrize(
    "step",
    each("""BA > 11 | 83 00 > 11 | 27 > 7f | 27 7D > 7f | 27 01 > 7f | 10 > 13 | 10 7E 00 > 12 | 10 03 00 > 13 | 11 > 13
        11 7E 00 > 12 | 11 01 00 > 13 | 3E > 13 | 3E 05 00 > 12 | 3E 00 00 > 13 | 22 > 13 | 22 10 > 13 | 22 1010 20 > 13
        22 FFFF > 31 | 2E > 13 | 2E F123 > 13 | 2E F123 00 > 31 | 2E F18C 00 > 31 | 2E 2020 00 00 > 13 | 2E 2020 00 > 33
        2E 3030 FFFF > 33"""),
)
def test_first_refusal_in_the_default_session(bench: HardenedBench, step: str) -> None:
    request, refusal = step.split(" > ")
    assert bench.ask(request) == f"7f {request[:2].lower()} {refusal}"


@pytest.mark.parametrize(
    "step",
    each("27 > 13 | 27 00 > 12 | 27 05 > 12 | 27 7D 00 00 > 12 | 27 01 00 > 13 | 27 02 > 24 | 27 02 00 > 24"),
)
def test_first_refusal_of_security_access(bench: HardenedBench, step: str) -> None:
    bench.ask("10 03")
    request, refusal = step.split(" > ")
    assert bench.ask(request) == f"7f 27 {refusal}"


# Answers that are kept back.


@pytest.mark.parametrize("step", each("3E 80 > nothing | 10 83 > nothing | 11 81 > nothing"))
def test_suppressed_positive_responses_are_silent(bench: HardenedBench, step: str) -> None:
    play(step, bench.do)


@pytest.mark.parametrize("step", each("10 FE > 7f 10 12 | 3E 80 00 > 7f 3e 13 | 27 FD > 7f 27 7f"))
def test_refusals_are_never_suppressed(bench: HardenedBench, step: str) -> None:
    play(step, bench.do)


@pytest.mark.parametrize("request_", ["BA 00", "10 7E", "22 FFFF", "27 01"])
def test_functional_request_that_does_not_concern_the_ecu_is_met_with_silence(bench: HardenedBench, request_: str) -> None:
    play(f"{request_} > 7f ... | to all: {request_} > nothing", bench.do)


@pytest.mark.parametrize(
    "step", each("to all: 22 1010 > 62 10 10 ff | to all: 2E 2020 00 > 7f 2e 33 | to all: 10 03 00 > 7f 10 13")
)
def test_functional_request_is_answered_otherwise(bench: HardenedBench, step: str) -> None:
    play(step, bench.do)


@pytest.mark.parametrize(
    ("pending", "steps"),
    [
        (0x22, "22 1010 > 7f 22 78, 62 10 10 ff | 22 FFFF > 7f 22 78, 7f 22 31 | 3E 00 > 7e 00"),
        pytest.param(0x3E, "3E 80 > 7f 3e 78, 7e 00", id="the final answer after 78 is not suppressed"),
        pytest.param(0x22, "to all: 22 FFFF > nothing", id="a functional request that does not concern the ECU"),
    ],
)
def test_pending_service_is_answered_78_and_then_finally(pending: int, steps: str) -> None:
    play(steps, HardenedBench(pending_services=frozenset((pending,))).do)


# Data.


def test_one_protected_identifier_refuses_the_whole_read() -> None:
    protected = DataIdentifier(did=0x4040, initial=b"\x5a", read=0x01)
    bench = HardenedBench(data_identifiers=(*DATA_IDENTIFIERS, protected))
    play("22 1010 4040 > 7f 22 33 | unlock | 22 1010 4040 > 62 10 10 ff 40 40 5a", bench.do)


def test_identifier_that_nobody_may_read_does_not_exist() -> None:
    bench = HardenedBench(data_identifiers=(DataIdentifier(did=0x4040, initial=b"\x5a", read=NEVER, write=0),))
    play("22 4040 > 7f 22 31 | 2E 4040 00 > 6e 40 40", bench.do)


def test_response_that_iso_tp_cannot_carry_is_refused(bench: HardenedBench) -> None:
    assert len(bytes.fromhex(bench.ask("22" + "F1A0" * 41))) == 1 + 41 * 99
    assert bench.ask("22" + "F1A0" * 42) == "7f 22 14"


def test_the_long_value_makes_a_response_of_100_bytes(bench: HardenedBench) -> None:
    assert len(bytes.fromhex(bench.ask("22 F1A0"))) == 100


# Sessions and S3.


@pytest.mark.parametrize("session", ["02", "03"])
def test_security_access_is_there_in_every_session_but_the_default_one(bench: HardenedBench, session: str) -> None:
    play(f"27 01 > 7f 27 7f | 10 {session} | seed > 16 bytes | 10 01 | 27 01 > 7f 27 7f", bench.do)


@pytest.mark.parametrize("request_", ["3E 00", "3E 80", "22 1010", "BA"])
def test_any_request_restarts_s3(bench: HardenedBench, request_: str) -> None:
    play("unlock" + f" | wait: almost s3 | {request_}" * 5 + " | is open > yes", bench.do)


def test_s3_starts_when_the_final_answer_is_out() -> None:
    bench = HardenedBench(pending_services=frozenset((0x10,)), pending_s=2.0, answer_delay_s=1.0)
    bench.ask("10 03")
    bench.wait(S3_S + 3.0 - 0.001)
    assert len(bench.seed()) == 16


@pytest.mark.parametrize("sessions", ["10 01", "10 03", "10 02", "10 01 | 10 03"])
def test_entering_any_session_locks(bench: HardenedBench, sessions: str) -> None:
    play(f"unlock | {sessions} | is open > no", bench.do)


@pytest.mark.parametrize("request_", ["10 04", "10 03 00"])
def test_session_that_is_refused_leaves_unlocked(bench: HardenedBench, request_: str) -> None:
    play(f"unlock | {request_} > 7f 10 ... | is open > yes", bench.do)


# Reset and power.


@pytest.mark.parametrize("type_", ["01", "02", "03"])
def test_reset_is_answered_before_the_ecu_boots(bench: HardenedBench, type_: str) -> None:
    booting = "22 1010 > nothing | wait: almost boot | 22 1010 > nothing"
    play(f"11 {type_} > 51 {type_} | {booting} | wait: 0.001 s | 22 1010 > 62 10 10 ff", bench.do)


@pytest.mark.parametrize("how", ["11 01", "power"])
def test_only_non_volatile_values_survive(bench: HardenedBench, how: str) -> None:
    write = "2E 1010 11 | unlock: 1 | 2E 2020 22 | unlock: 3 | 2E 3030 3333"
    play(f"{write} | {how} | wait: boot | 22 1010 2020 3030 > 62 10 10 ff 20 20 22 30 30 33 33", bench.do)
