"""Prove that an audit on real SocketCAN continues after its bus was away, a flood, or a silent ECU."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import can
import pytest
from can.interfaces.socketcan import SocketcanBus

from harness.target import shipped_targets

pytestmark = pytest.mark.socketcan

COMMAND = str(Path(sys.executable).with_name("uds-harness"))
CHANNEL = "vcan0"
START_S, AUDIT_S = 60, 600

CHECKS = "SA-01 or SA-25 or CF-01 or CF-03 or IE-02 or ST-06"
"""Checks that take a dozen seconds on the hardened ECU."""
FLOOD_IDS = 6


FILTERED = f"""
from can.interfaces.socketcan import SocketcanBus
from harness.ecu.profiles import hardened
from harness.simulation.live import LiveBus
filters = [{{"can_id": can_id, "can_mask": 0x7FF, "extended": False}} for can_id in (0x740, 0x7DF)]
bus = SocketcanBus(channel="{CHANNEL}", can_filters=filters)
print("ready", flush=True)
LiveBus(bus, [hardened()]).run()
"""
"""An ECU whose controller lets only its own ids through, like that of a real ECU."""


class EcuProcess:
    """`uds-harness ecu hardened` in a process of its own."""

    words = (COMMAND, "ecu", "hardened", "--interface", "socketcan", "--channel", CHANNEL)

    def __init__(self, *words: str) -> None:
        self.words = words or self.words
        self.start()

    def start(self) -> None:
        words = self.words
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout or ():
            if line.strip() == "ready":
                break
        threading.Thread(target=self.process.communicate, daemon=True).start()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(START_S)

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(START_S)


@pytest.fixture
def ecu() -> Iterator[EcuProcess]:
    process = EcuProcess()
    yield process
    process.end()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the target of the hardened ECU on the bus."""
    text = shipped_targets()["hardened"].read_text(encoding="utf-8")
    text = text.replace('"uds-sim"', '"socketcan"').replace('channel = "hardened"', f'channel = "{CHANNEL}"')
    text = text.replace('environment = "simulated"', 'environment = "bench"')
    text = re.sub(r'^\w+ = "simulated"\n', "", text, flags=re.MULTILINE)
    if "[safety]" not in text:
        text += '\n[safety]\nallow = ["lockout", "write", "reset"]\n'
    path = tmp_path / "bench.toml"
    path.write_text(text, encoding="utf-8")
    return path


def audit(target: Path, *, meanwhile: Callable[[], None] | None = None, after_lines: int = 2) -> tuple[dict[str, Any], str]:
    """Run an audit; return audit.json and the output. `meanwhile` is called once, as soon as so many results were
    printed.
    """
    folder = target.parent / "run"
    words = [COMMAND, "audit", str(target), "--seed", "1", "--depth", "quick", "--out", str(folder), "-k", CHECKS, "-v"]
    printed: list[str] = []
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=target.parent) as process:
        watchdog = threading.Timer(AUDIT_S, process.kill)
        watchdog.start()
        for line in process.stdout or ():
            printed.append(line)
            is_result = re.match(r"(pass|fail|inconclusive|error) ", line)
            after_lines -= bool(is_result)
            if meanwhile is not None and after_lines <= 0:
                meanwhile()
                meanwhile = None
        watchdog.cancel()
    out = "".join(printed)
    assert (folder / "audit.json").exists(), out
    run: dict[str, Any] = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    return run, out


def verdicts(run: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["verdict"] for one in run["results"] if one["reason"] != "deselected"}


def ip(*words: str) -> None:
    subprocess.run(["ip", "link", *words], check=True)


def later(seconds: float, act: Callable[[], object]) -> None:
    threading.Timer(seconds, act).start()


