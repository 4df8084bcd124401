"""Make a run's reports again from its folder alone, on any machine, and record this in the manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from harness.errors import UserError
from harness.report.captures import CAPTURES, write_captures
from harness.report.files import write_reports
from harness.runs.findings import Run
from harness.runs.folder import (
    AUDIT_JSON,
    BUS_LOG,
    MANIFEST_JSON,
    RESULTS_JSONL,
    RUN_JSON,
    RunFolder,
    differences,
    fingerprints,
    read_manifest,
    read_run,
)
from harness.runs.redaction import redact_log

EVIDENCE: Final = (RUN_JSON, RESULTS_JSONL, AUDIT_JSON, BUS_LOG)
"""The files from which reports are made, and which a rebuild leaves as they are; all in ``private/`` belongs to them."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The result of a rebuild."""

    run: Run
    written: tuple[str, ...]
    """Files that are new or have changed."""
    unchanged: tuple[str, ...]
    doubts: tuple[str, ...]
    """Evidence that has changed since the run ended, e.g. ``bus.log: changed``."""


def rebuild(path: Path, *, captures: Sequence[str], now_utc: str, version: str) -> Rebuilt:
    """Write every report, and the bus log in these and all earlier formats, over existing files; keep the evidence as it is.

    A run that was killed gets the files that its end would have written. If the evidence was changed, the reports say so.
    Raises UserError if there is no run, it is damaged, or the folder cannot be written; existing files then stay.
    """
    run = read_run(path)
    sealed = read_manifest(path) if (path / MANIFEST_JSON).exists() else None
    original = _original(path, sealed)
    before = fingerprints(path)
    doubts = tuple(one for one in differences(path, original) if _is_evidence(one)) if original else ()
    folder = RunFolder(path, run.info)
    remark = "" if (path / BUS_LOG).is_file() else redact_log(path)
    if not (path / AUDIT_JSON).is_file():
        run = replace(run, info=replace(run.info, remarks=(*run.info.remarks, *filter(None, [remark]))))
        folder.write_run(run)
    earlier = [kind for kind, (name, _) in CAPTURES.items() if (path / name).is_file() and (path / BUS_LOG).is_file()]
    write_captures(path, [*earlier, *captures])
    write_reports(folder, _doubted(run, doubts))
    after = fingerprints(path)
    written = tuple(name for name in after if after[name] != before.get(name) and name != MANIFEST_JSON)
    earlier_times = sealed.get("rebuilt", []) if sealed else []
    this_time = {"utc": now_utc, "version": version, "written": list(written), "evidence_changed": list(doubts)}
    folder.seal(sealed["inputs"] if sealed else {}, sealed_first=original, rebuilt=[*earlier_times, this_time])
    return Rebuilt(run, written, tuple(name for name in after if name not in written and name != MANIFEST_JSON), doubts)


def _original(path: Path, sealed: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the fingerprints that the run itself wrote; None if the run was killed before it wrote any."""
    if sealed is None:
        return None
    original = sealed.get("sealed_first", sealed["files"])
    if not isinstance(original, dict | None) or not isinstance(sealed.get("rebuilt", []), list):
        raise UserError(f"{path / MANIFEST_JSON}: sealed_first or rebuilt is of the wrong kind; the file is damaged")
    return original


def _is_evidence(difference: str) -> bool:
    return difference.partition(":")[0] in EVIDENCE or difference.startswith("private/")


def _doubted(run: Run, doubts: Sequence[str]) -> Run:
    if not doubts:
        return run
    remark = f"This report was made from files that are no longer as the run left them ({'; '.join(doubts)})."
    return replace(run, info=replace(run.info, remarks=(*run.info.remarks, remark)))
