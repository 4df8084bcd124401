"""Prove that several testers of one ECU are separate: an unlock serves only the tester that made it."""

import pytest

from .bench import HardenedBench

WRITE = "2E 2020 77"
DENIED, WRITTEN = "7f 2e 33", "6e 20 20"


def ask_there(bench: HardenedBench, request: str) -> str:
    """Send a request on the second connection; return the answers."""
    return ", ".join(answer.hex(" ") for answer in bench.node.ecu.answer(bytes.fromhex(request), connection=1))


@pytest.fixture
def bench() -> HardenedBench:
    return HardenedBench()


def test_second_connection_is_served_on_its_own_ids(bench: HardenedBench) -> None:
    assert bench.give("742#03221010") == []  # it is sent when the ECU has taken its time, which is none
    assert bench.wait(0.0) == ["74A#04621010FF000000"]


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


def test_unlock_belongs_to_its_connection(bench: HardenedBench) -> None:
    bench.unlock()
    assert ask_there(bench, WRITE) == DENIED
    assert bench.ask(WRITE, is_functional=True) == DENIED
    assert bench.ask(WRITE) == WRITTEN


def test_seed_belongs_to_its_connection(bench: HardenedBench) -> None:
    bench.ask("10 03")
    key = bench.key(bench.seed())
    assert ask_there(bench, f"27 02 {key}") == "7f 27 24"
    assert bench.send_key(key) == "67 02"


def test_two_connections_have_two_seeds(bench: HardenedBench) -> None:
    bench.ask("10 03")
    ours = bench.seed()
    theirs = bytes.fromhex(ask_there(bench, "27 01"))[2:]
    assert ask_there(bench, f"27 02 {bench.key(theirs)}") == "67 02"
    assert bench.send_key(bench.key(ours)) == "67 02"


def test_session_change_of_one_locks_all(bench: HardenedBench) -> None:
    bench.unlock()
    ask_there(bench, "10 03")
    assert bench.ask(WRITE) == DENIED


def test_wrong_keys_of_all_count_together(bench: HardenedBench) -> None:
    bench.ask("10 03")
    wrong = "11" * 16
    for _ in range(2):
        ask_there(bench, "27 01")
        assert ask_there(bench, f"27 02 {wrong}") == "7f 27 35"
    bench.seed()
    assert bench.send_key(wrong) == "7f 27 36"
    assert ask_there(bench, "27 01") == "7f 27 37"


def test_loss_of_power_locks_all(bench: HardenedBench) -> None:
    bench.unlock()
    bench.give("742#1009221010202010")
    bench.power_cycle()
    bench.wait(1.0)
    assert bench.give("742#21101010") + bench.wait(1.0) == []
    assert ask_there(bench, WRITE) == DENIED


def test_unlock_valid_for_all() -> None:
    bench = HardenedBench(flaws=["unlock_valid_for_all"])
    bench.unlock()
    assert ask_there(bench, WRITE) == WRITTEN
    key = bench.key(bench.seed(3), 3)
    assert ask_there(bench, f"27 04 {key}") == "7f 27 24"


def test_seed_valid_for_all() -> None:
    bench = HardenedBench(flaws=["seed_valid_for_all"])
    bench.ask("10 03")
    key = bench.key(bench.seed())
    assert ask_there(bench, f"27 02 {key}") == "67 02"
    assert bench.ask(WRITE) == DENIED
