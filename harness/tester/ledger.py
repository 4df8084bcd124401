"""How many wrong keys an ECU has been given, over all runs, and when that is enough."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

from harness.errors import UserError
from harness.outcome import NotRun
from harness.target import Target

Counts = dict[str, dict[str, int]]

LEDGER = "wrong-keys.json"
"""Its file, beside the reports."""


class Ledger:
    """Counts wrong keys by ECU and level. With a path, it remembers over runs; `limit` None is no limit."""

    def __init__(self, path: Path | None, ecu: str, limit: int | None) -> None:
        self._path = path
        self._ecu = ecu
        self._limit = limit
        self._spent: dict[int, int] = {}
        if path is not None and path.exists():
            self._spent = {int(level, 0): count for level, count in _read(path).get(ecu, {}).items()}

    def spent(self, level: int) -> int:
        """Wrong keys sent to a level so far."""
        return self._spent.get(level, 0)

    @property
    def total(self) -> int:
        """Wrong keys sent to all levels of this ECU so far."""
        return sum(self._spent.values())

    def left(self, level: int) -> int | None:
        """How many more wrong keys a level may be sent; None: there is no limit."""
        return None if self._limit is None else max(self._limit - self.spent(level), 0)

    def check(self, level: int, count: int = 1) -> None:
        """Raise NotRun if `count` more wrong keys would pass the limit."""
        if self._limit is not None and self.spent(level) + count > self._limit:
            raise NotRun(
                f"the budget of wrong keys for level 0x{level:02X} is used up: {self.spent(level)} of {self._limit} spent, "
                f"{count} more wanted; see [safety] wrong_keys in the target file"
            )

    def spend(self, level: int) -> None:
        """Count one wrong key, on disk too, before it is sent. NotRun: there is no budget left."""
        self.check(level)
        self.count(level)

    def count(self, level: int) -> None:
        """Count a key that has turned out to be wrong, whatever the budget."""
        self._spent[level] = self.spent(level) + 1
        self._save()

    def _save(self) -> None:
        if self._path is not None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._write(self._path)
            except OSError as error:
                raise UserError(f"{self._path}: the ledger of wrong keys cannot be written: {error}") from error

    def take_back(self, level: int) -> None:
        """The last key that was counted has turned out to be right."""
        self._spent[level] = max(self.spent(level) - 1, 0)
        self._save()

    def _write(self, path: Path) -> None:
        """Put this ECU's counts into the file, beside what runs on other buses have put there meanwhile."""
        with open(path, "a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            counts = _read(path) if path.stat().st_size else {}
            counts[self._ecu] = {hex(level): count for level, count in self._spent.items()}
            file.seek(0)
            file.truncate()
            file.write(json.dumps(counts, indent=1, sort_keys=True) + "\n")


def ledger_of(target: Target, path: Path | None) -> Ledger:
    """The ledger of the ECU that a target describes. UserError: the file at `path` is no ledger."""
    can = target.can
    return Ledger(path, f"{target.name} {can.interface}:{can.channel} {can.request_id:X}", target.safety.wrong_keys)


def ledger_path(target: Target, reports: Path) -> Path | None:
    """Where a target's wrong keys are counted over all runs; None: those of a simulated ECU are not."""
    return None if target.is_simulated else reports / LEDGER


def _read(path: Path) -> Counts:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        counts = {
            str(ecu): {hex(int(level, 0)): int(count) for level, count in levels.items()} for ecu, levels in content.items()
        }
        if any(count < 0 for levels in counts.values() for count in levels.values()):
            raise ValueError("a count is below zero")
    except (OSError, ValueError, AttributeError, TypeError, OverflowError, RecursionError) as error:
        raise UserError(
            f"{path}: the ledger of wrong keys cannot be read ({error}); "
            "mend it, or move it away if no ECU it speaks of is in use"
        ) from error
    return counts
