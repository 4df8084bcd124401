"""Prove what a link promises over the simulated bus and every adapter, and what its errors say."""

import errno
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import can
import pytest

from harness.buses import SimulatedLink, open_link
from harness.errors import LinkError, UserError
from harness.link import adapter as adapter_module
from harness.link import bus as bus_module
from harness.link.adapter import rate_options, trouble_with
from harness.link.bus import CanLink, Link
from harness.link.bus_lock import BusLock, wait_for_bus
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.trace import Trace

READ_1010 = Frame(0x740, bytes.fromhex("0322101000000000"))
ANSWER = Frame(0x748, bytes.fromhex("046210 10FF000000"))


def open_bus(interface: str, channel: str, *, seed: int = 0, folder: Path | None = None) -> Link:
    return open_link(
        interface=interface, channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(seed), relative_to=folder
    )


def received(link: Link, seconds: float) -> list[Frame]:
    until_s = link.now_s + seconds
    frames = []
    while (frame := link.receive(until_s)) is not None:
        frames.append(frame)
    return frames


# --- the simulated bus ---


def test_a_profile_answers_in_virtual_time() -> None:
    link = open_bus("uds-sim", "hardened")
    assert link.is_virtual
    link.send(READ_1010)
    (answer,) = received(link, 10.0)
    assert (answer.can_id, answer.data.hex()) == (0x748, "04621010ff000000")
    assert answer.time_s < 0.001
    assert link.now_s == 10.0


def test_waiting_for_nothing_returns_at_once() -> None:
    link = open_bus("uds-sim", "hardened")
    assert link.receive(link.now_s) is None
    assert link.receive(link.now_s - 1.0) is None
    assert link.now_s == 0.0


def test_a_link_to_a_simulated_bus_loses_nothing_and_sends_everything() -> None:
    link = open_bus("uds-sim", "hardened")
    for _ in range(1000):
        link.send(READ_1010)
    assert len(received(link, 10.0)) == 1000
    link.check_sent()
    assert (link.unsent, link.lost_frames) == (0, 0)


def test_a_frame_is_unsent_until_it_is_through(tmp_path: Path) -> None:
    (tmp_path / "ecu.py").write_text(
        """
import can

class Node:
    def attach(self, port):
        port.send(can.Message(arbitration_id=0x748, data=b"stale", is_extended_id=False))

    def on_frame(self, frame):
        pass
""",
        encoding="utf-8",
    )
    link = open_bus("uds-sim", "ecu.py:Node", folder=tmp_path)
    link.receive(0.00001)  # the node's frame is on the bus
    link.send(READ_1010)
    assert link.unsent == 1
    stale = link.receive(1.0)
    assert stale is not None
    assert (stale.data, link.unsent) == (b"stale", 1)
    received(link, 1.0)
    assert link.unsent == 0


def seed_of(link: Link) -> bytes:
    """Return the seed that the article's ECU gives to 27 01."""
    link.send(Frame(0x740, bytes.fromhex("0227010000000000")))
    return next(frame.data for frame in received(link, 0.1) if frame.can_id == 0x748)


def test_the_same_seed_is_the_same_run_byte_by_byte() -> None:
    def run(seed: int) -> tuple[Frame, ...]:
        link = open_bus("uds-sim", "article", seed=seed)
        for _ in range(5):
            seed_of(link)
        received(link, 3.0)
        return link.trace.frames(0, link.trace.count)

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_every_opening_makes_its_own_ecu() -> None:
    one, other = open_bus("uds-sim", "article"), open_bus("uds-sim", "article")
    one.send(Frame(0x740, bytes.fromhex("042E101055000000")))
    received(one, 0.1)
    for link in (one, other):
        link.send(READ_1010)
    values = [[frame.data[4] for frame in received(link, 0.1) if frame.can_id == 0x748] for link in (one, other)]
    assert values == [[0x55], [0xFF]]


def test_console_faults_and_power_of_a_simulated_ecu(tmp_path: Path) -> None:
    (tmp_path / "ecu.py").write_text(
        """
class Node:
    def attach(self, port):
        self.port = port
        print("boot")

    def on_frame(self, frame):
        raise RuntimeError("boom")

    def power_cycle(self):
        print("boot again")
""",
        encoding="utf-8",
    )
    link = open_bus("uds-sim", "ecu.py:Node", folder=tmp_path)
    link.send(READ_1010)
    assert received(link, 1.0) == []
    (fault,) = link.faults()
    assert (fault.node, fault.reason) == ("Node", "raised RuntimeError: boom")
    assert link.can_power_cycle()
    link.power_cycle()
    assert link.console() == "boot\nboot again\n"


