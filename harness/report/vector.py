"""Write recorded frames as BLF and ASC files for Vector's tools, with python-can's writers."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from can import Message
from can.io.asc import ASCWriter
from can.io.blf import BLFWriter

from harness.report.candump import LoggedFrame

FD_BIT_RATE_SWITCH, FD_ERROR_PASSIVE = 1, 2


def write_blf(frames: Iterable[LoggedFrame], path: Path) -> None:
    """Write frames with stamps since 1970 as a Binary Logging File."""
    with open(path, "wb") as file:
        writer = BLFWriter(file)
        for message in _messages(frames):
            writer.on_message_received(message)
        writer.stop()


def write_asc(frames: Iterable[LoggedFrame], path: Path) -> None:
    """Write frames with stamps since 1970 as an ASCII log."""
    messages = _messages(frames)
    first = next(messages, None)
    start = datetime.fromtimestamp(first.timestamp if first else 0, UTC)
    with open(path, "w", encoding="ascii", newline="\n") as file:
        writer = _DatedASCWriter(file, start)
        for message in chain([first] if first else [], messages):
            writer.on_message_received(message)
        writer.stop()


class _DatedASCWriter(ASCWriter):
    """Dates the first frame in UTC; python-can would write the present time in the local time zone."""

    def __init__(self, file: object, start: datetime) -> None:
        self._start = start
        super().__init__(file)  # type: ignore[arg-type]

    def _format_header_datetime(self, dt: datetime) -> str:
        start = self._start
        return f"{start:%a %b %d %H:%M:%S}.{start.microsecond // 1000:03} {start:%Y}"


def _messages(frames: Iterable[LoggedFrame]) -> Iterator[Message]:
    """Yield the frames for python-can; no stamp is earlier than the first frame's, from which both formats count up."""
    first_us = None
    for frame in frames:
        first_us = frame.time_us if first_us is None else first_us
        yield Message(
            timestamp=max(frame.time_us, first_us) / 1_000_000,
            arbitration_id=frame.can_id,
            is_extended_id=frame.is_extended,
            is_remote_frame=frame.is_remote,
            is_error_frame=frame.is_error,
            dlc=frame.remote_length if frame.is_remote else len(frame.data),
            data=frame.data,
            is_fd=frame.fd_flags is not None,
            is_rx=not frame.is_sent,
            bitrate_switch=bool((frame.fd_flags or 0) & FD_BIT_RATE_SWITCH),
            error_state_indicator=bool((frame.fd_flags or 0) & FD_ERROR_PASSIVE),
        )
