"""Prove that an ECU is blamed only for what was seen twice: failures and losses are repeated, and missing controls wait."""

from pathlib import Path
from typing import Any

import pytest

from attacks.session import test_relock
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

from .auditing import Done, article_with, check, run_pytest, uds_harness, write_checks, write_target

READS = check("MY-1", "assert tester.read(0x0200) == b'\\x02', 'the value is wrong'")
KILLS = check("MY-1", "tester.request('F0')")
AFTERWARDS = check("MY-2", "assert tester.read(0x0100) == b'\\x01'")


def audited(place: Path, factory: str, *checks: str, **target: Any) -> Done:
    mine = write_checks(place / "mine", *checks)
    return run_pytest(mine, "--uds-target", write_target(place, factory, **target), cwd=place)


# Failures


def test_what_fails_twice_is_a_failure(place: Path) -> None:
    count = place / "count"
    body = f"with open({str(count)!r}, 'a') as file:\n    file.write('x')\nassert tester.read(0x0200) == b'\\x07'"
    done = audited(place, "small", check("MY-1", body))
    assert done.verdicts == {"MY-1": "fail"}, done.explain()
    assert count.read_text() == "xx", "it was looked at twice, and not more often"


def test_what_passes_is_not_repeated(place: Path) -> None:
    count = place / "count"
    audited(place, "small", check("MY-1", f"with open({str(count)!r}, 'a') as file:\n    file.write('x')"))
    assert count.read_text() == "x"


def test_what_fails_once_is_inconclusive_and_said(place: Path) -> None:
    done = audited(place, "FlawedOnce", READS)
    assert done.verdicts == {"MY-1": "inconclusive"}, done.explain()
    assert "the value is wrong" in done.result("MY-1")["reason"]
    assert "repeated" in done.result("MY-1")["reason"]
    assert done.code == 5


def test_what_failed_once_keeps_its_frames(place: Path) -> None:
    exchanges = audited(place, "FlawedOnce", READS).result("MY-1")["exchanges"]
    assert "62 02 00 EE" in [reply for exchange in exchanges for reply in exchange["replies"]]


def test_the_evidence_of_a_failure_is_that_of_one_attempt(place: Path) -> None:
    body = "reply = tester.request('22 02 00')\ntester.cite(reply)\nfail(expected='another value', observed=str(reply))"
    assert len(audited(place, "small", check("MY-1", body)).result("MY-1")["exchanges"]) == 1


def test_what_is_cited_twice_is_shown_once(place: Path) -> None:
    body = "replies = [tester.request('22 02 00') for _ in range(2)]\ntester.cite(*replies, *replies)"
    assert len(audited(place, "small", check("MY-1", body)).result("MY-1")["exchanges"]) == 2


# Loss of the ECU


def test_an_ecu_lost_twice_is_a_failure_with_its_last_words(place: Path) -> None:
    done = audited(place, "DiesOnF0", KILLS, AFTERWARDS)
    assert done.verdicts == {"MY-1": "fail", "MY-2": "pass"}, done.explain()
    result = done.result("MY-1")
    assert result["severity"] == "high"
    notes = "\n".join(result["notes"])
    assert "stack smashed" in notes
    assert "Traceback" in notes
    assert "nodes.py" in notes
    assert result["exchanges"], "what killed it is shown"
    assert "F0" in [exchange["request"] for exchange in result["exchanges"]]


def test_an_ecu_lost_once_is_inconclusive(place: Path) -> None:
    done = audited(place, "DiesOnceOnF0", KILLS, AFTERWARDS)
    assert done.verdicts == {"MY-1": "inconclusive", "MY-2": "pass"}, done.explain()
    assert done.result("MY-1")["reason"] == "contact lost after F0, not reproduced"
    assert "stack smashed" in "\n".join(done.result("MY-1")["notes"]), "how it died is said all the same"


def test_an_ecu_that_stays_lost_is_inconclusive_and_ends_nothing(place: Path) -> None:
    done = audited(place, "DiesForEver", AFTERWARDS.replace("MY-2", "MY-0").replace("my_2", "my_0"), KILLS, AFTERWARDS)
    assert done.verdicts == {"MY-0": "pass", "MY-1": "inconclusive", "MY-2": "inconclusive"}, done.explain()
    assert "contact lost" in done.result("MY-1")["reason"]
    assert "answer" in done.result("MY-2")["reason"]
    assert (done.folder / "audit.html").exists()


