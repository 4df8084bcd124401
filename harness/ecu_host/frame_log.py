"""Keep the last frames of a bus, and decode them for a reader."""

from collections import deque
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from io import TextIOBase
from typing import Final

from harness.ecu.article import ArticleNode
from harness.ecu.ecu_node import UdsNode
from harness.link.frame import Frame
from harness.link.isotp_frames import escaped_single
from harness.report.decode import frame_line, reply_line, request_line
from harness.report.text import visible
from harness.simulation.node import Node

LINES_KEPT: Final = 1000
"""How many lines are kept until they are shown; the oldest are dropped first."""
BYTES_SHOWN: Final = 16
LONGEST_LINE: Final = 1000
LONGEST_SHORT: Final = 8
"""The largest number of bytes of a single frame whose first byte holds the message's length; longer ones use the second."""


class FrameLog:
    """Frames, messages and printed lines of nodes, in order. One thread adds them, another takes them."""

    def __init__(self) -> None:
        self._request_ids: set[int] = set()
        self._response_ids: set[int] = set()
        self._entries: deque[Frame | str] = deque(maxlen=LINES_KEPT)
        self.added = 0
        self.taken = 0

    def know(self, nodes: Collection[Node]) -> None:
        """From now on decode requests to these nodes, and their answers, as messages."""
        for node in nodes:
            if isinstance(node, UdsNode):
                connections = node.ecu.config.connections
                self._request_ids |= {node.request_id, node.functional_id, *(request_id for request_id, _ in connections)}
                self._response_ids |= {node.response_id, *(response_id for _, response_id in connections)}
            elif isinstance(node, ArticleNode):
                self._request_ids.add(node.request_id)
                self._response_ids.add(node.response_id)

    def add(self, entry: Frame | str) -> None:
        """Keep a frame, or a line of text."""
        self._entries.append(entry)
        self.added += 1

    def take(self, most: int) -> list[str]:
        """Return up to `most` lines since the last call; if older lines were dropped, the first line says how many were."""
        lines = []
        waiting = len(self._entries)
        missed = self.added - self.taken - waiting
        if missed > 0:
            lines.append(f"… {missed} lines were too many to be shown")
            self.taken += missed
        for _ in range(min(waiting, most)):
            entry = self._entries.popleft()
            self.taken += 1
            lines.append(entry if isinstance(entry, str) else self.line(entry))
        return lines

    def line(self, frame: Frame) -> str:
        """Format a frame as ``12:03:04.123 Recv 740 03 22 10 10 00 00 00 00 ReadDataByIdentifier: identifiers [0x1010]``."""
        moment = datetime.fromtimestamp(frame.time_s, UTC).astimezone()
        stamp = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}"
        can_id = f"{frame.can_id:08X}" if frame.is_extended else f"{frame.can_id:03X}"
        data = frame.data[:BYTES_SHOWN].hex(" ").upper() + (" …" if len(frame.data) > BYTES_SHOWN else "")
        data = f"remote, {frame.dlc} bytes" if frame.is_remote else data
        return f"{stamp} {'Send' if frame.is_sent else 'Recv'} {can_id:3}  {data:23}  {self._meaning(frame)}".rstrip()

    def _meaning(self, frame: Frame) -> str:
        is_request, is_response = frame.can_id in self._request_ids, frame.can_id in self._response_ids
        if frame.is_remote or not (is_request or is_response):
            return ""
        pdu = _single(frame.data)
        if pdu is None:
            return frame_line(frame.data)
        return request_line(pdu) if is_request else reply_line(pdu)


def _single(data: bytes) -> bytes | None:
    """Return the message of a single frame; None for any other frame, and for one shorter than its stated length."""
    if len(data) > LONGEST_SHORT and data[0] == 0:
        return escaped_single(data)
    length = data[0] if data else 0
    return data[1 : length + 1] if 0 < length < min(len(data), LONGEST_SHORT) else None


class PrintedLines(TextIOBase):
    """A stream that passes printed text on line by line, so that it appears between the frames."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._begun = ""

    def write(self, text: str) -> int:
        """Pass on complete lines, and the beginning of a line that is too long; unprintable characters are escaped."""
        *lines, self._begun = (self._begun + text).split("\n")
        if len(self._begun) > LONGEST_LINE:
            lines.append(self._begun)
            self._begun = ""
        for line in lines:
            self._take(f"{'':12} {visible(line[:LONGEST_LINE])}")
        return len(text)
