"""Prove that any python-can program can use the simulated bus like others, in real time."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import can
import pytest

from harness.simulation import uds_sim

READ_1010 = can.Message(arbitration_id=0x740, data=bytes.fromhex("0322101000000000"), is_extended_id=False)
GIVE_UP_S = 60.0
"""The seconds after which a frame counts as missing: long, since a busy machine is no fault of the bus."""

NODES = """
import can

class Echo:
    "Answers 123 with 124, and after 20 ms with 125; sends 200 every 30 ms."

    def attach(self, port):
        self.port = port
        self.beat()

    def beat(self):
        self.port.send(can.Message(arbitration_id=0x200, is_extended_id=False))
        self.port.call_later(0.03, self.beat)

    def on_frame(self, frame):
        print("heard", frame.data.hex())
        if frame.arbitration_id == 0x123:
            self.answer(0x124, frame)
            self.port.call_later(0.02, lambda: self.answer(0x125, frame))

    def answer(self, can_id, frame):
        self.port.send(can.Message(arbitration_id=can_id, data=frame.data, is_extended_id=False))

class Dies(Echo):
    def on_frame(self, frame):
        raise RuntimeError("boom")
"""


@pytest.fixture
def open_bus(tmp_path: Path) -> Iterator[Callable[..., can.BusABC]]:
    """Open buses as any program would; `Echo` and `Dies` are nodes in a file of the test."""
    (tmp_path / "nodes.py").write_text(NODES, encoding="utf-8")
    opened: list[can.BusABC] = []

    def open_bus(channel: str = "hardened", **options: Any) -> can.BusABC:
        channel = f"{tmp_path / 'nodes.py'}:{channel}" if channel in ("Echo", "Dies") else channel
        opened.append(can.Bus(interface="uds-sim", channel=channel, **options))
        return opened[-1]

    yield open_bus
    for bus in opened:
        bus.shutdown()


def next_with(bus: can.BusABC, can_id: int) -> can.Message:
    """Return the next frame with this id, skipping all others."""
    give_up_s = time.monotonic() + GIVE_UP_S
    while time.monotonic() < give_up_s:
        message = bus.recv(timeout=GIVE_UP_S)
        if message is not None and message.arbitration_id == can_id:
            return message
    raise AssertionError(f"no frame with id {can_id:#x}")


# --- frames ---


def test_a_request_is_answered(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("hardened")
    bus.send(READ_1010)
    answer = bus.recv(timeout=GIVE_UP_S)
    assert answer is not None
    assert (answer.arbitration_id, answer.data.hex()) == (0x748, "04621010ff000000")
    assert answer.is_rx
    assert abs(answer.timestamp - time.time()) < 3600


READ_F18C = bytes.fromhex("0322F18C")


def test_can_fd_requests_are_answered_on_a_bus_for_can_fd(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("hardened+can_fd", fd=True, data_bitrate=2_000_000)
    assert bus.protocol is can.CanProtocol.CAN_FD
    bus.send(can.Message(arbitration_id=0x740, data=READ_F18C, is_extended_id=False, is_fd=True, bitrate_switch=True))
    answer = bus.recv(timeout=GIVE_UP_S)
    assert answer is not None
    assert (answer.is_fd, answer.bitrate_switch, answer.data[:5].hex()) == (True, True, "001362f18c")


def test_a_classic_bus_neither_sends_nor_hears_can_fd_frames(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("hardened+can_fd")
    assert bus.protocol is can.CanProtocol.CAN_20
    with pytest.raises(can.CanOperationError, match="give fd=True"):
        bus.send(can.Message(arbitration_id=0x740, data=READ_F18C, is_extended_id=False, is_fd=True))
    bus.send(READ_1010)
    assert bus.recv(timeout=0.02) is None


def test_a_data_bit_rate_that_is_none_is_refused() -> None:
    with pytest.raises(can.CanInitializationError, match="data_bitrate is 0"):
        can.Bus(interface="uds-sim", channel="hardened", fd=True, data_bitrate=0)


def test_our_own_frames_are_not_heard(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("hardened")
    bus.send(can.Message(arbitration_id=0x7FF))
    assert bus.recv(timeout=0.02) is None


def test_the_articles_frames_come_every_second(open_bus: Callable[..., can.BusABC]) -> None:
    start_s = time.monotonic()
    bus = open_bus("article")
    first = [bus.recv(timeout=GIVE_UP_S) for _ in range(3)]
    second = [bus.recv(timeout=GIVE_UP_S) for _ in range(3)]
    assert time.monotonic() - start_s >= 1.0
    assert [m and m.arbitration_id for m in first] == [m and m.arbitration_id for m in second] == [0x7B, 0x7C, 0x7D]
    periods_s = [b.timestamp - a.timestamp for a, b in zip(first, second, strict=True) if a and b]
    assert periods_s == pytest.approx([1.0] * 3, abs=1e-5)


def test_time_is_real(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("Echo")
    start_s = time.monotonic()
    bus.send(can.Message(arbitration_id=0x123, is_extended_id=False))
    at_once, later = next_with(bus, 0x124), next_with(bus, 0x125)
    assert time.monotonic() - start_s >= 0.02
    assert later.timestamp - at_once.timestamp == pytest.approx(0.02, abs=0.005)


def test_what_happened_while_nobody_looked_is_there_with_its_own_time(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("Echo")
    first = next_with(bus, 0x200)
    other = open_bus("hardened")
    assert other.recv(timeout=0.1) is None  # time passes for both
    stamps = [next_with(bus, 0x200).timestamp for _ in range(3)]
    assert stamps == pytest.approx([first.timestamp + 0.03 * count for count in (1, 2, 3)], abs=1e-3)


def waits_of(bus: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list to which each further sleep of the bus adds its seconds."""
    waits: list[float] = []
    sleep = bus._changed.wait

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return bool(sleep(seconds))

    monkeypatch.setattr(bus._changed, "wait", wait)
    return waits


