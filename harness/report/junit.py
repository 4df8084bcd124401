"""Write junit.xml for CI systems: one case for each result, as passed, failed, error, or skipped with the reason."""

import xml.etree.ElementTree as ET
from typing import Final

from harness.report.conclusion import conclusion, interruption, target_name
from harness.report.text import shown
from harness.runs.findings import Finding, Run
from harness.verdict import Verdict

LONGEST_MESSAGE: Final = 1000
"""How many characters of one value a message contains; CI systems show a message on one line."""


def junit_xml(run: Run) -> str:
    """Return the content of junit.xml. An ECU's text cannot break the XML: unprintable characters become ``\\x1b``."""
    info = run.info
    suite = ET.Element("testsuite", name=_line(target_name(info)), timestamp=_line(info.started_utc))
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("conclusion", " ".join(filter(None, (conclusion(run), interruption(info))))),
        ("environment", info.environment),
        ("command", info.command),
        ("seed", info.seed),
        ("depth", info.depth),
        ("operator", info.operator),
        *((f"version of {name}", version) for name, version in info.versions.items()),
    ):
        ET.SubElement(properties, "property", name=_line(name), value=_line(value))
    for finding in run.findings:
        suite.append(_case(finding))
    suites = ET.Element("testsuites", name="uds-harness")
    suites.append(suite)
    counts = {
        "tests": len(run.findings),
        "failures": len(run.failures()),
        "errors": len(run.with_verdict(Verdict.ERROR)),
        "skipped": sum(case.find("skipped") is not None for case in suite),
        "time": f"{sum(finding.duration_s for finding in run.findings):.6f}",
    }
    for element in (suites, suite):
        for name, count in counts.items():
            element.set(name, str(count))
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _case(finding: Finding) -> ET.Element:
    """Return the case of a result: its class is the check's id, its name the check's title and subject."""
    name = finding.title + (f" [{finding.parameter}]" if finding.parameter is not None else "")
    case = ET.Element("testcase", classname=_line(finding.id), name=_line(name), time=f"{finding.duration_s:.6f}")
    properties = ET.SubElement(case, "properties")
    words = [("verdict", finding.verdict.value), ("severity", finding.severity.value), ("basis", finding.basis)]
    for key, value in (*words, *(("requirement", name) for name in finding.requirements)):
        ET.SubElement(properties, "property", name=key, value=_line(value))
    if finding.verdict is Verdict.PASS:
        return case
    if finding.verdict is Verdict.FAIL:
        message = f"{finding.severity}: expected {_line(finding.expected)}; observed {_line(finding.observed)}"
        if finding.accepted:
            ET.SubElement(case, "skipped", message=f"accepted: {_line(finding.accepted)}; {message}")
        else:
            ET.SubElement(case, "failure", message=message, type=finding.severity.value).text = _details(finding)
    elif finding.verdict is Verdict.ERROR:
        ET.SubElement(case, "error", message=_line(finding.reason), type="error").text = _details(finding)
    else:
        ET.SubElement(case, "skipped", message=f"{finding.verdict}: {_line(finding.reason)}")
    return case


def _details(finding: Finding) -> str:
    rows = [
        ("expected", finding.expected),
        ("observed", finding.observed),
        ("reason", finding.reason),
        *(("note", note) for note in finding.notes),
        ("mend", finding.remediation),
        ("source", finding.source),
        ("repeat", finding.repeat),
    ]
    lines = [f"{name:10}{shown(value)}".replace("\n", f"\n{'':10}") for name, value in rows if value]
    lines.append(f"frames    {finding.first_frame} to {finding.last_frame} of the bus log, counted from 0")
    return "\n".join(lines)


def _line(value: object) -> str:
    return " ".join(shown(value, LONGEST_MESSAGE).split())
