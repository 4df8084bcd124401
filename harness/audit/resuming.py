"""Continue an interrupted run in its own folder: keep the results that were judged, and run the other checks."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.audit.contact import NOT_BEGUN
from harness.errors import UserError
from harness.report.conclusion import DESELECTED
from harness.runs.findings import Finding, RunInfo
from harness.runs.folder import BUS_LOG, FOUND_TOML, PRIVATE, SECRETS_JSONL, read_run
from harness.system import WITHOUT_SURPRISE
from harness.verdict import Verdict

ENDED_TOO_EARLY: Final = "the run ended before"
"""Words that occur in the reason of a result which was still waiting when the run ended."""

_TIME: Final = re.compile(rb"\((\d+\.\d+)\)")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that was interrupted before its end."""

    folder: Path
    info: RunInfo
    kept: tuple[Finding, ...]
    """The results that were judged and written; all other checks are run again."""
    frames: int
    """How many frames the run's bus log holds."""
    last_s: float
    """The time of the last frame in the bus log, in seconds."""

    def refuse_another(self, info: RunInfo) -> None:
        """Raise UserError if the new run differs from the interrupted run in something that affects results."""

        def differing(one: RunInfo) -> dict[str, object]:
            return {
                "target": json.dumps(one.target, sort_keys=True),
                "seed": one.seed,
                "depth": one.depth,
                "version": f"{one.versions.get('uds-harness', '')} {one.commit}".strip(),
            }

        begun = differing(self.info)
        for name, new in differing(info).items():
            if begun[name] != new:
                told = f" ({begun[name]}, and now {new})" if name != "target" else ""
                raise UserError(f"{self.folder}: cannot go on, its {name} is another one now{told}; begin a new run")


def unfinished_run(folder: Path) -> Unfinished:
    """Read the run in a folder, and cut its files to whole lines.

    Raises UserError if there is no run, the run has ended or discovered its ECU, or a file to continue from is missing.
    """
    run = read_run(folder)
    if not run.info.interrupted:
        raise UserError(f"{folder}: this run has come to its end; there is nothing to go on with")
    if (folder / FOUND_TOML).is_file():
        raise UserError(
            f"{folder}: the ECU of this run was discovered first, and may be mapped otherwise now; begin a new run"
        )
    log = folder / BUS_LOG if run.info.keeps_secrets else folder / PRIVATE / BUS_LOG
    if not log.is_file():
        raise UserError(f"{folder}: {log.relative_to(folder)} is missing; a run goes on where it was made")
    frames, last_line = _cut_to_whole_lines(log)
    if not run.info.keeps_secrets:
        _cut_to_whole_lines(folder / PRIVATE / SECRETS_JSONL)
    match = _TIME.match(last_line)
    kept = tuple(one for one in run.findings if _stands(one))
    return Unfinished(folder, run.info, kept, frames, float(match[1]) if match else 0.0)


def _stands(finding: Finding) -> bool:
    """Whether a result is kept: it is no error, and its check was selected and was not cut short."""
    is_cut_short = finding.reason.startswith(NOT_BEGUN) or ENDED_TOO_EARLY in finding.reason
    return finding.verdict is not Verdict.ERROR and finding.reason != DESELECTED and not is_cut_short


def _cut_to_whole_lines(path: Path) -> tuple[int, bytes]:
    """Cut a file after its last whole line; return how many lines the file then has, and the last line."""
    count, end, last = 0, 0, b""
    try:
        with open(os.open(path, os.O_RDWR | WITHOUT_SURPRISE), "r+b") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                count, end, last = count + 1, end + len(line), line
            file.truncate(end)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; the run cannot go on") from error
    return count, last
