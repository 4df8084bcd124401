"""Diagnose a SocketCAN interface: kernel, adapter, bit rate, error state."""

import errno
import shlex
from collections.abc import Iterator
from typing import Any

from harness.doctor.computer import Machine, read
from harness.doctor.diagnosis import Diagnosis, failure, note, ok
from harness.target import Can

KERNEL, INTERFACE, IS_UP, FD_FRAMES = "the kernel speaks CAN", "the interface", "the interface is up", "CAN FD"

VIRTUAL = ("vcan", "vxcan")
FD_MTU = 72
USUAL_DATA_BITRATE = 2_000_000
SHORT_QUEUE = 100
"""The length in frames below which a sending queue is short; a message of 4095 bytes takes 586 frames."""

MODULES_BY_VENDOR = {0x0C72: ("PEAK", "peak_usb"), 0x0BFD: ("Kvaser", "kvaser_usb"), 0x12D6: ("EMS", "ems_usb")}
MODULES_BY_PRODUCT = {
    (0x1D50, 0x606F): ("candleLight", "gs_usb"),
    (0x1209, 0x2323): ("candleLight", "gs_usb"),
    (0x1209, 0xCA01): ("CANnectivity", "gs_usb"),
}
"""By vendor and product id of a USB adapter that Linux supports: its name and its kernel module."""

SLCAN_SPEEDS = {10: 0, 20: 1, 50: 2, 100: 3, 125: 4, 250: 5, 500: 6, 800: 7, 1000: 8}
"""The value of slcand's option ``-s``, by kbit/s."""


def kernel(error: OSError | None, machine: Machine) -> Diagnosis:
    """Say whether CAN sockets can be opened at all; `error` is what the attempt to open one raised."""
    what = KERNEL
    if error is None:
        return ok(what, f"Linux {machine.kernel}")
    seen = f"a CAN socket cannot be opened ({error.strerror or error})"
    if error.errno == errno.ENOSYS:
        return failure(what, str(error.strerror), "use the Python of your distribution: python3 -m venv .venv")
    if error.errno in (errno.EPERM, errno.EACCES):
        return failure(what, seen, "run this outside of the container or sandbox that forbids it")
    is_known = machine.has_module("can_raw")
    if is_known is None:
        return failure(
            what,
            f"{seen}; nothing is known of this kernel's modules, as in a container",
            "sudo modprobe -a can can_raw",
            "in a container: that on the host, and start it with --network=host",
        )
    if not is_known:
        remedy = ("sudo apt install linux-modules-extra-$(uname -r)", "sudo modprobe -a can can_raw")
        return failure(what, f"{seen}; kernel {machine.kernel} came without the module can_raw", *remedy)
    return failure(what, seen, "sudo modprobe -a can can_raw")


def interface(can: Can, machine: Machine) -> Iterator[Diagnosis]:
    """Diagnose the interface that a target names; stop at a failure that makes further diagnoses pointless."""
    channel = can.channel
    if "/" in channel or not machine.device(channel).exists():
        yield _missing(can, machine)
        return
    if not machine.is_can(channel):
        others = _interfaces(machine)
        yield failure(INTERFACE, f"{channel} is no CAN interface; {others}", "ip -details link show type can")
        return
    yield ok(INTERFACE, f"{channel} is there")
    is_up = bool(int(read(machine.device(channel) / "flags") or "0", 16) & 1)
    if not is_up:
        yield failure(IS_UP, f"{channel} is down", *_up(can))
        return
    yield ok(IS_UP, "up")
    yield from _frame_sizes(can, machine)
    if channel.startswith(VIRTUAL):
        return
    details = machine.link_details(channel)
    if details is None:
        what = "bit rate and error state"
        yield note(what, "not known: the program ip says nothing of it", "sudo apt install iproute2")
        return
    yield from controller(can, details)


def controller(can: Can, details: dict[str, Any]) -> Iterator[Diagnosis]:
    """Diagnose a controller from the output of ``ip -details -statistics -json``."""
    info = _table(_table(details, "linkinfo"), "info_data")
    actual = _table(info, "bittiming").get("bitrate")
    if actual is not None:
        seen = f"{actual} bit/s" if actual == can.bitrate else f"{actual} bit/s; the target says {can.bitrate}"
        what = "the bit rate"
        yield ok(what, seen) if actual == can.bitrate else failure(what, seen, *_again(can))
    fast = _table(info, "data_bittiming").get("bitrate")
    if can.fd and can.data_bitrate is not None and fast is not None and fast != can.data_bitrate:
        yield failure("the data bit rate", f"{fast} bit/s; the target says {can.data_bitrate}", *_again(can))
    if "state" in info:
        yield error_state(can, details)
    channel = shlex.quote(can.channel)
    if info.get("restart_ms") == 0:
        seen = "after a bus-off the controller stays off (restart-ms 0)"
        yield note("restarts", seen, f"sudo ip link set {channel} down", *_up(can, "restart-ms 100"))
    queue = details.get("txqlen")
    if isinstance(queue, int) and 0 < queue < SHORT_QUEUE:
        seen = f"room for {queue} frames (txqueuelen); long messages wait for it"
        yield note("the sending queue", seen, f"sudo ip link set {channel} txqueuelen 1000")


