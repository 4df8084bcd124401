"""Prove that what the run has seen is separated by session and open level, and reaches the report's map."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.audit.opening import open_tester
from harness.link.trace import Trace
from harness.measurements.access_map import access_profiles
from harness.runs.measured import Profile
from harness.target import load_target
from harness.tester.seen import MOST_SUBJECTS, Condition, Seen
from harness.tester.tester import Tester


@pytest.fixture
def hardened() -> Iterator[Tester]:
    tester = open_tester(load_target("hardened"), seed=1, trace=Trace(), ledger_path=None)
    yield tester
    tester.link.close()


def cells(profile: Profile, row: str) -> dict[str, str]:
    """A row of the map, by condition."""
    assert profile.grid is not None
    (found,) = [one for one in profile.grid.rows if one.name == row]
    return dict(zip(profile.grid.columns, found.cells, strict=True))


def test_a_write_is_refused_locked_and_answered_with_its_level_open(hardened: Tester) -> None:
    hardened.request("1003")
    hardened.request("2E202011")
    hardened.security.unlock(1)
    hardened.request("2E202011")
    services, data = access_profiles(hardened.state.seen, hardened.target)
    assert cells(data, "2020 write") == {"session 0x03, locked": "0x33", "session 0x03, level 0x01 open": "answered"}
    assert cells(services, "2E WriteDataByIdentifier")["session 0x03, locked"] == "0x33"


def test_a_change_of_session_a_reset_and_a_long_silence_close_the_level(hardened: Tester) -> None:
    open_, default = Condition(3, 1), Condition(1, 0)
    for end in (lambda: hardened.request("1001"), lambda: hardened.request("1101"), lambda: hardened.wait(6.0)):
        hardened.wait(1.0)
        hardened.request("1003")
        hardened.security.unlock(1)
        assert hardened.state.condition == open_
        end()
        assert hardened.state.condition == default
        hardened.wait(1.0)


def test_what_the_ecu_does_not_know_makes_no_row(hardened: Tester) -> None:
    for service in range(0x80, 0x84):
        hardened.request(bytes((service, 1)))
    hardened.request("22ABCD")
    hardened.request("222020")
    services, data = access_profiles(hardened.state.seen, hardened.target)
    assert services.grid is not None
    assert [row.name for row in services.grid.rows] == ["22 ReadDataByIdentifier"]
    assert data.grid is not None
    assert [row.name for row in data.grid.rows] == ["2020 read"]
    assert dict(services.rows)["Asked for"] == "5, of which the ECU knows 1"


def test_a_run_that_saw_nothing_has_no_map(hardened: Tester) -> None:
    assert access_profiles(Seen(5.0), hardened.target) == ()


def test_a_walk_over_all_identifiers_does_not_fill_the_memory() -> None:
    seen = Seen(None)
    for did in range(0x10000):
        seen.note(bytes((0x22, did >> 8, did & 0xFF)), 0x31)
    assert len(seen.outcomes) == MOST_SUBJECTS


@pytest.mark.parametrize(("request_", "session"), [("10 83", 0x03), ("10 81", 0x01)])
def test_a_session_that_was_asked_for_without_an_answer_is_believed_to_be_entered(
    hardened: Tester, request_: str, session: int
) -> None:
    hardened.request("10 03" if session == 0x01 else "10 01")
    assert hardened.request(request_).is_silence
    assert hardened.state.condition.session == session
