"""Prove audit.html in a real browser: no requests, no errors, nothing cut off, working filters."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from harness.report.html import render_audit_html
from harness.runs.findings import Run
from harness.runs.measured import Grid, GridRow, Profile
from tests.report.browser import CHROMIUM, browser

SEEDS = tuple(f"{number * 2654435761 % 2**40:010X}" for number in range(300))
GRID = Grid(
    columns=tuple(f"session 0x{number:02X}, level 0x01 open" for number in range(8)),
    rows=(GridRow(name="2E WriteDataByIdentifier", cells=("answered; 0x33, 0x7F",) * 8),),
)
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_the_page_in_a_browser(article: Run, hostile: Run, tmp_path: Path) -> None:
    measured = (Profile(title="Seeds of level 0x01", rows=(), seeds=SEEDS), Profile(title="Sessions", rows=(), grid=GRID))
    run = replace(article, info=replace(article.info, profiles=measured))
    pages = {}
    for name, one in (("article", run), ("hostile", hostile)):
        pages[name] = tmp_path / f"{name}.html"
        pages[name].write_text(render_audit_html(one, files=["bus.log"]), encoding="utf-8")
    with browser(tmp_path) as chromium:
        for name, page in pages.items():
            for width in (1280, 390):
                chromium.open(page, width=width)
                chromium.value(OPEN_ALL)
                assert chromium.value("document.documentElement.scrollWidth") <= width, f"{name} at {width}"
                wanted = len(one.findings) if (one := run if name == "article" else hostile) else 0
                assert chromium.value("document.getElementById('filter-status').textContent") == (
                    f"All {wanted} results are shown."
                )
        chromium.open(pages["article"], width=1280, fragment="#filter:verdict=fail&severity=high")
        assert chromium.value("document.getElementById('filter-status').textContent") == "3 of 19 results match."
        visible = "[...document.querySelectorAll('.check:not([hidden]) h3 .id')].map((one) => one.textContent).join()"
        assert chromium.value(visible) == "SA-09,AC-13,TP-12"
        chromium.value("document.forms[0].elements.text.focus()")
        chromium.call("Input.insertText", text="padding BYTE")
        assert chromium.value(visible) == "AC-13"
        assert chromium.value("location.hash") == "#filter:verdict=fail&severity=high&text=padding+BYTE"
        assert base64.b64decode(chromium.call("Page.printToPDF", preferCSSPageSize=True)["data"]).startswith(b"%PDF")
        asked_for = {url for url in chromium.requested if not url.startswith("data:")} - {"about:blank"}
        assert {url.split("#")[0] for url in asked_for} == {page.as_uri() for page in pages.values()}
        assert chromium.said == []
