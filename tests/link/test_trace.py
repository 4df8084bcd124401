"""Prove that every frame is one line of the log, in order and in a common format, and that memory keeps only the latest."""

import io
import tracemalloc
from dataclasses import replace
from pathlib import Path

import can
import pytest
from can.io import CanutilsLogReader

from harness.link.frame import Frame, check, from_message, parse
from harness.link.trace import KEEP, Trace

STANDARD = Frame(0x740, bytes.fromhex("0322101000000000"), time_s=0.00025, is_sent=True)
EXTENDED = Frame(0x18DA40F1, bytes.fromhex("02 7E 00"), True, 1.5)
SMALL_EXTENDED = Frame(0x748, b"\x01", True, 2.0)
EMPTY = Frame(0x7FF, b"", time_s=2.1)
REMOTE = Frame(0x123, b"", time_s=2.5, is_remote=True, dlc=8)
FD = Frame(0x456, bytes(range(12)), time_s=3.0, is_fd=True)
FD_SWITCHING = Frame(0x456, bytes(64), time_s=3.1, is_fd=True, fd_flags=1)
FD_PASSIVE = Frame(0x748, b"", True, time_s=3.2, is_fd=True, fd_flags=3)
ERROR = Frame(0x4, bytes(8), time_s=4.0, is_error=True)
KINDS = {"standard": STANDARD, "extended": EXTENDED, "29-bit, small id": SMALL_EXTENDED, "empty": EMPTY}
KINDS |= {"remote": REMOTE, "fd": FD, "fd, switching": FD_SWITCHING, "fd, error passive": FD_PASSIVE}


def numbered(first: int, last: int) -> list[Frame]:
    """Return frames whose data is their number."""
    return [Frame(0x100, number.to_bytes(4, "big"), time_s=number / 1000) for number in range(first, last)]


def record(trace: Trace, *frames: Frame) -> None:
    for frame in frames:
        trace.record(frame)


def read_back(path: Path, *frames: Frame) -> list[can.Message]:
    """Return the frames that python-can reads from the log of these frames."""
    with path.open("w", encoding="ascii") as log:
        trace = Trace("sim")
        trace.write_to(log)
        record(trace, *frames)
        trace.flush()
    with CanutilsLogReader(path) as reader:
        return list(reader)


# --- the log ---


@pytest.mark.parametrize("kind", KINDS)
def test_python_can_reads_what_the_log_says(tmp_path: Path, kind: str) -> None:
    frame = KINDS[kind]
    (message,) = read_back(tmp_path / "bus.log", frame)
    assert message.timestamp == frame.time_s
    assert message.channel == "sim"
    assert message.is_rx is not frame.is_sent
    assert from_message(message, frame.time_s, frame.is_sent) == replace(frame, dlc=message.dlc)
    assert message.dlc == (frame.dlc if frame.is_remote else len(frame.data))


def test_python_can_reads_an_error_frame_as_one(tmp_path: Path) -> None:
    (message,) = read_back(tmp_path / "bus.log", ERROR)
    assert message.is_error_frame


def test_a_frame_is_written_as_candump_writes_it() -> None:
    log = io.StringIO()
    trace = Trace("can0")
    trace.write_to(log)
    record(trace, STANDARD, SMALL_EXTENDED, REMOTE)
    trace.flush()
    assert log.getvalue().splitlines() == [
        "(0.000250) can0 740#0322101000000000 T",
        "(2.000000) can0 00000748#01 R",
        "(2.500000) can0 123#R8 R",
    ]


def test_the_number_of_a_frame_is_its_line_in_the_log(tmp_path: Path) -> None:
    frames = numbered(0, 5 * KEEP + 7)
    messages = read_back(tmp_path / "bus.log", *frames)
    assert [int.from_bytes(message.data, "big") for message in messages] == list(range(len(frames)))


def test_an_error_frame_takes_a_line_too(tmp_path: Path) -> None:
    messages = read_back(tmp_path / "bus.log", STANDARD, ERROR, EXTENDED)
    assert [message.is_error_frame for message in messages] == [False, True, False]


