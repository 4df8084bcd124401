"""3B WriteDataByLocalIdentifier, of ISO 14230: forgotten by a defect, it writes around the guard of 2E."""

from __future__ import annotations

from typing import Final

from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.ecu.undeclared import did_of_local
from harness.uds import RESPONSE_OFFSET, Nrc

WRITE_DATA_BY_LOCAL_IDENTIFIER: Final = 0x3B


def local_identifier_is_written(ecu: Ecu, request: bytes) -> Answer | None:
    """The value of the identifier that ends in this byte."""
    did = did_of_local(ecu.config, request[1])
    if did is None:
        return Nrc.REQUEST_OUT_OF_RANGE
    if len(request) != 2 + len(ecu.state.values[did]):
        return Nrc.INCORRECT_MESSAGE_LENGTH
    ecu.state.values[did] = request[2:]
    return bytes((WRITE_DATA_BY_LOCAL_IDENTIFIER + RESPONSE_OFFSET, request[1]))


SERVICE = ServiceRules(
    sid=WRITE_DATA_BY_LOCAL_IDENTIFIER,
    min_bytes=3,
    exists=lambda config: config.defects.legacy_write_unprotected,
    rules=(local_identifier_is_written,),
)
