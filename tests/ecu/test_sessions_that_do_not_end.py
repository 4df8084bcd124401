"""Prove that a session which TesterPresent keeps for ever, or brings back, is found by its lock and by its answers."""

import pytest

from harness.audit.catalogue import shipped_functions
from harness.testing import run_checks
from harness.verdict import Verdict

from ..variants import with_changes


@pytest.mark.parametrize("check", ["ST-02", "ST-04"])
@pytest.mark.parametrize(
    ("flaw", "word"), [("tester_present_ends_s3", "does not end"), ("tester_present_revives_session", "brings it back")]
)
def test_both_checks_see_it(check: str, flaw: str, word: str) -> None:
    findings = run_checks([shipped_functions()[check]], with_changes("hardened", flaw))
    assert {finding.verdict for finding in findings} == {Verdict.FAIL}, findings[0].reason
    assert check == "ST-02" or word in findings[0].observed
