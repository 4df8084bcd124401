"""Prove a comparison as text, JSON and page; text of an ECU or a file stays in its place."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from harness.report.compare import Comparison, compare
from harness.report.diff import diff_html, diff_json, diff_lines
from harness.runs.findings import Finding, Run
from harness.verdict import Verdict


def turned(run: Run) -> Run:
    """Return the run with passes turned into failures, and failures into passes."""
    other = {Verdict.PASS: Verdict.FAIL, Verdict.FAIL: Verdict.PASS}

    def turn(finding: Finding) -> Finding:
        return replace(finding, verdict=other.get(finding.verdict, finding.verdict), accepted="")

    return replace(run, findings=tuple(map(turn, run.findings)))


class Page(HTMLParser):
    """Collects what a reader of the page sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.headings: list[str] = []
        self._is_heading = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._is_heading = tag in ("h1", "h2")
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href") and value != "data:,"]

    def handle_data(self, data: str) -> None:
        if self._is_heading and data.strip():
            self.headings.append(data.strip())
            self._is_heading = False


@pytest.fixture(scope="module", params=["article", "hostile", "empty"])
def comparison(request: pytest.FixtureRequest) -> Comparison:
    run: Run = request.getfixturevalue(request.param)
    return compare(run, turned(run))


def test_the_text_fits_into_eighty_columns_and_obeys_no_ecu(comparison: Comparison) -> None:
    lines = list(diff_lines(comparison))
    assert all(len(line) <= 80 for line in lines)
    assert all(line.isprintable() for line in lines)


def test_the_page_is_one_file_and_runs_nothing(comparison: Comparison) -> None:
    page = Page(diff_html(comparison))
    assert page.loaded == []
    assert not {"script", "img", "iframe"} & set(page.tags)


def test_the_json_holds_every_result(comparison: Comparison) -> None:
    document = json.loads(diff_json(comparison, strict=False))
    assert len(document["results"]) == len(comparison.differences) == sum(document["counts"].values())
    assert document["is_worse"] is comparison.is_worse()


def test_what_matters_is_said_first_and_last(article: Run) -> None:
    found = compare(article, turned(article))
    lines = list(diff_lines(found))
    assert lines[0].startswith("old  article: SIMULATED ECU, 2026-11-20T09:28:00Z, depth default")
    assert lines[-1] == "6 worse, 9 better; 4 as before"
    headings = Page(diff_html(found)).headings
    assert headings == ["article", "Old", "New", "Worse (6)", "Better (9)", "As before (4)"]


def test_the_same_run_twice_differs_in_nothing(article: Run) -> None:
    lines = list(diff_lines(compare(article, article)))
    assert lines[-1] == "Nothing changed in 19 results"


def test_what_the_verdicts_alone_do_not_say_is_said(article: Run) -> None:
    unaccepted = replace(article, findings=tuple(replace(one, accepted="") for one in article.findings))
    text = " ".join(line.strip() for line in diff_lines(compare(article, unaccepted)))
    assert "fail (accepted) -> fail; it is no longer accepted; high; observed: the padding" in text


def test_an_interrupted_run_and_another_harness_are_remarked(article: Run) -> None:
    info = replace(article.info, interrupted=True, versions={"uds-harness": "9.9"})
    text = "\n".join(diff_lines(compare(article, replace(article, info=info))))
    assert "The new run: This run was interrupted" in text
    assert "uds-harness was 0.1.0 and is 9.9" in text
