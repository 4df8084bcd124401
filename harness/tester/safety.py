"""What may be sent: every request is classed by the harm it could do, and held against what the target allows."""

from __future__ import annotations

from collections.abc import Iterable

from harness.errors import NotPermitted
from harness.link.frame import Frame
from harness.target import Target
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Service, Session

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
    Service.LINK_CONTROL: DESTRUCTIVE,
    Service.DYNAMICALLY_DEFINE_DATA_IDENTIFIER: WRITE,
    **dict.fromkeys(range(0xA0, 0xBF), DESTRUCTIVE),  # the supplier's own services: nobody outside knows what they do
}

_ALARMING = frozenset((Service.SECURITY_ACCESS, Service.WRITE_DATA_BY_IDENTIFIER, Service.ECU_RESET))


class SafetyGate:
    """The one place that lets a request pass. `is_right_key` tells a key that the ECU is waiting for from a guess."""

    def __init__(self, target: Target) -> None:
        self._allow = target.safety.allow
        self._sessions = {entry.id for entry in target.sessions if entry.origin == "declared"} | {Session.DEFAULT}
        self._safe_routines = [entry.span for entry in target.routines if entry.safe and entry.origin == "declared"]
        self._free = frozenset(range(0x100)) - set(_BY_SERVICE) - {0x10, 0x27, 0x31}
        self.raw_needs: frozenset[str] = frozenset()
        """What the running check has declared that its raw frames may do."""

    def harms(self, pdu: bytes, *, is_functional: bool = False, is_right_key: bool = False) -> set[str]:
        """Which permissions a request needs."""
        needs = {FUNCTIONAL} if is_functional else set()
        if not pdu or pdu[0] in self._free:
            return needs
        service, sub_function = pdu[0], pdu[1] & ~SUPPRESS_POSITIVE_RESPONSE if len(pdu) > 1 else 0
        if service == Service.SECURITY_ACCESS:
            if len(pdu) > 1 and not sub_function & 1 and not is_right_key:
                needs.add(LOCKOUT)
        elif service == Service.DIAGNOSTIC_SESSION_CONTROL:
            if sub_function == Session.PROGRAMMING and sub_function not in self._sessions:
                needs.add(RESET)  # many ECUs leave their application for the boot loader
        elif service == Service.ROUTINE_CONTROL:
            routine = int.from_bytes(pdu[2:4], "big")
            if sub_function in (1, 2) and not any(routine in span for span in self._safe_routines):
                needs.add(DESTRUCTIVE)
        else:
            needs.add(_BY_SERVICE[service])
        return needs

    def check(self, pdu: bytes, *, is_functional: bool = False, is_right_key: bool = False) -> None:
        """Raise NotPermitted if the target does not allow the request."""
        if not is_functional and pdu and pdu[0] in self._free:
            return
        self._refuse(self.harms(pdu, is_functional=is_functional, is_right_key=is_right_key), pdu.hex(" ").upper())

    def permits(self, pdu: bytes) -> bool:
        """Whether `check` would let the request pass."""
        return self.harms(pdu) <= self._allow

    def check_raw(self, frame: Frame, *, is_functional: bool) -> None:
        """Raise NotPermitted unless whatever an ECU may read into the frame is allowed and declared by the check.

        An ECU that ignores the protocol control byte, or reads it otherwise, may take any of the first bytes for a
        service: each is looked at.
        """
        needs = {FUNCTIONAL} if is_functional else set()
        for start in range(min(len(frame.data), 4)):
            if start == 1 or frame.data[start] in _ALARMING:
                needs |= self.harms(frame.data[start:])
        self._refuse(needs, frame.text())
        undeclared = needs - self.raw_needs - {FUNCTIONAL}
        if undeclared:
            raise NotPermitted(f"raw frame {frame.text()}: the check does not declare that it needs {_words(undeclared)}")

    def _refuse(self, needs: set[str], what: str) -> None:
        missing = needs - self._allow
        if missing:
            raise NotPermitted(f'{what}: the target does not allow {_words(missing)}; see [safety] allow in the target file')


def _words(needs: Iterable[str]) -> str:
    return ", ".join(f'"{need}"' for need in sorted(needs))
