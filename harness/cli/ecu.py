"""`uds-harness ecu`: play a simulated ECU on a real bus until it is stopped."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from harness.errors import UserError
from harness.system import ENDING_SIGNALS, extra_command

if TYPE_CHECKING:
    from harness.ecu_host.host import BusOptions, Host

NOT_RUNNING = 3
DESCRIPTION = """Play an ECU on a bus until Ctrl-C or SIGTERM.
An interface that goes down, or an adapter that is unplugged, is waited for.
SIGUSR1 prints what --status asks for."""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    ecu = commands.add_parser("ecu", help="play a simulated ECU on a real bus", description=DESCRIPTION)
    ecu.add_argument(
        "profile", metavar="PROFILE", help="a profile (see `uds-harness list profiles`), or path/to/file.py:factory"
    )
    ecu.add_argument("--interface", help="a python-can interface, e.g. socketcan")
    ecu.add_argument("--channel", help="e.g. can0")
    ecu.add_argument("--bitrate", type=int, default=500_000, help="for interfaces that set it (default: 500000)")
    ecu.add_argument("--fd", action="store_true", help="open the bus for CAN FD, e.g. for hardened+can_fd")
    ecu.add_argument("--data-bitrate", type=int, metavar="N", help="of CAN FD, for interfaces that set it")
    ecu.add_argument("--defect", action="append", default=[], metavar="NAME", help="switch a defect on")
    ecu.add_argument("--state", type=Path, metavar="FILE", help="keep here what a real ECU remembers without power")
    ecu.add_argument("--wait", action="store_true", help="wait for an interface or adapter that is not there yet, too")
    ecu.add_argument("--tui", action="store_true", help="show and handle the ECU in a window on this terminal")
    ecu.add_argument("--status", action="store_true", help="ask the ECU that runs already how it is; exit code 3: none does")
    ecu.add_argument("--json", action="store_true", help="with --status: for programs")
    ecu.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play the ECU until it is stopped, or ask a running one for its state."""
    if options.status:
        return _show_status(options)
    if options.json:
        raise UserError("--json goes with --status")
    if options.tui:
        return _show_window(options)
    if options.interface is None or options.channel is None:
        raise UserError("give --interface and --channel, e.g. --interface socketcan --channel can0")
    return _play(options)


def _play(options: argparse.Namespace) -> int:
    from harness.ecu_host.host import Host, quiet_python_can
    from harness.ecu_host.state_file import StateFile
    from harness.ecu_host.status import StatusSocket, status_text

    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # until there is something to tell, it must not end the program
    quiet_python_can()
    state_file = StateFile(options.state, options.profile) if options.state is not None else None
    host = Host(options.profile, flaws=options.defect, say=_say, state_file=state_file)
    bus = bus_of(options)
    status = StatusSocket(host, bus.name)
    try:
        if state_file is not None:
            host.start()  # a file that does not fit ends the command before anything is printed or sent
        host.connect(bus, waits=options.wait)
        with _ending(host):
            if hasattr(signal, "SIGUSR1"):
                signal.signal(signal.SIGUSR1, lambda number, frame: host.ask(lambda: _say(status_text(host.status()))))
            _say(f"{options.profile} is on {bus.name}; Ctrl-C ends it\nready")
            host.run()
    finally:
        status.close()
    return 0


def _show_window(options: argparse.Namespace) -> int:
    """Show the window; with a bus on the command line the ECU starts at once, else when Start is pressed."""
    try:
        from harness.ecu_host.window import open_window
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "textual":
            raise
        raise UserError(f"--tui needs Textual: {extra_command('window')}") from None
    if not (sys.stdout.isatty() and sys.stderr.isatty()):  # Textual draws on stderr
        raise UserError("--tui needs a terminal")
    from harness.ecu_host.host import quiet_python_can
    from harness.ecu_host.state_file import StateFile

    quiet_python_can()
    starts = options.interface is not None and options.channel is not None
    options.interface, options.channel = options.interface or "socketcan", options.channel or "can0"
    open_window(
        options.profile,
        flaws=options.defect,
        state_file=StateFile(options.state, options.profile) if options.state is not None else None,
        bus=bus_of(options),
        starts=starts,
    )
    return 0


def bus_of(options: argparse.Namespace) -> BusOptions:
    """Return the bus that the options name."""
    from harness.ecu_host.host import BusOptions

    return BusOptions(
        interface=options.interface,
        channel=options.channel,
        bitrate=options.bitrate,
        fd=options.fd,
        data_bitrate=options.data_bitrate,
    )


@contextmanager
def _ending(host: Host) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP end the ECU between two frames; a second signal interrupts even a blocked one."""

    def end(number: int, frame: FrameType | None) -> None:
        if host.is_stopping:
            raise KeyboardInterrupt
        host.stop()

    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    wanted = [number for number in ENDING_SIGNALS if before[number] is not signal.SIG_IGN]
    for number in wanted:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in wanted:
            signal.signal(number, before[number])


def _show_status(options: argparse.Namespace) -> int:
    from harness.ecu_host.status import running, status_text

    found = running(interface=options.interface, channel=options.channel, profile=options.profile)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(map(status_text, found)) if found else f"no {options.profile} runs on this machine")
    return 0 if found else NOT_RUNNING


def _say(text: str) -> None:
    print(text, flush=True)
