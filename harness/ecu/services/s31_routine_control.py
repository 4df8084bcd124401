"""31 RoutineControl: start routines (01), stop them (02), and read their results (03).

Unlike other services it checks the routine before the sub-function (ISO 14229-1:2020 8.7.2).
"""

from typing import Final

from harness.ecu.config import Routine
from harness.ecu.memory import erase_memory
from harness.ecu.rules import Answer, Ecu, ServiceRules, sub_function
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_START: Final = 0x01
STOP: Final = 0x02
_RESULTS: Final = 0x03
_SUB_FUNCTIONS: Final = frozenset((_START, STOP, _RESULTS))
_SUCCESS: Final = b"\x00"


def routine_exists(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a routine that the ECU does not have."""
    return None if _routine(ecu, request) is not None else Nrc.REQUEST_OUT_OF_RANGE


def routine_is_unlocked(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a protected routine while its own level is locked."""
    routine = _routine(ecu, request)
    assert routine is not None, "routine_exists has passed"
    is_open = not routine.needs or routine.needs == ecu.state.unlocked_level
    return None if is_open else Nrc.SECURITY_ACCESS_DENIED


def sub_function_is_one_of_three(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse sub-functions other than start, stop and results."""
    return None if sub_function(request) in _SUB_FUNCTIONS else Nrc.SUB_FUNCTION_NOT_SUPPORTED


def nothing_follows_the_routine(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse options, which no routine here takes."""
    return None if len(request) == 4 else Nrc.INCORRECT_MESSAGE_LENGTH


def routine_was_started(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse to stop a routine, or to give its result, before it was started."""
    has_begun = _number(request) in ecu.state.routine_results
    return None if sub_function(request) == _START or has_begun else Nrc.REQUEST_SEQUENCE_ERROR


def routine_is_controlled(ecu: Ecu, request: bytes) -> Answer | None:
    """Run the routine at once. Its result is kept until the session ends or the routine is stopped."""
    results = ecu.state.routine_results
    head = bytes((Service.ROUTINE_CONTROL + RESPONSE_OFFSET, sub_function(request))) + request[2:4]
    if sub_function(request) == _RESULTS:
        return head + results.get(_number(request), b"")
    if sub_function(request) == STOP:
        results.pop(_number(request), None)
        return head
    routine = _routine(ecu, request)
    if routine is not None and routine.is_erasing:
        erase_memory(ecu)
    results[_number(request)] = _SUCCESS
    return head + _SUCCESS


def _number(request: bytes) -> int:
    return request[2] << 8 | request[3]


def _routine(ecu: Ecu, request: bytes) -> Routine | None:
    return next((routine for routine in ecu.config.routines if routine.routine == _number(request)), None)


SERVICE = ServiceRules(
    sid=Service.ROUTINE_CONTROL,
    min_bytes=4,
    sub_functions=lambda config: _SUB_FUNCTIONS,
    is_in_default_session=False,
    exists=lambda config: bool(config.routines),
    rules=(
        routine_exists,
        routine_is_unlocked,
        sub_function_is_one_of_three,
        nothing_follows_the_routine,
        routine_was_started,
        routine_is_controlled,
    ),
)
