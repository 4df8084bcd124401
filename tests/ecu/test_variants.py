"""Prove how the sound variants differ: in time, sessions, addresses, and other traffic."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.ecu.neighbour import Neighbour
from harness.ecu.profiles import HARDENED, hardened

from .desk import Desk, FakePort, HardenedDesk

READ, ANSWER = "740#0322101000000000", "748#04621010FF000000"


def test_jitter_delays_each_answer_by_chance() -> None:
    desk = HardenedDesk(answer_jitter_s=0.040)
    for draw, delay_s in ((b"\x00\x00", 0.0), (b"\xff\xff", 0.040), (b"\x80\x00", 0.020)):
        desk.port.chance.append(draw)
        assert desk.give(READ) == ([] if delay_s else [ANSWER])
        assert desk.wait(delay_s + 1e-3) == ([ANSWER] if delay_s else [])


def test_busy_ecu_serves_what_is_repeated() -> None:
    desk = HardenedDesk(busy_every=3)
    answers = [desk.ask("22 1010") for _ in range(6)]
    assert answers == ["62 10 10 ff", "62 10 10 ff", "7f 22 21"] * 2


def test_without_sessions_there_is_no_service_10_and_27_is_always_there() -> None:
    desk = HardenedDesk(sessions=())
    assert desk.ask("10 01") == "7f 10 11"
    assert desk.send_right_key() == "67 02"
    desk.wait(60.0)
    assert desk.is_unlocked()
    desk.ask("11 01")
    desk.wait(HARDENED.boot_s)
    assert not desk.is_unlocked()


def test_answers_may_have_29_bits_where_requests_have_11() -> None:
    desk = Desk(hardened("extended_answers"))
    assert desk.give(READ) == [ANSWER.replace("748#", "00000748#")]
    assert desk.give(READ.replace("740#", "00000740#")) == []


def test_all_ids_may_have_29_bits() -> None:
    desk = Desk(hardened("extended_ids"))
    assert desk.give("18DA40F1#03221010") == ["18DAF140#04621010FF000000"]
    assert desk.give("18DB33F1#03221010") == ["18DAF140#04621010FF000000"]
    assert desk.give(READ) == []


@pytest.fixture
def say() -> Callable[[str], list[str]]:
    desk = Desk(Neighbour())  # type: ignore[arg-type]
    assert isinstance(desk.port, FakePort)
    return desk.give


@pytest.mark.parametrize("asked", ["741#0322101000000000", "740#0322101000000000"])
def test_neighbour_speaks_on_its_own_id_whoever_is_asked(say: Callable[[str], list[str]], asked: str) -> None:
    assert say(asked) == ["749#037F2233"]


def test_neighbour_is_never_quiet_for_long_and_never_on_the_ecus_own_ids() -> None:
    desk = Desk(Neighbour())  # type: ignore[arg-type]
    heard = [*desk.periodic, *desk.wait(2.0)]
    assert len(heard) >= 12
    assert not [frame for frame in heard if frame.startswith(("740#", "748#"))]


def test_ecu_may_send_frames_while_it_boots() -> None:
    desk = Desk(hardened("talks_while_booting"))
    desk.power_cycle()
    assert desk.wait(HARDENED.boot_s) == ["748#F055AA0000000000"] * 3
    assert desk.give("740#0211010000000000") == ["748#0251010000000000"]
    assert desk.wait(HARDENED.boot_s) == ["748#F055AA0000000000"] * 3


def test_sessions_may_start_late() -> None:
    desk = HardenedDesk(sessions_start_s=1.5)
    assert desk.ask("10 03")[:5] == "50 03", "it has been on for long"
    desk.ask("11 01")
    desk.wait(HARDENED.boot_s)
    assert desk.ask("10 03") == "7f 10 22"
    desk.wait(1.5)
    assert desk.ask("10 03")[:5] == "50 03"
