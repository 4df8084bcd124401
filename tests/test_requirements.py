"""Prove that the ledger of requirements names every check and nothing but checks, and says why a requirement is not
tested.
"""

from harness.audit.catalogue import shipped_functions
from harness.audit.requirements import considered

LEDGER = considered()


def test_every_check_tests_a_requirement_and_every_named_check_exists() -> None:
    assert {check for one in LEDGER for check in one.checks} == set(shipped_functions())


def test_a_requirement_is_tested_or_says_why_not() -> None:
    for one in LEDGER:
        assert bool(one.checks) is not bool(one.not_tested), one.id
        assert bool(one.not_tested) is bool(one.because), one.id


def test_names_are_unique_and_sentences_are_sentences() -> None:
    assert len({one.id for one in LEDGER}) == len(LEDGER)
    for one in LEDGER:
        for sentence in (one.says, one.because):
            assert not sentence or ((sentence[0].isupper() or sentence[0].isdigit()) and sentence.endswith(".")), one.id
