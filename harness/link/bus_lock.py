"""Keep a bus to one run at a time, whoever started it."""

from __future__ import annotations

import errno
import os
import pwd
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from harness.errors import UserError
from harness.link.clock import RealClock


class Waiting(Protocol):
    """A clock that time is let pass by."""

    def now_s(self) -> float:
        """Seconds that only grow."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


_CREDENTIALS = struct.Struct("3i")
"""Linux's ``struct ucred``: process, user, group."""
MOST_WAITING = 4096
LOOK_S = 0.5
"""How often a bus that is waited for is looked at."""
LONGEST_NAME_BYTES = 100
"""Linux allows 107 bytes for the name of a socket."""


class BusLock:
    """Held from its making until `release`, or until the process ends. UserError: another run holds it.

    It is a name in Linux's abstract socket namespace, which is that of the network interfaces: every user of this machine
    sees it, whatever their environment, no file can stand in its place, and the kernel frees it when its holder dies.
    """

    def __init__(self, bus: str) -> None:
        name = abstract_name(f"uds-harness-bus-{bus}")
        waited_for = _waited_for.pop(name, None)
        if waited_for is not None:
            self._socket = waited_for
            return
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.bind(name)
            self._socket.listen(MOST_WAITING)
        except OSError as error:
            self._socket.close()
            if error.errno == errno.EADDRINUSE:
                raise BusInUse(f"{bus}: another run uses this bus ({holder_of(name)}); wait for it to end") from None
            raise UserError(f"{bus}: cannot tell whether another run uses this bus ({error.strerror})") from error

    def release(self) -> None:
        """Let the next run have the bus."""
        self._socket.close()

    def keep_for_later(self, bus: str) -> None:
        """Hold it for the next `BusLock` that this process makes for the same bus, or until the process ends."""
        _waited_for[abstract_name(f"uds-harness-bus-{bus}")] = self._socket


_waited_for: dict[bytes, socket.socket] = {}


class BusInUse(UserError):
    """Another run holds the bus."""


def wait_for_bus(bus: str, longest_s: float, say: Callable[[str], None], clock: Waiting | None = None) -> None:
    """Wait until nobody uses a bus, and hold it for the run that follows. UserError: it is still used after so long.

    `say` is told once who is waited for.
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


def abstract_name(text: str) -> bytes:
    """The address of a socket that has no file; of a text that is too long, the beginning and a hash of it all."""
    name = b"\0" + text.encode("utf-8", "backslashreplace")
    if len(name) > LONGEST_NAME_BYTES:
        from hashlib import sha256

        name = name[: LONGEST_NAME_BYTES - 20] + sha256(name).hexdigest()[:20].encode()
    return name


def holder_of(name: bytes) -> str:
    """Which process holds an abstract socket, of whom and for how long, as far as the kernel tells."""
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
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _age(process: int) -> str:
    """How long a process has been running, from /proc alone."""
    try:
        uptime_s = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        ticks = int(status.rpartition(")")[2].split()[19])
        age_s = uptime_s - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return ""
    return f", running for {age_s / 60:.0f} min" if age_s >= 60 else f", running for {max(age_s, 0):.0f} s"
