"""Record what ran, for whom, on which sample and over which adapter, so that a report can be matched with its ECU."""

import getpass
import json
import platform
import subprocess
from collections.abc import Collection, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from harness.errors import LinkError, NotPermitted
from harness.link.bus import Link
from harness.runs.findings import BusAccess, Identifier
from harness.target import SIMULATED_INTERFACE, Can
from harness.tester.tester import Tester

IDENTIFIERS: Final = {
    0xF187: "spare part number",
    0xF189: "ECU software version",
    0xF18C: "ECU serial number",
    0xF191: "ECU hardware number",
    0xF195: "supplier's software version",
    0xF190: "vehicle identification number (VIN)",
}
LONGEST_VALUE_BYTES: Final = 64
GIT_TIMEOUT_S: Final = 10.0
CHECKOUT: Final = Path(__file__).resolve().parents[2]
NETWORK: Final = Path("/sys/class/net")
IP_TIMEOUT_S: Final = 5.0
UNKNOWN: Final = "not known"
BY_THE_KERNEL: Final = "by the kernel as it takes a frame from the driver (SO_TIMESTAMPNS), not by the controller's hardware"


def operator() -> str:
    """Return the name of the user who started the run."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def versions() -> dict[str, str]:
    """Return the versions of the harness, its main packages, Python and the kernel."""
    packages = {name: version(name) for name in ("uds-harness", "scapy", "python-can", "pytest")}
    return {**packages, "python": platform.python_version(), "kernel": f"{platform.system()} {platform.release()}"}


@cache
def commit() -> tuple[str, bool | None]:
    """Return the git commit of the running harness, and whether its files are unchanged; empty and None if unknown.

    Both are unknown for an installed harness, and where there is no git.
    """
    if not (CHECKOUT / ".git").exists():
        return "", None
    head, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    if not head:
        return "", None
    return head, None if changes is None else not changes


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(CHECKOUT), "--no-optional-locks", *words],
            capture_output=True,
            timeout=GIT_TIMEOUT_S,
            check=True,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def identification(tester: Tester, no_contact: str, hidden_dids: Collection[int]) -> Iterator[Identifier]:
    """Read the identifiers of the tested sample, after all checks. `no_contact`: why the ECU cannot be reached, if so."""
    for did, name in IDENTIFIERS.items():
        if no_contact:
            yield Identifier(did=f"{did:04X}", name=name, reason=f"not asked: {no_contact}")
            continue
        try:
            reply = tester.read_reply(did)
        except (LinkError, NotPermitted) as error:
            no_contact = str(error)
            yield Identifier(did=f"{did:04X}", name=name, reason=no_contact)
            continue
        if reply.is_silence and reply.replies:
            no_contact = "the ECU says that an answer is pending, and gives none"
        value = reply.pdu[3:] if reply.is_positive else b""
        reason = "" if value else "it is empty" if reply.is_positive else str(reply)
        if value and did in hidden_dids:
            value, reason = b"", "hidden, as was asked for"
        yield Identifier(did=f"{did:04X}", name=name, value=_shown(value), reason=reason)


def _shown(value: bytes) -> str:
    text = value.rstrip(b"\x00\xff ")
    if text and text.isascii() and text.decode("ascii").isprintable() and len(text) <= LONGEST_VALUE_BYTES:
        return text.decode("ascii")
    shown = value[:LONGEST_VALUE_BYTES].hex(" ").upper()
    return shown if len(value) <= LONGEST_VALUE_BYTES else f"{shown} … ({len(value)} bytes)"


def bus_access(can: Can, link: Link) -> BusAccess:
    """Describe how the bus was accessed, for readers of the bus log. Call before the link is closed."""
    tells_losses = can.interface in (SIMULATED_INTERFACE, "socketcan")
    lost, errors = link.lost_frames if tells_losses else None, link.error_frames
    name = f"python-can {can.interface}, {can.channel}"
    if can.interface == SIMULATED_INTERFACE:
        return BusAccess(
            adapter=f"simulated bus, {can.bitrate} bit/s",
            driver="none: the bus is simulated",
            timestamps="virtual time of the simulation; the last bit of a frame has passed",
            lost_frames=lost,
            error_frames=errors,
        )
    if can.interface == "socketcan":
        driver, rate = _linux(can.channel)
        return BusAccess(
            adapter=f"{name}, {rate}", driver=driver, timestamps=BY_THE_KERNEL, lost_frames=lost, error_frames=errors
        )
    stamps = (
        f"as the backend {can.interface} gives them, and whether the hardware made them is {UNKNOWN}; "
        "this computer's clock where it gives none"
        if link.confirms_sending
        else "this computer's clock: on arrival here, and of our own frames when they were handed over"
    )
    return BusAccess(
        adapter=f"{name}, {can.bitrate} bit/s as configured",
        driver=f"the python-can backend {can.interface}; the version of the vendor's driver is {UNKNOWN}",
        timestamps=stamps,
        lost_frames=lost,
        error_frames=errors,
    )


def _linux(interface: str) -> tuple[str, str]:
    """Return a network interface's driver and bit rate."""
    device = NETWORK / interface / "device"
    link = _ip_link(interface)
    kind = str(link.get("info_kind") or UNKNOWN)
    rate: Any = link
    for name in ("info_data", "bittiming", "bitrate"):
        rate = rate.get(name) if isinstance(rate, dict) else None
    if device.exists():
        driver = (device / "driver").resolve().name if (device / "driver").exists() else UNKNOWN
        driver = f"kernel driver {driver}"
    else:
        driver = f"a virtual interface of the kernel ({kind})"
    return driver, f"{rate} bit/s" if rate else f"bit rate {UNKNOWN}"


def _ip_link(interface: str) -> dict[str, Any]:
    """Return what ``ip link`` says of an interface; empty if it fails."""
    try:
        done = subprocess.run(
            ["ip", "-details", "-json", "link", "show", "dev", interface],
            capture_output=True,
            timeout=IP_TIMEOUT_S,
            check=True,
        )
        (link,) = json.loads(done.stdout)
        found = link.get("linkinfo")
    except (OSError, subprocess.SubprocessError, ValueError, AttributeError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
