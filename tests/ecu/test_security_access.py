"""Prove SecurityAccess of the sound ECU: its four states, its counter and its delay."""

from __future__ import annotations

import pytest

from harness.ecu.profiles import HARDENED, HARDENED_ARTICLE_KEY

from .desk import HardenedDesk

DELAY_S = HARDENED.delay_s
BOOT_S = HARDENED.boot_s


@pytest.fixture
def desk() -> HardenedDesk:
    desk = HardenedDesk()
    desk.ask("10 03")
    return desk


def stay(desk: HardenedDesk, seconds: float) -> None:
    """Let time pass without losing the session."""
    while seconds > 0:
        step_s = min(seconds, 4.0)
        desk.wait(step_s)
        seconds -= step_s
        desk.ask("3E 80")


def reboot(desk: HardenedDesk, how: str) -> None:
    """Reset or cut the power, and come back to the extended session."""
    if how == "power":
        desk.power_cycle()
    else:
        assert desk.ask(how) == f"51 {how[-2:]}"
    desk.wait(BOOT_S)
    desk.ask("10 03")


# Seed and key.


def test_right_key_unlocks(desk: HardenedDesk) -> None:
    assert desk.send_right_key() == "67 02"
    assert desk.is_unlocked()


def test_wrong_key_does_not_unlock(desk: HardenedDesk) -> None:
    assert desk.send_wrong_key() == "7f 27 35"
    assert not desk.is_unlocked()


def test_seeds_come_from_the_ports_chance(desk: HardenedDesk) -> None:
    desk.port.chance.append(bytes(range(16)))
    assert desk.seed() == bytes(range(16))


def test_locked_level_never_gives_an_all_zero_seed(desk: HardenedDesk) -> None:
    desk.port.chance.extend((bytes(16), bytes(16), b"\x01" * 16))
    assert desk.seed() == b"\x01" * 16


def test_article_keys_variant_has_its_lengths() -> None:
    desk = HardenedDesk(HARDENED_ARTICLE_KEY)
    desk.ask("10 03")
    desk.port.chance.append(bytes.fromhex("A83A63B3C1"))
    assert desk.ask("27 01") == "67 01 a8 3a 63 b3 c1"
    assert desk.ask("27 02 5EF739B0") == "67 02"


def test_suppressed_seed_request_leaves_a_seed_pending(desk: HardenedDesk) -> None:
    desk.port.chance.append(bytes(range(16)))
    assert desk.ask("27 81") == ""
    assert desk.send_key(desk.key(bytes(range(16)))) == "67 02"


def test_suppressed_right_key_unlocks_in_silence(desk: HardenedDesk) -> None:
    assert desk.ask(f"27 82 {desk.key(desk.seed())}") == ""
    assert desk.is_unlocked()


def test_suppressed_wrong_keys_are_refused_and_counted(desk: HardenedDesk) -> None:
    answers = []
    for _ in range(3):
        desk.seed()
        answers.append(desk.ask("27 82" + "11" * 16))
    assert answers == ["7f 27 35", "7f 27 35", "7f 27 36"]


# The seed is gone after any answered key.


@pytest.mark.parametrize(
    ("spoiler", "answer"),
    [
        ("27 02" + "11" * 16, "7f 27 35"),
        ("27 02", "7f 27 13"),
        ("27 02" + "11" * 15, "7f 27 13"),
        ("27 02" + "11" * 17, "7f 27 13"),
        ("27 04" + "11" * 16, "7f 27 24"),
    ],
)
def test_seed_is_gone_after_a_refused_key(desk: HardenedDesk, spoiler: str, answer: str) -> None:
    key = desk.key(desk.seed())
    assert desk.ask(spoiler) == answer
    assert desk.send_key(key) == "7f 27 24"


def test_seed_is_gone_after_the_right_key(desk: HardenedDesk) -> None:
    key = desk.key(desk.seed())
    assert desk.send_key(key) == "67 02"
    assert desk.send_key(key) == "7f 27 24"
    assert desk.is_unlocked()


