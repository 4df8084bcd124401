"""Prove that an interrupted discovery loses no measurement, and that a repeated one loses nothing that a person wrote."""

from pathlib import Path

import pytest

from harness.buses import open_link
from harness.cli.discover_bus import EVERY_LINE_S, TerminalProgress
from harness.cli.main import main
from harness.discovery.discover import Discovery, discover
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import load_target, load_text
from harness.target.load import unknown_target
from harness.verdict import Depth

NODES = "tests.discovery.session_nodes"

MY_KEY = 'key = "my_key.py:function"'
WRITTEN = """\
# Words of mine.
[target]
name = "my very own"
environment = "simulated"
[can]
interface = "uds-sim"
channel = "hardened"
request_id = 0x740
response_id = 0x748
[timing]
s3_ms = 5000
[[session]]
id = 0x03
name = "workshop"
[[security]]
level = 0x01
session = 0x03
attempts = 3
key = "my_key.py:function"
[[data]]
did = 0x1010
length = 1
write = "open"
[safety]
allow = ["reset", "power"]
[[accepted]]
id = "SA-06"
severity = "medium"
reason = "known"
"""


def discovered(name: str, *, longest_s: float | None = None) -> Discovery:
    channel = f"{NODES}:{name}" if ":" not in name else name
    link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(1))
    unknown = unknown_target(interface="uds-sim", channel=channel)
    ids = [(0x7E0, False), (0x740, False)]
    return discover(link, unknown, candidates=ids, depth=Depth.QUICK, longest_s=longest_s)


def test_ctrl_c_keeps_what_was_found_until_then() -> None:
    done = discovered("Stopped")
    (one,) = done.ecus
    assert done.ended_by == "interrupted"
    assert 0x03 in one.map.sessions
    assert "Not all was asked (interrupted)" in one.text
    load_text(one.text, "found")


def test_ctrl_c_writes_the_file_that_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "ecu.toml"
    bus = ["--interface", "uds-sim", "--channel", f"{NODES}:Stopped", "--request-id", "0x7E0"]
    assert main(["discover", *bus, "-o", str(out)]) == 2
    assert load_target(out).can.request_id == 0x7E0
    assert "ended early: interrupted" in capsys.readouterr().out


def test_an_audit_that_is_stopped_while_it_discovers_keeps_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bus = ["--interface", "uds-sim", "--channel", f"{NODES}:Stopped", "--request-id", "0x7E0"]
    assert main(["audit", *bus]) == 2
    (kept,) = (tmp_path / "reports").glob("*-found.toml")
    assert load_target(kept).can.request_id == 0x7E0
    assert f"wrote reports/{kept.name}" in capsys.readouterr().out


def test_the_time_that_was_given_is_kept_and_its_end_is_said() -> None:
    (one,) = discovered("tests.discovery.nodes:late", longest_s=60).ecus
    assert any("left out for want of time" in sentence for sentence in one.map.not_asked)
    assert any("The time was up after 60 s" in sentence for sentence in one.map.not_asked)
    assert 0x03 in one.map.sessions, "the usual sessions come first"
    assert one.map.services, "a slow ECU is asked something of everything"


@pytest.mark.parametrize("time", ["0s", "15", "soon", "-3m"])
def test_a_time_that_is_none_is_one_line(time: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "article", f"--time={time}"]) == 4
    assert "give seconds, minutes or hours" in capsys.readouterr().err


def test_progress_is_told_without_a_terminal_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = TerminalProgress()
    now_s = [0.0]
    monkeypatch.setattr(progress, "_clock", type("Clock", (), {"now_s": lambda self: now_s[0]})())
    monkeypatch.setattr(progress, "_shown_s", 0.0)
    progress("services", 0, 100)
    now_s[0] = EVERY_LINE_S + 1
    progress("services", 50, 100)
    progress("services", 51, 100)
    progress.end()
    assert capsys.readouterr().err == "services: 50 of 100, 6 s left\n"


def test_a_second_discovery_keeps_every_line_that_a_person_wrote(tmp_path: Path) -> None:
    mine, out = tmp_path / "mine.toml", tmp_path / "again.toml"
    mine.write_text(WRITTEN, encoding="utf-8")
    (tmp_path / "my_key.py").write_text("def function(seed, level):\n    return seed\n", encoding="utf-8")
    assert main(["discover", str(mine), "--depth", "quick", "-o", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    assert text.startswith(WRITTEN)
    before, after = load_target(mine), load_target(out)
    assert after.safety == before.safety
    assert after.security[0] == before.security[0]
    assert after.sessions[0] == before.sessions[0]
    assert {entry.id for entry in after.sessions} == {1, 2, 3}
    assert {entry.origin for entry in after.sessions[1:]} == {"found"}
    assert len(after.data) > len(before.data)
    assert after.accepted == before.accepted


def test_a_secret_that_stands_in_the_file_is_not_copied(tmp_path: Path) -> None:
    mine, out = tmp_path / "mine.toml", tmp_path / "again.toml"
    secret = "00112233445566778899AABBCCDDEEFF"
    mine.write_text(WRITTEN.replace(MY_KEY, f'key = "hmac-sha256"\nsecret = "hex:{secret}"'), encoding="utf-8")
    assert main(["discover", str(mine), "--depth", "quick", "-o", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    assert secret not in text
    assert '# key = "hmac-sha256"' in text
    assert load_target(out).security[0].attempts == 3


def test_entries_that_a_file_has_no_room_for_are_left_as_comments(tmp_path: Path) -> None:
    mine, out = tmp_path / "mine.toml", tmp_path / "again.toml"
    (tmp_path / "my_key.py").write_text("def function(seed, level):\n    return seed\n", encoding="utf-8")
    inline = "data = [{ did = 0x1010, length = 1, write = 'open' }]\n" + WRITTEN.replace(
        '[[data]]\ndid = 0x1010\nlength = 1\nwrite = "open"\n', ""
    )
    mine.write_text(inline, encoding="utf-8")
    assert main(["discover", str(mine), "--depth", "quick", "-o", str(out)]) == 0
    assert len(load_target(out).data) == 1
    assert "# did = 0x2020" in out.read_text(encoding="utf-8")


def test_a_record_of_ff_bytes_is_tried() -> None:
    (one,) = discovered("WantingOnes").ecus
    (level,) = one.map.levels
    assert (level.level, level.seed_bytes, level.record) == (0x01, 4, b"\xff" * 4)
    assert load_text(one.text, "found").security[0].record == b"\xff" * 4


def test_another_code_than_that_of_the_other_lengths_says_that_the_length_is_right() -> None:
    (one,) = discovered("WantingWhatNobodyGuesses").ecus
    (level,) = one.map.levels
    assert (level.level, level.seed_bytes, len(level.record)) == (0x01, 0, 2)
    assert "the length of the record is right" in one.text
