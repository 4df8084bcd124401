"""Prove our ISO-TP endpoint against Linux's own sockets, in both directions. Needs a vcan0 of real SocketCAN."""

import errno
import random
import socket
import struct
import time
from collections.abc import Iterator

import can
import pytest
from can.interfaces.socketcan import SocketcanBus
from can.typechecking import CanFilters

from harness.link.isotp import IsoTp, IsoTpConfig, IsoTpFault

pytestmark = pytest.mark.socketcan

CHANNEL = "vcan0"
REQUEST_ID, ANSWER_ID = 0x740, 0x748
GIVE_UP_S = 60.0
LENGTHS = (1, 7, 8, 20, 62, 200, 4095, 5000)

# Linux's, which the socket module does not offer
SO_RCVBUFFORCE = 33
SOL_CAN_ISOTP = 106
CAN_ISOTP_OPTS, CAN_ISOTP_RECV_FC = 1, 2
CAN_ISOTP_TX_PADDING, CAN_ISOTP_RX_PADDING, CAN_ISOTP_CHK_PAD_LEN, CAN_ISOTP_CHK_PAD_DATA = 0x04, 0x08, 0x10, 0x20
KERNEL_PADS = CAN_ISOTP_TX_PADDING
KERNEL_DEMANDS_PADDING = CAN_ISOTP_RX_PADDING | CAN_ISOTP_CHK_PAD_LEN | CAN_ISOTP_CHK_PAD_DATA
PAD_BYTE = 0xCC


def message_of(length: int) -> bytes:
    return random.Random(length).randbytes(length)


def endpoint(
    *,
    block_size: int = 0,
    stmin: int = 0,
    padding: int | None = 0x00,
    max_length: int = 5000,
) -> IsoTp:
    """Our endpoint with long time-outs, since a busy machine is no fault of the protocol."""
    config = IsoTpConfig(
        block_size=block_size, stmin=stmin, padding=padding, max_length=max_length, n_bs_s=GIVE_UP_S, n_cr_s=GIVE_UP_S
    )
    return IsoTp(config)


def kernel_socket(*, block_size: int = 0, stmin: int = 0, flags: int = 0) -> socket.socket:
    """The kernel's ISO-TP socket, the peer on `REQUEST_ID` and `ANSWER_ID`; non-blocking."""
    kernel = socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_ISOTP)
    options = struct.pack("=IIBBBB", flags, 0, 0, PAD_BYTE, PAD_BYTE, 0)
    kernel.setsockopt(SOL_CAN_ISOTP, CAN_ISOTP_OPTS, options)
    kernel.setsockopt(SOL_CAN_ISOTP, CAN_ISOTP_RECV_FC, struct.pack("=BBB", block_size, stmin, 0))
    kernel.bind((CHANNEL, REQUEST_ID, ANSWER_ID))
    kernel.setblocking(False)
    return kernel


@pytest.fixture
def bus() -> Iterator[can.BusABC]:
    """A CAN_RAW socket for our endpoint."""
    filters: CanFilters = [{"can_id": ANSWER_ID, "can_mask": 0x7FF, "extended": False}]
    with SocketcanBus(channel=CHANNEL, can_filters=filters) as bus:
        # The kernel sends 700 frames faster than Python takes them; the usual buffer drops what it cannot hold.
        bus.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 2**22)
        yield bus


def step(bus: can.BusABC, ours: IsoTp) -> bytes | None:
    """Send the endpoint's frames, and let it take one frame, within 1 ms; return the message that this frame completed."""
    _take(bus, ours)
    frame = bus.recv(timeout=0.001)
    message = ours.receive(frame.data, time.monotonic()) if frame is not None else None
    ours.tick(time.monotonic())
    _take(bus, ours)
    return message


def _take(bus: can.BusABC, ours: IsoTp) -> None:
    for frame in ours.outbox:
        bus.send(can.Message(arbitration_id=REQUEST_ID, data=frame, is_extended_id=False))
    ours.outbox.clear()