def test_another_seed_takes_the_place_of_the_pending_one(desk: HardenedDesk) -> None:
    old = desk.key(desk.seed())
    new = desk.key(desk.seed())
    assert old != new
    assert desk.send_key(old) == "7f 27 35"


@pytest.mark.parametrize("request_", ["22 1010", "3E 00", "27 01 00", "27 7D", "10 7E"])
def test_seed_outlives_other_requests(desk: HardenedDesk, request_: str) -> None:
    key = desk.key(desk.seed())
    desk.ask(request_)
    assert desk.send_key(key) == "67 02"


@pytest.mark.parametrize("session", ["03", "02"])
def test_seed_is_gone_after_a_session_change(desk: HardenedDesk, session: str) -> None:
    key = desk.key(desk.seed())
    desk.ask(f"10 {session}")
    assert desk.send_key(key) == "7f 27 24"


def test_wrong_length_is_not_counted(desk: HardenedDesk) -> None:
    for _ in range(10):
        desk.seed()
        assert desk.ask("27 02 11") == "7f 27 13"
    assert desk.send_right_key() == "67 02"


def test_key_without_seed_is_not_counted(desk: HardenedDesk) -> None:
    for _ in range(10):
        assert desk.send_key("11" * 16) == "7f 27 24"
    assert desk.send_right_key() == "67 02"


# Unlocked.


def test_unlocked_level_gives_a_zero_seed_and_stays_unlocked(desk: HardenedDesk) -> None:
    desk.send_right_key()
    assert desk.seed() == bytes(16)
    assert desk.send_key("00" * 16) == "7f 27 24"
    assert desk.is_unlocked()


def test_another_levels_seed_leaves_the_first_level_unlocked(desk: HardenedDesk) -> None:
    desk.send_right_key(1)
    assert any(desk.seed(3))
    assert desk.is_unlocked()


def test_wrong_key_for_another_level_leaves_the_first_level_unlocked(desk: HardenedDesk) -> None:
    desk.send_right_key(1)
    assert desk.send_wrong_key(3) == "7f 27 35"
    assert desk.is_unlocked()


def test_one_level_at_a_time_is_unlocked(desk: HardenedDesk) -> None:
    desk.send_right_key(1)
    desk.send_right_key(3)
    assert not desk.is_unlocked()
    assert desk.ask("2E 3030 0001") == "6e 30 30"
    desk.send_right_key(1)
    assert desk.ask("2E 3030 0002") == "7f 2e 33"


def test_level_has_a_key_of_its_own(desk: HardenedDesk) -> None:
    assert desk.send_key(desk.key(desk.seed(1), level=3), 1) == "7f 27 35"


# The counter and the delay.


def test_third_wrong_key_locks_the_ecu(desk: HardenedDesk) -> None:
    assert [desk.send_wrong_key() for _ in range(3)] == ["7f 27 35", "7f 27 35", "7f 27 36"]
    assert desk.ask("27 01") == "7f 27 37"


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_limit_is_what_the_config_says(attempts: int) -> None:
    desk = HardenedDesk(attempts=attempts)
    desk.ask("10 03")
    assert [desk.send_wrong_key() for _ in range(attempts)] == ["7f 27 35"] * (attempts - 1) + ["7f 27 36"]


def test_delay_ends_after_its_time(desk: HardenedDesk) -> None:
    desk.lock_out()
    stay(desk, DELAY_S - 0.001)
    assert desk.ask("27 01") == "7f 27 37"
    stay(desk, 0.001)
    assert desk.send_right_key() == "67 02"


def test_delay_is_not_started_again_by_asking(desk: HardenedDesk) -> None:
    desk.lock_out()
    for _ in range(10):
        assert desk.ask("27 01") == "7f 27 37"
        stay(desk, DELAY_S / 10)
    assert len(desk.seed()) == 16


