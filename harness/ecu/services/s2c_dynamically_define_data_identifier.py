"""2C DynamicallyDefineDataIdentifier: a defect lets everybody read protected data by another name.

A sound ECU has no such service here. Only definitions by identifier (01) are known, and clearing them (03); what is
defined is read by 22 as `harness.ecu.undeclared.DYNAMIC_DIDS`.
"""

from __future__ import annotations

from typing import Final

from harness.ecu.rules import Answer, Ecu, ServiceRules, sub_function
from harness.ecu.undeclared import DYNAMIC_DIDS
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_DEFINE_BY_IDENTIFIER: Final = 0x01
_CLEAR: Final = 0x03


def alias_is_dynamic(ecu: Ecu, request: bytes) -> Answer | None:
    """F2xx and F3xx are there to be defined."""
    return None if _alias(request) in DYNAMIC_DIDS else Nrc.REQUEST_OUT_OF_RANGE


def definition_is_cleared(ecu: Ecu, request: bytes) -> Answer | None:
    """The alias stands for nothing any more."""
    if sub_function(request) != _CLEAR:
        return None
    ecu.state.dynamic_identifiers.pop(_alias(request), None)
    return _head(request)


def definition_is_stored(ecu: Ecu, request: bytes) -> Answer | None:
    """Four bytes: the source, the position of the first byte, counted from 1, and how many."""
    if len(request) != 8:
        return Nrc.INCORRECT_MESSAGE_LENGTH
    source, position, size = request[4] << 8 | request[5], request[6], request[7]
    value = ecu.state.values.get(source, b"")
    if not position or not size or position - 1 + size > len(value):
        return Nrc.REQUEST_OUT_OF_RANGE
    ecu.state.dynamic_identifiers[_alias(request)] = request[4:]
    return _head(request)


def _alias(request: bytes) -> int:
    return request[2] << 8 | request[3]


def _head(request: bytes) -> bytes:
    head = (Service.DYNAMICALLY_DEFINE_DATA_IDENTIFIER + RESPONSE_OFFSET, sub_function(request))
    return bytes(head) + request[2:4]


SERVICE = ServiceRules(
    sid=Service.DYNAMICALLY_DEFINE_DATA_IDENTIFIER,
    min_bytes=4,
    sub_functions=lambda config: frozenset((_DEFINE_BY_IDENTIFIER, _CLEAR)),
    is_in_default_session=False,
    exists=lambda config: config.defects.alias_unprotected,
    rules=(alias_is_dynamic, definition_is_cleared, definition_is_stored),
)