def test_what_was_recorded_before_the_log_was_there_is_in_it() -> None:
    trace, log = Trace(), io.StringIO()
    record(trace, *numbered(0, 3))
    trace.flush()
    trace.write_to(log)
    record(trace, *numbered(3, 5))
    trace.flush()
    assert [line.split("#")[1][:8] for line in log.getvalue().splitlines()] == [f"{n:08X}" for n in range(5)]


def test_flushing_twice_writes_once() -> None:
    trace, log = Trace(), io.StringIO()
    trace.write_to(log)
    record(trace, STANDARD)
    trace.flush()
    trace.flush()
    assert len(log.getvalue().splitlines()) == 1


# --- memory ---


def test_the_latest_frames_are_at_hand_by_their_numbers() -> None:
    trace = Trace()
    record(trace, *numbered(0, 3 * KEEP))
    assert trace.count == 3 * KEEP
    assert trace.frames(3 * KEEP - 5, 3 * KEEP - 2) == tuple(numbered(3 * KEEP - 5, 3 * KEEP - 2))


def test_frames_that_are_no_longer_at_hand_are_left_out() -> None:
    trace = Trace()
    record(trace, *numbered(0, 3 * KEEP))
    assert trace.frames(0, 10) == ()
    assert trace.frames(0, trace.count)[-1] == numbered(3 * KEEP - 1, 3 * KEEP)[0]


def test_frames_to_come_are_none() -> None:
    trace = Trace()
    record(trace, *numbered(0, 3))
    assert trace.frames(2, 100) == tuple(numbered(2, 3))
    assert trace.frames(3, 100) == ()


@pytest.mark.parametrize("has_log", [True, False])
def test_memory_does_not_grow_with_the_run(tmp_path: Path, has_log: bool) -> None:
    trace = Trace()
    with (tmp_path / "bus.log").open("w", encoding="ascii") as log:
        if has_log:
            trace.write_to(log)
        record(trace, *numbered(0, 2 * KEEP))
        tracemalloc.start()
        for first in range(2 * KEEP, 8 * KEEP, KEEP):
            record(trace, *numbered(first, first + KEEP))
        grown_bytes, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert grown_bytes < 2 * KEEP * 400  # the frames at hand, which are new ones; the others would be 6 * KEEP


# --- what a frame may be ---


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_survives_the_way_through_python_can(kind: str) -> None:
    frame = KINDS[kind]
    check(frame.message())
    assert from_message(frame.message(), frame.time_s, frame.is_sent) == replace(frame, dlc=frame.message().dlc)


@pytest.mark.parametrize(
    "text",
    ["740#0322101000000000", "18DA40F1#02", "123#R8", "123#R0", "7FF#", "740##0", "740##103221010", "00000740##3AA"],
)
def test_a_frame_is_read_as_it_is_written(text: str) -> None:
    assert parse(text).text() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "740",
        "74#00",
        "0740#00",
        "xyz#00",
        "740#0",
        "740#010203040506070809",
        "FFFFFFFF#00",
        "123#R9",
        "800#",
        "740##",
        "740##R8",
        "740##1" + 9 * "00",
    ],
)
def test_what_is_no_frame_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


IMPOSSIBLE: dict[str, dict[str, object]] = {
    "an 11-bit id of 12 bits": {"arbitration_id": 0x800},
    "a negative id": {"arbitration_id": -1},
    "a 29-bit id of 30 bits": {"arbitration_id": 0x2000_0000, "is_extended_id": True},
    "half an id": {"arbitration_id": 1.5},
    "no id": {"arbitration_id": None},
    "nine bytes": {"data": bytes(9)},
    "nine bytes of FD": {"data": bytes(9), "is_fd": True},
    "65 bytes of FD": {"data": bytes(65), "is_fd": True},
    "a remote frame with data": {"is_remote_frame": True},
    "a remote frame that asks for nine bytes": {"is_remote_frame": True, "data": b"", "dlc": 9},
    "a remote frame of FD": {"is_remote_frame": True, "data": b"", "dlc": 0, "is_fd": True},
    "an error frame": {"is_error_frame": True},
}


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_what_cannot_be_sent_is_refused(kind: str) -> None:
    message = can.Message(arbitration_id=0x123, data=b"\x01", is_extended_id=False)
    for name, value in IMPOSSIBLE[kind].items():
        setattr(message, name, value)
    with pytest.raises((ValueError, TypeError)):
        check(message)
