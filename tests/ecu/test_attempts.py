"""Prove what else a sound ECU may do about wrong keys: the settings of the sound variants."""

from __future__ import annotations

import pytest

from harness.uds import Nrc

from .desk import HardenedDesk

WRONG = "11" * 16
SEED = "67"
RIGHT, FIRST, LIMIT, DELAYED, NOT_READY = "67 02", "7f 27 35", "7f 27 36", "7f 27 37", "7f 27 22"


def in_session(**changes: object) -> HardenedDesk:
    desk = HardenedDesk(**changes)
    desk.ask("10 03")
    return desk


def restart(desk: HardenedDesk, request: str = "") -> None:
    """By service 11, or by the power."""
    if request:
        desk.ask(request)
    else:
        desk.power_cycle()
    desk.wait(desk.node.ecu.config.boot_s)
    desk.ask("10 03")


def seed_answer(desk: HardenedDesk, level: int = 1) -> str:
    return desk.ask(f"27 {level:02x}")


def test_the_delay_may_be_told_by_other_codes() -> None:
    desk = in_session(delay_nrc=Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS, key_in_delay_nrc=Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)
    desk.lock_out()
    assert seed_answer(desk) == LIMIT
    assert desk.send_key(WRONG) == DELAYED


@pytest.mark.parametrize("attempts", [1, 2, 5, 10])
def test_the_limit_is_where_it_is_configured(attempts: int) -> None:
    desk = in_session(attempts=attempts)
    assert [desk.send_wrong_key() for _ in range(attempts)] == [FIRST] * (attempts - 1) + [LIMIT]
    assert seed_answer(desk) == DELAYED


def test_the_delay_may_follow_every_restart() -> None:
    desk = in_session(has_boot_delay=True)
    restart(desk)
    assert seed_answer(desk) == DELAYED
    desk.wait(10.0)
    desk.ask("10 03")
    assert desk.send_right_key() == RIGHT


def test_after_the_delay_one_try_may_be_left() -> None:
    desk = in_session(tries_after_delay=1)
    desk.lock_out()
    desk.wait(10.0)
    desk.ask("10 03")
    assert desk.send_wrong_key() == LIMIT
    desk.wait(10.0)
    desk.ask("10 03")
    assert desk.send_right_key() == RIGHT
    assert desk.ask("10 03").startswith("50")
    assert [desk.send_wrong_key() for _ in range(3)] == [FIRST, FIRST, LIMIT]


def test_a_delay_never_adds_wrong_keys() -> None:
    desk = in_session(tries_after_delay=1)
    desk.send_wrong_key()
    restart(desk)
    desk.wait(10.0)
    desk.ask("10 03")
    assert [desk.send_wrong_key() for _ in range(2)] == [FIRST, LIMIT]


def test_levels_may_share_one_count() -> None:
    desk = in_session(has_one_counter=True)
    assert [desk.send_wrong_key(1), desk.send_wrong_key(3), desk.send_wrong_key(1)] == [FIRST, FIRST, LIMIT]
    assert seed_answer(desk, 3) == DELAYED


def test_levels_count_apart_unless_configured() -> None:
    desk = in_session()
    desk.lock_out()
    assert seed_answer(desk, 3).startswith(SEED)


def test_a_pause_may_follow_each_wrong_key_and_clears_nothing() -> None:
    desk = in_session(wrong_key_delay_s=1.0)
    answers = []
    for _ in range(3):
        answers.append(desk.send_wrong_key())
        assert seed_answer(desk) == DELAYED
        desk.wait(1.0)
    assert answers == [FIRST, FIRST, LIMIT]
    assert seed_answer(desk) == DELAYED


def test_the_counts_may_take_a_while_to_load() -> None:
    desk = in_session(counters_load_s=0.5)
    assert seed_answer(desk).startswith(SEED), "only a restart loads them"
    restart(desk, "11 01")
    assert seed_answer(desk) == NOT_READY
    assert desk.send_key(WRONG) == NOT_READY
    desk.wait(0.5)
    assert seed_answer(desk).startswith(SEED)


@pytest.mark.parametrize("request_pdu", ["11 01", "11 02", "11 03", ""])
def test_a_count_outlasts_every_restart_and_begins_with_the_delay(request_pdu: str) -> None:
    desk = in_session()
    desk.send_wrong_key()
    restart(desk, request_pdu)
    assert seed_answer(desk) == DELAYED
    desk.wait(10.0)
    desk.ask("10 03")
    assert desk.send_right_key() == RIGHT
