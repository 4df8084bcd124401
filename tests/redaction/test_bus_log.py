"""Prove that the redacted bus log, made from the original, can be handed over."""

import hashlib
from pathlib import Path

import can
import pytest

from harness.errors import UserError
from harness.runs.redaction import Vocabulary, redact_log
from harness.runs.redaction.vocabulary import SecretKind

KEY = bytes.fromhex("5EF739B0")
VIN = b"WVWZZZ1JZXW386752"

LINES = """(0.000262) sim 0000007B#1122334455667788 R
(0.001008) sim 740#062702ABCDEF1200 T
(0.001270) sim 748#R8 R
(0.001492) sim 20000080#0000000000000000 R
(0.001754) sim 740##10A27025EF739B000000000 T
(0.001976) sim 18DA10F1#0227015EF739B000 T
(0.001999) sim 740# T
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder that contains only the original log."""
    (tmp_path / "private").mkdir()
    words = Vocabulary(b"a run")
    words.learn(KEY, SecretKind.KEY)
    words.save(tmp_path / "private" / "secrets.jsonl")
    return tmp_path


def redacted(folder: Path, text: str) -> str:
    (folder / "private" / "bus.log").write_text(text)
    assert redact_log(folder)
    return (folder / "bus.log").read_text()


def test_the_log_keeps_everything_but_keys(folder: Path) -> None:
    before, after = LINES.splitlines(), redacted(folder, LINES).splitlines()
    same = [number for number, (one, other) in enumerate(zip(before, after, strict=True)) if one == other]
    assert same == [0, 2, 3, 6]
    assert after[1].startswith("(0.001008) sim 740#062702E")
    assert after[1].endswith("00 T")
    assert "5EF739B0" not in "".join(after)


def test_a_stranger_reads_what_comes_of_it(folder: Path) -> None:
    redacted(folder, LINES)
    frames = list(can.CanutilsLogReader(str(folder / "bus.log")))
    assert len(frames) == 7
    assert [len(frame.data) for frame in frames] == [8, 8, 0, 0, 11, 8, 0]


def test_what_is_said_of_it_names_the_originals_hash(folder: Path) -> None:
    (folder / "private" / "bus.log").write_text(LINES)
    assert hashlib.sha256(LINES.encode()).hexdigest() in redact_log(folder)


def test_the_same_log_comes_of_it_again(folder: Path) -> None:
    assert redacted(folder, LINES) == redacted(folder, LINES)


def test_without_an_original_nothing_is_done(tmp_path: Path) -> None:
    assert redact_log(tmp_path) == ""
    assert not (tmp_path / "bus.log").exists()


def test_a_last_line_that_was_cut_is_left_out(folder: Path) -> None:
    assert redacted(folder, "(1.0) sim 740#0210 T\n(2.0) sim 740#0627025EF7") == "(1.0) sim 740#0210 T\n"


@pytest.mark.parametrize("line", ["(1.0) sim 740#06270 T\n", "nonsense\n", "(1.0) sim 740#zz T\n", "\xff#\n", "\n"])
def test_a_damaged_log_is_a_clear_error_and_leaves_nothing(line: str, folder: Path) -> None:
    (folder / "private" / "bus.log").write_text(line, encoding="latin-1")
    with pytest.raises(UserError, match=r"private/bus\.log: .* no line of a candump log; the file is damaged"):
        redact_log(folder)
    assert not list(folder.glob("bus.log*"))


def test_without_what_was_learnt_it_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "bus.log").write_text(LINES)
    with pytest.raises(UserError, match=r"secrets\.jsonl: .*; without it the bus log cannot be redacted"):
        redact_log(tmp_path)
    assert not (tmp_path / "bus.log").exists()


def test_what_is_told_late_is_hidden_before(folder: Path) -> None:
    (folder / "private" / "secrets.jsonl").unlink()
    Vocabulary(b"a run", [0xF190]).save(folder / "private" / "secrets.jsonl")
    message = b"\x63" + VIN
    said = [
        f"(1.0) sim 748#1012{message[:6].hex()} R",
        f"(1.1) sim 748#21{message[6:13].hex()} R",
        f"(1.2) sim 748#22{message[13:].hex()}000000 R",
        f"(2.0) sim 748#101462F190{VIN[:3].hex()} R",
        f"(2.1) sim 748#21{VIN[3:10].hex()} R",
        f"(2.2) sim 748#22{VIN[10:].hex()} R",
    ]
    after = redacted(folder, "\n".join([*said, ""]).upper().replace("SIM", "sim"))
    for at in range(len(VIN) - 2):
        assert VIN[at : at + 3].hex().upper() not in after


def test_an_ecu_that_never_ends_a_message_does_not_hold_back_the_log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.runs.redaction.bus_log.MOST_WAITING", 100)
    lines = ["(0.0) sim 748#1FFF62F1F0010203 R"] + [f"({n}.5) sim 7B#1122334455667788 R" for n in range(1000)]
    text = "\n".join([*lines, "(2000.0) sim 740#0627025EF739B000 T", ""])
    after = redacted(folder, text)
    assert after.splitlines()[:-1] == text.splitlines()[:-1]
    assert "5EF739B0" not in after
