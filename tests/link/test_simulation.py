"""Prove the simulated bus: the order of events, who receives which frames, and that no node can harm the harness."""

import contextlib
import itertools
import math
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import can
import pytest

from harness.link.bus import NodeFault
from harness.link.clock import VIRTUAL_EPOCH_S, Chance
from harness.link.frame import Frame
from harness.link.trace import KEEP, Trace
from harness.simulation import watchdog
from harness.simulation.node import Node, Port, Timer
from harness.simulation.simulated_bus import (
    CONSOLE_CHARACTERS,
    EVENTS_AT_ONE_INSTANT,
    FRAMES_WAITING,
    NodeConsole,
    Simulation,
)
from harness.simulation.simulated_link import SimulatedLink
from tests.calls import calls_made_by

BIT_S = 1 / 500_000


def message(can_id: int, data: bytes | bytearray = b"", *, is_extended: bool = False) -> can.Message:
    return can.Message(arbitration_id=can_id, data=data, is_extended_id=is_extended)


class Listener:
    """A node that receives frames, and sends none."""

    def __init__(self) -> None:
        self.heard: list[can.Message] = []
        self.heard_at_s: list[float] = []

    def attach(self, port: Port) -> None:
        self.port = port

    def on_frame(self, frame: can.Message) -> None:
        self.heard.append(frame)
        self.heard_at_s.append(self.port.now_s)

    @property
    def heard_ids(self) -> list[int]:
        return [frame.arbitration_id for frame in self.heard]


class Starter(Listener):
    """A node that does one thing when it is attached, and again when its power is cycled."""

    def __init__(self, start: Callable[[Port], object]) -> None:
        super().__init__()
        self._start = start

    def attach(self, port: Port) -> None:
        super().attach(port)
        self._start(port)

    def power_cycle(self) -> None:
        self._start(self.port)


class Answerer(Listener):
    """A node that does one thing at each frame, and has no `power_cycle`."""

    def __init__(self, answer: Callable[[Port, can.Message], object]) -> None:
        super().__init__()
        self._answer = answer

    def on_frame(self, frame: can.Message) -> None:
        super().on_frame(frame)
        self._answer(self.port, frame)


def echo(port: Port, frame: can.Message) -> None:
    port.send(message(0x748, frame.data))


def raises(*_: object) -> None:
    raise RuntimeError("boom")


def bus_of(*nodes: Node, bitrate: int = 500_000, seed: int = 0, console: NodeConsole | None = None) -> Simulation:
    return Simulation(nodes, bitrate=bitrate, chance=Chance(seed), trace=Trace(), console=console)


def run(bus: Simulation, seconds: float = 1.0) -> list[Frame]:
    """Return what the harness receives in the next `seconds`."""
    until_s = bus.now_s + seconds
    heard: list[Frame] = []
    while (frame := bus.receive(until_s)) is not None:
        heard.append(frame)
    return heard


def fault_of(bus: Simulation) -> NodeFault:
    (fault,) = bus.faults()
    return fault


# --- time ---


@pytest.mark.parametrize("seconds", [10.0, 3600.0, 1e9])
def test_waiting_on_a_silent_bus_is_no_work(seconds: float) -> None:
    bus = bus_of(Listener())
    assert calls_made_by(lambda: run(bus, seconds)) < 20
    assert bus.now_s == seconds


def test_nothing_happens_unless_somebody_waits() -> None:
    node = Starter(lambda port: port.call_later(0.0, lambda: port.send(message(0x100))))
    bus = bus_of(node)
    assert bus.now_s == 0.0
    assert bus.trace.count == 0


def test_time_stands_still_while_a_node_works() -> None:
    times: list[float] = []

    def work(port: Port, _: can.Message) -> None:
        times.append(port.now_s)
        sum(range(100_000))
        times.append(port.now_s)

    bus = bus_of(Answerer(work))
    bus.send(Frame(0x740, b""))
    run(bus)
    assert times[0] == times[1]


def test_the_wall_clock_of_a_node_is_virtual_too() -> None:
    node = Listener()
    bus = bus_of(node)
    run(bus, 12.5)
    assert node.port.utc_s == VIRTUAL_EPOCH_S + 12.5


