"""What may be sent: every request is classed by the harm it could do, and held against what the target allows."""

from __future__ import annotations

from collections.abc import Iterable

from harness.errors import NotPermitted
from harness.link.frame import Frame
from harness.link.isotp_frames import CLASSIC_BYTES
from harness.target import Target
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Service, Session, is_send_key

LOCKOUT, WRITE, RESET, FUNCTIONAL, DESTRUCTIVE = "lockout", "write", "reset", "functional", "destructive"

_BY_SERVICE: dict[int, str] = {
    Service.WRITE_DATA_BY_IDENTIFIER: WRITE,
    Service.WRITE_MEMORY_BY_ADDRESS: DESTRUCTIVE,
    Service.ECU_RESET: RESET,
    Service.CLEAR_DIAGNOSTIC_INFORMATION: DESTRUCTIVE,
    Service.COMMUNICATION_CONTROL: DESTRUCTIVE,
    Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER: DESTRUCTIVE,
    Service.REQUEST_DOWNLOAD: DESTRUCTIVE,
    Service.TRANSFER_DATA: DESTRUCTIVE,
    Service.REQUEST_TRANSFER_EXIT: DESTRUCTIVE,
    Service.REQUEST_FILE_TRANSFER: DESTRUCTIVE,
    Service.CONTROL_DTC_SETTING: DESTRUCTIVE,
    Service.RESPONSE_ON_EVENT: WRITE,  # what is to be done at which event may be stored, and outlast restarts
    Service.LINK_CONTROL: DESTRUCTIVE,
    Service.DYNAMICALLY_DEFINE_DATA_IDENTIFIER: WRITE,
    0x04: DESTRUCTIVE,  # SAE J1979, on the same ids: clears trouble codes
    0x08: DESTRUCTIVE,  # SAE J1979: controls on-board systems
    0x30: DESTRUCTIVE,  # ISO 14230, the standard before: InputOutputControlByLocalIdentifier
    0x3B: WRITE,  # ISO 14230: WriteDataByLocalIdentifier
    **dict.fromkeys(range(0xA0, 0xBF), DESTRUCTIVE),  # the supplier's own services: nobody outside knows what they do
}
LOWEST_UDS_SERVICE = 0x10
"""Below are SAE J1979's, which in a raw frame are looked for only where a single frame has its service."""

_ANYWHERE = frozenset(range(LOWEST_UDS_SERVICE, 0xA0)) - {0x30}
"""Services that are looked for in each of a raw frame's first bytes; the supplier's would be half of all identifiers, and
30 every flow control."""


_CONDITIONAL = {Service.DIAGNOSTIC_SESSION_CONTROL, Service.SECURITY_ACCESS, Service.ROUTINE_CONTROL}


class SafetyGate:
    """The one place that lets a request pass."""

    def __init__(self, target: Target) -> None:
        self._allow = target.safety.allow
        self._request_id = target.can.request_id
        self._functional_id = target.can.functional_id
        self._sessions = {entry.id for entry in target.sessions if entry.origin == "declared"} | {Session.DEFAULT}
        self._safe_routines = [entry.span for entry in target.routines if entry.safe and entry.origin == "declared"]
        safe_services = [entry.span for entry in target.services if entry.safe and entry.origin == "declared"]
        self._by_service = {sid: harm for sid, harm in _BY_SERVICE.items() if not any(sid in span for span in safe_services)}
        self._free = frozenset(range(0x100)) - set(self._by_service) - _CONDITIONAL
        self.raw_needs: frozenset[str] = frozenset()
        """What the running check has declared that its raw frames may do."""

    @staticmethod
    def is_guess(pdu: bytes) -> bool:
        """Whether an ECU may take the request for a key."""
        return is_send_key(pdu)

    def harms(self, pdu: bytes, *, is_functional: bool = False, is_right_key: bool = False) -> set[str]:
        """Which permissions a request needs; `is_right_key`: it is the key that the ECU waits for."""
        needs = {FUNCTIONAL} if is_functional else set()
        if not pdu or pdu[0] in self._free:
            return needs
        service, sub_function = pdu[0], pdu[1] & ~SUPPRESS_POSITIVE_RESPONSE if len(pdu) > 1 else 0
        if service == Service.SECURITY_ACCESS:
            if is_send_key(pdu) and not is_right_key:
                needs.add(LOCKOUT)
        elif service == Service.DIAGNOSTIC_SESSION_CONTROL:
            if sub_function == Session.PROGRAMMING and sub_function not in self._sessions:
                needs.add(RESET)  # many ECUs leave their application for the boot loader
        elif service == Service.ROUTINE_CONTROL:
            routine = int.from_bytes(pdu[2:4], "big")
            if sub_function in (1, 2) and not any(routine in span for span in self._safe_routines):
                needs.add(DESTRUCTIVE)
        else:
            needs.add(self._by_service[service])
        return needs

    def check(self, pdu: bytes, *, is_functional: bool = False, is_right_key: bool = False) -> None:
        """Raise NotPermitted if the target does not allow the request."""
        if not is_functional and pdu and pdu[0] in self._free:
            return
        self._refuse(self.harms(pdu, is_functional=is_functional, is_right_key=is_right_key), pdu.hex(" ").upper())

    def permits(self, pdu: bytes) -> bool:
        """Whether `check` would let the request pass."""
        return self.harms(pdu) <= self._allow

    def check_raw(self, frame: Frame) -> list[bytes]:
        """The keys that an ECU may read into the frame.

        Raises NotPermitted unless whatever it may read into it is allowed, and declared by the check. An ECU that ignores
        the protocol control byte, or reads it otherwise, may take any of the first bytes for a service.
        """
        readings = [frame.data[start:] for start in range(min(len(frame.data), 4))]
        is_escaped = len(frame.data) > CLASSIC_BYTES and frame.data[0] == 0
        is_single = is_escaped or (len(frame.data) > 1 and 0 < frame.data[0] < 8)
        begins = 2 if is_escaped or (frame.data[:1] and frame.data[0] >> 4 == 1) else 1
        readings = [
            reading
            for start, reading in enumerate(readings)
            if reading[0] in _ANYWHERE
            or (start in (2 if is_escaped else 1, begins) and (is_single or reading[0] >= LOWEST_UDS_SERVICE))
        ]
        if frame.data[:2] == b"\x10\x00":
            readings.append(frame.data[6:])
        needs = {FUNCTIONAL} if frame.can_id == self._functional_id else set()
        for reading in readings:
            needs |= self.harms(reading)
        self._refuse(needs, frame.text())
        undeclared = needs - self.raw_needs - {FUNCTIONAL}
        if undeclared:
            raise NotPermitted(f"raw frame {frame.text()}: the check does not declare that it needs {_words(undeclared)}")
        return [reading for reading in readings if self.is_guess(reading)]

    def permits_raw(self, *fields: bytes) -> bool:
        """Whether `check_raw` would let frames to this ECU alone with these data fields pass."""
        try:
            for field in fields:
                self.check_raw(Frame(self._request_id, field))
        except NotPermitted:
            return False
        return True

    def _refuse(self, needs: set[str], what: str) -> None:
        missing = needs - self._allow
        if missing:
            raise NotPermitted(f"{what}: the target does not allow {_words(missing)}; see [safety] allow in the target file")


def _words(needs: Iterable[str]) -> str:
    return ", ".join(f'"{need}"' for need in sorted(needs))
