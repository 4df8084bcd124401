"""Let only one run or report at a time write into a run's folder; the lock ends with its process at the latest."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType

from harness.errors import UserError
from harness.system import hold_by_file


class RunLock:
    """Locks a folder from construction until `release`, or until the process ends; a missing folder is not locked.

    Raises UserError if another process runs in the folder, or makes reports there.
    """

    def __init__(self, folder: Path) -> None:
        self._free: Callable[[], None] | None = None
        if not folder.is_dir():
            return  # the caller will report what is wrong with the folder
        try:
            self._free = _held(folder) if hasattr(os, "O_DIRECTORY") else hold_by_file(f"run {folder.resolve()}")
        except OSError:  # it cannot be read, or its file system has no locks
            return
        if self._free is None:
            raise UserError(
                f"{folder}: is being written by a run that goes on; wait for its end"
                f" (for a report of what is done so far: uds-harness report {folder} --out COPY)"
            )

    def release(self) -> None:
        """Unlock the folder, so that other processes may write into it."""
        if self._free is not None:
            self._free()
            self._free = None

    def __enter__(self) -> RunLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


def _held(folder: Path) -> Callable[[], None] | None:
    """Lock the folder itself, without a lock file; return a function that unlocks it, or None if another has it."""
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return partial(os.close, descriptor)
