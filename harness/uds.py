"""Name the services, codes and sub-functions of ISO 14229-1, and encode requests. Decides nothing."""

from enum import IntEnum
from typing import Final

RESPONSE_OFFSET: Final = 0x40
"""The difference between the first byte of a positive response and the request's service."""

NEGATIVE_RESPONSE: Final = 0x7F
SUPPRESS_POSITIVE_RESPONSE: Final = 0x80
"""Bit 7 of a sub-function byte, by which the client asks for no positive response."""


class Service(IntEnum):
    """Service identifiers (SID) of requests."""

    DIAGNOSTIC_SESSION_CONTROL = 0x10
    ECU_RESET = 0x11
    CLEAR_DIAGNOSTIC_INFORMATION = 0x14
    READ_DTC_INFORMATION = 0x19
    READ_DATA_BY_IDENTIFIER = 0x22
    READ_MEMORY_BY_ADDRESS = 0x23
    READ_SCALING_DATA_BY_IDENTIFIER = 0x24
    SECURITY_ACCESS = 0x27
    COMMUNICATION_CONTROL = 0x28
    AUTHENTICATION = 0x29
    READ_DATA_BY_PERIODIC_IDENTIFIER = 0x2A
    DYNAMICALLY_DEFINE_DATA_IDENTIFIER = 0x2C
    WRITE_DATA_BY_IDENTIFIER = 0x2E
    INPUT_OUTPUT_CONTROL_BY_IDENTIFIER = 0x2F
    ROUTINE_CONTROL = 0x31
    REQUEST_DOWNLOAD = 0x34
    REQUEST_UPLOAD = 0x35
    TRANSFER_DATA = 0x36
    REQUEST_TRANSFER_EXIT = 0x37
    REQUEST_FILE_TRANSFER = 0x38
    WRITE_MEMORY_BY_ADDRESS = 0x3D
    TESTER_PRESENT = 0x3E
    ACCESS_TIMING_PARAMETER = 0x83
    SECURED_DATA_TRANSMISSION = 0x84
    CONTROL_DTC_SETTING = 0x85
    RESPONSE_ON_EVENT = 0x86
    LINK_CONTROL = 0x87


SUB_FUNCTION_SERVICES: Final = frozenset({0x10, 0x11, 0x19, 0x27, 0x28, 0x31, 0x3E, 0x85})
"""Services whose second byte is a sub-function with a suppress bit."""


class Session(IntEnum):
    """Sub-functions of DiagnosticSessionControl (0x10)."""

    DEFAULT = 0x01
    PROGRAMMING = 0x02
    EXTENDED = 0x03


class ResetType(IntEnum):
    """Sub-functions of ECUReset (0x11)."""

    HARD = 0x01
    KEY_OFF_ON = 0x02
    SOFT = 0x03


class Nrc(IntEnum):
    """Negative response codes."""

    GENERAL_REJECT = 0x10
    SERVICE_NOT_SUPPORTED = 0x11
    SUB_FUNCTION_NOT_SUPPORTED = 0x12
    INCORRECT_MESSAGE_LENGTH = 0x13
    RESPONSE_TOO_LONG = 0x14
    BUSY_REPEAT_REQUEST = 0x21
    CONDITIONS_NOT_CORRECT = 0x22
    REQUEST_SEQUENCE_ERROR = 0x24
    REQUEST_OUT_OF_RANGE = 0x31
    SECURITY_ACCESS_DENIED = 0x33
    AUTHENTICATION_REQUIRED = 0x34
    INVALID_KEY = 0x35
    EXCEEDED_NUMBER_OF_ATTEMPTS = 0x36
    REQUIRED_TIME_DELAY_NOT_EXPIRED = 0x37
    UPLOAD_DOWNLOAD_NOT_ACCEPTED = 0x70
    TRANSFER_DATA_SUSPENDED = 0x71
    GENERAL_PROGRAMMING_FAILURE = 0x72
    WRONG_BLOCK_SEQUENCE_COUNTER = 0x73
    RESPONSE_PENDING = 0x78
    SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION = 0x7E
    SERVICE_NOT_SUPPORTED_IN_SESSION = 0x7F


