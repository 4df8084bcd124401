"""Prove that several testers of one ECU are separate: an unlock serves only the tester that made it."""

import pytest

from tests.steps import dialogues, play

from .bench import HardenedBench

WRITE = "2E 2020 77"
DENIED, WRITTEN = "7f 2e 33", "6e 20 20"
WRONG = "11" * 16


@pytest.fixture
def bench() -> HardenedBench:
    return HardenedBench()


DIALOGUES = f"""
the second connection is served on its own ids, once the ECU has taken its time, which is none
    742#03221010 > nothing | wait: 0 s > 74A#04621010FF000000
an unlock belongs to its connection
    unlock | there: {WRITE} > {DENIED} | to all: {WRITE} > {DENIED} | {WRITE} > {WRITTEN}
a session change of one locks all
    unlock | there: 10 03 | {WRITE} > {DENIED}
wrong keys of all count together
    10 03 | there: 27 01 | there: 27 02 {WRONG} > 7f 27 35 | there: 27 01 | there: 27 02 {WRONG} > 7f 27 35
    seed | 27 02 {WRONG} > 7f 27 36 | there: 27 01 > 7f 27 37
loss of power locks all
    unlock | 742#1009221010202010 | power | wait: 1 s | 742#21101010 > nothing | wait: 1 s > nothing
    there: {WRITE} > {DENIED}
"""


@pytest.mark.parametrize("steps", dialogues(DIALOGUES))
def test_two_testers(bench: HardenedBench, steps: str) -> None:
    play(steps, bench.do)


def test_long_messages_go_both_ways_on_the_second_connection(bench: HardenedBench) -> None:
    bench.give("742#0322F18C")
    (first,) = bench.wait(0.0)
    assert first.startswith("74A#1013")
    assert [frame[:6] for frame in bench.give("742#300000")] == ["74A#21", "74A#22"]
    assert bench.give("742#1009221010202010") == ["74A#3000000000000000"]
    bench.give("742#21101010")
    assert bench.wait(0.0)[0].startswith("74A#10")


@pytest.mark.parametrize("frame", ["00000742#03221010", "742#R8", "743#03221010"])
def test_other_frames_do_not_concern_it(bench: HardenedBench, frame: str) -> None:
    assert bench.give(frame) + bench.wait(1.0) == []


def test_seed_belongs_to_its_connection(bench: HardenedBench) -> None:
    bench.ask("10 03")
    key = bench.key(bench.seed())
    play(f"there: 27 02 {key} > 7f 27 24 | 27 02 {key} > 67 02", bench.do)


def test_two_connections_have_two_seeds(bench: HardenedBench) -> None:
    bench.ask("10 03")
    ours = bench.seed()
    theirs = bytes.fromhex(bench.do("there: 27 01"))[2:]
    play(f"there: 27 02 {bench.key(theirs)} > 67 02 | 27 02 {bench.key(ours)} > 67 02", bench.do)


def test_unlock_valid_for_all() -> None:
    bench = HardenedBench(flaws=["unlock_valid_for_all"])
    play(f"unlock | there: {WRITE} > {WRITTEN}", bench.do)
    play(f"there: 27 04 {bench.key(bench.seed(3), 3)} > 7f 27 24", bench.do)


def test_seed_valid_for_all() -> None:
    bench = HardenedBench(flaws=["seed_valid_for_all"])
    bench.ask("10 03")
    play(f"there: 27 02 {bench.key(bench.seed())} > 67 02 | {WRITE} > {DENIED}", bench.do)
