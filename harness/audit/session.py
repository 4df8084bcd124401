"""Run an audit from opening the bus to sealing its folder: everything in it that does not depend on pytest."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TextIO

from harness.audit.contact import restored
from harness.audit.knowledge import security_access_summary
from harness.audit.logged import kind_of_tester
from harness.audit.opening import open_tester
from harness.audit.provenance import bus_access, commit, identification, operator, versions
from harness.audit.requirements import not_tested
from harness.audit.resuming import Unfinished
from harness.audit.runner import Runner
from harness.audit.secrecy import redactor_of
from harness.audit.selection import Selection
from harness.audit.watched import WatchedTester
from harness.check import Attack
from harness.errors import HarnessError, LinkError, NotPermitted, Unjudged, UserError
from harness.link.clock import RealClock, utc_text
from harness.link.trace import Trace
from harness.measurements import Measurements
from harness.measurements.access_map import access_profiles
from harness.report.files import write_reports
from harness.runs.findings import FilePlace, Finding, Identifier, Run, RunInfo, SecurityAccessSummary
from harness.runs.folder import BUS_LOG, CONSOLE_TXT, FOUND_TOML, PRIVATE, SECRETS_JSONL, RunFolder, sha256_of
from harness.runs.folder_lock import RunLock
from harness.runs.redaction import OriginalLog, Redactor, Vocabulary
from harness.target import QUIRKS, Target
from harness.target.file_places import places_of
from harness.tester.ledger import ledger_path
from harness.tester.tester import Tester
from harness.verdict import Depth, Verdict, worse_than

SERIAL_NUMBER = 0xF18C


class RehearsalDoor(Protocol):
    """A stand-in for the target's bus: it leads an audit to another ECU, and records what the audit does there."""

    def open(self, target: Target, *, seed: int, trace: Trace) -> Tester:
        """Open the tester of the run. Raises UserError as `open_tester`."""

    def begins(self, declared: Attack, parameter: str | None) -> None:
        """Record that a check begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """What the user wants of an audit."""

    target: Target
    seed: int
    depth: Depth = Depth.DEFAULT
    out: Path | None = None
    reports: Path = Path("reports")
    command: str = "uds-harness audit"
    """The command that repeats the run, without its selection."""
    selection: str = ""
    """The selection of checks, written as options of `command`."""
    chosen: Selection = field(default_factory=Selection)
    """Which checks are run, besides those that pytest's own options select."""
    no_time_for: frozenset[str] = frozenset()
    """Ids of chosen checks that are left out, so that the run takes no longer than `longest_s`."""
    longest_s: float | None = None
    """The seconds after which no further check is begun; None for no limit."""
    checks: tuple[Path, ...] = ()
    """Files and folders of the user's own checks."""
    found_text: str = ""
    """The text of the target file, if the target was discovered rather than declared."""
    keeps_secrets: bool = False
    """Whether keys and secrets stay in the run's files."""
    hidden: tuple[str, ...] = ()
    """Names in `HIDEABLE` of data that is also removed from the run's files."""
    replaces_run: bool = False
    """Whether the run replaces an earlier run that lies in `out`."""
    resumes: Unfinished | None = None
    """The interrupted run to continue."""
    rehearsal: RehearsalDoor | None = None
    """The stand-in for the target's bus, if the run is a rehearsal; no reports are written then."""


