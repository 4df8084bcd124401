"""Are the tractors of the tables what their entries say? They are spoken to frame by frame, without the harness."""

from __future__ import annotations

import re

import pytest

from harness.target.load import load_text
from tests.unseen.dialogues import go, is_open, unlock
from tests.unseen.ecu import Unseen
from tests.unseen.shown import SHOWS
from tests.unseen.table_oddities import TABLE as ODDITIES
from tests.unseen.table_reports import TABLE as REPORTS
from tests.unseen.talk import HERE, Talk

TABLE = (*ODDITIES, *REPORTS)
BASE = "tractor.py:Tractor"
DEEP = ("1003", "1041", "1061")
WAYS = {
    "level-in-session-90": ("1090",),
    "static-seed-in-session-c1": ("10C1",),
    "level-behind-two-vias": DEEP,
    "zero-key-behind-two-vias": DEEP,
    "fingerprint-before-seed": ("1003", "2E4A010001"),
}
"""The requests after which a seed is given, where they are more than 10 03."""
RECORDS = {"seed-wants-a-record": "27054B31"}


def named(entries: tuple[Unseen, ...]) -> list[object]:
    return [pytest.param(entry, id=entry.name) for entry in entries]


@pytest.mark.parametrize("entry", named(TABLE))
def test_the_right_key_opens_and_nothing_else_was_open(entry: Unseen) -> None:
    talk = Talk(entry.factory)
    way = WAYS.get(entry.name, ("1003",))
    go(talk, way)
    assert not is_open(talk)
    assert unlock(talk, way, RECORDS.get(entry.name, "2705")).startswith("67")
    assert is_open(talk)
    talk.ask("1001")
    go(talk, way)
    assert not is_open(talk)


@pytest.mark.parametrize("entry", named(TABLE[1:]))
def test_the_oddity_shows_and_the_sound_tractor_has_it_not(entry: Unseen) -> None:
    shows = SHOWS[entry.name]
    assert shows(Talk(entry.factory))
    assert not shows(Talk(BASE))


@pytest.mark.parametrize("entry", named(TABLE))
def test_the_target_file_can_be_loaded(entry: Unseen) -> None:
    file = entry.factory.partition(":")[0]
    text = entry.target.replace("@CHANNEL@", entry.factory).replace("@KEY@", f"{file}:key")
    assert load_text(text, entry.name, HERE / "target.toml").security[0].level == 0x05


def test_names_flaws_and_rows_are_consistent() -> None:
    assert len({entry.name for entry in TABLE}) == len(TABLE)
    assert set(SHOWS) == {entry.name for entry in TABLE[1:]}
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name) for entry in TABLE)
    assert all(
        (entry.flaw == "" and not entry.must_fail) or (entry.flaw.endswith(".") and entry.must_fail) for entry in TABLE
    )
