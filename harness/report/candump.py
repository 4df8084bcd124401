"""Read the frames of a run's bus log (candump's format, ``-L``) as a stream, however long the log is."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from harness.errors import UserError
from harness.runs.folder import open_file

T = TypeVar("T")

ERROR_FLAG: Final = 0x20000000
"""A flag in the id of a frame that stands for a bus error; the id's other bits say which (Linux's can/error.h)."""

LATEST_US: Final = 10**16
"""The latest time stamp, with ten digits of seconds (until 2286); later ones were not measured, and fit no other format."""

LONGEST_STAMP: Final = 16
"""The number of digits of the longest stamp: ten of seconds, six of microseconds."""

MOST_KNOWN: Final = 20_000
"""How many parsed lines are cached, so that frames that differ only in their time are parsed once."""

_LINE: Final = re.compile(
    rb"\((\d{1,10})\.(\d{6})\) \S+ ([0-9A-F]{3}|[0-9A-F]{8})"
    rb"(?:#((?:[0-9A-F]{2}){0,8})|#R([0-8]?)|##([0-9A-F])((?:[0-9A-F]{2}){0,64}))(?: ([RT]))?\s*"
)


class LoggedFrame(NamedTuple):
    """One line of the log."""

    time_us: int
    """Microseconds since the bus started on a simulated bus, since 1970 on a real one."""
    can_id: int
    data: bytes
    is_extended: bool
    is_sent: bool
    is_remote: bool
    is_error: bool
    fd_flags: int | None
    """Flags of a CAN FD frame: 1 for data at the higher bit rate, 2 for an error-passive sender; None: a classic frame."""
    remote_length: int
    """How many bytes a remote frame requests."""


def logged_frames(path: Path) -> Iterator[LoggedFrame]:
    """Yield every frame of a log in order. A last line that was cut in the middle is left out.

    Raises UserError if the log cannot be read, or a line does not have candump's format.
    """
    for time_us, alike in stamped_frames(path, lambda frame: frame[1:]):
        yield LoggedFrame(time_us, *alike)


def stamped_frames(path: Path, of: Callable[[LoggedFrame], T]) -> Iterator[tuple[int, T]]:
    """Yield the time of every frame of a log in microseconds, and what `of` makes of it, as `logged_frames` does.

    `of` must not depend on the time: it is called once for frames that differ only in their time.
    """
    known: dict[bytes, T] = {}
    try:
        with open_file(path) as file:
            for number, line in enumerate(file, start=1):
                stamp, _, rest = line.partition(b") ")
                digits = stamp[1:-7] + stamp[-6:]
                if rest in known and stamp[:1] + stamp[-7:-6] == b"(." and digits.isdigit() and len(digits) <= LONGEST_STAMP:
                    yield int(digits), known[rest]
                    continue
                match = _LINE.fullmatch(line)
                if match is not None and line.endswith(b"\n"):
                    frame = _frame(*match.groups())
                    made = of(frame)
                    if len(known) < MOST_KNOWN:
                        known[rest] = made
                    yield frame.time_us, made
                elif line.endswith(b"\n"):
                    raise UserError(f"{path}: line {number} is no line of a candump log; the file is damaged")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error


def _frame(
    seconds: bytes,
    microseconds: bytes,
    can_id: bytes,
    data: bytes | None,
    remote: bytes | None,
    fd_flags: bytes | None,
    fd_data: bytes | None,
    direction: bytes | None,
) -> LoggedFrame:
    number = int(can_id, 16)
    is_error = len(can_id) == 8 and bool(number & ERROR_FLAG)
    return LoggedFrame(
        int(seconds) * 1_000_000 + int(microseconds),
        number & 0x1FFFFFFF,
        bytes.fromhex((data or fd_data or b"").decode()),
        len(can_id) == 8 and not is_error,
        direction == b"T",
        remote is not None,
        is_error,
        None if fd_flags is None else int(fd_flags, 16),
        int(remote or 0),
    )
