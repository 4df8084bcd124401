"""Read and write the frames of ISO-TP (ISO 15765-2:2016), on classic CAN and on CAN FD.

`data` is a frame's data field without the address that extended and mixed addressing put first. `address_bytes` is the
length of that address, which leaves less room for the message.
"""

from enum import Enum, IntEnum
from typing import Final

CLASSIC_BYTES: Final = 8
LONGEST_BYTES: Final = 64
FRAME_LENGTHS: Final = (8, 12, 16, 20, 24, 32, 48, 64)
"""The lengths of the longest frame that a sender uses (TX_DL). 8 is classic CAN; CAN FD has no lengths between these."""

SF_BYTES: Final = 7
"""How many bytes a single frame holds with its length in the first byte; a longer one, in the second (the escape)."""
FF_MAX: Final = 4095
"""The longest message whose first frame has 12 bits of length; longer ones: 32 bits after twelve zeros (the escape)."""
LONGEST_MESSAGE: Final = 2**32 - 1

CLEAR_TO_SEND: Final = 0x30
WAIT: Final = 0x31
OVERFLOW: Final = 0x32

FILL: Final = 0xCC
"""The byte that fills a frame of more than 8 bytes up to the next length of CAN FD, unless another byte is wanted."""

SF_HEAD: Final = tuple(bytes((length,)) for length in range(SF_BYTES + 1))
CF_HEAD: Final = tuple(bytes((0x20 | sequence_number,)) for sequence_number in range(16))


class FrameType(IntEnum):
    """The frame types, which are the upper half of the protocol control byte. Higher values are reserved."""

    SINGLE = 0
    FIRST = 1
    CONSECUTIVE = 2
    FLOW_CONTROL = 3


NO_TYPE: Final = -1
"""The type of a frame without data."""


def _stmin_s(raw: int) -> float:
    if 0xF1 <= raw <= 0xF9:
        return (raw - 0xF0) / 10_000
    return min(raw, 0x7F) / 1000  # 80-F0 and FA-FF are reserved: the longest time of all


STMIN_S: Final = tuple(_stmin_s(raw) for raw in range(256))


class IsoTpFault(Enum):
    """Why a message was given up; the values are the standard's names where it has one."""

    TIMEOUT_BS = "N_TIMEOUT_Bs"  # sending: no flow control came in time
    TIMEOUT_CR = "N_TIMEOUT_Cr"  # receiving: no consecutive frame came in time
    WRONG_SN = "N_WRONG_SN"  # receiving: a consecutive frame was lost, repeated or out of order
    INVALID_FS = "N_INVALID_FS"  # sending: the flow control's status is a reserved one
    UNEXPECTED_PDU = "N_UNEXP_PDU"  # receiving: another message began before this one was complete
    WAIT_LIMIT = "N_WFT_OVRN"  # sending: more flow controls in a row said wait than `wait_limit` allows
    OVERFLOW = "N_BUFFER_OVFLW"  # sending: the peer's flow control said that it has no room for the message
    TOO_LONG = "longer than max_length"  # receiving: we refused the message; the standard has no name for it


def frame_type(data: bytes | bytearray) -> int:
    """Return the upper half of the first byte; `NO_TYPE` without data."""
    return data[0] >> 4 if data else NO_TYPE


def message_in(data: bytes | bytearray, address_bytes: int = 0) -> bytes:
    """Return the message in a frame, or the part of it in a first frame.

    Return an empty message if none begins in the frame, or the standard requires a receiver to ignore the frame.
    """
    kind = frame_type(data)
    if kind == FrameType.SINGLE:
        if len(data) > CLASSIC_BYTES - address_bytes:
            return escaped_single(data, address_bytes) or b""
        return bytes(data[1 : 1 + data[0]]) if 0 < data[0] < len(data) else b""
    read = read_first_frame(data, address_bytes) if kind == FrameType.FIRST else None
    return b"" if read is None else bytes(data[read[1] :])


def fills(tx_dl: int, padding: int | None, address_bytes: int = 0) -> tuple[bytes, ...]:
    """Return the fill bytes by the size of a frame's content without the address.

    Up to 8 bytes filling is optional; above, a frame must have the next length of CAN FD. Raises ValueError if `tx_dl` is
    not a frame length or `padding` is not a byte.
    """
    if tx_dl not in FRAME_LENGTHS:
        raise ValueError(f"frames of {tx_dl} bytes; there are {', '.join(map(str, FRAME_LENGTHS))}")
    pad = b"" if padding is None else bytes((padding,))
    short = [pad * (CLASSIC_BYTES - size) for size in range(CLASSIC_BYTES + 1)]
    long = [
        (pad or bytes((FILL,))) * (next(length for length in FRAME_LENGTHS if length >= size) - size)
        for size in range(CLASSIC_BYTES + 1, tx_dl + 1)
    ]
    return (*short, *long)[address_bytes:]


def longest_single(tx_dl: int, address_bytes: int = 0) -> int:
    """Return how many bytes of a message a single frame holds."""
    return (SF_BYTES if tx_dl == CLASSIC_BYTES else tx_dl - 2) - address_bytes


def first_frame_head(length: int) -> bytes:
    """Return the first bytes of a first frame, which come before the bytes of the message."""
    return (0x1000 | length).to_bytes(2, "big") if length <= FF_MAX else b"\x10\x00" + length.to_bytes(4, "big")


def escaped_single(data: bytes | bytearray, address_bytes: int = 0) -> bytes | None:
    """Return the message in a single frame of more than 8 bytes;

    None if the frame is to be ignored.

    Only the escape is allowed here, and only for a message that does not fit 8 bytes.
    """
    length = data[1]
    is_needed = SF_BYTES - address_bytes < length <= len(data) - 2
    return bytes(data[2 : length + 2]) if data[0] == 0 and is_needed else None


def read_first_frame(data: bytes | bytearray, address_bytes: int = 0) -> tuple[int, int] | None:
    """Return the length that a first frame states, and the position of the message's first byte; None: ignore the frame.

    A first frame is ignored if its message fits a single frame of the same size, or if it has the escape without need.
    """
    size, classic_bytes = len(data), CLASSIC_BYTES - address_bytes
    if size < classic_bytes:
        return None
    length, start, shortest = (data[0] & 0x0F) << 8 | data[1], 2, size if size == classic_bytes else size - 1
    if length == 0:
        length, start, shortest = int.from_bytes(data[2:6], "big"), 6, FF_MAX + 1
    return (length, start) if length >= shortest else None


def segments(pdu: bytes, *, stated_length: int | None = None, frame_bytes: int = CLASSIC_BYTES) -> list[bytes]:
    """Return the data fields of a first frame and of its consecutive frames, the last field padded with 00.

    `frame_bytes` is the length of each data field, which an address byte makes less than 8. `stated_length` is the length in
    the first frame, instead of the message's own. Raises ValueError above 4095.
    """
    start_bytes, step_bytes = frame_bytes - 2, frame_bytes - 1
    length = len(pdu) if stated_length is None else stated_length
    if length > 0xFFF:
        raise ValueError(f"a first frame of this kind states at most 4095 bytes, not {length}")
    fields = [(0x1000 | length).to_bytes(2, "big") + pdu[:start_bytes]]
    for index, start in enumerate(range(start_bytes, len(pdu), step_bytes)):
        fields.append(bytes((0x20 | (index + 1) & 0x0F,)) + pdu[start : start + step_bytes])
    return [one.ljust(frame_bytes, b"\x00") for one in fields]
