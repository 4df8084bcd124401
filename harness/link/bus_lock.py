"""Let only one run at a time use a bus, no matter which user started the other."""

import errno
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from harness.errors import UserError
from harness.link.clock import RealClock
from harness.system import HAS_ABSTRACT_SOCKETS, hold_by_file

_CREDENTIALS = struct.Struct("3i")
"""The layout of Linux's ``struct ucred``: process, user, group."""
MOST_WAITING = 4096
LOOK_S = 0.5
"""The seconds between two attempts to lock a bus that is in use."""
LONGEST_NAME_BYTES = 100
"""The longest name that is used for a socket, in bytes; Linux allows 107."""


class BusLock:
    """A lock on a bus, from its creation until `release` or the end of the process. Raises UserError if the bus is locked.

    The lock is a name in Linux's abstract socket namespace, which belongs to the network interfaces: every user of this
    computer sees the name, no file can take its place, and the kernel frees it when its process ends. On other systems the
    lock is a locked file in the user's state folder, which other users do not see.
    """

    def __init__(self, bus: str) -> None:
        name = abstract_name(f"uds-harness-bus-{bus}")
        try:
            free = _waited_for.pop(name, None) or _held(bus, name)
        except OSError as error:
            raise UserError(f"{bus}: cannot tell whether another run uses this bus ({error.strerror})") from error
        if free is None:
            holder = holder_of(name) if HAS_ABSTRACT_SOCKETS else "the system does not tell which"
            raise BusInUse(f"{bus}: another run uses this bus ({holder}); wait for it to end")
        self._free = free

    def release(self) -> None:
        """Release the bus."""
        self._free()

    def keep_for_later(self, bus: str) -> None:
        """Keep the lock for the next `BusLock` that this process makes for the same bus, or until the process ends."""
        _waited_for[abstract_name(f"uds-harness-bus-{bus}")] = self._free


_waited_for: dict[bytes, Callable[[], None]] = {}
"""The functions that release the buses kept by `BusLock.keep_for_later`."""


def _held(bus: str, name: bytes) -> Callable[[], None] | None:
    """Lock a bus; return the function that frees it, or None if another process has it."""
    if not HAS_ABSTRACT_SOCKETS:
        return hold_by_file(bus)
    holder = listening_at(name)
    return None if holder is None else holder.close


class BusInUse(UserError):
    """Raised if another run uses the bus."""


def wait_for_bus(bus: str, longest_s: float, say: Callable[[str], None], clock: RealClock | None = None) -> None:
    """Wait until no run uses a bus, and lock it for the next. Raises UserError if it is in use after `longest_s`.

    `say` is called once with a description of the process that holds the bus.
    """
    clock = clock or RealClock()
    until_s, has_said = clock.now_s() + longest_s, False
    while True:
        try:
            BusLock(bus).keep_for_later(bus)
            return
        except BusInUse as error:
            if clock.now_s() >= until_s:
                raise
            if not has_said:
                say(f"{str(error).removesuffix('; wait for it to end')}; waiting for it to end")
                has_said = True
        clock.sleep(LOOK_S)


def listening_at(name: bytes) -> socket.socket | None:
    """Bind an abstract name; return the socket that holds it until it is closed, or None if another process holds it."""
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind(name)
        holder.listen(MOST_WAITING)
    except OSError as error:
        holder.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return holder


def abstract_name(text: str) -> bytes:
    """Return the address of a socket without a file. A text that is too long is cut, and a hash of the whole is added."""
    name = b"\0" + text.encode("utf-8", "backslashreplace")
    if len(name) > LONGEST_NAME_BYTES:
        from hashlib import sha256

        name = name[: LONGEST_NAME_BYTES - 20] + sha256(name).hexdigest()[:20].encode()
    return name


def holder_of(name: bytes) -> str:
    """Describe the process that holds an abstract socket: its user and age, as far as the kernel tells."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        visitor.setblocking(False)
        try:
            visitor.connect(name)
            process, user, _ = _CREDENTIALS.unpack(
                visitor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            )
        except OSError:
            return "it does not tell which"
    if not process:
        return "a process in another container"
    return f"process {process} of {_user_name(user)}{_age(process)}"


def _user_name(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _age(process: int) -> str:
    """Return how long a process has been running, from /proc alone."""
    try:
        uptime_s = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        ticks = int(status.rpartition(")")[2].split()[19])
        age_s = uptime_s - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return ""
    return f", running for {age_s / 60:.0f} min" if age_s >= 60 else f", running for {max(age_s, 0):.0f} s"
