"""Write and read the files of a run folder, the evidence of a run. Knows neither pytest nor HTML.

The files appear in this order: run.json (the run as it started), results.jsonl (each result as it ends), audit.json (all
results, once the run is over), the reports that other modules add, and last manifest.json, which seals the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO, TypeVar

from harness.errors import ShapeError, UserError
from harness.runs.findings import SCHEMA_VERSION, Finding, Run, RunInfo, plain
from harness.runs.json_shape import from_json
from harness.system import WITHOUT_SURPRISE, WITHOUT_WAITING

T = TypeVar("T")

RUN_JSON: Final = "run.json"
RESULTS_JSONL: Final = "results.jsonl"
AUDIT_JSON: Final = "audit.json"
AUDIT_HTML: Final = "audit.html"
PYTEST_HTML: Final = "pytest.html"
JUNIT_XML: Final = "junit.xml"
AUDIT_SARIF: Final = "audit.sarif"
SUMMARY_MD: Final = "summary.md"
BUS_PCAPNG: Final = "bus.pcapng"
BUS_BLF: Final = "bus.blf"
BUS_ASC: Final = "bus.asc"
BUS_LOG: Final = "bus.log"
FOUND_TOML: Final = "found.toml"
LEARNED: Final = ("model.json", "model.dot", "learn.html", "observations.jsonl")
"""Files that a run leaves besides if it learned the ECU's state machine."""
MANIFEST_JSON: Final = "manifest.json"
PRIVATE: Final = "private"
"""The folder of files that are not handed over: the original bus log, and the secrets that were removed from other files."""
SECRETS_JSONL: Final = "secrets.jsonl"
CONSOLE_TXT: Final = "console.txt"

OWN_FILES: Final = (
    RUN_JSON, RESULTS_JSONL, AUDIT_JSON, AUDIT_HTML, PYTEST_HTML, JUNIT_XML, AUDIT_SARIF, SUMMARY_MD, BUS_LOG, FOUND_TOML,
    BUS_PCAPNG, BUS_BLF, BUS_ASC, MANIFEST_JSON,
    *LEARNED, f"{PRIVATE}/{BUS_LOG}", f"{PRIVATE}/{SECRETS_JSONL}", f"{PRIVATE}/{CONSOLE_TXT}",
)  # fmt: skip
"""The files that a run may leave in its folder; a new run in the same folder removes these and nothing else."""

CAMPAIGN_FILES: Final = {
    "findings/*": r"case\.toml|replay\.py|replay\.log",
    "shards": r"campaign\.json|r\d+-s\d+\.json(\.part)?",
}
"""By folder, a pattern of the names of the files that a fuzz campaign leaves there."""

LONGEST_TARGET_NAME: Final = 60
DEEPEST_JSON: Final = 40


def default_name(started_utc: str, target_name: str) -> str:
    """Return a folder name like ``20261120T092800Z-article`` that every file system accepts, whatever the target's name."""
    moment = re.sub(r"[^0-9TZ]", "", started_utc)[:20] or "undated"
    name = re.sub(r"[^A-Za-z0-9._]+", "-", target_name)[:LONGEST_TARGET_NAME].strip("-.")
    return f"{moment}-{name or 'target'}"


