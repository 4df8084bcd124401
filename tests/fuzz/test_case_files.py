"""Prove that a file of cases is read completely, or refused with one line for each mistake."""

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.fuzz.case import read_cases
from harness.fuzz.case_state import CaseState, CaseStateKind
from harness.target import load_target
from harness.tester.reply import negative
from harness.verdict import Severity

from .playing import case, write_case


def test_the_pinned_example_is_read(tmp_path: Path) -> None:
    path = tmp_path / "write.toml"
    path.write_text(
        '[[case]]\nid = "write-odd-length"\nwhy = "A write with half a DID is refused, and nothing is stored."\n'
        'send = "2E 20 {00..FF}"\nexpect = "negative 13|31|33"\n'
    )
    (found,) = read_cases(path)
    assert found.full_id == "fuzz/write-odd-length"
    assert found.expect == negative(0x13, 0x31, 0x33)
    assert (found.state, found.severity, found.proven_by, found.is_raw) == (None, Severity.MEDIUM, (), False)
    assert found.messages.size(load_target("hardened")) == 256


def test_every_optional_key_is_read(tmp_path: Path) -> None:
    found = case(
        tmp_path, state='"unlocked 0x03"', severity='"high"', proven_by='["write_unprotected", "a/b.py:c"]', raw="true"
    )
    assert found.state == CaseState(CaseStateKind.UNLOCKED, 3)
    assert found.severity is Severity.HIGH
    assert found.proven_by == ("write_unprotected", "a/b.py:c")
    assert found.is_raw


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("session 0x03", CaseState(CaseStateKind.SESSION, 3)),
        ("session 96", CaseState(CaseStateKind.SESSION, 0x60)),
        ("seed pending", CaseState(CaseStateKind.SEED_PENDING)),
        ("seed  pending  0x11", CaseState(CaseStateKind.SEED_PENDING, 0x11)),
        ("unlocked 0x01", CaseState(CaseStateKind.UNLOCKED, 1)),
    ],
)
def test_a_state_means(tmp_path: Path, text: str, state: CaseState) -> None:
    assert case(tmp_path, state=f'"{text}"').state == state


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"id": '"two words"'}, 'case #1 (two words): id is "two words"; give letters, digits and - _ . only'),
        ({"id": '""'}, 'case #1 (): id is ""; give letters'),
        ({"id": "1"}, "case #1: id is 1; give letters"),
        ({"id": '"../x"'}, 'id is "../x"; give letters'),
        ({"why": '" "'}, 'case #1 (one): why is " "; give a sentence'),
        ({"send": '"2E 2"'}, 'case #1 (one): send is "2E 2"; "2" is half a byte; give two hex digits per byte'),
        (
            {"send": '["27 {level+2} {0..F}", "{level+2} 2 {00..FF"]'},
            '"{level+2}" is no placeholder; give {00..FF}, {13|2020}, {5*}, {0..64*}, {did}, {level}, {level+1} or {key}; '
            '"{0..F}": give two hex digits per byte; "2 {00..FF" is half a byte',
        ),
        (
            {"send": '"27 {level+1} 00"', "state": '"seed pending 0x01"'},
            'state is "seed pending 0x01", but {level} in send stands for every level; give "seed pending" for the seed of '
            "each, or write bytes into send instead of {level}",
        ),
        ({"send": "[]"}, "case #1 (one): send is []; give hex and placeholders"),
        ({"send": '""'}, "with a message that can be empty; give one byte at least, or raw = true"),
        ({"send": '"{0..64*}"'}, "with a message that can be empty"),
        ({"send": '["22 10 10", ""]'}, "with a message that can be empty"),
        ({"send": '"22 {4095*}"'}, "with up to 4096 bytes; give messages of at most 4095"),
        ({"send": '"22 {0..8*}"', "raw": "true"}, "as raw frames, up to 9 bytes; give at most 8"),
        ({"raw": '"yes"'}, 'case #1 (one): raw is "yes"; give true or false'),
        ({"expect": '"negative|13"'}, 'expect is "negative|13"; "13" follows no list of codes'),
        ({"expect": "31"}, 'expect is 31; give "positive", "negative"'),
        (
            {"state": '"locked"'},
            'state is "locked"; give "session 0x03", "seed pending", "seed pending 0x03" or "unlocked 0x01"',
        ),
        ({"state": '"session"'}, 'state is "session"; give'),
        ({"state": '"session 0x100"'}, "give a session, e.g. session 0x03, from 0x01 to 0xFF"),
        ({"state": '"unlocked 0x02"'}, "give an odd level"),
        ({"state": '"unlocked one"'}, 'state is "unlocked one"; give'),
        ({"severity": '"worst"'}, 'severity is "worst"; give "critical", "high", "medium", "low" or "info"'),
        ({"proven_by": '["no defect!"]'}, "proven_by is"),
        ({"proven_by": "[]"}, "proven_by is []; give a list of defects or nodes"),
        ({"sends": '"22"'}, "case #1 (one): sends is unknown; the keys here are id, why, expect, state"),
    ],
)
def test_a_mistake_is_named_with_file_case_key_value_and_what_is_allowed(
    tmp_path: Path, keys: dict[str, str], complaint: str
) -> None:
    path = write_case(tmp_path, **keys)
    with pytest.raises(UserError) as error:
        read_cases(path)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{path}: case #1")
    assert complaint in line


@pytest.mark.parametrize("key", ["id", "why", "send", "expect"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    path = write_case(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(f"{key} =")))
    with pytest.raises(UserError, match=f"{key} is missing; give "):
        read_cases(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "case is missing; give [[case]] with id, why, send and expect"),
        (b"case = []", "case is []; give [[case]]"),
        (b'[case]\nid = "x"', "case is one table; give [[case]]"),
        (b"case = [1]", "case #1 is 1; give a table of id, why, expect"),
        (b'[target]\nname = "x"', "target is unknown; the only table here is case"),
        (b"[[case]", "is not TOML"),
        (b"\xff\xfe", "is not text in UTF-8"),
        (b"[[case]]\nid = " + b"9" * 5000, "a value is too long"),
        (b"x = " + b"[" * 5000, "is not TOML that can be read"),
        (b" " * (1 << 21), "is larger than 1 MiB"),
    ],
)
def test_a_hostile_file_is_one_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "hostile.toml"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_cases(path)
    assert complaint in str(error.value)
    assert all(line.startswith(str(path)) for line in str(error.value).splitlines())


def test_markup_and_control_characters_in_a_file_are_shown_as_escapes(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        read_cases(write_case(tmp_path, send='"\\u001b[31m<script>"'))
    assert "\x1b" not in str(error.value)


def test_every_mistake_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    path = write_case(tmp_path, send='"2"', expect='"no"', state='"x"', bogus="1")
    with pytest.raises(UserError) as error:
        read_cases(path)
    assert len(str(error.value).splitlines()) == 4


def test_an_id_is_given_once_in_a_file(tmp_path: Path) -> None:
    path = write_case(tmp_path)
    path.write_text(path.read_text() * 2)
    with pytest.raises(UserError, match=r'case #2: id is "one", as in case #1'):
        read_cases(path)


def test_a_case_that_is_too_large_for_a_target_is_refused(tmp_path: Path) -> None:
    found = case(tmp_path, send='"22 {did} {0000..7FFF}"')
    with pytest.raises(UserError, match=r"case one: send is .* 196608 messages; give placeholders that make at most 100000"):
        found.check_size(load_target("hardened"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.toml: cannot be read"):
        read_cases(tmp_path / "none.toml")
