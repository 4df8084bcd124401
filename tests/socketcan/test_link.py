"""Prove a link on real SocketCAN: it recognises our own frames, notices losses, and reports errors in one line."""

import os
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import can
import pytest
from can.interfaces.socketcan import SocketcanBus

from harness.buses import open_link
from harness.errors import LinkError, UserError
from harness.link import adapter
from harness.link.bus import Link
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.trace import Trace

pytestmark = pytest.mark.socketcan

CHANNEL = "vcan0"
OWN_CHANNEL = "vcan9"
"""A channel made and removed by the tests that take an interface away."""

REQUEST = Frame(0x740, bytes.fromhex("0322101000000000"))
ANSWER = Frame(0x748, bytes.fromhex("04621010FF000000"))


def open_channel(channel: str = CHANNEL) -> Link:
    return open_link(interface="socketcan", channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(0))


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def link() -> Iterator[Link]:
    link = open_channel()
    yield link
    link.close()


@pytest.fixture
def peer() -> Iterator[can.BusABC]:
    """A socket that, for the kernel, belongs to another program on this computer."""
    with SocketcanBus(channel=CHANNEL) as bus:
        yield bus


def received(link: Link, seconds: float) -> list[Frame]:
    until_s = link.now_s + seconds
    frames = []
    while (frame := link.receive(until_s)) is not None:
        frames.append(frame)
    return frames


def ip(*words: str) -> None:
    subprocess.run(["ip", "link", *words], check=True)


@pytest.fixture
def own_interface() -> Iterator[str]:
    """An interface that a test may take down or remove."""
    ip("add", OWN_CHANNEL, "type", "vcan")
    ip("set", OWN_CHANNEL, "up")
    yield OWN_CHANNEL
    if Path("/sys/class/net", OWN_CHANNEL).exists():
        ip("del", OWN_CHANNEL)


# --- frames ---


def test_our_own_frame_comes_back_as_the_proof_that_it_is_out(link: Link, peer: can.BusABC) -> None:
    link.send(REQUEST)
    assert link.unsent == 1
    assert received(link, 0.05) == []
    assert link.unsent == 0
    (frame,) = link.trace.frames(0, 9)
    assert (frame.can_id, frame.data, frame.is_sent) == (0x740, REQUEST.data, True)
    message = peer.recv(timeout=1.0)
    assert message is not None
    assert (message.arbitration_id, bytes(message.data)) == (0x740, REQUEST.data)


def test_frames_of_another_program_on_this_computer_are_not_ours(link: Link, peer: can.BusABC) -> None:
    peer.send(ANSWER.message())
    frame = link.receive(link.now_s + 1.0)
    assert frame is not None
    assert (frame.can_id, frame.data, frame.is_sent) == (0x748, ANSWER.data, False)


def test_frames_bear_the_kernels_time(link: Link, peer: can.BusABC) -> None:
    before_s = time.time()
    for number in range(3):
        peer.send(Frame(0x100, bytes((number,))).message())
    after_s = time.time()
    stamps = [frame.time_s for frame in received(link, 0.1)]
    assert stamps == sorted(stamps)
    assert all(before_s - 0.01 < stamp < after_s + 0.01 for stamp in stamps)


def test_what_came_before_our_frame_was_out_can_be_told_from_its_answer(link: Link, peer: can.BusABC) -> None:
    peer.send(replace(ANSWER, data=b"\x01").message())
    link.send(REQUEST)
    peer.send(replace(ANSWER, data=b"\x02").message())
    seen = []
    for _ in range(2):
        frame = link.receive(link.now_s + 1.0)
        assert frame is not None
        seen.append((frame.data, link.unsent))
    assert seen == [(b"\x01", 1), (b"\x02", 0)]
    assert [frame.is_sent for frame in link.trace.frames(0, 9)] == [False, True, False]


@pytest.mark.parametrize(
    "frame",
    [Frame(0x18DA40F1, b"\x02\x3e\x00", True), Frame(0x748, b"", True), Frame(0x123, b"", is_remote=True, dlc=8)],
    ids=["29 bits", "29 bits, small and empty", "remote"],
)
def test_other_kinds_of_frames_go_both_ways(link: Link, peer: can.BusABC, frame: Frame) -> None:
    peer.send(frame.message())
    heard = link.receive(link.now_s + 1.0)
    assert heard is not None
    assert heard.text() == frame.text()
    link.send(frame)
    link.check_sent()
    message = peer.recv(timeout=1.0)
    assert message is not None
    assert message.is_remote_frame is frame.is_remote
    assert (message.arbitration_id, message.is_extended_id) == (frame.can_id, frame.is_extended)


def test_foreign_traffic_is_passed_on_in_order(link: Link, peer: can.BusABC) -> None:
    for number in range(200):
        peer.send(Frame(number % 0x700, number.to_bytes(2, "big")).message())
    assert [int.from_bytes(frame.data, "big") for frame in received(link, 0.2)] == list(range(200))


@pytest.mark.parametrize("seconds", [0.005, adapter.BLOCKING_S, 2.5 * adapter.BLOCKING_S])
def test_waiting_takes_as_long_as_it_says(link: Link, seconds: float) -> None:
    start_s = time.monotonic()
    assert link.receive(link.now_s + seconds) is None
    assert time.monotonic() - start_s >= seconds


