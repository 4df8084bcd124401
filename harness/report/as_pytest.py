"""Make pytest.html from stored results: run a separate pytest whose items are the results."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

import pytest
import pytest_html.plugin
import pytest_metadata.plugin

from harness.errors import UserError
from harness.report.conclusion import DESELECTED
from harness.report.pytest_html import FINDING, DetailView, style_text
from harness.report.text import shown
from harness.runs.findings import Finding, Run
from harness.verdict import Verdict

OUTCOMES: Final = {Verdict.PASS: "passed", Verdict.FAIL: "failed", Verdict.ERROR: "failed"}
"""By verdict, the outcome that pytest shows, else ``skipped``; an error is reported as a failure before the call."""

ORDER: Final = (
    Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.NOT_APPLICABLE, Verdict.PASS,
)  # fmt: skip

PYTEST: Final = (
    "-c", os.devnull, "--noconftest", "--disable-plugin-autoload", "-s",
    *(word for name in ("terminal", "cacheprovider", "faulthandler", "logging", "unraisableexception",
                        "threadexception", "warnings", "junitxml", "assertion", "debugging", "doctest", "legacypath",
                        "monkeypatch", "pastebin", "python", "recwarn", "reports", "setuponly", "setupplan", "skipping",
                        "stepwise", "subtests", "tmpdir", "unittest") for word in ("-p", f"no:{name}")),
    "--self-contained-html",
    "-o", "initial_sort=original", "-o", "render_collapsed=all",
)  # fmt: skip
"""Options of a pytest that only renders: without the user's settings, time-outs, other supervision, or tests."""

LONGEST_COMPLAINT: Final = 400

HEAD: Final = (
    '<meta charset="utf-8"/>\n'
    '    <meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '    <meta name="color-scheme" content="light dark">\n'
    '    <meta name="referrer" content="no-referrer">\n'
    "    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
    '    <link rel="icon" href="data:,">'
)


def render_pytest_html(run: Run, *, files: Sequence[str]) -> str:
    """Render the page; the same run gives the same page, wherever and whenever it is rendered.

    ``files``: names of files beside the page, to which it links. Raises UserError if pytest-html cannot write the page.
    """
    own = _Replay(run), DetailView(run.info, run, files)
    said = io.StringIO()
    try:
        with tempfile.TemporaryDirectory(prefix="uds-harness-") as folder:
            page = Path(folder) / "pytest.html"
            with own_pytest(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                words = [*PYTEST, "--rootdir", folder, f"--html={page}", folder]
                pytest.main(words, plugins=[pytest_metadata.plugin, pytest_html.plugin, *own])
            return _without_today(page.read_text(encoding="utf-8"), run)
    except OSError as error:
        why = said.getvalue().strip()[-LONGEST_COMPLAINT:] or error.strerror
        raise UserError(f"pytest.html cannot be made ({why}); is there room in the folder for temporary files?") from error


@contextlib.contextmanager
def own_pytest() -> Iterator[None]:
    """Ignore, during the block, the options and plugins that the user has set for pytest: they are for other tests."""
    before = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    before["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


class _Replay:
    """Collects one item for each result, findings first, and reports the stored result of each item."""

    def __init__(self, run: Run) -> None:
        rest = [one for verdict in ORDER for one in run.with_verdict(verdict) if verdict is not Verdict.FAIL]
        self._findings = [one for one in (*run.failures(), *run.accepted(), *rest) if one.reason != DESELECTED]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        """Collect the results; nothing is looked for on disk."""
        session.items = [_Item.of(session, number, finding) for number, finding in enumerate(self._findings)]
        session.testscollected = len(session.items)
        session.config.hook.pytest_collection_finish(session=session)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool:
        """Report the item's stored result without running anything."""
        assert isinstance(item, _Item)
        outcome = OUTCOMES.get(item.finding.verdict, "skipped")
        for when in ("setup", "call", "teardown"):
            result = outcome if when == "call" else "passed"
            place = "setup" if when == "call" and item.finding.verdict is Verdict.ERROR else when
            report = pytest.TestReport(item.nodeid, item.location, {}, result, None, place)  # type: ignore[arg-type]
            if when == "call":
                setattr(report, FINDING, item.finding)
            item.ihook.pytest_runtest_logreport(report=report)
        return True


class _Item(pytest.Item):
    """A result as an item of pytest."""

    finding: Finding

    @classmethod
    def of(cls, session: pytest.Session, number: int, finding: Finding) -> _Item:
        """Make the item of a result; `number` distinguishes items whose visible names are equal."""
        name = shown(finding.id if finding.parameter is None else f"{finding.id}[{finding.parameter}]", 200)
        item: _Item = cls.from_parent(session, name=name, nodeid=f"{number + 1}::{escape(name)}")
        item.finding = finding
        return item

    def runtest(self) -> None:
        """Do nothing: the check ran long ago."""


def _without_today(page: str, run: Run) -> str:
    """Fit the page to any width and to screen readers, and replace today's date by the run's."""
    made = f"From the results of {escape(shown(run.info.started_utc, 80))}, by"
    page = page.replace("<html>", '<html lang="en">', 1).replace('<meta charset="utf-8"/>', HEAD, 1)
    page = re.sub(r"<p>Report generated on \S+ at \S+ by", lambda _: f'<p class="generated">{made}', page, count=1)
    style = f"<style>{style_text()}</style>"
    page = page.replace(style, "", 1).replace("</head>", f"{style}</head>", 1).replace(' checked="true"', " checked")
    page = re.sub(r'(class="filter"[^>]* data-test-result="(\w+)")', r'\1 aria-label="show what \2"', page)
    return re.sub(r'<p class="run-count">[^<]*</p>\s*', "", page, count=1)
