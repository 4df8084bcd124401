"""Prove the hardened ECU on a bus: which frames it accepts, long messages in both directions, and slow answers."""

from typing import Any

import can
import pytest

from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED, hardened
from harness.ecu.server import Server
from harness.link.clock import Chance
from harness.link.frame import Frame, parse
from harness.link.trace import Trace
from harness.simulation.node import Node
from harness.simulation.simulated_link import SimulatedLink
from tests.steps import dialogues, play

from .bench import Bench, HardenedBench

BOOT_S = HARDENED.boot_s
ANSWER = "748#04621010FF000000"
CTS = "740#3000000000000000"


@pytest.fixture
def bench() -> Bench:
    return Bench(hardened())


def collect(bench: Bench, first_frame: str, flow_control: str = CTS) -> str:
    """Fetch a long answer whose first frame has come; return all of it in hex."""
    assert first_frame.startswith("748#1")
    size = int(first_frame[5:8], 16)
    content = first_frame[8:]
    for number, frame in enumerate(bench.give(flow_control), start=1):
        assert frame.startswith(f"748#2{number & 0xF:X}")
        content += frame[6:]
    return content[: 2 * size]


AT_ONCE = f"""
a request is answered on the response id
    740#0322101000000000 > {ANSWER}
an unpadded request is answered
    740#03221010 > {ANSWER}
a functional request is answered on the response id
    7DF#0322101000000000 > {ANSWER}
a functional request keeps unwanted refusals back
    740#02BA00 > 748#037FBA1100000000 | 7DF#02BA00 > nothing
a functional first frame is ignored
    7DF#1008221010202010 > nothing
a long answer that nobody fetches is given up
    740#0322F1A0 | wait: 1.1 s | {CTS} > nothing
a new answer takes the place of a long one
    740#0322F1A0 | 740#03221010 > {ANSWER} | {CTS} > nothing
a late consecutive frame is not executed
    740#1008221010202010 > 748#3000000000000000 | wait: 1.1 s | 740#211010 > nothing
the session lasts while a message is on its way
    740#021003 | wait: 4.9 s | 740#1012270211111111 | wait: 0.9 s | 740#2111111111111111
    740#2211111111111111 > 748#037F272400000000
the session has ended when a message begins after S3
    740#021003 | wait: s3 | 740#1012270211111111 | 740#2111111111111111 | 740#2211111111111111 > 748#037F277F00000000
a message that began before a reset is not completed after it
    740#1009221010202010 | 7DF#021101 | wait: boot | 740#21101010 > nothing
a power cycle forgets half a message
    740#1009221010202010 | power | 740#03221010 > nothing | wait: boot | 740#21101010 > nothing | 740#03221010 > {ANSWER}
"""
AFTER_A_DELAY = f"""
an answer comes after its delay
    740#03221010 > nothing | wait: 0.029 s > nothing | wait: 0.001 s > {ANSWER}
requests are lost while an answer is prepared
    740#03221010 | 740#023E00 | wait: 1 s > {ANSWER} | 740#023E00 | wait: 1 s > 748#027E000000000000
a silent request does not make the ECU busy
    740#023E80 | 740#03221010 | wait: 1 s > {ANSWER}
a power cycle ends the preparation of an answer
    740#03221010 | power | wait: boot > nothing | 740#03221010 | wait: 1 s > {ANSWER}
"""
PENDING = f"""
a pending answer comes after 78
    740#03221010 | wait: 0 s > 748#037F227800000000 | wait: 0.199 s > nothing | wait: 0.001 s > {ANSWER}
requests are lost between 78 and the final answer
    740#03221010 | wait: 0 s | 740#023E00 > nothing | wait: 1 s > {ANSWER}
"""


@pytest.mark.parametrize("steps", dialogues(AT_ONCE))
def test_the_hardened_ecu(steps: str) -> None:
    play(steps, HardenedBench().do)


@pytest.mark.parametrize("steps", dialogues(AFTER_A_DELAY))
def test_an_ecu_that_takes_its_time(steps: str) -> None:
    play(steps, HardenedBench(answer_delay_s=0.03).do)


@pytest.mark.parametrize("steps", dialogues(PENDING))
def test_an_ecu_whose_answers_are_pending(steps: str) -> None:
    play(steps, HardenedBench(pending_services=frozenset((0x22,)), pending_s=0.2).do)


