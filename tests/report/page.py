"""Read audit.html like a strict parser."""

import re
from html.parser import HTMLParser

from harness.report.html import render_audit_html
from harness.runs.findings import Run

VOID = {"meta", "link", "br", "img", "hr", "input"}
FILES = ["audit.html", "audit.json", "bus.log", "junit.xml", "pytest.html", "results.jsonl"]


class Page(HTMLParser):
    """Reads a page strictly: tags must nest. Every address is collected."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.text = ""
        """The text of the page, with spaces between cells and headings."""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag
        self.text += " " if tag in ("td", "th", "dt", "dd", "p", "h1", "h2", "h3", "h4", "figcaption", "summary") else ""

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data


def read(run: Run) -> Page:
    return Page(render_audit_html(run, files=FILES))