def error_state(can: Can, details: dict[str, Any]) -> Diagnosis:
    """Say whether the controller takes part in the bus."""
    what = "the controller's error state"
    info = _table(_table(details, "linkinfo"), "info_data")
    statistics = _table(_table(details, "linkinfo"), "info_xstats")
    state = str(info.get("state"))
    counts = _table(info, "berr_counter")
    sent, received = counts.get("tx"), counts.get("rx")
    words = [f"{sent} errors sending, {received} receiving"] if counts else []
    words += [f"bus-off {statistics['bus_off']} times since it is up"] if statistics.get("bus_off") else []
    seen = f"{state} ({'; '.join(words)})" if words else state
    if state == "ERROR-ACTIVE":
        return ok(what, seen)
    channel = shlex.quote(can.channel)
    if state == "BUS-OFF":
        restart = (f"sudo ip link set {channel} down", *_up(can, "restart-ms 100"))
        return failure(
            what, f"{seen}: it has left the bus", "see bit rate, CAN-H and CAN-L, and two resistors of 120 ohm", *restart
        )
    if state == "STOPPED":
        return failure(what, seen, *_again(can))
    is_alone = isinstance(sent, int) and isinstance(received, int) and sent > received
    why = (
        "nobody acknowledges: is the ECU on, is the bit rate its own?"
        if is_alone
        else "what it hears is broken: the bit rate?"
    )
    return failure(what, seen, why, "then see CAN-H and CAN-L, and two resistors of 120 ohm", *_again(can))


def _missing(can: Can, machine: Machine) -> Diagnosis:
    channel = shlex.quote(can.channel)
    seen = f"there is no interface {can.channel}; {_interfaces(machine)}"
    if can.channel.startswith("vcan"):
        remedy = ("sudo modprobe vcan", f"sudo ip link add dev {channel} type vcan", *_up(can))
        return failure(INTERFACE, seen, *remedy)
    for usb in machine.usb_devices():
        name, module = MODULES_BY_PRODUCT.get(usb) or MODULES_BY_VENDOR.get(usb[0], ("", ""))
        if module:
            remedy = (f"sudo modprobe {module}", *_up(can))
            return failure(INTERFACE, f"{seen}; an adapter is plugged in ({name})", *remedy)
    speed = SLCAN_SPEEDS.get(can.bitrate // 1000)
    ports = machine.serial_ports()
    if ports and speed is not None:
        remedy = (f"sudo slcand -o -c -s{speed} {ports[0]} {channel}", f"sudo ip link set {channel} up")
        return failure(INTERFACE, f"{seen}; {ports[0]} may be an adapter that speaks slcan", *remedy)
    if machine.is_raspberry_pi():
        remedy = (
            "for a board with an MCP2515, in /boot/firmware/config.txt, then reboot:",
            "dtparam=spi=on",
            "dtoverlay=mcp2515-can0,oscillator=16000000,interrupt=25",
        )
        return failure(INTERFACE, f"{seen}; this is a Raspberry Pi", *remedy)
    return failure(INTERFACE, seen, "plug the adapter in, and see: sudo dmesg | tail -20")


def _interfaces(machine: Machine) -> str:
    return f"CAN interfaces here: {', '.join(machine.can_interfaces()) or 'none'}"


def _frame_sizes(can: Can, machine: Machine) -> Iterator[Diagnosis]:
    mtu = read(machine.device(can.channel) / "mtu")
    if not mtu.isdigit():
        return
    takes_fd = int(mtu) >= FD_MTU
    if can.fd and not takes_fd:
        seen = f"set up for classic frames (mtu {mtu}); asked for is fd = true"
        yield failure(FD_FRAMES, seen, *_again(can))
    elif takes_fd:
        yield ok(FD_FRAMES, "frames of 64 bytes can be sent" if can.fd else "possible, and not asked for: fd = false")


def _again(can: Can) -> tuple[str, ...]:
    return (f"sudo ip link set {shlex.quote(can.channel)} down", *_up(can))


def _up(can: Can, more: str = "") -> tuple[str, ...]:
    channel = shlex.quote(can.channel)
    if can.channel.startswith(VIRTUAL):
        return ((f"sudo ip link set {channel} mtu {FD_MTU}",) if can.fd else ()) + (f"sudo ip link set {channel} up",)
    kind = f"type can bitrate {can.bitrate}"
    if can.fd:
        kind += f" dbitrate {can.data_bitrate or USUAL_DATA_BITRATE} fd on"
    return (f"sudo ip link set {channel} {kind}{f' {more}' if more else ''}", f"sudo ip link set {channel} up")


def _table(outer: dict[str, Any], key: str) -> dict[str, Any]:
    inner = outer.get(key)
    return inner if isinstance(inner, dict) else {}
