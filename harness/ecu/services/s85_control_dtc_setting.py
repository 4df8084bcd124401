"""85 ControlDTCSetting: stop and start the storing of trouble codes."""

from typing import Final

from harness.ecu.rules import (
    Answer,
    Ecu,
    ServiceRules,
    level_of_the_service_is_unlocked,
    nothing_follows_the_sub_function,
    sub_function,
)
from harness.uds import RESPONSE_OFFSET, Service

_ON: Final = 0x01
_OFF: Final = 0x02


def dtc_setting_is_switched(ecu: Ecu, request: bytes) -> Answer | None:
    """Switch the storing of trouble codes on or off until the session ends or another request switches it."""
    ecu.state.is_dtc_setting_on = sub_function(request) == _ON
    return bytes((Service.CONTROL_DTC_SETTING + RESPONSE_OFFSET, sub_function(request)))


SERVICE = ServiceRules(
    sid=Service.CONTROL_DTC_SETTING,
    min_bytes=2,
    sub_functions=lambda config: frozenset((_ON, _OFF)),
    is_in_default_session=False,
    exists=lambda config: bool(config.trouble_codes),
    rules=(nothing_follows_the_sub_function, level_of_the_service_is_unlocked, dtc_setting_is_switched),
)
