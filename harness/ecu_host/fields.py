"""Parse what an operator types into the window: a bus, an id, the bytes of a frame, a period."""

from dataclasses import dataclass
from typing import Final

LONGEST_CLASSIC: Final = 8
SHORTEST_PERIOD_S: Final = 0.001
LONGEST_PERIOD_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class PeriodicField:
    """A frame that is sent periodically."""

    can_id: int
    is_extended: bool
    data: bytes
    period_s: float


def read_bus(text: str) -> tuple[str, str]:
    """Return interface and channel of ``socketcan:can0``; alone, it is SocketCAN's. Raises ValueError with what to write."""
    text = text.strip()
    interface, colon, channel = text.partition(":")
    if not colon:
        interface, channel = "socketcan", text
    if not interface or not channel or any(one.isspace() for one in interface):
        raise ValueError("write e.g. can0 or slcan:/dev/ttyACM0")
    return interface, channel


def read_id(text: str) -> tuple[int, bool]:
    """Return a CAN id in hex, and whether it has 29 bits: as in candump, one of three digits has 11 bits, one of eight 29.

    Raises ValueError that says what to write.
    """
    digits = text.strip().removeprefix("0x")
    try:
        number = int(digits, 16) if digits.isalnum() else -1
    except ValueError:
        number = -1
    is_extended = len(digits) == 8
    if len(digits) not in (1, 2, 3, 8) or not 0 <= number <= (0x1FFFFFFF if is_extended else 0x7FF):
        raise ValueError("3 or 8 hex digits: 07B")
    return number, is_extended


def read_data(text: str) -> bytes:
    """Return up to eight bytes in hex, with or without commas or spaces. Raises ValueError that says what to write."""
    parts = [part.removeprefix("0x") for part in text.replace(",", " ").split()]
    try:
        if not all(parts) or (len(parts) > 1 and any(len(part) > 2 for part in parts)):
            raise ValueError
        data = bytes.fromhex("".join(f"{part:0>2}" for part in parts))
    except ValueError:
        raise ValueError("hex bytes: 11,22,33") from None
    if len(data) > LONGEST_CLASSIC:
        raise ValueError(f"{len(data)} bytes; a frame has 8")
    return data


def read_period(text: str) -> float:
    """Return the seconds between two frames. Raises ValueError that says what to write."""
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError("seconds: 1.0") from None
    if not SHORTEST_PERIOD_S <= seconds <= LONGEST_PERIOD_S:  # not a number is refused too
        raise ValueError("0.001 to 3600 s")
    return seconds
