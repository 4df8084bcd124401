"""Which files do a run's readers get? Each is made from the run folder alone, so that it can be made again elsewhere."""

from __future__ import annotations

from harness.report.html import render_audit_html
from harness.run import Run
from harness.run_folder import AUDIT_HTML, JUNIT_XML, PYTEST_HTML, RunFolder


def write_reports(folder: RunFolder, run: Run) -> None:
    """Write every report but those that pytest makes, over earlier ones. UserError: the folder cannot be written."""
    folder.write(AUDIT_HTML, render_audit_html(run, files=[*folder.file_names(), PYTEST_HTML, JUNIT_XML]))