def test_key_during_the_delay_has_no_seed(desk: HardenedDesk) -> None:
    desk.lock_out()
    assert desk.send_key("11" * 16) == "7f 27 24"


def test_right_key_to_the_seed_before_the_delay_is_refused(desk: HardenedDesk) -> None:
    desk.send_wrong_key()
    desk.send_wrong_key()
    key = desk.key(desk.seed())
    assert desk.send_key("11" * 16) == "7f 27 36"
    assert desk.send_key(key) == "7f 27 24"


def test_counter_starts_again_after_the_delay(desk: HardenedDesk) -> None:
    desk.lock_out()
    stay(desk, DELAY_S)
    assert [desk.send_wrong_key() for _ in range(3)] == ["7f 27 35", "7f 27 35", "7f 27 36"]


def test_success_clears_the_counter(desk: HardenedDesk) -> None:
    for _ in range(4):
        desk.send_wrong_key()
        desk.send_wrong_key()
        assert desk.send_right_key() == "67 02"
        desk.ask("10 03")


def test_success_on_one_level_leaves_the_other_levels_counter(desk: HardenedDesk) -> None:
    desk.send_wrong_key(1)
    desk.send_wrong_key(1)
    assert desk.send_right_key(3) == "67 04"
    assert desk.send_wrong_key(1) == "7f 27 36"


def test_delay_concerns_its_level_alone(desk: HardenedDesk) -> None:
    desk.lock_out(1)
    assert desk.send_right_key(3) == "67 04"
    assert desk.ask("27 01") == "7f 27 37"


def test_everything_else_is_answered_during_the_delay(desk: HardenedDesk) -> None:
    desk.lock_out()
    assert desk.ask("22 1010") == "62 10 10 ff"
    assert desk.ask("3E 00") == "7e 00"


def test_delay_and_counter_outlive_sessions(desk: HardenedDesk) -> None:
    desk.send_wrong_key()
    desk.ask("10 01")
    desk.ask("10 03")
    desk.send_wrong_key()
    desk.wait(6.0)  # S3
    desk.ask("10 03")
    assert desk.send_wrong_key() == "7f 27 36"
    desk.ask("10 02")
    assert desk.ask("27 01") == "7f 27 37"


@pytest.mark.parametrize("how", ["11 01", "11 02", "11 03", "power"])
def test_delay_starts_again_at_boot(desk: HardenedDesk, how: str) -> None:
    desk.lock_out()
    stay(desk, DELAY_S / 2)
    reboot(desk, how)
    stay(desk, DELAY_S - 0.001)
    assert desk.ask("27 01") == "7f 27 37"
    stay(desk, 0.001)
    assert desk.send_right_key() == "67 02"


@pytest.mark.parametrize("how", ["11 01", "power"])
def test_single_failure_delays_at_boot(desk: HardenedDesk, how: str) -> None:
    desk.send_wrong_key()
    reboot(desk, how)
    assert desk.ask("27 01") == "7f 27 37"
    assert any(desk.seed(3))


@pytest.mark.parametrize("how", ["11 01", "power"])
def test_no_failure_no_delay_at_boot(desk: HardenedDesk, how: str) -> None:
    desk.send_wrong_key()
    desk.send_right_key()
    reboot(desk, how)
    assert any(desk.seed())


def test_delay_that_has_run_out_unnoticed_does_not_come_back_at_boot(desk: HardenedDesk) -> None:
    desk.lock_out()
    desk.wait(DELAY_S)
    reboot(desk, "power")
    assert any(desk.seed())


def test_delay_keeps_the_time_of_the_port(desk: HardenedDesk) -> None:
    desk = HardenedDesk(delay_s=0.5)
    desk.lock_out()
    desk.wait(0.499)
    assert desk.ask("27 01") == "7f 27 37"
    desk.wait(0.001)
    assert any(desk.seed())
