"""Find out whether an ECU accepts CAN FD frames, and answers in them; only on a bus that was opened for CAN FD."""

from dataclasses import replace

from harness.discovery.addresses import FoundEcu, Wire, ask, patience_for
from harness.link.frame import FD_BIT_RATE_SWITCH, Frame


class FlexibleWire:
    """A bus on which the tester sends every frame as CAN FD, its data at the higher bit rate if the bus has one."""

    def __init__(self, wire: Wire, *, has_data_bitrate: bool) -> None:
        self._wire = wire
        self._flags = FD_BIT_RATE_SWITCH if has_data_bitrate else 0

    @property
    def now_s(self) -> float:
        """The bus's time."""
        return self._wire.now_s

    def send(self, frame: Frame) -> None:
        """Send a frame as a CAN FD frame."""
        self._wire.send(replace(frame, is_fd=True, fd_flags=self._flags))

    def receive(self, until_s: float) -> Frame | None:
        """Return the next frame, CAN FD or classic, or None at `until_s`."""
        return self._wire.receive(until_s)


def ask_in_fd(wire: Wire, ecu: FoundEcu) -> None:
    """Find out whether an ECU accepts CAN FD frames, and whether it answers in them; record both in the ECU."""
    pair = ecu.pair
    answers = ask(wire, pair.request, pair.probe, wanted={pair.response}, patience_s=patience_for(pair))
    ecu.takes_fd = bool(answers)
    ecu.answers_in_fd = any(frame.is_fd for frame, _ in answers)
