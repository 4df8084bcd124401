"""Record every frame: all of them on disk in order, the latest also in memory as evidence."""

from typing import Protocol

from harness.errors import UserError
from harness.link.frame import Frame

ERROR_FRAME = "20000080#0000000000000000"

KEEP = 4096
"""How many frames are kept in memory: more than any decisive exchange needs, however long the run."""


class Log(Protocol):
    """A text file, or an object that takes the place of one."""

    def write(self, text: str, /) -> object:
        """Write text that consists of whole lines."""

    def flush(self) -> object:
        """Write buffered lines to the disk."""


class Trace:
    """Counts and stores frames.

    After `write_to`, each frame is a line of candump's log format (``-L``), in order.

    The number of a frame is its line in the log, counted from 0, if the log is opened before frames are dropped.
    """

    def __init__(self, channel: str = "can0") -> None:
        self._log: Log | None = None
        self._channel = channel
        self._heads: dict[int, str] = {}
        """By 11-bit id, what stands before the data of a classic frame in its line."""
        self._recent: list[Frame] = []
        self._first = 0
        self._written = 0
        self.count = 0
        """How many frames were recorded, which is also the number of the next frame."""
        self._full_at = 2 * KEEP
        """The count at which frames are dropped from memory next."""
        self.trouble = ""
        """Why frames are no longer written to the log; empty while they are written, or if there is no log."""

    def forget(self, first: int) -> None:
        """Drop all frames in memory without writing them to a log; the next frame has the number `first`."""
        self._recent.clear()
        self._first = self._written = self.count = first
        self._full_at = first + 2 * KEEP

    def write_to(self, log: Log) -> None:
        """Write the frames in memory, and all later ones, to a file."""
        self._log = log

    def record(self, frame: Frame) -> None:
        """Record a frame. Now and then write new frames to the log, and keep only the latest in memory.

        Raises UserError as `flush`.
        """
        self._recent.append(frame)
        self.count += 1
        if self.count > self._full_at:
            self.flush()
            self._first = self.count - KEEP
            self._full_at = self._first + 2 * KEEP
            del self._recent[:-KEEP]

    def frames(self, first: int, last: int) -> tuple[Frame, ...]:
        """Return the frames `first` to `last` - 1, as far as they are still in memory."""
        start = max(first - self._first, 0)
        return tuple(self._recent[start : max(last - self._first, start)])

    def flush(self) -> None:
        """Write new frames to the log, if there is one. Raises UserError if that fails.

        After a failure no more frames are written, since lines that a full disk left out would shift all later numbers.
        """
        if self._log is None:
            return
        fresh = self._recent[max(self._written - self._first, 0) :]
        try:
            self._log.write("".join(self._lines(fresh)))
            self._log.flush()
        except OSError as error:
            self._log = None
            self.trouble = f"the bus log cannot be written: {error.strerror or error}"
            raise UserError(self.trouble) from error
        self._written = self.count

    def _lines(self, frames: list[Frame]) -> list[str]:
        heads = self._heads
        for can_id in {frame.can_id for frame in frames}.difference(heads):
            heads[can_id] = f"{self._channel} {can_id:03X}#"
        return [
            self._other_line(frame)
            if frame.is_extended or frame.is_fd or frame.is_remote or frame.is_error or frame.address
            else f"({frame.time_s:.6f}) {heads[frame.can_id]}{frame.data.hex().upper()} {'T' if frame.is_sent else 'R'}\n"
            for frame in frames
        ]

    def _other_line(self, frame: Frame) -> str:
        text = ERROR_FRAME if frame.is_error else frame.text()
        return f"({frame.time_s:.6f}) {self._channel} {text} {'RT'[frame.is_sent]}\n"
