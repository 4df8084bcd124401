"""Read what a Linux machine tells about its CAN hardware. All paths are below the roots that `Machine` names."""

import errno
import json
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CAN_HARDWARE = "280"
"""Linux's number for CAN as the hardware of an interface: ARPHRD_CAN in if_arp.h."""

IP_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The roots of the kernel's file systems, and the program that shows CAN controllers."""

    sysfs: Path = Path("/sys")
    dev: Path = Path("/dev")
    modules: Path = Path("/lib/modules")
    device_tree: Path = Path("/proc/device-tree")
    kernel: str = platform.release()
    ip: str = "ip"
    """iproute2's program, by name or path."""

    def device(self, channel: str) -> Path:
        """Return the directory in which the kernel describes a network interface."""
        return self.sysfs / "class" / "net" / channel

    def can_interfaces(self) -> list[str]:
        """Return the CAN interfaces that exist."""
        return sorted(path.name for path in (self.sysfs / "class" / "net").glob("*") if self.is_can(path.name))

    def is_can(self, channel: str) -> bool:
        """Whether a network interface is a CAN interface."""
        return read(self.device(channel) / "type") == CAN_HARDWARE

    def usb_devices(self) -> Iterator[tuple[int, int]]:
        """Return vendor and product of every USB device."""
        for path in sorted((self.sysfs / "bus" / "usb" / "devices").glob("*")):
            try:
                yield int(read(path / "idVendor"), 16), int(read(path / "idProduct"), 16)
            except ValueError:  # a hub's port, or a device that was removed
                continue

    def serial_ports(self) -> list[str]:
        """Return the serial ports on USB, as which CANable and Lawicel adapters appear."""
        return sorted(str(path) for kind in ("ttyACM*", "ttyUSB*") for path in self.dev.glob(kind))

    def is_raspberry_pi(self) -> bool:
        """Whether this is a Raspberry Pi, where a chip on the board's SPI may provide CAN."""
        return read(self.device_tree / "model").startswith("Raspberry Pi")

    def has_module(self, name: str) -> bool | None:
        """Whether modprobe could find a kernel module; None if the modules of this kernel are unknown."""
        folder = self.modules / self.kernel
        known = [read(folder / index) for index in ("modules.dep", "modules.builtin")]
        if not any(known):
            return None
        return any(f"/{name}.ko" in text or f"/{name.replace('_', '-')}.ko" in text for text in known)

    def link_details(self, channel: str) -> dict[str, Any] | None:
        """Return what ``ip`` says of an interface and its controller; None if there is no ``ip``, or it prints nothing."""
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
    """Return a small file's text without trailing newline or NUL; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def can_socket_error() -> OSError | None:
    """Return the error that keeps this process from opening a CAN socket; None if there is none."""
    if not hasattr(socket, "AF_CAN"):
        return OSError(errno.ENOSYS, "this Python was built without SocketCAN")
    try:
        socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()
    except OSError as error:
        return error
    return None


def python() -> str:
    """Return the name by which the user calls the running Python."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