def negative_response(service: int, nrc: int) -> bytes:
    """Return the three bytes ``7F SID NRC``."""
    return bytes((NEGATIVE_RESPONSE, service, nrc))


WITH_SUB_FUNCTION = (0x10, 0x11, 0x19, 0x27, 0x28, 0x29, 0x2C, 0x31, 0x3E, 0x83, 0x85, 0x86, 0x87)
"""Services whose second byte is a sub-function."""

ANSWERED_BY_ALL = frozenset((*range(0x10, 0x3F), *range(0x83, 0x88)))
"""The services of ISO 14229-1, which every ECU answers; an ECU may ignore a request that begins with any other byte."""

ACTIVE_SESSION = 0xF186
"""The data identifier whose value is the active session."""


def nrc_name(nrc: int) -> str:
    """Return the code with its name, e.g. ``0x33 securityAccessDenied``; only the hex for a code without a name."""
    try:
        words = Nrc(nrc).name.lower().split("_")
    except ValueError:
        return f"0x{nrc:02X}"
    return f"0x{nrc:02X} {words[0]}{''.join(word.capitalize() for word in words[1:])}"


def enter_session(session: int) -> bytes:
    """Encode DiagnosticSessionControl, service 10."""
    return bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session))


def reset_ecu(reset_type: int = ResetType.HARD) -> bytes:
    """Encode ECUReset, service 11."""
    return bytes((Service.ECU_RESET, reset_type))


def request_seed(level: int, record: bytes = b"") -> bytes:
    """Encode SecurityAccess, service 27: requestSeed of an odd level, with the data record that some levels need."""
    return bytes((Service.SECURITY_ACCESS, level)) + record


def send_key(level: int, key: bytes) -> bytes:
    """Encode SecurityAccess, service 27: sendKey for the level whose seed is requested by the odd number `level`."""
    return bytes((Service.SECURITY_ACCESS, level + 1)) + key


def read_data(*dids: int) -> bytes:
    """Encode ReadDataByIdentifier, service 22, of one identifier or several."""
    return bytes((Service.READ_DATA_BY_IDENTIFIER,)) + b"".join(did.to_bytes(2, "big") for did in dids)


def write_data(did: int, value: bytes) -> bytes:
    """Encode WriteDataByIdentifier, service 2E."""
    return bytes((Service.WRITE_DATA_BY_IDENTIFIER, did >> 8, did & 0xFF)) + value


def read_memory(address: int, length: int = 1) -> bytes:
    """Encode ReadMemoryByAddress, service 23, with one byte of length and four bytes of address, or eight if needed."""
    width = 4 if address < 1 << 32 else 8
    return bytes((Service.READ_MEMORY_BY_ADDRESS, 0x10 | width)) + address.to_bytes(width, "big") + bytes((length,))


def routine(routine: int, sub_function: int = 0x01, option: bytes = b"") -> bytes:
    """Encode RoutineControl, service 31: start (1) or stop (2) a routine, or request its results (3)."""
    return bytes((Service.ROUTINE_CONTROL, sub_function, routine >> 8, routine & 0xFF)) + option


def keep_session(*, is_suppressed: bool = False) -> bytes:
    """Encode TesterPresent, service 3E; `is_suppressed` asks for no positive response."""
    return bytes((Service.TESTER_PRESENT, SUPPRESS_POSITIVE_RESPONSE if is_suppressed else 0x00))


_SECURITY_ACCESS = int(Service.SECURITY_ACCESS)  # before Python 3.12 looking up an enum's member is slow


def is_seed_request(pdu: bytes) -> bool:
    """Whether the request is 27 with an odd sub-function (requestSeed), suppress bit or not."""
    return len(pdu) >= 2 and pdu[0] == _SECURITY_ACCESS and bool(pdu[1] & 1)


def is_send_key(pdu: bytes) -> bool:
    """Whether the request is 27 with an even sub-function (sendKey), suppress bit or not."""
    return len(pdu) >= 2 and pdu[0] == _SECURITY_ACCESS and not pdu[1] & 1
