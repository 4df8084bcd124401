"""Prove that the log keeps the last frames and lines, whatever comes and however much of it."""

from harness.ecu.profiles import article, hardened
from harness.ecu_host.frame_log import LINES_KEPT, LONGEST_LINE, FrameLog, PrintedLines
from harness.link.frame import Frame

NOON_S = 1_767_268_800.0


def logged(can_id: int, data: str, *, is_sent: bool = False, **more: bool) -> str:
    log = FrameLog()
    log.know([hardened()])
    return log.line(Frame(can_id, bytes.fromhex(data), time_s=NOON_S, is_sent=is_sent, **more)).split(maxsplit=1)[1]


def test_requests_and_answers_are_read_as_such() -> None:
    assert (
        logged(0x740, "0322202000000000") == "Recv 740  03 22 20 20 00 00 00 00  ReadDataByIdentifier: identifiers [0x2020]"
    )
    assert logged(0x748, "037F273500000000", is_sent=True).endswith("  SecurityAccess refused: 0x35 invalidKey")
    assert "  TesterPresent: " in logged(0x742, "023E000000000000"), "of the second tester"
    assert logged(0x740, "1012270200000000").endswith("  first frame of 18 bytes")
    assert logged(0x740, "0322").endswith("  single frame, 3 bytes, only 1 present")


def test_other_frames_are_shown_as_they_are() -> None:
    assert logged(0x123, "0322202000000000") == "Recv 123  03 22 20 20 00 00 00 00"
    assert logged(0x18DA40F1, "01", is_extended=True) == "Recv 18DA40F1  01"
    assert logged(0x740, "", is_remote=True) == "Recv 740  remote, 0 bytes"
    assert logged(0x123, "AA" * 64, is_fd=True).endswith("AA AA …")


def test_the_articles_malformed_answers_are_called_so() -> None:
    log = FrameLog()
    log.know([article()])
    line = log.line(Frame(0x748, bytes.fromhex("0227350000000000"), is_extended=True, is_sent=True))
    assert line.endswith("no UDS response: the first byte 0x27 stands for the request SecurityAccess")


def test_what_nobody_takes_is_bounded_and_the_loss_is_said() -> None:
    log = FrameLog()
    for number in range(3 * LINES_KEPT):
        log.add(str(number))
    lines = log.take(10_000)
    assert lines[0] == f"… {2 * LINES_KEPT} lines were too many to be shown"
    assert lines[1:] == [str(number) for number in range(2 * LINES_KEPT, 3 * LINES_KEPT)]
    assert log.take(10) == []


def test_what_a_node_prints_is_bounded_and_moves_no_cursor() -> None:
    lines: list[str] = []
    stream = PrintedLines(lines.append)
    print("\x1b[2Jtwo", "words", file=stream)
    for _ in range(10 * LONGEST_LINE):
        print("x", end="", file=stream)
    assert lines[0].strip() == "\\x1b[2Jtwo words"
    assert len(lines) == 10
    assert max(map(len, lines)) < LONGEST_LINE + 20
