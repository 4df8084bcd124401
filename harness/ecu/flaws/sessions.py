"""Flaws of sessions, timing and restarts."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

import can

from harness.ecu.definition import Definition
from harness.ecu.ecu_node import UdsNode
from harness.ecu.flaws.declare import flaw
from harness.ecu.rules import Answer, Ecu, Rule, service_is_in_session
from harness.ecu.services.s3e_tester_present import presence_is_confirmed
from harness.ecu.services.s10_diagnostic_session_control import session_is_entered
from harness.ecu.state import State
from harness.uds import RESPONSE_OFFSET, Nrc, Service, Session, negative_response

_WALKED_INTO = "a random walk, held against the states of the standard, comes by it"

_UNDECLARED: Final = 0x60
_ENTERING: Final = Service.DIAGNOSTIC_SESSION_CONTROL
_PRESENT: Final = Service.TESTER_PRESENT
_SERIAL_NUMBER: Final = b"\x22\xf1\x8c"
_ITS_ANSWER: Final = bytes((_SERIAL_NUMBER[0] + RESPONSE_OFFSET, *_SERIAL_NUMBER[1:]))
_PENDING: Final = negative_response(_SERIAL_NUMBER[0], Nrc.RESPONSE_PENDING)

Lock = Callable[..., None]


def _staying_unlocked(definition: Definition, stays: Callable[[State, int, bool], bool]) -> Definition:
    """When a session ends, leave the level unlocked if `stays(state, next session, has the session expired)` is true."""

    def lock(go_on: Lock, state: State, session: int, *, has_expired: bool) -> None:
        if stays(state, session, has_expired):
            state.forget_seed()
        else:
            go_on(state, session, has_expired=has_expired)

    return definition.wrap_decision(lock_on_leaving=lock)


def _until_a_session_is_entered(definition: Definition, name: str) -> Definition:
    """Forget a note of `until_restart` when 10 enters a session."""

    def forget(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        answer = go_on(ecu, request)
        ecu.state.until_restart.pop(name, None)
        return answer

    return definition.wrap(_ENTERING, session_is_entered, forget)


def _slow(
    definition: Definition, *, is_announced: bool = True, answer_s: float | None = None, repeat_s: float | None = None
) -> Definition:
    """Delay the answer to a read of the serial number, and drop that answer if another request arrives meanwhile."""

    def respond(go_on: Callable[[list[bytes]], None], node: UdsNode, answers: list[bytes]) -> None:
        def announce() -> None:
            go_on([_PENDING])
            if repeat_s is not None:
                node.notes["slow answer"] = node.port.call_later(repeat_s, announce)

        timer = node.notes.pop("slow answer", None)
        if timer is not None:
            timer.cancel()
        if not answers or not answers[-1].startswith(_ITS_ANSWER):
            go_on(answers)
            return
        if is_announced:
            announce()
        if answer_s is not None:
            node.notes["slow answer"] = node.port.call_later(answer_s, partial(go_on, answers))

    return definition.claim("the time for the serial number").at("respond", respond)


# The unlock that does not end.


@flaw(number="M80a", kills=("ST-01",), also={"FZ-04": _WALKED_INTO})
def unlock_survives_default_session(definition: Definition) -> Definition:
    """Going to the default session and back leaves a level unlocked."""
    return _staying_unlocked(
        definition, lambda state, session, has_expired: not has_expired and Session.DEFAULT in (session, state.session)
    )


@flaw(number="M80b", kills=("ST-01",), also={"FZ-04": _WALKED_INTO})
def unlock_survives_same_session(definition: Definition) -> Definition:
    """Entering the session that is active already leaves a level unlocked."""
    return _staying_unlocked(
        definition, lambda state, session, has_expired: not has_expired and session == state.session != Session.DEFAULT
    )


@flaw(number="M80c", kills=("ST-02",), also={"FZ-04": _WALKED_INTO})
def unlock_survives_session_timeout(definition: Definition) -> Definition:
    """When a session ends by S3 its level stays unlocked."""
    return _staying_unlocked(definition, lambda state, session, has_expired: has_expired)


@flaw(
    number="M80d",
    kills=("ST-03",),
    also={"FZ-04": _WALKED_INTO, "ST-08": "an unlocked level is part of the state that the reset keeps"},
)
def unlock_survives_reset(definition: Definition) -> Definition:
    """A level stays unlocked over ECUReset."""

    def reboot(go_on: Callable[..., State], ecu: Ecu, now_s: float, reset_type: int | None) -> State:
        unlocked_level = ecu.state.unlocked_level
        state = go_on(ecu, now_s, reset_type)
        if reset_type is not None:
            state.unlocked_level = unlocked_level
        return state

    return definition.wrap_decision(reboot=reboot)


# What a session is kept, entered or left by.


@flaw(number="M82", kills=("ST-04",))
def tester_present_from_any_id(definition: Definition) -> Definition:
    """TesterPresent from any CAN id, of either format, keeps the session."""

    def hear(go_on: Callable[[can.Message], None], node: UdsNode, frame: can.Message) -> None:
        if frame.data[1:2] == bytes((_PRESENT,)) and not frame.is_remote_frame:
            node.ecu.keep_session()
        go_on(frame)

    return definition.at("hear", hear)


@flaw(kills=("ST-04",))
def tester_present_unlocks(definition: Definition) -> Definition:
    """TesterPresent without an answer (3E 80) unlocks the first level, in any other session than the default."""

    def unlock(ecu: Ecu, request: bytes) -> Answer | None:
        if request[1:] == b"\x80" and ecu.state.session != Session.DEFAULT:
            ecu.state.unlocked_level = min(ecu.levels)
        return None

    return definition.insert(_PRESENT, unlock)


@flaw(
    kills=("ST-04", "ST-02"),
    also={"FZ-04": _WALKED_INTO, "DS-06": "what 28 has silenced waits for a session's end that does not come"},
)
def tester_present_ends_s3(definition: Definition) -> Definition:
    """After one TesterPresent the session no longer ends by itself: its timer is stopped for good."""

    def stop(ecu: Ecu, request: bytes) -> Answer | None:
        if ecu.state.session != Session.DEFAULT:
            ecu.state.until_restart["s3 is stopped"] = True
        return None

    def end(go_on: Callable[[Ecu], None], ecu: Ecu) -> None:
        if not ecu.state.until_restart.get("s3 is stopped"):
            go_on(ecu)

    stopping = definition.insert(_PRESENT, stop, before=presence_is_confirmed).wrap_decision(end_session=end)
    return _until_a_session_is_entered(stopping, "s3 is stopped")


@flaw(kills=("ST-04", "ST-02"), also={"FZ-04": _WALKED_INTO})
def tester_present_revives_session(definition: Definition) -> Definition:
    """TesterPresent after the end of a session brings the session back, with the level that was unlocked in it."""

    def lock(go_on: Lock, state: State, session: int, *, has_expired: bool) -> None:
        if has_expired:
            state.until_restart["ended session"] = state.session, state.unlocked_level
        go_on(state, session, has_expired=has_expired)

    def revive(ecu: Ecu, request: bytes) -> Answer | None:
        state = ecu.state
        ended = (state.session, state.unlocked_level)
        state.session, state.unlocked_level = state.until_restart.pop("ended session", ended)
        return None

    reviving = definition.wrap_decision(lock_on_leaving=lock).insert(_PRESENT, revive, before=presence_is_confirmed)
    return _until_a_session_is_entered(reviving, "ended session")


@flaw(kills=("ST-04",), also={"CF-09": "it is a positive response that the request asked to suppress"})
def tester_present_always_answered(definition: Definition) -> Definition:
    """3E 80 is answered like 3E 00."""
    return definition.with_service(replace(definition.services[_PRESENT], obeys_suppress_bit=False))


@flaw(number="M126", kills=("ST-05",), also={"FZ-04": _WALKED_INTO})
def seeds_in_default_session(definition: Definition) -> Definition:
    """SecurityAccess works in the default session."""
    return definition.without(Service.SECURITY_ACCESS, service_is_in_session)


@flaw(kills=("ST-07",), also={"FZ-03": "it asks for every sub-function, and is answered by one that nobody declared"})
def undeclared_session(definition: Definition) -> Definition:
    """Session 60 can be entered, which no document names."""
    return definition.with_config(sessions=(*definition.config.sessions, _UNDECLARED))


@flaw(number="M104", kills=("ST-08",), also={"FZ-04": _WALKED_INTO})
def reset_keeps_session(definition: Definition) -> Definition:
    """ECUReset does not end the session."""

    def reboot(go_on: Callable[..., State], ecu: Ecu, now_s: float, reset_type: int | None) -> State:
        session = ecu.state.session
        state = go_on(ecu, now_s, reset_type)
        if reset_type is not None:
            state.session = session
        return state

    return definition.wrap_decision(reboot=reboot)


# Timing: what is wrong with the answer to a read of the serial number (22 F18C).


@flaw(number="M103", kills=("ST-06",))
def pending_for_ever(definition: Definition) -> Definition:
    """Reading the serial number is answered 78 for ever."""
    return _slow(definition, repeat_s=definition.config.p2_star_ms / 1000 / 2)


@flaw(kills=("ST-06",))
def pending_without_answer(definition: Definition) -> Definition:
    """Reading the serial number is answered 78, and then not at all."""
    return _slow(definition)


@flaw(kills=("ST-06",))
def pending_too_slow(definition: Definition) -> Definition:
    """Reading the serial number is answered 78, and finally after 1.2 times P2*."""
    return _slow(definition, answer_s=1.2 * (definition.config.p2_star_ms / 1000))


@flaw(kills=("ST-06",))
def late_without_pending(definition: Definition) -> Definition:
    """Reading the serial number takes four times P2, and 78 does not announce it."""
    return _slow(definition, is_announced=False, answer_s=3 * (definition.config.p2_ms / 1000))