def test_an_ecu_without_a_power_switch_that_dies_is_inconclusive(place: Path) -> None:
    """The check fails if the same sequence silences the ECU again from a known state; else it is inconclusive."""
    done = audited(place, "DiesOnF0", KILLS, AFTERWARDS, more="")
    assert done.verdicts == {"MY-1": "inconclusive", "MY-2": "inconclusive"}, done.explain()


def test_an_ecu_that_dies_in_a_failing_check_is_both(place: Path) -> None:
    done = audited(place, "DiesOnF0", check("MY-1", "tester.request('F0')\nfail(expected='life', observed='death')"))
    assert done.verdicts == {"MY-1": "fail"}, done.explain()
    assert "no longer answered" in "\n".join(done.result("MY-1")["notes"])
    assert "stack smashed" in "\n".join(done.result("MY-1")["notes"])


def test_a_check_that_passes_on_silence_is_no_pass_if_the_ecu_is_dead(place: Path) -> None:
    """Silence is not a pass."""
    body = "from harness import silence\ntester.judge(tester.request('F0'), sound=silence())"
    assert audited(place, "DiesOnF0", check("MY-1", body)).verdicts == {"MY-1": "fail"}


def test_a_traceback_that_was_told_once_is_not_told_of_the_next_check(place: Path) -> None:
    done = audited(place, "DiesOnF0", KILLS, AFTERWARDS)
    assert done.result("MY-2")["notes"] == []


# Controls


def test_a_refusal_on_an_ecu_that_never_relocks_waits_for_its_control(article: Done) -> None:
    """Every held back result became a pass, since the control was taken in the end."""
    assert {name: article.verdicts[name] for name in ("AC-01", "AC-02", "SA-39")} == {
        "AC-01": "pass", "AC-02": "pass", "SA-39": "pass",
    }  # fmt: skip


HELD = ("AC-01", "AC-02", "SA-39")


@pytest.mark.parametrize("why", ["the key is wrong", "the key is not known"])
def test_without_its_control_a_refusal_proves_nothing(why: str, place: Path) -> None:
    if why == "the key is wrong":
        target = article_with(place, **{"hex:1234567890": "hex:0000000000"})
    else:
        target = article_with(place, **{'key = "article"': "", 'secret = "hex:1234567890"': ""})
    done = uds_harness("audit", target, "--depth", "quick", "-k", "AC-01 or AC-02 or SA-39", cwd=place)
    assert {name: done.verdicts[name] for name in HELD} == dict.fromkeys(HELD, "inconclusive"), done.explain()
    for name in HELD:
        assert "control missing" in done.result(name)["reason"], done.explain()
    assert done.code == 5


def test_what_waits_is_printed_when_it_is_settled_and_once(place: Path) -> None:
    done = uds_harness("audit", "article", "--depth", "quick", "-k", "AC-01 or CF-02 or SA-24", "-v", cwd=place)
    heads = [line.split()[1] for line in done.out.splitlines() if line.startswith(("pass ", "fail ")) and "-" in line]
    assert heads == ["CF-02", "AC-01", "SA-24"], done.out


def test_an_ecu_that_starts_unlocked_and_stays_so_is_inconclusive(place: Path) -> None:
    """The locked state is established, never assumed."""
    (place / "open.py").write_text(
        "from harness.ecu.profiles import article\n"
        "def ecu():\n"
        "    node = article()\n"
        "    start = node.attach\n"
        "    def attach(port):\n"
        "        start(port)\n"
        "        node.ecu._security = 1\n"
        "    node.attach = attach\n"
        "    return node\n"
    )
    target = article_with(place, **{'channel = "article"': 'channel = "open.py:ecu"'})
    done = uds_harness("audit", target, "--depth", "quick", "-k", "AC-01 or AC-02 or SA-39 or SA-25", cwd=place)
    for name in (*HELD, "SA-25"):
        assert done.verdicts[name] == "inconclusive", done.explain()
        assert "initial state unlocked" in done.result(name)["reason"]


def test_an_ecu_without_sessions_is_left_alone_once() -> None:
    (finding,) = run_checks([test_relock.test_an_idle_ecu_locks_itself], "article", depth=Depth.DEFAULT)
    assert finding.verdict is Verdict.FAIL
    assert "60 s without a request" in finding.expected
    assert 60 < finding.duration_s < 70
