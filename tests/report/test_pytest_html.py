"""Prove that pytest-html makes the same page of stored results during a run and long afterwards."""

import html
import json
import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UserError
from harness.report.as_pytest import render_pytest_html
from harness.report.pytest_html import COLUMNS
from harness.runs.findings import Run
from harness.verdict import Verdict

from .test_diff import Page

FILES = ["audit.html", "audit.json", "bus.log", "results.jsonl"]


def data(page: str) -> dict[str, Any]:
    """Return the data from which the page builds its table."""
    (blob,) = re.findall(r'data-jsonblob="([^"]*)"', page)
    return dict(json.loads(html.unescape(blob)))


def rows(page: str) -> list[list[str]]:
    tests = data(page)["tests"].values()
    return [[re.sub(r"<span hidden>.*?</span>|<.*?>", "", cell) for cell in test["resultsTableRow"]] for (test,) in tests]


@pytest.fixture(scope="module")
def page(article: Run) -> str:
    return render_pytest_html(article, files=FILES)


def test_the_same_run_gives_the_same_page_whatever_the_user_has_set(
    page: str, article: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conftest.py").write_text("raise SystemExit('the user has a conftest')")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    monkeypatch.setenv("BUILD_TAG", "a CI's own")
    assert render_pytest_html(article, files=FILES) == page
    assert os.environ["PYTEST_ADDOPTS"] == "--no-such-option"
    assert {one.name for one in tmp_path.iterdir()} == {"conftest.py", "pytest.ini"}


def test_what_has_to_be_mended_comes_first_and_passes_last(page: str) -> None:
    shown = [(verdict, severity) for _, verdict, severity, *_ in rows(page)]
    assert shown[:3] == [("fail", "high")] * 3
    assert shown[3][1] == "medium"
    assert ("fail, accepted", "high") in shown[4:10]
    assert [verdict for verdict, _ in shown[-7:]] == ["not applicable", *["pass"] * 6]


def test_a_row_holds_what_the_columns_promise(page: str) -> None:
    first = next(row for row in rows(page) if row[3].startswith("SA-09"))
    assert first == ["Failed", "fail", "high", "SA-09 level 0x01", "Wrong keys lock SecurityAccess", "0.000 s"]
    assert [f"col-{name}" in page for name in COLUMNS] == [True] * len(COLUMNS)


def test_virtual_times_are_called_so_and_real_ones_are_not(page: str, article: Run) -> None:
    bench = render_pytest_html(replace(article, info=replace(article.info, environment="bench")), files=FILES)
    assert ("Times are virtual" in page, "Virtual time" in html.unescape(page)) == (True, True)
    assert ("Times are virtual" in bench, "Virtual time" in html.unescape(bench)) == (False, False)


def test_the_frames_of_a_result_are_folded_in_with_their_meaning(page: str) -> None:
    (log,) = [test["log"] for (test,) in data(page)["tests"].values() if ">TP-12<" in "".join(test["resultsTableRow"])]
    assert "request   raw 740#212E101077" in log
    assert "12.735800  sent       740  21 2E 10 10 77           consecutive frame 1" in log
    assert "7B  11 22 33 44 55 66 77 88\n" in log, "of a stranger's frame nothing is claimed"
    assert '<a href="audit.html#check-TP-12">TP-12 in the report</a>' in log
    assert data(page)["renderCollapsed"] == ["all"]


def test_the_summary_leads_to_the_report_and_names_the_run(page: str) -> None:
    assert [one for one in Page(page).loaded if one][1:] == ["audit.html", "audit.json", "bus.log"]
    assert "8 findings among the 15 results" in page
    assert "SIMULATED ECU" in page
    assert data(page)["environment"] == {
        "uds-harness": "0.1.0", "Python": "3.11.7", "Scapy": "2.8.0", "python-can": "4.6.1", "Linux": "6.1.0",
    }  # fmt: skip


def test_the_page_is_dated_by_the_run_and_fits_any_width(page: str) -> None:
    """If pytest-html changes these words, `_without_today` no longer finds them."""
    assert "From the results of 2026-11-20T09:28:00Z, by" in page
    assert "Report generated on" not in page
    assert "run-count" not in re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
    assert '<html lang="en">' in page
    assert '<meta name="viewport"' in page
    assert "default-src 'none'" in page


def test_what_an_ecu_or_a_file_says_is_text(hostile: Run) -> None:
    page = render_pytest_html(hostile, files=FILES)
    blob = data(page)
    blob.pop("title")  # stands in the page, escaped; the script does not use it
    beside = re.sub(r'data-jsonblob="[^"]*"', "", page).replace('<img src="" />', "")
    for text in (beside, json.dumps(blob, ensure_ascii=False)):
        assert "<img" not in text
        assert "<script>alert" not in text
        assert not re.search(r"[\x00\x1b\x9b\u202e]", text)
    assert len(page) < 4_000_000


def test_what_was_deselected_is_counted_and_not_shown(article: Run) -> None:
    left_out = replace(article.findings[0], id="XX-01", verdict=Verdict.NOT_RUN, reason="deselected")
    page = render_pytest_html(replace(article, findings=(*article.findings, left_out)), files=FILES)
    assert "The 1 that were deselected are not shown." in page
    assert not any(row[3].startswith("XX-01") for row in rows(page))


def test_no_room_for_it_is_one_line_for_the_user(article: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")
    with pytest.raises(UserError, match=r"pytest\.html cannot be made \(Not a directory\)"):
        render_pytest_html(article, files=FILES)


def test_a_run_without_results_has_a_page(empty: Run) -> None:
    assert "No check gave a result." in render_pytest_html(empty, files=FILES)
