"""Prove that several testers of one ECU are separate: an unlock belongs to the one who made it."""

from __future__ import annotations

import pytest

from .desk import HardenedDesk

WRITE = "2E 2020 77"
DENIED, WRITTEN = "7f 2e 33", "6e 20 20"


def ask_there(desk: HardenedDesk, request: str) -> str:
    """The second connection's answers."""
    return ", ".join(answer.hex(" ") for answer in desk.node.ecu.answer(bytes.fromhex(request), connection=1))


@pytest.fixture
def desk() -> HardenedDesk:
    return HardenedDesk()


def test_second_connection_is_served_on_its_own_ids(desk: HardenedDesk) -> None:
    assert desk.give("742#03221010") == []  # it is sent when the ECU has taken its time, which is none
    assert desk.wait(0.0) == ["74A#04621010FF000000"]


def test_long_messages_go_both_ways_on_the_second_connection(desk: HardenedDesk) -> None:
    desk.give("742#0322F18C")
    (first,) = desk.wait(0.0)
    assert first.startswith("74A#1013")
    assert [frame[:6] for frame in desk.give("742#300000")] == ["74A#21", "74A#22"]
    assert desk.give("742#1009221010202010") == ["74A#3000000000000000"]
    desk.give("742#21101010")
    assert desk.wait(0.0)[0].startswith("74A#10")


@pytest.mark.parametrize("frame", ["00000742#03221010", "742#R8", "743#03221010"])
def test_other_frames_do_not_concern_it(desk: HardenedDesk, frame: str) -> None:
    assert desk.give(frame) + desk.wait(1.0) == []


def test_unlock_belongs_to_its_connection(desk: HardenedDesk) -> None:
    desk.unlock()
    assert ask_there(desk, WRITE) == DENIED
    assert desk.ask(WRITE, is_functional=True) == DENIED
    assert desk.ask(WRITE) == WRITTEN


def test_seed_belongs_to_its_connection(desk: HardenedDesk) -> None:
    desk.ask("10 03")
    key = desk.key(desk.seed())
    assert ask_there(desk, f"27 02 {key}") == "7f 27 24"
    assert desk.send_key(key) == "67 02"


def test_two_connections_have_two_seeds(desk: HardenedDesk) -> None:
    desk.ask("10 03")
    ours = desk.seed()
    theirs = bytes.fromhex(ask_there(desk, "27 01"))[2:]
    assert ask_there(desk, f"27 02 {desk.key(theirs)}") == "67 02"
    assert desk.send_key(desk.key(ours)) == "67 02"


def test_session_change_of_one_locks_all(desk: HardenedDesk) -> None:
    desk.unlock()
    ask_there(desk, "10 03")
    assert desk.ask(WRITE) == DENIED


def test_wrong_keys_of_all_count_together(desk: HardenedDesk) -> None:
    desk.ask("10 03")
    wrong = "11" * 16
    for _ in range(2):
        ask_there(desk, "27 01")
        assert ask_there(desk, f"27 02 {wrong}") == "7f 27 35"
    desk.seed()
    assert desk.send_key(wrong) == "7f 27 36"
    assert ask_there(desk, "27 01") == "7f 27 37"


def test_loss_of_power_locks_all(desk: HardenedDesk) -> None:
    desk.unlock()
    desk.give("742#1009221010202010")
    desk.power_cycle()
    desk.wait(1.0)
    assert desk.give("742#21101010") + desk.wait(1.0) == []
    assert ask_there(desk, WRITE) == DENIED


def test_unlock_valid_for_all() -> None:
    desk = HardenedDesk(flaws=["unlock_valid_for_all"])
    desk.unlock()
    assert ask_there(desk, WRITE) == WRITTEN
    key = desk.key(desk.seed(3), 3)
    assert ask_there(desk, f"27 04 {key}") == "7f 27 24"


def test_seed_valid_for_all() -> None:
    desk = HardenedDesk(flaws=["seed_valid_for_all"])
    desk.ask("10 03")
    key = desk.key(desk.seed())
    assert ask_there(desk, f"27 02 {key}") == "67 02"
    assert desk.ask(WRITE) == DENIED