class AuditSession:
    """The open bus and run folder of an audit, with everything that its checks share."""

    def __init__(self, options: AuditOptions) -> None:
        """Open the bus and the run folder.

        Raises UserError, before anything is sent, if the interface, key functions, ledger or folder are invalid.
        """
        self.options = options
        target = options.target
        resumed = options.resumes
        trace = Trace(channel=_log_channel(target))
        self._on_acceptances: list[str] = []
        if options.rehearsal is not None:
            self.tester = options.rehearsal.open(target, seed=options.seed, trace=trace)
        else:
            ledger = ledger_path(target, options.reports)
            self.tester = open_tester(target, seed=options.seed, trace=trace, ledger_path=ledger, kind=kind_of_tester())
        self._link = self.tester.link
        try:
            self._clock = RealClock()
            self._originals: dict[tuple[str, str | None], Finding] = {}
            if resumed is None:
                self._redactor = None if options.keeps_secrets else redactor_of(target, options.seed, options.hidden)
                self.info = self._info()
                self._log: TextIO | OriginalLog = self._begin()
            else:
                self._redactor = None if options.keeps_secrets else self._redactor_of(resumed)
                self.info = self._info_of(resumed)
                self._log = self._go_on(resumed)
            if self._redactor is not None:
                self.tester.security.tell_key = self._redactor.learn_key
            self._write_found_target()
        except BaseException:
            self._link.close()
            raise
        self._is_serial_known = False
        self._is_closed = False
        self.before_reports: Callable[[], None] = lambda: None
        """Called after the last request and before the reports are made; it may write further files into the folder."""
        if resumed is not None:
            if self._link.is_virtual:  # so that times grow in the log
                self.tester.wait(max(0.0, resumed.last_s - self._link.now_s))
            trace.forget(resumed.frames)
        trace.write_to(self._log)
        self._link.use(_ids_in_use(target))
        self.measure = measure = Measurements(self.tester, options.depth)
        if isinstance(self.tester, WatchedTester):
            self.tester.measured = lambda: measure.under_way[-1] if measure.under_way else ""
        self.runner = Runner(self.tester)

    def _begin(self) -> TextIO | OriginalLog:
        """Start a new run folder with its bus log."""
        options = self.options
        info = self.info if self._redactor is None else self._redactor.info(self.info)
        if options.out is not None:
            RunLock(options.out).release()
            self.folder = RunFolder.create(options.out, info, replaces_run=options.replaces_run)
        else:
            self.folder = RunFolder.create_new(options.reports, options.target.name, info)
        self._lock = RunLock(self.folder.path)
        if self._redactor is not None:
            return self._redactor.open_log(self.folder)
        return open(self.folder.path / BUS_LOG, "w", encoding="ascii")

    def _go_on(self, resumed: Unfinished) -> TextIO | OriginalLog:
        """Reopen a run's folder and bus log. Raises UserError if the run to continue differs from the run that was begun."""
        info = self.info if self._redactor is None else self._redactor.info(self.info)
        resumed.refuse_another(info)
        self._lock = RunLock(resumed.folder)
        self.folder = RunFolder.reopen(resumed.folder, info, resumed.kept)
        self._originals.update({(one.id, one.parameter): one for one in resumed.kept})
        if self._redactor is not None:
            return self._redactor.reopen_log(self.folder)
        return open(self.folder.path / BUS_LOG, "a", encoding="ascii")

    def _redactor_of(self, resumed: Unfinished) -> Redactor:
        words = Vocabulary.load(resumed.folder / PRIVATE / SECRETS_JSONL)
        return redactor_of(self.options.target, self.options.seed, self.options.hidden, words)

    def _info_of(self, resumed: Unfinished) -> RunInfo:
        """Return the facts of a resumed run."""
        info, before = self._info(), resumed.info
        why = f" ({before.stopped_by})" if before.stopped_by else ""
        remark = (
            f"The run was interrupted{why} and went on at {info.started_utc}: {len(resumed.kept)} results are from before, "
            "and what was measured for them was measured again where it was needed."
        )
        return replace(info, started_utc=before.started_utc, command=before.command, remarks=(*info.remarks, remark))

    def _info(self) -> RunInfo:
        target, options = self.options.target, self.options
        remarks = []
        if not self._link.confirms_sending:
            remarks.append(
                f"The adapter ({target.can.interface}) does not confirm that frames were sent: "
                "silence may be the adapter's and not the ECU's."
            )
        if options.keeps_secrets:
            remarks.append("Keys and secrets were kept in this run's files, as was asked for: do not hand them over.")
        head, is_tree_clean = commit()
        return RunInfo(
            target={**target.redacted(), "path": target.path.name if target.path else None},
            environment=target.environment,
            seed=options.seed,
            depth=options.depth.value,
            started_utc=utc_text(self._clock.utc_s()),
            command=f"{options.command} {options.selection}".strip(),
            operator=operator(),
            versions=versions(),
            commit=head,
            is_tree_clean=is_tree_clean,
            keeps_secrets=options.keeps_secrets,
            quirks=tuple(f"{quirk}: {QUIRKS[quirk]}" for quirk in target.quirks),
            remarks=tuple(remarks),
            not_tested=not_tested(),
            ledger=self.tester.security.ledger.where,
            places={name: FilePlace(**place._asdict()) for name, place in places_of(target).items()},
        )

    def identify(self) -> None:
        """Read a real ECU's serial number once, so that its wrong keys are counted on whatever bus it is."""
        ledger = self.tester.security.ledger
        if ledger.path is None or self._is_serial_known:
            return
        try:
            reply = self.tester.read_reply(SERIAL_NUMBER)
        except (LinkError, NotPermitted):
            return
        if reply.is_positive:
            self._is_serial_known = True
            ledger.identify(reply.pdu[3:])

    def keep(self, finding: Finding) -> Finding:
        """Write a result, with the user's acceptance of it if there is one that has not expired.

        Raises UserError if the result, or the frames that prove it, cannot be written.
        """
        return self.keep_all([finding])[0]

    def keep_all(self, findings: Sequence[Finding]) -> list[Finding]:
        """Write results as `keep` does, at once."""
        kept = []
        for finding in findings:
            finding = self._held_against_acceptances(finding)
            finding = replace(finding, requirements=self.options.target.requirements_of(finding.id))
            self._originals[finding.id, finding.parameter] = finding
            kept.append(finding if self._redactor is None else self._redactor.finding(finding))
        trace = self.tester.trace
        try:
            trace.flush()
        finally:
            self.folder.append(*kept)
        if trace.trouble:  # results whose frames are not kept would prove nothing
            raise UserError(trace.trouble)
        return kept

    def _held_against_acceptances(self, finding: Finding) -> Finding:
        """Mark the finding as accepted if the target file accepts it; add remarks on acceptances that no longer hold."""
        remark = self._on_acceptances.append
        for entry in self.options.target.accepted:
            if entry.id != finding.id or entry.parameter not in (None, finding.parameter):
                continue
            name = f"{entry.id} [{entry.parameter}]" if entry.parameter else entry.id
            if finding.verdict is Verdict.PASS:
                remark(f"{name} is accepted by the target file ({entry.reason}) but no longer fails.")
            if finding.verdict is not Verdict.FAIL:
                continue
            if entry.expires is not None and entry.expires.isoformat() < self.info.started_utc[:10]:
                remark(f"{name} was accepted by the target file ({entry.reason}) until {entry.expires} and counts again.")
            elif worse_than(finding.severity, entry.severity):
                remark(
                    f"{name} is accepted by the target file up to severity {entry.severity} ({entry.reason}); "
                    f"this failure is {finding.severity} and counts."
                )
            elif entry.observed is not None and not self._was_observed(entry.observed, finding):
                remark(f"{name} is accepted by the target file for another observation ({entry.reason}); this one counts.")
            else:
                return replace(finding, accepted=entry.reason)
        return finding

    def _was_observed(self, text: str, finding: Finding) -> bool:
        """Whether the observed text contains this text, either as measured or as a report shows it."""
        shown = finding if self._redactor is None else self._redactor.finding(finding)
        return text in finding.observed or text in shown.observed

    def finish(self, stopped_by: str) -> Run:
        """Restore the ECU as far as it answers, close the bus, and write audit.json and every report.

        `stopped_by` says what stopped the run; empty if every check has ended. Raises UserError if the folder cannot be
        written; the ECU is restored and the bus closed even then.
        """
        remarks = [*self.info.remarks, *dict.fromkeys(self._on_acceptances), *self._on_found_keys()]
        if not stopped_by:  # else checks of these ids may not have begun
            remarks += self._on_unknown_ids()
        if self._link.lost_frames:
            remarks.append(f"{self._link.lost_frames} frames were lost on their way from the adapter.")
        identifiers, no_contact = self._leave_ecu(remarks)
        remarks += [*self._link.remarks, *([self.tester.remark] if self.tester.remark else [])]
        may_ask = self.tester.exchange_count > 0 and not no_contact and not stopped_by
        security_access = self._security_access(may_ask=may_ask)
        bus = bus_access(self.options.target.can, self._link)
        self.close(remarks)
        info = replace(
            self.info,
            finished_utc=utc_text(self._clock.utc_s()),
            interrupted=bool(stopped_by),
            stopped_by=stopped_by,
            remarks=tuple(remarks),
            identification=identifiers,
            security_access=security_access,
            bus=bus,
            console=self._link.console(),
            counts={
                "frames": self.tester.trace.count,
                "exchanges": self.tester.exchange_count + self._before("exchanges"),
                "wrong_keys": self.tester.security.wrong_keys_sent + self._before("wrong_keys"),
            },
            crashes=(*(self.options.resumes.info.crashes if self.options.resumes else ()), *self.runner.crashes),
            profiles=(*self.measure.profiles, *access_profiles(self.tester.state.seen, self.options.target)),
        )
        run = self.folder.finish(info if self._redactor is None else self._redacted(info, self._redactor))
        self.before_reports()
        if self.options.rehearsal is None:
            write_reports(self.folder, run)
        return run

    def _before(self, what: str) -> int:
        """Return the count of `what` from before the run was resumed; 0 if there is none."""
        return self.options.resumes.info.counts.get(what, 0) if self.options.resumes is not None else 0

    def _security_access(self, *, may_ask: bool) -> SecurityAccessSummary:
        findings = self._originals.values()
        try:
            return security_access_summary(self.tester, findings, may_ask=may_ask)
        except (Unjudged, LinkError):
            return security_access_summary(self.tester, findings, may_ask=False)

    def _leave_ecu(self, remarks: list[str]) -> tuple[tuple[Identifier, ...], str]:
        """Restore an ECU to which anything was sent; return its identification and why contact failed; add to `remarks`."""
        if self.tester.exchange_count == 0:
            return (), ""
        no_contact = ""
        try:
            restored(self.tester)
            self.identify()
        except Exception as error:  # the run must end with its results, whatever the ECU, adapter or disk does now
            remarks.append(f"The ECU could not be restored at the end: {error}")
            no_contact = str(error)
        hidden_dids = self._redactor.words.hidden_dids if self._redactor is not None else ()
        return tuple(identification(self.tester, no_contact, hidden_dids)), no_contact

    def close(self, remarks: list[str] | None = None) -> None:
        """Close the bus and its log, if still open; add remarks on what went wrong."""
        if self._is_closed:
            return
        self._is_closed = True
        for what, close in (("bus", self._link.close), ("bus log", self._log.close)):
            try:
                close()
            except (HarnessError, OSError) as error:
                if remarks is not None:
                    remarks.append(f"The {what} did not close cleanly: {error}")

    def release(self) -> None:
        """Release the folder's lock, so that others may write into the folder."""
        self._lock.release()

    def _redacted(self, info: RunInfo, redactor: Redactor) -> RunInfo:
        """Redact everything written so far once more, with all secrets known now; return `info` redacted, too."""
        remark = redactor.write_log()
        if info.console:
            redactor.keep_console(info.console)
            remark += f" What the ECU printed is shown without numbers; all of it is in {PRIVATE}/{CONSOLE_TXT}."
        as_written = {id(one) for one in self.options.resumes.kept} if self.options.resumes is not None else set()
        self.folder.replace_all(
            finding if id(finding) in as_written else redactor.finding(finding) for finding in self._originals.values()
        )
        self.folder.write_start(redactor.info(self.info))
        self._write_found_target()
        redacted = redactor.info(info)
        return replace(redacted, remarks=(*redacted.remarks, remark))

    def _write_found_target(self) -> None:
        text = self.options.found_text
        if text:
            self.folder.write(FOUND_TOML, text if self._redactor is None else self._redactor.text(text))

    def _on_unknown_ids(self) -> Iterator[str]:
        known = {id for id, _ in self._originals}
        for entry in self.options.target.accepted:
            if entry.id not in known:
                yield f"No check of this run has an id that the target file accepts: {entry.id}."
            elif entry.parameter is not None and (entry.id, entry.parameter) not in self._originals:
                yield f"{entry.id} was run on nothing that the target file accepts it for: {entry.parameter}."
        for requirement in self.options.target.requirements:
            unknown = [id for id in requirement.checks if id not in known]
            if unknown:
                yield f"No check of this run has an id that requirement {requirement.id} names: {', '.join(unknown)}."

    def _on_found_keys(self) -> Iterator[str]:
        for level, what in self.tester.security.found_keys.items():
            yield (
                f"No key function is given for level 0x{level:02X}; {what} opens it, as was found by trying, "
                "and is the key of every check that needed one."
            )

    def seal(self, cases: Sequence[Path] = ()) -> None:
        """Write the manifest, after every other file of the run."""
        target = self.options.target
        inputs = {f"cases {'/'.join(path.parts[-3:])}": sha256_of(path) for path in cases}
        if target.path is not None:
            inputs["target"] = sha256_of(target.path)
        else:
            inputs["target"] = hashlib.sha256(repr(target.redacted()).encode()).hexdigest()
        for entry in target.security:
            file = target.folder / (entry.key or "").rpartition(":")[0]
            if file.suffix == ".py" and file.is_file():
                inputs[f"key 0x{entry.level:02X}"] = sha256_of(file)
        self.folder.seal(inputs)


def _ids_in_use(target: Target) -> set[int]:
    """Return the ids that must be heard, however busy the bus is."""
    can = target.can
    further = {can_id for one in target.connections for can_id in (one.request_id, one.response_id)}
    return {can.request_id, can.response_id, can.functional_id or can.request_id} | further


def _log_channel(target: Target) -> str:
    return "sim" if target.is_simulated else "".join(c if c.isalnum() else "_" for c in target.can.channel) or "can"
