"""29 Authentication: only as much as shows that the ECU has the service. No certificate is accepted."""

from typing import Final

from harness.ecu.rules import Answer, Ecu, ServiceRules, sub_function
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_DEAUTHENTICATE: Final = 0x00
_VERIFY_CERTIFICATE: Final = 0x01
_CONFIGURATION: Final = 0x08
_RETURN_VALUES: Final = {_DEAUTHENTICATE: 0x10, _CONFIGURATION: 0x02}
"""The return values: deAuthentication successful; authentication by certificate exchange, asymmetric."""


def authentication_is_answered(ecu: Ecu, request: bytes) -> Answer | None:
    """Answer deAuthenticate and the configuration; refuse everything else."""
    kind = sub_function(request)
    if kind not in _RETURN_VALUES:
        return Nrc.REQUEST_OUT_OF_RANGE
    return bytes((Service.AUTHENTICATION + RESPONSE_OFFSET, kind, _RETURN_VALUES[kind]))


SERVICE = ServiceRules(
    sid=Service.AUTHENTICATION,
    min_bytes=2,
    sub_functions=lambda config: frozenset((*_RETURN_VALUES, _VERIFY_CERTIFICATE)),
    exists=lambda config: config.requires_authentication or Service.AUTHENTICATION in config.further_services,
    rules=(authentication_is_answered,),
)
