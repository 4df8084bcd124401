"""Define the interface of a bus for the harness (`Link`), and a real bus through any adapter of python-can (`CanLink`)."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import can

from harness.errors import LinkError, LinkInterrupted
from harness.link.adapter import adapter_of, is_full_queue, is_gone, trouble_with
from harness.link.address_book import AddressBook
from harness.link.bus_lock import BusLock
from harness.link.clock import RealClock, utc_text
from harness.link.frame import Frame
from harness.link.trace import Trace

ECHO_TIMEOUT_S = 1.0
"""The seconds after which a frame counts as not sent if the adapter, on a working bus, has not confirmed it."""

OUTAGE_S = 30.0
"""For how many seconds an interface that is down, or an unplugged adapter, is waited for."""
OUTAGE_STEP_S = 0.2

FLOOD_FRAMES, FLOOD_S = 250, 0.25
"""The number of foreign frames within a time in seconds from which foreign frames are filtered out: a thousand a second."""
DRAIN_S = 0.01
MOST_IDS = 64
"""The largest number of ids for which the adapter filters; whoever listens to more ids hears the whole bus."""

FULL_QUEUE_WAIT_S = 0.001
"""The time in seconds in which a bus at 500 kbit/s sends four frames."""


@dataclass(frozen=True, slots=True)
class NodeFault:
    """Why a simulated node crashed. It stays dead until its power is cycled."""

    node: str
    time_s: float
    reason: str
    traceback: str


class Link(Protocol):
    """A bus: it sends frames, receives frames, and tells the time. Every frame that passes is recorded in `trace`."""

    trace: Trace
    addresses: AddressBook
    """The ids whose frames begin with an address; the link moves the address from `Frame.data` to `Frame.address`."""
    is_virtual: bool
    confirms_sending: bool
    """Whether the link notices if a frame was not sent."""
    tells_stale: bool
    """Whether the link counts `unsent` frames, so that stale frames are known, and need no discarding before a request."""
    is_fd: bool
    """Whether CAN FD frames can be sent."""
    is_gone: bool
    """Whether the adapter was away and did not come back in time. Each attempt to send looks for the adapter again."""
    remarks: list[str]
    """Remarks on the bus for the report: when it was away, and since when it was not heard completely."""
    say: Callable[[str], None]
    """A function that is called with messages about the bus; whoever shows them sets it."""

    @property
    def unsent(self) -> int:
        """How many of our frames have not been sent yet; a frame that arrives before them cannot answer them."""

    @property
    def lost_frames(self) -> int:
        """How many frames arrived and were lost before they were read, as far as the adapter tells."""

    @property
    def error_frames(self) -> int:
        """How many error frames the adapter reported."""

    @property
    def now_s(self) -> float:
        """The link's clock in seconds, for time-outs."""

    @property
    def utc_s(self) -> float:
        """The wall clock, seconds since 1970; virtual on a simulated bus."""

    def send(self, frame: Frame) -> None:
        """Send a frame; the caller must not change it afterwards. Raises LinkError if the adapter refuses it."""

    def receive(self, until_s: float) -> Frame | None:
        """Return the next frame of another node, or None at `until_s`. Raises LinkError if the adapter failed."""

    def is_quiet_for(self, seconds: float) -> bool:
        """Whether nothing can happen on the bus for `seconds` if nothing is sent; False on a real bus, never certain."""

    def check_sent(self) -> None:
        """Raise LinkError if silence may be our own fault, because a frame was not sent or received frames were lost."""

    def use(self, ids: Collection[int]) -> None:
        """Name the ids that are in use; frames with other ids may be filtered out if there are too many of them."""

    def hear_also(self, ids: Collection[int], seconds: float) -> None:
        """Name ids that are in use, too, for this many seconds."""

    def console(self) -> str:
        """Return what simulated nodes have printed."""

    def console_since(self, written: int) -> tuple[str, int]:
        """Return the text that simulated nodes printed after the first `written` characters, and its whole length so far."""

    def images(self) -> Sequence[bytes]:
        """Return, by name, the flash memory of those simulated nodes that have one."""

    def faults(self) -> Sequence[NodeFault]:
        """Return the simulated nodes that crashed, each with the reason."""

    def can_power_cycle(self) -> bool:
        """Whether `power_cycle` has an effect."""

    def power_cycle(self) -> None:
        """Cut and restore the supply of simulated nodes."""

    def can_renew(self) -> bool:
        """Whether `renew` has an effect."""

    def renew(self) -> None:
        """Replace simulated nodes by new ones in factory state. Raises LinkError if that is impossible."""

    def close(self) -> None:
        """Close the bus."""