def test_closing_flushes_the_log(tmp_path: Path) -> None:
    link = open_bus("uds-sim", "hardened")
    with (tmp_path / "bus.log").open("w", encoding="ascii") as log:
        link.trace.write_to(log)
        link.send(READ_1010)
        received(link, 0.1)
        link.close()
    assert len((tmp_path / "bus.log").read_text(encoding="ascii").splitlines()) == 2


# --- python-can's virtual bus, as one that gives our own frames back ---


@pytest.fixture
def peer(request: pytest.FixtureRequest) -> Iterator[can.BusABC]:
    """Another node on the bus of `virtual_link`."""
    with can.Bus(interface="virtual", channel=request.node.name) as bus:
        yield bus


@pytest.fixture
def virtual_link(request: pytest.FixtureRequest, peer: can.BusABC) -> Iterator[Link]:
    link = open_bus("virtual", request.node.name)
    yield link
    link.close()


def test_our_own_frame_comes_back_as_the_proof_that_it_is_out(virtual_link: Link, peer: can.BusABC) -> None:
    assert virtual_link.confirms_sending
    virtual_link.send(READ_1010)
    assert virtual_link.unsent == 1
    assert virtual_link.trace.count == 0
    assert received(virtual_link, 0.02) == []
    assert virtual_link.unsent == 0
    (frame,) = virtual_link.trace.frames(0, 9)
    assert (frame.can_id, frame.data, frame.is_sent) == (0x740, READ_1010.data, True)
    assert abs(frame.time_s - time.time()) < 3600
    assert peer.recv(1.0) is not None


def test_what_came_before_our_frame_was_out_can_be_told_from_its_answer(virtual_link: Link, peer: can.BusABC) -> None:
    stale, answer = replace(ANSWER, data=b"\x01"), replace(ANSWER, data=b"\x02")
    peer.send(stale.message())
    virtual_link.send(READ_1010)
    peer.send(answer.message())
    seen = []
    for _ in range(2):
        frame = virtual_link.receive(virtual_link.now_s + 1.0)
        assert frame is not None
        seen.append((frame.data, virtual_link.unsent))
    assert seen == [(b"\x01", 1), (b"\x02", 0)]
    assert [frame.is_sent for frame in virtual_link.trace.frames(0, 9)] == [False, True, False]


def test_check_sent_is_content_when_the_frames_are_out(virtual_link: Link) -> None:
    for _ in range(20):
        virtual_link.send(READ_1010)
    virtual_link.check_sent()
    assert virtual_link.unsent == 0


def test_waiting_on_a_real_bus_takes_the_time_it_says(virtual_link: Link) -> None:
    start_s = time.monotonic()
    assert virtual_link.receive(virtual_link.now_s + 0.05) is None
    assert time.monotonic() - start_s >= 0.05


def test_the_supply_of_a_real_ecu_is_not_ours_to_cut(virtual_link: Link) -> None:
    assert not virtual_link.can_power_cycle()
    assert (virtual_link.console(), list(virtual_link.faults())) == ("", [])
    with pytest.raises(LinkError, match="not ours to cut"):
        virtual_link.power_cycle()


# --- adapters that fail ---


class Adapter(can.BusABC):
    """An adapter that returns or raises what a test tells it to, and never waits."""

    def __init__(self) -> None:
        self.channel_info = "an adapter of this test"
        self.sending: deque[Exception | None] = deque()
        """What happens to the next frames; all later frames are sent."""
        self.incoming: deque[Frame | Exception] = deque()
        self.sent: list[can.Message] = []
        super().__init__("test")

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        outcome = self.sending.popleft() if self.sending else None
        if outcome is not None:
            raise outcome
        self.sent.append(msg)

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        if not self.incoming:
            return None, False
        frame = self.incoming.popleft()
        if isinstance(frame, Exception):
            raise frame
        message = frame.message()
        message.is_rx = not frame.is_sent
        return message, False


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Adapter]:
    monkeypatch.setattr(bus_module, "ECHO_TIMEOUT_S", 0.02)
    with Adapter() as adapter:
        yield adapter


def link_to(adapter: Adapter, *, confirms_sending: bool = True) -> CanLink:
    return CanLink(adapter, trace=Trace(), confirms_sending=confirms_sending, name="test:0")


