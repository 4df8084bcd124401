"""Prove that well-known generators give their published outputs, and are recognised by them."""

import random
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from harness.analysis import mersenne
from harness.analysis.clocks import follows_time, tells_time_of_day
from harness.analysis.generators import STARTED
from harness.analysis.recognition import Recognised, Starts, Stream, layouts, solve, start
from harness.ecu.flaws.weak_generators import ansi_rand, low_bytes, mersenne_twister, minstd, random_bits

from .sources import counter, minimal_standard, sound, take, xorshift

NOW = 1_767_225_600
RANGES = [Starts("the time of day in seconds", NOW - 60, 130), Starts("the milliseconds since the start", 0, 3000)]


def outputs(name: str, number: int, count: int) -> list[int]:
    return [int(one[0]) for one in islice(STARTED[name](np.array([number], dtype=np.uint64)), count)]


@pytest.mark.parametrize(
    ("name", "number", "published"),
    [
        ("rand() of the C standard", 1, [16838, 5758, 10113]),
        ("rand() of Microsoft's C library", 1, [41, 18467, 6334]),
        ("rand() of glibc", 1, [1804289383, 846930886, 1681692777]),
        ("rand() of glibc", 0, [1804289383, 846930886, 1681692777]),
        ("minstd_rand0", 1, [16807, 282475249, 1622650073]),
        ("minstd_rand", 1, [48271, 182605794, 1291394886]),
        ("xorshift32", 1, [270369, 67634689, 2647435461]),
        ("MT19937 started from a number", 5489, [3499211612, 581869302, 3890346734]),
    ],
)
def test_outputs_are_the_published_ones(name: str, number: int, published: list[int]) -> None:
    assert outputs(name, number, 3) == published


def test_pythons_random_is_pythons() -> None:
    chance = random.Random(NOW)
    assert outputs("Python's random", NOW, 20) == [chance.getrandbits(32) for _ in range(20)]


def streams(source: Iterator[bytes], count: int = 64) -> list[Stream]:
    """Return seeds of as many sessions as a sample has."""
    return [Stream(take(source, count)) for _ in range(4)]


def rand_bytes(generator: Iterator[int], length: int) -> Iterator[bytes]:
    while True:
        yield low_bytes(generator, length)


def glibc(number: int) -> Iterator[int]:
    return (int(one[0]) for one in STARTED["rand() of glibc"](np.array([number], dtype=np.uint64)))


@pytest.mark.parametrize("length", [2, 4, 5, 8, 16])
def test_rand_started_by_the_clock_is_recognised(length: int) -> None:
    found = start(streams(rand_bytes(ansi_rand(NOW + 3), length)), RANGES)
    assert isinstance(found, Recognised)
    assert f"rand() of the C standard, started from the time of day in seconds ({NOW + 3})" in str(found)


def test_a_generator_started_for_each_seed_is_recognised() -> None:
    found = start([Stream((low_bytes(minstd(ms), 16),)) for ms in (88, 500, 1700, 2900)], RANGES)
    assert found is not None
    assert "minstd_rand0" in str(found)


def test_pythons_random_started_by_the_clock_is_recognised() -> None:
    generator = mersenne_twister((NOW + 3,))
    source = (random_bits(generator, 5) for _ in iter(int, 1))
    assert "Python's random" in str(start(streams(source), RANGES, RANGES[:1]))


@pytest.mark.parametrize("length", [5, 8, 16])
@pytest.mark.parametrize("name", ["ansi", "glibc"])
def test_rand_in_any_state_is_recognised(name: str, length: int) -> None:
    generator = {"ansi": ansi_rand, "glibc": glibc}[name](987654321)
    assert "rand() of" in str(solve(streams(rand_bytes(generator, length))))


def test_whole_states_are_recognised() -> None:
    assert "xorshift32" in str(solve(streams(xorshift(16))))
    assert "minstd_rand0" in str(solve(streams(minimal_standard(4))))


@pytest.mark.parametrize("length", [1, 2, 5, 16])
def test_chance_is_not_recognised(length: int) -> None:
    for run in range(3):
        seeds = sound(256, length, run)
        sessions = [Stream(seeds[place : place + 64]) for place in range(0, 256, 64)]
        assert solve(sessions, is_thorough=True) is None
        assert start(sessions, RANGES, RANGES[:1]) is None


