"""Prove that undeclared subjects are looked for, and that only those seen to be absent are not applicable."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.target import load_target

from .auditing import Done, uds_harness

NODES = Path(__file__).with_name("reluctant_nodes.py").resolve()
HARDENED_TOML = (load_target("hardened").path or Path()).read_text(encoding="utf-8")
UNDECLARED = re.sub(r"\[\[(security|connection)\]\]\n(?:[^\[\n].*\n|\n)*", "", HARDENED_TOML)
OPEN_DATA = re.sub(r'(read|write|needs) = "level .*"', r'\1 = "never"', UNDECLARED)
SELECTED = ("-k", "SA-01 or SA-09 or AC-01 or AC-07 or TP-01 or AC-19")


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Done]:
    done: dict[str, Done] = {}

    def audit(factory: str) -> Done:
        if factory not in done:
            folder = tmp_path_factory.mktemp(factory)
            text = OPEN_DATA.replace('channel = "hardened"', f'channel = "{NODES}:{factory}"')
            (folder / "ecu.toml").write_text(text, encoding="utf-8")
            done[factory] = uds_harness("audit", "ecu.toml", *SELECTED, cwd=folder)
        return done[factory]

    return audit


def reason(done: Done, check: str) -> str:
    return str(done.result(check)["reason"])


def test_security_access_that_no_session_reaches_is_inconclusive_with_what_is_known(
    audited: Callable[[str], Done],
) -> None:
    done = audited("locked_away")
    assert done.verdicts["SA-01"] == done.verdicts["SA-09"] == "inconclusive", done.explain()
    assert "27 is there, but in no session that could be entered" in reason(done, "SA-01")
    assert "10 02 is refused with 0x22" in reason(done, "SA-01")


def test_a_run_that_saw_security_access_and_did_not_judge_it_says_so(audited: Callable[[str], Done]) -> None:
    told = audited("locked_away").document["run"]["security_access"]
    assert (told["seen"], told["judged"]) == (True, False)
    assert "27 is there, but in no session that could be entered" in told["why"]


def test_security_access_that_was_seen_to_be_absent_is_not_applicable(audited: Callable[[str], Done]) -> None:
    done = audited("without_security_access")
    assert done.verdicts["SA-01"] == done.verdicts["AC-01"] == "not_applicable", done.explain()
    assert "the ECU does not have service 27" in reason(done, "SA-01")
    told = done.document["run"]["security_access"]
    assert (told["seen"], told["judged"]) == (False, False)


def test_security_access_that_nothing_is_said_about_is_inconclusive(audited: Callable[[str], Done]) -> None:
    done = audited("silent_to_what_it_lacks")
    assert done.verdicts["SA-01"] == "inconclusive", done.explain()
    assert "whether the ECU has service 27 is not known" in reason(done, "SA-01")


def test_authentication_is_not_concluded_from_silence(audited: Callable[[str], Done]) -> None:
    done = audited("silent_to_what_it_lacks")
    assert done.verdicts["AC-19"] == "inconclusive"
    assert "whether the ECU has service 29 is not known" in reason(done, "AC-19")


def test_a_level_that_is_there_and_not_declared_is_named(audited: Callable[[str], Done]) -> None:
    done = audited("hardened")
    assert done.verdicts["SA-01"] == "inconclusive"
    assert "level 0x01 is there" in reason(done, "SA-01")


def test_what_authentication_guards_is_not_judged_by_security_access(audited: Callable[[str], Done]) -> None:
    done = audited("wanting_authentication")
    assert done.verdicts["AC-07"] == "inconclusive", done.explain()
    assert "guarded by Authentication (29)" in reason(done, "AC-07")


def test_services_that_want_authentication_are_told(audited: Callable[[str], Done]) -> None:
    assert audited("wanting_authentication").document["run"]["security_access"]["authentication"] == ["22", "2F"]


def test_a_run_that_judged_a_level_says_nothing_more(hardened: Done) -> None:
    told = hardened.document["run"]["security_access"]
    assert told == {"seen": True, "judged": True, "why": "", "authentication": []}