def no_buffers() -> can.CanOperationError:
    return can.CanOperationError("Failed to transmit: No buffer space available", errno.ENOBUFS)


SEND_ERRORS = {
    "python-can's": can.CanOperationError("Failed to transmit: Network is down", errno.ENETDOWN),
    "the system's": OSError(errno.ENXIO, "No such device or address"),
}


@pytest.mark.parametrize("whose", SEND_ERRORS)
def test_an_adapter_that_refuses_a_frame_is_a_link_error_in_one_line(adapter: Adapter, whose: str) -> None:
    adapter.sending.append(SEND_ERRORS[whose])
    link = link_to(adapter)
    with pytest.raises(LinkError, match=r"^test:0: the adapter does not send \(.*\); see that") as caught:
        link.send(READ_1010)
    assert "\n" not in str(caught.value)
    assert link.unsent == 0


@pytest.mark.parametrize("whose", SEND_ERRORS)
def test_an_adapter_that_is_unplugged_is_a_link_error(adapter: Adapter, whose: str) -> None:
    adapter.incoming.append(SEND_ERRORS[whose])
    link = link_to(adapter)
    with pytest.raises(LinkError, match=r"^test:0: the adapter does not receive \("):
        link.receive(link.now_s + 0.01)


def test_a_full_queue_is_waited_for(adapter: Adapter) -> None:
    adapter.sending.extend([no_buffers(), no_buffers(), OSError(errno.ENOBUFS, "No buffer space available")])
    link = link_to(adapter)
    link.send(READ_1010)
    assert len(adapter.sent) == 1
    assert link.unsent == 1


def test_a_queue_that_stays_full_is_a_link_error(adapter: Adapter) -> None:
    adapter.sending.extend(no_buffers() for _ in range(1000))
    with pytest.raises(LinkError, match="does not send"):
        link_to(adapter).send(READ_1010)


def test_no_echo_is_a_link_error_since_silence_is_ours_then(adapter: Adapter) -> None:
    link = link_to(adapter)
    link.send(READ_1010)
    with pytest.raises(LinkError, match="did not go out; nobody on the bus acknowledges it, or the bit rate is wrong"):
        link.check_sent()


def test_foreign_traffic_does_not_stand_for_the_echo(adapter: Adapter) -> None:
    link = link_to(adapter)
    link.send(READ_1010)
    adapter.incoming.extend([ANSWER] * 5)
    with pytest.raises(LinkError, match="did not go out"):
        link.check_sent()


def test_a_flood_does_not_keep_check_sent_from_ending(adapter: Adapter) -> None:
    class Flood(deque[Frame | Exception]):
        def popleft(self) -> Frame | Exception:
            return ANSWER

    link = link_to(adapter)
    link.send(READ_1010)
    adapter.incoming = Flood([ANSWER])
    with pytest.raises(LinkError, match="did not go out"):
        link.check_sent()


def test_a_frame_that_was_given_up_does_not_spoil_the_next(adapter: Adapter) -> None:
    link = link_to(adapter)
    link.send(READ_1010)
    with pytest.raises(LinkError):
        link.check_sent()
    assert link.unsent == 0
    later = Frame(0x740, b"\x02\x3e\x00")
    link.send(later)
    adapter.incoming.extend([replace(READ_1010, is_sent=True), ANSWER, replace(later, is_sent=True), ANSWER])
    unsent = []
    while link.receive(link.now_s) is not None:
        unsent.append(link.unsent)
    assert unsent == [1, 0]


def test_an_echo_of_nothing_is_only_recorded(adapter: Adapter) -> None:
    link = link_to(adapter)
    adapter.incoming.append(replace(READ_1010, is_sent=True))
    assert link.receive(link.now_s) is None
    assert (link.unsent, link.trace.count) == (0, 1)


def test_without_confirmation_frames_are_recorded_when_they_are_handed_over(adapter: Adapter) -> None:
    link = link_to(adapter, confirms_sending=False)
    link.send(READ_1010)
    assert link.unsent == 0
    assert [frame.is_sent for frame in link.trace.frames(0, 9)] == [True]
    assert abs(link.trace.frames(0, 1)[0].time_s - time.time()) < 3600
    link.check_sent()