def test_advancing_to_the_past_does_nothing() -> None:
    bus = bus_of(Listener())
    run(bus, 5.0)
    assert bus.receive(1.0) is None
    assert bus.now_s == 5.0


def test_waiting_for_ever_ends_when_nothing_is_left_to_happen() -> None:
    node = Starter(lambda port: port.call_later(7.0, lambda: None))
    bus = bus_of(node)
    node.port.call_later(math.inf, raises)
    bus.receive(math.inf)
    assert bus.now_s == 7.0
    assert not bus.faults()


# --- frames take their time ---


@pytest.mark.parametrize("bitrate", [125_000, 500_000, 1_000_000])
@pytest.mark.parametrize(
    ("frame", "bits"),
    [
        (Frame(0x740, b""), 47),
        (Frame(0x740, bytes(8)), 111),
        (Frame(0x740, bytes(3), True), 91),
        (Frame(0x740, bytes(8), True), 131),
        (Frame(0x740, b"", is_remote=True, dlc=8), 47),
    ],
)
def test_a_frame_takes_the_time_of_its_bits(bitrate: int, frame: Frame, bits: int) -> None:
    node = Listener()
    bus = bus_of(node, bitrate=bitrate)
    run(bus, 1.0)
    bus.send(frame)
    run(bus)
    assert node.heard_at_s == pytest.approx([1.0 + bits / bitrate], abs=1e-12)
    assert bus.trace.frames(0, 1)[0].time_s == node.heard_at_s[0]


@pytest.mark.parametrize(
    ("frame", "bits", "fast_bits"),
    [
        (Frame(0x740, b"", is_fd=True), 30 + 31, 0),
        (Frame(0x740, bytes(8), is_fd=True, fd_flags=1), 30, 8 * 8 + 31),
        (Frame(0x740, bytes(64), is_fd=True, fd_flags=1), 30, 8 * 64 + 36),
        (Frame(0x740, bytes(64), True, is_fd=True, fd_flags=1), 50, 8 * 64 + 36),
        (Frame(0x740, bytes(64), is_fd=True, fd_flags=2), 30 + 8 * 64 + 36, 0),
    ],
)
def test_a_can_fd_frame_may_send_its_middle_faster(frame: Frame, bits: int, fast_bits: int) -> None:
    node = Listener()
    bus = Simulation([node], bitrate=500_000, data_bitrate=2_000_000, chance=Chance(0), trace=Trace())
    bus.send(frame)
    run(bus)
    assert node.heard_at_s == pytest.approx([bits / 500_000 + fast_bits / 2_000_000], abs=1e-12)
    assert (node.heard[0].is_fd, node.heard[0].bitrate_switch) == (True, frame.fd_flags == 1)


def test_without_a_data_bit_rate_all_goes_at_the_one() -> None:
    node = Listener()
    bus = bus_of(node)
    bus.send(Frame(0x740, bytes(8), is_fd=True, fd_flags=1))
    run(bus)
    assert node.heard_at_s == pytest.approx([(30 + 8 * 8 + 31) / 500_000], abs=1e-12)


def test_frames_follow_each_other_without_a_gap() -> None:
    node = Listener()
    bus = bus_of(node)
    for number in range(3):
        bus.send(Frame(0x740, bytes((number,))))
    run(bus)
    assert node.heard_at_s == pytest.approx([(47 + 8) * BIT_S * count for count in (1, 2, 3)])


def test_renewed_nodes_know_nothing_of_the_old_ones_and_what_was_under_way_is_lost() -> None:
    bus = bus_of(Starter(lambda port: port.call_later(0.5, lambda: port.send(message(0x700)))))
    bus.send(Frame(0x740, bytes(8)))
    run(bus, 111 * BIT_S * 0.5)
    before_s, node = bus.now_s, Answerer(echo)
    bus.replace_nodes([node])
    assert run(bus) == []
    assert node.heard_ids == []
    bus.send(Frame(0x741, b""))
    assert [frame.can_id for frame in run(bus)] == [0x748]
    assert bus.now_s > before_s, "time goes on"


