"""Define the form of rules and decisions, and the rules before those of a service, in the order of ISO 14229-1:2020 8.7."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from harness.ecu.config import OPEN, DataIdentifier, EcuConfig, EcuSecurityLevel
from harness.ecu.state import State
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, ResetType, Service, Session, negative_response

Answer = bytes | Nrc
"""The bytes of a positive response, or the code of a refusal. Empty bytes are silence; no sound rule returns them."""

SILENT_WHEN_FUNCTIONAL: Final = frozenset(
    (
        Nrc.SERVICE_NOT_SUPPORTED,
        Nrc.SUB_FUNCTION_NOT_SUPPORTED,
        Nrc.REQUEST_OUT_OF_RANGE,
        Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
        Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
    )
)
"""Refusals that an ECU keeps back if the request went to all ECUs (ISO 14229-1:2020 8.7.5)."""


class Surroundings(Protocol):
    """The time and chance that an ECU takes from outside; the port of a node offers both."""

    @property
    def now_s(self) -> float:
        """Monotonic time in seconds."""

    @property
    def utc_s(self) -> float:
        """The wall clock, seconds since 1970."""

    def random_bytes(self, n: int) -> bytes:
        """Return `n` random bytes."""


class Ecu(Protocol):
    """The ECU as a rule sees it. A rule may change the ECU's state."""

    config: EcuConfig
    decide: Decisions
    state: State
    surroundings: Surroundings
    now_s: float
    """The time at which the request arrived."""
    service: ServiceRules
    sub_functions: dict[int, frozenset[int]]
    """By service: the sub-functions that the ECU has in any session."""
    data_identifiers: dict[int, DataIdentifier]
    levels: dict[int, EcuSecurityLevel]

    @property
    def is_functional(self) -> bool:
        """Whether the request went to all ECUs."""

    work_s: float
    """Seconds by which the answer to this request takes longer; a sound ECU adds none."""

    def power_cycle(self) -> None:
        """Lose everything volatile, and boot; send no answer."""

    def reset(self, reset_type: int = ResetType.HARD) -> None:
        """Boot as soon as the answer to the present request has been sent."""


SeedSource = Callable[["Ecu", EcuSecurityLevel], bytes]
"""A function that draws the next seed of a locked level."""

Rule = Callable[["Ecu", bytes], Answer | None]
"""A function that decides about a request, or returns None to leave the decision to the next rule.

A rule may change the ECU's state. The last rule of a service decides about every request that reaches it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """The decisions of an ECU outside the rules of a single service, which rules find as `ecu.decide`.

    Each field is one function. A sound ECU has those of `harness.ecu.definition.SOUND`, which say what they decide.
    """

    draw_seed: SeedSource
    key_is_right: Callable[[Ecu, EcuSecurityLevel, bytes], bool]
    count_wrong_key: Callable[[Ecu, int], Nrc]
    start_delay: Callable[[Ecu, int], None]
    forget_run_out: Callable[[State, EcuConfig, int], None]
    forgive_wrong_keys: Callable[[Ecu, int], None]
    carry_over_restart: Callable[[State, State, EcuConfig, int | None], None]
    turn_to: Callable[[State, int], None]
    lock_on_leaving: Callable[..., None]
    leave_session: Callable[[State], None]
    end_session: Callable[[Ecu], None]
    reboot: Callable[[Ecu, float, int | None], State]
    refusal: Callable[[bytes, Nrc], bytes]
    is_refusal_sent: Callable[[Ecu, bytes, Nrc], bool]
    image: Callable[[EcuConfig], bytes]
    of_another_unit: Callable[[EcuSecurityLevel], EcuSecurityLevel]


class EcuDied(Exception):
    """The ECU has crashed, and answers nothing more until its power is cycled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRules:
    """The rules of one service. `harness.ecu.services` finds them under the name SERVICE in a file of its folder."""

    sid: int
    min_bytes: int
    rules: tuple[Rule, ...]
    sub_functions: Callable[[EcuConfig], frozenset[int]] | None = None
    """A function that returns the sub-functions of the ECU in all sessions; None: the service has no sub-function byte."""
    is_in_default_session: bool = True
    obeys_suppress_bit: bool = True
    """Whether bit 7 of the sub-function suppresses the positive response."""
    exists: Callable[[EcuConfig], bool] = lambda config: True
    """Whether an ECU with this configuration has the service."""


def sub_function(request: bytes) -> int:
    """Return the sub-function without its suppress bit."""
    return request[1] & ~SUPPRESS_POSITIVE_RESPONSE


def service_is_not_supported(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a service that the ECU does not have."""
    return Nrc.SERVICE_NOT_SUPPORTED


def ecu_is_not_busy(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse one in `busy_every` requests with 21 (busy), so that the tester must repeat that request."""
    ecu.state.requests += 1
    return Nrc.BUSY_REPEAT_REQUEST if ecu.state.requests % ecu.config.busy_every == 0 else None


def service_is_in_session(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse the service if it does not exist in the default session and that session is active.

    An ECU without sessions has all services at all times.
    """
    if not ecu.config.sessions:
        return None
    return Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION if ecu.state.session == Session.DEFAULT else None


def level_of_the_service_is_unlocked(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse the service while it needs a level for every request and that level is locked."""
    needs = ecu.config.service_needs.get(request[0], OPEN)
    return None if not needs or needs == ecu.state.unlocked_level else Nrc.SECURITY_ACCESS_DENIED


def request_is_long_enough(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a request that is shorter than the service's minimum."""
    return Nrc.INCORRECT_MESSAGE_LENGTH if len(request) < ecu.service.min_bytes else None


def sub_function_is_supported(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a sub-function that the ECU has in no session."""
    if request[1] & ~SUPPRESS_POSITIVE_RESPONSE not in ecu.sub_functions[request[0]]:
        return Nrc.SUB_FUNCTION_NOT_SUPPORTED
    return None


def nothing_follows_the_sub_function(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse bytes after the sub-function, for services whose request has two bytes."""
    return None if len(request) == 2 else Nrc.INCORRECT_MESSAGE_LENGTH


UNSUPPORTED: Final = ServiceRules(sid=0, min_bytes=0, rules=(service_is_not_supported,))
"""The answers to requests for services that the ECU does not have, under the number 00, which no service has."""


def general_rules(service: ServiceRules) -> tuple[Rule, ...]:
    """Return the rules that a request for this service meets before the service's own."""
    if service.sid == UNSUPPORTED.sid:
        return ()
    in_session = () if service.is_in_default_session else (service_is_in_session,)
    is_first = service.sub_functions is not None and service.sid != Service.ROUTINE_CONTROL  # 31: the routine is (8.7.2)
    supported = (sub_function_is_supported,) if is_first else ()
    return (*in_session, request_is_long_enough, *supported)


def refusal(request: bytes, nrc: Nrc) -> bytes:
    """Return the negative response to a request."""
    return negative_response(request[0], nrc)


def is_refusal_sent(ecu: Ecu, request: bytes, nrc: Nrc) -> bool:
    """Whether the ECU sends this refusal; some refusals are kept back if the request went to all ECUs."""
    return not (ecu.is_functional and nrc in SILENT_WHEN_FUNCTIONAL)