def test_error_frames_are_recorded_and_not_passed_on(adapter: Adapter) -> None:
    link = link_to(adapter)
    adapter.incoming.extend([Frame(0, b"", is_error=True), ANSWER])
    frame = link.receive(link.now_s)
    assert frame is not None
    assert frame.can_id == 0x748
    assert [frame.is_error for frame in link.trace.frames(0, 9)] == [True, False]


def test_a_frame_without_a_stamp_is_stamped_on_arrival(adapter: Adapter) -> None:
    link = link_to(adapter)
    adapter.incoming.extend([ANSWER, replace(ANSWER, time_s=1234.5)])
    stamps = [frame.time_s for frame in received(link, 0.0)]
    assert abs(stamps[0] - time.time()) < 3600
    assert stamps[1] == 1234.5


@pytest.mark.parametrize("stamp", [1.25, 1.5 * 1.8e9, 1.8e9 + 7e8, 0.0])
def test_where_our_frames_are_not_stamped_by_the_driver_all_are_stamped_by_one_clock(adapter: Adapter, stamp: float) -> None:
    link = link_to(adapter, confirms_sending=False)
    link.send(READ_1010)
    adapter.incoming.append(replace(ANSWER, time_s=stamp))
    received(link, 0.0)
    asked, answered = link.trace.frames(0, 9)
    assert 0 <= answered.time_s - asked.time_s < 60


