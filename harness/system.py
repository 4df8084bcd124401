"""Define once what differs between operating systems, so that no other module imports what only POSIX or Linux has."""

import os
import shlex
import shutil
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
"""The signals that end a program, each with the name that a person knows."""

HAS_ALARM: Final = hasattr(signal, "setitimer")
"""Whether a timer can interrupt Python code."""
HAS_ABSTRACT_SOCKETS: Final = sys.platform == "linux" and hasattr(socket, "AF_UNIX")
"""Whether the kernel has names for local sockets apart from files, and frees such a name when its process ends."""


def state_folder() -> Path:
    """Return the user's state folder: ``$XDG_STATE_HOME/uds-harness`` or ``~/.local/state/uds-harness`` on Linux."""
    from platformdirs import user_state_path

    return user_state_path("uds-harness", appauthor=False)


def own_command() -> str:
    """Return the command that calls this program: ``uds-harness``, or its path if the PATH has none or another one."""
    called = Path(sys.argv[0]) if sys.argv else Path()
    on_path = shutil.which("uds-harness")
    if called.name == "__main__.py" and called.parent.name == "harness":
        here = Path(sys.executable).with_name("uds-harness")
        is_on_path = on_path is not None and Path(on_path).parent == here.parent
        return "uds-harness" if is_on_path else f"{shlex.quote(_from_here(sys.executable))} -m harness"
    if called.stem != "uds-harness" or not called.is_file() or (on_path is not None and called.samefile(on_path)):
        return "uds-harness"
    return shlex.quote(_from_here(sys.argv[0]))


def extra_command(extra: str) -> str:
    """Return the command that installs an extra of this program; in a clone, the command for the clone comes first."""
    clone = Path(__file__).parents[1]
    from_index = f"pip install 'uds-harness[{extra}]'"
    if not (clone / "pyproject.toml").is_file():
        return f"{shlex.quote(sys.executable)} -m {from_index}"
    python, here = shlex.quote(_from_here(sys.executable)), shlex.quote(f"{_from_here(str(clone))}[{extra}]")
    return f"{python} -m pip install -e {here}, or outside this clone: {from_index}"


def _from_here(path: str) -> str:
    """Return a path relative to the working folder if it lies below that folder, else unchanged."""
    try:
        return str(Path(os.path.abspath(path)).relative_to(Path.cwd()))
    except (OSError, ValueError):
        return path


def sync_folder(path: Path) -> None:
    """Write the names in a folder to the disk; do nothing on Windows, which cannot open folders and needs no such call."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hold_by_file(name: str) -> Callable[[], None] | None:
    """Lock a name against other processes of this user; return a function that frees it, or None if another process has it.

    The lock is a file in the state folder, and ends with its process. Raises OSError if the file cannot be written.
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
