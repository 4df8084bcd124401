"""Prove the commands `discover` and `import`."""

from pathlib import Path

import pytest

from harness.cli.main import main
from harness.target import load_target


def test_what_is_discovered_can_be_audited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bus = ["--interface", "uds-sim", "--channel", "article"]
    assert main(["discover", *bus, "--depth", "quick", "-o", "ecu.toml"]) == 0
    said = capsys.readouterr().out
    assert "0x740 -> 0x748 (29 bits)" in said
    assert max(map(len, said.splitlines())) <= 80
    assert load_target("ecu.toml").can.extended_ids == "any"
    assert main(["audit", "ecu.toml", "--depth", "quick", "-k", "TP-01 or CF-02", "--seed", "1"]) == 1


def test_what_is_declared_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "hardened", "--depth", "quick"]) == 0
    assert "what differs from the target file:" in capsys.readouterr().out


def test_a_uri_without_a_request_id_says_no_more_than_where_the_bus_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "uds-sim:hardened?fd=true", "--depth", "quick", "--pace", "1"]) == 0
    said = capsys.readouterr().out
    assert "0x740 -> 0x748" in said
    assert "what differs" not in said
    assert main(["discover", "uds-sim:hardened?request=0x742", "--depth", "quick"]) == 0
    assert "asked     1 id\n" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--pace", "-1"], ["--pace", "1e9"], ["--ids", "everything"]])
def test_nonsense_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "--interface", "uds-sim", "--channel", "article", *words]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("taken", ["ecu.toml", "ecu-7E1.toml"])
def test_a_file_that_is_there_is_never_written_over_and_nothing_is_asked_for_it(
    taken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / taken).write_text("mine")
    assert main(["discover", "article", "-o", str(tmp_path / "ecu.toml")]) == 4
    said = capsys.readouterr()
    assert f"{taken}: exists already" in said.err
    assert (tmp_path / taken).read_text() == "mine"
    assert "0x740" not in said.out


def test_a_file_that_cannot_be_written_is_known_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["discover", "article", "-o", str(tmp_path / "nowhere" / "ecu.toml")]) == 4
    said = capsys.readouterr()
    assert "cannot be written" in said.err
    assert "0x740" not in said.out


def test_a_table_is_added_to_a_target_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, table = tmp_path / "ecu.toml", tmp_path / "dids.csv"
    target.write_text((load_target("hardened").path or Path()).read_text(encoding="utf-8"), encoding="utf-8")
    table.write_text("did,length,read\n0x4040,2,open\n0x4041,3,open\n", encoding="utf-8")
    assert main(["import", str(table), str(target)]) == 0
    assert [entry.length for entry in load_target(target).data if entry.did >= 0x4040 and entry.did < 0x5000] == [2, 3]
    before = target.read_text(encoding="utf-8")
    assert main(["import", str(table), str(target)]) == 4, "twice the same identifiers"
    assert "declare it once" in capsys.readouterr().err
    assert target.read_text(encoding="utf-8") == before


def test_a_table_cannot_be_added_behind_entries_in_brackets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In TOML nothing can be added to a list that is closed."""
    target, table = tmp_path / "ecu.toml", tmp_path / "dids.csv"
    text = (
        "data = [{ did = 0x1010, length = 1 }]\n"
        '[can]\ninterface = "uds-sim"\nchannel = "article"\nrequest_id = 0x740\nresponse_id = 0x748\n'
    )
    target.write_text(text, encoding="utf-8")
    table.write_text("did,length\n0x4040,2\n", encoding="utf-8")
    assert main(["import", str(table), str(target)]) == 4
    assert "write each entry under a line [[data]]" in capsys.readouterr().err
    assert target.read_text(encoding="utf-8") == text
