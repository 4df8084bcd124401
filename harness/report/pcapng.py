"""What does Wireshark open? The frames of a bus log as pcapng (IETF draft-ietf-opsawg-pcapng), link type SocketCAN.

Each frame keeps its time and its direction: outbound is what the harness sent. Scapy's writers give a direction only to
packets, and making a packet of every frame takes 15 times as long as this.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from harness.report.bus_log import ERROR_FLAG, LoggedFrame

LINKTYPE_CAN_SOCKETCAN: Final = 227
EXTENDED_FLAG, REMOTE_FLAG = 0x80000000, 0x40000000
FD_FRAME_FLAG: Final = 0x04
"""Beside the two of `LoggedFrame.fd_flags`, which have the same values here."""

SECTION_HEADER, INTERFACE, ENHANCED_PACKET = 0x0A0D0D0A, 1, 6
INBOUND, OUTBOUND = 1, 2

_FRAME: Final = struct.Struct(">IBBxx")
"""Id with flags, length, FD flags; the one part that is big-endian."""
_BLOCK: Final = struct.Struct("<II")
_PACKET: Final = struct.Struct("<7I")
"""Block type, block length, interface, time (high, low), captured and original length; then the frame itself."""
_PACKET_END: Final = struct.Struct("<HHIHHI")
"""The option epb_flags, which holds the direction; the end of options; the block length again."""

WRITTEN_AT_ONCE: Final = 4096


def write_pcapng(frames: Iterable[LoggedFrame], file: BinaryIO) -> None:
    """Write the whole file; memory does not grow with the number of frames."""
    file.write(_block(SECTION_HEADER, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
    file.write(_block(INTERFACE, struct.pack("<HHI", LINKTYPE_CAN_SOCKETCAN, 0, 0)))
    waiting: list[bytes] = []
    for block in _packets(frames):
        waiting.append(block)
        if len(waiting) == WRITTEN_AT_ONCE:
            file.write(b"".join(waiting))
            waiting.clear()
    file.write(b"".join(waiting))


def _packets(frames: Iterable[LoggedFrame]) -> Iterator[bytes]:
    for time_us, can_id, data, is_extended, is_sent, is_remote, is_error, fd_flags, remote_length in frames:
        flagged_id = can_id | EXTENDED_FLAG * is_extended | REMOTE_FLAG * is_remote | ERROR_FLAG * is_error
        size = len(data)
        content = _FRAME.pack(
            flagged_id, remote_length if is_remote else size, 0 if fd_flags is None else FD_FRAME_FLAG | fd_flags & 3
        )
        padding = -size % 4
        length = 52 + size + padding
        yield b"".join(
            (
                _PACKET.pack(ENHANCED_PACKET, length, 0, time_us >> 32, time_us & 0xFFFFFFFF, 8 + size, 8 + size),
                content,
                data,
                bytes(padding),
                _PACKET_END.pack(2, 4, OUTBOUND if is_sent else INBOUND, 0, 0, length),
            )
        )


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return _BLOCK.pack(kind, length) + body + struct.pack("<I", length)
