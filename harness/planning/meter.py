"""Count what passes on a simulated bus while checks run: by check, requests, permissions and time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
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
"""The reason of waits in a user's own checks that name none."""
LEAST_TOLD_S: Final = 0.1
"""Waits that are shorter, in seconds, are not listed."""


@dataclass(slots=True)
class Use:
    """What one check has used."""

    requests: int = 0
    """Messages and raw frames that were sent; flow controls and consecutive frames are part of a message."""
    wrong_keys: int = 0
    writes: int = 0
    resets: int = 0
    permissions: set[Permission] = field(default_factory=set)
    """What the target must permit for all that was sent."""
    seconds: float = 0.0
    waits: dict[str, tuple[int, float]] = field(default_factory=dict)
    """By reason: how many waits ended without a frame, and their seconds in all."""

    @property
    def waits_s(self) -> float:
        """The time in which nothing came and nothing was sent."""
        return sum(seconds for _, seconds in self.waits.values())


class Meter:
    """Adds up the use of the running check."""

    def __init__(self, target: Target) -> None:
        self._gate = SafetyGate(target)
        self.use = Use()
        self._reason = NO_ANSWER

    def begin(self) -> Use:
        """Count from now on for something new."""
        self.use = Use()
        return self.use

    # What the link tells

    def sends(self, frame: Frame) -> None:
        """The harness sends a frame."""
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
        """The ECU's supply is cut and restored."""
        self.use.resets += 1
        self.use.permissions.add(Permission.POWER)

    def passes(self, seconds: float, *, in_vain: bool) -> None:
        """Time passed, until a frame came or in vain."""
        use = self.use
        use.seconds += seconds
        if in_vain and seconds > 0:
            count, before_s = use.waits.get(self._reason, (0, 0.0))
            use.waits[self._reason] = count + 1, before_s + seconds

    # What the tester tells

    @contextmanager
    def reason(self, why: str) -> Iterator[None]:
        """Set what is being waited for."""
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
        self._pass_on = self.send
        self.send = self._send_metered  # the base sets it as an instance attribute, too

    def _send_metered(self, frame: Frame) -> None:
        self._meter.sends(frame)
        self._pass_on(frame)

    def receive(self, until_s: float) -> Frame | None:
        """As the base."""
        begun_s = self.now_s
        frame = super().receive(until_s)
        self._meter.passes(self.now_s - begun_s, in_vain=frame is None)
        return frame

    def power_cycle(self) -> None:
        """As the base."""
        self._meter.cuts_power()
        super().power_cycle()


class MeteredTester(Tester):
    """A tester that tells the meter what it waits for."""

    meter: Meter
    """Set as soon as it is made."""

    def wait(self, seconds: float, why: str = "") -> None:
        """As the base."""
        with self.meter.reason(why or UNNAMED):
            Tester.listen(self, seconds)

    def listen(
        self,
        seconds: float,
        *,
        after_first_of: int = 0,
        also_from: Collection[int] = (),
        ends_with_answer: bool = False,
        why: str = "",
    ) -> tuple[Frame, ...]:
        """As the base."""
        with self.meter.reason(why or LISTENING):
            return super().listen(
                seconds, after_first_of=after_first_of, also_from=also_from, ends_with_answer=ends_with_answer
            )


def reasons_in_words(use: Use) -> str:
    """``the delay of level 0x01 21.0 s in 2 waits, no answer 4.8 s in 24 waits``; the longest first, all that count."""
    longest = sorted(use.waits.items(), key=lambda item: -item[1][1])
    return ", ".join(
        f"{name} {seconds:.1f} s" + (f" in {count} waits" if count > 1 else "")
        for name, (count, seconds) in longest
        if seconds >= LEAST_TOLD_S
    )
