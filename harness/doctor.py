"""What is wrong with the first run: interface, bit rate, sending, an answer; each failure with the command that mends it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.link.bus import open_bus_of
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import Target
from harness.tester.client import Client

CAN_HARDWARE = "280"
"""ARPHRD_CAN in Linux's if_arp.h."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing looked at."""

    what: str
    is_ok: bool
    seen: str
    mend: str = ""


def examine(target: Target) -> Iterator[Diagnosis]:
    """Look at one thing after the other, and stop at the first that makes the rest pointless.

    Sends nothing but requests that change nothing: reads of declared data and TesterPresent.
    """
    can = target.can
    if can.interface == "socketcan":
        for diagnosis in _socketcan(can.channel, can.bitrate):
            yield diagnosis
            if not diagnosis.is_ok:
                return
    name = f"{can.interface}:{can.channel}"
    trace = Trace()
    try:
        link = open_bus_of(target, trace=trace, chance=Chance(0))
    except HarnessError as error:
        yield Diagnosis("the bus can be opened", False, str(error), "see the line before, or pip install python-can[...]")
        return
    try:
        yield Diagnosis("the bus can be opened", True, name)
        client = Client(link, target, chance=Chance(0))
        heard = client.listen_to_all(0.5)
        yield Diagnosis("other traffic", True, f"{heard} frames in half a second" if heard else "none in half a second")
        try:
            is_alive = client.is_alive()
        except HarnessError as error:
            yield Diagnosis("frames go out and are acknowledged", False, str(error), "check wiring, termination, bit rate")
            return
        how = "confirmed by the adapter" if link.confirms_sending else "the adapter cannot confirm it"
        yield Diagnosis("frames go out and are acknowledged", True, how)
        ids = f"0x{can.request_id:X} -> 0x{can.response_id:X}"
        if is_alive:
            yield Diagnosis("the ECU answers", True, f"{ids}: {client.recent[-1]}")
        else:
            yield Diagnosis(
                "the ECU answers",
                False,
                f"{ids}: silence",
                "check request_id and response_id, padding, and that the ECU has power",
            )
    finally:
        link.close()


def _socketcan(channel: str, bitrate: int) -> Iterator[Diagnosis]:
    device = Path("/sys/class/net") / channel
    up = f"sudo ip link set {channel} up type can bitrate {bitrate}"
    if not device.exists():
        mend = f"sudo modprobe vcan && sudo ip link add dev {channel} type vcan && sudo ip link set {channel} up"
        others = [path.name for path in Path("/sys/class/net").iterdir() if _is_can(path)]
        seen = f"there is no interface {channel}; CAN interfaces here: {', '.join(others) or 'none'}"
        if not channel.startswith("vcan"):
            mend = "plug the adapter in, and see dmesg"
        yield Diagnosis("the interface exists", False, seen, mend)
        return
    if not _is_can(device):
        yield Diagnosis("the interface is a CAN interface", False, f"{channel} is another kind of device", "ip link")
        return
    yield Diagnosis("the interface exists", True, channel)
    is_up = int((device / "flags").read_text().strip(), 16) & 1
    is_virtual = channel.startswith(("vcan", "vxcan"))
    mend = f"sudo ip link set {channel} up" if is_virtual else up
    yield Diagnosis("the interface is up", bool(is_up), "up" if is_up else "down", mend)
    if is_virtual or not is_up:
        return
    details = _ip_details(channel)
    actual = details.get("bittiming", {}).get("bitrate")
    if actual is not None:
        again = f"sudo ip link set {channel} down && {up}"
        yield Diagnosis("the bit rate is the target's", actual == bitrate, f"{actual}, target {bitrate}", again)
    state = details.get("state")
    if state is not None:
        mend = f"sudo ip link set {channel} down && {up}; then check wiring and termination"
        yield Diagnosis("the controller is not in an error state", state == "ERROR-ACTIVE", state, mend)


def _is_can(device: Path) -> bool:
    try:
        return (device / "type").read_text().strip() == CAN_HARDWARE
    except OSError:
        return False


def _ip_details(channel: str) -> dict[str, Any]:
    """What ``ip -details -json`` says of the controller; nothing where there is no ``ip``."""
    if shutil.which("ip") is None:
        return {}
    done = subprocess.run(["ip", "-details", "-json", "link", "show", channel], capture_output=True, check=False, timeout=10)
    try:
        return dict(json.loads(done.stdout)[0]["linkinfo"]["info_data"])
    except (ValueError, LookupError, TypeError):
        return {}
