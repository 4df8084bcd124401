"""Write the files of a finding: a case that the suite replays, a script that needs no harness, and the frames of the bus."""

import json
from pathlib import Path
from typing import Final

from harness.fuzz.case_state import STATE, requests_to
from harness.fuzz.found import FuzzFinding
from harness.fuzz.keyed import in_notation
from harness.link.addressing import addresses_of
from harness.runs.findings import Finding
from harness.runs.folder import BUS_LOG
from harness.target import Target

FOLDER: Final = "findings"
CASE_TOML, REPLAY_PY, REPLAY_LOG = "case.toml", "replay.py", "replay.log"

_SCRIPT: Final = '''"""Show once more what a fuzz campaign has found, by python-can and Scapy alone.

{words}

usage: python replay.py [INTERFACE CHANNEL]        e.g. python replay.py socketcan can0
"""

import sys
import time

import can
from scapy.contrib.cansocket_python_can import PythonCANSocket
from scapy.contrib.isotp import ISOTPSoftSocket

INTERFACE, CHANNEL, BITRATE = {interface}, {channel}, {bitrate}
REQUEST_ID, RESPONSE_ID, IS_EXTENDED = {request_id}, {response_id}, {is_extended}
PADDING = {padding}
REQUEST_ADDRESS, RESPONSE_ADDRESS = {request_address}, {response_address}
GAP_S = {gap_s}
BEFORE = {before}
# What brings the ECU into the state: requests.
STEPS = {steps}
# The minimal sequence: {kind}.
REPEAT = {repeat}


def key(seed):
    """Return the right key for a seed, as bytes: yours to write, where a step holds {{key}}."""
    raise SystemExit("this sequence holds a key: write the function key() in " + __file__)


class Ecu:
    """One way to the ECU, for requests by ISO-TP and for frames as they are."""

    def __init__(self, interface, channel):
        bus = dict(interface=interface, channel=channel, bitrate=BITRATE)
        self.can = PythonCANSocket(**bus)
        self.seed = b""

    def filled(self, step):
        """The bytes of a step; {{key}} is the key for the last seed, {{key:3}} its first three bytes."""
        head, brace, rest = step.partition("{{key")
        if not brace:
            return bytes.fromhex(step)
        count, _, tail = rest.partition("}}")
        wanted = key(self.seed)[: int(count[1:]) if count else None]
        return bytes.fromhex(head) + wanted + bytes.fromhex(tail)

    def request(self, step):
        """Send one message, and show its answer."""
        sent = self.filled(step)
        with ISOTPSoftSocket(
            self.can, tx_id=REQUEST_ID, rx_id=RESPONSE_ID, padding=PADDING is not None,
            ext_address=REQUEST_ADDRESS, rx_ext_address=RESPONSE_ADDRESS,
        ) as isotp:
            answer = isotp.sr1(isotp.basecls(sent), timeout=2, verbose=False)
        said = bytes(answer) if answer is not None else b""
        print(">", sent.hex(" ").upper(), "\\n<", said.hex(" ").upper() or "silence")
        if said[:1] == b"\\x67" and len(said) > 2:
            self.seed = said[2:]

    def frame(self, step):
        """Send one frame."""
        from scapy.layers.can import CAN

        data = bytes(() if REQUEST_ADDRESS is None else (REQUEST_ADDRESS,)) + self.filled(step)
        self.can.send(CAN(identifier=REQUEST_ID, flags="extended" if IS_EXTENDED else "", length=len(data), data=data))
        print("> frame", data.hex(" ").upper())
        time.sleep(GAP_S)


def main():
    ecu = Ecu(*(sys.argv[1:3] if len(sys.argv) > 2 else (INTERFACE, CHANNEL)))
    for step in BEFORE:
        ecu.request(step)
    for _ in range(REPEAT):
        for step in STEPS:
            ecu.{method}(step)
    print("Does it live?")
    ecu.request({alive})


if __name__ == "__main__":
    main()
'''


def folder_of(run: Path, found: FuzzFinding) -> Path:
    """Return the folder of a finding's files."""
    return run / FOLDER / found.digest


def write_files(run: Path, found: FuzzFinding, target: Target) -> Path:
    """Write the case and the script; return their folder. Raises OSError if they cannot be written."""
    folder = folder_of(run, found)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CASE_TOML).write_text(found.case_text(), encoding="utf-8")
    (folder / REPLAY_PY).write_text(script_of(found, target), encoding="utf-8")
    return folder


def write_log(run: Path, found: FuzzFinding, finding: Finding) -> None:
    """Copy the frames of the decisive exchanges from the run's bus log, where secrets have already been replaced."""
    exchanges = finding.exchanges
    first = min((one.first_frame for one in exchanges), default=finding.first_frame)
    last = max((one.last_frame for one in exchanges), default=finding.last_frame)
    with open(run / BUS_LOG, encoding="ascii", errors="replace") as log:
        lines = [line for number, line in enumerate(log) if first <= number < last]
    (folder_of(run, found) / REPLAY_LOG).write_text("".join(lines), encoding="ascii", errors="replace")


def script_of(found: FuzzFinding, target: Target) -> str:
    """Return the text of a script that plays the sequence on any bus of python-can."""
    can = target.can
    addresses = addresses_of(can)
    channel = can.channel
    name, colon, factory = channel.rpartition(":")
    if colon and name.endswith(".py"):
        channel = f"{(target.folder / name).resolve()}:{factory}"
    state = STATE.parse(found.state) if found.state else None
    return _SCRIPT.format(
        words=f"{found.observed}, after {found.shown}".replace("\\", "\\\\").replace('"""', "'''"),
        interface=json.dumps(can.interface),
        channel=json.dumps(channel),
        bitrate=can.bitrate,
        request_id=hex(can.request_id),
        response_id=hex(can.response_id),
        is_extended=can.request_id > 0x7FF,
        padding=can.padding if can.padding is not False else None,
        request_address=addresses.request[0] if addresses.request else None,
        response_address=addresses.response[0] if addresses.response else None,
        gap_s=(found.gap_ms or 0) / 1000,
        before=json.dumps([in_notation(one) for one in requests_to(state, target)] if state else []),
        steps=json.dumps([in_notation(message) for message in found.messages]),
        kind="frames" if found.is_raw else "requests",
        repeat=found.repeat,
        method="frame" if found.is_raw else "request",
        alive=json.dumps("3E 00"),
    )
