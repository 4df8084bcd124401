"""Prove how the sound variants differ: in timing, sessions, addresses, and other traffic."""

from collections.abc import Callable

import pytest

from harness.ecu.neighbour import Neighbour
from harness.ecu.profiles import HARDENED, hardened

from .bench import Bench, FakePort, HardenedBench

READ, ANSWER = "740#0322101000000000", "748#04621010FF000000"


def test_jitter_delays_each_answer_by_chance() -> None:
    bench = HardenedBench(answer_jitter_s=0.040)
    for draw, delay_s in ((b"\x00\x00", 0.0), (b"\xff\xff", 0.040), (b"\x80\x00", 0.020)):
        bench.port.chance.append(draw)
        assert bench.give(READ) == ([] if delay_s else [ANSWER])
        assert bench.wait(delay_s + 1e-3) == ([ANSWER] if delay_s else [])


def test_busy_ecu_serves_what_is_repeated() -> None:
    bench = HardenedBench(busy_every=3)
    answers = [bench.ask("22 1010") for _ in range(6)]
    assert answers == ["62 10 10 ff", "62 10 10 ff", "7f 22 21"] * 2


def test_without_sessions_there_is_no_service_10_and_27_is_always_there() -> None:
    bench = HardenedBench(sessions=())
    assert bench.ask("10 01") == "7f 10 11"
    assert bench.send_right_key() == "67 02"
    bench.wait(60.0)
    assert bench.is_unlocked()
    bench.ask("11 01")
    bench.wait(HARDENED.boot_s)
    assert not bench.is_unlocked()


def test_answers_may_have_29_bits_where_requests_have_11() -> None:
    bench = Bench(hardened("extended_answers"))
    assert bench.give(READ) == [ANSWER.replace("748#", "00000748#")]
    assert bench.give(READ.replace("740#", "00000740#")) == []


def test_all_ids_may_have_29_bits() -> None:
    bench = Bench(hardened("extended_ids"))
    assert bench.give("18DA40F1#03221010") == ["18DAF140#04621010FF000000"]
    assert bench.give("18DB33F1#03221010") == ["18DAF140#04621010FF000000"]
    assert bench.give(READ) == []


@pytest.fixture
def say() -> Callable[[str], list[str]]:
    bench = Bench(Neighbour())  # type: ignore[arg-type]
    assert isinstance(bench.port, FakePort)
    return bench.give


@pytest.mark.parametrize("asked", ["741#0322101000000000", "740#0322101000000000"])
def test_neighbour_speaks_on_its_own_id_whoever_is_asked(say: Callable[[str], list[str]], asked: str) -> None:
    assert say(asked) == ["749#037F2233"]


def test_neighbour_is_never_quiet_for_long_and_never_on_the_ecus_own_ids() -> None:
    bench = Bench(Neighbour())  # type: ignore[arg-type]
    heard = [*bench.periodic, *bench.wait(2.0)]
    assert len(heard) >= 12
    assert not [frame for frame in heard if frame.startswith(("740#", "748#"))]


def test_ecu_may_send_frames_while_it_boots() -> None:
    bench = Bench(hardened("talks_while_booting"))
    bench.power_cycle()
    assert bench.wait(HARDENED.boot_s) == ["748#F055AA0000000000"] * 3
    assert bench.give("740#0211010000000000") == ["748#0251010000000000"]
    assert bench.wait(HARDENED.boot_s) == ["748#F055AA0000000000"] * 3


def test_sessions_may_start_late() -> None:
    bench = HardenedBench(sessions_start_s=1.5)
    assert bench.ask("10 03")[:5] == "50 03", "it has been on for long"
    bench.ask("11 01")
    bench.wait(HARDENED.boot_s)
    assert bench.ask("10 03") == "7f 10 22"
    bench.wait(1.5)
    assert bench.ask("10 03")[:5] == "50 03"