class RunFolder:
    """The folder of a run in progress. No file is kept open, so that whatever was appended survives a crash."""

    def __init__(self, path: Path, info: RunInfo) -> None:
        self.path = path
        self.info = info
        self._findings: dict[tuple[str, str | None], Finding] = {}

    @classmethod
    def create(cls, path: Path, info: RunInfo, *, replaces_run: bool = False) -> RunFolder:
        """Start a run in exactly this folder; call this before anything else writes there.

        The files of an earlier run in the folder are removed if `replaces_run`. Raises UserError if there is an earlier run
        and it is not to be replaced, or if the folder holds files of another origin.
        """
        check_is_free(path, replaces_run=replaces_run)
        with _said_as_user_error(path):
            path.mkdir(parents=True, exist_ok=True)
            for name in OWN_FILES:
                (path / name).unlink(missing_ok=True)
                _part(path / name).unlink(missing_ok=True)
            _remove_campaign(path)
        folder = cls(path, info)
        folder.write_start(info)
        folder.write(RESULTS_JSONL, "")
        return folder

    @classmethod
    def reopen(cls, path: Path, info: RunInfo, kept: Iterable[Finding]) -> RunFolder:
        """Continue the run in a folder: keep only the results `kept`, and remove every file that was made from results."""
        with _said_as_user_error(path):
            for name in OWN_FILES:
                if name not in (RUN_JSON, RESULTS_JSONL, BUS_LOG, f"{PRIVATE}/{BUS_LOG}", f"{PRIVATE}/{SECRETS_JSONL}"):
                    (path / name).unlink(missing_ok=True)
        folder = cls(path, info)
        folder.write_start(info)
        folder.replace_all(kept)
        return folder

    @classmethod
    def create_new(cls, parent: Path, target_name: str, info: RunInfo) -> RunFolder:
        """Start a run in a new folder below ``parent``, called ``default_name``, with ``-2``, ``-3``… if that is taken."""
        name = default_name(info.started_utc, target_name)
        with _said_as_user_error(parent):
            parent.mkdir(parents=True, exist_ok=True)
            path, number = parent / name, 1
            while True:
                try:
                    path.mkdir()
                    break
                except FileExistsError:
                    number += 1
                    path = parent / f"{name}-{number}"
        return cls.create(path, info)

    def write_start(self, info: RunInfo) -> None:
        """Write run.json, the run as it started, which says nothing of the end.

        A folder with run.json and no other file is a run whose end is unknown.
        """
        document = _head(info)
        del document["run"]["interrupted"]
        self.write(RUN_JSON, indented_json(document))

    def append(self, *findings: Finding) -> None:
        """Write results at once. Of several results with the same id and parameter the last one counts.

        Raises UserError if they cannot be written; the file is then unchanged.
        """
        self._findings.update({(finding.id, finding.parameter): finding for finding in findings})
        rest = memoryview("".join(json.dumps(finding.as_json()) + "\n" for finding in findings).encode("ascii"))
        path = self.path / RESULTS_JSONL
        with _said_as_user_error(path), open(path, "ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                file.truncate(end)  # half a line would damage those behind it
                raise

    def finish(self, info: RunInfo) -> Run:
        """Write audit.json from the run as it ended and every appended result; return that run."""
        run = Run(info=info, findings=tuple(self._findings.values()))
        self.write_run(run)
        return run

    def write_run(self, run: Run) -> None:
        """Write audit.json from this run."""
        self.write(AUDIT_JSON, indented_json(audit_json(run)))

    def write(self, name: str, text: str) -> None:
        """Write a whole file into the folder; a reader never sees half of it."""
        with replacing(self.path / name) as part:
            part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")

    def replace_all(self, findings: Iterable[Finding]) -> None:
        """Replace the results that were appended until now by these findings."""
        self._findings = {(finding.id, finding.parameter): finding for finding in findings}
        self.write(RESULTS_JSONL, "".join(json.dumps(finding.as_json()) + "\n" for finding in self._findings.values()))

    def open_private(self, name: str) -> TextIO:
        """Create a file in the private folder, which only its owner can read."""
        path = self.path / PRIVATE / name
        with _said_as_user_error(path):
            refuse_linked_private(self.path)
            path.parent.mkdir(exist_ok=True)
            path.parent.chmod(0o700)
            path.unlink(missing_ok=True)
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            return open(number, "w", encoding="utf-8", errors="backslashreplace", newline="\n")

    def append_private(self, name: str) -> TextIO:
        """Reopen a file that `open_private` created, to append to it."""
        path = self.path / PRIVATE / name
        with _said_as_user_error(path):
            refuse_linked_private(self.path)
            number = os.open(path, os.O_WRONLY | os.O_APPEND | WITHOUT_SURPRISE)
            return open(number, "a", encoding="utf-8", errors="backslashreplace", newline="\n")

    def file_names(self) -> list[str]:
        """Return the names of the files in the folder, sorted, without those in the private folder."""
        return [name for name in _file_names(self.path) if not _is_private(name)]

    def seal(self, inputs: Mapping[str, str], **more: Any) -> None:
        """Write manifest.json, after every other file.

        ``inputs`` maps the files that the run was made from (target file, key function, cases) to their SHA-256. ``more``
        holds further entries, e.g. for a folder whose reports were made again.
        """
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "files": fingerprints(self.path),
            "inputs": dict(sorted(inputs.items())),
            **more,
        }
        self.write(MANIFEST_JSON, indented_json(manifest))


