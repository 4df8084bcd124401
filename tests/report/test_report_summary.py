"""Prove that summary.md holds what a reviewer needs, fits a comment, and shows an ECU's text as it is."""

from dataclasses import replace

import pytest

from harness.report.markdown import BREAK, markdown
from harness.report.summary import LONGEST_SUMMARY, summary_md
from harness.runs.findings import Run
from harness.verdict import Severity, Verdict

from .conftest import finding, info
from .formats import CONTROL, rendered

MENTIONS = "@team #12 !34 GH-5 user@example.org www.example.org https://evil.example/x ~label $secret :smile: 740#0322"


def tables(text: str) -> list[list[list[str]]]:
    """Return each table as rows of the cells that a reader sees."""
    return rendered(text).tables


def test_the_conclusion_stands_at_the_top(article: Run) -> None:
    lines = summary_md(article).splitlines()
    assert lines[0] == "## Audit of article"
    assert lines[2].startswith("**This ECU's protection can be overcome with realistic effort: ")
    assert lines[4].startswith("8 findings among the 15 results that reached pass or fail, 3 of them high.")


def test_every_result_is_counted(article: Run) -> None:
    results, findings, *_ = tables(summary_md(article))
    assert results == [
        ["results", "pass", "fail", "inconclusive", "not applicable", "not run", "error"],
        ["19", "6", "9", "1", "1", "1", "1"],
    ]
    assert findings == [["findings", "critical", "high", "medium", "low", "info"], ["8", "0", "3", "2", "3", "0"]]


def test_findings_stand_worst_first_with_both_sides(article: Run) -> None:
    rows = tables(summary_md(article))[2]
    assert rows[0] == ["Severity", "Check", "Expected", "Observed"]
    assert [row[0] for row in rows[1:]] == ["high"] * 3 + ["medium"] * 2 + ["low"] * 3
    assert rows[1][1] == "SA-09 Wrong keys lock SecurityAccess (level 0x01)"
    assert rows[-1][2] == "7F 83 11"


def test_what_is_accepted_or_was_not_judged_says_why(article: Run) -> None:
    text = summary_md(article)
    shown = [cell for table in tables(text) for row in table for cell in row]
    for reason in (
        "Known to the supplier, mended in software 2.1 (ticket 4711)",
        "Differences below 12 µs cannot be seen with 2000 keys.",
        "The target file does not allow destructive (safety.allow).",
        "KeyFunctionError: keys.py:12: the key function raised ZeroDivisionError",
    ):
        assert reason in shown


def test_checks_that_share_a_reason_share_a_line() -> None:
    left_out = tuple(finding(id=f"SA-{n:02}", verdict=Verdict.NOT_RUN, reason="deselected") for n in range(1, 41))
    rows = tables(summary_md(Run(info=info(), findings=left_out)))[-1]
    assert len(rows) == 2
    assert rows[1][1].startswith("SA-01, SA-02, ")
    assert rows[1][1].endswith("SA-30 and 10 more")


def test_a_run_that_was_cut_short_says_so() -> None:
    assert "> **This run was interrupted:" in summary_md(Run(info=info(interrupted=True), findings=()))


def test_hostile_text_neither_breaks_a_table_nor_becomes_markup(hostile: Run) -> None:
    text = summary_md(hostile)
    assert CONTROL.search(text) is None
    for rows in tables(text):
        assert {len(row) for row in rows} == {len(rows[0])}
    assert_is_only_text(text)
    assert any("<script>alert(1)</script>" in cell for table in tables(text) for row in table for cell in row)


def assert_is_only_text(text: str) -> None:
    page = rendered(text)
    structure = {
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "h2",
        "h3",
        "p",
        "strong",
        "blockquote",
        "details",
        "summary",
        "code",
    }
    assert page.tags <= structure
    assert page.attributes == set()


@pytest.mark.parametrize(
    "text",
    [
        "a | b", "`a|b`", "a\\", "\\|", "**bold** _em_ ~~gone~~", "[text](https://evil.example)", "![](x.png)", "<b>&lt;",
        "# heading", "- item", "> quote", "1. one", "line\n\n# heading\n| a | b |", "```\ncode", "$`x`$", "<!-- hidden",
        "a\u2028b", "\x1b[2J\x00", "\ud800", "www.example.org", "mailto:a@example.org", "[^1]", "&#x3c;script&#x3e;",
    ],
)  # fmt: skip
def test_a_value_is_shown_as_it_is(text: str) -> None:
    row = f"| {markdown(text, 200)} | last |"
    table = f"| one | two |\n| --- | --- |\n{row}\n"
    ((_, cells),) = tables(table)
    expected = " ".join(text.replace("\x1b", "\\x1b").replace("\x00", "\\x00").split())
    expected = expected.replace("\ud800", "\\ud800") if "\u2028" not in text else "a\\u2028b"
    assert cells == [expected, "last"]
    assert rendered(table).tags == {"table", "thead", "tbody", "tr", "th", "td"}


def test_nothing_is_mentioned_or_linked() -> None:
    text = markdown(MENTIONS, 200)
    assert text.replace(BREAK, "").replace("\\", "") == MENTIONS
    for start in ("@", "#", "!", "GH-", "user@", "www", "https:", "~", "$", ":", "740#"):
        assert f"{start}{BREAK}" in text.replace("\\", ""), start
    assert rendered(text).tags == {"p"}


@pytest.mark.parametrize("value", ["x" * 5000, "@a" * 5000, "|" * 5000, "<" * 5000])
def test_a_thousand_findings_fit_into_a_comment_and_say_how_many_are_left_out(value: str) -> None:
    failures = tuple(
        finding(id=f"MY-{n}", verdict=Verdict.FAIL, severity=Severity.LOW, expected=value, observed=value)
        for n in range(1000)
    )
    text = summary_md(Run(info=info(), findings=failures))
    assert len(text) <= LONGEST_SUMMARY < 65_536
    shown = len(tables(text)[2]) - 1
    assert shown > 5
    assert f"… and more: {1000 - shown} of 1000 rows are in `audit.html` only." in text


def test_an_empty_run_is_a_summary_too(empty: Run) -> None:
    assert "\n\nNo check gave a result.\n\n" in summary_md(empty)


def test_a_name_of_the_target_is_no_heading() -> None:
    run = Run(info=replace(info(), target={"name": "x\n# y"}), findings=())
    assert summary_md(run).splitlines()[0] == "## Audit of x # y"
