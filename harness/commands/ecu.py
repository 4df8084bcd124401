"""`uds-harness ecu`: play a simulated ECU on a real bus."""

from __future__ import annotations

import argparse
from contextlib import suppress

from harness.errors import UserError


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Let the command be typed."""
    ecu = commands.add_parser(
        "ecu", help="play a simulated ECU on a real bus", description="Play an ECU on a bus until Ctrl-C."
    )
    ecu.add_argument(
        "profile", metavar="PROFILE", help="a profile (see `uds-harness list profiles`), or path/to/file.py:factory"
    )
    ecu.add_argument("--interface", required=True, help="a python-can interface, e.g. socketcan")
    ecu.add_argument("--channel", required=True, help="e.g. vcan0")
    ecu.add_argument("--bitrate", type=int, default=500_000, help="for interfaces that set it (default: 500000)")
    ecu.add_argument("--fd", action="store_true", help="open the bus for CAN FD, e.g. for hardened+can_fd")
    ecu.add_argument("--data-bitrate", type=int, metavar="N", help="of CAN FD, for interfaces that set it")
    ecu.add_argument("--defect", action="append", default=[], metavar="NAME", help="switch a defect on")
    ecu.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play until Ctrl-C."""
    import can

    from harness.link.adapter import rate_options
    from harness.link.live import LiveBus
    from harness.link.node import load_nodes

    nodes = load_nodes("+".join([options.profile, *options.defect]))
    rates = rate_options(options.interface, bitrate=options.bitrate, fd=options.fd, data_bitrate=options.data_bitrate)
    try:
        bus = can.Bus(interface=options.interface, channel=options.channel, **rates)
    except Exception as error:  # backends raise what they like
        raise UserError(f"cannot open {options.interface}:{options.channel}: {error}") from error
    with bus, suppress(KeyboardInterrupt):
        print(f"{options.profile} is on {options.interface}:{options.channel}; Ctrl-C ends it\nready", flush=True)
        LiveBus(bus, nodes).run()
    return 0