@contextmanager
def flood(per_id_s: float = 0.001) -> Iterator[None]:
    """Make the kernel send thousands of frames a second that concern nobody."""
    with SocketcanBus(channel=CHANNEL) as bus:
        for number in range(FLOOD_IDS):
            bus.send_periodic(can.Message(arbitration_id=0x100 + number, data=bytes(8), is_extended_id=False), per_id_s)
        yield
        bus.stop_all_periodic_tasks()


def test_interface_that_goes_down_for_four_seconds_costs_no_verdict(ecu: EcuProcess, target: Path) -> None:
    def take_down() -> None:
        ip("set", CHANNEL, "down")
        later(4.0, lambda: ip("set", CHANNEL, "up"))

    run, out = audit(target, meanwhile=take_down)
    assert set(verdicts(run).values()) == {"pass"}, out
    assert any("the interface was gone at" in remark for remark in run["run"]["remarks"]), out
    assert "the interface is gone" in out
    assert "the interface is back after" in out
    assert run["run"]["crashes"] == []


def test_flood_of_foreign_frames_costs_no_verdict(target: Path) -> None:
    ecu = EcuProcess(sys.executable, "-c", FILTERED)
    with flood():
        run, out = audit(target)
    ecu.kill()
    found = verdicts(run)
    assert set(found.values()) <= {"pass", "inconclusive"}, out
    assert list(found.values()).count("pass") >= len(found) - 1, out
    assert any("only frames with the ids in use (0x740," in remark for remark in run["run"]["remarks"]), out


def test_ecu_that_is_switched_off_and_on_is_waited_for(ecu: EcuProcess, target: Path) -> None:
    def switch() -> None:
        ecu.kill()
        later(3.0, ecu.start)

    run, out = audit(target, meanwhile=switch)
    found = verdicts(run)
    assert "contact with the ECU is lost" in out, out
    assert "the ECU answers again; the audit goes on" in out, out
    assert list(found.values()).count("pass") >= len(found) - 1, out
    assert "fail" not in found.values(), "nothing that was sent has switched it off"
    (crash,) = run["run"]["crashes"]
    assert not crash["reproduced"]


@contextmanager
def polled() -> Iterator[None]:
    """Run another tester that sends requests to the same ECU on the same ids, twenty times a second."""
    is_over = threading.Event()

    def poll() -> None:
        with SocketcanBus(channel=CHANNEL) as bus:
            while not is_over.wait(0.05):
                bus.send(can.Message(arbitration_id=0x740, data=bytes.fromhex("0322101000000000"), is_extended_id=False))

    other = threading.Thread(target=poll)
    other.start()
    try:
        yield
    finally:
        is_over.set()
        other.join()


def test_tester_beside_us_on_the_same_ids_changes_no_verdict_to_a_failure(ecu: EcuProcess, target: Path) -> None:
    target.write_text(target.read_text(encoding="utf-8").replace("[can]\n", "[can]\nshared = true\n"), encoding="utf-8")
    with polled():
        run, out = audit(target)
    assert not {"fail", "error"} & set(verdicts(run).values()), out
    assert not run["run"]["interrupted"]
    assert run["run"]["crashes"] == []


def test_tester_beside_us_that_nobody_has_declared_ends_the_run(ecu: EcuProcess, target: Path) -> None:
    with polled():
        run, out = audit(target)
    assert run["run"]["interrupted"]
    assert "somebody else asks this ECU: 740#0322101000000000 and" in run["run"]["stopped_by"], out
    assert "shared = true" in out
    assert not {"fail", "error"} & set(verdicts(run).values()), out


def test_interface_that_stays_away_ends_the_audit_with_what_was_measured(ecu: EcuProcess, target: Path) -> None:
    run, out = audit(target, meanwhile=lambda: ip("set", CHANNEL, "down"))
    ip("set", CHANNEL, "up")
    found = list(verdicts(run).values())
    assert "pass" in found, out
    assert "error" in found, out
    assert out.count("not begun") < found.count("error"), "not for each check"
    time.sleep(0.2)
