"""Count the traffic on a simulated bus while checks run: for each check, its requests, permissions and time."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from harness.link.frame import Frame
from harness.simulation.simulated_link import SimulatedLink
from harness.target import Permission, Target
from harness.tester.safety import SafetyGate
from harness.tester.tester import Tester

NO_ANSWER: Final = "no answer"
LISTENING: Final = "listening"
UNNAMED: Final = "pauses"
"""The reason that is shown for a wait if a user's own check gives none."""
LEAST_TOLD_S: Final = 0.1
"""The shortest total in seconds of the waits for one reason that is listed."""


@dataclass(slots=True)
class Use:
    """The traffic and time of one check."""

    requests: int = 0
    """How many messages and raw frames were sent; flow controls and consecutive frames belong to a message."""
    wrong_keys: int = 0
    writes: int = 0
    resets: int = 0
    permissions: set[Permission] = field(default_factory=set)
    """What the target must permit for everything that was sent."""
    seconds: float = 0.0
    waits: dict[str, tuple[int, float]] = field(default_factory=dict)
    """By reason: how many waits ended without a frame, and how many seconds they took together."""

    @property
    def waits_s(self) -> float:
        """How many seconds the waits that ended without a frame took together."""
        return sum(seconds for _, seconds in self.waits.values())


class Meter:
    """Adds up what the running check uses."""

    def __init__(self, target: Target) -> None:
        self._gate = SafetyGate(target)
        self.use = Use()
        self._reason = NO_ANSWER

    def begin(self) -> Use:
        """Start a new count, and return it."""
        self.use = Use()
        return self.use

    # What the link tells

    def sends(self, frame: Frame) -> None:
        """Count a frame that the harness sends."""
        use = self.use
        if frame.pci_type in (2, 3):
            return
        use.requests += 1
        pdu = b"" if frame.is_remote else frame.pdu
        needs = self._gate.harms(pdu, is_right_key=True) if pdu else self._gate.raw_harms(frame)
        use.permissions |= needs
        use.writes += Permission.WRITE in needs
        use.resets += Permission.RESET in needs

    def cuts_power(self) -> None:
        """Count one interruption of the ECU's supply."""
        self.use.resets += 1
        self.use.permissions.add(Permission.POWER)

    def passes(self, seconds: float, *, in_vain: bool) -> None:
        """Count the time until a frame came; `in_vain`: the wait ended without a frame."""
        use = self.use
        use.seconds += seconds
        if in_vain and seconds > 0:
            count, before_s = use.waits.get(self._reason, (0, 0.0))
            use.waits[self._reason] = count + 1, before_s + seconds

    # What the tester tells

    @contextmanager
    def reason(self, why: str) -> Iterator[None]:
        """Use this reason for all waits within the ``with``."""
        before, self._reason = self._reason, why
        try:
            yield
        finally:
            self._reason = before


class MeteredLink(SimulatedLink):
    """A simulated bus that reports its traffic to a meter.

    `is_virtual` is what the planned audit's own link would say, since checks spend less time on a real bus.
    """

    def __init__(self, *args: Any, meter: Meter, is_virtual: bool, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._meter = meter
        self.is_virtual = is_virtual

    def send(self, frame: Frame) -> None:
        """Send a frame as the base class does, and report it to the meter."""
        self._meter.sends(frame)
        super().send(frame)

    def receive(self, until_s: float) -> Frame | None:
        """Receive a frame as the base class does, and report to the meter how long that took."""
        begun_s = self.now_s
        frame = super().receive(until_s)
        self._meter.passes(self.now_s - begun_s, in_vain=frame is None)
        return frame

    def power_cycle(self) -> None:
        """Cut and restore the supply as the base class does, and report it to the meter."""
        self._meter.cuts_power()
        super().power_cycle()


class MeteredTester(Tester):
    """A tester that tells the meter for what it waits."""

    meter: Meter
    """The meter; it is set right after the tester is made."""

    def _wait_told(self, seconds: float, why: str, *, is_pause: bool) -> AbstractContextManager[None]:
        return self.meter.reason(why or (UNNAMED if is_pause else LISTENING))


def reasons_in_words(use: Use) -> str:
    """Format the waits, the longest first: ``the delay of level 0x01 21.0 s in 2 waits, no answer 4.8 s in 24 waits``."""
    longest = sorted(use.waits.items(), key=lambda item: -item[1][1])
    return ", ".join(
        f"{name} {seconds:.1f} s" + (f" in {count} waits" if count > 1 else "")
        for name, (count, seconds) in longest
        if seconds >= LEAST_TOLD_S
    )
