"""10 DiagnosticSessionControl: change the session, and lock."""

import math

from harness.ecu.rules import Answer, Ecu, ServiceRules, nothing_follows_the_sub_function, sub_function
from harness.uds import RESPONSE_OFFSET, Nrc, Service


def ecu_has_started_up(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse every session for a time after a restart, if the ECU is not ready for sessions."""
    return Nrc.CONDITIONS_NOT_CORRECT if ecu.now_s < ecu.state.sessions_from_s else None


def session_is_entered(ecu: Ecu, request: bytes) -> Answer | None:
    """Enter the session and lock every level, even if the session is active already.

    The answer states P2 in units of 1 ms and P2* in units of 10 ms.
    """
    session = sub_function(request)
    state = ecu.state
    ecu.decide.lock_on_leaving(state, session, has_expired=False)
    ecu.decide.leave_session(state)
    state.session = session
    state.s3_due_s = math.inf  # set anew after the answer, unless this is the default session
    timing = ecu.config.p2_ms.to_bytes(2, "big") + (ecu.config.p2_star_ms // 10).to_bytes(2, "big")
    return bytes((Service.DIAGNOSTIC_SESSION_CONTROL + RESPONSE_OFFSET, session)) + timing


SERVICE = ServiceRules(
    sid=Service.DIAGNOSTIC_SESSION_CONTROL,
    min_bytes=2,
    sub_functions=lambda config: frozenset(config.sessions),
    exists=lambda config: bool(config.sessions),
    rules=(nothing_follows_the_sub_function, ecu_has_started_up, session_is_entered),
)
