"""Prove our ISO-TP with an address byte against Linux's own sockets, as tester and as ECU."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from harness.audit.opening import open_tester
from harness.link.trace import Trace
from harness.target import Can, load_target
from harness.tester.tester import Tester

from .test_audit import ecu

pytestmark = pytest.mark.socketcan

CHANNEL = "vcan0"
REQUEST_ID, ANSWER_ID = 0x740, 0x748
LONG_REQUEST_ID, LONG_ANSWER_ID = 0x18DA40F1, 0x18DAF140
GIVE_UP_S = 60.0
LENGTHS = (2, 6, 7, 8, 13, 62, 200, 2000)
SERIAL = b"UDS-HARNESS-0001"

# Linux's, which the socket module does not offer
SOL_CAN_ISOTP, CAN_ISOTP_OPTS = 106, 1
CAN_ISOTP_EXTEND_ADDR, CAN_ISOTP_TX_PADDING, CAN_ISOTP_RX_EXT_ADDR = 0x002, 0x004, 0x200
PAD_BYTE = 0xCC


def kernel_socket(transmits: int, receives: int, own: int, peer: int) -> socket.socket:
    """The kernel's ISO-TP socket; its frames begin with `peer`, and it takes frames that begin with `own`."""
    kernel = socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_ISOTP)
    flags = CAN_ISOTP_EXTEND_ADDR | CAN_ISOTP_RX_EXT_ADDR | CAN_ISOTP_TX_PADDING
    kernel.setsockopt(SOL_CAN_ISOTP, CAN_ISOTP_OPTS, struct.pack("=IIBBBB", flags, 0, peer, PAD_BYTE, PAD_BYTE, own))
    is_long = socket.CAN_EFF_FLAG if transmits > 0x7FF else 0
    kernel.bind((CHANNEL, receives | is_long, transmits | is_long))
    kernel.settimeout(GIVE_UP_S)
    return kernel


def test_the_kernel_takes_rx_id_first() -> None:
    """Python's address of such a socket is (interface, rx_id, tx_id)."""
    with kernel_socket(ANSWER_ID, REQUEST_ID, 0x40, 0xF1) as kernel:
        assert kernel.getsockname()[1:] == (REQUEST_ID, ANSWER_ID)


@contextmanager
def echo(transmits: int, receives: int, own: int, peer: int) -> Iterator[None]:
    """Run an ECU made of the kernel's ISO-TP; it answers each message by that message with 0x40 added to the first byte."""
    with kernel_socket(transmits, receives, own, peer) as kernel:
        is_over = threading.Event()
        kernel.settimeout(0.1)

        def answer() -> None:
            while not is_over.is_set():
                with suppress(TimeoutError):
                    message = kernel.recv(8192)
                    kernel.send(bytes((message[0] + 0x40,)) + message[1:])

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


def opened(**keys: object) -> Tester:
    base = load_target("hardened")
    can: Can = replace(base.can, interface="socketcan", channel=CHANNEL, functional_id=None, padding=0xCC, **keys)  # type: ignore[arg-type]
    target = replace(base, can=can, security=(), connections=(), environment="bench")
    return open_tester(target, seed=1, trace=Trace(), ledger_path=None)


ADDRESSES = {"addressing": "extended", "target_address": 0x40, "source_address": 0xF1}
LONG_IDS = {"request_id": LONG_REQUEST_ID, "response_id": LONG_ANSWER_ID, "extended_ids": True}


@pytest.mark.parametrize(
    ("keys", "ids", "addresses"),
    [
        (ADDRESSES, (ANSWER_ID, REQUEST_ID), (0x40, 0xF1)),
        (ADDRESSES | LONG_IDS, (LONG_ANSWER_ID, LONG_REQUEST_ID), (0x40, 0xF1)),
        ({"addressing": "mixed", "address_extension": 0x9A}, (ANSWER_ID, REQUEST_ID), (0x9A, 0x9A)),
    ],
    ids=["extended", "extended with 29 bits", "mixed"],
)
def test_our_tester_speaks_with_the_kernel_behind_an_address(
    keys: dict[str, object], ids: tuple[int, int], addresses: tuple[int, int]
) -> None:
    with echo(*ids, *addresses):
        tester = opened(**keys)
        try:
            for length in LENGTHS:
                request = b"\x3e" + bytes(number & 0xFF for number in range(length - 1))
                assert tester.request(request, timeout_s=GIVE_UP_S).pdu == b"\x7e" + request[1:], f"{length} bytes"
        finally:
            tester.link.close()


@pytest.mark.parametrize(
    ("profile", "ids", "addresses"),
    [
        ("hardened+extended_addressing", (REQUEST_ID, ANSWER_ID), (0xF1, 0x40)),
        ("hardened+extended_ids+extended_addressing", (LONG_REQUEST_ID, LONG_ANSWER_ID), (0xF1, 0x40)),
        ("hardened+mixed_addressing", (REQUEST_ID, ANSWER_ID), (0x9A, 0x9A)),
    ],
)
def test_the_kernel_speaks_with_our_ecu_behind_an_address(
    profile: str, ids: tuple[int, int], addresses: tuple[int, int]
) -> None:
    with ecu(profile), kernel_socket(*ids, *addresses) as kernel:
        for request, answer in (
            (b"\x3e\x00", b"\x7e\x00"),
            (b"\x22\xf1\x8c", b"\x62\xf1\x8c" + SERIAL),
            (b"\x3e" + bytes(40), b"\x7f\x3e\x13"),
        ):
            kernel.send(request)
            assert kernel.recv(8192) == answer
