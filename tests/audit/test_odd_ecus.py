"""Prove that an audit of an ECU with little to judge, or that ignores short flow controls, ends properly, with reasons."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_functions
from harness.target import load_target
from harness.verdict import Verdict

from .auditing import CHECKS_ONLY, Done, uds_harness

HARDENED_TOML = (load_target("hardened").path or Path()).read_text(encoding="utf-8")
NODES = Path(__file__).with_name("odd_nodes.py").resolve()


def without_keys(text: str) -> str:
    return re.sub(r"^(key|secret) = .*\n", "", text, flags=re.MULTILINE)


def with_unknown_level(text: str) -> str:
    return text + "\n[[security]]\nlevel = 0x05\nsession = 0x03\n"


def with_one_session(text: str) -> str:
    text = re.sub(r"\[\[session\]\]\nid = .*\nname = .*\n", "", text)
    return re.sub(r"^(s3_ms|session) = .*\n", "", text, flags=re.MULTILINE)


def elsewhere(factory: str, change: Callable[[str], str] = lambda text: text) -> Callable[[str], str]:
    return lambda text: change(text).replace('channel = "hardened"', f'channel = "{NODES}:{factory}"')


@dataclass(frozen=True)
class Odd:
    change: Callable[[str], str]
    code: int
    says: str
    """Words in the reasons of most results that could not be judged."""


ODD = {
    "no key": Odd(without_keys, 0, "no key function"),
    "unknown level": Odd(with_unknown_level, 0, "level 0x05"),
    "one session": Odd(elsewhere("one_session", with_one_session), 0, "no sessions"),
    "silent": Odd(elsewhere("Silent"), 5, "does not answer"),
    "refuses everything": Odd(elsewhere("refusing"), 0, "0x11"),
}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Done]:
    @cache
    def audit(name: str) -> Done:
        place = tmp_path_factory.mktemp("odd")
        (place / "odd.toml").write_text(ODD[name].change(HARDENED_TOML), encoding="utf-8")
        return uds_harness("audit", "odd.toml", *CHECKS_ONLY, "--seed", "1", cwd=place)

    return audit


@pytest.mark.parametrize("name", ODD)
def test_it_ends_with_the_right_exit_code_and_a_whole_report(name: str, audited: Callable[[str], Done]) -> None:
    done = audited(name)
    assert done.code == ODD[name].code, done.explain()
    assert set(done.verdicts) >= set(shipped_functions())
    assert (done.folder / "audit.html").exists()
    assert not done.run.with_verdict(Verdict.ERROR)
    assert not done.run.failures(), done.explain()


@pytest.mark.parametrize("name", ODD)
def test_what_could_not_be_judged_says_why(name: str, audited: Callable[[str], Done]) -> None:
    findings = audited(name).run.findings
    undecided = [one for one in findings if one.verdict not in (Verdict.PASS, Verdict.FAIL) and one.reason != "deselected"]
    assert all(one.reason for one in undecided)
    assert any(ODD[name].says in one.reason for one in undecided), {one.reason for one in undecided}


def test_without_a_key_what_needs_one_is_not_passed(audited: Callable[[str], Done]) -> None:
    verdicts = audited("no key").verdicts
    needs_a_key = ["SA-08", "SA-22", "SA-24", "SA-25", "SA-28", "SA-31", "ST-01", "ST-02", "ST-03", "AC-17"]
    assert {verdicts[check] for check in needs_a_key} == {"inconclusive"}


def test_a_level_that_is_not_there_passes_nothing(audited: Callable[[str], Done]) -> None:
    of_level = [one for one in audited("unknown level").run.findings if one.parameter == "level 0x05"]
    assert of_level
    assert Verdict.PASS not in {one.verdict for one in of_level}, [one.id for one in of_level if one.verdict is Verdict.PASS]
    others = [one for one in audited("unknown level").run.findings if one.parameter == "level 0x01"]
    assert Verdict.PASS in {one.verdict for one in others}


def test_silence_passes_nothing(audited: Callable[[str], Done]) -> None:
    assert set(audited("silent").verdicts.values()) <= {"inconclusive", "not_applicable", "not_run"}


def test_an_ecu_that_refuses_everything_passes_little(audited: Callable[[str], Done]) -> None:
    passed = {check for check, verdict in audited("refuses everything").verdicts.items() if verdict == "pass"}
    assert passed
    assert {check for check in passed if check.startswith(("SA-", "AC-", "ST-"))} == {"ST-06"}, "it answers in time"


# An ECU that ignores short flow controls, and padding = false


def test_long_answers_that_stop_after_their_first_frame_are_no_fault_of_the_ecu(place: Path) -> None:
    text = HARDENED_TOML.replace('channel = "hardened"', 'channel = "tests.discovery.shy_nodes:full_flow_controls_only"')
    text = re.sub(r"^padding = .*$", "padding = false", text, flags=re.MULTILINE)
    (place / "ecu.toml").write_text(text, encoding="utf-8")
    done = uds_harness("audit", "ecu.toml", "-k", "SA-01 or CF-01 or CF-10", cwd=place)
    assert set(done.verdicts.values()) == {"pass"}, done.explain()
    assert any("A long answer stopped after its first frame" in remark for remark in done.document["run"]["remarks"])
