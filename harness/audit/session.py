"""One run from opening the bus to sealing its folder: everything about an audit that is not pytest's."""

from __future__ import annotations

import getpass
import hashlib
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from harness.audit.measurements import Measurements
from harness.audit.opening import open_tester
from harness.audit.runner import Runner
from harness.errors import LinkError
from harness.link.clock import RealClock, utc_text
from harness.link.trace import Trace
from harness.report.files import write_reports
from harness.run import Depth, Finding, Run, RunInfo, Verdict
from harness.run_folder import BUS_LOG, RunFolder, sha256_of
from harness.target import QUIRKS, Target

LEDGER = "wrong-keys.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """What the user asked for."""

    target: Target
    seed: int
    depth: Depth = Depth.DEFAULT
    out: Path | None = None
    reports: Path = Path("reports")
    command: str = "uds-harness audit"
    """The command that repeats the run, but for what it selected."""
    selection: str = ""
    """What it selected, as options of that command."""
    checks: tuple[Path, ...] = ()
    """Files and folders of the user's own checks."""


class AuditSession:
    """Opens the bus and the run folder, and keeps what every check shares."""

    def __init__(self, options: AuditOptions) -> None:
        """UserError: the interface, key functions, ledger or folder; nothing has been sent then."""
        self.options = options
        target = options.target
        ledger_path = None if target.is_simulated else options.reports / LEDGER
        trace = Trace(channel=_log_channel(target))
        self._no_longer_failing: list[str] = []
        self.tester = open_tester(target, seed=options.seed, trace=trace, ledger_path=ledger_path)
        self._link = self.tester.link
        try:
            self._clock = RealClock()
            info = self._info()
            if options.out is not None:
                self.folder = RunFolder.create(options.out, info)
            else:
                self.folder = RunFolder.create_new(options.reports, target.name, info)
            self._log = open(self.folder.path / BUS_LOG, "w", encoding="ascii")  # noqa: SIM115  (closed in `close`)
        except BaseException:
            self._link.close()
            raise
        trace.write_to(self._log)
        self.info = info
        self.measure = Measurements(self.tester, options.depth)
        self.runner = Runner(self.tester)

    def _info(self) -> RunInfo:
        target, options = self.options.target, self.options
        remarks = []
        if not self._link.confirms_sending:
            remarks.append(
                f"The adapter ({target.can.interface}) does not confirm that frames were sent: "
                "silence may be the adapter's and not the ECU's."
            )
        return RunInfo(
            target={**target.redacted(), "path": target.path.name if target.path else None},
            environment=target.environment,
            seed=options.seed,
            depth=options.depth.value,
            started_utc=utc_text(self._clock.utc_s()),
            command=f"{options.command} {options.selection}".strip(),
            operator=_operator(),
            versions=_versions(),
            quirks=tuple(f"{quirk}: {QUIRKS[quirk]}" for quirk in target.quirks),
            remarks=tuple(remarks),
        )

    def keep(self, finding: Finding) -> Finding:
        """Write a result down, with the user's acceptance of it if there is one that has not expired."""
        reason = self._accepted_reason(finding)
        if reason and finding.verdict is Verdict.FAIL:
            finding = replace(finding, accepted=reason)
        elif reason and finding.verdict is Verdict.PASS:
            self._no_longer_failing.append(f"{finding.id} is accepted by the target file ({reason}) but no longer fails.")
        self.tester.trace.flush()
        self.folder.append(finding)
        return finding

    def _accepted_reason(self, finding: Finding) -> str:
        today = self.info.started_utc[:10]
        for entry in self.options.target.accepted:
            if entry.id == finding.id and (entry.expires is None or entry.expires.isoformat() >= today):
                return entry.reason
        return ""

    def finish(self, *, interrupted: bool) -> Run:
        """Leave the ECU restored as far as it answers, close the bus, and write audit.json and audit.html."""
        remarks = [*self.info.remarks, *dict.fromkeys(self._no_longer_failing)]
        if self._link.lost_frames:
            remarks.append(f"{self._link.lost_frames} frames were lost on their way from the adapter.")
        try:
            if self.tester.exchange_count:
                self.tester.restore()
        except Exception as error:  # the run must end with what it measured, whatever the ECU or adapter does now
            remarks.append(f"The ECU could not be restored at the end: {error}")
        try:
            self._link.close()
        except (LinkError, OSError) as error:
            remarks.append(f"The bus did not close cleanly: {error}")
        self._log.close()
        info = replace(
            self.info,
            finished_utc=utc_text(self._clock.utc_s()),
            interrupted=interrupted,
            remarks=tuple(remarks),
            console=self._without_secrets(self._link.console()),
            counts={
                "frames": self.tester.trace.count,
                "exchanges": self.tester.exchange_count,
                "wrong_keys": self.tester.security.wrong_keys_sent,
            },
            profiles=tuple(self.measure.profiles),
        )
        run = self.folder.finish(info)
        write_reports(self.folder, run)
        return run

    def _without_secrets(self, text: str) -> str:
        """What an ECU printed, the target's secrets replaced however they are usually written."""
        for entry in self.options.target.security:
            if entry.secret is not None:
                secret = entry.secret.reveal()
                pattern = r"[\s:,-]*(?:0x)?".join(f"{byte:02x}" for byte in secret)
                number = str(int.from_bytes(secret, "big"))
                text = re.sub(pattern, "(redacted)", text, flags=re.IGNORECASE).replace(number, "(redacted)")
        return text

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


def _log_channel(target: Target) -> str:
    return "sim" if target.is_simulated else "".join(c if c.isalnum() else "_" for c in target.can.channel) or "can"


def _operator() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("uds-harness", "scapy", "python-can", "pytest")}
    return {**packages, "python": platform.python_version(), "kernel": f"{platform.system()} {platform.release()}"}
