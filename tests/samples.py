"""Write reports/sample/, docs/target-file.md with its schema, and the pictures of docs/: `python -m tests.samples`.

Chromium takes the picture of a report; without Chromium the picture is left as it is.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.cli.main import main
from harness.report.as_pytest import render_pytest_html
from harness.report.html import render_audit_html
from harness.report.junit import junit_xml
from harness.report.sarif import sarif_json
from harness.report.summary import summary_md
from harness.runs.findings import Run
from harness.runs.folder import AUDIT_HTML, AUDIT_SARIF, JUNIT_XML, PYTEST_HTML, SUMMARY_MD, read_run
from harness.target import describe

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "reports" / "sample"
PICTURE = ROOT / "docs" / "report.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

COMMANDS: dict[str, tuple[str, ...]] = {
    "article": ("audit", "article", "--seed", "7"),
    "hardened": ("audit", "hardened", "--seed", "7", "--depth", "quick"),
}
"""By sample: the command that makes it; with a fixed seed it gives the same run everywhere."""

FILES: dict[str, tuple[str, ...]] = {
    "article": (AUDIT_HTML, AUDIT_SARIF, JUNIT_XML, PYTEST_HTML, SUMMARY_MD),
    "hardened": (AUDIT_HTML, SUMMARY_MD),
}
"""The files of a run that are kept: reports in each format, but no logs, which are large."""

RENDER: dict[str, Callable[[Run, Sequence[str]], str]] = {
    AUDIT_HTML: lambda run, files: render_audit_html(run, files=files),
    PYTEST_HTML: lambda run, files: render_pytest_html(run, files=files),
    AUDIT_SARIF: lambda run, _: sarif_json(run),
    JUNIT_XML: lambda run, _: junit_xml(run),
    SUMMARY_MD: lambda run, _: summary_md(run),
}

REMARK = (
    "This is a sample: it is dated 2026-01-01 whenever it is made, and names neither who made it nor with which versions."
)


def as_sample(run: Run) -> Run:
    """Return the run without what differs from one computer to another; reports are made from this run, and say so."""
    info = replace(
        run.info,
        started_utc="2026-01-01T00:00:00Z",
        finished_utc="2026-01-01T00:00:02Z",
        operator="",
        versions={},
        commit="",
        is_tree_clean=None,
        remarks=(REMARK, *run.info.remarks),
    )
    return replace(run, info=info)


def files_of(name: str, run: Run) -> Iterator[tuple[Path, str]]:
    """Return every file of a sample with its content."""
    sample = as_sample(run)
    for file in FILES[name]:
        yield FOLDER / name / file, RENDER[file](sample, FILES[name])


def documents() -> Iterator[tuple[Path, str]]:
    """Return the documents that describe the target file, with their content."""
    yield ROOT / "docs" / "target-file.md", describe.document()
    yield describe.SCHEMA, json.dumps(describe.json_schema(), indent=1) + "\n"


def picture_of(page: Path, to: Path) -> bool:
    """Take a picture of a page's first screen; return False if there is no Chromium."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return False
    words = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1280,800", f"--screenshot={to}"]
    subprocess.run([browser, *words, page.as_uri()], check=True, capture_output=True)
    return True


def write() -> None:
    """Run the audits, and write samples and documents."""
    for path, text in documents():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(os.path.relpath(path))
    for name, command in COMMANDS.items():
        with tempfile.TemporaryDirectory() as place:
            run_folder = Path(place) / "run"
            main([*command, "--out", str(run_folder)])
            for path, text in files_of(name, read_run(run_folder)):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
                print(os.path.relpath(path))
    is_taken = picture_of(FOLDER / "article" / AUDIT_HTML, PICTURE)
    print(os.path.relpath(PICTURE) if is_taken else f"{os.path.relpath(PICTURE)}: not made anew, Chromium is missing")


if __name__ == "__main__":
    write()
