"""Prove what a run records of its origin: which versions ran, on which sample and over which bus."""

import json
import subprocess
from pathlib import Path

import can
import pytest

import harness.audit.provenance as provenance
from harness.audit.provenance import bus_access
from harness.buses import open_link
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.runs.folder import read_run
from harness.target import Can

from .auditing import article_with, uds_harness, write_target

HARDENED = {
    "F187": "", "F189": "", "F18C": "UDS-HARNESS-0001", "F191": "", "F195": "", "F190": "",
}  # fmt: skip


@pytest.fixture
def fresh_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the cached commit, so that git is called again."""
    provenance.commit.cache_clear()
    monkeypatch.setattr(provenance, "commit", provenance.commit)


# The sample


def test_the_ecu_is_identified_at_the_end_of_a_run(place: Path) -> None:
    done = uds_harness("audit", "hardened", "-k", "CF-01", cwd=place)
    said = read_run(done.folder).info.identification
    assert {one.did: one.value for one in said} == HARDENED
    assert {one.reason for one in said if not one.value} == {"negative 0x31 requestOutOfRange"}
    last = done.document["results"][-1]["last_frame"]
    lines = (done.folder / "bus.log").read_text().splitlines()
    for did in HARDENED:
        assert not any(f"22{did}" in line for line in lines[done.result("CF-01")["first_frame"] : last])
        assert any(f"22{did}" in line for line in lines[last:]), "after everything else, where it disturbs no check"


def test_of_an_ecu_that_is_gone_that_is_said(place: Path) -> None:
    target = write_target(place, "Nobody", file="nobody.py")
    (place / "nobody.py").write_text("class Nobody:\n def attach(self, port): pass\n def on_frame(self, frame): pass\n")
    done = uds_harness("audit", target, "-k", "CF-01", cwd=place)
    reasons = {one["reason"] for one in done.document["run"]["identification"]}
    (reason,) = reasons
    assert reason.startswith("not asked: the ECU does not answer")


def test_nothing_is_asked_of_an_ecu_that_no_check_has_asked_anything(place: Path) -> None:
    done = uds_harness("audit", "article", "-k", "nothing at all", cwd=place)
    assert done.document["run"]["identification"] == []
    assert done.document["run"]["counts"]["exchanges"] == 0


def test_an_ecu_that_only_asks_for_time_is_not_given_a_minute_for_each(place: Path) -> None:
    (place / "later.py").write_text(
        "import can\n"
        "class Later:\n"
        " def attach(self, port): self.port = port\n"
        " def on_frame(self, frame):\n"
        "  if frame.data[1] == 0x22 and frame.data[2] == 0xF1: self.pending()\n"
        "  elif frame.data[1] == 0x3E: self.port.send(can.Message(arbitration_id=0x708, data=b'\\x02\\x7e\\x00'))\n"
        " def pending(self):\n"
        "  self.port.send(can.Message(arbitration_id=0x708, data=b'\\x03\\x7f\\x22\\x78', is_extended_id=False))\n"
        "  self.port.call_later(1.0, self.pending)\n"
    )
    target = write_target(place, "Later", file="later.py")
    run = uds_harness("audit", target, "-k", "CF-01", cwd=place).document["run"]
    reasons = [one["reason"] for one in run["identification"]]
    assert reasons[1:] == ["not asked: the ECU says that an answer is pending, and gives none"] * 5, reasons


HOSTILE = b"<b>\x1b[31m\xff" + bytes(range(200))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"1J0 907 \x00\x00", "1J0 907"),
        (b"\x00\x00", "00 00"),
        (b"", ""),
        (b"\x1b[31m", "1B 5B 33 31 6D"),
        (HOSTILE, HOSTILE[:64].hex(" ").upper() + f" … ({len(HOSTILE)} bytes)"),
    ],
)
def test_an_identifier_is_text_where_it_is_text_and_hex_elsewhere(value: bytes, shown: str) -> None:
    assert provenance._shown(value) == shown


# What ran


def test_a_checkout_names_its_commit_and_whether_anything_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_git: None
) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "one")
    head = git(tmp_path, "rev-parse", "HEAD")
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    assert provenance.commit() == (head, True)
    (tmp_path / "another").write_text("2")
    provenance.commit.cache_clear()
    assert provenance.commit() == (head, False)
    provenance.commit.cache_clear()


def git(place: Path, *words: str) -> str:
    try:
        return subprocess.run(["git", "-C", str(place), *words], check=True, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        pytest.skip("git is not installed")


def test_without_a_checkout_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_git: None) -> None:
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    assert provenance.commit() == ("", None)
    provenance.commit.cache_clear()


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_git: None) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.commit() == ("", None)
    provenance.commit.cache_clear()


# The bus


def test_a_simulated_bus_does_not_pretend_to_be_one(place: Path) -> None:
    bus = uds_harness("audit", "article", "-k", "CF-01", cwd=place).document["run"]["bus"]
    assert "simulated" in bus["adapter"]
    assert "virtual" in bus["timestamps"]
    assert (bus["lost_frames"], bus["error_frames"]) == (0, 0)


def test_of_another_backend_no_more_is_said_than_is_known() -> None:
    link = open_link(interface="virtual", channel="provenance", bitrate=500_000, trace=Trace(), chance=Chance(1))
    try:
        other = can.Bus(interface="virtual", channel="provenance")
        other.send(can.Message(is_error_frame=True))
        link.receive(link.now_s + 0.05)
        said = bus_access(Can(interface="virtual", channel="provenance", request_id=1, response_id=2), link)
        other.shutdown()
    finally:
        link.close()
    assert said.adapter == "python-can virtual, provenance, 500000 bit/s as configured"
    assert "not known" in said.driver
    assert "not known" in said.timestamps
    assert said.lost_frames is None, "it does not tell"
    assert said.error_frames == 1


IP = {
    "linkinfo": {"info_kind": "can", "info_data": {"bittiming": {"bitrate": 250000}}},
}


@pytest.mark.parametrize(
    ("answer", "driver", "rate"),
    [
        (json.dumps([IP]), "kernel driver mcp251x", "250000 bit/s"),
        ("[]", "kernel driver mcp251x", "bit rate not known"),
        ("no JSON", "kernel driver mcp251x", "bit rate not known"),
        ('[{"linkinfo": 1}]', "kernel driver mcp251x", "bit rate not known"),
        ('[{"linkinfo": {"info_data": 1}}]', "kernel driver mcp251x", "bit rate not known"),
        ('[{"linkinfo": {"info_data": {"bittiming": null}}}]', "kernel driver mcp251x", "bit rate not known"),
    ],
)
def test_linux_tells_driver_and_bit_rate_of_an_interface(
    answer: str, driver: str, rate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net" / "can0" / "device").mkdir(parents=True)
    (tmp_path / "mcp251x").mkdir()
    (tmp_path / "net" / "can0" / "device" / "driver").symlink_to(tmp_path / "mcp251x")
    command = tmp_path / "ip"
    command.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    command.chmod(0o755)
    monkeypatch.setattr(provenance, "NETWORK", tmp_path / "net")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert provenance._linux("can0") == (driver, rate)


def test_a_virtual_interface_has_no_driver_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "NETWORK", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance._linux("vcan0") == ("a virtual interface of the kernel (not known)", "bit rate not known")


# The user's own requirements

WANTED = '\n[[requirement]]\nid = "{}"\nchecks = {}\n'


def test_each_result_names_the_requirements_that_it_answers(place: Path) -> None:
    text = WANTED.format("CSR-42", '["CF-01", "SA-01"]') + WANTED.format("CSR-43", '["CF-01"]')
    done = uds_harness("audit", article_with(place, text), "-k", "CF-01 or CF-02", cwd=place)
    assert done.result("CF-01")["requirements"] == ["CSR-42", "CSR-43"]
    assert done.result("CF-02")["requirements"] == []
    assert not any("CSR" in remark for remark in done.document["run"]["remarks"])


def test_a_requirement_that_names_no_check_is_said(place: Path) -> None:
    text = WANTED.format("CSR-42", '["CF-01", "SA-99"]')
    done = uds_harness("audit", article_with(place, text), "-k", "CF-01", cwd=place)
    assert "No check of this run has an id that requirement CSR-42 names: SA-99." in done.document["run"]["remarks"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[requirement]]\nchecks = ["SA-09"]\n', "requirement #1: id is missing; give the requirement's id"),
        ('[[requirement]]\nid = "A"\n', "requirement #1: checks is missing; give a list of ids of checks"),
        ('[[requirement]]\nid = "A"\nchecks = []\n', "requirement #1: checks is []; give the ids of checks"),
        ('[[requirement]]\nid = "A"\nchecks = ["x y"]\n', 'requirement #1: checks is ["x y"]; give a list of ids of checks'),
        ('[[requirement]]\nid = " "\nchecks = ["SA-09"]\n', 'requirement #1: id is " "; give the requirement\'s id'),
        (2 * '[[requirement]]\nid = "A"\nchecks = ["SA-09"]\n', 'requirement #2: id is "A", as in requirement #1'),
        ('[[requirement]]\nid = "A"\nchecks = ["SA-09"]\ncheck = 1\n', "requirement #1: check is unknown"),
        ('[requirement]\nid = "A"\n', "requirement is one table; write [[requirement]]"),
    ],
)
def test_a_mistake_in_a_requirement_is_named(text: str, says: str, place: Path) -> None:
    done = uds_harness("audit", article_with(place, "\n" + text), cwd=place)
    assert done.code == 4
    assert says in done.err