def test_not_waiting_returns_at_once(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket returns what has arrived; a blocking receive would wait first."""
    waits: list[float] = []
    select_for = adapter.select.select

    def select(*arguments: Any) -> Any:
        waits.append(arguments[-1])
        return select_for(*arguments)

    monkeypatch.setattr(adapter.select, "select", select)
    for _ in range(20):
        assert link.receive(link.now_s) is None
    assert waits == [0.0] * 20


# --- what is lost is seen ---


def test_an_unpaced_answer_is_not_lost(link: Link, peer: can.BusABC) -> None:
    for number in range(3000):
        peer.send(Frame(0x748, number.to_bytes(2, "big")).message())
    assert len(received(link, 0.5)) == 3000
    assert link.lost_frames == 0
    link.check_sent()


def test_frames_beyond_the_buffer_are_counted_and_make_silence_ours(
    monkeypatch: pytest.MonkeyPatch, peer: can.BusABC
) -> None:
    monkeypatch.setattr(adapter, "BUFFER_BYTES", 20_000)
    link = open_channel()
    link.send(REQUEST)
    for number in range(500):
        peer.send(Frame(0x748, number.to_bytes(2, "big")).message())
    arrived = len(received(link, 0.5))
    assert 0 < arrived < 500
    assert arrived + link.lost_frames == 500
    with pytest.raises(LinkError, match=rf"frames were lost \({link.lost_frames}\), perhaps an answer"):
        link.check_sent()
    link.check_sent()
    link.close()


def test_an_echo_that_was_lost_does_not_spoil_what_follows(monkeypatch: pytest.MonkeyPatch, peer: can.BusABC) -> None:
    monkeypatch.setattr(adapter, "BUFFER_BYTES", 20_000)
    link = open_channel()
    for number in range(500):
        peer.send(Frame(0x100, number.to_bytes(2, "big")).message())
    link.send(REQUEST)
    received(link, 0.5)
    assert link.unsent == 1
    with pytest.raises(LinkError, match="lost"):
        link.check_sent()
    link.send(REQUEST)
    link.check_sent()
    assert link.unsent == 0
    link.close()


def test_an_ordinary_user_gets_as_much_room_as_the_system_gives() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    os.seteuid(65534)
    try:
        with SocketcanBus(channel=CHANNEL) as bus:
            adapter.adapter_of(bus)
            size = bus.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    finally:
        os.seteuid(0)
    assert size == 2 * int(Path("/proc/sys/net/core/rmem_max").read_text(encoding="ascii"))


# --- what the controller reports; vcan passes on error frames that another program makes up ---


def send_error(peer: can.BusABC, error_class: int, data: bytes = bytes(8)) -> None:
    assert isinstance(peer, SocketcanBus)
    peer.socket.send(struct.pack("=IB3x8s", adapter.CAN_ERR_FLAG | error_class, 8, data))


def test_bus_off_is_a_link_error(link: Link, peer: can.BusABC) -> None:
    send_error(peer, adapter.CAN_ERR_BUSOFF)
    with pytest.raises(LinkError, match="bus-off"):
        link.receive(link.now_s + 1.0)
    assert link.trace.frames(0, 1)[0].is_error


def test_an_overrun_of_the_controller_is_a_lost_frame(link: Link, peer: can.BusABC) -> None:
    send_error(peer, adapter.CAN_ERR_CRTL, bytes((0, adapter.CAN_ERR_CRTL_RX_OVERFLOW, 0, 0, 0, 0, 0, 0)))
    assert received(link, 0.05) == []
    assert link.lost_frames == 1
    with pytest.raises(LinkError, match=r"frames were lost \(1\)"):
        link.check_sent()


def test_other_error_frames_are_recorded_and_do_no_harm(link: Link, peer: can.BusABC) -> None:
    send_error(peer, 0x08)
    peer.send(ANSWER.message())
    assert [frame.can_id for frame in received(link, 0.05)] == [0x748]
    assert [frame.is_error for frame in link.trace.frames(0, 9)] == [True, False]
    assert link.lost_frames == 0


# --- what goes wrong ---


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_interface_that_is_not_there_is_a_user_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError) as caught:
        open_channel("nope0")
    assert one_line(caught) == "cannot open socketcan:nope0: there is no interface 'nope0'; try: ip link show"
    assert capfd.readouterr() == ("", "")


def test_an_interface_that_is_down_is_a_user_error(own_interface: str) -> None:
    ip("set", own_interface, "down")
    with pytest.raises(UserError) as caught:
        open_channel(own_interface)
    assert (
        one_line(caught)
        == f"cannot open socketcan:{own_interface}: the interface is down; try: sudo ip link set {own_interface} up"
    )


@pytest.mark.parametrize("how", [("set", OWN_CHANNEL, "down"), ("del", OWN_CHANNEL)], ids=["down", "gone"])
def test_an_interface_that_goes_away_is_a_link_error(own_interface: str, how: tuple[str, ...]) -> None:
    link = open_channel(own_interface)
    ip(*how)
    with pytest.raises(LinkError) as caught:
        link.receive(link.now_s + 1.0)
    assert "the adapter does not receive" in one_line(caught)
    with pytest.raises(LinkError) as caught:
        link.send(REQUEST)
    assert "the adapter does not send" in one_line(caught)
    assert "see that the interface is up" in one_line(caught)
    link.close()


def test_a_second_run_on_the_same_bus_is_refused_and_a_stranger_is_not(link: Link, peer: can.BusABC) -> None:
    with pytest.raises(UserError) as caught:
        open_channel()
    assert "another run uses this bus" in one_line(caught)
