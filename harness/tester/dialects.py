"""Speak to ECUs with predecessors of UDS: KWP2000 (ISO 14230-3) on ISO-TP, and GMLAN (GMW3110).

Checks send requests of UDS. A dialect translates a request, and its answer back, if both have a counterpart of the same
meaning: sessions, TesterPresent, one-byte identifiers, SecurityAccess and refusals. Everything else is sent as it is. The
evidence of an exchange shows the bytes that were on the bus.
"""

from dataclasses import dataclass, replace
from typing import Final, Protocol

from harness.tester.reply import Reply, ReplyKind
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Nrc, Service, is_send_key

READ_IDENTIFICATION: Final = 0x1A
"""The service readEcuIdentification of KWP2000 and readDataByIdentifier of GMLAN; an identifier of one byte follows."""
RETURN_TO_NORMAL: Final = 0x20
READ_LOCAL: Final = 0x21
WRITE_LOCAL: Final = 0x3B
STANDARD_SESSION: Final = 0x81
NOT_IN_THIS_SESSION: Final = 0x80
"""The code serviceNotSupportedInActiveDiagnosticSession."""

ONE_BYTE: Final = range(0x100)
"""Identifiers that a request of a dialect names by one byte; in UDS their first byte is 00."""
_READ, _WRITE = Service.READ_DATA_BY_IDENTIFIER, Service.WRITE_DATA_BY_IDENTIFIER
_CONTROL, _PRESENT = Service.DIAGNOSTIC_SESSION_CONTROL, Service.TESTER_PRESENT
_TO_DEFAULT: Final = bytes((_CONTROL, 0x01))
_IS_THERE: Final = bytes((_PRESENT, 0x00))
_IS_THERE_SILENTLY: Final = bytes((_PRESENT, 0x80))


_ANSWERED_ALONE: Final = (bytes((Service.ECU_RESET,)),)
"""Services whose positive answer is one byte, without an echo of the request."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A predecessor of UDS, described by how it differs from UDS."""

    name: str
    """The dialect's name in reports and verdicts."""
    key: str
    """The dialect's name in the target file, as [target] dialect."""
    standard: str
    to_default: bytes
    """The request that returns to the session in which the ECU starts."""
    present: bytes
    """A TesterPresent that wants an answer."""
    present_silently: bytes
    """A TesterPresent that wants no answer; the same as `present` if the dialect has none."""
    read_local: int
    """The service that reads an identifier of one byte."""

    def sent(self, request: bytes) -> bytes:
        """Translate a request of UDS for this ECU."""
        if request == _TO_DEFAULT:
            return self.to_default
        if request == _IS_THERE:
            return self.present
        if request == _IS_THERE_SILENTLY:
            return self.present_silently
        if _is_local(request):
            service = self.read_local if request[0] == _READ else WRITE_LOCAL
            return bytes((service,)) + request[2:]
        return request

    def heard(self, request: bytes, sent: bytes, message: bytes) -> bytes:
        """Translate a message of this ECU to UDS, if the message answers the request that was sent."""
        if message[:2] == bytes((NEGATIVE_RESPONSE, sent[0])) and len(message) == 3:
            return bytes((NEGATIVE_RESPONSE, request[0], _refusal(request, message[2])))
        if message[0] != sent[0] + RESPONSE_OFFSET & 0xFF:
            return message
        if request[:1] in _ANSWERED_ALONE and len(request) == 2 and len(message) == 1:
            return message + bytes((request[1] & 0x7F,))
        if request in (_TO_DEFAULT, _IS_THERE, _IS_THERE_SILENTLY):
            return bytes((request[0] + RESPONSE_OFFSET, request[1] & 0x7F)) if _confirms(sent, message) else message
        if _is_local(request) and message[1:2] == sent[1:2]:
            return bytes((request[0] + RESPONSE_OFFSET, 0)) + message[1:]
        if is_send_key(request) and len(message) == 3:
            return message[:2]  # the third byte is securityAccessAllowed
        return message


def _is_local(request: bytes) -> bool:
    """Whether a request reads or writes one identifier that the dialects name by one byte."""
    if len(request) < 3 or request[1] != 0:
        return False
    return request[0] == _WRITE or (request[0] == _READ and len(request) == 3)


