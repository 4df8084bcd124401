"""Say once what differs between operating systems, so that nothing else imports what only POSIX or Linux has."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

WITHOUT_SURPRISE: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Flags of `os.open`: refuse a symbolic link, and do not wait for the other end of a pipe."""
WITHOUT_WAITING: Final = getattr(os, "O_NONBLOCK", 0)
"""A flag of `os.open`: do not wait for the other end of a pipe."""

ENDING_SIGNALS: Final = {
    getattr(signal, name): shown
    for name, shown in (("SIGINT", "Ctrl-C"), ("SIGTERM", "SIGTERM"), ("SIGHUP", "SIGHUP"))
    if hasattr(signal, name)
}
"""The signals that end a program, as a person knows them."""

HAS_ALARM: Final = hasattr(signal, "setitimer")
"""A timer can interrupt Python code."""
HAS_ABSTRACT_SOCKETS: Final = sys.platform == "linux" and hasattr(socket, "AF_UNIX")
"""Local sockets can have names that are no files, and that the kernel frees when their process dies."""


def state_folder() -> Path:
    """Return the user's state folder: ``$XDG_STATE_HOME/uds-harness`` or ``~/.local/state/uds-harness`` on Linux."""
    from platformdirs import user_state_path

    return user_state_path("uds-harness", appauthor=False)


def sync_folder(path: Path) -> None:
    """Have the names in a folder on the disk; Windows cannot open folders, and needs no such call."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hold_by_file(name: str) -> Callable[[], None] | None:
    """Lock a name against other processes of this user; return what frees it, or None if another process holds it.

    The lock is a file in the state folder, and is free when its process ends. Raises OSError if that cannot be written.
    """
    from hashlib import sha256

    from filelock import FileLock, Timeout

    folder = state_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / f"{sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:32]}.lock", 0)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock.release