@pytest.mark.parametrize("length", [5, 16])
def test_a_counter_is_no_generator_although_the_lists_offer_its_few_bits(length: int) -> None:
    sessions = streams(counter(length, first=0x1F3A))
    assert solve(sessions) is None
    assert start(sessions, RANGES) is None


def test_every_byte_of_a_seed_has_its_place_in_every_layout() -> None:
    for length in (1, 3, 4, 5, 16, 64):
        assert all(len(places) == length for _, places in layouts(length))


# Mersenne Twister


@pytest.mark.parametrize("length", [4, 5, 7, 8, 11, 16, 17, 64])
@pytest.mark.parametrize("kind", ["getrandbits", "randbytes"])
def test_a_twister_is_known_by_its_whole_outputs(kind: str, length: int) -> None:
    chance = random.Random(7)
    draw = {
        "getrandbits": lambda: chance.getrandbits(8 * length).to_bytes(length, "big"),
        "randbytes": lambda: chance.randbytes(length),
    }
    seeds = [draw[kind]() for _ in range(700)]
    assert "getrandbits" in mersenne.reproduces(seeds)
    assert not mersenne.reproduces([*seeds[:600], *sound(100, length)])
    assert not mersenne.reproduces(sound(700, length))


def test_forty_bits_take_some_three_hundred_seeds() -> None:
    chance = random.Random(8)
    seeds = [chance.getrandbits(40).to_bytes(5, "big") for _ in range(340)]
    assert mersenne.reproduces(seeds)
    assert not mersenne.reproduces(seeds[:300])


def test_zeros_obey_the_recurrence_and_are_no_twister() -> None:
    assert not mersenne.reproduces([bytes(7) + seed[:1] for seed in sound(700, 5)])


def test_a_twisters_bits_obey_its_recurrence() -> None:
    recurrence = mersenne.output_recurrence()
    assert (recurrence.length, recurrence.taps.bit_count()) == (19_937, 135)


@pytest.mark.parametrize("shift", [0, 24])
def test_a_twister_is_known_by_one_byte_of_each_output(shift: int) -> None:
    chance = random.Random(9)
    octets = bytes(chance.getrandbits(32) >> shift & 0xFF for _ in range(20_000))
    seeds = [octets[place : place + 5] for place in range(0, len(octets), 5)]
    assert mersenne.reproduces_parts(seeds)
    assert not mersenne.reproduces_parts([bytes(5), *seeds[1:]])
    assert not mersenne.reproduces_parts(sound(4000, 5))


def test_states_and_outputs_are_each_others_inverse() -> None:
    words = np.arange(1, 5000, 7, dtype=np.uint32) * np.uint32(2654435761)
    assert (mersenne.untempered(mersenne.tempered(words)) == words).all()


# Clocks

TIMES = [0.05 * number + 1.3 * (number // 16) for number in range(64)]


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("ticks", [1000, 32_768, 1_000_000])
def test_seeds_that_are_a_clock_follow_the_time(order: str, ticks: int) -> None:
    seeds = [(77 + int(time_s * ticks)).to_bytes(5, order) for time_s in TIMES]  # type: ignore[arg-type]
    assert "ticks a second" in str(follows_time(seeds, TIMES))


def test_chance_does_not_follow_the_time() -> None:
    assert follows_time(sound(64, 5), TIMES) is None
    assert follows_time(sorted(sound(64, 5)), TIMES) is None


def test_a_clock_before_chance_is_not_foretold() -> None:
    seeds = [int(time_s * 1000).to_bytes(2, "big") + seed for time_s, seed in zip(TIMES, sound(64, 6), strict=True)]
    assert follows_time(seeds, TIMES) is None


@pytest.mark.parametrize(("ticks", "length"), [(1, 4), (1, 16), (1000, 8), (1_000_000, 8)])
def test_the_time_of_day_is_told_even_by_a_clock_that_is_wrong(ticks: int, length: int) -> None:
    seeds = [int((NOW + 3600 + time_s) * ticks).to_bytes(length, "big") for time_s in TIMES]
    assert "since 1970" in str(tells_time_of_day(seeds, [NOW + time_s for time_s in TIMES]))


def test_chance_does_not_tell_the_time_of_day() -> None:
    assert tells_time_of_day(sound(64, 4), [NOW + time_s for time_s in TIMES]) is None
    one = NOW.to_bytes(4, "big")
    assert tells_time_of_day([one] * 64, [NOW + time_s for time_s in TIMES]) is None
