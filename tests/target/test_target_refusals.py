"""Prove that every mistake in a target file gives one line with file, key, value and what is allowed."""

import random
import tomllib
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.target import load_target
from tests.target.loading import BENCH, FILES, FULL, load, refusal

REFUSED: list[dict[str, str]] = tomllib.loads((FILES / "refused.toml").read_text("utf-8"))["refused"]


def complaint(content: str) -> list[str]:
    """Return the complaints about a file, line by line; empty if it is read."""
    try:
        load(content)
    except UserError as error:
        return str(error).split("\n")
    return []


@pytest.mark.parametrize("case", REFUSED, ids=[case["says"][:60] for case in REFUSED])
def test_a_mistake_is_named_with_key_value_and_what_is_allowed(case: dict[str, str]) -> None:
    assert case["replace"] in BENCH
    assert refusal(BENCH.replace(case["replace"], case["by"], 1)) == f"pi.toml: {case['says']}"


def test_a_number_of_thousands_of_digits_is_shown_in_short() -> None:
    line = refusal(BENCH.replace("0x740", f"0x{'F' * 5000}"))
    assert line == f"pi.toml: can.request_id is 0x{'F' * 77}…; give a CAN id, e.g. 0x7E0, from 0x00 to 0x1FFFFFFF"


def test_all_mistakes_are_reported_at_once_the_contradictions_too() -> None:
    content = BENCH.replace("0x748", "0x740").replace("p2_ms = 50", "p2_ms = -1").replace('"level 0x01"', '"level 3"')
    lines = refusal(content.replace("[reset]", "[rest]")).splitlines()
    assert [line.split(" is ")[0] for line in lines] == [
        "pi.toml: rest",
        "pi.toml: timing.p2_ms",
        "pi.toml: can.response_id",
        "pi.toml: data #1: write",
    ]


def test_a_misread_value_is_not_reported_again_as_a_contradiction() -> None:
    assert len(refusal(BENCH.replace("level = 0x01", 'level = "one"')).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x00\xff\xfe" * 100, "is not text in UTF-8; save it as UTF-8"),
        ("[can]".encode("utf-16"), "is not text in UTF-8; save it as UTF-8"),
        (b"[can", "is not TOML: Expected ']' at the end of a table declaration (at end of document); mend that line"),
        (b"a = 1\na = 2", "is not TOML: Cannot overwrite a value (at end of document); mend that line"),
        (b"a = " + b"9" * 5000, "is not TOML that can be read: a value is too long or too deep"),
        (b"a = " + b"[" * 100_000, "is not TOML that can be read: a value is too long or too deep"),
        (b"#" * (1 << 20) + b"\n", "is larger than 1 MiB; give a TOML file"),
    ],
)
def test_what_is_no_toml_is_refused(content: bytes, why: str) -> None:
    Path("pi.toml").write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_target("pi.toml")
    assert str(caught.value) == f"pi.toml: {why}"


def test_a_directory_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\); give a TOML file"):
        load_target(tmp_path)


def test_a_file_that_may_not_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # root, who may run the tests, reads everything
    with pytest.raises(UserError, match=r"pi.toml: cannot be read \(Permission denied\); give a TOML file"):
        load_target(Path("pi.toml"))


@pytest.mark.parametrize("spec", ["nothing", "nothing.toml", "a/b/c", "", "a\0b", "x" * 5000, "nothing\n"])
def test_what_does_not_exist_is_refused_with_the_ways_to_name_a_target(spec: str) -> None:
    with pytest.raises(UserError, match=r": there is no such file; give .*shipped target \(article, .*URI") as raised:
        load_target(spec)
    assert "\n" not in str(raised.value)


def test_an_ecu_with_a_flaw_is_refused_with_the_way_to_name_it() -> None:
    with pytest.raises(UserError, match=r"with a flaw: hardened --channel hardened\+hidden_level$"):
        load_target("hardened+hidden_level")


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(seed: int) -> None:
    chance = random.Random(seed)
    tokens = ["0x", "true", "nan", "-1", "9" * 40, '""', "[", "]", "{}", "[]", '"', "\n", "=", "#", "1979-05-27", "\0"]
    sources = [BENCH, FULL]
    for _ in range(250):
        content = chance.choice(sources)
        for _ in range(chance.randint(1, 4)):
            lines = content.split("\n")
            at = chance.randrange(len(lines))
            key, equals, value = lines[at].partition(" = ")
            secret_line = "secret = " in lines[at]
            kind = chance.randrange(5)
            if kind == 0:
                del lines[at]
            elif kind == 1:
                lines.insert(at, chance.choice(lines))
            elif kind == 2 and equals and not secret_line:
                lines[at] = f"{key} = {chance.choice(tokens)}"
            elif kind == 3 and equals:
                lines[at] = f"{chance.choice(lines).partition(' = ')[0]} = {value}"
            else:
                cut = chance.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:cut] + chance.choice(tokens) + lines[at][cut + chance.randrange(3) :]
            content = "\n".join(lines)
        said = complaint(content)
        assert all(line.startswith("pi.toml: ") and line.isprintable() for line in said)
        assert "1234567890" not in "".join(said)
