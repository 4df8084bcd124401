"""Prove that independent readers find the log's frames in the other formats, frame by frame."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import can
import pytest
from scapy.layers.can import CAN
from scapy.utils import RawPcapNgReader

from harness.errors import UserError
from harness.report.candump import LoggedFrame, logged_frames
from harness.report.captures import write_captures
from harness.report.pcapng import PacketParts, packet_parts, write_pcapng
from harness.runs.findings import Run
from harness.runs.folder import RunFolder

EVERY_KIND = """\
(0.000262) sim 740#0322101000000000 T
(0.000524) sim 00000748#04621010FF000000 R
(0.000746) sim 7FF# R
(1.000000) sim 740#R T
(1.000100) sim 740#R8 T
(1.000200) sim 1FFFFFFF#R0 R
(1.000300) sim 740##10322101000000000 T
(1.000400) sim 748##3AABBCCDDEEFF00112233445566778899 R
(1.000500) sim 18DA10F1##0FF R
(1.000600) sim 20000080#0000000000000000 R
(645.551101) sim 740#0322101000000000 T
"""
DIALOGUE = """\
(0.000000) sim 740#0322F19000000000 T
(0.000300) sim 748#101462F190574241 R
(0.000500) sim 740#3000000000000000 T
(0.000800) sim 748#2142434445464748 R
(0.001100) sim 748#224A4B4C4D4E4F50 R
(0.100000) sim 740#0227010000000000 T
(0.100300) sim 748#037F273700000000 R
(0.200000) sim 740#0227010000000000 T
(0.200300) sim 748#0667011122334400 R
"""
"""Requests that read several frames, get a seed refused, and get a seed."""


ON_A_REAL_BUS = re.sub(r"\((\d+)", lambda hit: f"({1795000000 + int(hit[1])}", EVERY_KIND)


@pytest.fixture
def folder(tmp_path: Path, article: Run) -> Path:
    RunFolder.create(tmp_path, article.info).finish(article.info)
    return tmp_path


def with_log(folder: Path, text: str) -> Path:
    (folder / "bus.log").write_text(text, encoding="ascii")
    return folder


def frames_of(path: Path) -> list[LoggedFrame]:
    """Return the frames that python-can reads, in our notation; times count from the first frame."""
    with can.LogReader(path) as reader:
        messages = list(reader)
    frames = [
        LoggedFrame(
            round(one.timestamp * 1e6),
            one.arbitration_id,
            bytes(one.data),
            one.is_extended_id,
            not one.is_rx,
            one.is_remote_frame,
            one.is_error_frame,
            one.bitrate_switch + 2 * one.error_state_indicator if one.is_fd else None,
            one.dlc if one.is_remote_frame else 0,
        )
        for one in messages
    ]
    return from_first(frames)


def from_first(frames: list[LoggedFrame]) -> list[LoggedFrame]:
    return [frame._replace(time_us=frame.time_us - frames[0].time_us) for frame in frames]


# Reading


def test_every_kind_of_line_is_read(folder: Path) -> None:
    frames = list(logged_frames(with_log(folder, EVERY_KIND) / "bus.log"))
    assert frames[0] == LoggedFrame(262, 0x740, bytes.fromhex("0322101000000000"), False, True, False, False, None, 0)
    assert frames[1].is_extended
    assert not frames[1].is_sent
    assert [(frame.is_remote, frame.remote_length) for frame in frames[3:6]] == [(True, 0), (True, 8), (True, 0)]
    assert [frame.fd_flags for frame in frames[5:10]] == [None, 1, 3, 0, None]
    assert (frames[9].is_error, frames[9].can_id, frames[9].is_extended) == (True, 0x80, False)
    assert frames[10].time_us == 645_551_101


def test_what_candump_reads_is_what_we_read(folder: Path) -> None:
    """python-can reads the same log, but takes the id of an error frame for one of 29 bits."""
    path = with_log(folder, EVERY_KIND.replace("#R8", "#R")) / "bus.log"
    theirs = frames_of(path)
    ours = from_first(list(logged_frames(path)))
    assert [one for one in theirs if not one.is_error] == [one for one in ours if not one.is_error]


@pytest.mark.parametrize("end", ["(3.0", "(3.000000) sim 740#03", "(3.000000) sim 740#0322101000000000 T", "\x00\x00\x00"])
def test_a_last_line_that_was_cut_is_left_out(end: str, folder: Path) -> None:
    path = with_log(folder, EVERY_KIND + end) / "bus.log"
    assert len(list(logged_frames(path))) == EVERY_KIND.count("\n")


@pytest.mark.parametrize(
    "line",
    ["nonsense", "", "(1.5) sim 740#03 T", "(1.000000) sim 74#03 T", "(1.000000) sim 740#031 T", "(1.000000) sim 740#R9 T"],
)
def test_a_damaged_line_is_one_line_for_the_user(line: str, folder: Path) -> None:
    path = with_log(folder, f"{EVERY_KIND}{line}\n{EVERY_KIND}") / "bus.log"
    with pytest.raises(UserError, match=r"bus\.log: line 12 is no line of a candump log; the file is damaged"):
        list(logged_frames(path))


# Writing


def test_wireshark_gets_every_frame_with_its_time_and_direction(folder: Path) -> None:
    (path,) = write_captures(with_log(folder, EVERY_KIND), ["pcapng"])
    expected = list(logged_frames(folder / "bus.log"))
    with RawPcapNgReader(str(path)) as reader:
        packets = list(reader)
    assert len(packets) == len(expected)
    for (data, about), frame in zip(packets, expected, strict=True):
        packet = CAN(data)
        assert ((about.tshigh << 32) + about.tslow, about.linktype) == (frame.time_us, 227)
        assert about.direction == (2 if frame.is_sent else 1)
        assert packet.identifier == frame.can_id
        assert bytes(packet.data) == frame.data
        flags = (data[0] >> 7, data[0] >> 6 & 1, data[0] >> 5 & 1)
        assert flags == (frame.is_extended, frame.is_remote, frame.is_error)
        assert data[4] == (frame.remote_length if frame.is_remote else len(frame.data))
        assert data[5] == (0 if frame.fd_flags is None else 4 | frame.fd_flags)


@pytest.mark.parametrize("text", [EVERY_KIND, ON_A_REAL_BUS, DIALOGUE])
def test_blf_read_by_python_can_is_the_log(text: str, folder: Path) -> None:
    (path,) = write_captures(with_log(folder, text), ["blf"])
    assert frames_of(path) == from_first(list(logged_frames(folder / "bus.log")))


@pytest.mark.parametrize("text", [EVERY_KIND, ON_A_REAL_BUS, DIALOGUE])
def test_asc_read_by_python_can_is_the_log(text: str, folder: Path) -> None:
    """Of an error frame the format says only that there was one."""
    (path,) = write_captures(with_log(folder, text), ["asc"])
    expected = from_first(list(logged_frames(folder / "bus.log")))
    expected = [without_details(frame) for frame in expected]
    found = [without_details(frame) for frame in frames_of(path)]
    assert found == expected


def without_details(frame: LoggedFrame) -> LoggedFrame:
    return LoggedFrame(frame.time_us, 0, b"", False, False, False, True, None, 0) if frame.is_error else frame


def test_virtual_time_is_counted_from_the_start_of_the_run(folder: Path) -> None:
    blf, asc = write_captures(with_log(folder, EVERY_KIND), ["blf", "asc"])
    start = 1795166880.0  # 2026-11-20T09:28:00Z
    with can.LogReader(blf) as reader:
        assert next(iter(reader)).timestamp == pytest.approx(start + 0.000262, abs=1e-6)
    assert asc.read_text().startswith("date Fri Nov 20 09:28:00.000 2026\n")


def test_the_same_log_twice_gives_the_same_bytes(folder: Path) -> None:
    kinds = ["pcapng", "blf", "asc"]
    first = [path.read_bytes() for path in write_captures(with_log(folder, EVERY_KIND), kinds)]
    assert [path.read_bytes() for path in write_captures(folder, kinds)] == first


def test_stamps_that_run_backwards_are_no_trouble(folder: Path) -> None:
    text = "(1795000001.000000) can0 740#01 T\n(1795000000.999000) can0 748#02 R\n(1795000001.500000) can0 740#03 T\n"
    blf, asc = write_captures(with_log(folder, text), ["blf", "asc"])
    for path in (blf, asc):
        assert [frame.time_us for frame in frames_of(path)] == [0, 0, 500_000]


def test_an_empty_log_is_an_empty_capture(folder: Path) -> None:
    pcapng, *others = write_captures(with_log(folder, ""), ["pcapng", "blf", "asc"])
    with RawPcapNgReader(str(pcapng)) as reader:
        assert list(reader) == []
    assert [frames_of(path) for path in others] == [[], []]


def test_a_folder_without_a_log_and_an_unknown_format_are_one_line_for_the_user(folder: Path) -> None:
    with pytest.raises(UserError, match=r"bus\.log: No such file"):
        write_captures(folder, ["pcapng"])
    with pytest.raises(UserError, match="'mf4' is no capture format; choose from pcapng, blf, asc"):
        write_captures(folder, ["mf4"])
    assert not list(folder.glob("bus*")), "nothing half done is left"


def test_a_run_without_a_date_is_one_line_for_the_user(tmp_path: Path, article: Run) -> None:
    undated = replace(article.info, started_utc="yesterday")
    RunFolder.create(tmp_path, undated).finish(undated)
    with pytest.raises(UserError, match=r"run\.started_utc is 'yesterday', no date"):
        write_captures(with_log(tmp_path, EVERY_KIND), ["blf"])


def test_memory_does_not_grow_with_the_log() -> None:
    """Frames that were read are written before further ones are read."""
    drawn, written = 0, [0]

    def many_frames() -> Iterator[tuple[int, PacketParts]]:
        nonlocal drawn
        for drawn in range(1, 20_001):
            yield drawn, packet_parts(LoggedFrame(drawn, 0x740, bytes(8), False, True, False, False, None, 0))

    class File(BytesIO):
        def write(self, data: object) -> int:
            written.append(drawn)
            return 0

    write_pcapng(many_frames(), File())
    assert written[-1] == 20_000
    assert max(after - before for before, after in pairwise(written)) <= 4096


# Wireshark itself


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_dissects_the_dialogue_as_isotp_and_uds(folder: Path) -> None:
    (path,) = write_captures(with_log(folder, DIALOGUE), ["pcapng"])
    shown = ["frame.number", "frame.packet_flags_direction", "can.id", "uds.sid", "uds.reply"]
    command = ["tshark", "-r", str(path), "-T", "fields"]
    command += ["-d", "can.subdissector,iso15765", "-d", "iso15765.subdissector,uds"]
    command += [word for name in shown for word in ("-e", name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) == 9
    messages = [(row[0], row[1], int(row[2], 0), row[3], row[4]) for row in rows if row[3]]
    assert messages == [
        ("1", "0x00000002", 0x740, "0x22", "0x00"),
        ("5", "0x00000001", 0x748, "0x22", "0x01"),
        ("6", "0x00000002", 0x740, "0x27", "0x00"),
        ("7", "0x00000001", 0x748, "0x3f", "0x01"),
        ("8", "0x00000002", 0x740, "0x27", "0x00"),
        ("9", "0x00000001", 0x748, "0x27", "0x01"),
    ]
