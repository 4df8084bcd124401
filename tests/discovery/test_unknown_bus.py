"""Prove which ids are probed on an undescribed bus, and what is announced before."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.buses import open_bus_of
from harness.cli.main import main
from harness.discovery.addresses import Survey, planned, survey
from harness.discovery.id_plan import LISTENED_S, MOST_LOAD, IdPlan, plan, ranges
from harness.discovery.usual_ids import EVERYBODYS_IDS, Id, usual_ids
from harness.link.bus import Link
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.target import unknown_target

MANAGEMENT: Id = (0x000, False)
BUSY: Id = (0x123, False)
"""The ids on which the simulated neighbour of these tests sends."""


def on_the_bus(do: Callable[[Link], object], channel: str = "hardened") -> tuple[object, list[Frame]]:
    """Discover; return the result, and the frames that were sent."""
    trace = Trace()
    target = unknown_target(interface="uds-sim", channel=channel)
    link = open_bus_of(target, trace=trace, chance=Chance(0))
    try:
        return do(link), [frame for frame in trace.frames(0, trace.count) if frame.is_sent]
    finally:
        link.close()


def surveyed(candidates: list[Id], **how: object) -> tuple[Survey, list[Frame]]:
    found, sent = on_the_bus(
        lambda link: survey(link, candidates, pace_s=0.002, progress=lambda *_: None, **how)  # type: ignore[arg-type]
    )
    assert isinstance(found, Survey)
    return found, sent


def chosen(candidates: list[Id], *, traffic: tuple[Id, ...] = (), named: tuple[Id, ...] = (), **how: object) -> IdPlan:
    settings: dict[str, object] = {"may_ask_all": False, "pace_s": 0.005, "bitrate": 500_000} | how
    return plan(candidates, dict.fromkeys(traffic, 3), named=named, **settings)  # type: ignore[arg-type]


def test_nothing_is_sent_while_the_bus_is_heard() -> None:
    _, sent = surveyed([(0x740, False)])
    assert sent[0].time_s >= LISTENED_S


def test_network_management_and_everybodys_ids_are_left_alone_among_the_usual_ones() -> None:
    found, sent = surveyed(usual_ids())
    asked = {(frame.can_id, frame.is_extended) for frame in sent}
    assert not asked & {MANAGEMENT, *EVERYBODYS_IDS}
    assert {(0x001, False), (0x740, False), (0x7FF, False)} <= asked
    told = " ".join(found.left_out)
    assert "0x000" in told
    assert "0x7DF, 0x18DB33F1" in told
    assert '"functional"' in told


def test_everybodys_ids_are_asked_with_their_permission() -> None:
    found, sent = surveyed(usual_ids(), functional=EVERYBODYS_IDS)
    assert (0x7DF, False) in {(frame.can_id, frame.is_extended) for frame in sent}
    assert found.ecus[0].functional == (0x7DF, False)


@pytest.mark.parametrize("one", [MANAGEMENT, BUSY])
def test_a_named_id_is_asked_whatever_else_it_is_for(one: Id) -> None:
    assert chosen([one], traffic=(BUSY,), named=(one,)).asked == (one,)
    assert chosen([one, (0x700, False)], traffic=(BUSY,)).asked == ((0x700, False),)


def test_a_named_functional_id_takes_the_permission_all_the_same() -> None:
    named = ((0x7DF, False),)
    assert chosen([*named], named=named).asked == ()
    assert chosen([*named], named=named, may_ask_all=True).asked == named


@given(
    st.lists(st.tuples(st.integers(0, 0x7FF), st.just(False)), unique=True),
    st.lists(st.tuples(st.integers(0, 0x7FF), st.just(False)), unique=True),
    st.booleans(),
)
def test_no_id_with_traffic_is_asked_and_every_other_is(candidates: list[Id], heard: list[Id], may_ask_all: bool) -> None:
    found = chosen(candidates, traffic=tuple(heard), may_ask_all=may_ask_all)
    special = {MANAGEMENT} if may_ask_all else {MANAGEMENT, *EVERYBODYS_IDS}
    assert set(found.asked) == set(candidates) - set(heard) - special


@pytest.mark.parametrize("bitrate", [10_000, 125_000, 500_000])
@pytest.mark.parametrize("pace_s", [0.0, 0.001, 0.005, 0.05])
def test_questions_take_a_quarter_of_the_bus_at_most(bitrate: int, pace_s: float) -> None:
    found = chosen([(0x700, False)], pace_s=pace_s, bitrate=bitrate)
    assert found.load <= MOST_LOAD + 1e-9
    assert found.pace_s >= pace_s


def test_a_survey_keeps_to_the_pace_that_its_plan_says() -> None:
    told: list[IdPlan] = []
    ids = [(number, False) for number in range(0x600, 0x680)]
    found, sent = on_the_bus(
        lambda link: survey(link, ids, pace_s=0.0, progress=lambda *_: None, bitrate=10_000, announce=told.append),
        "article",
    )
    assert isinstance(found, Survey)
    first = [frame.time_s for frame in sent[: len(ids)]]
    assert (first[-1] - first[0]) / (len(ids) - 1) >= told[0].pace_s * 0.99


def test_the_plan_is_told_before_anything_is_asked() -> None:
    sent_before: list[int] = []
    trace = Trace()
    link = open_bus_of(unknown_target(interface="uds-sim", channel="hardened"), trace=trace, chance=Chance(0))

    def announce(told: IdPlan) -> None:
        sent_before.append(sum(frame.is_sent for frame in trace.frames(0, trace.count)))
        assert told.asked == ((0x740, False),)

    survey(link, [(0x740, False)], pace_s=0.005, progress=lambda *_: None, announce=announce)
    link.close()
    assert sent_before == [0]


def test_a_dry_run_hears_and_sends_nothing() -> None:
    found, sent = on_the_bus(
        lambda link: planned(link, usual_ids(), named=(), may_ask_all=False, pace_s=0.005, bitrate=500_000)
    )
    assert isinstance(found, IdPlan)
    assert sent == []
    said = " ".join(found.sentences())
    assert "Listened for 2.2 s" in said
    assert "% of a bus of 500000 bit/s" in said
    assert "0x18DA00F1-0x18DAFFF1 in steps of 0x100" in said


def test_the_dry_run_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "uds-sim:hardened", "--ids", "0x700-0x7FF", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "Each of 256 ids is asked" in out
    assert "nothing was sent" in out
    assert "0x740 -> 0x748" not in out


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([], "none"),
        ([(0x700, False)], "0x700"),
        ([(0x702, False), (0x700, False), (0x701, False)], "0x700-0x702"),
        ([(0x18DA00F1, True), (0x18DA01F1, True), (0x7FF, False)], "0x7FF, 0x18DA00F1-0x18DA01F1 in steps of 0x100"),
        ([(number, False) for number in range(0, 0x800, 0x23)], "0x000, 0x023"),
    ],
)
def test_ids_in_words(ids: list[Id], words: str) -> None:
    assert ranges(ids).startswith(words)
    assert len(ranges(ids)) < 200
