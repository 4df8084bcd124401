"""Prove junit.xml by junitparser, an independent reader."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from junitparser import Error, Failure, Skipped, TestCase

from harness.report.junit import junit_xml
from harness.runs.findings import Run
from harness.verdict import Verdict

from .conftest import HOSTILE, finding, info
from .formats import CONTROL, junit_suite


def cases(run: Run) -> dict[str | None, TestCase]:
    return {case.classname: case for case in junit_suite(junit_xml(run))}


def test_the_counts_are_those_of_the_run(article: Run) -> None:
    suite = junit_suite(junit_xml(article))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (19, 8, 1, 4)
    assert len(list(suite)) == 19
    assert suite.name == "article"


def test_the_counts_are_what_a_reader_counts(article: Run) -> None:
    suite = junit_suite(junit_xml(article))
    counted = (suite.tests, suite.failures, suite.errors, suite.skipped)
    suite.update_statistics()
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == counted


def test_a_failure_is_a_failure_and_says_what_was_expected_and_observed(article: Run) -> None:
    (failure,) = cases(article)["SA-24"].result
    assert isinstance(failure, Failure)
    assert failure.message == "low: expected 0x24 requestSequenceError; observed 67 02"
    assert "repeat    uds-harness audit article --seed 20261120 -k SA-24" in failure.text


def test_an_accepted_failure_is_skipped_with_its_reason(article: Run) -> None:
    (skipped,) = cases(article)["TP-15"].result
    assert isinstance(skipped, Skipped)
    assert skipped.message.startswith(
        "accepted: Known to the supplier, mended in software 2.1 (ticket 4711); high: expected"
    )


def test_an_error_is_an_error_and_no_failure(article: Run) -> None:
    (error,) = cases(article)["FZ-09"].result
    assert isinstance(error, Error)
    assert "ZeroDivisionError" in error.message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ST-01", "not_applicable: The ECU has no diagnostic sessions"),
        ("SA-35", "inconclusive: Differences below 12 µs"),
        ("TP-06", "not_run: The target file does not allow destructive"),
    ],
)
def test_what_was_not_judged_is_skipped_with_the_reason(name: str, said: str, article: Run) -> None:
    (skipped,) = cases(article)[name].result
    assert isinstance(skipped, Skipped)
    assert skipped.message.startswith(said)


def test_a_pass_has_no_result(article: Run) -> None:
    assert cases(article)["SA-25"].result == []


def test_a_case_is_named_by_what_it_tests_and_on_what(article: Run) -> None:
    assert cases(article)["SA-09"].name == "Wrong keys lock SecurityAccess [level 0x01]"
    assert cases(article)["CF-01"].name == "Refusals have the standard's format"


def test_a_run_that_was_cut_short_says_so() -> None:
    run = Run(info=info(interrupted=True, finished_utc=""), findings=())
    properties = {one.name: one.value for one in junit_suite(junit_xml(run)).properties()}
    assert properties["conclusion"] == (
        "No check gave a result. This run was cut short and never finished: checks that had not ended are missing."
    )


def test_hostile_text_is_text(hostile: Run) -> None:
    text = junit_xml(hostile)
    assert CONTROL.search(text) is None
    root = ET.fromstring(text)
    kinds = {"testsuites", "testsuite", "testcase", "properties", "property", "failure", "error", "skipped"}
    assert {element.tag for element in root.iter()} == kinds
    assert "<script>alert(1)</script>" in "".join(root.itertext())
    assert len(text) < 300_000, "megabytes are cut"


@pytest.mark.parametrize("character", [*map(chr, range(0x20)), "\x7f", "\x85", "\ufffe", "\uffff", "\ud800", "\u2028"])
def test_no_character_breaks_the_file(character: str) -> None:
    failure = finding(verdict=Verdict.FAIL, observed=f"before{character}after", title=character, parameter=character)
    (case,) = junit_suite(junit_xml(Run(info=info(), findings=(failure,))))
    assert "before" in case.result[0].message
    assert "after" in case.result[0].message


def test_a_title_of_markup_is_its_name() -> None:
    (case,) = junit_suite(junit_xml(Run(info=info(), findings=(replace(finding(), title=HOSTILE, parameter=None),))))
    assert case.name.startswith("<script>alert(1)</script>")


def test_a_case_names_the_users_own_requirements() -> None:
    run = Run(info=info(), findings=(finding(requirements=("SYS-REQ-17", HOSTILE)),))
    case = ET.fromstring(junit_xml(run)).find(".//testcase")
    assert case is not None
    named = [one.get("value", "") for one in case.iter("property") if one.get("name") == "requirement"]
    assert named[0] == "SYS-REQ-17"
    assert named[1].startswith("<script>")