def _confirms(sent: bytes, message: bytes) -> bool:
    """Whether a positive answer repeats the parameter of the request sent; TesterPresent's may leave it out."""
    return message[1:2] == sent[1:2] or (sent[0] == _PRESENT and len(message) == 1)


def _refusal(request: bytes, code: int) -> int:
    """Translate a dialect's refusal to UDS, which has other codes for a wrong sequence, length or session."""
    if code == NOT_IN_THIS_SESSION:
        return Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION
    if is_send_key(request):
        meant = {Nrc.CONDITIONS_NOT_CORRECT: Nrc.REQUEST_SEQUENCE_ERROR, Nrc.SUB_FUNCTION_NOT_SUPPORTED: _WRONG_LENGTH}
        return meant.get(Nrc(code), code) if code in meant else code
    return code


_WRONG_LENGTH: Final = Nrc.INCORRECT_MESSAGE_LENGTH

KWP2000: Final = Dialect(
    "KWP2000", "kwp2000", "ISO 14230-3", bytes((_CONTROL, STANDARD_SESSION)), b"\x3e\x01", b"\x3e\x02", READ_LOCAL
)
GMLAN: Final = Dialect("GMLAN", "gmlan", "GMW3110", bytes((RETURN_TO_NORMAL,)), b"\x3e", b"\x3e", READ_IDENTIFICATION)
DIALECTS: Final = {dialect.key: dialect for dialect in (KWP2000, GMLAN)}

USUAL_IDENTIFICATION: Final = (0x90, 0x80, 0x86, 0x91, 0x9A, 0xB0)
"""Identifiers of one byte that most ECUs of either dialect have: VIN, identification tables, address."""
UDS_ONLY: Final = (b"\x22\xf1\x90", b"\x22\xf1\x86", b"\x22\xf1\x8c", b"\x22\xf1\x80")
"""Reads that only UDS has: an ECU that answers such a read speaks UDS."""


class Requester(Protocol):
    """An object that sends requests to find out the ECU's dialect."""

    dialect: Dialect | None

    def request(self, request: bytes) -> Reply:
        """Send one request."""


def recognised(requester: Requester) -> Dialect | None:
    """Return the dialect that an ECU speaks; None if that is UDS, or unknown. Send only requests that read.

    KWP2000's standard session is 81, which UDS takes for its session 01 with the answer suppressed, and KWP2000's
    TesterPresent says whether it wants an answer. GMLAN's TesterPresent is one byte, and so is the answer; an ECU that takes
    it and has service 21 (local identifiers) speaks KWP2000. Both read their identification by 1A, which UDS lacks.
    """
    if any(requester.request(request).is_positive for request in UDS_ONLY):
        return None
    before = requester.dialect
    try:
        is_identified = _answers_identification(requester)
        has_sessions = _says(requester, KWP2000, _TO_DEFAULT)
        if has_sessions or is_identified:
            stopping = KWP2000 if has_sessions else replace(KWP2000, to_default=bytes((RETURN_TO_NORMAL,)))
            if _says(requester, KWP2000, _IS_THERE):
                return stopping
            is_one_byte = _says(requester, GMLAN, _IS_THERE)
            if has_sessions or (is_one_byte and _has_local_identifiers(requester)):
                return replace(stopping, present=GMLAN.present, present_silently=GMLAN.present) if is_one_byte else stopping
            return GMLAN if is_one_byte else None
    finally:
        requester.dialect = before
    return None


def _says(requester: Requester, dialect: Dialect, request: bytes) -> bool:
    """Send a request of UDS in this dialect, and return whether the ECU answers it positively."""
    requester.dialect = dialect
    return requester.request(request).is_positive


def _has_local_identifiers(requester: Requester) -> bool:
    """Whether the ECU has service 21, no matter what it answers about the identifier."""
    requester.dialect = None
    reply = requester.request(bytes((READ_LOCAL, 0x01)))
    return reply.is_positive or (reply.is_negative and not reply.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED))


def _answers_identification(requester: Requester) -> bool:
    requester.dialect = None
    for identifier in USUAL_IDENTIFICATION:
        reply = requester.request(bytes((READ_IDENTIFICATION, identifier)))
        if reply.kind is ReplyKind.SILENCE or reply.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED):
            return False
        if reply.is_positive and reply.pdu[1:2] == bytes((identifier,)):
            return True
    return False
