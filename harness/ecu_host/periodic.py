"""Send frames periodically, beside an ECU on the same bus."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import can

from harness.ecu.article import PERIOD_S, PERIODIC_DATA, PERIODIC_IDS
from harness.ecu_host.fields import PeriodicField
from harness.simulation.node import Port, Timer

ARTICLE_FRAMES: Final = tuple(
    PeriodicField(can_id=can_id, is_extended=True, data=PERIODIC_DATA, period_s=PERIOD_S) for can_id in PERIODIC_IDS
)
"""The frames that the article's window shows when it opens; the article's script sends them with 29-bit ids."""


class PeriodicFrames:
    """A node that sends the given frames periodically, the first time at once."""

    def __init__(self) -> None:
        self._port: Port | None = None
        self._frames: tuple[PeriodicField, ...] = ()
        self._timers: list[Timer] = []

    def attach(self, port: Port) -> None:
        """Begin to send the frames that `send` was called with already."""
        self._port = port
        self._begin()

    def on_frame(self, frame: can.Message) -> None:
        """Ignore every frame."""

    def power_cycle(self) -> None:
        """Begin again, since the bus has dropped the timers."""
        self._timers = []
        self._begin()

    def send(self, frames: Sequence[PeriodicField]) -> None:
        """Send these frames from now on, and no others. To be called between two frames."""
        if tuple(frames) == self._frames:
            return
        self._frames = tuple(frames)
        self._begin()

    def _begin(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = [_no_timer] * len(self._frames)
        if self._port is not None:
            for number, frame in enumerate(self._frames):
                self._send(number, frame, self._port, self._port.now_s)

    def _send(self, number: int, frame: PeriodicField, port: Port, due_s: float) -> None:
        """Send one frame, and set the timer for its next period; periods that were missed are not made up for."""
        port.send(can.Message(arbitration_id=frame.can_id, data=frame.data, is_extended_id=frame.is_extended))
        next_s = max(due_s + frame.period_s, port.now_s)
        self._timers[number] = port.call_later(next_s - port.now_s, partial(self._send, number, frame, port, next_s))


class _NoTimer:
    def cancel(self) -> None:
        """Do nothing."""


_no_timer: Final = _NoTimer()
