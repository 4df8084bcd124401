"""Prove SecurityAccess of the sound ECU: its four states, its counter and its delay."""

import pytest

from harness.ecu.profiles import HARDENED, HARDENED_ARTICLE_KEY
from tests.steps import dialogues, each, play

from .bench import HardenedBench

DELAY_S = HARDENED.delay_s
WRONG = "11" * 16
LIMIT = "wrong key > 7f 27 35 | wrong key > 7f 27 35 | wrong key > 7f 27 36"
BOTH_WAYS = ["11 01", "power"]


@pytest.fixture
def bench() -> HardenedBench:
    bench = HardenedBench()
    bench.ask("10 03")
    return bench


DIALOGUES = f"""
the right key unlocks
    right key > 67 02 | is open > yes
a wrong key does not unlock
    wrong key > 7f 27 35 | is open > no
suppressed wrong keys are refused and counted
    seed | 27 82 {WRONG} > 7f 27 35 | seed | 27 82 {WRONG} > 7f 27 35 | seed | 27 82 {WRONG} > 7f 27 36
the seed is gone after the right key
    seed | key of the seed > 67 02 | key of the seed > 7f 27 24 | is open > yes
a key without a seed is not counted
    {f"27 02 {WRONG} > 7f 27 24 | " * 10} right key > 67 02
a key of a wrong length is not counted
    {"seed | 27 02 11 > 7f 27 13 | " * 10} right key > 67 02
a wrong key for another level leaves the first level unlocked
    right key: 1 | wrong key: 3 > 7f 27 35 | is open > yes
one level at a time is unlocked
    right key: 1 | right key: 3 | is open > no | 2E 3030 0001 > 6e 30 30 | right key: 1 | 2E 3030 0002 > 7f 2e 33
the third wrong key locks the ECU
    {LIMIT} | 27 01 > 7f 27 37
the delay ends after its time
    lock out | stay: almost delay | 27 01 > 7f 27 37 | stay: 0.001 s | right key > 67 02
a key during the delay has no seed
    lock out | 27 02 {WRONG} > 7f 27 24
the right key to the seed before the delay is refused
    wrong key | wrong key | seed | 27 02 {WRONG} > 7f 27 36 | key of the seed > 7f 27 24
the counter starts again after the delay
    lock out | stay: delay | {LIMIT}
success clears the counter
    {"wrong key | wrong key | right key > 67 02 | 10 03 | " * 4} 10 03
success on one level leaves the other level's counter
    wrong key: 1 | wrong key: 1 | right key: 3 > 67 04 | wrong key: 1 > 7f 27 36
the delay concerns its level alone
    lock out: 1 | right key: 3 > 67 04 | 27 01 > 7f 27 37
everything else is answered during the delay
    lock out | 22 1010 > 62 10 10 ff | 3E 00 > 7e 00
delay and counter outlive sessions, one that S3 ends too
    wrong key | 10 01 | 10 03 | wrong key | wait: 6 s | 10 03 | wrong key > 7f 27 36 | 10 02 | 27 01 > 7f 27 37
"""


@pytest.mark.parametrize("steps", dialogues(DIALOGUES))
def test_in_the_extended_session(bench: HardenedBench, steps: str) -> None:
    play(steps, bench.do)


# Seeds.


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
    play("27 01 > 67 01 a8 3a 63 b3 c1 | 27 02 5EF739B0 > 67 02", bench.do)


def test_suppressed_seed_request_leaves_a_seed_pending(bench: HardenedBench) -> None:
    bench.port.chance.append(bytes(range(16)))
    play(f"27 81 > nothing | 27 02 {bench.key(bytes(range(16)))} > 67 02", bench.do)


def test_suppressed_right_key_unlocks_in_silence(bench: HardenedBench) -> None:
    play(f"27 82 {bench.key(bench.seed())} > nothing | is open > yes", bench.do)


# The seed is gone after any answered key.