def test_a_link_knows_how_long_nothing_comes() -> None:
    node = Answerer(lambda port, frame: port.call_later(0.5, lambda: echo(port, frame)))
    link = SimulatedLink([node], bitrate=500_000, chance=Chance(0), trace=Trace())
    assert link.is_quiet_for(1e9)
    link.send(Frame(0x740, bytes(8)))
    assert not link.is_quiet_for(0.0), "our own frame is under way"
    assert link.receive(0.1) is None
    assert (link.is_quiet_for(0.3), link.is_quiet_for(0.5)) == (True, False)
    assert link.receive(1.0) is not None
    assert link.is_quiet_for(1e9)


def test_a_frame_that_is_not_through_yet_has_not_arrived() -> None:
    bus = bus_of(Answerer(echo))
    bus.send(Frame(0x740, bytes(8)))
    assert run(bus, 111 * BIT_S * 1.5) == []
    assert [frame.can_id for frame in run(bus, 111 * BIT_S)] == [0x748]


def test_a_lower_id_waits_for_the_frame_that_is_on_the_bus() -> None:
    node = Listener()
    bus = bus_of(node)
    bus.send(Frame(0x700, bytes(8)))
    run(bus, BIT_S)
    bus.send(Frame(0x001, b""))
    run(bus)
    assert node.heard_ids == [0x700, 0x001]


# --- arbitration ---


def test_of_frames_waiting_at_one_moment_the_lowest_id_goes_first() -> None:
    node = Listener()
    bus = bus_of(node)
    for can_id in (0x300, 0x100, 0x7FF, 0x000, 0x200):
        bus.send(Frame(can_id, b""))
    run(bus)
    assert node.heard_ids == [0x000, 0x100, 0x200, 0x300, 0x7FF]


def test_frames_of_several_nodes_compete() -> None:
    def node_of(*can_ids: int) -> Starter:
        return Starter(lambda port: [port.send(message(can_id)) for can_id in can_ids])

    bus = bus_of(node_of(0x300, 0x100), node_of(0x200, 0x050))
    bus.send(Frame(0x150, b""))
    run(bus)
    assert [frame.can_id for frame in bus.trace.frames(0, 9)] == [0x050, 0x100, 0x150, 0x200, 0x300]


def test_11_bits_go_before_29_bits_with_the_same_base_and_data_before_remote() -> None:
    base, extension = 0x123, 0x2AAAA
    in_order = [
        Frame(base - 1, b"", is_remote=True),
        Frame(base, b""),
        Frame(base, b"", is_remote=True),
        Frame(base << 18, b"", True),
        Frame(base << 18, b"", True, is_remote=True),
        Frame(base << 18 | extension, b"", True),
        Frame(base + 1, b""),
    ]
    bus = bus_of(Listener())
    for frame in reversed(in_order):
        bus.send(replace(frame))
    run(bus)
    assert [replace(frame, time_s=0.0, is_sent=False) for frame in bus.trace.frames(0, 9)] == in_order


def test_frames_with_one_id_keep_their_order() -> None:
    node = Listener()
    bus = bus_of(node)
    for number in range(50):
        bus.send(Frame(0x300 - number % 3, bytes((number,))))
    run(bus)
    for can_id in (0x2FE, 0x2FF, 0x300):
        numbers = [frame.data[0] for frame in node.heard if frame.arbitration_id == can_id]
        assert numbers == sorted(numbers)
    assert len(node.heard) == 50


def test_a_frame_of_this_very_moment_still_takes_part() -> None:
    """An event that is due now happens before the bus is given away."""
    node = Starter(lambda port: port.call_later(1.0, lambda: port.send(message(0x001))))
    bus = bus_of(node)
    run(bus, 0.5)
    node.port.call_later(0.5, lambda: node.port.send(message(0x000)))
    run(bus)
    assert [frame.can_id for frame in bus.trace.frames(0, 9)] == [0x000, 0x001]


def test_twenty_thousand_waiting_frames_are_no_burden() -> None:
    """`make bench` compares the time for each frame with that for two thousand waiting frames."""
    listener = Listener()
    bus = bus_of(listener)
    for number in range(20_000):
        bus.send(Frame(number % 0x700, b""))
    assert calls_made_by(lambda: run(bus, 100.0)) < 50 * 20_000
    assert [frame.arbitration_id for frame in listener.heard] == sorted(number % 0x700 for number in range(20_000))


