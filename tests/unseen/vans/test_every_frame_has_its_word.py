"""Prove, from the wire, that a run with any single permission sends nothing else that the target forbids."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.link.frame import Frame
from harness.target import Permission, Target, load_target
from harness.tester.safety import SafetyGate

from .sent import ALLOWANCES, Sent, audited, discovered, doctored, targets, with_allowance

TARGETS = targets()
STRANGERS = TARGETS.keys() - {"article", "hardened"}


def of(allowed: frozenset[Permission]) -> str:
    return ",".join(allowed) or "nothing"


@pytest.mark.parametrize("allowed", ALLOWANCES, ids=of)
@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=pytest.mark.thorough) if one in STRANGERS else one for one in TARGETS]
)
def test_no_run_sends_what_its_one_permission_does_not_cover(name: str, allowed: frozenset[Permission]) -> None:
    target = with_allowance(TARGETS[name], allowed)
    runs = [run(target) for run in (audited, discovered, doctored)]
    assert [run.beyond for run in runs] == [[], [], []]
    assert sum(runs[0].count.values()) > 500
    assert all(run.count for run in runs)


@pytest.mark.parametrize("name", sorted(STRANGERS))
def test_an_audit_of_a_stranger_that_allows_nothing_only_asks(name: str) -> None:
    sent = audited(with_allowance(TARGETS[name], ()))
    assert sent.beyond == []
    assert sum(sent.count.values()) > 500


def test_what_an_open_gate_would_let_out_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """This is the control: without a gate the same run sends what is not allowed."""
    monkeypatch.setattr(SafetyGate, "check", lambda *args, **how: None)
    monkeypatch.setattr(SafetyGate, "permits", lambda *args: True)
    monkeypatch.setattr(SafetyGate, "check_raw", lambda *args: [])
    beyond = " ".join(audited(with_allowance(load_target("article"), ())).beyond)
    assert {word for word in ("write", "reset", "destructive") if f"needs {word}" in beyond} == {
        "write",
        "reset",
        "destructive",
    }


# The receiver itself


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        (["02 3E 00 00"], ["3E 00"]),
        (["10 0A 2E 10 10 01 02 03", "30 00 00", "21 11 01 02 03"], ["2E 10"]),
        (["21 11 01 02 03"], ["11 01"]),
        (["10 0A 2E 10 10 01 02 03", "22 11 01 02 03"], ["2E 10", "11 01"]),  # the wrong one is nobody's
        (["30 00 00 00 00 00 00 00"], []),
        (["70 31 01 FF 00"], ["31 01"]),
    ],
)
def test_what_the_receiver_hears(fields: list[str], names: list[str]) -> None:
    frames = [Frame(0x740, bytes.fromhex(field), is_sent=True) for field in fields]
    assert list(Sent(load_target("article"), frames).count.elements()) == names


@pytest.mark.parametrize(
    ("field", "word"), [("02 11 01", "reset"), ("06 27 02 01 02 03 04", "lockout"), ("04 2E 10 10 05", "write")]
)
def test_a_request_without_its_word_is_beyond(field: str, word: str) -> None:
    target: Target = with_allowance(load_target("article"), ())
    frame = Frame(0x740, bytes.fromhex(field), is_sent=True)
    beyond = Sent(target, [frame, frame]).beyond  # of keys the first is the one that may be sent
    assert word in " ".join(beyond)


def test_a_key_function_that_is_wrong_gets_one_key_a_level_without_the_permission(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("def key(seed, level):\n    return bytes(16)\n", encoding="utf-8")
    hardened = load_target("hardened")
    security = tuple(replace(one, key=f"{tmp_path}/wrong.py:key", secret=None) for one in hardened.security)
    sent = audited(with_allowance(replace(hardened, security=security), ()))
    assert {name: count for name, count in sent.count.items() if name in ("27 02", "27 04")} == {"27 02": 1, "27 04": 1}
    assert sent.beyond == []
