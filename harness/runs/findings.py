"""Define what a run found: findings, the exchanges that prove them, and the facts of the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

from harness.runs.measured import Profile
from harness.verdict import Basis, Severity, Verdict

SCHEMA_VERSION = 1

Met: TypeAlias = Literal["not met", "not met, accepted", "open", "met", "not applicable", "no result"]
"""Whether a requirement of the user's own is met, by the results of the checks that answer it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """One CAN frame as the trace saw it."""

    time_s: float
    """Time as in the bus log: seconds since the bus started on a simulated bus, since 1970 on a real one."""
    can_id: int
    """11 or 29 bits."""
    is_extended: bool
    """Whether the id has 29 bits."""
    data: str
    """Data field in hex, upper case."""
    is_sent: bool
    """Whether the harness sent it; else it was received."""
    is_remote: bool = False
    """Whether it is a remote frame, which asks for data and holds none."""
    is_error: bool = False
    """Whether it is the adapter's report of an error on the bus, and no frame of a node."""
    is_fd: bool = False
    """Whether it is a CAN FD frame."""
    address_bytes: int = 0
    """How many bytes of the data field are an address, before what ISO-TP reads: 1 with extended and mixed addressing."""


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
    """Number of the first frame in the bus log, counted from 0."""
    last_frame: int
    """Number of the first frame after it, so that the range excludes it."""
    frames: tuple[FrameRecord, ...]
    """The raw frames themselves (the first dozens of a long exchange)."""
    redacted: tuple[str, ...] = ()
    """The bytes in these messages that stand for a key or a secret, in hex; each stretch once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's result on one parameter: the row of a report."""

    id: str
    """The check's id, e.g. ``SA-09``. It is never changed and never given to another check."""
    title: str
    """What the check demands, as a statement."""
    failure: str = ""
    """What is wrong if the check fails, as a statement; empty if the check does not say."""
    parameter: str | None
    """What the check was run on, e.g. ``level 0x01``; None if it is about the ECU as a whole."""
    verdict: Verdict
    """What the check concluded."""
    severity: Severity
    """How bad a failure is, or would have been."""
    basis: Basis
    """Whose rule is tested: that of the standard, of good practice, or of the target file."""
    expected: str = ""
    """For a failure: what a sound ECU does, with every accepted alternative."""
    observed: str = ""
    """For a failure: what this ECU did. For a pass: its evidence, if the check names it."""
    reason: str = ""
    """The reason for any verdict other than pass and fail, in a sentence."""
    cause: str = ""
    """For a failure: the flaw behind it, if several checks fail on the same flaw; else empty."""
    notes: tuple[str, ...] = ()
    """Further observations of the check."""
    exchanges: tuple[Exchange, ...] = ()
    """The decisive exchanges."""
    first_frame: int = 0
    """Number of the first frame of the whole check in the bus log, counted from 0."""
    last_frame: int = 0
    """Number of the first frame after the check, so that the range excludes it."""
    repeat: str = ""
    """The command that repeats this one result."""
    duration_s: float = 0.0
    """Duration in the target's time (virtual on a simulated bus)."""
    accepted: str = ""
    """The target file's reason for accepting this failure; empty if it is not accepted."""
    rationale: str = ""
    """What an attacker gains if the check fails."""
    remediation: str = ""
    """What to do about a failure."""
    source: str = ""
    """The source of the rule."""
    cwe: tuple[int, ...] = ()
    """Numbers of weaknesses in the Common Weakness Enumeration."""
    r155: tuple[str, ...] = ()
    """Threats in Annex 5 of UN Regulation No. 155."""
    check_version: str = ""
    """A fingerprint of what decides the check's verdict; empty if it is unknown, or nothing was judged."""
    permitted: tuple[str, ...] = ()
    """The permissions given by the target, of those that the check needs or uses."""
    requirements: tuple[str, ...] = ()
    """The user's own requirements that the check answers, by the ids that the target file gives them."""

    @property
    def heading(self) -> str:
        """The heading in a report: of a failure what is wrong, of any other result what the check demands."""
        return self.failure if self.failure and self.verdict is Verdict.FAIL else self.title

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON values, keys as in audit.json."""
        return dict(plain(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTested:
    """A requirement that was considered but that no check tests."""

    id: str
    """The requirement's id."""
    says: str
    """What the requirement demands."""
    group: str
    """The kind of reason, e.g. ``needs hardware``."""
    because: str
    """Why no check tests it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A data identifier that identifies the tested sample, as the ECU answered it at the end of the run."""

    did: str
    """The identifier in four hex digits, e.g. ``F190``."""
    name: str
    """Its name, e.g. ``vehicle identification number (VIN)``."""
    value: str = ""
    """The value, as text if all of it is printable ASCII, else in hex; empty if it could not be read."""
    reason: str = ""
    """Why there is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusAccess:
    """How frames reached the bus and returned; unknown values say so."""

    adapter: str
    """The adapter, e.g. ``python-can socketcan, can0, 500000 bit/s``."""
    driver: str
    """The kernel's driver, or the backend."""
    timestamps: str
    """Who stamped the frames of the bus log."""
    lost_frames: int | None = None
    """Frames lost on their way from the adapter; None if the adapter does not say."""
    error_frames: int = 0
    """Error frames that the adapter reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityAccessSummary:
    """Whether the run judged SecurityAccess; a report without that judgement must say so first."""

    seen: bool
    """Whether a frame shows that the ECU has SecurityAccess (0x27), or the target declares a level of it."""
    judged: bool
    """Whether at least one check of a security level reached pass or fail."""
    why: str
    """What is known of the service and, if it was not judged, why; a sentence without its full stop."""
    authentication: tuple[str, ...] = ()
    """Services, in two hex digits, that asked for Authentication (0x34): SecurityAccess does not guard them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A request that made the ECU crash, or after which it fell silent."""

    request: str
    """The request in hex, of a long one only the beginning; raw frames as ``raw 740#0322F190``."""
    check: str
    """The id of the check that sent it first."""
    reproduced: bool
    """Whether it did so again from a known state; if not, contact was lost once, and the request is only suspected."""
    what: str
    """What was seen."""
    repeat: str = ""
    """The command that sends it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignInfo:
    """The size of a fuzz campaign."""

    seed: int
    """The seed of all chance in the campaign."""
    rounds: int
    """How many rounds of shards have ended."""
    exchanges: int
    """Requests and groups of frames sent in them, including those for watching and reducing."""
    corpus: int
    """Sequences that were kept, since they were answered as none before."""
    coverage: int
    """Sequences that were kept because they got a new kind of answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlace:
    """A place on one line of a file."""

    line: int
    """The line, counted from 1."""
    column: int
    """The first column, in characters, counted from 1."""
    end_column: int
    """The first column after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """Everything about a run that is not a finding: what the top of a report shows."""

    target: dict[str, Any]
    """The target as validated, with secrets replaced by ``(redacted)``."""
    environment: Literal["simulated", "bench"]
    """A simulated ECU in virtual time, or a real one."""
    seed: int
    """The seed of all chance: with the same seed the run is the same."""
    depth: str
    """How large the samples were: ``quick``, ``default`` or ``deep``."""
    started_utc: str
    """Start of the run in ISO 8601, e.g. ``2026-11-20T09:28:00Z``."""
    command: str
    """The command that repeats the run."""
    operator: str
    """The name under which the run was started."""
    versions: dict[str, str]
    """Versions of the harness, Python, Scapy, python-can and the kernel."""
    finished_utc: str = ""
    """End of the run, like started_utc; empty if it did not end."""
    interrupted: bool = False
    """Whether the run was cut short: checks that had not ended are missing."""
    quirks: tuple[str, ...] = ()
    """Deviations that the target file asks to tolerate."""
    remarks: tuple[str, ...] = ()
    """What a reader must know of the whole run, e.g. that the adapter cannot confirm transmission."""
    console: str = ""
    """What the simulated ECU printed; of a long text only the end."""
    counts: dict[str, int] = field(default_factory=dict)
    """The numbers of frames, exchanges and wrong_keys."""
    profiles: tuple[Profile, ...] = ()
    """What was measured of the ECU."""
    not_tested: tuple[NotTested, ...] = ()
    """What no check of this version tests, and why."""
    commit: str = ""
    """The harness's git commit; empty if it does not run from a checkout, or git fails."""
    is_tree_clean: bool | None = None
    """Whether the files are exactly those of the commit; None without a commit."""
    identification: tuple[Identifier, ...] = ()
    """Which sample was tested; empty if nothing was asked."""
    bus: BusAccess | None = None
    """The adapter through which the frames went; None if that was not recorded."""
    keeps_secrets: bool = False
    """Whether keys and secrets were left in the run's files on request."""
    security_access: SecurityAccessSummary | None = None
    """Whether SecurityAccess was seen and judged; None until the run has ended."""
    ledger: str = ""
    """The file in which wrong keys are counted over all runs, ``~`` for the home folder; empty if they are not counted."""
    stopped_by: str = ""
    """Why an interrupted run ended early, e.g. ``Ctrl-C``; empty if unknown."""
    crashes: tuple[Crash, ...] = ()
    """Requests that made the ECU crash: reports name them first."""
    campaign: CampaignInfo | None = None
    """The size of the run's fuzz campaign; None if the run is no campaign."""
    places: dict[str, FilePlace] = field(default_factory=dict)
    """The places in the target file of the entries that results are about, by parameter, e.g.

    ``level 0x01``.

    ``target`` is the place of the ECU as a whole. Empty if the target has no file of its own.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A whole run: what every report is made of."""

    info: RunInfo
    findings: tuple[Finding, ...]
    """Every result, in the order in which the checks ended."""

    def with_verdict(self, verdict: Verdict) -> tuple[Finding, ...]:
        """Return the results of one verdict, in order."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)

    def failures(self) -> tuple[Finding, ...]:
        """Failing results that the target file does not accept, worst first."""
        worst_first = list(Severity)
        failing = (finding for finding in self.with_verdict(Verdict.FAIL) if not finding.accepted)
        return tuple(sorted(failing, key=lambda finding: worst_first.index(finding.severity)))

    def accepted(self) -> tuple[Finding, ...]:
        """Failing results that the target file accepts, in order."""
        return tuple(finding for finding in self.with_verdict(Verdict.FAIL) if finding.accepted)

    def summary(self) -> dict[str, Any]:
        """The counts of audit.json: results by verdict, unaccepted failures by severity, accepted ones."""
        failures = self.failures()
        return {
            "results": len(self.findings),
            "verdict": {verdict.value: len(self.with_verdict(verdict)) for verdict in Verdict},
            "severity": {level.value: sum(one.severity is level for one in failures) for level in Severity},
            "accepted": len(self.accepted()),
            "requirements": {name: met(findings) for name, findings in self.by_requirement().items()},
        }

    def by_requirement(self) -> dict[str, list[Finding]]:
        """Return the results by the user's own requirements: those that the target declares, then any others named."""
        entries = self.info.target.get("requirements")
        declared = [one.get("id") for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
        found: dict[str, list[Finding]] = {name: [] for name in declared if isinstance(name, str)}
        for finding in self.findings:
            for name in finding.requirements:
                found.setdefault(name, []).append(finding)
        return found


def met(findings: Iterable[Finding]) -> Met:
    """Return whether a requirement is met: any failure decides, then any result that is not decided."""
    some = list(findings)
    failures = [one for one in some if one.verdict is Verdict.FAIL]
    if failures:
        return "not met" if any(not one.accepted for one in failures) else "not met, accepted"
    verdicts = {one.verdict for one in some}
    if verdicts & {Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.ERROR}:
        return "open"
    if Verdict.PASS in verdicts:
        return "met"
    return "not applicable" if verdicts else "no result"


def plain(value: Any) -> Any:
    """Turn dataclasses within a value into dicts; `dataclasses.asdict` would copy every text in it, slowly."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, (tuple, list)):
        return type(value)(map(plain, value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in field_names(type(value))}
    return value


@cache
def field_names(kind: type) -> tuple[str, ...]:
    """Return the fields of a dataclass, in order."""
    return tuple(one.name for one in fields(kind))
