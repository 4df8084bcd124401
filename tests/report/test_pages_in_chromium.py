"""Prove that pytest.html and the page of a comparison open in a browser without errors, at any width."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.report.as_pytest import render_pytest_html
from harness.report.compare import compare
from harness.report.diff import diff_html
from harness.runs.findings import Run

from .test_diff import turned

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")

FRAME = """<body style="margin:0">%s<pre></pre><script>
const shown = (one) => one.offsetParent !== null
addEventListener("load", () => {
  const seen = [...document.querySelectorAll("iframe")].map(({contentDocument: page}) => {
    const all = (selector) => [...page.querySelectorAll(selector)]
    return {width: page.documentElement.scrollWidth, %s}
  })
  document.querySelector("body > pre").textContent = JSON.stringify(seen)
})</script>"""


def looked_at(*pages: tuple[Path, int], query: str = "", asks: str = "") -> list[dict[str, Any]]:
    """Open pages, each in a frame of its width; return what the browser measured of each. A message on a console fails the
    test.
    """
    assert CHROMIUM is not None
    frames = [f'<iframe src="{page.name}{query}" style="width:{width}px;border:0"></iframe>' for page, width in pages]
    frame = pages[0][0].with_name("frame.html")
    frame.write_text(FRAME % ("".join(frames), asks), encoding="utf-8")
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--enable-logging=stderr"]
    command = [CHROMIUM, *words, "--virtual-time-budget=2000", "--dump-dom", frame.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert [line for line in done.stderr.splitlines() if ":CONSOLE" in line] == []
    (found,) = re.findall(r"<pre>(.*?)</pre>", done.stdout)
    return list(json.loads(html.unescape(found)))


@pytest.fixture(scope="module")
def folder(article: Run, hostile: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both pages, of an ordinary run and of the worst one."""
    place = tmp_path_factory.mktemp("pages")
    worst = replace(hostile, findings=hostile.findings[1:3])
    for name, run in (("article", article), ("hostile", worst)):
        page = render_pytest_html(run, files=["audit.html"])
        (place / f"{name}-pytest.html").write_text(page, encoding="utf-8", errors="backslashreplace")
        (place / f"{name}-diff.html").write_text(diff_html(compare(run, turned(run))), encoding="utf-8")
    return place


def test_no_page_is_wider_than_its_window_and_no_text_becomes_an_element(folder: Path) -> None:
    pages = [(page, 390) for page in sorted(folder.glob("*-*.html"))] + [(folder / "article-pytest.html", 1280)]
    asks = 'scripts: all("script").length, images: all("tbody img").filter((one) => one.getAttribute("src")).length,'
    seen = looked_at(*pages, query="?collapsed=''", asks=asks)
    assert [f"{page.name} at {width}" for (page, width), one in zip(pages, seen, strict=True) if one["width"] > width] == []
    assert {one["scripts"] for one in seen} == {0, 1}, "pytest-html's own, and none in a comparison"
    assert {one["images"] for one in seen} == {0}


def test_rows_unfold_to_their_frames_and_can_be_filtered_and_sorted(folder: Path) -> None:
    asks = """
      rows: all(".collapsible").length, open: all("pre").filter(shown).length, text: all("pre")[0].textContent,
      unfolded: (all(".collapsible .col-check")[0].click(), all("pre").filter(shown).length),
      notPassed: (all("input[data-test-result=passed]")[0].click(), all(".collapsible").length),
      severities: (all("th.col-severity")[0].click(), all(".collapsible .col-severity").map((one) => one.innerText)),"""
    (seen,) = looked_at((folder / "article-pytest.html", 1280), asks=asks)
    assert (seen["rows"], seen["open"], seen["unfolded"], seen["notPassed"]) == (19, 0, 1, 13)
    assert seen["text"].startswith("expected")
    order = [["critical", "high", "medium", "low", "info"].index(word) for word in seen["severities"]]
    assert order in (sorted(order), sorted(order, reverse=True))


def test_no_verdict_of_a_comparison_is_broken_into_pieces(article: Run, tmp_path: Path) -> None:
    """A long id beside the verdict takes most of the room."""
    named = replace(
        article, findings=tuple(replace(one, id=f"fuzz/write-through-another-{one.id}") for one in article.findings)
    )
    page = tmp_path / "diff.html"
    page.write_text(diff_html(compare(named, turned(named))), encoding="utf-8")
    lines = "(cell) => { const range = page.createRange(); range.selectNodeContents(cell); return [cell.innerText, range] }"
    asks = f"""
      tall: all(".changes td:not(.what)").map({lines}).filter(([, range]) => range.getBoundingClientRect().height > 40)
        .map(([text]) => text), cells: all(".changes td:not(.what)").length,"""
    (seen,) = looked_at((page, 1280), asks=asks)
    assert seen["cells"] > 10
    assert seen["tall"] == []
