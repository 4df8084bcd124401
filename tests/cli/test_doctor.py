"""Prove what `uds-harness doctor` says if a first run does not work."""

import contextlib
import io
import os
import re
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.link.bus_lock import BusLock

NODES = Path(__file__).parent.parent / "audit" / "nodes.py"
WIDTH = 80


def doctor(*words: str, cwd: Path) -> tuple[int, str]:
    """Run doctor; return its exit code and output, with nothing on the error stream unless it was used wrongly."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["doctor", *words])
    assert (err.getvalue() == "") == (code != 4), err.getvalue()
    assert "Traceback" not in out.getvalue() + err.getvalue()
    sentences = [line for line in out.getvalue().splitlines() if not line.startswith("      ")]
    assert [line for line in sentences if len(line) > WIDTH and " " in line[:WIDTH].strip()[20:]] == []
    return code, out.getvalue() + err.getvalue()


@pytest.mark.parametrize("target", ["article", "hardened"])
def test_nothing_is_wrong_with_the_ecus_that_are_shipped(target: str, tmp_path: Path) -> None:
    code, said = doctor(target, cwd=tmp_path)
    assert code == 0
    assert all(line.startswith("ok ") for line in said.splitlines())
    for word in ("opened", "acknowledged", "answers", "key function of level 0x01", "real CAN interfaces here"):
        assert word in said


def test_an_interface_that_is_missing_comes_with_the_commands_that_make_it(tmp_path: Path) -> None:
    """The interface has a name that nobody gives an interface."""
    code, said = doctor("--interface", "socketcan", "--channel", "vcan77", cwd=tmp_path)
    assert code == 1
    lines = [line.strip().removeprefix("try: ") for line in said.splitlines()]
    assert "FAIL  the interface: there is no interface vcan77" in said
    assert "sudo ip link add dev vcan77 type vcan" in lines, "the interface that was asked for, not another one"
    assert "sudo ip link set vcan77 up" in lines
    assert "the bus can be opened" not in said, "it is no use to try"


def test_a_missing_adapter_is_not_mended_with_a_virtual_one(tmp_path: Path) -> None:
    code, said = doctor("--interface", "socketcan", "--channel", "can77", cwd=tmp_path)
    assert code == 1
    assert "try: " in said
    assert "type vcan" not in said


def test_a_silent_ecu_is_looked_for_with_discover(tmp_path: Path) -> None:
    bus = ("--interface", "uds-sim", "--channel", f"{NODES}:Mute")
    code, said = doctor(*bus, "--request-id", "0x700", cwd=tmp_path)
    assert code == 1
    assert re.search(r"^FAIL  the ECU answers: 0x700 -> 0x708: silence$", said, re.MULTILINE)
    assert f"uds-harness discover --interface uds-sim --channel {NODES}:Mute" in said


def test_an_ecu_that_answers_elsewhere_is_named(tmp_path: Path) -> None:
    code, said = doctor("uds-sim:hardened?request=0x740&response=0x749", cwd=tmp_path)
    assert code == 1
    assert "it answers on 0x748: request_id = 0x740, response_id = 0x748" in said


def test_an_ecu_that_answers_in_29_bits_is_told_from_a_silent_one(tmp_path: Path) -> None:
    code, said = doctor("uds-sim:article?request=0x740&response=0x748&extended=false", cwd=tmp_path)
    assert code == 1
    assert 'extended_ids = "any"' in said


def test_an_ecu_that_knows_only_classic_frames_is_told_from_a_silent_one(tmp_path: Path) -> None:
    code, said = doctor("uds-sim:hardened?request=0x740&response=0x748&fd=true", cwd=tmp_path)
    assert code == 1
    assert "to classic frames: fd = false" in said


def test_the_virtual_bus_is_said_to_be_empty(tmp_path: Path) -> None:
    code, said = doctor("--interface", "virtual", "--channel", "nobody", cwd=tmp_path)
    assert code == 1
    assert "ends at this process" in said


def test_a_bus_that_another_run_holds_is_left_alone(tmp_path: Path) -> None:
    lock = BusLock("virtual:held-by-a-test")
    try:
        code, said = doctor("--interface", "virtual", "--channel", "held-by-a-test", cwd=tmp_path)
    finally:
        lock.release()
    assert code == 1
    assert "another run uses this bus" in said
    assert f"process {os.getpid()} of" in said
    assert "the bus can be opened" not in said


def test_an_unknown_interface_gets_the_nearest_and_the_known_ones(tmp_path: Path) -> None:
    code, said = doctor("--interface", "sockatcan", "--channel", "can0", cwd=tmp_path)
    assert code == 1
    assert 'interface = "socketcan"' in said
    assert "kvaser" in said


@pytest.mark.parametrize("channel", ["\x1b[31mred", "../../etc", "a b;reboot"])
def test_a_hostile_channel_is_shown_harmlessly(channel: str, tmp_path: Path) -> None:
    code, said = doctor("--interface", "socketcan", "--channel", channel, cwd=tmp_path)
    assert code in (1, 4)
    assert "\x1b" not in said
    assert " a b;reboot up" not in said


def test_a_malformed_target_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[target\n")
    code, said = doctor("mine.toml", cwd=tmp_path)
    assert code == 4
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("words", [["hardened"], ["--interface", "uds-sim", "--channel", f"{NODES}:Mute"]], ids=str)
def test_nothing_is_changed_on_the_ecu(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness import buses as bus

    sent: list[bytes] = []
    real = bus.open_link

    def watched(**options: object) -> object:
        link = real(**options)  # type: ignore[arg-type]
        send = link.send
        link.send = lambda frame: (sent.append(frame.data), send(frame))[1]  # type: ignore[method-assign]
        return link

    monkeypatch.setattr(bus, "open_link", watched)
    doctor(*words, cwd=tmp_path)
    assert sent
    assert {data[1] for data in sent if data[0] < 8} <= {0x22, 0x3E, 0x10}
    assert all(data[2] == 0x01 for data in sent if data[0] < 8 and data[1] == 0x10), "no session but the default one"
