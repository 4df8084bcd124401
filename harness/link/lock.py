"""Who uses a bus: one run at a time, whoever started it."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

from harness.errors import UserError


class BusLock:
    """Held from its making until `release`, or until the process ends. UserError: another run holds it."""

    def __init__(self, bus: str) -> None:
        path = lock_path(bus)
        try:
            self._descriptor = _open(path)
        except OSError as error:
            raise UserError(f"{bus}: cannot tell whether another run uses this bus ({error}); delete {path}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise UserError(f"{bus}: another run uses this bus ({path}); wait for it to end") from error

    def release(self) -> None:
        """Let the next run have the bus."""
        os.close(self._descriptor)


def lock_path(bus: str) -> Path:
    """The file that a bus's lock is on."""
    return Path(tempfile.gettempdir()) / f"uds-harness-{''.join(c if c.isalnum() else '-' for c in bus)}.lock"


def _open(path: Path) -> int:
    """A file in a folder that users share: one that somebody else made can be locked, if not written."""
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return os.open(path, os.O_RDONLY | os.O_CREAT, 0o666)
