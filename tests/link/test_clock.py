"""Prove that time comes only from the bus or the machine, and chance only from the run's seed."""

import time

import pytest

from harness.link.clock import Chance, RealClock, new_seed, utc_text


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert Chance(7).random_bytes(100) == Chance(7).random_bytes(100)


def test_the_bytes_of_a_seed_are_the_same_on_every_machine_and_in_every_release() -> None:
    chance = Chance(20260101).stream("ecu").stream("node 0")
    assert chance.random_bytes(5).hex() == "7ca30bc0b9"
    assert chance.below(1000) == 781


def test_another_seed_gives_other_bytes() -> None:
    assert len({Chance(seed).random_bytes(8) for seed in range(1000)}) == 1000


def test_a_second_draw_gives_other_bytes_than_the_first() -> None:
    chance = Chance(1)
    assert len({chance.random_bytes(8) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 1000])
def test_as_many_bytes_come_as_were_asked_for(length: int) -> None:
    assert len(Chance(1).random_bytes(length)) == length


def test_streams_differ_from_each_other_and_from_their_source() -> None:
    source = Chance(1)
    names = ["", "tester", "ecu", "node 0", "node 1"]
    draws = [source.random_bytes(16), *(source.stream(name).random_bytes(16) for name in names)]
    assert len(set(draws)) == len(draws)


def test_what_one_stream_draws_does_not_change_another() -> None:
    greedy, modest = Chance(1), Chance(1)
    greedy.random_bytes(1000)
    greedy.stream("tester").random_bytes(1000)
    assert greedy.stream("ecu").random_bytes(16) == modest.stream("ecu").random_bytes(16)


@pytest.mark.parametrize("limit", [1, 2, 6, 256, 257, 10**30])
def test_a_number_below_a_limit_is_below_it(limit: int) -> None:
    chance = Chance(1)
    assert all(0 <= chance.below(limit) < limit for _ in range(100))


def test_every_number_below_a_limit_is_drawn() -> None:
    chance = Chance(1)
    assert {chance.below(6) for _ in range(200)} == set(range(6))


def test_quick_chance_is_repeated_by_its_source_and_takes_as_wide() -> None:
    one, same, other = Chance(1).quick(), Chance(1).quick(), Chance(2).quick()
    drawn = [one.random_bytes(5) for _ in range(20)]
    assert drawn == [same.random_bytes(5) for _ in range(20)]
    assert drawn != [other.random_bytes(5) for _ in range(20)]
    assert (one.random_bytes(0), len(one.random_bytes(33))) == (b"", 33)
    assert {one.below(6) for _ in range(200)} == set(range(6))


def test_new_seeds_differ() -> None:
    assert len({new_seed() for _ in range(20)}) > 1


def test_the_real_clock_is_the_machines() -> None:
    clock = RealClock()
    assert time.monotonic() <= clock.now_s() <= time.monotonic()
    assert time.time() <= clock.utc_s() <= time.time()


def test_utc_is_written_to_the_second() -> None:
    assert utc_text(1_767_225_600.9) == "2026-01-01T00:00:00Z"
