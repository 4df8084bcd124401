"""Prove that flawed seeds are as described, and sound ones are drawn afresh."""

from __future__ import annotations

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

from .desk import HardenedDesk

BOOT_S = HARDENED.boot_s
OTHER_SOURCES = [name for name in FLAWS if hasattr(seeds, name) and name != "short_seed_and_key"]


def desk_with(*flaws: str, **changes: object) -> HardenedDesk:
    desk = HardenedDesk(flaws=flaws, **changes)
    desk.ask("10 03")
    return desk


def reboot(desk: HardenedDesk) -> None:
    desk.power_cycle()
    desk.wait(BOOT_S)
    desk.ask("10 03")


def numbers(desk: HardenedDesk, count: int) -> list[int]:
    return [int.from_bytes(desk.seed(), "big") for _ in range(count)]


def test_a_counter_goes_on_after_a_restart() -> None:
    desk = desk_with("counter_seed")
    before = numbers(desk, 3)
    reboot(desk)
    assert numbers(desk, 2) == [before[-1] + 1, before[-1] + 2]
    assert before[2] - before[1] == before[1] - before[0] == 1


def test_a_reversed_counter_changes_its_first_bits() -> None:
    first, second = numbers(desk_with("bit_reversed_counter_seed"), 2)
    assert (first ^ second) >> 120
    assert not (first ^ second) & 0xFFFF


def test_a_register_is_restarted_by_a_session_if_the_flaw_says_so() -> None:
    for name, is_same in (("lfsr_seed", False), ("lfsr_seed_by_session", True)):
        desk = desk_with(name)
        before = desk.seed()
        desk.seed()
        desk.ask("10 03")
        assert (desk.seed() == before) is is_same


def test_time_seeds_are_seconds_since_1970() -> None:
    desk = desk_with("time_seed")
    first = numbers(desk, 2)
    desk.wait(2.0)
    assert first == [int(desk.port.utc_s) - 2] * 2
    assert numbers(desk, 1) == [first[0] + 2]


def test_uptime_seeds_depend_on_the_milliseconds_alone() -> None:
    desk = desk_with("uptime_seed")
    seen = []
    for wait_s in (0.1, 0.1, 0.102):
        reboot(desk)
        desk.wait(wait_s)
        seen.append(desk.seed())
    assert seen[0] == seen[1] != seen[2]


def test_ten_bytes_of_sixteen_never_change() -> None:
    desk = desk_with("few_random_seed_bytes")
    seeds = [desk.seed() for _ in range(4)]
    assert len({seed[:9] for seed in seeds}) == 1
    assert len({seed[9:] for seed in seeds}) == 4


def test_first_seed_after_a_start_is_not_drawn() -> None:
    for name, byte in (("zero_seed_after_start", 0), ("full_seed_after_start", 0xFF)):
        desk = desk_with(name)
        for _ in range(2):
            assert set(desk.seed()) == {byte}
            assert len(set(desk.seed())) > 1
            reboot(desk)


def test_fresh_seed_when_unlocked_leaves_the_level_unlocked() -> None:
    desk = desk_with("fresh_seed_when_unlocked")
    desk.send_right_key()
    assert any(desk.seed())
    assert desk.is_unlocked()


def test_a_held_seed_lasts_until_its_key() -> None:
    desk = desk_with(holds_seed=True)
    held = desk.seed()
    desk.send_wrong_key()
    assert desk.seed() == held
    assert desk.send_right_key() == "67 02"
    desk.ask("10 03")
    assert desk.seed() != held


def test_zero_seed_may_be_shorter() -> None:
    desk = desk_with(zero_seed_bytes=2)
    desk.send_right_key()
    assert desk.ask("27 01") == "67 01 00 00"


def test_article_lengths_suit_every_source() -> None:
    for name in OTHER_SOURCES:
        desk = HardenedDesk(HARDENED_ARTICLE_KEY, flaws=[name])
        desk.ask("10 03")
        desk.wait(0.01)
        assert {len(desk.seed()) for _ in range(3)} == {5}


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
