"""Prove that our endpoint works with can-isotp and with Scapy's soft socket, in real time."""

import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

import can
import isotp
import pytest

from harness.link.isotp import IsoTp, IsoTpConfig

REQUEST_ID, ANSWER_ID = 0x740, 0x748
GIVE_UP_S = 60
LENGTHS = (1, 7, 8, 20, 62, 200, 4095)

T = TypeVar("T")


def message_of(length: int) -> bytes:
    return random.Random(length).randbytes(length)


def endpoint(*, block_size: int = 0, stmin: int = 0, padding: int | None = 0x00, tx_dl: int = 8) -> IsoTp:
    """Return an endpoint of ours with long time-outs, since a busy machine is no fault of the protocol."""
    return IsoTp(
        IsoTpConfig(tx_dl=tx_dl, block_size=block_size, stmin=stmin, padding=padding, n_bs_s=GIVE_UP_S, n_cr_s=GIVE_UP_S)
    )


class CanIsoTp:
    """can-isotp's logic, connected to our endpoint by two queues. Each `step` moves what is due, in both directions."""

    def __init__(self, ours: IsoTp, **params: int | None) -> None:
        self.ours = ours
        self.to_theirs: deque[isotp.CanMessage] = deque()
        self.to_ours: deque[isotp.CanMessage] = deque()
        self.errors: list[Exception] = []
        self.theirs = isotp.TransportLayerLogic(
            rxfn=lambda _timeout: self.to_theirs.popleft() if self.to_theirs else None,
            txfn=self.to_ours.append,
            address=isotp.Address(isotp.AddressingMode.Normal_11bits, txid=ANSWER_ID, rxid=REQUEST_ID),
            error_handler=self.errors.append,
            params={"rx_flowcontrol_timeout": 60_000, "rx_consecutive_frame_timeout": 60_000, **params},
        )

    def step(self) -> bytes | None:
        """Do one step; return what our endpoint received."""
        self.ours.tick(time.monotonic())
        self._take()
        self.theirs.process()
        message = None
        while self.to_ours:
            message = self.ours.receive(self.to_ours.popleft().data, time.monotonic()) or message
            self._take()
        return message

    def _take(self) -> None:
        self.to_theirs.extend(isotp.CanMessage(arbitration_id=REQUEST_ID, data=frame) for frame in self.ours.outbox)
        self.ours.outbox.clear()


def until(ask: Callable[[], T | None]) -> T | None:
    """Call `step` until it returns an answer, and return that; None if none comes within a minute."""
    give_up_s = time.monotonic() + GIVE_UP_S
    while time.monotonic() < give_up_s:
        answer = ask()
        if answer is not None:
            return answer
    return None


def crosses_to_can_isotp(joined: CanIsoTp, pdu: bytes) -> bool:
    """Whether can-isotp receives what our endpoint sends, without an error."""

    def ask() -> bytes | None:
        joined.step()
        received = joined.theirs.recv()
        return None if received is None else bytes(received)

    joined.ours.send(pdu, time.monotonic())
    return until(ask) == pdu and not joined.errors and joined.ours.fault is None


def crosses_from_can_isotp(joined: CanIsoTp, pdu: bytes) -> bool:
    """Whether our endpoint receives what can-isotp sends, without an error."""
    joined.theirs.send(pdu)
    return until(joined.step) == pdu and not joined.errors and joined.ours.fault is None


@pytest.mark.parametrize(("block_size", "stmin"), [(0, 0), (1, 0), (8, 0xF1)])
@pytest.mark.parametrize("length", LENGTHS)
def test_can_isotp_receives_what_ours_sends(length: int, block_size: int, stmin: int) -> None:
    assert crosses_to_can_isotp(CanIsoTp(endpoint(), blocksize=block_size, stmin=stmin), message_of(length))


@pytest.mark.parametrize(("block_size", "stmin"), [(0, 0), (1, 0), (8, 0xF1)])
@pytest.mark.parametrize("length", LENGTHS)
def test_ours_receives_what_can_isotp_sends(length: int, block_size: int, stmin: int) -> None:
    assert crosses_from_can_isotp(CanIsoTp(endpoint(block_size=block_size, stmin=stmin)), message_of(length))


@pytest.mark.parametrize("padding", [None, 0xCC])
@pytest.mark.parametrize("length", [1, 7, 8, 20, 62])
def test_can_isotp_receives_what_ours_sends_padded_or_not(length: int, padding: int | None) -> None:
    assert crosses_to_can_isotp(CanIsoTp(endpoint(padding=padding)), message_of(length))


@pytest.mark.parametrize("padding", [None, 0xCC])
@pytest.mark.parametrize("length", [1, 7, 8, 20, 62])
def test_ours_receives_what_can_isotp_sends_padded_or_not(length: int, padding: int | None) -> None:
    assert crosses_from_can_isotp(CanIsoTp(endpoint(), tx_padding=padding), message_of(length))


def test_ours_takes_at_least_the_time_that_can_isotp_asks_for() -> None:
    joined = CanIsoTp(endpoint(), blocksize=3, stmin=10)
    start_s = time.monotonic()
    assert crosses_to_can_isotp(joined, message_of(6 + 7 * 11))
    assert time.monotonic() - start_s >= 10 * 0.010


