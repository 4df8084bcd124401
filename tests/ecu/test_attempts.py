"""Prove what else a sound ECU may do about wrong keys: the settings of the sound variants."""

import pytest

from harness.uds import Nrc

from .bench import HardenedBench

WRONG = "11" * 16
SEED = "67"
RIGHT, FIRST, LIMIT, DELAYED, NOT_READY = "67 02", "7f 27 35", "7f 27 36", "7f 27 37", "7f 27 22"


def in_session(**changes: object) -> HardenedBench:
    bench = HardenedBench(**changes)
    bench.ask("10 03")
    return bench


def restart(bench: HardenedBench, request: str = "") -> None:
    """By service 11, or by the power."""
    if request:
        bench.ask(request)
    else:
        bench.power_cycle()
    bench.wait(bench.node.ecu.config.boot_s)
    bench.ask("10 03")


def seed_answer(bench: HardenedBench, level: int = 1) -> str:
    return bench.ask(f"27 {level:02x}")


def test_the_delay_may_be_told_by_other_codes() -> None:
    bench = in_session(delay_nrc=Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS, key_in_delay_nrc=Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)
    bench.lock_out()
    assert seed_answer(bench) == LIMIT
    assert bench.send_key(WRONG) == DELAYED


@pytest.mark.parametrize("attempts", [1, 2, 5, 10])
def test_the_limit_is_where_it_is_configured(attempts: int) -> None:
    bench = in_session(attempts=attempts)
    assert [bench.send_wrong_key() for _ in range(attempts)] == [FIRST] * (attempts - 1) + [LIMIT]
    assert seed_answer(bench) == DELAYED


def test_the_delay_may_follow_every_restart() -> None:
    bench = in_session(has_boot_delay=True)
    restart(bench)
    assert seed_answer(bench) == DELAYED
    bench.wait(10.0)
    bench.ask("10 03")
    assert bench.send_right_key() == RIGHT


def test_after_the_delay_one_try_may_be_left() -> None:
    bench = in_session(tries_after_delay=1)
    bench.lock_out()
    bench.wait(10.0)
    bench.ask("10 03")
    assert bench.send_wrong_key() == LIMIT
    bench.wait(10.0)
    bench.ask("10 03")
    assert bench.send_right_key() == RIGHT
    assert bench.ask("10 03").startswith("50")
    assert [bench.send_wrong_key() for _ in range(3)] == [FIRST, FIRST, LIMIT]


def test_a_delay_never_adds_wrong_keys() -> None:
    bench = in_session(tries_after_delay=1)
    bench.send_wrong_key()
    restart(bench)
    bench.wait(10.0)
    bench.ask("10 03")
    assert [bench.send_wrong_key() for _ in range(2)] == [FIRST, LIMIT]


def test_levels_may_share_one_count() -> None:
    bench = in_session(has_one_counter=True)
    assert [bench.send_wrong_key(1), bench.send_wrong_key(3), bench.send_wrong_key(1)] == [FIRST, FIRST, LIMIT]
    assert seed_answer(bench, 3) == DELAYED


def test_levels_count_apart_unless_configured() -> None:
    bench = in_session()
    bench.lock_out()
    assert seed_answer(bench, 3).startswith(SEED)


def test_a_pause_may_follow_each_wrong_key_and_clears_nothing() -> None:
    bench = in_session(wrong_key_delay_s=1.0)
    answers = []
    for _ in range(3):
        answers.append(bench.send_wrong_key())
        assert seed_answer(bench) == DELAYED
        bench.wait(1.0)
    assert answers == [FIRST, FIRST, LIMIT]
    assert seed_answer(bench) == DELAYED


def test_the_counts_may_take_a_while_to_load() -> None:
    bench = in_session(counters_load_s=0.5)
    assert seed_answer(bench).startswith(SEED), "only a restart loads them"
    restart(bench, "11 01")
    assert seed_answer(bench) == NOT_READY
    assert bench.send_key(WRONG) == NOT_READY
    bench.wait(0.5)
    assert seed_answer(bench).startswith(SEED)


@pytest.mark.parametrize("request_pdu", ["11 01", "11 02", "11 03", ""])
def test_a_count_outlasts_every_restart_and_begins_with_the_delay(request_pdu: str) -> None:
    bench = in_session()
    bench.send_wrong_key()
    restart(bench, request_pdu)
    assert seed_answer(bench) == DELAYED
    bench.wait(10.0)
    bench.ask("10 03")
    assert bench.send_right_key() == RIGHT