@contextmanager
def replacing(final: Path) -> Iterator[Path]:
    """Yield a temporary path, put in the place of `final` when complete. Raises UserError if it cannot be written."""
    with _said_as_user_error(final):
        try:
            _part(final).unlink(missing_ok=True)  # whatever is there, perhaps a link to another place
            yield _part(final)
            os.replace(_part(final), final)
        finally:
            _part(final).unlink(missing_ok=True)


def audit_json(run: Run) -> dict[str, Any]:
    """Return the content of audit.json."""
    return {**_head(run.info), "results": [finding.as_json() for finding in run.findings], "summary": run.summary()}


def copy_run(path: Path, to: Path) -> None:
    """Copy a run's folder to a place that does not exist yet; links are copied as links."""
    if not is_run_folder(path):
        raise _no_run_folder(path)
    with _said_as_user_error(to):
        if to.exists():
            raise UserError(f"{to}: exists already; name a new folder")
        if to.resolve().is_relative_to(path.resolve()):
            raise UserError(f"{to}: lies in the run's own folder, which is handed over; name a folder elsewhere")
        for name in _file_names(path):
            (to / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700 if _is_private(name) else 0o777)
            shutil.copy(path / name, to / name)


def fingerprints(path: Path) -> dict[str, Any]:
    """Return, by name, the size and SHA-256 of every file in a folder except the manifest."""
    return {name: _fingerprint(path / name) for name in _file_names(path) if name != MANIFEST_JSON}


def check_is_free(path: Path, *, replaces_run: bool = False) -> None:
    """Raise UserError if no run can start in this folder: it holds other files, or a run to keep, or is no folder."""
    with _said_as_user_error(path):
        refuse_linked_private(path)
        if path.exists() and not path.is_dir():
            raise UserError(f"{path}: is a file; name a folder for the run, new or empty")
        if path.is_dir() and any(path.iterdir()) and not is_run_folder(path):
            raise UserError(f"{path}: is not empty and holds no earlier run; name a new or empty folder")
        if is_run_folder(path) and not replaces_run:
            raise UserError(f"{path}: holds a run already; name a new folder, or give --force to replace that run")


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hex, for the manifest's ``inputs``."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_run_folder(path: Path) -> bool:
    """Whether a run was started in this folder, by this or another version of the harness."""
    return any((path / name).is_file() for name in (RUN_JSON, AUDIT_JSON))


def read_run(path: Path) -> Run:
    """Read the run in a folder, finished or cut short, made on this machine or another.

    A run that was killed has no audit.json: then its results until that moment are read from run.json and results.jsonl, and
    the run counts as interrupted. Raises UserError if the folder cannot be read.
    """
    if not is_run_folder(path):
        raise _no_run_folder(path)
    if (path / AUDIT_JSON).is_file():
        document = _load(path / AUDIT_JSON)
        results = document.get("results")
        if not isinstance(results, list):
            raise UserError(f"{path / AUDIT_JSON}: results is missing or no list; the file is damaged")
        found = [_parse(Finding, value, path / AUDIT_JSON, f"results[{n}]") for n, value in enumerate(results)]
        return Run(info=_info(document, path / AUDIT_JSON), findings=tuple(found))
    info = _info(_load(path / RUN_JSON), path / RUN_JSON)
    return Run(info=replace(info, interrupted=True), findings=tuple(_streamed(path / RESULTS_JSONL)))


def read_manifest(path: Path) -> dict[str, Any]:
    """Read manifest.json, whose ``files`` and ``inputs`` are tables. Raises UserError if it is missing or damaged."""
    manifest = _load(path / MANIFEST_JSON)
    for name in ("files", "inputs"):
        if not isinstance(manifest.get(name), dict):
            raise UserError(f"{path / MANIFEST_JSON}: {name} is missing or no table; the file is damaged")
    return manifest


def differences_to_manifest(path: Path) -> list[str]:
    """Return one sentence for each file that differs from manifest.json; empty if the folder is unchanged."""
    return differences(path, read_manifest(path)["files"])


