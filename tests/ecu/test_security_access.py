"""Prove SecurityAccess of the sound ECU: its four states, its counter and its delay."""

import pytest

from harness.ecu.profiles import HARDENED, HARDENED_ARTICLE_KEY

from .bench import HardenedBench

DELAY_S = HARDENED.delay_s
BOOT_S = HARDENED.boot_s


@pytest.fixture
def bench() -> HardenedBench:
    bench = HardenedBench()
    bench.ask("10 03")
    return bench


def stay(bench: HardenedBench, seconds: float) -> None:
    """Let time pass without losing the session."""
    while seconds > 0:
        step_s = min(seconds, 4.0)
        bench.wait(step_s)
        seconds -= step_s
        bench.ask("3E 80")


def reboot(bench: HardenedBench, how: str) -> None:
    """Reset or cut the power, and come back to the extended session."""
    if how == "power":
        bench.power_cycle()
    else:
        assert bench.ask(how) == f"51 {how[-2:]}"
    bench.wait(BOOT_S)
    bench.ask("10 03")


# Seed and key.


def test_right_key_unlocks(bench: HardenedBench) -> None:
    assert bench.send_right_key() == "67 02"
    assert bench.is_unlocked()


def test_wrong_key_does_not_unlock(bench: HardenedBench) -> None:
    assert bench.send_wrong_key() == "7f 27 35"
    assert not bench.is_unlocked()


def test_seeds_come_from_the_ports_chance(bench: HardenedBench) -> None:
    bench.port.chance.append(bytes(range(16)))
    assert bench.seed() == bytes(range(16))


def test_locked_level_never_gives_an_all_zero_seed(bench: HardenedBench) -> None:
    bench.port.chance.extend((bytes(16), bytes(16), b"\x01" * 16))
    assert bench.seed() == b"\x01" * 16


def test_article_keys_variant_has_its_lengths() -> None:
    bench = HardenedBench(HARDENED_ARTICLE_KEY)
    bench.ask("10 03")
    bench.port.chance.append(bytes.fromhex("A83A63B3C1"))
    assert bench.ask("27 01") == "67 01 a8 3a 63 b3 c1"
    assert bench.ask("27 02 5EF739B0") == "67 02"


def test_suppressed_seed_request_leaves_a_seed_pending(bench: HardenedBench) -> None:
    bench.port.chance.append(bytes(range(16)))
    assert bench.ask("27 81") == ""
    assert bench.send_key(bench.key(bytes(range(16)))) == "67 02"


def test_suppressed_right_key_unlocks_in_silence(bench: HardenedBench) -> None:
    assert bench.ask(f"27 82 {bench.key(bench.seed())}") == ""
    assert bench.is_unlocked()


def test_suppressed_wrong_keys_are_refused_and_counted(bench: HardenedBench) -> None:
    answers = []
    for _ in range(3):
        bench.seed()
        answers.append(bench.ask("27 82" + "11" * 16))
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
def test_seed_is_gone_after_a_refused_key(bench: HardenedBench, spoiler: str, answer: str) -> None:
    key = bench.key(bench.seed())
    assert bench.ask(spoiler) == answer
    assert bench.send_key(key) == "7f 27 24"


def test_seed_is_gone_after_the_right_key(bench: HardenedBench) -> None:
    key = bench.key(bench.seed())
    assert bench.send_key(key) == "67 02"
    assert bench.send_key(key) == "7f 27 24"
    assert bench.is_unlocked()


def test_another_seed_takes_the_place_of_the_pending_one(bench: HardenedBench) -> None:
    old = bench.key(bench.seed())
    new = bench.key(bench.seed())
    assert old != new
    assert bench.send_key(old) == "7f 27 35"


@pytest.mark.parametrize("request_", ["22 1010", "3E 00", "27 01 00", "27 7D", "10 7E"])
def test_seed_outlives_other_requests(bench: HardenedBench, request_: str) -> None:
    key = bench.key(bench.seed())
    bench.ask(request_)
    assert bench.send_key(key) == "67 02"


@pytest.mark.parametrize("session", ["03", "02"])
def test_seed_is_gone_after_a_session_change(bench: HardenedBench, session: str) -> None:
    key = bench.key(bench.seed())
    bench.ask(f"10 {session}")
    assert bench.send_key(key) == "7f 27 24"


def test_wrong_length_is_not_counted(bench: HardenedBench) -> None:
    for _ in range(10):
        bench.seed()
        assert bench.ask("27 02 11") == "7f 27 13"
    assert bench.send_right_key() == "67 02"


def test_key_without_seed_is_not_counted(bench: HardenedBench) -> None:
    for _ in range(10):
        assert bench.send_key("11" * 16) == "7f 27 24"
    assert bench.send_right_key() == "67 02"


# Unlocked.


def test_unlocked_level_gives_a_zero_seed_and_stays_unlocked(bench: HardenedBench) -> None:
    bench.send_right_key()
    assert bench.seed() == bytes(16)
    assert bench.send_key("00" * 16) == "7f 27 24"
    assert bench.is_unlocked()


def test_another_levels_seed_leaves_the_first_level_unlocked(bench: HardenedBench) -> None:
    bench.send_right_key(1)
    assert any(bench.seed(3))
    assert bench.is_unlocked()


def test_wrong_key_for_another_level_leaves_the_first_level_unlocked(bench: HardenedBench) -> None:
    bench.send_right_key(1)
    assert bench.send_wrong_key(3) == "7f 27 35"
    assert bench.is_unlocked()


