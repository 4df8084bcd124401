"""Prove each form of address against other ISO-TP implementations: as an ECU for our tester, and as a tester of our ECU."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import can
import isotp
import pytest
from scapy.contrib.automotive.uds import UDS, UDS_RDBI
from scapy.contrib.cansocket_python_can import PythonCANSocket
from scapy.contrib.isotp import ISOTPSoftSocket

from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.simulation.node import Port
from harness.simulation.simulated_link import SimulatedLink
from harness.target import Can, load_target
from harness.tester.ledger import ledger_of
from harness.tester.tester import Tester

from ..variants import with_changes

Mode = isotp.AddressingMode
SERIAL = b"UDS-HARNESS-0001"
GIVE_UP_S = 60
"""The seconds after which an answer counts as missing: long, since a busy machine is no fault of the ECU."""


def can_of(**keys: object) -> Can:
    base = load_target("hardened").can
    return replace(base, functional_id=None, **keys)  # type: ignore[arg-type]


FORMS = {
    "normal, 11 bits": (can_of(), {"mode": Mode.Normal_11bits}),
    "normal, 29 bits": (
        can_of(request_id=0x12340740, response_id=0x12340748, extended_ids=True),
        {"mode": Mode.Normal_29bits},
    ),
    "normal fixed": (
        can_of(
            request_id=0x18DA40F1,
            response_id=0x18DAF140,
            extended_ids=True,
            addressing="normal-fixed",
            target_address=0x40,
            source_address=0xF1,
        ),
        {"mode": Mode.NormalFixed_29bits},
    ),
    "extended, 11 bits": (
        can_of(addressing="extended", target_address=0x40, source_address=0xF1),
        {"mode": Mode.Extended_11bits},
    ),
    "extended, 29 bits": (
        can_of(
            request_id=0x12340740,
            response_id=0x12340748,
            extended_ids=True,
            addressing="extended",
            target_address=0x40,
            source_address=0xF1,
        ),
        {"mode": Mode.Extended_29bits},
    ),
    "mixed, 11 bits": (can_of(addressing="mixed", address_extension=0x9A), {"mode": Mode.Mixed_11bits}),
    "mixed, 29 bits": (
        can_of(
            request_id=0x18CE40F1,
            response_id=0x18CEF140,
            extended_ids=True,
            addressing="mixed",
            address_extension=0x9A,
            target_address=0x40,
            source_address=0xF1,
        ),
        {"mode": Mode.Mixed_29bits},
    ),
}


def address_of(form: str, *, is_ecu: bool) -> isotp.Address:
    """Return the address in can-isotp's words, for its place on the bus."""
    own, settings = FORMS[form]
    mode = settings["mode"]
    ids = (own.response_id, own.request_id) if is_ecu else (own.request_id, own.response_id)
    addresses = (0x40, 0xF1) if is_ecu else (0xF1, 0x40)
    keys: dict[str, int] = {}
    if mode not in (Mode.NormalFixed_29bits, Mode.Mixed_29bits):
        keys |= {"txid": ids[0], "rxid": ids[1]}
    if mode in (Mode.NormalFixed_29bits, Mode.Extended_11bits, Mode.Extended_29bits, Mode.Mixed_29bits):
        keys |= {"source_address": addresses[0], "target_address": addresses[1]}
    if mode in (Mode.Mixed_11bits, Mode.Mixed_29bits):
        keys["address_extension"] = 0x9A
    return isotp.Address(mode, **keys)


class TheirEcu:
    """A node with can-isotp's transport layer; it answers each message by the same message with 0x40 added to the first
    byte.
    """

    def __init__(self, form: str, **params: object) -> None:
        self.inbox: deque[isotp.CanMessage] = deque()
        self.errors: list[Exception] = []
        self.params = {
            "tx_padding": 0x00,
            "rx_flowcontrol_timeout": 60_000,
            "rx_consecutive_frame_timeout": 60_000,
            **params,
        }
        self.form = form

    def attach(self, port: Port) -> None:
        self.port = port
        self.layer = isotp.TransportLayerLogic(
            rxfn=lambda _timeout: self.inbox.popleft() if self.inbox else None,
            txfn=self.send,
            address=address_of(self.form, is_ecu=True),
            error_handler=self.errors.append,
            params=self.params,
        )

    def send(self, message: isotp.CanMessage) -> None:
        frame = can.Message(
            arbitration_id=message.arbitration_id,
            data=message.data,
            is_extended_id=message.is_extended_id,
            is_fd=message.is_fd,
            bitrate_switch=message.bitrate_switch,
        )
        self.port.send(frame)

    def on_frame(self, frame: can.Message) -> None:
        message = isotp.CanMessage(
            arbitration_id=frame.arbitration_id,
            data=bytes(frame.data),
            dlc=frame.dlc,
            extended_id=frame.is_extended_id,
            is_fd=frame.is_fd,
            bitrate_switch=frame.bitrate_switch,
        )
        if self.layer.address.is_for_me(message):
            self.inbox.append(message)
            self.work()

    def work(self) -> None:
        self.layer.process()
        while self.layer.available():
            message = bytes(self.layer.recv() or b"")
            self.layer.send(bytes((message[0] + 0x40,)) + message[1:])
        self.layer.process()


