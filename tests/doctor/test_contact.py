"""Prove the diagnoses of an open bus: traffic, errors, an adapter that does not send."""

from dataclasses import replace
from pathlib import Path

import can
import pytest

from harness.buses import SimulatedLink
from harness.doctor.answering import contact
from harness.doctor.computer import Machine
from harness.doctor.diagnosis import Diagnosis
from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import factory
from harness.ecu.server import Server
from harness.errors import LinkError
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.simulation.node import Node, Port
from harness.target import Target, load_target

from ..discovery.nodes import ALONE
from ..discovery.shy_nodes import short_frames_only
from .test_socketcan import with_controller, with_device


class Unacknowledged(SimulatedLink):
    """An adapter that is alone on its bus, so that nobody acknowledges its frames."""

    def __init__(self, nodes: list[Node]) -> None:
        super().__init__(nodes, bitrate=500_000, chance=Chance(1), trace=Trace())

    def send(self, frame: Frame) -> None:
        raise LinkError("socketcan:can0: a frame that was handed to the adapter did not go out")


class Disturbed(SimulatedLink):
    """An adapter that reports three errors for each wait."""

    def receive(self, until_s: float) -> Frame | None:
        for _ in range(3):
            self.trace.record(Frame(0x88, bytes(8), is_error=True))
        return super().receive(until_s)


class FullFramesOnly(UdsNode):
    """An ECU that ignores frames without padding."""

    def on_frame(self, frame: can.Message) -> None:
        if frame.dlc == 8:
            super().on_frame(frame)


class Talkative:
    """A node that sends on the ECU's response id, and on another id, without any request."""

    def attach(self, port: Port) -> None:
        self.port = port
        self.send()

    def send(self) -> None:
        for can_id in (0x748, 0x100):
            self.port.send(can.Message(arbitration_id=can_id, data=bytes(8), is_extended_id=False))
        self.port.call_later(0.1, self.send)

    def on_frame(self, frame: can.Message) -> None:
        return


def nodes() -> list[Node]:
    return factory("hardened")()


def examined(link: SimulatedLink, target: Target, machine: Machine | None = None) -> dict[str, Diagnosis]:
    return {one.what: one for one in contact(link, target, machine or Machine())}


def simulated(*others: Node) -> SimulatedLink:
    return SimulatedLink([*nodes(), *others], bitrate=500_000, chance=Chance(1), trace=Trace())


def test_an_ecu_that_answers_is_all_well() -> None:
    found = examined(simulated(), load_target("hardened"))
    assert {one.state.value for one in found.values()} == {"ok"}
    assert list(found) == ["other traffic", "frames go out and are acknowledged", "the ECU answers"]


def test_traffic_is_counted_and_an_answer_that_nobody_asked_for_is_told() -> None:
    found = examined(simulated(Talkative()), load_target("hardened"))
    assert found["other traffic"].seen == "20 frames a second of 2 ids"
    assert found["the response id"].state.value == "note"
    assert "0x748" in found["the response id"].seen


def test_an_ecu_that_takes_short_frames_only_is_told_from_a_dead_one() -> None:
    link = SimulatedLink([short_frames_only()], bitrate=500_000, chance=Chance(1), trace=Trace())
    found = examined(link, load_target("hardened"))["the ECU answers"]
    assert found.has_failed
    assert "to frames that are not filled up: padding = false" in found.remedy


def test_an_ecu_that_takes_full_frames_only_is_told_from_a_dead_one() -> None:
    link = SimulatedLink([FullFramesOnly(Server(ALONE))], bitrate=500_000, chance=Chance(1), trace=Trace())
    target = load_target("hardened")
    found = examined(link, replace(target, can=replace(target.can, padding=None)))["the ECU answers"]
    assert "to frames that are filled up: padding = 0x00" in found.remedy


def test_error_frames_are_a_failure() -> None:
    link = Disturbed(nodes(), bitrate=500_000, chance=Chance(1), trace=Trace())
    found = examined(link, load_target("hardened"))
    assert found["error frames"].has_failed
    assert "bit rate" in found["error frames"].remedy[0]


@pytest.mark.parametrize(("state", "says"), [("ERROR-PASSIVE", "nobody acknowledges"), ("BUS-OFF", "it has left the bus")])
def test_an_adapter_that_does_not_send_is_looked_at_again(state: str, says: str, tmp_path: Path) -> None:
    machine = with_controller(with_device(tmp_path), state, berr_counter={"tx": 128, "rx": 0})
    target = load_target("hardened")
    target = replace(target, can=replace(target.can, interface="socketcan", channel="can0"))
    found = examined(Unacknowledged(nodes()), target, machine)
    assert found["frames go out and are acknowledged"].has_failed
    told = found["the controller's error state"]
    assert says in " ".join((told.seen, *told.remedy))
    assert "the ECU answers" not in found
