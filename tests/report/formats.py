"""Read the files of a run with independent parsers; each function returns the content, or raises."""

import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options
from jsonschema import Draft202012Validator
from junitparser import JUnitXml, TestSuite

from .audit_schema import SHIPPED

PUBLISHED = Path(__file__).with_name("published")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that a terminal obeys, that reorder text, or that UTF-8 cannot hold."""


@cache
def validator(path: Path) -> Draft202012Validator:
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def faults(text: str, schema: Path) -> list[str]:
    """Return the faults that a JSON file has by its schema."""
    return [f"{one.json_path}: {one.message[:200]}" for one in validator(schema).iter_errors(json.loads(text))]


def audit_faults(text: str) -> list[str]:
    return faults(text, SHIPPED)


def sarif_faults(text: str) -> list[str]:
    return faults(text, PUBLISHED / "sarif-2.1.0.json")


def sarif_run(text: str) -> dict[str, Any]:
    """Return the only run of a SARIF file, after checking it by the published schema and following every reference."""
    assert sarif_faults(text) == []
    (run,) = json.loads(text)["runs"]
    rules = run["tool"]["driver"]["rules"]
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
    for one in run["invocations"][0]["toolExecutionNotifications"]:
        reference = one.get("associatedRule")
        assert reference is None or rules[reference["index"]]["id"] == reference["id"]
    for one in (relationship for rule in rules for relationship in rule["relationships"]):
        taxonomy = run["taxonomies"][one["target"]["toolComponent"]["index"]]
        assert taxonomy["name"] == one["target"]["toolComponent"]["name"]
        assert taxonomy["taxa"][one["target"]["index"]]["id"] == one["target"]["id"]
    return dict(run)


def junit_suite(text: str) -> TestSuite:
    """Return the only suite of a file that junitparser reads."""
    document = JUnitXml.fromstring(text.encode("utf-8"))
    (suite,) = list(document)
    return suite


class Page(HTMLParser):
    """Collects the elements of a rendered page, each with its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self._is_in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
            self._is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._is_in_cell = self._is_in_cell and tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        if self._is_in_cell:
            self.tables[-1][-1][-1] += data


def rendered(markdown: str) -> Page:
    """Return what GitHub's renderer makes of Markdown, with the links that it finds itself, but without its later
    clean-up.
    """
    page = Page()
    page.feed(github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))
    return page