class CanLink:
    """A real bus through python-can.

    With `confirms_sending` the adapter returns our own frames once they have been sent; only then they enter the trace, with
    the driver's time stamp and in their true order. Otherwise our frames enter the trace when they are handed to the
    adapter, and all frames get the time of their arrival here, because a driver's time may have another epoch or pace.
    """

    is_virtual = False

    def __init__(
        self,
        bus: can.BusABC,
        *,
        trace: Trace,
        confirms_sending: bool,
        name: str,
        is_fd: bool = False,
        reopen: Callable[[], can.BusABC] | None = None,
    ) -> None:
        """Make the link. `reopen` opens the same bus again, or raises; without it, a bus that is gone is not awaited."""
        self.trace = trace
        self.addresses = AddressBook()
        self.remarks: list[str] = []
        self.say: Callable[[str], None] = lambda text: None
        self.is_gone = False
        self._reopen = reopen
        self._ids: set[int] = set()
        self._is_narrow = False
        self._wide_until_s = 0.0
        self._foreign = 0
        self._foreign_since_s = 0.0
        self._lost_before = 0
        """How many frames were lost before the adapter was opened anew."""
        self.is_fd = is_fd
        self.confirms_sending = self.tells_stale = confirms_sending
        self._handed_over: list[tuple[object, ...]] = []
        self._lost_frames_told = 0
        self.error_frames = 0
        self._adapter = adapter_of(bus)
        self._clock = RealClock()
        self._name = name
        self._lock: BusLock | None = None

    @property
    def now_s(self) -> float:
        return self._clock.now_s()

    @property
    def utc_s(self) -> float:
        return self._clock.utc_s()

    def send(self, frame: Frame) -> None:
        if self._is_narrow and frame.can_id not in self._ids:
            self.hear_also((frame.can_id,), 0.0)
        try:
            self._adapter.send(frame)
        except (can.CanError, OSError) as error:
            self._send_again(frame, error)
        if self.confirms_sending:
            self._handed_over.append(frame.identity)
        else:
            self.trace.record(frame.as_sent(self._clock.utc_s()))

    def _send_again(self, frame: Frame, error: Exception) -> None:
        """Try again to send a frame that a full queue refused; raise any other error."""
        until_s = self.now_s + ECHO_TIMEOUT_S
        while is_full_queue(error) and self.now_s < until_s:
            self._clock.sleep(FULL_QUEUE_WAIT_S)
            try:
                self._adapter.send(frame)
                return
            except (can.CanError, OSError) as again:
                error = again
        self._await_bus(error)
        raise LinkError(
            f"{self._name}: the adapter does not send ({error}); "
            "see that the interface is up, terminated, and that another node acknowledges"
        ) from error

    def receive(self, until_s: float) -> Frame | None:
        while True:
            timeout_s = max(until_s - self._clock.now_s(), 0.0)
            frame = self._next(timeout_s)
            if frame is None:
                if timeout_s > 0:
                    continue  # the adapter may wait for less
                return None
            if not frame.is_sent and not frame.is_error:
                return frame

    def _next(self, timeout_s: float) -> Frame | None:
        """Return the next frame, including our own and the adapter's error frames."""
        try:
            frame = self._adapter.receive(timeout_s)
        except (can.CanError, OSError) as error:
            self._await_bus(error)
            raise LinkError(f"{self._name}: the adapter does not receive ({error})") from error
        if frame is None:
            return None
        stamped_s = frame.time_s
        if not self.confirms_sending:  # our own frames bear this clock's time, and only times of one clock compare
            frame.time_s = self._clock.utc_s()
        if self.addresses:
            self.addresses.split(frame)
        self.trace.record(frame)
        if frame.is_error:
            self.error_frames += 1
            if self._adapter.is_bus_off(frame):
                raise LinkError(f"{self._name}: the adapter is bus-off; check bit rate, wiring and termination")
        if frame.is_sent:
            self._confirm(frame)
        elif self._ids and frame.can_id not in self._ids and not frame.is_error:
            self._count_foreign(stamped_s)
        return frame

    # The interface is away

    def _await_bus(self, error: Exception) -> None:
        """Wait for a bus that is gone. Raises LinkInterrupted when it is back; returns if it stays away, or is not gone."""
        if self._reopen is None or not is_gone(error):
            return
        begun_s, begun_utc = self._clock.now_s(), utc_text(self._clock.utc_s())
        give_up_s = begun_s if self.is_gone else begun_s + OUTAGE_S
        if not self.is_gone:
            self.say(f"{self._name}: the interface is gone ({error}); waiting for it")
        while not self._is_open_again():
            if self._clock.now_s() >= give_up_s:
                if not self.is_gone:
                    self.remarks.append(f"{self._name}: the interface was gone from {begun_utc} on, and did not come back.")
                    self.say(f"{self._name}: the interface has not come back")
                self.is_gone = True
                return
            self._clock.sleep(OUTAGE_STEP_S)
        self.is_gone = False
        seconds = self._clock.now_s() - begun_s
        self.remarks.append(
            f"{self._name}: the interface was gone at {begun_utc} for {seconds:.1f} s; what was under way was done again."
        )
        self.say(f"{self._name}: the interface is back after {seconds:.1f} s; the run goes on")
        raise LinkInterrupted(f"{self._name}: the interface was gone for {seconds:.1f} s")

    def _is_open_again(self) -> bool:
        interface, _, channel = self._name.partition(":")
        if self._reopen is None or (interface == "socketcan" and trouble_with(channel, is_fd=self.is_fd)):
            return False
        lost = self.lost_frames
        with suppress(Exception):  # backends raise what they like, and this one has failed already
            self._adapter.close()
        try:
            self._adapter = adapter_of(self._reopen())
        except Exception:  # as above
            return False
        self._lost_before = self._lost_frames_told = lost
        self._handed_over.clear()
        if self._is_narrow:
            self._adapter.narrow(self._ids)
        return True

    # Other nodes' frames

    def use(self, ids: Collection[int]) -> None:
        self._ids.update(ids)

    def hear_also(self, ids: Collection[int], seconds: float) -> None:
        if len(ids) > MOST_IDS:
            self._wide_until_s = max(self._wide_until_s, self.now_s + seconds)
            if self._is_narrow:
                self._adapter.narrow(None)
                self._is_narrow = False
        elif self._is_narrow and not self._ids.issuperset(ids):
            self._ids.update(ids)
            self._adapter.narrow(self._ids)

    def _count_foreign(self, time_s: float) -> None:
        """Count a foreign frame; once `FLOOD_FRAMES` came in `FLOOD_S`, filter them out and raise LinkInterrupted.

        `time_s` is the driver's time, of any epoch; the time at which a frame is read here says nothing about the traffic.
        """
        if not self._foreign:
            self._foreign_since_s = time_s
        self._foreign += 1
        if self._foreign < FLOOD_FRAMES:
            return
        self._foreign = 0
        is_flood = 0.0 <= time_s - self._foreign_since_s <= FLOOD_S
        if not is_flood or self.now_s < self._wide_until_s or self._is_narrow:
            return
        self._adapter.narrow(self._ids)
        self._is_narrow = True
        self._forget_what_waits()
        ids = ", ".join(f"0x{can_id:X}" for can_id in sorted(self._ids))
        text = (
            f"{self._name}: from {utc_text(self._clock.utc_s())} on only frames with the ids in use ({ids}) "
            f"are taken and logged; others come at more than {FLOOD_FRAMES / FLOOD_S:.0f} a second."
        )
        if not any("ids in use" in remark for remark in self.remarks):
            self.remarks.append(text)
            self.say(text)
        raise LinkInterrupted(f"{self._name}: the bus was flooded with foreign frames, which are left out from now on")

    def _forget_what_waits(self) -> None:
        """Discard the frames that the adapter still holds: an answer there would be too late; ours may be lost."""
        with suppress(can.CanError, OSError):
            while self._adapter.receive(DRAIN_S) is not None:
                pass
        self._handed_over.clear()
        self._lost_frames_told = self.lost_frames

    # What is out

    def _confirm(self, frame: Frame) -> None:
        """Note that a frame of ours was sent; if that frame was given up before, it confirms no other."""
        if frame.identity in self._handed_over:
            self._handed_over.remove(frame.identity)

    @property
    def unsent(self) -> int:
        return len(self._handed_over)

    @property
    def lost_frames(self) -> int:
        return self._lost_before + self._adapter.lost_frames

    def is_quiet_for(self, seconds: float) -> bool:
        return False

    def check_sent(self) -> None:
        until_s = self.now_s + ECHO_TIMEOUT_S
        while self.unsent and (timeout_s := until_s - self.now_s) > 0:
            self._next(timeout_s)
        is_unsent, lost_before = bool(self.unsent), self._lost_frames_told
        self._handed_over.clear()
        self._lost_frames_told = self.lost_frames
        if self._lost_frames_told > lost_before:
            raise LinkError(
                f"{self._name}: frames were lost ({self._lost_frames_told - lost_before}), perhaps an answer among them; "
                "they come faster than they are taken: keep other programs from loading this computer or the bus"
            )
        if is_unsent:
            raise LinkError(
                f"{self._name}: a frame that was handed to the adapter did not go out; "
                "nobody on the bus acknowledges it, or the bit rate is wrong"
            )

    def console(self) -> str:
        return ""

    def console_since(self, written: int) -> tuple[str, int]:
        return "", 0

    def images(self) -> Sequence[bytes]:
        return ()

    def faults(self) -> Sequence[NodeFault]:
        return ()

    def can_power_cycle(self) -> bool:
        return False

    def power_cycle(self) -> None:
        raise LinkError(f"{self._name}: the supply of an ECU on a real bus is not ours to cut")

    def can_renew(self) -> bool:
        return False

    def renew(self) -> None:
        raise LinkError(f"{self._name}: an ECU on a real bus is not ours to replace")

    def hold(self) -> None:
        """Keep other runs off this bus until `close`. Raises UserError if another run uses the bus."""
        self._lock = BusLock(self._name)

    def close(self) -> None:
        try:
            self.trace.flush()
        finally:
            self._adapter.close()
            if self._lock is not None:
                self._lock.release()
                self._lock = None
