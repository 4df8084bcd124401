"""Prove, frame by frame and without the harness, that the tables' tractors are as their entries say."""

import itertools
import re

import pytest

from harness.target.load import load_text
from tests.unseen.dialogues import SHOWS, go, is_open, raw_answers, unlock
from tests.unseen.ecu import TABLES, Unseen
from tests.unseen.talk import HERE, Talk

TABLE = (*TABLES["oddities"], *TABLES["reports"])
BASE = "tractor/tractor.py:Tractor"
DEEP = ("1003", "1041", "1061")
WAYS = {
    "level-in-session-90": ("1090",),
    "static-seed-in-session-c1": ("10C1",),
    "level-behind-two-vias": DEEP,
    "zero-key-behind-two-vias": DEEP,
    "fingerprint-before-seed": ("1003", "2E4A010001"),
}
"""By ECU: the requests after which a seed is given, where they are more than 10 03."""
WAITS_S = {"keys-refused-at-first": 2.0}
"""By ECU: the seconds after the start until keys are accepted."""
RECORDS = {"seed-wants-a-record": "27054B31"}


def named(entries: tuple[Unseen, ...]) -> list[object]:
    return [pytest.param(entry, id=entry.name) for entry in entries]


@pytest.mark.parametrize("entry", named(tuple(entry for entry in TABLE if entry.name != "seed-always-refused-with-22")))
def test_the_right_key_opens_and_nothing_else_was_open(entry: Unseen) -> None:
    talk = Talk(entry.factory)
    way = WAYS.get(entry.name, ("1003",))
    talk.wait(WAITS_S.get(entry.name, 0.0))
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


FIRST = ("1008224A014A01F1", "2186000000000000")
"""A read of 4A01, 4A01 and F186 that is one byte too short, so that the ECU refuses it with 13."""
TRANSPORT = {
    "a single frame of any length that holds its content": (["033E00", "023E00"], ["027e00"]),
    "a single frame that says 0": (["003E000000000000"], []),
    "a single frame that says more than it has": (["033E00", "083E000000000000", "0F3E000000000000"], []),
    "an unknown kind of frame": (["423E000000000000", "F23E000000000000"], []),
    "a first frame that would fit a single one": (["1007224A014A0100"], []),
    "a short first frame": (["1008224A014A"], []),
    "a first frame and the rest": ([*FIRST], ["300000", "037f2213"]),
    "a first frame larger than the buffer": (["1FFF224A014A0100"], ["320000"]),
    "an escape that is not needed": (["100000000009224A"], []),
    "an escape larger than the buffer": (["1000FFFFFFFF224A"], ["320000"]),
    "a wrong number": ([FIRST[0], "2286000000000000"], ["300000"]),
    "a consecutive frame by itself": (["212E4A0100000000"], []),
    "a single frame inside": ([FIRST[0], "023E000000000000", FIRST[1]], ["300000", "027e00"]),
    "a flow control by itself": (["3000000000000000"], []),
}


@pytest.mark.parametrize("what", TRANSPORT)
def test_the_sound_tractor_keeps_the_rules_of_isotp(what: str) -> None:
    frames, expected = TRANSPORT[what]
    said = raw_answers(Talk(BASE), *frames)
    assert said == [answer + "a5" * (8 - len(answer) // 2) for answer in expected]


@pytest.mark.parametrize(
    ("flow", "frames", "gap_s"),
    [
        ("300000", 2, 0.0),
        ("300100", 1, 0.0),
        ("300014", 2, 0.020),
        ("3000F5", 2, 0.0005),
        ("3000F0", 2, 0.127),
        ("320000", 0, 0.0),
        ("350000", 0, 0.0),
    ],
)
def test_a_long_answer_of_the_sound_tractor_goes_as_the_tester_says(flow: str, frames: int, gap_s: float) -> None:
    talk = Talk(BASE)
    talk.hear = lambda data: None
    talk.raw("0322F18C00000000")
    talk.wait(0.01)
    talk.raw(flow)
    talk.wait(0.5)
    times = [time_s for time_s, frame in talk.frames if frame.data[0] >> 4 == 2]
    assert len(times) == frames
    assert times == sorted(times)
    assert [round(later - sooner, 6) for sooner, later in itertools.pairwise(times)] == [gap_s] * max(0, frames - 1)


def test_the_sound_tractor_is_patient_for_a_while() -> None:
    talk = Talk(BASE)
    go(talk)
    talk.raw(FIRST[0])
    talk.wait(1.2)
    assert raw_answers(talk, FIRST[1]) == []
    for count, frames in ((3, 2), (20, 0)):
        start = len(talk.frames)
        answers, talk.hear = talk.hear, lambda data: None
        talk.raw("0322F18C00000000")
        for _ in range(count):
            talk.wait(0.3)
            talk.raw("310000")
        talk.wait(0.3)
        talk.raw("300000")
        talk.wait(0.1)
        assert sum(frame.data[0] >> 4 == 2 for _, frame in talk.frames[start:]) == frames
        talk.hear = answers
    assert talk.says("3E00") == "7e00"


def test_names_flaws_and_rows_are_consistent() -> None:
    assert len({entry.name for entry in TABLE}) == len(TABLE)
    assert set(SHOWS) == {entry.name for entry in TABLE[1:]}
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name) for entry in TABLE)
    assert all(
        (entry.flaw == "" and not entry.must_fail) or (entry.flaw.endswith(".") and entry.must_fail) for entry in TABLE
    )
