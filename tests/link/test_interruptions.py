"""Prove that an absent bus is waited for, and that in a flood of foreign frames only our ids are received."""

import errno
from collections import deque
from collections.abc import Callable

import can
import pytest

from harness.errors import LinkError, LinkInterrupted
from harness.link.bus import FLOOD_FRAMES, OUTAGE_S, CanLink
from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.simulation.live import LiveBus

REQUEST = Frame(0x740, bytes.fromhex("0322101000000000"))
IDS = {0x740, 0x748, 0x7DF}


def down() -> OSError:
    return OSError(errno.ENETDOWN, "Network is down")


class Interface(can.BusABC):
    """An interface that raises while it is away, and else returns the frames that a test puts into it."""

    def __init__(self, incoming: deque[Frame] | None = None) -> None:
        self.channel_info = "an interface of this test"
        self.error: Exception | None = None
        self.incoming = deque() if incoming is None else incoming
        self.sent: list[can.Message] = []
        self.taken: list[object] = []
        """Every filter that was set."""
        super().__init__("test")

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(msg)

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        if self.error is not None:
            raise self.error
        return (self.incoming.popleft().message(), False) if self.incoming else (None, False)

    def shutdown(self) -> None:
        """Do nothing, since there is nothing to release."""
        self._is_shutdown = True

    def __del__(self) -> None:
        """Do nothing, since a test need not close the interface."""

    def _apply_filters(self, filters: object) -> None:
        self.taken.append(filters)


class Hands:
    """A clock that sleeps by advancing, and calls a function at a given time."""

    def __init__(self) -> None:
        self.time_s = 100.0
        self.at: list[tuple[float, Callable[[], None]]] = []

    def now_s(self) -> float:
        return self.time_s

    def utc_s(self) -> float:
        return 1_767_225_600.0 + self.time_s

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds
        for due_s, act in self.at:
            if due_s <= self.time_s:
                act()


class Bench:
    """A link to an interface that a test can take away, and bring back as a new one."""

    def __init__(self, *, is_reopened: bool = True) -> None:
        self.first, self.second = Interface(), Interface()
        self.is_back = False
        self.said: list[str] = []
        self.link = CanLink(
            self.first,
            trace=Trace(),
            confirms_sending=False,
            name="test:0",
            reopen=self.reopen if is_reopened else None,
        )
        self.clock = Hands()
        self.link._clock = self.clock  # type: ignore[assignment]
        self.link.say = self.said.append

    def reopen(self) -> can.BusABC:
        if not self.is_back:
            raise can.CanInitializationError("no such device")
        return self.second

    def goes(self, *, back_after_s: float | None) -> None:
        self.first.error = down()
        if back_after_s is not None:
            self.clock.at.append((self.clock.time_s + back_after_s, lambda: setattr(self, "is_back", True)))


@pytest.fixture
def bench() -> Bench:
    return Bench()


# Away


@pytest.mark.parametrize("act", ["send", "receive"])
def test_interface_that_comes_back_is_used_again(bench: Bench, act: str) -> None:
    bench.goes(back_after_s=4.0)
    with pytest.raises(LinkInterrupted, match=r"the interface was gone for 4\.\d s"):
        bench.link.send(REQUEST) if act == "send" else bench.link.receive(bench.clock.time_s + 1.0)
    bench.link.send(REQUEST)
    assert [message.arbitration_id for message in bench.second.sent] == [0x740]
    assert not bench.link.is_gone


def test_interruption_is_said_and_remarked(bench: Bench) -> None:
    bench.goes(back_after_s=4.0)
    with pytest.raises(LinkInterrupted):
        bench.link.send(REQUEST)
    assert bench.said[0].startswith("test:0: the interface is gone")
    assert "is back after 4." in bench.said[1]
    (remark,) = bench.link.remarks
    assert remark.startswith("test:0: the interface was gone at 2026-01-01T00:01:40Z for 4.")


def test_interface_that_stays_away_is_given_up_after_a_while(bench: Bench) -> None:
    bench.goes(back_after_s=None)
    with pytest.raises(LinkError, match="does not send") as caught:
        bench.link.send(REQUEST)
    assert not isinstance(caught.value, LinkInterrupted)
    assert bench.link.is_gone
    assert OUTAGE_S <= bench.clock.time_s - 100.0 < OUTAGE_S + 1.0


def test_interface_that_was_given_up_is_not_waited_for_again_but_taken_when_it_is_there(bench: Bench) -> None:
    bench.goes(back_after_s=None)
    with pytest.raises(LinkError):
        bench.link.send(REQUEST)
    since_s = bench.clock.time_s
    with pytest.raises(LinkError, match="does not send"):
        bench.link.send(REQUEST)
    assert bench.clock.time_s == since_s
    assert len(bench.link.remarks) == 1
    bench.is_back = True
    with pytest.raises(LinkInterrupted):
        bench.link.send(REQUEST)
    assert not bench.link.is_gone


def test_frame_that_cannot_be_sent_is_no_outage(bench: Bench) -> None:
    bench.first.error = OSError(errno.EINVAL, "Invalid argument")
    with pytest.raises(LinkError) as caught:
        bench.link.send(REQUEST)
    assert not isinstance(caught.value, LinkInterrupted)
    assert bench.clock.time_s == 100.0