# --- who hears whom ---


def test_nodes_and_harness_hear_each_other_but_not_themselves() -> None:
    talker = Starter(lambda port: port.send(message(0x100)))
    other_talker = Starter(lambda port: port.send(message(0x200)))
    listener = Listener()
    bus = bus_of(talker, other_talker, listener)
    bus.send(Frame(0x300, b""))
    heard = run(bus)
    assert talker.heard_ids == [0x200, 0x300]
    assert other_talker.heard_ids == [0x100, 0x300]
    assert listener.heard_ids == [0x100, 0x200, 0x300]
    assert [frame.can_id for frame in heard] == [0x100, 0x200]


def test_the_trace_has_every_frame_and_knows_our_own() -> None:
    bus = bus_of(Answerer(echo))
    bus.send(Frame(0x740, b"\x01"))
    run(bus)
    assert [(frame.can_id, frame.is_sent) for frame in bus.trace.frames(0, 9)] == [(0x740, True), (0x748, False)]


def test_a_remote_frame_arrives_as_one() -> None:
    node = Listener()
    bus = bus_of(node)
    bus.send(Frame(0x123, b"", is_remote=True, dlc=5))
    run(bus)
    assert node.heard[0].is_remote_frame
    assert node.heard[0].dlc == 5


def test_a_29_bit_frame_arrives_as_one() -> None:
    node = Listener()
    bus = bus_of(node)
    bus.send(Frame(0x740, b"\x01", True))
    run(bus)
    assert node.heard[0].is_extended_id


# --- timers ---


def test_timers_run_in_the_order_of_their_time_and_then_of_their_making() -> None:
    ran: list[tuple[float, str]] = []

    def start(port: Port) -> None:
        for delay_s, name in ((0.3, "c"), (0.1, "a"), (0.2, "b"), (0.1, "a2"), (0.0, "now")):
            port.call_later(delay_s, lambda name=name: ran.append((port.now_s, name)))  # type: ignore[misc]

    run(bus_of(Starter(start)))
    assert ran == [(0.0, "now"), (0.1, "a"), (0.1, "a2"), (0.2, "b"), (0.3, "c")]


def test_a_cancelled_timer_does_not_run() -> None:
    ran: list[str] = []
    timers: list[Timer] = []

    def start(port: Port) -> None:
        timers.append(port.call_later(0.2, lambda: ran.append("cancelled before")))
        timers[0].cancel()
        timers.append(port.call_later(0.2, lambda: ran.append("cancelled by a timer")))
        port.call_later(0.1, timers[1].cancel)
        timers.append(port.call_later(0.1, lambda: ran.append("ran")))

    run(bus_of(Starter(start)))
    timers[2].cancel()  # without effect
    assert ran == ["ran"]


@pytest.mark.parametrize("delay_s", [-1.0, -1e-9, math.nan])
def test_a_delay_that_is_none_is_refused_in_the_node(delay_s: float) -> None:
    bus = bus_of(Starter(lambda port: port.call_later(delay_s, lambda: None)))
    assert fault_of(bus).reason.startswith("raised ValueError: call_later")


def test_a_periodic_node_keeps_its_period() -> None:
    def start(port: Port) -> None:
        port.send(message(0x100))
        port.call_later(0.1, lambda: start(port))

    heard = run(bus_of(Starter(start)), 100.0)
    assert len(heard) == 1000
    assert heard[-1].time_s == pytest.approx(99.9 + 47 * BIT_S)


# --- chance ---


def seeds_drawn(seed: int, nodes: int = 2) -> list[bytes]:
    """Return five random bytes of each node."""
    drawn: list[bytes] = []
    bus_of(*[Starter(lambda port: drawn.append(port.random_bytes(5))) for _ in range(nodes)], seed=seed)
    return drawn


def test_the_same_seed_gives_each_node_the_same_chance() -> None:
    assert seeds_drawn(1) == seeds_drawn(1)
    assert seeds_drawn(1) != seeds_drawn(2)


