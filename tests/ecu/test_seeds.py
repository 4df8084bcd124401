"""Prove that flawed seeds are as described, and that sound ones are drawn anew each time."""

import random
from itertools import islice

import pytest

from harness.ecu.flaws import FLAWS, seeds
from harness.ecu.flaws.weak_generators import (
    lfsr16,
    low_bytes,
    mersenne_twister,
    minstd,
    random_bits,
    whole_words,
    xorshift32,
)
from harness.ecu.profiles import HARDENED, HARDENED_ARTICLE_KEY

from .bench import HardenedBench

BOOT_S = HARDENED.boot_s
OTHER_SOURCES = [name for name in FLAWS if hasattr(seeds, name) and name != "short_seed_and_key"]


def bench_with(*flaws: str, **changes: object) -> HardenedBench:
    bench = HardenedBench(flaws=flaws, **changes)
    bench.ask("10 03")
    return bench


def reboot(bench: HardenedBench) -> None:
    bench.power_cycle()
    bench.wait(BOOT_S)
    bench.ask("10 03")


def numbers(bench: HardenedBench, count: int) -> list[int]:
    return [int.from_bytes(bench.seed(), "big") for _ in range(count)]


def test_a_counter_goes_on_after_a_restart() -> None:
    bench = bench_with("counter_seed")
    before = numbers(bench, 3)
    reboot(bench)
    assert numbers(bench, 2) == [before[-1] + 1, before[-1] + 2]
    assert before[2] - before[1] == before[1] - before[0] == 1


def test_a_reversed_counter_changes_its_first_bits() -> None:
    first, second = numbers(bench_with("bit_reversed_counter_seed"), 2)
    assert (first ^ second) >> 120
    assert not (first ^ second) & 0xFFFF


def test_a_register_is_restarted_by_a_session_if_the_flaw_says_so() -> None:
    for name, is_same in (("lfsr_seed", False), ("lfsr_seed_by_session", True)):
        bench = bench_with(name)
        before = bench.seed()
        bench.seed()
        bench.ask("10 03")
        assert (bench.seed() == before) is is_same


def test_time_seeds_are_seconds_since_1970() -> None:
    bench = bench_with("time_seed")
    first = numbers(bench, 2)
    bench.wait(2.0)
    assert first == [int(bench.port.utc_s) - 2] * 2
    assert numbers(bench, 1) == [first[0] + 2]


def test_uptime_seeds_depend_on_the_milliseconds_alone() -> None:
    bench = bench_with("uptime_seed")
    seen = []
    for wait_s in (0.1, 0.1, 0.102):
        reboot(bench)
        bench.wait(wait_s)
        seen.append(bench.seed())
    assert seen[0] == seen[1] != seen[2]


def test_ten_bytes_of_sixteen_never_change() -> None:
    bench = bench_with("few_random_seed_bytes")
    seeds = [bench.seed() for _ in range(4)]
    assert len({seed[:9] for seed in seeds}) == 1
    assert len({seed[9:] for seed in seeds}) == 4


def test_first_seed_after_a_start_is_not_drawn() -> None:
    for name, byte in (("zero_seed_after_start", 0), ("full_seed_after_start", 0xFF)):
        bench = bench_with(name)
        for _ in range(2):
            assert set(bench.seed()) == {byte}
            assert len(set(bench.seed())) > 1
            reboot(bench)


def test_fresh_seed_when_unlocked_leaves_the_level_unlocked() -> None:
    bench = bench_with("fresh_seed_when_unlocked")
    bench.send_right_key()
    assert any(bench.seed())
    assert bench.is_unlocked()


def test_a_held_seed_lasts_until_its_key() -> None:
    bench = bench_with(holds_seed=True)
    held = bench.seed()
    bench.send_wrong_key()
    assert bench.seed() == held
    assert bench.send_right_key() == "67 02"
    bench.ask("10 03")
    assert bench.seed() != held


def test_zero_seed_may_be_shorter() -> None:
    bench = bench_with(zero_seed_bytes=2)
    bench.send_right_key()
    assert bench.ask("27 01") == "67 01 00 00"


def test_article_lengths_suit_every_source() -> None:
    for name in OTHER_SOURCES:
        bench = HardenedBench(HARDENED_ARTICLE_KEY, flaws=[name])
        bench.ask("10 03")
        bench.wait(0.01)
        assert {len(bench.seed()) for _ in range(3)} == {5}


# Generators, by published outputs


@pytest.mark.parametrize("count", [3, 5, 8, 16, 17])
def test_random_bits_are_pythons(count: int) -> None:
    chance, generator = random.Random(4711), mersenne_twister((4711,))
    for _ in range(400):
        assert random_bits(generator, count) == chance.getrandbits(8 * count).to_bytes(count, "big")


def test_park_and_millers_ten_thousandth_number() -> None:
    assert next(islice(minstd(1), 9999, None)) == 1043618065


def test_xorshift_starts_as_published() -> None:
    assert list(islice(xorshift32(1), 3)) == [270369, 67634689, 2647435461]
    assert whole_words(xorshift32(1), 5).hex() == f"{270369:08x}04"


def test_a_register_of_16_bits_comes_round_after_65535_steps() -> None:
    generator = lfsr16(0xACE1)
    assert low_bytes(generator, 65535)[:100] == low_bytes(generator, 100)
