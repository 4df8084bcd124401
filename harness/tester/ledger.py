"""How many wrong keys an ECU has been given, over all runs, and when that is enough."""

from __future__ import annotations

import json
from pathlib import Path

from harness.errors import UserError
from harness.outcome import NotRun


class Ledger:
    """Counts wrong keys by ECU and level. With a path, it remembers over runs; `limit` None is no limit."""

    def __init__(self, path: Path | None, ecu: str, limit: int | None) -> None:
        self._path = path
        self._ecu = ecu
        self._limit = limit
        self._all: dict[str, dict[str, int]] = self._read() if path is not None and path.exists() else {}
        self._spent = {int(level, 0): count for level, count in self._all.get(ecu, {}).items()}

    def _read(self) -> dict[str, dict[str, int]]:
        assert self._path is not None
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            return {
                str(ecu): {hex(int(level, 0)): int(count) for level, count in levels.items()}
                for ecu, levels in content.items()
            }
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise UserError(
                f"{self._path}: the ledger of wrong keys cannot be read ({error}); "
                "mend it, or move it away if no ECU it speaks of is in use"
            ) from error

    def spent(self, level: int) -> int:
        """Wrong keys sent to a level so far."""
        return self._spent.get(level, 0)

    @property
    def total(self) -> int:
        """Wrong keys sent to all levels of this ECU so far."""
        return sum(self._spent.values())

    def check(self, level: int, count: int = 1) -> None:
        """Raise NotRun if `count` more wrong keys would pass the limit."""
        if self._limit is not None and self.spent(level) + count > self._limit:
            raise NotRun(
                f"the budget of wrong keys for level 0x{level:02X} is used up: {self.spent(level)} of {self._limit} spent, "
                f"{count} more wanted; see [safety] wrong_keys in the target file"
            )

    def spend(self, level: int) -> None:
        """Count one wrong key, on disk too, before it is sent."""
        self.check(level)
        self._spent[level] = self.spent(level) + 1
        if self._path is not None:
            self._all[self._ecu] = {hex(known): count for known, count in self._spent.items()}
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".tmp")
            fresh.write_text(json.dumps(self._all, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            fresh.replace(self._path)
