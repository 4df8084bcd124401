"""How do frames get to a bus and back, and who stamps them? Told as far as it is known, and not further."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from harness.link.bus import Link
from harness.run import BusAccess
from harness.target import SIMULATED_INTERFACE, Can

NETWORK: Final = Path("/sys/class/net")
IP_TIMEOUT_S: Final = 5.0
UNKNOWN: Final = "not known"
BY_THE_KERNEL: Final = "by the kernel as it takes a frame from the driver (SO_TIMESTAMPNS), not by the controller's hardware"


def bus_access(can: Can, link: Link) -> BusAccess:
    """What a reader of the bus log must know of its origin. Ask before the link is closed."""
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
    """A network interface's driver and bit rate."""
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
    """What ``ip link`` tells of an interface; nothing where it does not."""
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
