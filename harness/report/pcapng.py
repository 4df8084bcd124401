"""Write the frames of a bus log as pcapng for Wireshark (IETF draft-ietf-opsawg-pcapng), link type SocketCAN.

Each frame keeps its time and its direction; outbound frames are those that the harness sent. Scapy's writers store a
direction only for packets, and making a packet of every frame would take 15 times as long as this module does.
"""

import struct
from collections.abc import Iterable
from typing import BinaryIO, Final

from harness.report.candump import ERROR_FLAG, LoggedFrame

LINKTYPE_CAN_SOCKETCAN: Final = 227
EXTENDED_FLAG, REMOTE_FLAG = 0x80000000, 0x40000000
FD_FRAME_FLAG: Final = 0x04
"""The flag that marks a CAN FD frame; the same byte holds the two flags of `LoggedFrame.fd_flags`."""

SECTION_HEADER, INTERFACE, ENHANCED_PACKET = 0x0A0D0D0A, 1, 6
INBOUND, OUTBOUND = 1, 2

_FRAME: Final = struct.Struct(">IBBxx")
"""The layout of a frame: id with flags, length, FD flags; the only part of the file that is big-endian."""
_BLOCK: Final = struct.Struct("<II")
_BEGIN, _TIME, _LENGTHS = struct.Struct("<3I"), struct.Struct("<2I"), struct.Struct("<2I")
"""The layout of a packet block: type, length, interface; time (high, low); captured and original length; then the frame."""
_PACKET_END: Final = struct.Struct("<HHIHHI")
"""The end of a packet block: the option epb_flags with the direction, the end of options, and the block length again."""

WRITTEN_AT_ONCE: Final = 4096

PacketParts = tuple[bytes, bytes]
"""The parts of a frame's block: what stands before the time, and what stands behind it."""


def write_pcapng(frames: Iterable[tuple[int, PacketParts]], file: BinaryIO) -> None:
    """Write the whole file, from each frame's time in microseconds and the parts of its block.

    Memory does not grow with the number of frames.
    """
    file.write(_block(SECTION_HEADER, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
    file.write(_block(INTERFACE, struct.pack("<HHI", LINKTYPE_CAN_SOCKETCAN, 0, 0)))
    waiting: list[bytes] = []
    for time_us, (before, behind) in frames:
        waiting += (before, _TIME.pack(time_us >> 32, time_us & 0xFFFFFFFF), behind)
        if len(waiting) >= 3 * WRITTEN_AT_ONCE:
            file.write(b"".join(waiting))
            waiting.clear()
    file.write(b"".join(waiting))


def packet_parts(frame: LoggedFrame) -> PacketParts:
    """Return the parts of a frame's block."""
    flagged_id = (
        frame.can_id | EXTENDED_FLAG * frame.is_extended | REMOTE_FLAG * frame.is_remote | ERROR_FLAG * frame.is_error
    )
    size = len(frame.data)
    padding = -size % 4
    length = 52 + size + padding
    head = _FRAME.pack(
        flagged_id,
        frame.remote_length if frame.is_remote else size,
        0 if frame.fd_flags is None else FD_FRAME_FLAG | frame.fd_flags & 3,
    )
    end = _PACKET_END.pack(2, 4, OUTBOUND if frame.is_sent else INBOUND, 0, 0, length)
    before = _BEGIN.pack(ENHANCED_PACKET, length, 0)
    return before, _LENGTHS.pack(8 + size, 8 + size) + head + frame.data + bytes(padding) + end


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return _BLOCK.pack(kind, length) + body + struct.pack("<I", length)
