"""Prove audit.html in a real browser: no network requests, no errors, nothing cut off, working filters."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from harness.report.as_pytest import render_pytest_html
from harness.report.html import render_audit_html
from harness.runs.findings import Run
from harness.runs.measured import Grid, GridRow, Profile
from tests.report.browser import CHROMIUM, browser

SEEDS = tuple(f"{number * 2654435761 % 2**40:010X}" for number in range(300))
GRID = Grid(
    columns=tuple(f"session 0x{number:02X}, level 0x01 open" for number in range(8)),
    rows=(GridRow(name="2E WriteDataByIdentifier", cells=("answered; 0x33, 0x7F",) * 8),),
)
FAINT = """(() => {
  const parse = (colour) => colour.match(/[0-9.]+/g).map(Number)
  const light = (colour) => parse(colour).slice(0, 3).map((one) => one / 255)
    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0)
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor
      if ((parse(colour)[3] ?? 1) === 1) return colour
    }
    return "rgb(255, 255, 255)"
  }
  const faint = []
  for (const element of document.querySelectorAll("body *")) {
    const isText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
    if (!isText || element.closest("svg") || !element.checkVisibility()) continue
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x)
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(element.tagName + ": " + element.textContent.slice(0, 40))
  }
  return faint
})()"""
"""A script that finds texts whose contrast to their background is below 4.5 to 1, which WCAG 2 AA demands."""
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
        chromium.open(pages["article"], width=1280)
        chromium.value("document.querySelector('.glance .high a').click()")
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


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_all_text_can_be_read_in_the_light_and_in_the_dark_and_is_printed_unfolded(article: Run, tmp_path: Path) -> None:
    pages = {"audit": render_audit_html(article, files=["bus.log"]), "pytest": render_pytest_html(article, files=[])}
    for name, text in pages.items():
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    with browser(tmp_path) as chromium:
        for name in pages:
            for scheme in ("light", "dark"):
                media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
                chromium.call("Emulation.setEmulatedMedia", **media)
                chromium.open(tmp_path / f"{name}.html", width=1280)
                chromium.value(OPEN_ALL)
                assert chromium.value(FAINT) == [], f"{name}, {scheme}"
                is_dark = chromium.value("getComputedStyle(document.documentElement).backgroundColor") == "rgb(20, 24, 29)"
                assert is_dark == (scheme == "dark")
        chromium.call("Emulation.setScriptExecutionDisabled", value=True)
        shown = "[...document.querySelectorAll('.check .values')].map((one) => one.checkVisibility())"
        for medium, is_shown in (("screen", False), ("print", True)):
            chromium.call("Emulation.setEmulatedMedia", media=medium)
            chromium.open(tmp_path / "audit.html", width=1280)
            assert chromium.value("document.getElementById('filter-form').hidden"), "no script may have run"
            assert set(chromium.value(shown)) == {is_shown}, medium