@contextmanager
def with_their_ecu(form: str, *, is_fd: bool) -> Iterator[tuple[Tester, TheirEcu]]:
    own = replace(FORMS[form][0], fd=is_fd)
    fd_params = {"can_fd": True, "tx_data_length": 64} if is_fd else {}
    ecu = TheirEcu(form, **fd_params)
    link = SimulatedLink([ecu], bitrate=500_000, chance=Chance(1), trace=Trace())
    target = replace(load_target("hardened"), can=own, security=())
    yield Tester(link, target, chance=Chance(2), keys={}, ledger=ledger_of(target, None)), ecu


@pytest.mark.parametrize("is_fd", [False, True], ids=["classic", "FD"])
@pytest.mark.parametrize("form", FORMS)
def test_our_tester_speaks_with_an_ecu_on_can_isotp(form: str, is_fd: bool) -> None:
    with with_their_ecu(form, is_fd=is_fd) as (tester, ecu):
        for length in (2, 5, 6, 7, 8, 20, 61, 62, 63, 64, 200, 1000):
            request = b"\x3e" + bytes(number & 0xFF for number in range(length - 1))
            assert tester.request(request).pdu == b"\x7e" + request[1:], f"{length} bytes"
        assert not ecu.errors


def variant_of(form: str) -> str | None:
    """Return the name of the hardened ECU's variant with this form of address."""
    return {
        "normal, 11 bits": "",
        "normal fixed": "extended_ids",
        "extended, 11 bits": "extended_addressing",
        "mixed, 11 bits": "mixed_addressing",
        "mixed, 29 bits": "mixed_addressing_29_bits",
    }.get(form)


@pytest.mark.parametrize("form", [form for form in FORMS if variant_of(form) is not None])
def test_a_tester_on_can_isotp_reads_long_data_of_our_ecu(form: str) -> None:
    changes = [variant_of(form)] if variant_of(form) else []
    channel = with_changes("hardened", *changes).can.channel  # type: ignore[arg-type]
    with can.Bus(interface="uds-sim", channel=channel) as bus:
        stack = isotp.CanStack(bus, address=address_of(form, is_ecu=False), params={"tx_padding": 0x00})
        stack.start()
        try:
            stack.send(b"\x22\xf1\x8c")
            assert stack.recv(block=True, timeout=GIVE_UP_S) == b"\x62\xf1\x8c" + SERIAL
            stack.send(b"\x3e" + bytes(40))
            assert stack.recv(block=True, timeout=GIVE_UP_S) == b"\x7f\x3e\x13"
        finally:
            stack.stop()


@pytest.mark.parametrize(
    ("changes", "ids", "addresses"),
    [
        (("extended_addressing",), (0x740, 0x748), {"ext_address": 0x40, "rx_ext_address": 0xF1}),
        (
            ("extended_ids", "extended_addressing"),
            (0x18DA40F1, 0x18DAF140),
            {"ext_address": 0x40, "rx_ext_address": 0xF1},
        ),
        (("mixed_addressing",), (0x740, 0x748), {"ext_address": 0x9A, "rx_ext_address": 0x9A}),
    ],
)
def test_scapy_reads_long_data_behind_an_address(
    changes: tuple[str, ...], ids: tuple[int, int], addresses: dict[str, int]
) -> None:
    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    channel = with_changes("hardened", *changes).can.channel
    below = PythonCANSocket(interface="uds-sim", channel=channel)  # type: ignore[arg-type]
    above = ISOTPSoftSocket(below, tx_id=ids[0], rx_id=ids[1], padding=True, basecls=UDS, **addresses)
    try:
        answer = above.sr1(UDS() / UDS_RDBI(identifiers=[0xF18C]), timeout=GIVE_UP_S, verbose=False)
        assert answer is not None
        assert bytes(answer) == b"\x62\xf1\x8c" + SERIAL
    finally:
        above.close()
        below.close()
