"""Prove that what the run has seen is separated by session and open level, and reaches the report's map."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.audit.opening import open_tester
from harness.link.trace import Trace
from harness.measurements.access_map import access_profiles
from harness.runs.measured import Profile
from harness.target import NEVER, Access, DataEntry, load_target
from harness.target.values import OPEN
from harness.tester.reply import ReplyKind
from harness.tester.seen import MOST_SUBJECTS, Condition, Seen
from harness.tester.tester import Tester


@pytest.fixture
def hardened() -> Iterator[Tester]:
    tester = open_tester(load_target("hardened"), seed=1, trace=Trace(), ledger_path=None)
    yield tester
    tester.link.close()


def cells(profile: Profile, row: str) -> dict[str, str]:
    """Return a row of the map, by condition."""
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


def standings(profile: Profile, row: str) -> dict[str, str]:
    """Return how each cell of a row agrees with the declarations, by condition."""
    assert profile.grid is not None
    (found,) = [one for one in profile.grid.rows if one.name == row]
    return dict(zip(profile.grid.columns, found.standings, strict=True)) if found.standings else {}


def test_the_map_says_what_is_as_declared(hardened: Tester) -> None:
    hardened.request("1003")
    for _ in range(2):
        for request in ("222020", "2E202011", "2EF18C41", "14FFFFFF"):
            hardened.request(request)
        hardened.security.unlock(1)
    hardened.request("1001")
    hardened.request("14FFFFFF")
    services, data = access_profiles(hardened.state.seen, hardened.target)
    locked, opened = "session 0x03, locked", "session 0x03, level 0x01 open"
    assert standings(data, "2020 read") == {
        "session 0x01, locked": "not known",
        locked: "allowed as declared",
        opened: "allowed as declared",
    }
    assert standings(data, "2020 write")[locked] == "refused as declared"
    assert standings(data, "2020 write")[opened] == "allowed as declared"
    assert standings(services, "14 ClearDiagnosticInformation")["session 0x01, locked"] == "refused as declared"
    assert standings(services, "22 ReadDataByIdentifier") == {}, "nobody declared it"


@pytest.mark.parametrize(
    ("access", "outcomes", "level", "standing"),
    [
        (Access("level", 1), {ReplyKind.POSITIVE}, 0, "open though guarded"),
        (NEVER, {ReplyKind.POSITIVE}, 3, "open though guarded"),
        (Access("level", 1), {ReplyKind.POSITIVE, 0x33}, 0, "not known"),
        (Access("level", 1), {ReplyKind.POSITIVE}, 3, "not known"),
        (Access("level", 1), {0x7F}, 0, "refused as declared"),
        (Access("level", 1), {0x33}, 1, "refused though open"),
        (OPEN, {0x33}, 0, "refused though open"),
        (OPEN, {0x31}, 0, "not known"),
        (OPEN, {ReplyKind.SILENCE}, 0, "not known"),
        (NEVER, set(), 0, "not known"),
    ],
)
def test_only_a_plain_answer_in_a_locked_ecu_stands_against_the_declaration(
    access: Access, outcomes: set[ReplyKind | int], level: int, standing: str
) -> None:
    seen, target = Seen(5.0), replace(load_target("hardened"), data=(DataEntry(did=0x2020, write=access),))
    seen.condition = Condition(9, 0)
    seen.note(bytes.fromhex("2E202000"), ReplyKind.POSITIVE)  # it is known, so that there is a row
    seen.outcomes[bytes.fromhex("2E2020")][Condition(3, level)] = outcomes
    (data,) = [one for one in access_profiles(seen, target) if "data" in one.title]
    condition = f"session 0x03, level 0x{level:02X} open" if level else "session 0x03, locked"
    assert standings(data, "2020 write")[condition] == standing


def test_what_was_only_found_is_no_declaration(hardened: Tester) -> None:
    hardened.request("222020")
    found = replace(hardened.target, data=tuple(replace(one, origin="found") for one in hardened.target.data))
    _, data = access_profiles(hardened.state.seen, found)
    assert standings(data, "2020 read") == {}


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
