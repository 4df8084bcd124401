"""Send and receive frames on an adapter: through python-can, or directly where Linux tells more than python-can."""

import errno
import select
import socket
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol

import can
from can.interfaces.socketcan import SocketcanBus
from can.interfaces.socketcan.socketcan import build_can_frame, dissect_can_frame
from can.typechecking import CanFilter

from harness.link.clock import RealClock
from harness.link.frame import FD_BIT_RATE_SWITCH, FD_ERROR_PASSIVE, Frame, from_message

BUFFER_BYTES = 1 << 22
"""The size of the receive buffer, for some ten thousand frames.

The default buffer loses some of the 600 frames of an answer of 4 KiB without STmin.
"""

BLOCKING_S = 0.05
"""The socket's own time-out in seconds for receiving; waiting at least this long costs one system call instead of two."""

SENDING_S = 1.0
"""The socket's own time-out in seconds for sending, in which it waits for room in its buffer."""

# Linux's, which the socket module does not offer; from asm-generic/socket.h, linux/can.h and linux/can/error.h
SO_RCVBUFFORCE = 33
SO_MEMINFO = 55
MEMINFO = struct.Struct("9I")
DROPS = 8
CAN_EFF_FLAG, CAN_RTR_FLAG, CAN_ERR_FLAG = 0x80000000, 0x40000000, 0x20000000
CAN_ERR_CRTL, CAN_ERR_BUSOFF = 0x04, 0x40
CAN_ERR_CRTL_RX_OVERFLOW = 0x01

_GONE = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO, errno.EIO, errno.EBADF})

_CANFD_BYTES = 72
_FD_FLAGS = FD_BIT_RATE_SWITCH | FD_ERROR_PASSIVE
"""The flags of Linux's canfd_frame that are kept; candump and `Frame.fd_flags` use the same bits."""
_TIMEVAL = struct.Struct("@ll")
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)


class Adapter(Protocol):
    """An open bus. All methods may raise OSError or can.CanError."""

    @property
    def lost_frames(self) -> int:
        """How many frames arrived and were lost before they were read, as far as that is known."""

    def send(self, frame: Frame) -> None:
        """Hand a frame to the adapter."""

    def receive(self, timeout_s: float) -> Frame | None:
        """Return the next frame, ours included if the bus returns them; None if no frame comes.

        The adapter waits for `timeout_s` at most, and may give up earlier.
        """

    def is_bus_off(self, frame: Frame) -> bool:
        """Whether an error frame says that the controller has left the bus."""

    def narrow(self, ids: Collection[int] | None) -> None:
        """Receive only frames with these ids, in either format; None: all frames."""

    def close(self) -> None:
        """Close the bus."""


def adapter_of(bus: can.BusABC) -> Adapter:
    """Return the adapter that tells most about a bus that python-can has opened."""
    return SocketCan(bus) if isinstance(bus, SocketcanBus) else PythonCan(bus)


class PythonCan:
    """Any bus, read through python-can."""

    lost_frames = 0

    def __init__(self, bus: can.BusABC) -> None:
        self._bus = bus
        self._clock = RealClock()

    def send(self, frame: Frame) -> None:
        """Hand a frame to the adapter."""
        self._bus.send(frame.message())

    def receive(self, timeout_s: float) -> Frame | None:
        """Return the next frame, with the time of its arrival here if the driver gives none."""
        message = self._bus.recv(timeout_s)
        if message is None:
            return None
        return from_message(message, message.timestamp or self._clock.utc_s(), not message.is_rx)

    def is_bus_off(self, frame: Frame) -> bool:
        """Return False, since the content of error frames differs from driver to driver."""
        return False

    def narrow(self, ids: Collection[int] | None) -> None:
        """Receive only frames with these ids; None: all frames. The driver or, if it cannot, python-can drops others."""
        self._bus.set_filters(_filters(ids))

    def close(self) -> None:
        """Close the bus."""
        self._bus.shutdown()


