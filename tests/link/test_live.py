"""Prove that nodes on a real bus receive the same frames as on the simulated one."""

from collections.abc import Iterator

import can
import pytest

from harness.ecu.profiles import article
from harness.simulation.live import LiveBus
from harness.simulation.node import Port


class Heard(Exception):
    """Raised to end the bus, since the awaited frame has come."""


class Listener:
    """A node that ends the bus at the first frame with its id."""

    def __init__(self, can_id: int) -> None:
        self.can_id = can_id

    def attach(self, port: Port) -> None:
        self.port = port

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id == self.can_id:
            raise Heard(bytes(frame.data).hex())


class Caller(Listener):
    """A node that sends one frame after a moment."""

    def attach(self, port: Port) -> None:
        super().attach(port)
        port.call_later(0.001, self.speak)

    def speak(self) -> None:
        self.port.send(can.Message(arbitration_id=0x740, is_extended_id=False, data=bytes.fromhex("0322101000000000")))


@pytest.fixture
def bus() -> Iterator[can.BusABC]:
    with can.Bus(interface="virtual", channel="live") as opened:
        yield opened


def test_nodes_on_one_bus_hear_each_other(bus: can.BusABC) -> None:
    with pytest.raises(Heard, match="0322101000000000"):
        LiveBus(bus, [Caller(0x7FF), Listener(0x740)]).run()


def test_a_node_does_not_hear_itself_but_the_answer(bus: can.BusABC) -> None:
    with pytest.raises(Heard, match="04621010ff000000"):
        LiveBus(bus, [Caller(0x748), article()]).run()


def test_what_a_node_sends_is_on_the_bus(bus: can.BusABC) -> None:
    with can.Bus(interface="virtual", channel="live") as other:
        with pytest.raises(Heard):
            LiveBus(bus, [Caller(0x7FF), Listener(0x740)]).run()
        message = other.recv(1.0)
    assert message is not None
    assert (message.arbitration_id, bytes(message.data)[:4]) == (0x740, b"\x03\x22\x10\x10")


def test_what_comes_from_the_bus_is_heard(bus: can.BusABC) -> None:
    with can.Bus(interface="virtual", channel="live") as other:
        other.send(can.Message(arbitration_id=0x123, is_extended_id=False, data=b"\x01"))
        with pytest.raises(Heard, match="01"):
            LiveBus(bus, [Listener(0x123)]).run()