# Which frames.


@pytest.mark.parametrize("frame", ["00000740#03221010", "000007DF#03221010", "741#03221010", "748#03221010", "740#R8"])
def test_other_frames_do_not_concern_it(bench: Bench, frame: str) -> None:
    assert bench.give(frame) == []


@pytest.mark.parametrize("kind", ["is_fd", "is_error_frame"])
def test_neither_fd_nor_error_frames_concern_it(bench: Bench, kind: str) -> None:
    frame = can.Message(arbitration_id=0x740, is_extended_id=False, data=bytes.fromhex("03221010"))
    setattr(frame, kind, True)
    bench.node.on_frame(frame)
    assert bench.frames() == []


@pytest.mark.parametrize("data", ["", "0022101000000000", "0822101000000000", "04221010", "4022101000000000", "100722"])
def test_frames_that_iso_tp_forbids_are_ignored(bench: Bench, data: str) -> None:
    assert bench.give(f"740#{data}") == []


@pytest.mark.parametrize("data", ["212E101077", "302701", "300000"])
def test_consecutive_frames_and_flow_controls_that_nothing_asked_for_are_ignored(bench: Bench, data: str) -> None:
    assert bench.give(f"740#{data}") == []
    assert bench.give("740#0322101000000000") == [ANSWER]


def test_padding_is_what_the_config_says() -> None:
    assert HardenedBench(padding=0xAA).give("740#03221010") == ["748#04621010FFAAAAAA"]
    assert HardenedBench(padding=None).give("740#03221010") == ["748#04621010FF"]


# Long messages.


def test_long_answer_waits_for_flow_control(bench: Bench) -> None:
    frames = bench.give("740#0322F1A0")
    assert len(frames) == 1
    assert bytes.fromhex(collect(bench, frames[0])) == b"\x62\xf1\xa0" + bytes(range(97))


def test_long_seed_and_long_key_unlock() -> None:
    bench = HardenedBench()
    bench.give("740#021003")
    answer = collect(bench, bench.give("740#022701")[0])
    request = "2702" + bench.key(bytes.fromhex(answer[4:]))
    assert bench.give("740#1012" + request[:12]) == ["748#3000000000000000"]
    assert bench.give("740#21" + request[12:26]) == []
    assert bench.give("740#22" + request[26:]) == ["748#0267020000000000"]
    assert bench.is_unlocked()


def test_long_answer_is_paced_as_the_tester_asks(bench: Bench) -> None:
    bench.give("740#0322F18C")
    assert len(bench.give("740#300014")) == 1
    assert bench.wait(0.019) == []
    assert len(bench.wait(0.002)) == 1
    assert bench.wait(5.0) == []


def test_pause_that_the_tester_asks_for_begins_at_the_end_of_a_frame(bench: Bench) -> None:
    bench.give("740#0322F18C")
    bench.give("740#300001")
    assert bench.wait(0.0012) == []
    assert len(bench.wait(0.0002)) == 1


def test_request_without_an_answer_leaves_a_long_one_alone(bench: Bench) -> None:
    first_frame = bench.give("740#0322F1A0")[0]
    assert bench.give("7DF#023E80") == []
    assert len(collect(bench, first_frame)) == 200


def test_session_lasts_while_a_long_answer_is_on_its_way() -> None:
    bench = HardenedBench()
    bench.give("740#021003")
    bench.give("740#0322F1A0")
    bench.give("740#30007F")
    assert len(bench.wait(1.7)) == 13
    bench.wait(4.9)
    assert len(bench.seed()) == 16


# Reset and power.


@pytest.mark.parametrize("delay_s", [0.0, 0.2])
def test_reset_is_answered_and_then_nothing_is_heard_until_the_boot_is_over(delay_s: float) -> None:
    bench = HardenedBench(answer_delay_s=delay_s)
    frames = bench.give("740#021101")
    frames += bench.wait(delay_s)
    assert frames == ["748#0251010000000000"]
    assert bench.give("740#03221010") == []
    assert bench.give("740#1008221010202010") == []
    assert bench.wait(BOOT_S - 0.001) == []
    assert bench.give("740#1008221010202010") == []
    bench.wait(0.001)
    assert bench.give("740#1008221010202010") == ["748#3000000000000000"]


