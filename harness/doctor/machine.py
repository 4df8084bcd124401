"""Where does a Linux machine tell of its CAN hardware? Everything that is looked at has its root here."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CAN_HARDWARE = "280"
"""ARPHRD_CAN in Linux's if_arp.h."""

IP_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The roots of what a kernel tells, and the program that knows of CAN controllers."""

    sysfs: Path = Path("/sys")
    dev: Path = Path("/dev")
    modules: Path = Path("/lib/modules")
    device_tree: Path = Path("/proc/device-tree")
    kernel: str = os.uname().release
    ip: str = "ip"
    """iproute2's program, by name or path."""

    def device(self, channel: str) -> Path:
        """Where a network interface tells of itself."""
        return self.sysfs / "class" / "net" / channel

    def can_interfaces(self) -> list[str]:
        """The CAN interfaces that there are."""
        return sorted(path.name for path in (self.sysfs / "class" / "net").glob("*") if self.is_can(path.name))

    def is_can(self, channel: str) -> bool:
        """Whether a network interface is one for CAN."""
        return read(self.device(channel) / "type") == CAN_HARDWARE

    def usb_devices(self) -> Iterator[tuple[int, int]]:
        """Vendor and product of whatever is plugged in."""
        for path in sorted((self.sysfs / "bus" / "usb" / "devices").glob("*")):
            try:
                yield int(read(path / "idVendor"), 16), int(read(path / "idProduct"), 16)
            except ValueError:  # a hub's port, or a device that went away
                continue

    def serial_ports(self) -> list[str]:
        """Serial ports on USB, as CANable's and Lawicel's adapters make them."""
        return sorted(str(path) for kind in ("ttyACM*", "ttyUSB*") for path in self.dev.glob(kind))

    def is_raspberry_pi(self) -> bool:
        """Whether CAN may come from a chip on a board's SPI."""
        return read(self.device_tree / "model").startswith("Raspberry Pi")

    def has_module(self, name: str) -> bool | None:
        """Whether modprobe could find a kernel module; None where nothing is known of this kernel's modules."""
        folder = self.modules / self.kernel
        known = [read(folder / index) for index in ("modules.dep", "modules.builtin")]
        if not any(known):
            return None
        return any(f"/{name}.ko" in text or f"/{name.replace('_', '-')}.ko" in text for text in known)

    def link_details(self, channel: str) -> dict[str, Any] | None:
        """What ``ip`` says of an interface and its controller; None where there is no ``ip``, or it says nothing."""
        if shutil.which(self.ip) is None:
            return None
        words = [self.ip, "-details", "-statistics", "-json", "link", "show", "dev", channel]
        try:
            done = subprocess.run(words, capture_output=True, check=False, timeout=IP_SECONDS)
            found = json.loads(done.stdout)[0]
        except (ValueError, LookupError, TypeError, OSError, subprocess.TimeoutExpired):
            return None
        return found if isinstance(found, dict) else None


def read(path: Path) -> str:
    """A small file's text without the ends that kernels give it; empty where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def can_socket_error() -> OSError | None:
    """What keeps this process from opening a CAN socket; None: nothing does."""
    if not hasattr(socket, "AF_CAN"):
        return OSError(errno.ENOSYS, "this Python was built without SocketCAN")
    try:
        socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()
    except OSError as error:
        return error
    return None


def python() -> str:
    """How the running Python is called where the user is."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