def test_recv_waits_as_long_as_it_says_and_no_longer(
    open_bus: Callable[..., can.BusABC], monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = open_bus("hardened")
    waits = waits_of(bus, monkeypatch)
    start_s = time.monotonic()
    assert bus.recv(timeout=0.05) is None
    assert time.monotonic() - start_s >= 0.05
    assert waits
    assert max(waits) <= 0.05


def test_recv_without_waiting_returns_at_once(open_bus: Callable[..., can.BusABC], monkeypatch: pytest.MonkeyPatch) -> None:
    bus = open_bus("hardened")
    waits = waits_of(bus, monkeypatch)
    for _ in range(100):
        assert bus.recv(timeout=0) is None
    assert waits == []


def test_filters_hold(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("Echo", can_filters=[{"can_id": 0x124, "can_mask": 0x7FF, "extended": False}])
    bus.send(can.Message(arbitration_id=0x123, data=b"\x01", is_extended_id=False))
    answer = bus.recv(timeout=GIVE_UP_S)
    assert answer is not None
    assert answer.arbitration_id == 0x124
    assert bus.recv(timeout=0.05) is None


@pytest.mark.parametrize(
    "message",
    [
        can.Message(arbitration_id=0x800, is_extended_id=False),
        can.Message(arbitration_id=0x123, data=bytes(9)),
        can.Message(is_error_frame=True),
    ],
    ids=["id", "length", "error frame"],
)
def test_what_is_no_frame_is_refused_and_harms_nobody(open_bus: Callable[..., can.BusABC], message: can.Message) -> None:
    bus = open_bus("hardened")
    with pytest.raises(can.CanOperationError):
        bus.send(message)
    bus.send(READ_1010)
    assert bus.recv(timeout=GIVE_UP_S) is not None


# --- several programs, threads and buses ---


def test_several_buses_are_independent_ecus(open_bus: Callable[..., can.BusABC]) -> None:
    one, other = open_bus("hardened"), open_bus("hardened")
    one.send(can.Message(arbitration_id=0x740, data=bytes.fromhex("042E101055000000"), is_extended_id=False))
    assert next_with(one, 0x748).data[1] == 0x6E
    for bus in (one, other):
        bus.send(READ_1010)
    assert [next_with(bus, 0x748).data[4] for bus in (one, other)] == [0x55, 0xFF]


def seed_of(bus: can.BusABC) -> bytes:
    bus.send(can.Message(arbitration_id=0x740, data=bytes.fromhex("0227010000000000"), is_extended_id=False))
    return bytes(next_with(bus, 0x748).data)


def test_chance_is_new_every_time_unless_a_seed_is_given(open_bus: Callable[..., can.BusABC]) -> None:
    assert seed_of(open_bus("article")) != seed_of(open_bus("article"))
    assert seed_of(open_bus("article", seed=7)) == seed_of(open_bus("article", seed=7))


def test_a_notifier_hears_everything(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("Echo")
    reader = can.BufferedReader()
    with can.Notifier(bus, [reader], timeout=0.1):
        for number in range(3):
            bus.send(can.Message(arbitration_id=0x123, data=bytes((number,)), is_extended_id=False))
        ids: list[int] = []
        while ids.count(0x125) < 3:
            message = reader.get_message(timeout=GIVE_UP_S)
            assert message is not None
            ids.append(message.arbitration_id)
    assert ids.count(0x124) == 3
    assert ids.count(0x200) >= 1


def test_python_cans_own_periodic_sender_works(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("Echo")
    task = bus.send_periodic(can.Message(arbitration_id=0x123, data=b"\x07", is_extended_id=False), 0.005)
    assert [next_with(bus, 0x124).data for _ in range(3)] == [b"\x07"] * 3
    task.stop()


def test_a_frame_that_is_sent_wakes_who_waits(open_bus: Callable[..., can.BusABC]) -> None:
    """The waiting thread sleeps without a time-out, so that nothing else would wake it."""
    bus = open_bus("hardened")
    heard: list[can.Message | None] = []
    waiting = threading.Thread(target=lambda: heard.append(bus.recv(timeout=None)), daemon=True)
    waiting.start()
    bus.send(READ_1010)
    waiting.join(GIVE_UP_S)
    assert [message and message.arbitration_id for message in heard] == [0x748]


def test_threads_may_send_and_receive_at_once(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("Echo")
    senders, frames_each = 4, 50
    heard: dict[int, list[bytes]] = {0x124: [], 0x125: []}
    is_complete = threading.Event()

    def send(number: int) -> None:
        for count in range(frames_each):
            bus.send(can.Message(arbitration_id=0x123, data=bytes((number, count)), is_extended_id=False))

    def receive() -> None:
        while not is_complete.is_set():
            message = bus.recv(timeout=0.05)
            if message is not None and message.arbitration_id in heard:
                heard[message.arbitration_id].append(bytes(message.data))
            if all(len(frames) >= senders * frames_each for frames in heard.values()):
                is_complete.set()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(senders)]
    threads += [threading.Thread(target=receive) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert is_complete.wait(2 * GIVE_UP_S)
    finally:
        is_complete.set()
        for thread in threads:
            thread.join()
    expected = sorted(bytes((number, count)) for number in range(senders) for count in range(frames_each))
    assert [sorted(frames) for frames in heard.values()] == [expected, expected]


def test_a_program_that_only_sends_does_not_fill_the_memory(
    open_bus: Callable[..., can.BusABC], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uds_sim, "FRAMES_KEPT", 5)
    bus = open_bus("Echo", bitrate=1_000_000)
    for number in range(200):
        bus.send(can.Message(arbitration_id=0x123, data=number.to_bytes(2, "big"), is_extended_id=False))
        bus.send(can.Message(arbitration_id=0x7FF, is_extended_id=False), timeout=0.1)
    assert len(bus._arrived) <= 5  # type: ignore[attr-defined]


# --- nodes that fail, and the end ---


def test_a_dead_node_is_silent_and_its_bus_lives(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("Dies")
    next_with(bus, 0x200)
    bus.send(can.Message(arbitration_id=0x123, is_extended_id=False))
    assert any(bus.recv(timeout=0.1) is None for _ in range(10))  # it used to send every 30 ms


def test_what_a_node_prints_is_printed(open_bus: Callable[..., can.BusABC], capsys: pytest.CaptureFixture[str]) -> None:
    bus = open_bus("Echo")
    bus.send(can.Message(arbitration_id=0x123, data=b"\xab", is_extended_id=False))
    next_with(bus, 0x124)
    assert capsys.readouterr().out == "heard ab\n"


def test_shutdown_may_come_twice_and_ends_the_bus(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("article")
    bus.shutdown()
    bus.shutdown()
    with pytest.raises(can.CanOperationError, match="shut down"):
        bus.recv(timeout=0)
    with pytest.raises(can.CanOperationError, match="shut down"):
        bus.send(READ_1010)


def test_shutdown_wakes_who_waits(open_bus: Callable[..., can.BusABC]) -> None:
    bus = open_bus("hardened")
    errors: list[Exception] = []

    def wait() -> None:
        try:
            bus.recv(timeout=None)
        except can.CanOperationError as error:
            errors.append(error)

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    bus.shutdown()
    waiting.join(GIVE_UP_S)
    assert len(errors) == 1


@pytest.mark.parametrize("bitrate", [0, -1])
def test_a_bitrate_that_is_none_is_refused(open_bus: Callable[..., can.BusABC], bitrate: int) -> None:
    with pytest.raises(can.CanInitializationError, match="bitrate"):
        open_bus("article", bitrate=bitrate)


def test_a_bus_is_a_context_manager_and_says_what_it_is() -> None:
    with can.Bus(interface="uds-sim", channel="article") as bus:
        assert str(bus) == "uds-sim article"
