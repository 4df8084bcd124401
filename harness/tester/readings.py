"""Say which requests an ECU may read into one raw frame, for every way in which ECUs read frames.

A reading is a function from a frame's data to the message that such an ECU would find there: a whole message, or the
beginning of a message that continues in further frames. Its second argument is the length of a full classic frame: less than
8 if the target declares an address before the data.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from harness.link.frame import Frame
from harness.link.isotp_frames import CLASSIC_BYTES, FrameType, frame_type

_ESCAPE: Final = b"\x10\x00"
CLEAR_TO_SEND: Final = 0x30
FLOW_CONTROL_BYTES: Final = 3
LOWEST_SUPPLIER_SERVICE: Final = b"\xa0"


class Reading(NamedTuple):
    """One way to read a frame."""

    name: str
    read: Callable[..., bytes]
    """Return the message in a frame's data, as much as the frame has of it; empty if this reading finds no message."""
    is_as_declared: bool = True
    """Whether ISO 15765-2 defines this reading; then its message must be harmless, else it only must not be known to act."""
    expects_address: bool = False
    """Whether the reading looks for an address, so that it is not used on frames with a declared address."""


def normal(data: bytes, full_bytes: int = CLASSIC_BYTES) -> bytes:
    """Read single and first frames of normal addressing. A first frame counts however short its message is."""
    if not data:
        return b""
    kind, low = frame_type(data), data[0] & 0xF
    if kind == FrameType.SINGLE:
        return data[1 : 1 + low]
    return data[2:] if kind == FrameType.FIRST and data[:2] != _ESCAPE else b""


def escaped_length(data: bytes, full_bytes: int = CLASSIC_BYTES) -> bytes:
    """Read a length of 0 as "see the next byte" in single frames, and as "see the next four" in first frames."""
    if data[:2] == _ESCAPE:
        return data[6:]
    return data[2 : 2 + data[1]] if len(data) > 2 and data[0] == 0 and data[1] <= len(data) - 2 else b""


def after_address(data: bytes, full_bytes: int = CLASSIC_BYTES) -> bytes:
    """Read extended and mixed addressing: the first byte is an address, then comes a frame of normal addressing.

    A single frame counts only if it holds its whole message, and a first frame only if its length needs one; otherwise the
    second byte of every frame would be taken for a control byte.
    """
    rest = data[1:]
    kind = frame_type(rest)
    is_whole = kind == FrameType.SINGLE and rest[0] < len(rest) < full_bytes
    is_needed = kind == FrameType.FIRST and _announced(rest) >= full_bytes - 1
    return normal(rest, full_bytes - 1) if is_whole or is_needed else b""


def escaped_length_after_address(data: bytes, full_bytes: int = CLASSIC_BYTES) -> bytes:
    """Read an address and then a frame with an escaped length: a single frame of CAN FD, or a first frame."""
    is_escaped = len(data) > full_bytes or data[1:3] == _ESCAPE
    return escaped_length(data[1:], full_bytes - 1) if is_escaped else b""


def escape_not_known(data: bytes, full_bytes: int = CLASSIC_BYTES) -> bytes:
    """Read first frames as before 2016, when a length of 0 had no special meaning and the message began behind it."""
    return data[2:] if data[:2] == _ESCAPE else b""


def control_byte_ignored(data: bytes, full_bytes: int = CLASSIC_BYTES) -> bytes:
    """Read the second byte as the service, whatever the first byte says, also in consecutive frames.

    Well-formed first frames and long single frames are left out, since their second byte is a length.
    """
    is_long = len(data) > full_bytes and data[0] == 0
    return b"" if is_long or _is_first_frame(data, full_bytes) else data[1:]


def no_control_byte(data: bytes, full_bytes: int = CLASSIC_BYTES) -> bytes:
    """Read the first byte as the service, in a frame that ISO 15765-2 does not define because it holds only the message.

    Full frames are left out, because the frames of a long request, raw or not, hold every number. First bytes from A0 on are
    left out too: they are services of the supplier, and no control bytes.
    """
    kind = frame_type(data)
    is_flow_control = kind == FrameType.FLOW_CONTROL and (data[0] == CLEAR_TO_SEND or len(data) == FLOW_CONTROL_BYTES)
    is_full = len(data) >= full_bytes and (kind != FrameType.FIRST or _is_first_frame(data, full_bytes))
    return b"" if is_flow_control or is_full or data[:1] >= LOWEST_SUPPLIER_SERVICE else data


READINGS: Final = (
    Reading("normal", normal),
    Reading("escaped length", escaped_length),
    Reading("address first", after_address, expects_address=True),
    Reading("address first, then escaped length", escaped_length_after_address, expects_address=True),
    Reading("escape not known", escape_not_known, is_as_declared=False),
    Reading("control byte ignored", control_byte_ignored, is_as_declared=False),
    Reading("no control byte", no_control_byte, is_as_declared=False),
)


def messages_in(frame: Frame) -> list[tuple[Reading, bytes]]:
    """Return each reading that applies to a frame, with the message that the reading finds, even if that is empty."""
    full_bytes = CLASSIC_BYTES - len(frame.address)
    wanted = [reading for reading in READINGS if not (frame.address and reading.expects_address)]
    return [(reading, reading.read(frame.data, full_bytes)) for reading in wanted]


def _announced(data: bytes) -> int:
    """Return the length that a first frame announces, in bytes."""
    if data[:2] == _ESCAPE:
        return int.from_bytes(data[2:6], "big")
    return (data[0] & 0xF) << 8 | data[1] if len(data) > 1 else 0


def _is_first_frame(data: bytes, full_bytes: int) -> bool:
    """Whether a frame is a first frame whose message needs one."""
    return len(data) >= full_bytes and frame_type(data) == FrameType.FIRST and _announced(data) >= full_bytes
