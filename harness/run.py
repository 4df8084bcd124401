"""What a run found: verdicts, severities, findings. Knows no pytest, no bus and no page."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeVar

T = TypeVar("T")

SCHEMA_VERSION = 1

Basis = Literal["standard", "policy", "declared"]
"""Which kind of rule a check tests: the standard's, good practice, or what the target file declares."""


class Verdict(StrEnum):
    """What a check concluded. Silence is never a pass."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    NOT_RUN = "not_run"
    ERROR = "error"


class Severity(StrEnum):
    """How bad a failure is by default, before the user's own risk analysis; worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Depth(StrEnum):
    """How large the samples are."""

    QUICK = "quick"
    DEFAULT = "default"
    DEEP = "deep"

    def choose(self, *, quick: T, default: T, deep: T) -> T:
        """The number, or the selection, for this depth."""
        return {Depth.QUICK: quick, Depth.DEFAULT: default, Depth.DEEP: deep}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """One CAN frame as the trace saw it."""

    time_s: float
    can_id: int
    is_extended: bool
    data: str
    """Data field in hex, upper case."""
    is_sent: bool
    """Sent by the harness, rather than received."""
    is_remote: bool = False
    is_error: bool = False
    is_fd: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and what came back, as evidence."""

    request: str
    """The request's bytes in hex; raw frames as ``raw 740#0322101000000000``."""
    replies: tuple[str, ...]
    """Every message of the ECU in order, in hex; response-pending ones included."""
    outcome: str
    """How the tester read it, e.g. ``negative 0x33 securityAccessDenied`` or ``silence``."""
    first_frame: int
    last_frame: int
    """Range of frame numbers in the bus log: first included, last excluded."""
    frames: tuple[FrameRecord, ...]
    """The raw frames themselves (the first dozens of a long exchange)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's result on one parameter: the row of a report."""

    id: str
    title: str
    parameter: str | None
    verdict: Verdict
    severity: Severity
    basis: Basis
    expected: str = ""
    observed: str = ""
    reason: str = ""
    """Why, in a sentence, for every verdict but pass and fail."""
    notes: tuple[str, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    """The decisive ones."""
    first_frame: int = 0
    last_frame: int = 0
    """What the whole check put on the bus, as a range of frames in the bus log."""
    repeat: str = ""
    """The command that repeats this one result."""
    duration_s: float = 0.0
    """Of the target's time (virtual on a simulated bus)."""
    accepted: str = ""
    """The target file's reason for accepting this failure; empty if it is not accepted."""
    rationale: str = ""
    remediation: str = ""
    source: str = ""
    cwe: tuple[int, ...] = ()
    r155: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The finding as plain JSON values, keys as in audit.json."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Something measured of the ECU that is no verdict, as a table of two columns."""

    title: str
    """E.g. ``Lockout of level 0x01``."""
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """Everything about a run that is not a finding: what the top of a report shows."""

    target: dict[str, Any]
    """The target as validated, secrets replaced by ``(redacted)``."""
    environment: Literal["simulated", "bench"]
    seed: int
    depth: str
    started_utc: str
    """ISO 8601, e.g. ``2026-11-20T09:28:00Z``."""
    command: str
    """The command that repeats the run."""
    operator: str
    versions: dict[str, str]
    """Of the harness, Python, Scapy, python-can, the kernel."""
    finished_utc: str = ""
    interrupted: bool = False
    quirks: tuple[str, ...] = ()
    """Deviations that the target file asks to tolerate."""
    remarks: tuple[str, ...] = ()
    """What a reader must know of the whole run, e.g. that the adapter cannot confirm transmission."""
    console: str = ""
    """What the simulated ECU printed, its end only if long."""
    counts: dict[str, int] = field(default_factory=dict)
    """frames, exchanges, wrong_keys."""
    profiles: tuple[Profile, ...] = ()
    """What was measured of the ECU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A whole run: what every report is made of."""

    info: RunInfo
    findings: tuple[Finding, ...]
    """Every result, in the order in which the checks ended."""

    def with_verdict(self, verdict: Verdict) -> tuple[Finding, ...]:
        """The results of one verdict, in order."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)

    def failures(self) -> tuple[Finding, ...]:
        """What has to be mended: failing results that the target file does not accept, worst first."""
        worst_first = list(Severity)
        failing = (finding for finding in self.with_verdict(Verdict.FAIL) if not finding.accepted)
        return tuple(sorted(failing, key=lambda finding: worst_first.index(finding.severity)))

    def accepted(self) -> tuple[Finding, ...]:
        """Failing results that the target file accepts, in order."""
        return tuple(finding for finding in self.with_verdict(Verdict.FAIL) if finding.accepted)

    def summary(self) -> dict[str, Any]:
        """The counts of audit.json: results by verdict, failures that are not accepted by severity, accepted ones."""
        failures = self.failures()
        return {
            "results": len(self.findings),
            "verdict": {verdict.value: len(self.with_verdict(verdict)) for verdict in Verdict},
            "severity": {level.value: sum(one.severity is level for one in failures) for level in Severity},
            "accepted": len(self.accepted()),
        }
