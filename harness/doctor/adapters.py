"""Say why an adapter could not be opened through python-can, and how to fix it."""

import difflib
import errno
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from harness.doctor.computer import python
from harness.doctor.diagnosis import Diagnosis, failure
from harness.target import SIMULATED_INTERFACE, Can

EXTRAS = {
    "canalystii": "canalystii",
    "cantact": "cantact",
    "gs_usb": "gs-usb",
    "neovi": "neovi",
    "robotell": "serial",
    "seeedstudio": "seeedstudio",
    "serial": "serial",
    "slcan": "serial",
    "udp_multicast": "multicast",
}
"""By interface: the extra with which python-can must be installed."""

WITH_A_LINUX_DRIVER = {"pcan": "peak_usb", "kvaser": "kvaser_usb", "gs_usb": "gs_usb"}
"""By interface whose adapter SocketCAN supports, too, without the maker's library: the kernel module."""

WITHOUT = {"pcan": "install PCAN-Basic from peak-system.com, or", "kvaser": "install linuxcan from kvaser.com, or"}

ONLY_ON_WINDOWS = ("etas", "ixxat", "neousys", "nican", "nixnet", "systec", "usb2can", "vector")
PORT = "the port"
DIALOUT = "dialout"
SERIAL = ("robotell", "seeedstudio", "serial", "slcan")


def not_opened(can: Can, error: BaseException) -> Diagnosis:
    """Diagnose why a bus was not opened. `error` is the harness's own error, whose cause is the backend's error."""
    causes = list(_causes(error))
    text = " ".join(str(causes[-1]).split()) or type(causes[-1]).__name__
    if isinstance(causes[-1], NameError):  # of a function that the maker's library should have provided
        text += "; the maker's library is not installed"
    return failure("the bus can be opened", f"{can.interface}:{can.channel}: {text}", *_mend(can, causes))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, its cause, the cause of that cause, and so on, down to the first that describes itself in words."""
    while error is not None:
        yield error
        if not str(error).startswith("cannot open") and not isinstance(error, OSError):
            return
        error = error.__cause__


def _mend(can: Can, causes: list[BaseException]) -> tuple[str, ...]:
    interface = can.interface
    text = " ".join(str(cause) for cause in causes)
    known = _known_interfaces()
    if interface not in known:
        near = difflib.get_close_matches(interface, known, 1)
        return (f'interface = "{near[0]}"' if near else "an interface that python-can knows:", *_rows(known))
    if interface in SERIAL and _is_denied(causes, text):
        port = can.channel.partition("@")[0]
        join = f"sudo usermod -aG {_group(Path(port))} $USER"
        return (join, f"then log in again; until then: sudo chmod a+rw {shlex.quote(port)}")
    if interface == "gs_usb" and _is_denied(causes, text):
        return (
            'echo \'SUBSYSTEM=="usb", ATTR{idVendor}=="1d50", MODE="0666"\' |',
            "sudo tee /etc/udev/rules.d/99-can.rules && sudo udevadm control --reload",
            "then plug it in again",
        )
    if interface in EXTRAS and _is_about_a_package(causes, text):
        return (f"{shlex.quote(python())} -m pip install 'python-can[{EXTRAS[interface]}]'", *_by_linux(interface))
    if interface in SERIAL:
        return ("see which port the adapter got: ls /dev/ttyACM* /dev/ttyUSB*", *_channels(interface))
    if interface in WITH_A_LINUX_DRIVER:
        return (*_by_linux(interface), *_channels(interface))
    if interface == SIMULATED_INTERFACE:
        return ("can.channel names a profile (see: uds-harness list profiles), or file.py:factory beside the target file",)
    if interface in ONLY_ON_WINDOWS:
        return ("its driver is made for Windows; on Linux use an adapter of SocketCAN's",)
    return _channels(interface) or (f"see python-can's page on it: python-can.readthedocs.io, {interface}",)


def _is_denied(causes: list[BaseException], text: str) -> bool:
    numbers = {getattr(cause, "errno", None) or getattr(cause, "error_code", None) for cause in causes}
    return bool(numbers & {errno.EPERM, errno.EACCES}) or "ermission denied" in text or "ccess denied" in text


def _group(port: Path) -> str:
    """Return the group whose members may use a port; Debian's usual group if the port's group is unknown."""
    try:
        group = port.group()
    except (OSError, KeyError):
        return DIALOUT
    return DIALOUT if group == "root" else shlex.quote(group)


def _is_about_a_package(causes: list[BaseException], text: str) -> bool:
    is_missing = any(isinstance(cause, ImportError) for cause in causes)
    return is_missing or re.search(r"No module named|not installed|[Pp]lease install|Cannot import", text) is not None


def _by_linux(interface: str) -> tuple[str, ...]:
    module = WITH_A_LINUX_DRIVER.get(interface)
    if module is None:
        return ()
    return (
        f"{WITHOUT.get(interface, 'or')} use Linux's own driver:",
        f"sudo modprobe {module}",
        'and in the target file: interface = "socketcan", channel = "can0"',
    )


def _known_interfaces() -> list[str]:
    import can

    return sorted(can.VALID_INTERFACES)


def _channels(interface: str) -> tuple[str, ...]:
    """Return the channels that python-can's backend itself finds."""
    import can

    try:
        found = can.detect_available_configs(interfaces=[interface])
    except Exception:  # backends raise any kind of exception
        return ()
    names = [str(one.get("channel")) for one in found]
    return (f"a channel that is there: {', '.join(names)}",) if names else ()


def _rows(names: list[str]) -> list[str]:
    rows, row = [], ""
    for name in names:
        if len(row) + len(name) > 60:
            rows.append(row)
            row = ""
        row += f"{name} "
    return [*rows, row.rstrip()]


def serial_port(can: Can) -> Diagnosis | None:
    """Diagnose the port that a serial adapter's channel names, before it is opened; None if nothing is wrong with it."""
    port = Path(can.channel.partition("@")[0])
    if can.interface not in SERIAL or not port.is_absolute() or port.exists():
        return None
    return failure(PORT, f"there is no {port}", "ls /dev/ttyACM* /dev/ttyUSB*", "sudo dmesg | tail -20")
