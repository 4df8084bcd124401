"""Define a CAN frame as the harness stores it, and convert it to and from python-can."""

from __future__ import annotations

from dataclasses import dataclass, replace

import can

from harness.link.isotp_frames import frame_type, message_in

FD_LENGTHS = frozenset((*range(9), 12, 16, 20, 24, 32, 48, 64))
FD_BIT_RATE_SWITCH, FD_ERROR_PASSIVE = 1, 2
"""Flags of a CAN FD frame: its data came at the higher bit rate; its sender has seen many errors."""


@dataclass(slots=True)
class Frame:
    """A frame with its time stamp. It must not be changed once it is in use.

    `time_s` is the bus's own time on a simulated bus, and seconds since 1970 on a real bus, from the driver if it gives
    them. `is_sent` marks frames of the harness.
    """

    can_id: int
    data: bytes
    """The data field, without the address that extended and mixed addressing put before it."""
    is_extended: bool = False
    time_s: float = 0.0
    is_sent: bool = False
    is_remote: bool = False
    is_error: bool = False
    is_fd: bool = False
    dlc: int = 0
    """The length that a remote frame requests; the length of any other frame is that of `data`."""
    fd_flags: int = 0
    """The flags of an FD frame as candump writes them: FD_BIT_RATE_SWITCH, FD_ERROR_PASSIVE, both, or none."""
    address: bytes = b""
    """The address before `data` in the data field: one byte with extended and mixed addressing, else empty."""

    @property
    def data_field(self) -> bytes:
        """All bytes of the frame's data field, the address included."""
        return self.address + self.data if self.address else self.data

    @property
    def pci_type(self) -> int:
        """The frame's type for ISO-TP: the upper half of its first byte after the address; -1 without data."""
        return frame_type(self.data)

    @property
    def pdu(self) -> bytes:
        """The message in the frame, or the part of it in a first frame; empty if no message begins in the frame."""
        return message_in(self.data, len(self.address))

    def copy(self) -> Frame:
        """Return an independent copy of the frame."""
        return Frame(
            self.can_id,
            self.data,
            self.is_extended,
            self.time_s,
            self.is_sent,
            self.is_remote,
            self.is_error,
            self.is_fd,
            self.dlc,
            self.fd_flags,
            self.address,
        )

    def as_sent(self, time_s: float) -> Frame:
        """Return a copy of the frame, marked as one of the harness's own."""
        return replace(self, time_s=time_s, is_sent=True)

    @property
    def identity(self) -> tuple[object, ...]:
        """The values by which a frame of ours is recognised when an adapter returns it."""
        return self.can_id, self.data_field, self.is_extended, self.is_remote, self.is_fd

    def message(self) -> can.Message:
        """Return the frame as a message of python-can."""
        data = bytearray(self.address + self.data if self.address else self.data)
        dlc = self.dlc if self.is_remote else len(data)
        message = can.Message(
            self.time_s, self.can_id, self.is_extended, self.is_remote, self.is_error, None, dlc, data, self.is_fd
        )
        if self.fd_flags:
            message.bitrate_switch = bool(self.fd_flags & FD_BIT_RATE_SWITCH)
            message.error_state_indicator = bool(self.fd_flags & FD_ERROR_PASSIVE)
        return message

    def fd_bits(self) -> tuple[int, int]:
        """Return how many bits of an FD frame are sent at the nominal rate, and how many at the rate to which it may switch.

        Stuff bits are not counted, except those of the checksum, whose number is fixed.
        """
        size = len(self.address) + len(self.data)
        ends, middle = 50 if self.is_extended else 30, 8 * size + (31 if size <= 16 else 36)
        return (ends, middle) if self.fd_flags & FD_BIT_RATE_SWITCH else (ends + middle, 0)

    def text(self) -> str:
        """Return id, flags and data as candump writes them: ``740#0322101000000000``, ``740##10322101000000000``."""
        can_id = ("%08X" if self.is_extended else "%03X") % self.can_id
        separator = f"##{self.fd_flags:X}" if self.is_fd else "#"
        return f"{can_id}{separator}{f'R{self.dlc}' if self.is_remote else self.data_field.hex().upper()}"


def from_message(message: can.Message, time_s: float, is_sent: bool) -> Frame:
    """Convert a message of python-can to a frame."""
    return Frame(
        message.arbitration_id,
        bytes(message.data),
        message.is_extended_id,
        time_s,
        is_sent,
        message.is_remote_frame,
        message.is_error_frame,
        message.is_fd,
        message.dlc,
        fd_flags(message) if message.is_fd else 0,
    )


def fd_flags(message: can.Message) -> int:
    """Return the flags of an FD frame in the form of `Frame.fd_flags`."""
    return FD_BIT_RATE_SWITCH * bool(message.bitrate_switch) | FD_ERROR_PASSIVE * bool(message.error_state_indicator)


def check(message: can.Message) -> None:
    """Raise ValueError unless the frame of python-can can be sent on a bus."""
    limit = 0x1FFFFFFF if message.is_extended_id else 0x7FF
    if not isinstance(message.arbitration_id, int):
        raise ValueError(f"CAN id {message.arbitration_id!r} is no whole number")
    if not 0 <= message.arbitration_id <= limit:
        raise ValueError(f"CAN id {message.arbitration_id:#x} does not fit {'29' if message.is_extended_id else '11'} bits")
    length = len(message.data)
    if length > 8 and not (message.is_fd and length in FD_LENGTHS):
        raise ValueError(f"a CAN frame cannot hold {length} bytes")
    if message.is_remote_frame and (message.is_fd or length or message.dlc not in range(9)):
        raise ValueError("a remote frame is a classic one, holds no data, and asks for 0 to 8 bytes")
    if message.is_error_frame:
        raise ValueError("an error frame is what an adapter makes of an error; nobody sends one")


def parse(text: str) -> Frame:
    """Read the text that `Frame.text` returns: eight id digits for 29 bits, ``#R8`` for a remote frame, ``##1`` for FD.

    Raises ValueError.
    """
    can_id, separator, data = text.strip().partition("#")
    if not separator or len(can_id) not in (3, 8):
        raise ValueError(f"{text!r} is no frame; write 740#022210 or 00000740#022210")
    is_remote, is_fd = data[:1] in ("R", "r"), data[:1] == "#"
    flags = int(data[1:2], 16) if is_fd else 0
    payload = b"" if is_remote else bytes.fromhex(data[2:] if is_fd else data)
    dlc = int(data[1:] or 0) if is_remote else 0
    frame = Frame(int(can_id, 16), payload, len(can_id) == 8, is_remote=is_remote, is_fd=is_fd, dlc=dlc, fd_flags=flags)
    check(frame.message())
    return frame