@pytest.mark.parametrize(
    "spoiler",
    each(f"""27 02 {WRONG} > 7f 27 35 | 27 02 > 7f 27 13 | 27 02 {"11" * 15} > 7f 27 13 | 27 02 {"11" * 17} > 7f 27 13
        27 04 {WRONG} > 7f 27 24"""),
)
def test_seed_is_gone_after_a_refused_key(bench: HardenedBench, spoiler: str) -> None:
    play(f"seed | {spoiler} | key of the seed > 7f 27 24", bench.do)


def test_another_seed_takes_the_place_of_the_pending_one(bench: HardenedBench) -> None:
    old = bench.key(bench.seed())
    new = bench.key(bench.seed())
    assert old != new
    assert bench.send_key(old) == "7f 27 35"


@pytest.mark.parametrize("request_", ["22 1010", "3E 00", "27 01 00", "27 7D", "10 7E"])
def test_seed_outlives_other_requests(bench: HardenedBench, request_: str) -> None:
    play(f"seed | {request_} | key of the seed > 67 02", bench.do)


@pytest.mark.parametrize("session", ["03", "02"])
def test_seed_is_gone_after_a_session_change(bench: HardenedBench, session: str) -> None:
    play(f"seed | 10 {session} | key of the seed > 7f 27 24", bench.do)


# Unlocked.


def test_unlocked_level_gives_a_zero_seed_and_stays_unlocked(bench: HardenedBench) -> None:
    bench.send_right_key()
    assert bench.seed() == bytes(16)
    play(f"27 02 {'00' * 16} > 7f 27 24 | is open > yes", bench.do)


def test_another_levels_seed_leaves_the_first_level_unlocked(bench: HardenedBench) -> None:
    bench.send_right_key(1)
    assert any(bench.seed(3))
    assert bench.is_unlocked()


def test_level_has_a_key_of_its_own(bench: HardenedBench) -> None:
    assert bench.send_key(bench.key(bench.seed(1), level=3), 1) == "7f 27 35"


# The counter and the delay.


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_limit_is_what_the_config_says(attempts: int) -> None:
    bench = HardenedBench(attempts=attempts)
    play("10 03 | " + "wrong key > 7f 27 35 | " * (attempts - 1) + "wrong key > 7f 27 36", bench.do)


def test_delay_is_not_started_again_by_asking(bench: HardenedBench) -> None:
    bench.lock_out()
    for _ in range(10):
        assert bench.ask("27 01") == "7f 27 37"
        bench.stay(DELAY_S / 10)
    assert len(bench.seed()) == 16


@pytest.mark.parametrize("how", ["11 01", "11 02", "11 03", "power"])
def test_delay_starts_again_at_boot(bench: HardenedBench, how: str) -> None:
    bench.lock_out()
    bench.stay(DELAY_S / 2)
    bench.reboot(how)
    play("stay: almost delay | 27 01 > 7f 27 37 | stay: 0.001 s | right key > 67 02", bench.do)


@pytest.mark.parametrize("how", BOTH_WAYS)
def test_single_failure_delays_at_boot(bench: HardenedBench, how: str) -> None:
    bench.send_wrong_key()
    bench.reboot(how)
    assert bench.ask("27 01") == "7f 27 37"
    assert any(bench.seed(3))


@pytest.mark.parametrize("how", BOTH_WAYS)
def test_no_failure_no_delay_at_boot(bench: HardenedBench, how: str) -> None:
    bench.send_wrong_key()
    bench.send_right_key()
    bench.reboot(how)
    assert any(bench.seed())


def test_delay_that_has_run_out_unnoticed_does_not_come_back_at_boot(bench: HardenedBench) -> None:
    bench.lock_out()
    bench.wait(DELAY_S)
    bench.reboot("power")
    assert any(bench.seed())


def test_delay_keeps_the_time_of_the_port(bench: HardenedBench) -> None:
    bench = HardenedBench(delay_s=0.5)
    bench.lock_out()
    bench.wait(0.499)
    assert bench.ask("27 01") == "7f 27 37"
    bench.wait(0.001)
    assert any(bench.seed())