def test_each_node_has_a_chance_of_its_own() -> None:
    assert len(set(seeds_drawn(1, nodes=20))) == 20
    assert seeds_drawn(1, nodes=20)[:2] == seeds_drawn(1)


# --- a node that fails is a dead ECU ---


def deadly(name: str) -> Callable[[Port, can.Message], object]:
    def raise_base(*_: object) -> None:
        raise BaseException("no Exception at all")

    def raise_untellable(*_: object) -> None:
        raise Untellable

    def send(frame: can.Message) -> Callable[[Port, can.Message], object]:
        return lambda port, _: port.send(frame)

    def recurse(port: Port, frame: can.Message) -> None:
        recurse(port, frame)

    return {
        "raises": raises,
        "sys.exit": lambda *_: sys.exit(3),
        "no Exception": raise_base,
        "an error that cannot be told": raise_untellable,
        "recursion": recurse,
        "not a message": lambda port, _: port.send(b"\x01\x02"),
        "an id too long": send(message(0x800)),
        "an id that is no number": send(message(1.5)),  # type: ignore[arg-type]
        "nine bytes": send(message(0x100, bytes(9))),
    }[name]


class Untellable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("and the text of the error raises too")


DEADLY = {
    "raises": "raised RuntimeError: boom",
    "sys.exit": "raised SystemExit: 3",
    "no Exception": "raised BaseException: no Exception at all",
    "an error that cannot be told": "raised Untellable: ",
    "recursion": "raised RecursionError: ",
    "not a message": "raised AttributeError: ",
    "an id too long": "raised ValueError: CAN id 0x800 does not fit 11 bits",
    "an id that is no number": "raised ValueError: CAN id 1.5 is no whole number",
    "nine bytes": "raised ValueError: a CAN frame cannot hold 9 bytes",
}


@pytest.mark.parametrize("what", DEADLY)
def test_what_a_node_raises_kills_it_and_nobody_else(what: str) -> None:
    dead, alive = Answerer(deadly(what)), Answerer(echo)
    bus = bus_of(dead, alive)
    for _ in range(3):
        bus.send(Frame(0x740, b"\x01"))
    assert len(run(bus)) == 3
    assert len(dead.heard) == 1
    fault = fault_of(bus)
    assert fault.node == "Answerer"
    assert fault.reason.startswith(DEADLY[what])
    assert fault.time_s == pytest.approx((47 + 8) * BIT_S)
    assert "Traceback" in fault.traceback


def test_a_node_that_raises_when_attached_is_dead() -> None:
    bus = bus_of(Starter(raises), Answerer(echo))
    bus.send(Frame(0x740, b"\x01"))
    assert len(run(bus)) == 1
    assert fault_of(bus).reason == "raised RuntimeError: boom"


def test_a_node_that_raises_in_a_timer_is_dead() -> None:
    bus = bus_of(Starter(lambda port: port.call_later(0.5, raises)))
    run(bus)
    assert fault_of(bus).time_s == 0.5


def test_a_dead_node_neither_hears_nor_sends_nor_acts() -> None:
    def start(port: Port) -> None:
        port.call_later(0.1, lambda: port.send(message(0x100)))
        port.call_later(0.2, lambda: port.send(message(0x101)))
        port.call_later(0.2, raises)
        port.call_later(0.3, lambda: port.send(message(0x102)))

    node = Starter(start)
    bus = bus_of(node)
    assert [frame.can_id for frame in run(bus)] == [0x100]
    node.port.send(message(0x103))
    bus.send(Frame(0x740, b""))
    assert run(bus) == []
    assert node.heard == []


def test_a_story_too_long_is_cut() -> None:
    def shout(*_: object) -> None:
        raise RuntimeError("x" * 10_000_000)

    bus = bus_of(Answerer(shout))
    bus.send(Frame(0x740, b""))
    run(bus)
    assert len(fault_of(bus).reason) + len(fault_of(bus).traceback) < 100_000


def test_ctrl_c_is_not_the_nodes() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    bus = bus_of(Answerer(interrupt), console=NodeConsole())
    bus.send(Frame(0x740, b""))
    stdout = sys.stdout
    with pytest.raises(KeyboardInterrupt):
        run(bus)
    assert sys.stdout is stdout
    assert not bus.faults()


