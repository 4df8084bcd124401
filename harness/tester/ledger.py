"""Count the wrong keys that an ECU has been sent, over all runs of a user, and enforce a limit.

One file for each user holds the counts, whatever folder or target file a run uses. The file is written under a temporary
name and renamed, under a lock file that readers take too, so that a killed process leaves the old or the new counts.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import NotRun, UserError
from harness.system import state_folder, sync_folder
from harness.target import Can, Target

Counts = dict[int, int]
"""Wrong keys by level."""

LEDGER = "wrong-keys.json"
"""The ledger's file name in the user's state folder; earlier versions kept a ledger with the reports."""

SCHEMA_VERSION = 1
LOCK_TIMEOUT_S = 30.0
LONGEST_LEDGER_BYTES = 1 << 24


class Ledger:
    """Counts wrong keys of one ECU by level. With a path, counts persist over runs; `limit` None means no limit.

    An ECU has several names: one from its interface, channel and ids, one from each further declared connection, and one
    from its serial number once that is known (`identify`). The largest of the counts under these names applies.
    `earlier_name` is the end of the names that earlier versions gave the ECU.
    """

    def __init__(
        self, path: Path | None, ecu: str, limit: int | None, *, other_names: Iterable[str] = (), earlier_name: str = ""
    ) -> None:
        """Read the counts. Raises UserError if the file at `path` is no ledger, or cannot be read."""
        self.path = path
        self._limit = limit
        self._earlier_name = earlier_name
        self._own: Counts = {}
        self._known: dict[str, Counts] = {name: {} for name in (ecu, *other_names)}
        self._earlier: Counts = {}
        if path is not None and _exists(path):
            with _locked(path):
                self._learn(_read(path))

    @property
    def where(self) -> str:
        """The path of the file, with ``~`` for the home folder; empty if the counts end with this run."""
        if self.path is None:
            return ""
        home = os.path.expanduser("~")
        path = str(self.path)
        return f"~{path.removeprefix(home)}" if home != "/" and path.startswith(f"{home}/") else path

    def spent(self, level: int) -> int:
        """Return how many wrong keys a level has been sent so far."""
        return max(counts.get(level, 0) for counts in self._known.values()) + self._earlier.get(level, 0)

    @property
    def total(self) -> int:
        """How many wrong keys all levels of this ECU have been sent so far."""
        levels = {level for counts in (*self._known.values(), self._earlier) for level in counts}
        return sum(map(self.spent, levels))

    def left(self, level: int) -> int | None:
        """Return how many more wrong keys a level may be sent; None if there is no limit."""
        return None if self._limit is None else max(self._limit - self.spent(level), 0)

    def check(self, level: int, count: int = 1) -> None:
        """Raise NotRun if `count` more wrong keys would exceed the limit."""
        if self._limit is not None and self.spent(level) + count > self._limit:
            raise NotRun(
                f"the budget of wrong keys for level 0x{level:02X} is used up: {self.spent(level)} of {self._limit} spent, "
                f"{count} more wanted; see [safety] wrong_keys in the target file"
            )

    def spend(self, level: int) -> None:
        """Count one wrong key, on disk too, before it is sent.

        Raises NotRun if no budget is left, UserError if the key cannot be counted. In both cases the key must not be sent.
        """
        self._add(level, 1, is_checked=True)

    def spend_first(self, level: int) -> None:
        """Count the first key of a key function; a budget of 0 allows it, too, if no key was ever sent to the level.

        Raises NotRun if a run sent the level keys and no budget is left, UserError if the key cannot be counted.
        """
        self._add(level, 1, is_checked=True, is_first=True)

    def count(self, level: int) -> None:
        """Count a key that has turned out to be wrong, whatever the budget. Raises UserError if it cannot be counted."""
        self._add(level, 1)

    def take_back(self, level: int) -> None:
        """Uncount the last key, which has turned out to be right. Raises UserError if this cannot be written."""
        if self._own.get(level):
            self._add(level, -1)

    def identify(self, serial: bytes) -> None:
        """Count under the ECU's serial number too, this run's keys included. Raises UserError if the file cannot be written.

        A serial number of one repeated byte is shared by many ECUs, and is ignored.
        """
        name = f"serial {serial.hex().upper()}"
        if len(set(serial)) < 2 or name in self._known:
            return
        if self.path is None:
            self._known[name] = dict(self._own)
            return
        if not self._own and not _exists(self.path):
            self._known[name] = {}
            return
        with _locked(self.path):
            content = _read(self.path) if _exists(self.path) else Content()
            self._learn(content)
            before = content.wrong_keys.get(name, {})
            self._known[name] = {level: before.get(level, 0) + self._own.get(level, 0) for level in before | self._own}
            if self._own:
                self._store(self.path, content)

    def _add(self, level: int, number: int, *, is_checked: bool = False, is_first: bool = False) -> None:
        if self.path is None:
            if is_checked and not (is_first and not self.spent(level)):
                self.check(level)
            self._change(level, number)
            return
        with _locked(self.path):
            content = _read(self.path) if _exists(self.path) else Content()
            self._learn(content)
            if is_checked and not (is_first and not self.spent(level)):
                self.check(level)
            self._change(level, number)
            self._store(self.path, content)

    def _change(self, level: int, number: int) -> None:
        for counts in (self._own, *self._known.values()):
            counts[level] = max(counts.get(level, 0) + number, 0)

    def _learn(self, content: Content) -> None:
        """Take the larger of the file's counts and those of this run, as somebody may have deleted the file."""
        for name in self._known:
            self._known[name] = dict(content.wrong_keys.get(name, {}))
            _raise_to(self._known[name], self._own)
        self._earlier = {}
        for ecus in content.earlier.values():
            for name, counts in ecus.items():
                if self._earlier_name and name.endswith(f" {self._earlier_name}"):
                    for level, number in counts.items():
                        self._earlier[level] = self._earlier.get(level, 0) + number

    def _store(self, path: Path, content: Content) -> None:
        for name, counts in self._known.items():
            content.wrong_keys[name] = dict(counts)
        _write(path, content)


