"""Prove CAN FD on real SocketCAN: the link's frames, and our ISO-TP against Linux's own sockets."""

import random
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import can
import pytest
from can.interfaces.socketcan import SocketcanBus

from harness.buses import open_link
from harness.errors import UserError
from harness.link.bus import Link
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.isotp import IsoTp, IsoTpConfig
from harness.link.trace import Trace

pytestmark = pytest.mark.socketcan

CHANNEL = "vcan0"
CLASSIC_CHANNEL = "vcan8"
REQUEST_ID, ANSWER_ID = 0x740, 0x748
GIVE_UP_S = 60.0
LENGTHS = (1, 7, 8, 10, 11, 62, 63, 64, 200, 4095)

# Linux's, which the socket module does not offer
SO_RCVBUFFORCE = 33
SOL_CAN_ISOTP = 106
CAN_ISOTP_LL_OPTS = 5
CANFD_MTU, CANFD_BRS = 72, 1


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def open_fd(channel: str = CHANNEL) -> Link:
    return open_link(interface="socketcan", channel=channel, bitrate=500_000, fd=True, trace=Trace(), chance=Chance(0))


@pytest.fixture
def link() -> Iterator[Link]:
    link = open_fd()
    yield link
    link.close()


def message_of(length: int) -> bytes:
    return random.Random(length).randbytes(length)


# --- the link ---


@pytest.mark.parametrize("size", [8, 12, 64])
@pytest.mark.parametrize("flags", [0, 1])
def test_our_frames_go_out_whole_and_come_back_as_ours(link: Link, size: int, flags: int) -> None:
    frame = Frame(REQUEST_ID, message_of(size), is_fd=True, fd_flags=flags)
    with SocketcanBus(channel=CHANNEL, fd=True) as peer:
        link.send(replace(frame))
        heard = peer.recv(GIVE_UP_S)
    assert heard is not None
    assert (heard.is_fd, heard.bitrate_switch, bytes(heard.data)) == (True, bool(flags), frame.data)
    link.check_sent()
    assert [one.text() for one in link.trace.frames(0, 9)] == [frame.text()]
    assert link.trace.frames(0, 1)[0].is_sent


def test_frames_of_both_kinds_are_heard(link: Link) -> None:
    frames = [Frame(ANSWER_ID, message_of(64), is_fd=True, fd_flags=1), Frame(ANSWER_ID, message_of(8))]
    with SocketcanBus(channel=CHANNEL, fd=True) as peer:
        for frame in frames:
            peer.send(frame.message())
    heard = [link.receive(link.now_s + GIVE_UP_S) for _ in frames]
    assert [one and one.text() for one in heard] == [frame.text() for frame in frames]


def test_an_interface_for_classic_can_is_refused() -> None:
    subprocess.run(["ip", "link", "add", CLASSIC_CHANNEL, "mtu", "16", "type", "vcan"], check=True)
    try:
        subprocess.run(["ip", "link", "set", CLASSIC_CHANNEL, "up"], check=True)
        with pytest.raises(UserError, match="set up for classic CAN"):
            open_fd(CLASSIC_CHANNEL)
    finally:
        subprocess.run(["ip", "link", "del", CLASSIC_CHANNEL], check=True)


# --- the kernel's ISO-TP ---


def kernel_socket(tx_dl: int) -> socket.socket:
    """The kernel's ISO-TP socket, the peer on `REQUEST_ID` and `ANSWER_ID`; non-blocking."""
    kernel = socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_ISOTP)
    kernel.setsockopt(SOL_CAN_ISOTP, CAN_ISOTP_LL_OPTS, struct.pack("=BBB", CANFD_MTU, tx_dl, CANFD_BRS))
    kernel.bind((CHANNEL, REQUEST_ID, ANSWER_ID))
    kernel.setblocking(False)
    return kernel


@pytest.fixture
def bus() -> Iterator[can.BusABC]:
    """A CAN_RAW socket for our endpoint."""
    with SocketcanBus(channel=CHANNEL, fd=True, can_filters=[{"can_id": ANSWER_ID, "can_mask": 0x7FF}]) as bus:
        # The kernel sends 600 frames faster than Python takes them; the usual buffer drops what it cannot hold.
        bus.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 2**22)
        yield bus


def endpoint(tx_dl: int) -> IsoTp:
    """Our endpoint with long time-outs, since a busy machine is no fault of the protocol."""
    return IsoTp(IsoTpConfig(tx_dl=tx_dl, padding=None, n_bs_s=GIVE_UP_S, n_cr_s=GIVE_UP_S))


def step(bus: can.BusABC, ours: IsoTp) -> bytes | None:
    """Send the endpoint's frames, and let it take one frame, within 1 ms; return the message that this frame completed."""
    for frame in ours.outbox:
        bus.send(can.Message(arbitration_id=REQUEST_ID, data=frame, is_extended_id=False, is_fd=True, bitrate_switch=True))
    ours.outbox.clear()
    frame = bus.recv(timeout=0.001)
    message = ours.receive(frame.data, time.monotonic()) if frame is not None else None
    ours.tick(time.monotonic())
    return message


@pytest.mark.parametrize("tx_dl", [12, 64])
@pytest.mark.parametrize("length", LENGTHS)
def test_the_kernel_receives_what_ours_sends(bus: can.BusABC, length: int, tx_dl: int) -> None:
    ours = endpoint(tx_dl)
    with kernel_socket(64) as kernel:
        ours.send(message_of(length), time.monotonic())
        give_up_s = time.monotonic() + GIVE_UP_S
        received = None
        while received is None and ours.fault is None and time.monotonic() < give_up_s:
            step(bus, ours)
            try:
                received = kernel.recv(8192)
            except BlockingIOError:
                continue
    assert received == message_of(length)


@pytest.mark.parametrize("tx_dl", [8, 12, 64])
@pytest.mark.parametrize("length", LENGTHS)
def test_ours_receives_what_the_kernel_sends(bus: can.BusABC, length: int, tx_dl: int) -> None:
    ours = endpoint(64)
    with kernel_socket(tx_dl) as kernel:
        kernel.send(message_of(length))
        give_up_s = time.monotonic() + GIVE_UP_S
        received = None
        while received is None and ours.fault is None and time.monotonic() < give_up_s:
            received = step(bus, ours)
    assert received == message_of(length)
