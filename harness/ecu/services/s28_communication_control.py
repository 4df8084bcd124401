"""28 CommunicationControl: stop and start the ECU's normal messages."""

from typing import Final

from harness.ecu.rules import Answer, Ecu, ServiceRules, level_of_the_service_is_unlocked, sub_function
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_NORMAL_AND_NETWORK_MANAGEMENT: Final = (0x01, 0x02, 0x03)
"""The kinds of messages that can be switched: normal, network management, and both."""


def request_has_its_length(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse the wrong length: a request has a controlType and a communicationType."""
    return None if len(request) == 3 else Nrc.INCORRECT_MESSAGE_LENGTH


def communication_type_is_known(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse an unknown type of messages; its high digit would name another network, of which there is none."""
    return None if request[2] in _NORMAL_AND_NETWORK_MANAGEMENT else Nrc.REQUEST_OUT_OF_RANGE


def communication_is_switched(ecu: Ecu, request: bytes) -> Answer | None:
    """Switch the ECU's messages on or off until the session ends or another request switches them."""
    ecu.state.communication = sub_function(request)
    return bytes((Service.COMMUNICATION_CONTROL + RESPONSE_OFFSET, sub_function(request)))


SERVICE = ServiceRules(
    sid=Service.COMMUNICATION_CONTROL,
    min_bytes=3,
    sub_functions=lambda config: frozenset(range(4)),
    is_in_default_session=False,
    rules=(request_has_its_length, level_of_the_service_is_unlocked, communication_type_is_known, communication_is_switched),
)
