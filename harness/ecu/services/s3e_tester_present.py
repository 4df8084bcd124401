"""3E TesterPresent: the session goes on, as with every request, and nothing else happens."""

from __future__ import annotations

from typing import Final

from harness.ecu.rules import Answer, Ecu, ServiceRules, nothing_follows_the_sub_function
from harness.uds import RESPONSE_OFFSET, Service, Session

_ZERO_SUB_FUNCTION: Final = 0x00


def session_is_not_touched(ecu: Ecu, request: bytes) -> Answer | None:
    """S3 was restarted by the server already; a defect stops it for good, another brings an ended session back."""
    state, defects = ecu.state, ecu.config.defects
    if defects.tester_present_revives_session and state.ended_session is not None:
        state.session, state.unlocked_level = state.ended_session
        state.ended_session = None
    if defects.tester_present_ends_s3 and state.session != Session.DEFAULT:
        state.is_s3_stopped = True
    return None


def presence_is_confirmed(ecu: Ecu, request: bytes) -> Answer | None:
    """The server that answers has already restarted S3."""
    return bytes((Service.TESTER_PRESENT + RESPONSE_OFFSET, _ZERO_SUB_FUNCTION))


SERVICE = ServiceRules(
    sid=Service.TESTER_PRESENT,
    min_bytes=2,
    sub_functions=lambda config: frozenset((_ZERO_SUB_FUNCTION,)),
    rules=(nothing_follows_the_sub_function, session_is_not_touched, presence_is_confirmed),
)