class SocketCan:
    """A SocketCAN bus that returns our own frames.

    It is read directly, because python-can takes every frame that this computer sent for ours, even those of other programs.
    """

    def __init__(self, bus: SocketcanBus) -> None:
        self._bus = bus
        self._socket = bus.socket
        self._overruns = 0
        for option, timeout_s in ((socket.SO_RCVTIMEO, BLOCKING_S), (socket.SO_SNDTIMEO, SENDING_S)):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _TIMEVAL.pack(int(timeout_s), int(timeout_s % 1 * 1_000_000)))
        self._widen()

    def _widen(self) -> None:
        """Enlarge the receive buffer as far as the system permits, for frames that arrive while Python is busy."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)

    def send(self, frame: Frame) -> None:
        """Hand a frame to the adapter."""
        self._socket.send(build_can_frame(frame.message()))

    def receive(self, timeout_s: float) -> Frame | None:
        """Return the next frame with the driver's time stamp; wait `BLOCKING_S` at most."""
        if timeout_s < BLOCKING_S and not select.select([self._socket], [], [], timeout_s)[0]:
            return None
        try:
            raw, ancillary, flags, _ = self._socket.recvmsg(_CANFD_BYTES, _ANCILLARY_BYTES)
        except BlockingIOError:
            return None
        can_id, dlc, fd_flags, data = dissect_can_frame(raw)
        seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
        is_extended = bool(can_id & CAN_EFF_FLAG)
        is_remote = bool(can_id & CAN_RTR_FLAG)
        is_error = bool(can_id & CAN_ERR_FLAG)
        is_fd = len(raw) == _CANFD_BYTES
        can_id &= 0x1FFFFFFF if is_extended or is_error else 0x7FF
        if is_error and can_id & CAN_ERR_CRTL and any(byte & CAN_ERR_CRTL_RX_OVERFLOW for byte in data[1:2]):
            self._overruns += 1
        return Frame(
            can_id,
            b"" if is_remote else data,
            is_extended,
            seconds + nanoseconds * 1e-9,
            bool(flags & socket.MSG_CONFIRM),
            is_remote,
            is_error,
            is_fd,
            dlc,
            fd_flags & _FD_FLAGS if is_fd else 0,
        )

    def is_bus_off(self, frame: Frame) -> bool:
        """Whether an error frame says that the controller has left the bus."""
        return bool(frame.can_id & CAN_ERR_BUSOFF)

    def narrow(self, ids: Collection[int] | None) -> None:
        """Let the kernel drop frames with other ids, even ours, before they take room in the socket's buffer."""
        self._bus.set_filters(_filters(ids))

    @property
    def lost_frames(self) -> int:
        """How many frames did not fit the socket's buffer, plus how many overruns the controller reported."""
        memory = MEMINFO.unpack(self._socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size))
        return self._overruns + int(memory[DROPS])

    def close(self) -> None:
        """Close the bus."""
        self._bus.shutdown()


def _filters(ids: Collection[int] | None) -> list[CanFilter] | None:
    if ids is None:
        return None
    short: list[CanFilter] = [{"can_id": can_id, "can_mask": 0x7FF, "extended": False} for can_id in ids if can_id <= 0x7FF]
    long: list[CanFilter] = [{"can_id": can_id, "can_mask": 0x1FFFFFFF, "extended": True} for can_id in ids]
    return short + long


def rate_options(interface: str, *, bitrate: int, fd: bool, data_bitrate: int | None) -> dict[str, Any]:
    """Return python-can's options for the bit rates of a bus; the rates of SocketCAN are set with ``ip link`` instead."""
    rates = {} if interface == "socketcan" else {"bitrate": bitrate}
    if not fd:
        return rates
    if interface == "virtual":
        return {"protocol": can.CanProtocol.CAN_FD}
    return {"fd": True, **rates, **({"data_bitrate": data_bitrate} if rates and data_bitrate is not None else {})}


def trouble_with(interface: str, *, is_fd: bool = False) -> str:
    """Say why a network interface cannot be opened (with `is_fd`, for CAN FD), and what to do; empty if it can."""
    known = Path("/sys/class/net")
    if not known.is_dir():
        return ""
    if not (known / interface / "flags").exists():
        return f"there is no interface {interface!r}; try: ip link show"
    if is_interface_down(interface):
        return f"the interface is down; try: sudo ip link set {interface} up"
    if is_fd and int((known / interface / "mtu").read_text()) < _CANFD_BYTES:
        words = f"{interface} type can bitrate 500000 dbitrate 2000000 fd on (a vcan: {interface} mtu {_CANFD_BYTES})"
        return f"the interface is set up for classic CAN; try, while it is down: sudo ip link set {words}"
    return ""


def is_interface_down(interface: str) -> bool:
    """Whether a network interface exists and is down."""
    try:
        return not int((Path("/sys/class/net") / interface / "flags").read_text(), 16) & 1
    except (OSError, ValueError):
        return False


def is_gone(error: Exception) -> bool:
    """Whether an error may mean that the interface is down or away; an error without a number may mean anything."""
    number = getattr(error, "errno", None) or getattr(error, "error_code", None)
    return number is None or number in _GONE


def is_down(error: Exception) -> bool:
    """Whether an error says that the interface was taken down; the socket works again as soon as the interface is up."""
    return getattr(error, "errno", None) == errno.ENETDOWN


def is_full_queue(error: Exception) -> bool:
    """Whether sending failed only because earlier frames are still waiting for the bus."""
    return errno.ENOBUFS in (getattr(error, "errno", None), getattr(error, "error_code", None))
