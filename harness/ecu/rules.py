"""What is a rule, and which ones come before any service's own? Their order is that of ISO 14229-1:2020 8.7."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from harness.ecu.config import OPEN, DataIdentifier, EcuConfig, SecurityLevel
from harness.ecu.state import State
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, ResetType, Service, Session

Answer = bytes | Nrc
"""A positive response's bytes, or why there is none."""

SILENCE: Final = b""


class Surroundings(Protocol):
    """What an ECU takes from outside itself; a node's port is one."""

    @property
    def now_s(self) -> float:
        """Seconds that only grow."""

    @property
    def utc_s(self) -> float:
        """The wall clock, seconds since 1970."""

    def random_bytes(self, n: int) -> bytes:
        """`n` bytes of chance."""


class Ecu(Protocol):
    """What a rule sees of the ECU that it decides for, and may change: its state."""

    config: EcuConfig
    state: State
    surroundings: Surroundings
    now_s: float
    """When the request arrived."""
    service: ServiceRules
    sub_functions: dict[int, frozenset[int]]
    """By service, those that the ECU has in any session."""
    data_identifiers: dict[int, DataIdentifier]
    levels: dict[int, SecurityLevel]
    draw_seed: SeedSource
    is_by_alias: bool
    """The request came by an id that only a defect listens to."""

    @property
    def is_functional(self) -> bool:
        """Whether the request went to all ECUs."""

    work_s: float
    """How long the answer to the present request takes beyond the usual; a sound ECU's takes no longer, whatever it is."""

    def power_cycle(self) -> None:
        """Lose what is volatile, and boot, without an answer."""

    def reset(self, reset_type: int = ResetType.HARD) -> None:
        """Boot as soon as the answer to the present request is out."""


SeedSource = Callable[["Ecu", SecurityLevel], bytes]
"""Draws the next seed of a locked level."""

Rule = Callable[["Ecu", bytes], Answer | None]
"""Looks at a request and decides, or leaves it to the next rule (None). It may change the ECU's state.

The last rule of a service decides about every request that reaches it.
"""


class EcuDied(Exception):
    """A rule that a defect spoils crashed the ECU: it answers nothing more until its power is cycled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRules:
    """How one service is answered. `harness.ecu.services` finds it as the name SERVICE in a file of its folder."""

    sid: int
    min_bytes: int
    rules: tuple[Rule, ...]
    sub_functions: Callable[[EcuConfig], frozenset[int]] | None = None
    """Those that the ECU has in any session; None: the service has no sub-function byte."""
    is_in_default_session: bool = True
    exists: Callable[[EcuConfig], bool] = lambda config: True
    """Whether an ECU has the service at all."""


def sub_function(request: bytes) -> int:
    """The sub-function without its suppress bit."""
    return request[1] & ~SUPPRESS_POSITIVE_RESPONSE


def service_is_not_supported(ecu: Ecu, request: bytes) -> Answer | None:
    """The answer to a service that the ECU does not have."""
    defects = ecu.config.defects
    if defects.unsupported_service_silent:
        return SILENCE
    if defects.unsupported_service_answered_31:
        return Nrc.REQUEST_OUT_OF_RANGE
    return Nrc.SERVICE_NOT_SUPPORTED


def ecu_is_not_busy(ecu: Ecu, request: bytes) -> Answer | None:
    """Now and then it has something better to do: the request is to be repeated."""
    ecu.state.requests += 1
    return Nrc.BUSY_REPEAT_REQUEST if ecu.state.requests % ecu.config.busy_every == 0 else None


def service_is_in_session(ecu: Ecu, request: bytes) -> Answer | None:
    """The service may be one that the default session lacks; an ECU without sessions has everything in its only one."""
    if not ecu.config.sessions:
        return None
    if ecu.state.session == Session.DEFAULT and not _is_open_to_all(ecu, request[0]):
        return Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION
    return None


def level_of_the_service_is_unlocked(ecu: Ecu, request: bytes) -> Answer | None:
    """For services that need a level as a whole, whatever they are asked for."""
    needs = ecu.config.service_needs.get(request[0], OPEN)
    if not needs or needs == ecu.state.unlocked_level or _is_open_to_all(ecu, request[0]):
        return None
    return Nrc.SECURITY_ACCESS_DENIED


def _is_open_to_all(ecu: Ecu, service: int) -> bool:
    """A defect lets everybody use the service in every session."""
    defects = ecu.config.defects
    return (
        (service == Service.CLEAR_DIAGNOSTIC_INFORMATION and defects.trouble_codes_cleared_unprotected)
        or (service == Service.CONTROL_DTC_SETTING and defects.dtc_setting_unprotected)
        or (service == Service.COMMUNICATION_CONTROL and defects.communication_control_unprotected)
        or (service == Service.ECU_RESET and defects.resets_unprotected)
    )


def request_is_long_enough(ecu: Ecu, request: bytes) -> Answer | None:
    """Below the minimum there is nothing that a later rule could look at."""
    if len(request) < ecu.service.min_bytes:
        return SILENCE if ecu.config.defects.short_request_unanswered else Nrc.INCORRECT_MESSAGE_LENGTH
    return None


def four_bytes_are_survived(ecu: Ecu, request: bytes) -> Answer | None:
    """Of an ECU that a request of exactly four bytes crashes."""
    if len(request) == 4:
        raise EcuDied("a request of four bytes came")
    return None


def four_bytes_restart_nothing(ecu: Ecu, request: bytes) -> Answer | None:
    """Of an ECU that crashes of a request of exactly four bytes, and that its watchdog restarts."""
    if len(request) != 4:
        return None
    ecu.power_cycle()
    return SILENCE


def sub_function_is_supported(ecu: Ecu, request: bytes) -> Answer | None:
    """The sub-function may be one that the ECU has in no session."""
    if request[1] & ~SUPPRESS_POSITIVE_RESPONSE not in ecu.sub_functions[request[0]]:
        return Nrc.SUB_FUNCTION_NOT_SUPPORTED
    return None


def nothing_follows_the_sub_function(ecu: Ecu, request: bytes) -> Answer | None:
    """For the services whose request is two bytes: the exact length, checked after the sub-function."""
    return None if len(request) == 2 else Nrc.INCORRECT_MESSAGE_LENGTH


UNSUPPORTED: Final = ServiceRules(sid=0, min_bytes=0, rules=(service_is_not_supported,))


def chain(service: ServiceRules) -> tuple[Rule, ...]:
    """Every rule that a request for this service meets, in order."""
    if service is UNSUPPORTED:
        return service.rules
    in_session = () if service.is_in_default_session else (service_is_in_session,)
    is_first = service.sub_functions is not None and service.sid != Service.ROUTINE_CONTROL  # 31: the routine is (8.7.2)
    supported = (sub_function_is_supported,) if is_first else ()
    return (*in_session, request_is_long_enough, *supported, *service.rules)
