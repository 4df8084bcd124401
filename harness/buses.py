"""Open the bus that a target names: the simulated one in virtual time, or a real one through python-can."""

import logging
from pathlib import Path

import can

from harness.errors import UserError
from harness.link.adapter import rate_options, trouble_with
from harness.link.bus import CanLink, Link
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.simulation.node import node_maker
from harness.simulation.simulated_link import SimulatedLink
from harness.target import SIMULATED_INTERFACE, Target


def open_link(
    *,
    interface: str,
    channel: str,
    bitrate: int,
    fd: bool = False,
    data_bitrate: int | None = None,
    trace: Trace,
    chance: Chance,
    relative_to: Path | None = None,
) -> Link:
    """Open a bus, with CAN FD if `fd`. Raises UserError if the interface or profile does not exist, or the bus is in use."""
    if interface == SIMULATED_INTERFACE:
        make_nodes = node_maker(channel, relative_to)
        return SimulatedLink(
            make_nodes(), bitrate=bitrate, data_bitrate=data_bitrate, chance=chance, trace=trace, make_nodes=make_nodes
        )
    name = f"{interface}:{channel}"
    if interface == "socketcan" and (trouble := trouble_with(channel, is_fd=fd)):
        raise UserError(f"cannot open {name}: {trouble}")
    logging.getLogger("can").addHandler(logging.NullHandler())  # python-can would print what the UserError says
    confirms_sending = interface in ("socketcan", "virtual")
    options = rate_options(interface, bitrate=bitrate, fd=fd, data_bitrate=data_bitrate)
    options |= {"receive_own_messages": True} if confirms_sending else {}

    def reopen() -> can.BusABC:
        return can.Bus(interface=interface, channel=channel, **options)

    try:
        bus = reopen()
    except Exception as error:  # backends raise any kind of exception, ImportError and AttributeError included
        raise UserError(f"cannot open {name}: {' '.join(str(error).split())}") from error
    link = CanLink(bus, trace=trace, confirms_sending=confirms_sending, name=name, is_fd=fd, reopen=reopen)
    try:
        link.hold()
    except UserError:
        link.close()
        raise
    return link


def open_bus_of(target: Target, *, trace: Trace, chance: Chance) -> Link:
    """Open the bus that a target names. Raises UserError in the cases in which `open_link` does."""
    can = target.can
    return open_link(
        interface=can.interface,
        channel=can.channel,
        bitrate=can.bitrate,
        fd=can.fd,
        data_bitrate=can.data_bitrate,
        trace=trace,
        chance=chance,
        relative_to=target.folder,
    )