# --- a node that never stops is a dead ECU ---


def again_after(delay_s: float) -> Starter:
    def again(port: Port) -> None:
        port.call_later(delay_s, lambda: again(port))

    return Starter(again)


@pytest.mark.parametrize("delay_s", [0.0, 1e-300, 1e-9])
def test_a_node_that_never_lets_time_pass_is_dead(delay_s: float) -> None:
    bus = bus_of(again_after(delay_s), Answerer(echo))
    bus.send(Frame(0x740, b"\x01"))
    assert [frame.can_id for frame in run(bus)] == [0x748]
    assert fault_of(bus).reason == "never lets time pass"


def test_two_nodes_that_wake_each_other_for_ever_are_dead() -> None:
    one, other = Listener(), Listener()

    def ping(here: Listener, there: Listener) -> None:
        there.port.call_later(0.0, lambda: ping(there, here))

    bus = bus_of(one, other)
    ping(one, other)
    run(bus)
    assert {fault.reason for fault in bus.faults()} == {"never lets time pass"}


def test_two_nodes_that_answer_each_other_for_ever_take_the_time_of_their_frames() -> None:
    bus = bus_of(Answerer(echo), Answerer(echo))
    bus.send(Frame(0x740, b""))
    assert len(run(bus, 1.0)) == pytest.approx(1.0 / (47 * BIT_S), abs=3)
    assert not bus.faults()


