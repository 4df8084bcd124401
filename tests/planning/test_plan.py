"""Prove what a plan says, that planning sends nothing, and that an audit of a real ECU begins with a plan."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import can
import pytest

from harness.audit.selection import Selection
from harness.audit.session import AuditOptions
from harness.cli.audit import _is_agreed, _planned
from harness.cli.main import _parser
from harness.cli.terminal import AuditRequest
from harness.target import load_target
from harness.verdict import Depth

from ..audit.auditing import check as check_text
from ..audit.auditing import uds_harness, write_checks
from .test_twin import DECLARED, HEAD

KEYS = ["id", "parameter", "permissions", "requests", "wrong_keys", "writes", "resets", "waits_s", "seconds", "why"]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A target on a bus of this process, with hooks that leave a trace, and a state folder of the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    text = (HEAD + DECLARED).replace("socketcan", "virtual").replace("nobody0", "planned")
    text = text.replace("never-run-me", f"touch {tmp_path}/ran")
    text = text.replace(
        "boot_s = 2.0", f'boot_s = 2.0\ncommand = "touch {tmp_path}/ran"\npower = "command: touch {tmp_path}/ran"'
    )
    path = tmp_path / "bench.toml"
    path.write_text(text, encoding="utf-8")
    return path


def plan(target: Path, *words: str) -> dict[str, Any]:
    done = uds_harness("plan", target, "--depth", "quick", "--json", *words, cwd=target.parent)
    assert (done.code, done.err) == (0, "")
    document: dict[str, Any] = json.loads(done.out)
    return document


def test_a_plan_is_as_pinned_and_sends_nothing_anywhere(bench: Path) -> None:
    with can.Bus(interface="virtual", channel="planned") as listener:
        document = plan(bench, "--check", "SA-09", "--check", "SA-1[012]", "--check", "SA-05")
        assert listener.recv(0) is None
    assert document["schema_version"] == 1
    assert all(list(check) == KEYS for check in document["checks"])
    assert document["seconds"] == pytest.approx(sum(check["seconds"] for check in document["checks"]))
    assert {path.name for path in bench.parent.iterdir()} == {"bench.toml"}
    checks = {(check["id"], check["parameter"]): check for check in document["checks"]}
    first = checks["SA-09", "level 0x01"]  # its rows are sent side by side with those of the other level
    assert first["wrong_keys"] > 20
    assert "lockout" in first["permissions"]
    assert first["waits_s"] > 60
    assert "the delay of level 0x01" in first["why"]
    assert "lockout" in checks["SA-09", "level 0x03"]["permissions"]
    assert any("The hooks of [reset] are not run" in one for one in document["assumptions"])


def test_what_is_not_allowed_is_not_planned(bench: Path) -> None:
    text = bench.read_text(encoding="utf-8")
    allowed = next(line for line in text.splitlines() if line.startswith("allow"))
    bench.write_text(text.replace(allowed, "allow = []"), encoding="utf-8")
    document = plan(bench, "--check", "SA-09", "--check", "AC-13", "--check", "CF-11")
    assert document["totals"]["wrong_keys"] == document["totals"]["writes"] == document["totals"]["resets"] == 0
    assert document["permissions"] == []
    why = {check["id"]: check["why"] for check in document["checks"] if not check["requests"]}
    assert why["SA-09"].startswith("the target does not allow lockout")
    assert why["AC-13"].startswith("the target does not allow write")


def test_the_budget_that_is_left_is_planned_with_and_stays_as_it_is(bench: Path) -> None:
    from harness.system import state_folder
    from harness.tester.ledger import LEDGER, ledger_of

    target = load_target(bench)
    ledger = ledger_of(target, state_folder() / LEDGER)
    for _ in range(200):
        ledger.count(3)
    before = (state_folder() / LEDGER).read_bytes()
    document = plan(bench, "--check", "SA-09")
    keys = {check["parameter"]: check["wrong_keys"] for check in document["checks"]}
    assert keys["level 0x03"] == 0 < keys["level 0x01"]
    assert (state_folder() / LEDGER).read_bytes() == before


def test_the_plan_of_a_simulated_ecu_is_what_its_audit_sends(tmp_path: Path) -> None:
    words = ("hardened", "--depth", "quick", "--seed", "3", "--check", "SA-09", "--check", "TP-0*")
    document = json.loads(uds_harness("audit", *words, "--dry-run", "--json", cwd=tmp_path).out)
    done = uds_harness("audit", *words, cwd=tmp_path)
    assert document["totals"]["wrong_keys"] == done.document["run"]["counts"]["wrong_keys"] > 0
    planned = {(check["id"], check["parameter"]) for check in document["checks"]}
    audited = {(one["id"], one["parameter"]) for one in done.document["results"] if one["reason"] != "deselected"}
    assert planned == audited


def test_every_wait_of_a_plan_says_what_it_is_for(tmp_path: Path) -> None:
    done = uds_harness("plan", "hardened", "--depth", "quick", "--json", cwd=tmp_path)
    checks = json.loads(done.out)["checks"]
    for check in checks:
        told = re.findall(r"(?:^|; |, )([^;]*?) (\d+\.\d) s(?: in \d+ waits)?", check["why"])
        assert not {"pauses", "listening", "other waits"} & {what.strip() for what, _ in told}, check
        assert sum(float(seconds) for _, seconds in told) == pytest.approx(check["waits_s"], abs=1.0), check
    assert sum(check["waits_s"] for check in checks) > 60


def test_nobody_is_asked_for_the_key_of_a_simulated_ecu(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds even if somebody could answer."""
    bench.with_name("ask.py").write_text("def key(seed, level):\n    return bytes.fromhex(input(seed.hex()))\n", "utf-8")
    text = bench.read_text(encoding="utf-8").replace(
        'key = "hmac-sha256"\nsecret = "hex:8F1D5A20C4B97E3364F0A81B96D2075C"', ""
    )
    lines = ["key = " + '"ask.py:key"' if line.startswith('key = "command') else line for line in text.splitlines()]
    bench.write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO("00\n" * 1000))
    document = plan(bench, "--check", "SA-22")
    assert sys.stdin.tell() == 0
    sent = {check["parameter"]: check["requests"] for check in document["checks"]}
    assert sent["level 0x03"] > 0
    assert any("The key of level 0x03 is made by a stand-in" in one for one in document["assumptions"])