def received_by_kernel(bus: can.BusABC, ours: IsoTp, kernel: socket.socket, pdu: bytes) -> bytes | IsoTpFault | None:
    """Send a message by our endpoint; return what the kernel's socket receives, or why our endpoint gave up; None after 20
    s.
    """
    ours.send(pdu, time.monotonic())
    give_up_s = time.monotonic() + GIVE_UP_S
    while time.monotonic() < give_up_s and ours.fault is None:
        step(bus, ours)
        try:
            return kernel.recv(8192)
        except BlockingIOError:
            continue
    return ours.fault


def received_by_ours(bus: can.BusABC, ours: IsoTp, kernel: socket.socket, pdu: bytes) -> bytes | IsoTpFault | None:
    """Send a message by the kernel; return what our endpoint receives, or why it gave up; None after 20 s."""
    kernel.send(pdu)
    give_up_s = time.monotonic() + GIVE_UP_S
    while time.monotonic() < give_up_s and ours.fault is None:
        message = step(bus, ours)
        if message is not None:
            return message
    return ours.fault


@pytest.mark.parametrize(("block_size", "stmin"), [(0, 0), (1, 0), (8, 0xF1)])
@pytest.mark.parametrize("length", LENGTHS)
def test_the_kernel_receives_what_ours_sends(bus: can.BusABC, length: int, block_size: int, stmin: int) -> None:
    with kernel_socket(block_size=block_size, stmin=stmin) as kernel:
        assert received_by_kernel(bus, endpoint(), kernel, message_of(length)) == message_of(length)


@pytest.mark.parametrize(("block_size", "stmin"), [(0, 0), (1, 0), (8, 0xF1)])
@pytest.mark.parametrize("length", LENGTHS)
def test_ours_receives_what_the_kernel_sends(bus: can.BusABC, length: int, block_size: int, stmin: int) -> None:
    with kernel_socket() as kernel:
        ours = endpoint(block_size=block_size, stmin=stmin)
        assert received_by_ours(bus, ours, kernel, message_of(length)) == message_of(length)


@pytest.mark.parametrize("length", [1, 7, 8, 20])
def test_a_kernel_that_demands_padding_receives_our_padded_frames(bus: can.BusABC, length: int) -> None:
    with kernel_socket(flags=KERNEL_DEMANDS_PADDING) as kernel:
        assert received_by_kernel(bus, endpoint(padding=PAD_BYTE), kernel, message_of(length)) == message_of(length)


@pytest.mark.parametrize("length", [1, 7, 8, 20])
def test_the_kernel_receives_our_short_frames(bus: can.BusABC, length: int) -> None:
    with kernel_socket() as kernel:
        assert received_by_kernel(bus, endpoint(padding=None), kernel, message_of(length)) == message_of(length)


@pytest.mark.parametrize("length", [1, 7, 8, 20])
def test_ours_receives_the_kernels_padded_frames(bus: can.BusABC, length: int) -> None:
    with kernel_socket(flags=KERNEL_PADS) as kernel:
        assert received_by_ours(bus, endpoint(), kernel, message_of(length)) == message_of(length)


def test_ours_takes_at_least_the_time_that_the_kernel_asks_for(bus: can.BusABC) -> None:
    start_s = time.monotonic()
    with kernel_socket(block_size=3, stmin=10) as kernel:
        assert received_by_kernel(bus, endpoint(), kernel, message_of(6 + 7 * 11)) == message_of(6 + 7 * 11)
    assert time.monotonic() - start_s >= 10 * 0.010


def test_ours_hears_that_the_kernel_has_no_room(bus: can.BusABC) -> None:
    with kernel_socket() as kernel:
        assert received_by_kernel(bus, endpoint(), kernel, bytes(2**21)) is IsoTpFault.OVERFLOW


def test_the_kernel_hears_that_ours_has_no_room(bus: can.BusABC) -> None:
    with kernel_socket() as kernel:
        received_by_ours(bus, endpoint(max_length=19), kernel, bytes(20))
        give_up_s = time.monotonic() + GIVE_UP_S
        while not (error := kernel.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) and time.monotonic() < give_up_s:
            pass
    assert error == errno.EMSGSIZE
