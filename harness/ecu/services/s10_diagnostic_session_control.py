"""10 DiagnosticSessionControl: which session is active, and what does entering one undo?"""

from __future__ import annotations

import math
from typing import Final

from harness.ecu.attempts import session_was_entered
from harness.ecu.config import EcuConfig
from harness.ecu.rules import Answer, Ecu, ServiceRules, nothing_follows_the_sub_function, sub_function
from harness.uds import RESPONSE_OFFSET, Nrc, Service, Session


def ecu_has_started_up(ecu: Ecu, request: bytes) -> Answer | None:
    """Shortly after a restart an ECU may not be ready for other sessions yet."""
    return Nrc.CONDITIONS_NOT_CORRECT if ecu.now_s < ecu.state.sessions_from_s else None


def session_is_entered(ecu: Ecu, request: bytes) -> Answer | None:
    """Whatever was unlocked is locked, on re-entry too; the answer carries P2 in 1 ms and P2* in 10 ms."""
    session = sub_function(request)
    state = ecu.state
    session_was_entered(ecu, session)
    seed, seed_level = state.seed, state.seed_level
    if _unlock_survives(ecu, session):
        state.forget_seed()
    else:
        state.lock()
    if ecu.config.defects.seed_survives_session_change:
        state.seed, state.seed_level = seed, seed_level
    state.leave_session()
    state.session = session
    state.is_s3_stopped, state.ended_session = False, None
    state.s3_due_s = math.inf  # set anew after the answer, unless this is the default session
    timing = ecu.config.p2_ms.to_bytes(2, "big") + (ecu.config.p2_star_ms // 10).to_bytes(2, "big")
    return bytes((Service.DIAGNOSTIC_SESSION_CONTROL + RESPONSE_OFFSET, session)) + timing


_UNDECLARED: Final = 0x60


def _sessions(config: EcuConfig) -> frozenset[int]:
    undeclared = (_UNDECLARED,) if config.defects.undeclared_session else ()
    return frozenset((*config.sessions, *undeclared))


def _unlock_survives(ecu: Ecu, session: int) -> bool:
    defects = ecu.config.defects
    if Session.DEFAULT in (session, ecu.state.session):
        return defects.unlock_survives_default_session
    return defects.unlock_survives_same_session and session == ecu.state.session


SERVICE = ServiceRules(
    sid=Service.DIAGNOSTIC_SESSION_CONTROL,
    min_bytes=2,
    sub_functions=_sessions,
    exists=lambda config: bool(config.sessions),
    rules=(nothing_follows_the_sub_function, ecu_has_started_up, session_is_entered),
)