def differences(path: Path, expected: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each file that differs from a table of fingerprints.

    Files in ``private/`` are not reported if the whole of ``private/`` is missing: it is not handed over.
    """
    if not (path / PRIVATE).is_dir():
        expected = {name: fingerprint for name, fingerprint in expected.items() if not _is_private(name)}
    present = set(_file_names(path)) - {MANIFEST_JSON}
    changed = [f"{name}: changed" for name in present & set(expected) if _fingerprint(path / name) != expected[name]]
    added = [f"{name}: not in the manifest" for name in present - set(expected)]
    missing = [f"{name}: missing" for name in set(expected) - present]
    return sorted(changed + added + missing)


def _head(info: RunInfo) -> dict[str, Any]:
    run = plain(info)
    return {"schema_version": SCHEMA_VERSION, "target": run.pop("target"), "run": run}


def _info(document: dict[str, Any], path: Path) -> RunInfo:
    run = document.get("run")
    if not isinstance(run, dict):
        raise UserError(f"{path}: run is missing or no table; the file is damaged")
    return _parse(RunInfo, {**run, "target": document.get("target")}, path, "run")


def _no_run_folder(path: Path) -> UserError:
    return UserError(f"{path}: is no run folder; name one that `uds-harness audit` made (it holds {AUDIT_JSON})")


def _streamed(path: Path) -> Iterator[Finding]:
    """Yield the results that were appended to results.jsonl; a last line that was cut off is left out."""
    if not os.path.lexists(path):
        return
    lines = _content(path).split(b"\n")
    kept: dict[tuple[str, str | None], Finding] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = _from_json(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                break
            raise UserError(f"{path}: line {number} is no JSON ({error}); the file is damaged") from error
        finding = _parse(Finding, value, path, f"line {number}")
        kept[finding.id, finding.parameter] = finding
    yield from kept.values()


def _load(path: Path) -> dict[str, Any]:
    try:
        document = _from_json(_content(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is no JSON ({error}); the file is damaged") from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if not isinstance(version, int):
        raise UserError(f"{path}: has no schema_version; it is no file of uds-harness")
    if version > SCHEMA_VERSION:
        raise UserError(f"{path}: schema_version is {version}, this harness reads up to {SCHEMA_VERSION}; update it")
    return dict(document)


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading. Raises UserError if it cannot be read or is no regular file (a pipe might never end)."""
    try:
        file = open(os.open(path, os.O_RDONLY | WITHOUT_WAITING), "rb")  # noqa: SIM115  (it is handed on)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise UserError(f"{path}: is no plain file; the run's folder is damaged")
    return file


def _content(path: Path) -> bytes:
    try:
        with open_file(path) as file:
            return file.read()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error


def _from_json(text: bytes) -> Any:
    """Parse a JSON text. Raises ValueError if the text is malformed, or nested deeper than any run writes."""
    value = json.loads(text)
    level = [value]
    for _ in range(DEEPEST_JSON):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return value
    raise ValueError("it is nested too deeply")


def _parse(shape: type[T], value: object, path: Path, where: str) -> T:
    try:
        return from_json(shape, value, where)
    except ShapeError as error:
        raise UserError(f"{path}: {error}; the file is damaged") from error


def _is_private(name: str) -> bool:
    return name.startswith(f"{PRIVATE}/")


def _file_names(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def refuse_linked_private(folder: Path) -> None:
    """Raise UserError if ``private/`` in a run's folder is a link or no folder, so that files in it would land elsewhere."""
    private = folder / PRIVATE
    if os.path.lexists(private) and (private.is_symlink() or not private.is_dir()):
        raise UserError(f"{private}: is no folder, or a link to one; remove it, or name another folder for the run")


def _remove_campaign(path: Path) -> None:
    """Remove the files of a fuzz campaign from a folder; follow no link, and leave files of any other origin."""
    for folder, files in CAMPAIGN_FILES.items():
        for place in path.glob(folder):
            if any(part.is_symlink() for part in (path / folder.partition("/")[0], place)):
                continue
            for file in place.iterdir() if place.is_dir() else ():
                if re.fullmatch(files, file.name):
                    file.unlink()
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
    for folder in CAMPAIGN_FILES:
        place = path / folder.partition("/")[0]
        if place.is_dir() and not place.is_symlink() and not any(place.iterdir()):
            place.rmdir()


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _fingerprint(path: Path) -> dict[str, Any]:
    try:
        return {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error


def indented_json(document: Mapping[str, Any]) -> str:
    """Return a document as indented JSON that ends with a line feed."""
    return json.dumps(document, indent=1) + "\n"


@contextmanager
def _said_as_user_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); name another folder with --out") from error
