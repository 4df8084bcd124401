"""Prove that a report shows frames with an address, and that a key behind an address stays secret."""

import json
import re
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.link.address_book import AddressBook
from harness.report.decode import frame_line
from harness.runs.redaction import Vocabulary, redact_log

KEY = "5EF739B0A1"

LOG = f"""(0.001008) can0 6F1#1206270{{two}}0A1B2C3D T
(0.001754) can0 6F1#121007270{{two}}{KEY[:6]} T
(0.001976) can0 6F1#1221{KEY[6:]}00000000 T
(0.002000) can0 7E0#121007270{{two}}112233 T
""".replace("{two}", "2")


def test_a_frame_is_read_behind_its_address() -> None:
    assert frame_line(bytes.fromhex("12023E0000000000"), 1) == "address 0x12, single frame, 2 bytes"
    assert frame_line(bytes.fromhex("F1101462F1900000"), 1) == "address 0xF1, first frame of 20 bytes"
    assert frame_line(b"\x12", 1) == "address 0x12, no data"


def test_the_log_hides_keys_behind_an_address_and_leaves_the_address(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "bus.log").write_text(LOG)
    book = AddressBook()
    book.add(0x6F1, b"\x12")
    Vocabulary(b"a run", (), book).save(tmp_path / "private" / "secrets.jsonl")
    assert redact_log(tmp_path)
    lines = (tmp_path / "bus.log").read_text().splitlines()
    assert re.fullmatch(r".* 6F1#12062702(E.){4} T", lines[0])
    assert re.fullmatch(r".* 6F1#1210072702(E.){3} T", lines[1])
    assert re.fullmatch(r".* 6F1#1221(E.){2}00000000 T", lines[2])


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("addressed")
    target = folder / "ecu.toml"
    text = Path("harness/targets/hardened.toml").read_text(encoding="utf-8")
    text = text.replace('channel = "hardened"', 'channel = "hardened+extended_addressing+empty_single_frame_executed"')
    keys = 'addressing = "extended"\ntarget_address = 0x40\nsource_address = 0xF1\nfunctional_address = 0xDF\nresponse_id'
    target.write_text(text.replace("response_id", keys, 1), encoding="utf-8")
    checks = "SA-09 or SA-04 or TP-01 or AC-04 or IE-02"
    assert main(["audit", str(target), "--depth", "quick", "--seed", "1", "-k", checks, "--out", str(folder / "run")]) == 1
    return folder / "run"


def test_a_run_keeps_the_frames_of_the_bus_and_says_what_of_them_is_an_address(audited: Path) -> None:
    run = json.loads((audited / "audit.json").read_text(encoding="utf-8"))
    assert run["target"]["can"]["addressing"] == "extended"
    frames = [frame for one in run["results"] for exchange in one["exchanges"] for frame in exchange["frames"]]
    ours = [frame for frame in frames if frame["can_id"] in (0x740, 0x748) and frame["data"]]
    assert ours
    for frame in ours:
        if frame["address_bytes"]:
            assert frame["data"][:2] == ("40" if frame["is_sent"] else "F1")
    assert "address 0x40, single frame" in (audited / "audit.html").read_text(encoding="utf-8")


def test_no_right_key_stands_in_the_run(audited: Path) -> None:
    private = (audited / "private" / "bus.log").read_text(encoding="ascii")
    shown = (audited / "bus.log").read_text(encoding="ascii")
    firsts = re.findall(r"740#40101227(?:02|04)([0-9A-F]{6})", private)
    assert firsts, "16-byte keys were sent"
    for first in firsts:
        assert f"2702{first}" not in shown
        assert f"2704{first}" not in shown
