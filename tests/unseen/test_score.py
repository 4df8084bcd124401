"""Prove that an ECU's score follows from the results of the checks."""

import pytest

from harness.runs.findings import Finding
from harness.verdict import Severity, Verdict

from .ecu import TABLES, Unseen
from .page import page
from .score import MOST_INCONCLUSIVE, Outcome, Score, described, target_of
from .server_score import SERVERS, ServerScore

FLAWED = Unseen("static", "x.py:x", "The seed never changes.", ("SA-01", "SA-07"), "")
SOUND = Unseen("plain", "x.py:x", "", (), "")


def finding(check: str, verdict: Verdict, reason: str = "") -> Finding:
    return Finding(
        id=check, title="t", parameter=None, verdict=verdict, severity=Severity.LOW, basis="policy", reason=reason
    )


def score(ecu: Unseen, *findings: Finding, problem: str = "") -> Score:
    return Score(ecu=ecu, kind="a_table", findings=findings, problem=problem)


UNDECIDED = [finding("SA-02", Verdict.INCONCLUSIVE, f"{number} seeds are too few") for number in range(MOST_INCONCLUSIVE)]

SCORES = {
    "one that is named fails": (score(FLAWED, finding("SA-07", Verdict.FAIL)), Outcome.CAUGHT),
    "another one fails": (score(FLAWED, finding("SA-09", Verdict.FAIL)), Outcome.MISSED),
    "one that is named ends in an error": (score(FLAWED, finding("SA-01", Verdict.ERROR)), Outcome.MISSED),
    "one that is named is inconclusive": (score(FLAWED, finding("SA-01", Verdict.INCONCLUSIVE)), Outcome.MISSED),
    "a sound one passes": (score(SOUND, finding("SA-01", Verdict.PASS), *UNDECIDED), Outcome.QUIET),
    "a sound one is left open": (score(SOUND, finding("SA-01", Verdict.INCONCLUSIVE), *UNDECIDED), Outcome.BLINDED),
    "a sound one fails": (score(SOUND, finding("SA-01", Verdict.FAIL)), Outcome.ACCUSED),
    "a sound one ends in an error": (score(SOUND, finding("SA-01", Verdict.ERROR)), Outcome.ACCUSED),
    "it could not be audited": (score(SOUND, problem="no such file"), Outcome.NOT_AUDITED),
}


@pytest.mark.parametrize(("scored", "outcome"), SCORES.values(), ids=list(SCORES))
def test_an_outcome_follows_from_the_verdicts(scored: Score, outcome: Outcome) -> None:
    assert scored.outcome is outcome
    assert described(scored).startswith(f"{scored.ecu.name} (a_table): {outcome}\n")


def test_reasons_that_differ_in_numbers_only_are_one() -> None:
    (reason,) = score(SOUND, *UNDECIDED).reasons()
    assert reason == ("0 seeds are too few", ["SA-02"] * MOST_INCONCLUSIVE)


def test_the_page_counts_by_table_and_shows_every_ecu() -> None:
    scores = [SCORES["one that is named fails"][0], SCORES["another one fails"][0], SCORES["a sound one fails"][0]]
    servers = [
        ServerScore(server=SERVERS[0], caught=("SA-13",), missed=("CF-11",), accused=("SA-05",), inconclusive=3),
        ServerScore(server=SERVERS[2], is_installed=False),
    ]
    lines = page(scores, servers).splitlines()
    assert "| a table | 3 | 1 | 1 | 0 | 0 | 1 | 0 | 0 |" in lines
    assert "| all | 3 | 1 | 1 | 0 | 0 | 1 | 0 | 0 |" in lines
    assert "| python-uds-server | 1 | CF-11 | SA-05 | 3 |" in lines
    assert "| gallia's RandomUDSServer | not installed here |  |  |  |" in lines
    assert "| static | The seed never changes. | caught | SA-07 | 0 |" in lines
    assert "| plain | sound | falsely accused | SA-01 | 0 |" in lines


def test_every_ecu_has_a_target_file_that_is_one() -> None:
    for ecus in TABLES.values():
        for ecu in ecus:
            assert target_of(ecu).can.channel.endswith(ecu.factory)