def test_long_answers_are_paced_after_a_power_cycle(bench: Bench) -> None:
    bench.give("740#0322F18C")
    bench.power_cycle()
    bench.wait(2.0)
    bench.give("740#0322F18C")
    assert len(bench.give("740#300014") + bench.wait(0.1)) == 2


# Without python-can's messages.


class HeardAsMessages(UdsNode):
    """The hardened ECU, in a form that takes every frame as an object of python-can."""

    def __init__(self) -> None:
        super().__init__(Server(HARDENED))
        self.heard = 0

    def on_frame(self, frame: can.Message) -> None:
        self.heard += 1
        super().on_frame(frame)


class StandsBefore:
    """A node that inspects every frame, and hands it on to the node behind it."""

    def __init__(self) -> None:
        self.node = hardened()
        self.heard = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.node, name)

    def on_frame(self, frame: can.Message) -> None:
        self.heard += 1
        self.node.on_frame(frame)


def frames_with(node: Node) -> list[str]:
    """Return all frames on the simulated bus when requests are sent to the node, to all ECUs, and on its second
    connection.
    """
    trace = Trace()
    link = SimulatedLink([node], bitrate=500_000, chance=Chance(1), trace=trace)
    for data in ("0322101000000000", "1009221010202010", "2110100000000000", "0322F18C00000000", "3000000000000000"):
        link.send(Frame(0x740, bytes.fromhex(data)))
        link.receive(link.now_s + 0.05)
    for frame in ("7DF#023E00", "742#0322F18C00000000", "742#3000000000000000", "740#R3", "00000740#03221010"):
        link.send(parse(frame))
        link.receive(link.now_s + 0.05)
    while link.receive(link.now_s + 2.0):
        pass
    return [f"{frame.time_s:.9f} {frame.text()}" for frame in trace.frames(0, trace.count)]


@pytest.mark.parametrize("make", [HeardAsMessages, StandsBefore])
def test_whoever_looks_at_messages_hears_every_frame_and_changes_nothing(make: Any) -> None:
    looking = make()
    frames = frames_with(looking)
    assert frames == frames_with(hardened())
    assert looking.heard == 10


def test_an_answer_on_an_impossible_id_kills_the_node() -> None:
    with_faults = SimulatedLink(
        [UdsNode(Server(HARDENED), response_id=0x800)], bitrate=500_000, chance=Chance(1), trace=Trace()
    )
    with_faults.send(Frame(0x740, bytes.fromhex("03221010")))
    assert with_faults.receive(1.0) is None
    [fault] = with_faults.faults()
    assert "does not fit 11 bits" in fault.reason


# CAN FD


@pytest.fixture
def fd_bench() -> Bench:
    return Bench(hardened("can_fd"))


@pytest.mark.parametrize("frame", ["740##10322101000000000", "740##003221010", "740#03221010", "7DF##1032210100000"])
def test_requests_of_both_kinds_are_answered_by_can_fd_frames(fd_bench: Bench, frame: str) -> None:
    assert fd_bench.give(frame) == ["748##104621010FF000000"]


def test_a_long_answer_is_one_frame_of_can_fd(fd_bench: Bench) -> None:
    serial = next(entry for entry in HARDENED.data_identifiers if entry.did == 0xF18C).initial
    assert fd_bench.give("740##10322F18C00000000") == ["748##1" + f"001362F18C{serial.hex().upper()}".ljust(2 * 24, "0")]


def test_a_longer_answer_waits_for_its_flow_control(fd_bench: Bench) -> None:
    (first,) = fd_bench.give("740##10322F1A000000000")
    assert first.startswith("748##1106462F1A0000102")
    assert len(first) == len("748##1") + 2 * 64
    (rest,) = fd_bench.give("740##13000000000000000")
    assert rest.startswith("748##121")
    assert len(rest) == len("748##1") + 2 * 48


def test_a_classic_ecu_hears_no_can_fd_frames() -> None:
    assert HardenedBench().give("740##10322101000000000") == []


def test_can_fd_hears_neither_remote_frames_nor_29_bit_ids(fd_bench: Bench) -> None:
    assert fd_bench.give("740#R8") == fd_bench.give("00000740##103221010") == []
