"""Prove `before` on sessions and levels: what it means, which requests are sent when, and what discovery finds of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.audit.opening import open_tester
from harness.buses import open_bus_of
from harness.discovery.discover import discover
from harness.errors import Inconclusive, NotPermitted, UserError
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import Target, load_text, unknown_target
from harness.tester.tester import Tester
from harness.verdict import Depth

from ..unseen.ecu import TABLES
from ..unseen.score import target_of

NODES = Path(__file__).parents[1] / "unseen" / "tractor" / "tractor_before.py"
HEAD = '[can]\ninterface = "uds-sim"\nchannel = "ecu.py:make"\nrequest_id = 1\nresponse_id = 2\n[timing]\ns3_ms = 5000\n'
BY_NAME = {ecu.name: target_of(ecu) for ecu in TABLES["addresses"]}


def load(text: str) -> Target:
    return load_text(HEAD + text, "ecu.toml")


def refusal(text: str) -> str:
    with pytest.raises(UserError) as caught:
        load(text)
    return str(caught.value)


@contextmanager
def opened(target: Target) -> Iterator[tuple[Tester, Trace]]:
    trace = Trace()
    tester = open_tester(target, seed=1, trace=trace, ledger_path=None)
    try:
        yield tester, trace
    finally:
        tester.link.close()


def asked(trace: Trace) -> list[str]:
    """Return the requests of one frame that were sent, without flow controls."""
    frames = [frame for frame in trace.frames(0, trace.count) if frame.is_sent and frame.pci_type == 0]
    return [frame.pdu.hex(" ").upper() for frame in frames]


# The file


def test_requests_are_read_in_hex_and_said_again() -> None:
    target = load('[[session]]\nid = 2\nbefore = ["31 01 0203", "3E00"]\n')
    assert [str(one) for one in target.before_session(2)] == ["31 01 02 03", "3E 00"]
    assert target.redacted()["sessions"][0]["before"] == ["31 01 02 03", "3E 00"]
    assert target.before_session(3) == ()


def test_a_seed_request_stands_for_its_level() -> None:
    text = '[[security]]\nlevel = 1\n[[security]]\nlevel = 3\nbefore = ["27 01"]\n'
    assert [one.level for one in load(text).before_level(3)] == [1]
    assert load(text).levels_opened_before == {1}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[[session]]\nid = 2\nbefore = ["3"]\n', 'session #1: before is ["3"]; give a list of requests'),
        ('[[session]]\nid = 2\nbefore = "3E 00"\n', 'session #1: before is "3E 00"; give a list of requests'),
        ('[[session]]\nid = 2\nbefore = [""]\n', 'session #1: before is [""]; give a list of requests'),
        ('[[session]]\nid = 2\nbefore = ["27 02 01"]\n', "give the request for the seed, e.g. 27 01"),
        ('[[session]]\nid = 2\nbefore = ["functional 3E 80"]\n', "there is no can.functional_id; give one"),
        ('[[session]]\nid = 2\nbefore = ["27 01"]\n', "declare level 0x01 in [[security]] too"),
        ('[[security]]\nlevel = 1\nbefore = ["27 01"]\n', "leads back to level 0x01 itself"),
        (
            '[[security]]\nlevel = 1\nbefore = ["27 03"]\n[[security]]\nlevel = 3\nbefore = ["27 01"]\n',
            "security #1: before leads back to level 0x01 itself",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, why: str) -> None:
    assert why in refusal(text)


# What is sent


def test_a_routine_is_started_before_its_session_is_asked_for() -> None:
    with opened(BY_NAME["routine-before-programming"]) as (tester, trace):
        assert tester.enter_session(0x02).is_positive
        ways = [one for one in asked(trace) if one.startswith(("10", "31"))]
        assert ways[:3] == ["10 03", "31 01 02 03", "10 02"]


def test_without_its_precondition_the_session_is_refused_and_the_level_says_why() -> None:
    target = BY_NAME["routine-before-programming"]
    text = BY_NAME_TEXT.replace('before = ["31 01 0203"]', "")
    bare = load_text(text, "bare", target.path)
    with opened(bare) as (tester, _), pytest.raises(Inconclusive, match="session 0x02, where level 0x05 should be"):
        tester.session_for(0x05)


def test_what_is_wanted_before_passes_the_gate_or_is_not_sent() -> None:
    text = BY_NAME_TEXT.replace("safe = true", "").replace(', "destructive"', "")
    with opened(load_text(text, "careful")) as (tester, trace):
        with pytest.raises(NotPermitted, match="31 01 02 03"):
            tester.session_for(0x05)
        assert "31 01 02 03" not in asked(trace)


def test_a_request_to_all_goes_to_the_functional_id() -> None:
    with opened(BY_NAME["tester-present-to-all-before-a-seed"]) as (tester, trace):
        tester.security.unlock(0x05)
        frames = trace.frames(0, trace.count)
        assert any(frame.can_id == 0x6F0 and frame.pdu == b"\x3e\x80" for frame in frames)


def test_a_level_is_opened_before_the_level_behind_it() -> None:
    with opened(BY_NAME["level-behind-a-level"]) as (tester, trace):
        tester.security.unlock(0x09)
        assert [one for one in asked(trace) if one in ("27 05", "27 09")][:2] == ["27 05", "27 09"]
        assert tester.write(0x4A03, bytes(6)).is_positive


def test_a_level_is_opened_before_the_session_behind_it() -> None:
    with opened(BY_NAME["session-behind-a-level"]) as (tester, _):
        assert tester.enter_session(0x62).is_positive
        assert 0x62 not in tester.sessions(), "what is looked for in sessions would be asked of an open ECU"


# Discovery


def found_of(factory: str, request_id: int = 0x6B2) -> str:
    unknown = unknown_target(interface="uds-sim", channel=f"{NODES}:{factory}", request_id=request_id)
    link = open_bus_of(unknown, trace=Trace(), chance=Chance(1))
    try:
        key = f"{NODES.with_name('tractor_before.py')}:key"
        (one,) = discover(link, unknown, candidates=[(request_id, False)], key=key, depth=Depth.QUICK).ecus
    finally:
        link.close()
    return one.text


def test_with_a_key_a_level_behind_a_level_is_found() -> None:
    target = load_text(found_of("LevelBehindLevel"), "found")
    assert {entry.level: [str(one) for one in entry.before] for entry in target.security} == {5: [], 9: ["27 05"]}


def test_with_a_key_a_session_behind_a_level_is_found() -> None:
    target = load_text(found_of("SessionBehindLevel"), "found")
    entry = next(one for one in target.sessions if one.id == 0x62)
    assert (entry.via, [str(one) for one in entry.before]) == (0x03, ["27 05"])


def test_a_session_that_wants_something_else_is_said_to_be_there() -> None:
    text = found_of("RoutineFirst")
    (comment,) = [line for line in text.splitlines() if line.startswith("# Session 0x02 is there and was refused:")]
    assert "negative 0x22 conditionsNotCorrect from session 0x03" in comment
    assert 0x02 not in [entry.id for entry in load_text(text, "found").sessions]


def _text_of(name: str) -> str:
    ecu = next(one for one in TABLES["addresses"] if one.name == name)
    file, _, factory = ecu.factory.partition(":")
    path = NODES.parents[1] / file
    return ecu.target.replace("@CHANNEL@", f"{path}:{factory}").replace("@KEY@", f"{path}:key")


BY_NAME_TEXT = _text_of("routine-before-programming")
