"""21 ReadDataByLocalIdentifier, of ISO 14230: forgotten by a defect, it reads around the guard of 22."""

from __future__ import annotations

from typing import Final

from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.ecu.undeclared import did_of_local
from harness.uds import RESPONSE_OFFSET, Nrc

READ_DATA_BY_LOCAL_IDENTIFIER: Final = 0x21


def local_identifier_is_read(ecu: Ecu, request: bytes) -> Answer | None:
    """The value of the identifier that ends in this byte."""
    did = did_of_local(ecu.config, request[1])
    if did is None:
        return Nrc.REQUEST_OUT_OF_RANGE
    return bytes((READ_DATA_BY_LOCAL_IDENTIFIER + RESPONSE_OFFSET, request[1])) + ecu.state.values[did]


SERVICE = ServiceRules(
    sid=READ_DATA_BY_LOCAL_IDENTIFIER,
    min_bytes=2,
    exists=lambda config: config.defects.legacy_read_unprotected,
    rules=(local_identifier_is_read,),
)
