"""Prove that sessions with any number are found, and that refusals are kept with their reason."""

import pytest

from harness.audit.catalogue import shipped_functions
from harness.buses import open_link
from harness.discovery.discover import Found, discover
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.runs.findings import Finding
from harness.target import Target, load_text
from harness.target.load import unknown_target
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

NODES = "tests.discovery.session_nodes"


def found(name: str) -> Found:
    channel = f"{NODES}:{name}"
    link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(1))
    unknown = unknown_target(interface="uds-sim", channel=channel)
    (one,) = discover(link, unknown, candidates=[(0x7E0, False)], depth=Depth.QUICK).ecus
    return one


def target(one: Found) -> Target:
    return load_text(one.text, "found")


def judged(one: Found, check: str) -> Finding:
    return run_checks([shipped_functions()[check]], target(one))[0]


def test_a_session_above_0x7f_is_found_declared_and_audited() -> None:
    one = found("High")
    assert sorted(one.map.sessions) == [0x01, 0x03, 0x82]
    assert [(level.level, level.session) for level in one.map.levels] == [(0x01, 0x82)]
    assert {entry.id for entry in target(one).sessions} == {0x01, 0x03, 0x82}
    finding = judged(one, "SA-01")
    assert finding.verdict is Verdict.FAIL, finding.reason


def test_a_session_that_was_found_is_not_a_hidden_one_as_long_as_none_is_declared() -> None:
    finding = judged(found("High"), "ST-07")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "sessions were found, and none is declared" in finding.reason


def test_a_suppress_bit_that_is_ignored_makes_no_session() -> None:
    one = found("Echoing")
    assert sorted(one.map.sessions) == [0x01, 0x03]
    assert one.map.aliases == {0x81: 0x01, 0x83: 0x03}


def test_refused_sessions_are_kept_with_where_and_how_they_were_refused() -> None:
    one = found("Refusing")
    assert sorted(one.map.sessions) == [0x01, 0x03]
    assert {session: set(by) for session, by in one.map.refused_sessions.items()} == {0x02: {1, 3}, 0x62: {1, 3}}
    assert "negative 0x33 securityAccessDenied from session 0x03" in one.text
    assert "Session 0x02 is there and was refused: negative 0x22 conditionsNotCorrect" in one.text


def test_security_access_that_no_session_reaches_is_said_to_be_there() -> None:
    one = found("Refusing")
    assert "27 is there, but in no session that could be entered" in one.map.security_access
    assert "10 02 is refused with 0x22" in one.map.security_access
    finding = judged(one, "SA-01")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "27 is there, but in no session that could be entered" in finding.reason


def test_a_session_that_is_refused_while_the_ecu_starts_is_asked_for_again() -> None:
    assert sorted(found("Slow").map.sessions) == [0x01, 0x03]


def test_an_ecu_that_restarts_when_it_leaves_programming_is_waited_for() -> None:
    one = found("Restarting")
    assert sorted(one.map.sessions) == [0x01, 0x02, 0x03]
    assert {service for here in one.map.services.values() for service in here} == {0x10, 0x22, 0x27, 0x3E}
    assert one.map.s3_said == "a session lasts longer than 30 s"


@pytest.mark.parametrize("check", ["CF-09", "CF-12", "FZ-04", "ST-05"])
def test_its_restart_is_no_failure(check: str) -> None:
    finding = judged(found("Restarting"), check)
    assert finding.verdict is not Verdict.FAIL, finding.observed


@pytest.mark.parametrize(("name", "p2_ms", "p2_star_ms"), [("Timeless", 50, 5000), ("Endless", 65_535, 600_000)])
def test_whatever_times_an_ecu_states_the_file_can_be_loaded(name: str, p2_ms: int, p2_star_ms: int) -> None:
    timing = target(found(name)).timing
    assert (timing.p2_ms, timing.p2_star_ms) == (p2_ms, p2_star_ms)


def test_the_stated_p2_is_the_files() -> None:
    assert target(found("Unhurried")).timing.p2_ms == 150