def test_bus_that_cannot_be_opened_again_is_not_waited_for() -> None:
    bench = Bench(is_reopened=False)
    bench.goes(back_after_s=1.0)
    with pytest.raises(LinkError, match="does not send"):
        bench.link.send(REQUEST)
    assert bench.clock.time_s == 100.0


# Flooded


def test_what_was_waiting_when_the_bus_was_narrowed_is_thrown_away(bench: Bench) -> None:
    bench.link.use(IDS)
    bench.link._handed_over.append(REQUEST.identity)
    flood(bench, per_second=5300)
    with pytest.raises(LinkInterrupted):
        listen(bench)
    assert not bench.first.incoming
    assert bench.link.unsent == 0


def flood(bench: Bench, per_second: float, frames: int = 3 * FLOOD_FRAMES, can_id: int = 0x123) -> None:
    for number in range(frames):
        bench.first.incoming.append(Frame(can_id, bytes(8), time_s=1.0 + number / per_second))


def listen(bench: Bench) -> None:
    while bench.first.incoming:
        bench.link.receive(0.0)


def test_flooded_bus_is_narrowed_to_the_ids_in_use(bench: Bench) -> None:
    bench.link.use(IDS)
    flood(bench, per_second=5300)
    with pytest.raises(LinkInterrupted, match="flooded"):
        listen(bench)
    listen(bench)
    (filters,) = bench.first.taken[-1:]
    taken = {(one["can_id"], one["extended"]) for one in filters}  # type: ignore[attr-defined]
    assert taken == {(can_id, extended) for can_id in IDS for extended in (False, True)}
    (remark,) = bench.link.remarks
    assert "0x740, 0x748, 0x7DF" in remark
    assert "2026-01-01T00:01:40Z" in remark
    assert bench.said == [remark]


@pytest.mark.parametrize(("per_second", "can_id"), [(900, 0x123), (5300, 0x748)])
def test_bus_that_can_be_looked_at_stays_wide(bench: Bench, per_second: float, can_id: int) -> None:
    bench.link.use(IDS)
    before = len(bench.first.taken)
    flood(bench, per_second, can_id=can_id)
    listen(bench)
    assert len(bench.first.taken) == before
    assert bench.link.remarks == []


def test_bus_of_which_nobody_has_said_which_ids_are_in_use_stays_wide(bench: Bench) -> None:
    flood(bench, 5300)
    listen(bench)
    assert bench.link.remarks == []


def narrowed(bench: Bench) -> list[object]:
    bench.link.use(IDS)
    flood(bench, 5300, frames=FLOOD_FRAMES)
    with pytest.raises(LinkInterrupted):
        listen(bench)
    bench.first.taken.clear()
    return bench.first.taken


def test_id_that_is_sent_or_listened_to_is_let_in_too(bench: Bench) -> None:
    taken = narrowed(bench)
    bench.link.send(Frame(0x7F0, b"\x00"))
    bench.link.hear_also({0x100, 0x748}, 1.0)
    assert [{one["can_id"] for one in filters} for filters in taken] == [IDS | {0x7F0}, IDS | {0x7F0, 0x100}]  # type: ignore[attr-defined]


def test_whoever_listens_to_all_ids_hears_all_of_them(bench: Bench) -> None:
    taken = narrowed(bench)
    bench.link.hear_also(range(0x800), 1.0)
    assert taken == [None]
    flood(bench, 5300)
    listen(bench)
    assert taken == [None], "as long as they listen"
    bench.clock.time_s += 2.0
    flood(bench, 5300)
    with pytest.raises(LinkInterrupted):
        listen(bench)
    assert len(bench.link.remarks) == 1, "said once"


def test_interface_that_comes_back_is_narrow_as_before(bench: Bench) -> None:
    narrowed(bench)
    bench.goes(back_after_s=1.0)
    with pytest.raises(LinkInterrupted):
        bench.link.send(REQUEST)
    assert bench.second.taken[-1] is not None


# The other side


class Done(Exception):
    """Raised to end the bus of an ECU."""


class Sender:
    def attach(self, port: object) -> None:
        port.send(can.Message(arbitration_id=0x748, is_extended_id=False))  # type: ignore[attr-defined]

    def on_frame(self, frame: can.Message) -> None:
        raise Done


def test_ecu_on_an_interface_that_is_down_goes_on_when_it_is_up() -> None:
    class Reviving(Interface):
        def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
            error, self.error = self.error, None
            if error is not None:
                raise error
            return super()._recv_internal(timeout)

    interface = Reviving(deque([REQUEST]))
    interface.error = down()
    with pytest.raises(Done):
        LiveBus(interface, [Sender()]).run()  # type: ignore[list-item]


def test_ecu_whose_adapter_is_away_ends() -> None:
    interface = Interface()
    interface.error = OSError(errno.ENODEV, "No such device")
    with pytest.raises(LinkError, match="does not send"):
        LiveBus(interface, [Sender()]).run()  # type: ignore[list-item]