def test_can_isotp_hears_that_ours_has_no_room() -> None:
    joined = CanIsoTp(endpoint())
    joined.theirs.params.set("max_frame_size", 5000)
    joined.theirs.send(bytes(4096))
    until(lambda: joined.step() or joined.errors or None)
    assert [type(error) for error in joined.errors] == [isotp.OverflowError]


FD_LENGTHS = (1, 7, 8, 10, 11, 62, 63, 64, 126, 200, 4095)


@pytest.mark.parametrize("padding", [None, 0xCC])
@pytest.mark.parametrize("tx_dl", [8, 12, 64])
@pytest.mark.parametrize("length", FD_LENGTHS)
def test_can_isotp_receives_what_ours_sends_on_can_fd(length: int, tx_dl: int, padding: int | None) -> None:
    assert crosses_to_can_isotp(CanIsoTp(endpoint(tx_dl=tx_dl, padding=padding), can_fd=True), message_of(length))


@pytest.mark.parametrize("padding", [None, 0xCC])
@pytest.mark.parametrize("tx_dl", [8, 12, 64])
@pytest.mark.parametrize("length", FD_LENGTHS)
def test_ours_receives_what_can_isotp_sends_on_can_fd(length: int, tx_dl: int, padding: int | None) -> None:
    joined = CanIsoTp(endpoint(tx_dl=64), can_fd=True, tx_data_length=tx_dl, tx_padding=padding)
    assert crosses_from_can_isotp(joined, message_of(length))


# --- Scapy's soft socket ---


class ScapySocket:
    """Scapy's ISOTPSoftSocket and our endpoint on one virtual bus."""

    def __init__(self, ours: IsoTp, channel: str, *, block_size: int, stmin: int, padding: bool) -> None:
        from scapy.contrib.cansocket_python_can import PythonCANSocket
        from scapy.contrib.isotp import ISOTPSoftSocket

        self.ours = ours
        self.bus = can.Bus(interface="virtual", channel=channel)
        self.below = PythonCANSocket(interface="virtual", channel=channel)  # type: ignore[arg-type]
        self.theirs = ISOTPSoftSocket(
            self.below, tx_id=ANSWER_ID, rx_id=REQUEST_ID, bs=block_size, stmin=stmin, padding=padding
        )
        self.theirs.impl.fc_timeout = self.theirs.impl.cf_timeout = GIVE_UP_S

    def close(self) -> None:
        self.theirs.close()
        self.below.close()
        self.bus.shutdown()

    def step(self) -> bytes | None:
        """Return what our endpoint received, after at most 2 ms."""
        self._take()
        frame = self.bus.recv(timeout=0.002)
        message = None
        if frame is not None and frame.arbitration_id == ANSWER_ID:
            message = self.ours.receive(frame.data, time.monotonic())
        self.ours.tick(time.monotonic())
        self._take()
        return message

    def received(self) -> bytes | None:
        """Return what Scapy's socket received."""
        self.step()
        if not self.theirs.select([self.theirs], 0):
            return None
        packet = self.theirs.recv()
        return None if packet is None else bytes(packet.data)

    def _take(self) -> None:
        for frame in self.ours.outbox:
            self.bus.send(can.Message(arbitration_id=REQUEST_ID, data=frame, is_extended_id=False))
        self.ours.outbox.clear()


@pytest.fixture
def scapy_socket(request: pytest.FixtureRequest) -> Iterator[Callable[..., ScapySocket]]:
    """Make the connected pair on a bus of its own, and close it at the end."""
    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    opened: list[ScapySocket] = []

    def open_pair(ours: IsoTp, *, block_size: int = 0, stmin: int = 0, padding: bool = False) -> ScapySocket:
        opened.append(ScapySocket(ours, request.node.name, block_size=block_size, stmin=stmin, padding=padding))
        return opened[-1]

    yield open_pair
    for pair in opened:
        pair.close()


@pytest.mark.parametrize(
    ("length", "block_size", "stmin"), [(1, 0, 0), (7, 0, 0), (8, 0, 0), (62, 3, 0), (200, 0, 1), (1000, 0, 0)]
)
def test_scapy_receives_what_ours_sends(
    scapy_socket: Callable[..., ScapySocket], length: int, block_size: int, stmin: int
) -> None:
    pair = scapy_socket(endpoint(), block_size=block_size, stmin=stmin)
    pair.ours.send(message_of(length), time.monotonic())
    assert until(pair.received) == message_of(length)


@pytest.mark.parametrize(
    ("length", "block_size", "stmin", "padding"),
    [(1, 0, 0, False), (7, 0, 0, True), (8, 0, 0, True), (62, 3, 0, False), (200, 0, 0, False), (200, 0, 0xF1, True)],
)
def test_ours_receives_what_scapy_sends(
    scapy_socket: Callable[..., ScapySocket], length: int, block_size: int, stmin: int, padding: bool
) -> None:
    from scapy.contrib.isotp import ISOTP

    pair = scapy_socket(endpoint(block_size=block_size, stmin=stmin), padding=padding)
    pair.theirs.send(ISOTP(message_of(length)))
    assert until(pair.step) == message_of(length)