def test_of_an_unknown_ecu_the_shape_is_said(tmp_path: Path) -> None:
    done = uds_harness("plan", "socketcan:no0?request=0x7E0", "--depth", "quick", "--check", "SA-0[179]", cwd=tmp_path)
    assert done.code == 0
    assert "it is taken to have the shape of hardened" in done.out
    assert "the target does not allow lockout" in " ".join(done.out.split())
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("gone.toml",), "gone.toml: there is no such file"),
        (("article", "--check", "SB-01"), "no check has such an id"),
        (("uds-sim:nosuch",), 'uds-harness: channel "nosuch": there is no profile'),
        (("article", "-k", "and and"), "uds-harness: Wrong expression passed to '-k'"),
        (("article", "--checks", "."), "--checks .: there is no check in it"),
    ],
)
def test_what_cannot_be_planned_is_told_in_a_line(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    done = uds_harness("plan", *words, cwd=tmp_path)
    assert (done.code, done.out) == (4, "")
    assert why in done.err
    assert len(done.err.splitlines()) == 1


# An audit of a real ECU


def agreed(bench: Path, answer: str | None, *words: str, is_there: bool = True) -> tuple[bool, str]:
    """Return whether an audit goes on, and what it says before."""
    options = _parser().parse_args(["audit", str(bench), "--depth", "quick", "--check", "SA-09", *words])
    request = AuditRequest(
        AuditOptions(target=load_target(bench), seed=1, depth=Depth.QUICK, chosen=Selection(checks=("SA-09",)))
    )
    said: list[str] = []
    request.console.is_there = is_there
    request.console._write = said.append  # type: ignore[method-assign]

    def read(prompt: str) -> str:
        said.append(prompt)
        if answer is None:
            raise EOFError
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.input", read)
        plan = _planned(options, request)
        assert plan is not None
        return _is_agreed(options, request, plan), "".join(said)


def test_a_person_is_asked_before_a_real_ecu_is_harmed(bench: Path) -> None:
    goes_on, said = agreed(bench, "no")
    assert not goes_on
    assert "planned: about " in said
    assert "wrong keys" in " ".join(said.split())
    assert said.endswith("Go on? [yes/no] nothing was sent\n")
    assert agreed(bench, None) == (False, said)


@pytest.mark.parametrize(
    ("words", "is_there"), [((), False), (("--yes",), True)], ids=["nobody is there", "it was agreed before"]
)
def test_nobody_is_asked_who_is_not_there_or_has_agreed(bench: Path, words: tuple[str, ...], is_there: bool) -> None:
    goes_on, said = agreed(bench, "no", *words, is_there=is_there)
    assert goes_on
    assert "planned: about " in said
    assert "Go on?" not in said


def test_checks_of_ones_own_are_not_run_before_the_audit(bench: Path) -> None:
    """A user's own checks may do more than send requests to the ECU."""
    mine = bench.with_name("test_mine.py")
    mine.write_text(f"import pathlib\n\npathlib.Path({str(bench.with_name('ran'))!r}).touch()\n", encoding="utf-8")
    goes_on, said = agreed(bench, "no", "--checks", str(mine))
    assert not goes_on
    assert "planned, without your own checks: about " in said
    assert not bench.with_name("ran").exists()


def test_what_does_no_harm_needs_no_question(bench: Path) -> None:
    text = bench.read_text(encoding="utf-8")
    allowed = next(line for line in text.splitlines() if line.startswith("allow"))
    bench.write_text(text.replace(allowed, "allow = []"), encoding="utf-8")
    assert agreed(bench, "no")[0]


def test_the_word_of_a_person_is_kept(bench: Path) -> None:
    assert agreed(bench, "YES")[0]


def test_a_plan_that_is_interrupted_is_none(bench: Path, tmp_path: Path) -> None:
    mine = write_checks(tmp_path / "mine", check_text("MY-1", "__import__('signal').raise_signal(2)"))
    done = uds_harness("plan", bench, "--checks", mine, "--check", "MY-*", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
