"""Prove that an ECU is mapped without changing it, and written as a target that an audit accepts."""

from pathlib import Path

import pytest

from harness.buses import open_link
from harness.cli.discover_bus import parse_ids, run
from harness.discovery.discover import Discovery, discover
from harness.errors import UserError
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import Target, load_target, load_text
from harness.target.load import unknown_target
from harness.verdict import Depth

ONE_ID = [(0x740, False)]
HARMLESS: frozenset[str] = frozenset()


def unknown(channel: str) -> Target:
    return unknown_target(interface="uds-sim", channel=channel)


def discovered(channel: str, depth: Depth = Depth.QUICK) -> Discovery:
    link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(1))
    return discover(link, unknown(channel), candidates=ONE_ID, depth=depth)


def test_the_hardened_ecu_is_mapped_as_it_is_declared() -> None:
    (one,) = discovered("hardened").ecus
    declared = load_target("hardened")
    assert sorted(one.map.sessions) == [1, 2, 3]
    assert len(one.map.transitions) == 9
    assert {(level.level, level.session, level.seed_bytes) for level in one.map.levels} == {(1, 3, 16), (3, 3, 16)}
    readable = {entry.did: entry.length for entry in declared.data if entry.read.kind == "open"}
    assert {did.did: did.length for did in one.map.identifiers if did.length} == readable
    protected = {entry.did for entry in declared.data if entry.write.level is not None and entry.read.kind == "open"}
    assert {did for did, how in one.map.writes.items() if how == "protected"} == protected
    assert one.map.s3_ms == 5000
    assert one.map.p2_star_ms == 5000
    assert one.map.boot_s == pytest.approx(0.05, abs=0.2)


def test_the_article_is_mapped_although_it_answers_junk() -> None:
    (one,) = discovered("article").ecus
    assert one.map.sessions == {}
    assert [(level.level, level.seed_bytes) for level in one.map.levels] == [(1, 5)]
    assert {did.did: did.length for did in one.map.identifiers} == {0x1010: 1, 0x2020: 1}
    assert one.map.writes == {0x1010: "open", 0x2020: "protected"}


@pytest.mark.parametrize("channel", ["hardened", "article", "hardened+unpadded", "tests.discovery.nodes:late"])
def test_what_is_written_is_a_target_and_every_entry_is_found(channel: str) -> None:
    (one,) = discovered(channel).ecus
    target = load_text(one.text, "found")
    entries = [*target.sessions, *target.security, *target.data, *target.services, *target.routines, *target.memory]
    assert entries
    assert {entry.origin for entry in entries} == {"found"}
    assert (target.can.request_id, target.can.response_id) == (0x740, 0x748)


def test_a_second_pair_of_ids_of_one_ecu_is_a_connection() -> None:
    link = open_link(interface="uds-sim", channel="hardened", bitrate=500_000, trace=Trace(), chance=Chance(1))
    (one,) = discover(link, unknown("hardened"), depth=Depth.QUICK).ecus
    (connection,) = load_text(one.text, "found").connections
    assert (connection.request_id, connection.response_id, connection.origin) == (0x742, 0x74A, "found")


@pytest.mark.parametrize(
    ("channel", "says"),
    [
        ("tests.discovery.nodes:agreeable", "as if any would do"),
        ("tests.discovery.nodes:garbage", "unknown ones are not refused"),
        ("tests.discovery.nodes:late", "were left out after"),
    ],
)
def test_an_ecu_that_makes_it_hard_is_left_with_a_clear_statement(channel: str, says: str) -> None:
    (one,) = discovered(channel, Depth.DEFAULT).ecus
    assert says in " ".join(one.map.not_asked)


def test_a_bus_without_ecus_is_said_to_have_none(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(
        unknown("tests.discovery.nodes:silent"),
        is_declared=False,
        ids="0x700-0x7FF",
        key=None,
        pace_s=0.005,
        depth=Depth.QUICK,
        out=None,
    )
    assert code == 5
    assert "no ECU was found" in capsys.readouterr().out


def test_every_ecu_gets_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bus = unknown("tests.discovery.nodes:two_ecus")
    out = tmp_path / "ecu.toml"
    code = run(bus, is_declared=False, ids="0x7D0-0x7EF", key=None, pace_s=0.005, depth=Depth.QUICK, out=out)
    assert code == 0
    assert load_target(tmp_path / "ecu.toml").can.request_id == 0x7E0
    assert load_target(tmp_path / "ecu-7E1.toml").can.request_id == 0x7E1
    assert load_target(tmp_path / "ecu.toml").can.functional_id == 0x7DF
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80 + len(str(tmp_path)) * 2


def test_what_differs_from_the_declaration_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = Path(load_target("hardened").path or "").read_text(encoding="utf-8")
    other = tmp_path / "other.toml"
    other.write_text(
        text.replace("did = 0x1010\nlength = 1", "did = 0x1011\nlength = 1").replace('name = "programming"', "", 1)
    )
    run(load_target(other), is_declared=True, ids=None, key=None, pace_s=0.005, depth=Depth.QUICK, out=None)
    said = " ".join(capsys.readouterr().out.split())
    assert "identifier 0x1011 is declared, and was not found" in said
    assert "identifier 0x1010 was found, and is not declared" in said


@pytest.mark.parametrize("text", ["", "7FF-0x700", "0x700-", "0x20000000", "all", "0x700-0x6FF"])
def test_ids_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="write ids and ranges"):
        parse_ids(text)


def test_ids_are_read() -> None:
    assert parse_ids("0x700-0x702, 0x18DA10F1") == [(0x700, False), (0x701, False), (0x702, False), (0x18DA10F1, True)]
