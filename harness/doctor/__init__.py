"""Find out why a first run fails, from the kernel to the ECU's answer; each failure comes with the command that fixes it."""

from collections.abc import Iterator

from harness.buses import open_bus_of
from harness.doctor.adapters import PORT, not_opened, serial_port
from harness.doctor.answering import contact
from harness.doctor.computer import Machine, can_socket_error
from harness.doctor.diagnosis import Diagnosis, failure, ok
from harness.doctor.hooks import keys, programs
from harness.doctor.socketcan import FD_FRAMES, INTERFACE, IS_UP, KERNEL, interface, kernel
from harness.errors import UserError
from harness.link.bus_lock import BusLock
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import Target

NEEDED_TO_OPEN = frozenset((KERNEL, INTERFACE, IS_UP, FD_FRAMES, PORT))
"""The diagnoses whose failure already explains why the bus cannot be opened."""


def examine(target: Target, machine: Machine | None = None) -> Iterator[Diagnosis]:
    """Examine the way to the ECU, up to the first failure that makes further steps pointless; then keys and programs.

    Sends only requests that change nothing: reads of declared data, TesterPresent, and the default session.
    """
    machine = machine or Machine()
    yield from way_to_the_ecu(target, machine)
    yield from keys(target)
    yield from programs(target)
    if target.is_simulated:
        here = [*machine.can_interfaces(), *machine.serial_ports()]
        yield ok("real CAN interfaces here", ", ".join(here) or "none, and a simulated ECU needs none")


def way_to_the_ecu(target: Target, machine: Machine | None = None) -> Iterator[Diagnosis]:
    """Examine only the way from the kernel to the ECU's answer, which is the first part of `examine`."""
    machine = machine or Machine()
    is_pointless = False
    for diagnosis in _before_opening(target, machine):
        yield diagnosis
        is_pointless = is_pointless or (diagnosis.has_failed and diagnosis.what in NEEDED_TO_OPEN)
    if is_pointless:
        return
    if not target.is_simulated:
        bus = _lock(f"{target.can.interface}:{target.can.channel}")
        yield bus
        if bus.has_failed:
            return
    try:
        link = open_bus_of(target, trace=Trace(), chance=Chance(0))
    except UserError as error:
        yield not_opened(target.can, error)
        return
    try:
        yield ok(
            "the bus can be opened", f"{target.can.interface}:{target.can.channel}{', for CAN FD' if target.can.fd else ''}"
        )
        yield from contact(link, target, machine)
    finally:
        link.close()


def _before_opening(target: Target, machine: Machine) -> Iterator[Diagnosis]:
    can = target.can
    if can.interface == "socketcan":
        yield kernel(can_socket_error(), machine)
        yield from interface(can, machine)
    port = serial_port(can)
    if port is not None:
        yield port


def _lock(bus: str) -> Diagnosis:
    try:
        BusLock(bus).release()
    except UserError as error:
        return failure("the bus is free", str(error), "wait for that run to end, or look at its process: ps -f -p NUMBER")
    return ok("the bus is free", "no other run uses it")
