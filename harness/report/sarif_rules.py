"""List the rules of audit.sarif: one for each check, with its purpose, remediation, and classification by CWE and R155."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from harness.report.markdown import markdown
from harness.report.text import shown
from harness.runs.findings import Finding
from harness.verdict import Severity, Verdict

CWE, R155 = "CWE", "UN R155 Annex 5"

SECURITY_SEVERITIES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.5",
    Severity.INFO: "0.1",
}
"""By severity, a number within GitHub's band: low from 0.1, medium from 4.0, high from 7.0, critical above 9.0."""

LONGEST_DESCRIPTION: Final = 1000
LONGEST_NAME: Final = 200
LONGEST_ID: Final = 100

_LINK: Final = re.compile(r"\[(?=[^\[\]]*\]\()")


def message(text: str, limit: int = 2000) -> dict[str, str]:
    """Return a message object. Braces are doubled and links broken, since SARIF (3.11) reads both even in plain text."""
    plain = shown(text, limit).replace("{", "{{").replace("}", "}}")
    return {"text": _LINK.sub(r"\\[", plain) or "-"}


class SarifRules:
    """The checks of a run, in the order of their ids, and the taxonomies that they refer to."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        by_id: dict[str, list[Finding]] = {}
        for one in findings:
            by_id.setdefault(self.identifier(one), []).append(one)
        self._indexes = {name: index for index, name in enumerate(sorted(by_id))}
        taxa: dict[str, set[str]] = {CWE: set(), R155: set()}
        for one in (one for group in by_id.values() for one in group):
            taxa[CWE].update(map(str, one.cwe))
            taxa[R155].update(map(_taxon, one.r155))
        self._taxa = {name: sorted(found) for name, found in taxa.items()}
        self.descriptors = [self._descriptor(name, by_id[name]) for name in sorted(by_id)]

    @staticmethod
    def identifier(finding: Finding) -> str:
        """Return the id of a result's rule, which is the id of the check."""
        return shown(finding.id, LONGEST_ID) or "-"

    def index(self, finding: Finding) -> int:
        """Return the index of a result's rule in `descriptors`."""
        return self._indexes[self.identifier(finding)]

    def reference(self, finding: Finding) -> dict[str, Any]:
        """Return a reference to the rule of a finding that is no result in SARIF, e.g. that of an unjudged check."""
        return {"id": self.identifier(finding), "index": self.index(finding)}

    @property
    def taxonomies(self) -> list[dict[str, Any]]:
        """The taxonomies CWE and R155, with the entries that the checks name."""
        return [
            {
                "name": CWE,
                "organization": "MITRE",
                "informationUri": "https://cwe.mitre.org/",
                "shortDescription": {"text": "The MITRE Common Weakness Enumeration"},
                "taxa": [
                    {"id": number, "helpUri": f"https://cwe.mitre.org/data/definitions/{number}.html"}
                    for number in self._taxa[CWE]
                ],
            },
            {
                "name": R155,
                "organization": "UNECE",
                "shortDescription": {"text": "Threats and mitigations in Annex 5 of UN Regulation No. 155"},
                "taxa": [{"id": name} for name in self._taxa[R155]],
            },
        ]

    def _descriptor(self, name: str, findings: Sequence[Finding]) -> dict[str, Any]:
        """Describe what all results of one check share, using the result that tells most; a deselected result tells less."""
        one = max(findings, key=lambda finding: (bool(finding.rationale), finding.verdict is Verdict.FAIL))
        failing = [finding.severity for finding in findings if finding.verdict is Verdict.FAIL]
        severity = min(failing or [one.severity], key=list(Severity).index)
        tags = ["security", "uds", f"basis/{one.basis}"]
        tags += [f"external/cwe/cwe-{number:03}" for number in one.cwe] + [f"r155/{_taxon(entry)}" for entry in one.r155]
        return {
            "id": name,
            "name": _pascal(one.title),
            "shortDescription": message(one.title, LONGEST_DESCRIPTION),
            "fullDescription": message(one.rationale or one.title, LONGEST_DESCRIPTION),
            "help": {**message(_help(one)), "markdown": _markdown_help(one)},
            "defaultConfiguration": {"level": "warning"},
            "relationships": [self._relationship(CWE, str(number)) for number in one.cwe]
            + [self._relationship(R155, _taxon(entry)) for entry in one.r155],
            "properties": {"tags": tags, "precision": "very-high", "security-severity": SECURITY_SEVERITIES[severity]},
        }

    def _relationship(self, taxonomy: str, taxon: str) -> dict[str, Any]:
        component = {"name": taxonomy, "index": (CWE, R155).index(taxonomy)}
        index = self._taxa[taxonomy].index(taxon)
        return {"target": {"id": taxon, "index": index, "toolComponent": component}, "kinds": ["relevant"]}


def _rows(finding: Finding) -> list[tuple[str, str]]:
    rows = [("Why", finding.rationale), ("Mend", finding.remediation), ("Source", finding.source)]
    return [(name, text) for name, text in rows if text] or [("Tests", finding.title)]


def _help(finding: Finding) -> str:
    return "\n".join(f"{name}: {text}" for name, text in _rows(finding))


def _markdown_help(finding: Finding) -> str:
    return "\n\n".join(f"**{name}:** {markdown(text, LONGEST_DESCRIPTION)}" for name, text in _rows(finding))


def _pascal(title: str) -> str:
    words = [word for word in re.findall(r"[A-Za-z0-9]+", title.replace("'", "")) if word.lower() not in ("a", "an", "the")]
    return "".join(map(str.capitalize, words))[:LONGEST_NAME] or "Unnamed"


def _taxon(entry: str) -> str:
    return shown(entry, LONGEST_ID) or "-"