def test_one_level_at_a_time_is_unlocked(bench: HardenedBench) -> None:
    bench.send_right_key(1)
    bench.send_right_key(3)
    assert not bench.is_unlocked()
    assert bench.ask("2E 3030 0001") == "6e 30 30"
    bench.send_right_key(1)
    assert bench.ask("2E 3030 0002") == "7f 2e 33"


def test_level_has_a_key_of_its_own(bench: HardenedBench) -> None:
    assert bench.send_key(bench.key(bench.seed(1), level=3), 1) == "7f 27 35"


# The counter and the delay.


def test_third_wrong_key_locks_the_ecu(bench: HardenedBench) -> None:
    assert [bench.send_wrong_key() for _ in range(3)] == ["7f 27 35", "7f 27 35", "7f 27 36"]
    assert bench.ask("27 01") == "7f 27 37"


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_limit_is_what_the_config_says(attempts: int) -> None:
    bench = HardenedBench(attempts=attempts)
    bench.ask("10 03")
    assert [bench.send_wrong_key() for _ in range(attempts)] == ["7f 27 35"] * (attempts - 1) + ["7f 27 36"]


def test_delay_ends_after_its_time(bench: HardenedBench) -> None:
    bench.lock_out()
    stay(bench, DELAY_S - 0.001)
    assert bench.ask("27 01") == "7f 27 37"
    stay(bench, 0.001)
    assert bench.send_right_key() == "67 02"


def test_delay_is_not_started_again_by_asking(bench: HardenedBench) -> None:
    bench.lock_out()
    for _ in range(10):
        assert bench.ask("27 01") == "7f 27 37"
        stay(bench, DELAY_S / 10)
    assert len(bench.seed()) == 16


def test_key_during_the_delay_has_no_seed(bench: HardenedBench) -> None:
    bench.lock_out()
    assert bench.send_key("11" * 16) == "7f 27 24"


def test_right_key_to_the_seed_before_the_delay_is_refused(bench: HardenedBench) -> None:
    bench.send_wrong_key()
    bench.send_wrong_key()
    key = bench.key(bench.seed())
    assert bench.send_key("11" * 16) == "7f 27 36"
    assert bench.send_key(key) == "7f 27 24"


def test_counter_starts_again_after_the_delay(bench: HardenedBench) -> None:
    bench.lock_out()
    stay(bench, DELAY_S)
    assert [bench.send_wrong_key() for _ in range(3)] == ["7f 27 35", "7f 27 35", "7f 27 36"]


def test_success_clears_the_counter(bench: HardenedBench) -> None:
    for _ in range(4):
        bench.send_wrong_key()
        bench.send_wrong_key()
        assert bench.send_right_key() == "67 02"
        bench.ask("10 03")


def test_success_on_one_level_leaves_the_other_levels_counter(bench: HardenedBench) -> None:
    bench.send_wrong_key(1)
    bench.send_wrong_key(1)
    assert bench.send_right_key(3) == "67 04"
    assert bench.send_wrong_key(1) == "7f 27 36"


def test_delay_concerns_its_level_alone(bench: HardenedBench) -> None:
    bench.lock_out(1)
    assert bench.send_right_key(3) == "67 04"
    assert bench.ask("27 01") == "7f 27 37"


def test_everything_else_is_answered_during_the_delay(bench: HardenedBench) -> None:
    bench.lock_out()
    assert bench.ask("22 1010") == "62 10 10 ff"
    assert bench.ask("3E 00") == "7e 00"


def test_delay_and_counter_outlive_sessions(bench: HardenedBench) -> None:
    bench.send_wrong_key()
    bench.ask("10 01")
    bench.ask("10 03")
    bench.send_wrong_key()
    bench.wait(6.0)  # S3
    bench.ask("10 03")
    assert bench.send_wrong_key() == "7f 27 36"
    bench.ask("10 02")
    assert bench.ask("27 01") == "7f 27 37"


@pytest.mark.parametrize("how", ["11 01", "11 02", "11 03", "power"])
def test_delay_starts_again_at_boot(bench: HardenedBench, how: str) -> None:
    bench.lock_out()
    stay(bench, DELAY_S / 2)
    reboot(bench, how)
    stay(bench, DELAY_S - 0.001)
    assert bench.ask("27 01") == "7f 27 37"
    stay(bench, 0.001)
    assert bench.send_right_key() == "67 02"


@pytest.mark.parametrize("how", ["11 01", "power"])
def test_single_failure_delays_at_boot(bench: HardenedBench, how: str) -> None:
    bench.send_wrong_key()
    reboot(bench, how)
    assert bench.ask("27 01") == "7f 27 37"
    assert any(bench.seed(3))


@pytest.mark.parametrize("how", ["11 01", "power"])
def test_no_failure_no_delay_at_boot(bench: HardenedBench, how: str) -> None:
    bench.send_wrong_key()
    bench.send_right_key()
    reboot(bench, how)
    assert any(bench.seed())


def test_delay_that_has_run_out_unnoticed_does_not_come_back_at_boot(bench: HardenedBench) -> None:
    bench.lock_out()
    bench.wait(DELAY_S)
    reboot(bench, "power")
    assert any(bench.seed())


def test_delay_keeps_the_time_of_the_port(bench: HardenedBench) -> None:
    bench = HardenedBench(delay_s=0.5)
    bench.lock_out()
    bench.wait(0.499)
    assert bench.ask("27 01") == "7f 27 37"
    bench.wait(0.001)
    assert any(bench.seed())