@dataclass(slots=True)
class Content:
    """The content of the ledger's file."""

    wrong_keys: dict[str, Counts] = field(default_factory=dict)
    """The counts of wrong keys by level, under each name of an ECU."""
    earlier: dict[str, dict[str, Counts]] = field(default_factory=dict)
    """By path, ledgers of earlier versions that were imported."""


def ledger_of(target: Target, path: Path | None) -> Ledger:
    """Return the ledger of the ECU that a target describes. Raises UserError if the file at `path` is no ledger."""
    can = target.can
    earlier_name = f"{can.interface}:{can.channel} {can.request_id:X}"
    others = [_name(can, entry.request_id, entry.response_id) for entry in target.connections]
    name = _name(can, can.request_id, can.response_id)
    return Ledger(path, name, target.safety.wrong_keys, other_names=others, earlier_name=earlier_name)


def ledger_path(target: Target, reports: Path) -> Path | None:
    """Return where a target's wrong keys are counted over all runs; None for a simulated ECU.

    Counts that an earlier version kept in `reports` are imported first. Raises UserError if a file is no ledger.
    """
    if target.is_simulated:
        return None
    path = state_folder() / LEDGER
    take_over(path, reports / LEDGER)
    return path


def take_over(path: Path, earlier: Path) -> None:
    """Import a ledger of an earlier version into the ledger at `path`; counts that were imported before are not added again.

    Raises UserError if one of the two files is no ledger, or `path` cannot be written.
    """
    if not _exists(earlier):
        return
    found = {name: _counts(levels, earlier) for name, levels in _document(earlier).items()}
    with _locked(path):
        content = _read(path) if _exists(path) else Content()
        kept = content.earlier.setdefault(str(earlier.resolve()), {})
        before = {name: dict(counts) for name, counts in kept.items()}
        for name, counts in found.items():
            _raise_to(kept.setdefault(name, {}), counts)
        if kept != before:
            _write(path, content)


