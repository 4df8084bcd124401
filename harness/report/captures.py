"""Convert a run's bus log to other formats: pcapng for Wireshark, BLF and ASC for the tools of Vector."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from harness.errors import UserError
from harness.report.candump import LATEST_US, LoggedFrame, logged_frames, stamped_frames
from harness.report.pcapng import packet_parts, write_pcapng
from harness.runs.folder import AUDIT_JSON, BUS_ASC, BUS_BLF, BUS_LOG, BUS_PCAPNG, read_run, replacing

FIRST_DATE_US: Final = 10**15
"""The earliest time stamp that is a date, in 2001; earlier ones count from the start of a simulated bus."""


def write_captures(folder: Path, kinds: Sequence[str]) -> list[Path]:
    """Write a run's bus log in each of these formats (see `CAPTURES`), beside the log; return the files.

    Raises UserError for an unknown format, a missing or damaged log, or a folder that cannot be written.
    """
    for kind in kinds:
        if kind not in CAPTURES:
            raise UserError(f"{kind!r} is no capture format; choose from {', '.join(CAPTURES)}")
    written = []
    for kind in dict.fromkeys(kinds):
        name, write = CAPTURES[kind]
        with replacing(folder / name) as part:
            write(folder, part)
        written.append(folder / name)
    return written


def _write_pcapng(folder: Path, path: Path) -> None:
    with open(path, "wb") as file:
        write_pcapng(stamped_frames(folder / BUS_LOG, packet_parts), file)


def _write_blf(folder: Path, path: Path) -> None:
    from harness.report.vector import write_blf

    write_blf(_dated_frames(folder), path)


def _write_asc(folder: Path, path: Path) -> None:
    from harness.report.vector import write_asc

    write_asc(_dated_frames(folder), path)


def _dated_frames(folder: Path) -> Iterator[LoggedFrame]:
    """Yield the log's frames with stamps since 1970, which BLF and ASC need; virtual times are added to the run's start."""
    start_us = None
    for frame in logged_frames(folder / BUS_LOG):
        if start_us is None:
            start_us = 0 if frame.time_us >= FIRST_DATE_US else _start_of_run_us(folder)
        yield frame._replace(time_us=start_us + frame.time_us)


def _start_of_run_us(folder: Path) -> int:
    text = read_run(folder).info.started_utc
    try:
        start_us = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000
        if not 0 <= start_us < LATEST_US:
            raise ValueError
    except ValueError:
        raise UserError(
            f"{folder / AUDIT_JSON}: run.started_utc is {ascii(text)[:60]}, no date; the file is damaged"
        ) from None
    return start_us


CAPTURES: Final[dict[str, tuple[str, Callable[[Path, Path], None]]]] = {
    "pcapng": (BUS_PCAPNG, _write_pcapng),
    "blf": (BUS_BLF, _write_blf),
    "asc": (BUS_ASC, _write_asc),
}
"""The formats, by the name that a user gives: the file's name, and the function that writes the file from a run's folder."""
