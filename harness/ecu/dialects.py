"""Put the requests of an older standard, KWP2000 or GMLAN, in front of the hardened ECU's state and rules.

Each service of the older dialect is translated for the UDS rules, and their answer is translated back. A request without a
counterpart is refused like a service that does not exist.
"""

from typing import Final

from harness.ecu.server import Server
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, SUPPRESS_POSITIVE_RESPONSE, Nrc, Service, negative_response

LOCAL_IDENTIFIERS: Final = {0x10: 0x1010, 0x20: 0x2020, 0x2A: 0x2A2A, 0x30: 0x3030}
"""By one-byte identifier: the data identifier that 21 (GMLAN: 1A) reads and 3B writes."""
IDENTIFICATION: Final = {0x8C: 0xF18C, 0x90: 0xF1A0}
"""By one-byte identifier: the data identifier that 1A reads."""
SECURITY_ACCESS_ALLOWED: Final = 0x34
_INVALID: Final = Nrc.SUB_FUNCTION_NOT_SUPPORTED
_NOT_IN_THIS_SESSION: Final = 0x80
_KEPT_FROM_ALL: Final = frozenset((Nrc.SERVICE_NOT_SUPPORTED, Nrc.SUB_FUNCTION_NOT_SUPPORTED, Nrc.REQUEST_OUT_OF_RANGE))


class _OlderServer(Server):
    """A server with the parts that both dialects share."""

    read_service: int
    """The service that reads a one-byte identifier."""
    identifiers: dict[int, int]
    """By one-byte identifier: the data identifier that `read_service` reads and 3B writes."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        """Return the responses to one request of the dialect."""
        self.now_s, self.work_s = self.surroundings.now_s, 0.0
        if self.now_s < self.state.ready_s or not pdu:
            return []
        asked = self.asked(pdu)
        if isinstance(asked, int):
            is_kept_back = is_functional and asked in _KEPT_FROM_ALL
            return [] if is_kept_back else [negative_response(pdu[0], asked)]
        said = super().answer(asked, is_functional=is_functional, connection=connection)
        return [self.said(pdu, asked, message) for message in said]

    def asked(self, pdu: bytes) -> bytes | int:
        """Translate a request to UDS, or return the code of its refusal."""
        service, rest = pdu[0], pdu[1:]
        if service == Service.SECURITY_ACCESS:
            return pdu if rest and not rest[0] & SUPPRESS_POSITIVE_RESPONSE else _INVALID
        if service == self.read_service:
            return self._of(Service.READ_DATA_BY_IDENTIFIER, rest[:1], b"") if len(rest) == 1 else _INVALID
        if service == 0x3B:
            return self._of(Service.WRITE_DATA_BY_IDENTIFIER, rest[:1], rest[1:]) if len(rest) > 1 else _INVALID
        return Nrc.SERVICE_NOT_SUPPORTED

    def _of(self, service: int, identifier: bytes, value: bytes) -> bytes | int:
        did = self.identifiers.get(identifier[0])
        return Nrc.REQUEST_OUT_OF_RANGE if did is None else bytes((service,)) + did.to_bytes(2, "big") + value

    def said(self, pdu: bytes, asked: bytes, message: bytes) -> bytes:
        """Translate a UDS answer to the dialect."""
        service = pdu[0]
        if message[0] == NEGATIVE_RESPONSE:
            return negative_response(service, _code(asked, message[2]))
        head = bytes((service + RESPONSE_OFFSET,))
        if asked[0] == Service.READ_DATA_BY_IDENTIFIER:
            return head + pdu[1:2] + message[3:]
        if asked[0] == Service.WRITE_DATA_BY_IDENTIFIER:
            return head + pdu[1:2]
        return self.confirmed(pdu, head, message)

    def confirmed(self, pdu: bytes, head: bytes, message: bytes) -> bytes:
        """Translate a positive answer of any service but `read_service` to the dialect."""
        return head + message[1:]


def _code(asked: bytes, code: int) -> int:
    """Translate a refusal's code to the dialect, which has fewer codes than UDS."""
    if code == Nrc.INCORRECT_MESSAGE_LENGTH:
        return _INVALID
    if code == Nrc.REQUEST_SEQUENCE_ERROR:
        return Nrc.CONDITIONS_NOT_CORRECT
    if code in (Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION, Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION):
        return _NOT_IN_THIS_SESSION
    return code


class Kwp2000Server(_OlderServer):
    """ISO 14230-3 on ISO-TP: sessions 81, 85 and 89, identification behind 1A, data behind 21 and 3B."""

    read_service = 0x21
    identifiers = LOCAL_IDENTIFIERS
    sessions: Final = {0x81: 0x01, 0x85: 0x02, 0x89: 0x03}

    def asked(self, pdu: bytes) -> bytes | int:
        """Translate the requests that only KWP2000 has; leave all other requests to `_OlderServer`."""
        service, rest = pdu[0], pdu[1:]
        if service == Service.DIAGNOSTIC_SESSION_CONTROL:
            session = self.sessions.get(rest[0]) if len(rest) == 1 else None
            return _INVALID if session is None else bytes((service, session))
        if service == 0x20:
            return _INVALID if rest else b"\x10\x01"
        if service == Service.TESTER_PRESENT:
            return {b"": b"\x3e\x00", b"\x01": b"\x3e\x00", b"\x02": b"\x3e\x80"}.get(rest, _INVALID)
        if service == 0x1A:
            did = IDENTIFICATION.get(rest[0]) if len(rest) == 1 else None
            return _INVALID if did is None else b"\x22" + did.to_bytes(2, "big")
        if service == Service.ECU_RESET:
            return pdu if rest == b"\x01" else _INVALID
        return super().asked(pdu)

    def confirmed(self, pdu: bytes, head: bytes, message: bytes) -> bytes:
        """Translate a positive answer: the answer to 10 states no timing, the answer to a key ends with 34 (allowed)."""
        if pdu[0] == Service.DIAGNOSTIC_SESSION_CONTROL:
            return head + pdu[1:2]
        if pdu[0] in (0x20, Service.TESTER_PRESENT, Service.ECU_RESET):
            return head
        is_key = pdu[0] == Service.SECURITY_ACCESS and not pdu[1] & 1
        return head + message[1:] + (bytes((SECURITY_ACCESS_ALLOWED,)) if is_key else b"")


class GmlanServer(_OlderServer):
    """GMW3110: no sessions, one byte of TesterPresent, and data behind 1A and 3B."""

    read_service = 0x1A
    identifiers = LOCAL_IDENTIFIERS | IDENTIFICATION

    def asked(self, pdu: bytes) -> bytes | int:
        """Translate the requests that only GMLAN has; leave all other requests to `_OlderServer`."""
        service, rest = pdu[0], pdu[1:]
        if service == Service.TESTER_PRESENT:
            return _INVALID if rest else b"\x3e\x00"
        if service in (0x20, 0xA2):  # nothing was changed that would have to go back to normal
            return _INVALID if rest else b"\x3e\x00"
        return super().asked(pdu)

    def confirmed(self, pdu: bytes, head: bytes, message: bytes) -> bytes:
        """Translate a positive answer; the answer to A2 (programmed state) says that everything is programmed."""
        if pdu[0] == 0xA2:
            return head + b"\x00"
        return head if pdu[0] in (0x20, Service.TESTER_PRESENT) else head + message[1:]