def _name(can: Can, request_id: int, response_id: int) -> str:
    width = 8 if can.extended_ids is True or request_id > 0x7FF else 3
    return f"{can.interface}:{can.channel} {request_id:0{width}X}/{response_id:0{width}X}"


def _raise_to(counts: Counts, others: Mapping[int, int]) -> None:
    for level, number in others.items():
        counts[level] = max(counts.get(level, 0), number)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock the ledger at `path` against other processes during the block."""
    from filelock import FileLock, Timeout

    lock = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _refuse_odd(lock)
        with FileLock(
            lock, LOCK_TIMEOUT_S, mode=0o600, poll_interval=0.001, fallback_to_soft=False, preserve_lock_file=True
        ):
            yield
    except Timeout:
        raise UserError(
            f"{lock}: another process has held the ledger of wrong keys for {LOCK_TIMEOUT_S:g} s; see: fuser -v {lock}"
        ) from None
    except OSError as error:
        raise UserError(
            f"{path}: the ledger of wrong keys cannot be written: {error.strerror or error}; "
            "make its folder writable, or name another one with XDG_STATE_HOME"
        ) from error


def _exists(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:
        return False


def _refuse_odd(path: Path) -> None:
    """Raise UserError if the path is no regular file: reading e.g. a pipe would never end."""
    if _exists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise UserError(f"{path}: is no plain file; remove it, and see who put it there")


def _read(path: Path) -> Content:
    document = _document(path)
    ours, others = document.get("wrong_keys"), document.get("earlier")
    if not isinstance(ours, dict) or not isinstance(others, dict):
        raise _damaged(path, "wrong_keys or earlier is missing or no table")
    if document.get("schema_version") != SCHEMA_VERSION:
        raise _damaged(path, f"its schema_version is not {SCHEMA_VERSION}; another version of the harness wrote it")
    earlier = {}
    for name, ecus in others.items():
        if not isinstance(ecus, dict):
            raise _damaged(path, f"earlier.{name} is no table")
        earlier[name] = {ecu: _counts(levels, path) for ecu, levels in ecus.items()}
    return Content({ecu: _counts(levels, path) for ecu, levels in ours.items()}, earlier)


def _document(path: Path) -> dict[str, object]:
    try:
        _refuse_odd(path)
        with open(path, "rb") as file:
            text = file.read(LONGEST_LEDGER_BYTES + 1)
        if len(text) > LONGEST_LEDGER_BYTES:
            raise ValueError("it is far too long")
        if not text.strip():
            raise ValueError("it is empty")
        document = json.loads(text.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(document, dict):
        raise _damaged(path, "it is no table")
    return document


def _counts(levels: object, path: Path) -> Counts:
    counts: Counts = {}
    for level, count in levels.items() if isinstance(levels, dict) else ():
        try:
            number = int(level, 0)
        except ValueError:
            raise _damaged(path, f"{ascii(level)[:40]} is no level") from None
        if type(count) is not int or not 0 <= count < 1 << 63:
            raise _damaged(path, f"level {number:#x} has no count of wrong keys")
        counts[number] = max(counts.get(number, 0), count)
    if not isinstance(levels, dict):
        raise _damaged(path, "an ECU has no table of levels")
    return counts


def _damaged(path: Path, what: str) -> UserError:
    line = " ".join(what.split())
    return UserError(
        f"{path}: the ledger of wrong keys cannot be read ({line}); "
        "mend it, or move it away if no ECU it speaks of is in use"
    )


def _write(path: Path, content: Content) -> None:
    """Replace the old file by a new one at once, so that a killed process leaves one of them whole."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "wrong_keys": _plain(content.wrong_keys),
        "earlier": {name: _plain(ecus) for name, ecus in sorted(content.earlier.items())},
    }
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)  # left by a killed process, or a link placed by somebody
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(document, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync_folder(path.parent)


def _plain(ecus: Mapping[str, Counts]) -> dict[str, dict[str, int]]:
    return {ecu: {hex(level): counts[level] for level in sorted(counts)} for ecu, counts in sorted(ecus.items())}
