"""Write all reports from the run folder alone, so that they can also be written later and elsewhere."""

from harness.report.as_pytest import render_pytest_html
from harness.report.captures import write_captures
from harness.report.html import render_audit_html
from harness.report.junit import junit_xml
from harness.report.learned import learn_html, machine_section
from harness.report.sarif import sarif_json
from harness.report.summary import summary_md
from harness.runs.findings import Run
from harness.runs.folder import (
    AUDIT_HTML,
    AUDIT_SARIF,
    BUS_LOG,
    BUS_PCAPNG,
    JUNIT_XML,
    MANIFEST_JSON,
    PYTEST_HTML,
    SUMMARY_MD,
    RunFolder,
)
from harness.runs.state_machine import LEARN_HTML, MODEL_DOT, MODEL_JSON, read_machine


def write_reports(folder: RunFolder, run: Run) -> None:
    """Write every report, over earlier ones.

    Raises UserError if the folder cannot be written, or its bus log is damaged; then only the captures are missing.
    """
    folder.write(JUNIT_XML, junit_xml(run))
    folder.write(AUDIT_SARIF, sarif_json(run))
    folder.write(SUMMARY_MD, summary_md(run))
    has_log = (folder.path / BUS_LOG).is_file()
    machine = read_machine(folder.path) if (folder.path / MODEL_JSON).is_file() else None
    if machine is not None:
        folder.write(LEARN_HTML, learn_html(machine))
        folder.write(MODEL_DOT, machine.dot())
    beside = sorted({*folder.file_names(), AUDIT_HTML, PYTEST_HTML, MANIFEST_JSON, *([BUS_PCAPNG] if has_log else [])})
    section = machine_section(machine) if machine is not None else None
    folder.write(AUDIT_HTML, render_audit_html(run, files=beside, machine=section))
    folder.write(PYTEST_HTML, render_pytest_html(run, files=beside))
    if has_log:
        write_captures(folder.path, ["pcapng"])
