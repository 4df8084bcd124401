"""Define what a run found: findings, the exchanges that prove them, and the facts of the run."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

from harness.runs.measured import Profile
from harness.verdict import Basis, Severity, Verdict

SCHEMA_VERSION = 1

Met: TypeAlias = Literal["not met", "not met, accepted", "open", "met", "not applicable", "no result"]
"""Whether one of the user's own requirements is met, by the results of the checks that answer it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """One CAN frame as recorded in the trace."""

    time_s: float
    """The frame's time as in the bus log: seconds since the bus started on a simulated bus, since 1970 on a real bus."""
    can_id: int
    """The CAN id, of 11 or 29 bits."""
    is_extended: bool
    """Whether the id has 29 bits."""
    data: str
    """The data field in hex, upper case."""
    is_sent: bool
    """Whether the harness sent the frame; else it was received."""
    is_remote: bool = False
    """Whether the frame is a remote frame, which asks for data and holds none."""
    is_error: bool = False
    """Whether this is the adapter's report of an error on the bus, and no frame of a node."""
    is_fd: bool = False
    """Whether the frame is a CAN FD frame."""
    address_bytes: int = 0
    """How many bytes at the start of the data field are an address: 1 with extended and mixed addressing, else 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and the ECU's replies to it, as evidence."""

    request: str
    """The request's bytes in hex; raw frames as ``raw 740#0322101000000000``."""
    replies: tuple[str, ...]
    """Every message of the ECU in order, in hex; response-pending ones included."""
    outcome: str
    """How the tester read the replies, e.g. ``negative 0x33 securityAccessDenied`` or ``silence``."""
    first_frame: int
    """Number of the exchange's first frame in the bus log, counted from 0."""
    last_frame: int
    """Number of the first frame after the exchange: the range of frames excludes it."""
    frames: tuple[FrameRecord, ...]
    """The raw frames themselves (the first dozens of a long exchange)."""
    redacted: tuple[str, ...] = ()
    """The bytes in these messages that stand in place of a key or a secret, in hex; each stretch of bytes once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check on one parameter: the row of a report."""

    id: str
    """The check's id, e.g. ``SA-09``. No id is ever changed or given to another check."""
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
    """For a failure: what this ECU did. For a pass: the evidence, if the check names any."""
    reason: str = ""
    """The reason for any verdict other than pass and fail, in a sentence."""
    cause: str = ""
    """For a failure: the flaw behind it, if several checks fail because of the same flaw; else empty."""
    notes: tuple[str, ...] = ()
    """Further observations that the check made."""
    exchanges: tuple[Exchange, ...] = ()
    """The exchanges that decide the verdict."""
    first_frame: int = 0
    """Number of the first frame of the whole check in the bus log, counted from 0."""
    last_frame: int = 0
    """Number of the first frame after the check: the range of frames excludes it."""
    repeat: str = ""
    """The command that repeats only this result."""
    duration_s: float = 0.0
    """How long the check took in the target's time (virtual on a simulated bus)."""
    accepted: str = ""
    """The target file's reason for accepting this failure; empty if it is not accepted."""
    rationale: str = ""
    """What an attacker gains if the check fails."""
    remediation: str = ""
    """What to do about a failure."""
    source: str = ""
    """Where the rule comes from, e.g. a standard and its section."""
    cwe: tuple[int, ...] = ()
    """Numbers of weaknesses in the Common Weakness Enumeration."""
    r155: tuple[str, ...] = ()
    """Threats in Annex 5 of UN Regulation No. 155."""
    check_version: str = ""
    """A fingerprint of what decides the check's verdict; empty if it is unknown, or the check judged nothing."""
    permitted: tuple[str, ...] = ()
    """Which permissions the target gives, among those that the check needs or uses."""
    requirements: tuple[str, ...] = ()
    """The user's own requirements that the check answers, by the ids that the target file gives them."""

    @property
    def heading(self) -> str:
        """The heading in a report: for a failure what is wrong, for any other result what the check demands."""
        return self.failure if self.failure and self.verdict is Verdict.FAIL else self.title

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON values, with keys as in audit.json."""
        return dict(plain(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTested:
    """A requirement that was considered but that no check tests."""

    id: str
    """The requirement's id."""
    says: str
    """What the requirement demands."""
    group: str
    """The group of reasons to which `because` belongs, e.g. ``needs hardware``."""
    because: str
    """Why no check tests the requirement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A data identifier that tells which sample was tested, with the value that the ECU gave at the end of the run."""

    did: str
    """The data identifier in four hex digits, e.g. ``F190``."""
    name: str
    """The identifier's name, e.g. ``vehicle identification number (VIN)``."""
    value: str = ""
    """The value, as text if all of it is printable ASCII, else in hex; empty if it could not be read."""
    reason: str = ""
    """Why there is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusAccess:
    """How frames reached the bus and came back; a value that is unknown says so."""

    adapter: str
    """The adapter, e.g. ``python-can socketcan, can0, 500000 bit/s``."""
    driver: str
    """The kernel's driver of the adapter, or python-can's backend."""
    timestamps: str
    """What gave the frames of the bus log their time stamps."""
    lost_frames: int | None = None
    """How many frames were lost on their way from the adapter; None if the adapter does not say."""
    error_frames: int = 0
    """How many error frames the adapter reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityAccessSummary:
    """Whether the run judged SecurityAccess; if it did not, a report says so first."""

    seen: bool
    """Whether a frame shows that the ECU has SecurityAccess (0x27), or the target declares a security level."""
    judged: bool
    """Whether at least one check of a security level reached pass or fail."""
    why: str
    """What is known of the service and, if it was not judged, why; a sentence without its full stop."""
    authentication: tuple[str, ...] = ()
    """Services, in two hex digits, for which the ECU asked for Authentication (0x34): SecurityAccess does not guard them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A request that made the ECU crash, or after which it fell silent."""

    request: str
    """The request in hex, shortened if it is long; raw frames as ``raw 740#0322F190``."""
    check: str
    """The id of the check that sent the request first."""
    reproduced: bool
    """Whether the request had the same effect again from a known state; if not, it is only suspected."""
    what: str
    """What was seen after the request."""
    repeat: str = ""
    """The command that sends the request again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignInfo:
    """How much a fuzz campaign has done."""

    seed: int
    """The seed of all chance in the campaign."""
    rounds: int
    """How many rounds of the campaign's shards have ended."""
    exchanges: int
    """How many requests and groups of frames the rounds have sent, including those for watching the ECU and for reducing
    findings.
    """
    corpus: int
    """How many sequences were kept because the ECU answered them as no sequence before."""
    coverage: int
    """How many sequences were kept because the ECU gave a new kind of answer to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlace:
    """A range of columns on one line of a file."""

    line: int
    """The line, counted from 1."""
    column: int
    """The first column, in characters, counted from 1."""
    end_column: int
    """The first column after the range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """Everything about a run that is not a finding: what the top of a report shows."""

    target: dict[str, Any]
    """The target as validated, with secrets replaced by ``(redacted)``."""
    environment: Literal["simulated", "bench"]
    """Whether the ECU is simulated in virtual time, or real."""
    seed: int
    """The seed of all random numbers: the same seed makes the same run."""
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
    """End of the run, written like started_utc; empty if the run did not end."""
    interrupted: bool = False
    """Whether the run was cut short, so that results are missing."""
    quirks: tuple[str, ...] = ()
    """The ECU's deviations that the target file asks the harness to tolerate."""
    remarks: tuple[str, ...] = ()
    """What a reader must know of the whole run, e.g. that the adapter cannot confirm transmission."""
    console: str = ""
    """What the simulated ECU printed; only the end of a long text."""
    counts: dict[str, int] = field(default_factory=dict)
    """The numbers of frames, exchanges and wrong_keys."""
    profiles: tuple[Profile, ...] = ()
    """What was measured of the ECU beside the verdicts."""
    not_tested: tuple[NotTested, ...] = ()
    """What no check of this version tests, and why."""
    commit: str = ""
    """The harness's git commit; empty if the harness does not run from a checkout, or git fails."""
    is_tree_clean: bool | None = None
    """Whether the checkout's files are exactly those of the commit; None without a commit."""
    identification: tuple[Identifier, ...] = ()
    """Which sample was tested; empty if no identifier was read."""
    bus: BusAccess | None = None
    """The adapter through which the frames went; None if that was not recorded."""
    keeps_secrets: bool = False
    """Whether keys and secrets were left in the run's files on request."""
    security_access: SecurityAccessSummary | None = None
    """Whether SecurityAccess was seen and judged; None until the run has ended."""
    ledger: str = ""
    """The file that counts wrong keys over all runs, ``~`` for the home folder; empty if they are not counted."""
    stopped_by: str = ""
    """Why an interrupted run ended early, e.g. ``Ctrl-C``; empty if unknown."""
    crashes: tuple[Crash, ...] = ()
    """Requests that made the ECU crash; reports show them first."""
    campaign: CampaignInfo | None = None
    """The size of the run's fuzz campaign; None if the run is no campaign."""
    places: dict[str, FilePlace] = field(default_factory=dict)
    """By parameter, e.g. ``level 0x01``: the place in the target file of the entry that results are about.

    ``target`` is the place of the ECU as a whole. Empty if the target has no file of its own.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A whole run: the facts and the results that every report is made of."""

    info: RunInfo
    findings: tuple[Finding, ...]
    """Every result, in the order in which the checks ended."""

    def with_verdict(self, verdict: Verdict) -> tuple[Finding, ...]:
        """Return the results with this verdict, in order."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)

    def failures(self) -> tuple[Finding, ...]:
        """The failures that the target file does not accept, worst first."""
        worst_first = list(Severity)
        failing = (finding for finding in self.with_verdict(Verdict.FAIL) if not finding.accepted)
        return tuple(sorted(failing, key=lambda finding: worst_first.index(finding.severity)))

    def accepted(self) -> tuple[Finding, ...]:
        """The failures that the target file accepts, in order."""
        return tuple(finding for finding in self.with_verdict(Verdict.FAIL) if finding.accepted)

    def summary(self) -> dict[str, Any]:
        """The counts of audit.json: results by verdict, unaccepted failures by severity, and accepted failures."""
        failures = self.failures()
        return {
            "results": len(self.findings),
            "verdict": {verdict.value: len(self.with_verdict(verdict)) for verdict in Verdict},
            "severity": {level.value: sum(one.severity is level for one in failures) for level in Severity},
            "accepted": len(self.accepted()),
            "requirements": {name: met(findings) for name, findings in self.by_requirement().items()},
        }

    def by_requirement(self) -> dict[str, list[Finding]]:
        """Return the results by the user's own requirements: first those that the target declares, then any that checks
        name.
        """
        entries = self.info.target.get("requirements")
        declared = [one.get("id") for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
        found: dict[str, list[Finding]] = {name: [] for name in declared if isinstance(name, str)}
        for finding in self.findings:
            for name in finding.requirements:
                found.setdefault(name, []).append(finding)
        return found


def met(findings: Iterable[Finding]) -> Met:
    """Return whether a requirement is met: a failure decides first, then a result that is undecided."""
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
    """Turn dataclasses within a value into dicts, without copying every text as `dataclasses.asdict` does."""
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
    """Return the names of a dataclass's fields, in order."""
    return tuple(one.name for one in fields(kind))
