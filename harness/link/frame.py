"""One CAN frame, as the harness keeps it: cheap, and on its way to or from python-can."""

from __future__ import annotations

from dataclasses import dataclass, replace

import can

from harness.link.isotp_frames import frame_type, message_in

FD_LENGTHS = frozenset((*range(9), 12, 16, 20, 24, 32, 48, 64))
FD_BIT_RATE_SWITCH, FD_ERROR_PASSIVE = 1, 2
"""An FD frame's flags: its data came at the higher bit rate; its sender has seen many errors."""


@dataclass(slots=True)
class Frame:
    """A frame with its time stamp. It is never changed once anybody has seen it.

    `time_s` is the bus's own time on a simulated bus and seconds since 1970, from the driver where it stamps, on a real
    one. `is_sent` tells the harness's own frames from the others.
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
    """What a remote frame asks for; other frames carry their length in `data`."""
    fd_flags: int = 0
    """Of an FD frame, as candump writes them: FD_BIT_RATE_SWITCH, FD_ERROR_PASSIVE, both, or none."""
    address: bytes = b""
    """What stands before `data` in the data field: one byte with extended and mixed addressing."""

    @property
    def data_field(self) -> bytes:
        """All bytes that the frame has on the bus."""
        return self.address + self.data if self.address else self.data

    @property
    def pci_type(self) -> int:
        """What ISO-TP takes the frame for: the upper half of its first byte behind the address; -1 without data."""
        return frame_type(self.data)

    @property
    def pdu(self) -> bytes:
        """The message that the frame holds, or as much of it as a first frame has; empty: it begins none."""
        return message_in(self.data, len(self.address))

    def as_sent(self, time_s: float) -> Frame:
        """The same frame, seen on a bus as one of the harness's own."""
        return replace(self, time_s=time_s, is_sent=True)

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from others when an adapter gives it back."""
        return self.can_id, self.data_field, self.is_extended, self.is_remote, self.is_fd

    def message(self) -> can.Message:
        """The frame for python-can."""
        message = can.Message(
            self.time_s,
            self.can_id,
            self.is_extended,
            self.is_remote,
            self.is_error,
            None,
            self.dlc if self.is_remote else None,
            self.address + self.data if self.address else self.data,
            self.is_fd,
        )
        if self.fd_flags:
            message.bitrate_switch = bool(self.fd_flags & FD_BIT_RATE_SWITCH)
            message.error_state_indicator = bool(self.fd_flags & FD_ERROR_PASSIVE)
        return message

    def fd_bits(self) -> tuple[int, int]:
        """What an FD frame takes on the bus: bits at the nominal rate, and bits at the rate that it may switch to.

        Without stuff bits, but for those of the checksum, whose number is fixed.
        """
        size = len(self.address) + len(self.data)
        ends, middle = 50 if self.is_extended else 30, 8 * size + (31 if size <= 16 else 36)
        return (ends, middle) if self.fd_flags & FD_BIT_RATE_SWITCH else (ends + middle, 0)

    def text(self) -> str:
        """``740#0322101000000000``, ``740##10322101000000000``: id, flags and data as candump writes them."""
        can_id = ("%08X" if self.is_extended else "%03X") % self.can_id
        separator = f"##{self.fd_flags:X}" if self.is_fd else "#"
        return f"{can_id}{separator}{f'R{self.dlc}' if self.is_remote else self.data_field.hex().upper()}"


def from_message(message: can.Message, time_s: float, is_sent: bool) -> Frame:
    """What python-can holds, as a frame of its own."""
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
    """The flags of an FD frame, as a frame keeps them."""
    return FD_BIT_RATE_SWITCH * bool(message.bitrate_switch) | FD_ERROR_PASSIVE * bool(message.error_state_indicator)


def check(message: can.Message) -> None:
    """Raise ValueError unless the message can be sent on a bus."""
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
    """Read what `Frame.text` writes: eight id digits for 29 bits, ``#R8`` for a remote frame, ``##1`` for an FD frame.

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
