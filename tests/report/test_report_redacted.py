"""Prove that bytes which stand for secrets are marked wherever they are shown, and that no others are."""

from dataclasses import replace

import pytest
from markupsafe import Markup

from harness.report.as_pytest import render_pytest_html
from harness.report.html import render_audit_html
from harness.report.redacted import marked
from harness.runs.findings import Run
from tests.report.conftest import exchange
from tests.report.page import FILES, Page

MARK = '<mark title="redacted">{}</mark>'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("27 02 E4 E1 EB", f"27 02 {MARK.format('E4 E1 EB')}"),
        ("2702E4E1EB00", f"2702{MARK.format('E4E1EB')}00"),
        ("securityKey E4 E1 EB, then <b>", f"securityKey {MARK.format('E4 E1 EB')}, then &lt;b&gt;"),
        ("raw 740#0527 02E4E1EB", f"raw 740#0527 02{MARK.format('E4E1EB')}"),
        ("27 02 E4 E1 … (5 bytes)", f"27 02 {MARK.format('E4 E1')} … (5 bytes)"),
    ],
)
def test_a_stretch_is_marked_however_it_is_written(text: str, shown: str) -> None:
    assert marked(text, {"E4E1EB"}) == shown


@pytest.mark.parametrize(
    "text", ["67 01 E4 E1 EA", "67 01 E4 E1 EB EC", "4E4E 1EB", "FE4E1EBF", "the E4 and E1", "<b>E4 E1</b>", "E4 E1 E", ""]
)
def test_other_bytes_are_not_marked_and_stay_to_be_escaped(text: str) -> None:
    found = marked(text, {"E4E1EB"})
    assert found == text
    assert not isinstance(found, Markup)


def test_both_pages_mark_redacted_bytes_in_exchange_frames_and_words(article: Run) -> None:
    failing = article.failures()[0]
    seen = exchange("2702E4E1EB", "7F2735", outcome="negative 0x35 invalidKey")
    one = replace(failing, exchanges=(replace(seen, redacted=("E4E1EB",)),), observed="the key E4 E1 EB was taken")
    run = replace(article, findings=(one,))
    html = render_audit_html(run, files=FILES)
    assert html.count(MARK.format("E4 E1 EB")) >= 6, (
        "in the arrow, its meaning, its fields, its frame, the words and the legend"
    )
    assert "they stand for a key or a secret" in Page(html).text
    plain = render_audit_html(replace(run, findings=(replace(one, exchanges=(seen,)),)), files=FILES)
    assert plain.count("<mark") == 1, "in the legend only"
    page = render_pytest_html(run, files=FILES)
    assert page.count("&lt;mark") >= 3
    kept = replace(run, info=replace(run.info, keeps_secrets=True))
    assert "this run was asked to keep keys and secrets" in Page(render_audit_html(kept, files=FILES)).text