def test_frames_that_were_lost_make_silence_ours(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    link = link_to(adapter)
    link.check_sent()
    monkeypatch.setattr(link._adapter, "lost_frames", 3)
    assert link.lost_frames == 3
    with pytest.raises(LinkError, match=r"frames were lost \(3\), perhaps an answer"):
        link.check_sent()
    link.check_sent()  # told once
    assert link.lost_frames == 3


# --- CAN FD ---

FD_FRAME = Frame(0x740, bytes(64), is_fd=True, fd_flags=1)


def test_can_fd_frames_cross_an_adapter_with_their_flags() -> None:
    how = {"interface": "virtual", "channel": "fd", "bitrate": 500_000, "chance": Chance(0)}
    link = open_link(fd=True, data_bitrate=2_000_000, trace=Trace(), **how)  # type: ignore[arg-type]
    with can.Bus(interface="virtual", channel="fd", protocol=can.CanProtocol.CAN_FD) as peer:
        link.send(replace(FD_FRAME))
        heard = peer.recv(1.0)
        assert heard is not None
        assert (heard.is_fd, heard.bitrate_switch, len(heard.data)) == (True, True, 64)
        peer.send(replace(FD_FRAME, can_id=0x748).message())
        (answer,) = received(link, 0.05)
    assert (answer.is_fd, answer.fd_flags, len(answer.data)) == (True, 1, 64)
    assert link.is_fd
    link.check_sent()
    link.close()


@pytest.mark.parametrize(
    ("interface", "fd", "data_bitrate", "options"),
    [
        ("socketcan", False, None, {}),
        ("socketcan", True, 2_000_000, {"fd": True}),
        ("kvaser", False, None, {"bitrate": 500_000}),
        ("kvaser", True, 2_000_000, {"fd": True, "bitrate": 500_000, "data_bitrate": 2_000_000}),
        ("kvaser", True, None, {"fd": True, "bitrate": 500_000}),
        ("virtual", True, 2_000_000, {"protocol": can.CanProtocol.CAN_FD}),
    ],
)
def test_bit_rates_are_given_to_interfaces_that_set_them(
    interface: str, fd: bool, data_bitrate: int | None, options: dict[str, object]
) -> None:
    assert rate_options(interface, bitrate=500_000, fd=fd, data_bitrate=data_bitrate) == options


def test_an_interface_for_classic_can_is_no_interface_for_can_fd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, mtu in (("classic0", 16), ("fd0", 72)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flags").write_text("0x1")
        (tmp_path / name / "mtu").write_text(f"{mtu}\n")
    monkeypatch.setattr(adapter_module, "Path", lambda _: tmp_path)
    assert trouble_with("classic0") == trouble_with("fd0", is_fd=True) == ""
    assert "mtu 72" in trouble_with("classic0", is_fd=True)


# --- what cannot be opened ---


@pytest.mark.parametrize(
    ("interface", "channel"),
    [("no-such-interface", "0"), ("socketcan", "nope0"), ("slcan", "/dev/no-such-tty"), ("pcan", "PCAN_USBBUS1")],
)
def test_what_cannot_be_opened_is_a_user_error_in_one_line(
    interface: str, channel: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError) as caught:
        open_bus(interface, channel)
    assert str(caught.value).startswith(f"cannot open {interface}:{channel}: ")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_an_unknown_profile_is_a_user_error() -> None:
    with pytest.raises(UserError, match="there is no profile"):
        open_bus("uds-sim", "artikel")


# --- one run a bus ---


def test_a_second_run_on_the_same_bus_is_refused(virtual_link: Link, request: pytest.FixtureRequest) -> None:
    with pytest.raises(UserError, match=r"another run uses this bus \(.*\); wait for it to end") as caught:
        open_bus("virtual", request.node.name)
    assert "\n" not in str(caught.value)


def test_another_bus_is_free(virtual_link: Link) -> None:
    open_bus("virtual", "another").close()


def test_the_bus_is_free_when_the_run_has_ended() -> None:
    for _ in range(3):
        open_bus("virtual", "again").close()


def test_simulated_buses_are_as_many_as_one_likes() -> None:
    assert all(isinstance(open_bus("uds-sim", "hardened"), SimulatedLink) for _ in range(3))


def test_who_holds_the_bus_is_said(virtual_link: Link, request: pytest.FixtureRequest) -> None:
    with pytest.raises(UserError, match=rf"process {os.getpid()} of \S+, running for \d+ (s|min)"):
        open_bus("virtual", request.node.name)


class Releasing:
    """A clock in whose third wait the other run releases the bus."""

    def __init__(self, link: Link | None) -> None:
        self.seconds = 0.0
        self._link = link

    def now_s(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self._link is not None and self.seconds >= 1.5:
            self._link.close()
            self._link = None


def test_a_run_that_waits_has_the_bus_when_the_other_has_ended(request: pytest.FixtureRequest) -> None:
    bus, said = f"virtual:{request.node.name}", list[str]()
    wait_for_bus(bus, 60.0, said.append, Releasing(open_bus("virtual", request.node.name)))
    assert len(said) == 1
    assert f"process {os.getpid()}" in said[0]
    assert said[0].endswith("; waiting for it to end")
    with pytest.raises(UserError, match="another run uses this bus"):
        subprocess_lock(bus)
    open_bus("virtual", request.node.name).close()


def subprocess_lock(bus: str) -> None:
    """Try to lock a bus in another process. Raises UserError if that is impossible."""
    code = "import sys\nfrom harness.link.bus_lock import BusLock\nBusLock(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, bus], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(done.stderr)


def test_waiting_for_a_bus_has_an_end(virtual_link: Link, request: pytest.FixtureRequest) -> None:
    with pytest.raises(UserError, match="another run uses this bus"):
        wait_for_bus(f"virtual:{request.node.name}", 60.0, lambda text: None, Releasing(None))


@pytest.mark.parametrize("variable", ["TMPDIR", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"])
def test_a_run_with_another_environment_is_kept_off_too(
    variable: str, virtual_link: Link, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    code = "import sys\nfrom harness.link.bus_lock import BusLock\nBusLock(sys.argv[1])"
    words = [sys.executable, "-c", code, f"virtual:{request.node.name}"]
    done = subprocess.run(words, env={**os.environ, variable: str(tmp_path)}, capture_output=True, text=True, check=False)
    assert "another run uses this bus" in done.stderr


def test_nothing_is_left_in_a_folder_that_users_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    link = open_bus("virtual", "no file")
    assert list(tmp_path.iterdir()) == []
    link.close()


@pytest.mark.parametrize("name", ["x" * 1000, "\ud800", "\0", "a\nb"], ids=ascii)
def test_odd_names_of_buses_are_kept_apart(name: str) -> None:
    first, second = BusLock(f"virtual:{name}1"), BusLock(f"virtual:{name}2")
    with pytest.raises(UserError, match="another run"):
        BusLock(f"virtual:{name}1")
    first.release()
    second.release()


def test_a_killed_run_frees_its_bus() -> None:
    code = "import os\nfrom harness.link.bus_lock import BusLock\nlock = BusLock('virtual:killed')\nos.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], check=False)
    BusLock("virtual:killed").release()


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("leave", ["close", "refuse"])
def test_nothing_stays_open(leave: str) -> None:
    def once() -> None:
        link = open_bus("virtual", "leaks")
        if leave == "refuse":
            with pytest.raises(UserError):
                open_bus("virtual", "leaks")
        link.close()

    once()
    before = open_descriptors()
    once()
    assert open_descriptors() == before
