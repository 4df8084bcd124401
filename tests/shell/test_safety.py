"""Prove that by hand no more is sent to a real ECU than by an audit, and with the same ledger of wrong keys."""

import json
from pathlib import Path

from harness.target import load_target

from ..audit.test_ledger_of_a_run import SERIAL, TARGET, counts, hardened_on, state
from .talk import Said, command

__all__ = ["state"]

KEY_TOML = (
    '\n[[security]]\nlevel = 0x01\nsession = 0x03\nkey = "hmac-sha256"\nsecret = "hex:8F1D5A20C4B97E3364F0A81B96D2075C"\n'
)


def talk(place: Path, channel: str, text: str, *lines: str) -> Said:
    """Run a script on the hardened ECU, in real time on a bus that is not simulated."""
    path = place / "bench.toml"
    path.write_text(text, encoding="utf-8")
    assert not load_target(path).is_simulated
    with hardened_on(channel):
        return command("shell", path, script="\n".join(lines))


def test_what_the_target_does_not_allow_is_not_sent(tmp_path: Path) -> None:
    text = TARGET.format(name="quiet", channel="hand-1").replace('["lockout"]', "[]")
    path = tmp_path / "bench.toml"
    path.write_text(text, encoding="utf-8")
    with hardened_on("hand-1"):
        for line in ("write 2020 99", "reset", "raw 740#0211010000000000", "session 02", "raw 31 01 FF 00"):
            said = command("shell", path, script=f"session 03\n{line}\nread F190")
            assert (said.code, said.sent) == (4, ["10 03"]), line
            assert said.err.startswith("uds-harness: line 2: ")
            assert "the target does not allow" in said.err


def test_wrong_keys_are_counted_by_bus_and_by_serial_number_and_end_with_the_budget(tmp_path: Path, state: Path) -> None:
    text = TARGET.format(name="budget", channel="hand-2").replace("wrong_keys = 3", "wrong_keys = 1")
    said = talk(tmp_path, "hand-2", text, "session 03", "seed 01", "key 00", "seed 01", "key 00")
    assert said.code == 4
    assert said.sent == ["10 03", "27 01", "27 02 00", "27 01"]
    assert "line 5: the budget of wrong keys for level 0x01 is used up" in said.err
    assert "22 F1 8C asks for the serial number" in said.err
    assert counts(state) == {"virtual:hand-2 740/748": {"0x1": 1}, SERIAL: {"0x1": 1}}


def test_no_wrong_key_goes_out_before_the_right_one_and_a_right_one_costs_nothing(tmp_path: Path, state: Path) -> None:
    head, _, tail = TARGET.format(name="first", channel="hand-3").partition("\n[[security]]\nlevel = 0x01\nsession = 0x03\n")
    text = head + KEY_TOML + tail
    first = talk(tmp_path, "hand-3", text, "session 03", "seed 01", "key 00")
    assert (first.code, first.sent) == (4, ["10 03", "27 01"])
    assert "write unlock 01 first" in first.err
    second = talk(tmp_path, "hand-3", text, "session 03", "unlock 01", "session 03", "seed 01", "key " + "00" * 16)
    assert (second.code, second.heard[-1]) == (1, "7F 27 35")
    assert json.loads(state.read_text(encoding="utf-8"))["wrong_keys"][SERIAL] == {"0x1": 1}


def test_a_right_key_needs_no_permission(tmp_path: Path) -> None:
    head, _, tail = TARGET.format(name="right", channel="hand-4").partition("\n[[security]]\nlevel = 0x01\nsession = 0x03\n")
    text = (head + KEY_TOML + tail).replace('["lockout"]', "[]")
    said = talk(tmp_path, "hand-4", text, "session 03", "unlock 01")
    assert (said.code, said.heard[-1]) == (0, "67 02")