def test_a_busy_node_is_not_an_endless_one() -> None:
    def work(port: Port) -> None:
        for _ in range(EVENTS_AT_ONE_INSTANT // 2):
            port.call_later(0.0, lambda: None)
        port.call_later(0.002, lambda: work(port))

    bus = bus_of(Starter(work))
    run(bus, 0.02)
    assert not bus.faults()


def test_a_node_that_sends_faster_than_the_bus_fills_its_queue() -> None:
    def babble(port: Port) -> None:
        for _ in range(1000):
            port.send(message(0x700))
        port.call_later(0.001, lambda: babble(port))

    bus = bus_of(Starter(babble), Answerer(echo))
    bus.send(Frame(0x740, b"\x01"))
    heard = run(bus)
    assert fault_of(bus).reason == (
        f"raised CanOperationError: the transmit queue is full: {FRAMES_WAITING} frames wait in it"
    )
    assert 0x748 in [frame.can_id for frame in heard]


def spin(*_: object) -> None:
    while True:
        pass


def test_a_node_that_spins_is_interrupted_and_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patience is short here, so that the test does not take the real time."""
    monkeypatch.setattr(watchdog, "PATIENCE_S", 0.1)
    bus = bus_of(Answerer(spin), Answerer(echo))
    bus.send(Frame(0x740, b"\x01"))
    assert len(run(bus)) == 1
    assert fault_of(bus).reason == "spins"
    assert "in spin" in fault_of(bus).traceback


class Stuck:
    """A simulation as the watchdog sees it: this thread has been in the same call of a node from the beginning."""

    def __init__(self) -> None:
        self.calls = 1
        self.thread_id = threading.get_ident()
        self.is_in_node = True


def ticks_until_stuck(used_s: Iterator[float], monkeypatch: pytest.MonkeyPatch, seen: watchdog.CallUnderWay) -> int:
    """Return after how many looks the call counts as stuck, if the thread has used this much processor time at each look."""
    monkeypatch.setattr(watchdog, "thread_time_s", lambda _: next(used_s))
    simulation = Stuck()
    return next(tick for tick in itertools.count() if seen.is_stuck(simulation))


def test_a_busy_machine_takes_no_patience_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread gets a tenth of a processor: a call that needs two seconds of it may take its twenty."""
    seen = watchdog.CallUnderWay()
    assert ticks_until_stuck(itertools.count(0.0, 0.1), monkeypatch, seen) > 20 + 1


def test_a_node_that_waits_inside_a_call_is_stuck_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ticks_until_stuck(itertools.repeat(0.0), monkeypatch, watchdog.CallUnderWay()) == watchdog.PATIENCE_TICKS + 1


def test_a_simulation_that_has_spun_once_is_given_less_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watchdog.CallUnderWay()
    first = ticks_until_stuck(itertools.count(0.0, 1.0), monkeypatch, seen)
    seen.expect_another()
    again = ticks_until_stuck(itertools.count(0.0, 1.0), monkeypatch, seen)
    assert again < first
    assert again > watchdog.PATIENCE_AFTER_A_SPIN_S


# --- power ---


def test_a_dead_node_lives_again_when_its_power_is_cycled() -> None:
    bus = bus_of(Answerer(lambda port, frame: raises() if frame.data == b"\xff" else echo(port, frame)))
    assert not bus.can_power_cycle()
    for data in (b"\xff", b"\x01"):
        bus.send(Frame(0x740, data))
    assert run(bus) == []
    assert bus.can_power_cycle()
    bus.power_cycle()
    bus.send(Frame(0x740, b"\x01"))
    assert [frame.data for frame in run(bus)] == [b"\x01"]


def test_a_node_that_never_let_time_pass_lives_again_at_the_same_instant() -> None:
    calls = iter([0.0] * (EVENTS_AT_ONE_INSTANT + 10))

    def endless_once(port: Port) -> None:
        for delay_s in calls:
            port.call_later(delay_s, lambda: endless_once(port))
            return

    bus = bus_of(Starter(endless_once))
    bus.receive(1e-9)
    assert fault_of(bus).reason == "never lets time pass"
    bus.power_cycle()
    bus.receive(2e-9)
    assert len(bus.faults()) == 1


def test_a_power_cycle_drops_timers_and_waiting_frames_of_the_node_alone() -> None:
    is_first = [True]

    def start(port: Port) -> None:
        if is_first:
            port.send(message(0x100, bytes(8)))
            port.send(message(0x101))
            port.call_later(0.5, lambda: port.send(message(0x102)))

    victim = Starter(start)
    bystander = Answerer(echo)  # knows nothing of power
    bus = bus_of(victim, bystander)
    bystander.port.send(message(0x200))
    bystander.port.call_later(0.5, lambda: bystander.port.send(message(0x201)))
    bus.send(Frame(0x300, b""))
    run(bus, BIT_S)  # 100 is on the bus, the others wait
    is_first.clear()
    bus.power_cycle()
    run(bus)
    ids = [frame.can_id for frame in bus.trace.frames(0, 9) if frame.can_id != 0x748]
    assert ids == [0x200, 0x300, 0x201]


def test_a_node_that_raises_when_its_power_is_cycled_is_dead() -> None:
    starts = iter([lambda _: None, raises])
    bus = bus_of(Starter(lambda port: next(starts)(port)))
    bus.power_cycle()
    assert fault_of(bus).reason == "raised RuntimeError: boom"


def test_a_node_without_power_cycle_is_left_alone_while_it_lives() -> None:
    node = Listener()
    bus = bus_of(node)
    node.port.call_later(0.1, lambda: node.port.send(message(0x100)))
    bus.power_cycle()
    assert len(run(bus)) == 1


# --- the console ---


def prints(text: str) -> Callable[[Port, can.Message], None]:
    return lambda port, frame: print(text)


def test_what_a_node_prints_is_kept_and_shown_to_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    console = NodeConsole()

    class Talkative(Listener):
        def attach(self, port: Port) -> None:
            print("attached")
            port.call_later(0.1, lambda: print("called"))

        def on_frame(self, frame: can.Message) -> None:
            print("heard", frame.data.hex())

        def power_cycle(self) -> None:
            print("trouble", file=sys.stderr)

    bus = bus_of(Talkative(), console=console)
    bus.send(Frame(0x740, b"\xab"))
    run(bus)
    bus.power_cycle()
    assert console.text() == "attached\nheard ab\ncalled\ntrouble\n"
    assert capsys.readouterr() == ("", "")


def test_what_others_print_meanwhile_is_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    console = NodeConsole()
    bus = bus_of(Answerer(prints("node")), console=console)
    print("before")
    bus.send(Frame(0x740, b""))
    run(bus)
    print("after")
    assert console.text() == "node\n"
    assert capsys.readouterr().out == "before\nafter\n"


def test_without_a_console_a_node_prints_where_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    bus = bus_of(Answerer(prints("node")))
    bus.send(Frame(0x740, b""))
    run(bus)
    assert capsys.readouterr().out == "node\n"


def test_the_console_is_given_back_when_a_node_dies() -> None:
    stdout, stderr = sys.stdout, sys.stderr
    bus = bus_of(Answerer(raises), console=NodeConsole())
    bus.send(Frame(0x740, b""))
    run(bus)
    assert (sys.stdout, sys.stderr) == (stdout, stderr)


def test_the_console_keeps_the_last_mebibyte() -> None:
    console = NodeConsole()
    for number in range(300_000):
        console.write(f"{number:07}\n")
    console.write("")
    text = console.text()
    assert len(text) == CONSOLE_CHARACTERS
    assert text.endswith("0299998\n0299999\n")


def test_a_text_longer_than_the_console_is_cut() -> None:
    console = NodeConsole()
    console.write("x" * (3 * CONSOLE_CHARACTERS) + "end")
    assert len(console.text()) == CONSOLE_CHARACTERS
    assert console.text().endswith("xend")


def test_the_console_is_a_file_like_any_other() -> None:
    def use(*_: object) -> None:
        sys.stdout.writelines(["a", "b"])
        print(sys.stdout.isatty(), sys.stdout.writable(), flush=True)
        with contextlib.redirect_stderr(sys.stdout):
            print("c", file=sys.stderr)

    console = NodeConsole()
    bus = bus_of(Answerer(use), console=console)
    bus.send(Frame(0x740, b""))
    run(bus)
    assert not bus.faults()
    assert console.text() == "abFalse True\nc\n"


# --- messages are nobody's to share ---


def test_a_node_that_changes_what_it_got_changes_nothing_for_others() -> None:
    def spoil(port: Port, frame: can.Message) -> None:
        frame.arbitration_id = 0x7FF
        frame.data[:] = b"\xff\xff"
        frame.timestamp = 1e9

    listener = Listener()
    bus = bus_of(Answerer(spoil), listener)
    bus.send(Frame(0x740, b"\x01\x02"))
    run(bus)
    assert [(frame.arbitration_id, bytes(frame.data)) for frame in listener.heard] == [(0x740, b"\x01\x02")]
    [sent] = bus.trace.frames(0, 1)
    assert (sent.can_id, sent.data) == (0x740, b"\x01\x02")


def test_a_node_that_reuses_what_it_sent_changes_nothing_for_others() -> None:
    def start(port: Port) -> None:
        frame = message(0x100, b"\x00")
        for number in range(5):
            frame.data[0] = number
            port.send(frame)
        frame.arbitration_id = 0x7FF

    listener = Listener()
    heard = run(bus_of(Starter(start), listener))
    assert [frame.data for frame in heard] == [bytes((number,)) for number in range(5)]
    assert {frame.can_id for frame in heard} == {0x100} == set(listener.heard_ids)


def test_a_node_that_sends_what_it_got_sends_a_copy() -> None:
    def send_on(port: Port, frame: can.Message) -> None:
        port.send(frame)
        frame.data.clear()

    listener = Listener()
    bus = bus_of(Answerer(send_on), listener)
    bus.send(Frame(0x740, b"\x01"))
    run(bus)
    assert [bytes(frame.data) for frame in listener.heard] == [b"\x01", b"\x01"]


# --- long runs ---


def test_a_long_run_keeps_few_frames() -> None:
    bus = bus_of(Answerer(echo))
    for _ in range(2 * KEEP):
        bus.send(Frame(0x740, b"\x01"))
        run(bus, 0.001)
    assert bus.trace.count == 4 * KEEP
    assert len(bus.trace.frames(0, bus.trace.count)) <= 2 * KEEP + 2


def test_what_was_printed_since_a_look_is_read_without_the_rest() -> None:
    console = NodeConsole()
    console.write("boot\n")
    written = console.written
    console.write("one\n")
    console.write("two\n")
    assert (console.since(written), console.since(0), console.since(console.written)) == ("one\ntwo\n", console.text(), "")
    console.write("x" * CONSOLE_CHARACTERS)
    assert console.written == len("boot\none\ntwo\n") + CONSOLE_CHARACTERS
    assert console.since(written) == console.text()
