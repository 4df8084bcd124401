"""Flaws of the delay after too many wrong keys, and of the codes that tell of it."""

import math
from collections.abc import Callable
from typing import Final

from harness.ecu.attempts import account_of, end_expired_delays
from harness.ecu.config import EcuConfig
from harness.ecu.definition import Definition
from harness.ecu.flaws.declare import flaw
from harness.ecu.rules import Answer, Ecu, Rule
from harness.ecu.services.s10_diagnostic_session_control import session_is_entered
from harness.ecu.services.s27_security_access import delay_is_over, is_key, level_of
from harness.ecu.state import State
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, Service, Session

_SHORT_DELAY_S: Final = 1.0
_TOO_MANY_FOR_EVER: Final = 10

CountWrongKey = Callable[[Ecu, int], Nrc]
CarryOver = Callable[[State, State, EcuConfig, int | None], None]


def _losing_delays(is_lost: Callable[[int | None], bool]) -> Callable[..., None]:
    """Return a wrapper that ends running delays and clears their counters at restarts of the types that `is_lost` names."""

    def carry(go_on: CarryOver, old: State, new: State, config: EcuConfig, kind: int | None) -> None:
        for account in old.delay_until_s if is_lost(kind) else ():
            old.wrong_keys[account] = 0
        go_on(old, new, config, kind)

    return carry


def _sparing(definition: Definition, is_spared: Callable[[Ecu, bytes], object]) -> Definition:
    """Serve requests for which `is_spared` holds, even during the delay."""

    def over(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        answer = go_on(ecu, request)
        return None if is_spared(ecu, request) else answer

    return definition.wrap(Service.SECURITY_ACCESS, delay_is_over, over)


@flaw(number="M25", kills=("SA-16",))
def seed_given_after_limit(definition: Definition) -> Definition:
    """At the limit the answer is 36, yet the ECU still gives seeds and accepts keys."""
    return definition.replace_decision(start_delay=lambda ecu, account: None)


@flaw(number="M26", kills=("SA-16",))
def delay_too_short(definition: Definition) -> Definition:
    """The delay lasts one second instead of ten."""

    def start(ecu: Ecu, account: int) -> None:
        ecu.state.delay_until_s[account] = ecu.now_s + _SHORT_DELAY_S

    return definition.replace_decision(start_delay=start)


@flaw(number="M28", kills=("SA-17",))
def delay_lost_at_reset(definition: Definition) -> Definition:
    """A reset by service 11 ends the delay."""
    return definition.wrap_decision(carry_over_restart=_losing_delays(lambda reset_type: reset_type is not None))


@flaw(number="M28b", kills=("SA-17",))
def delay_lost_at_power_up(definition: Definition) -> Definition:
    """A loss of power ends the delay."""
    return definition.wrap_decision(carry_over_restart=_losing_delays(lambda reset_type: reset_type is None))


@flaw(number="M28c", kills=("SA-17",), depth="default")
def delay_short_after_reset(definition: Definition) -> Definition:
    """After a reset by service 11 the delay lasts one second."""

    def carry(go_on: CarryOver, old: State, new: State, config: EcuConfig, reset_type: int | None) -> None:
        go_on(old, new, config, reset_type)
        if reset_type is not None:
            new.delay_until_s = dict.fromkeys(new.delay_until_s, new.ready_s + _SHORT_DELAY_S)

    return definition.wrap_decision(carry_over_restart=carry)


@flaw(number="M29", kills=("SA-18",))
def no_delay_after_single_failure(definition: Definition) -> Definition:
    """After a restart the delay runs only if it ran before, not after a single wrong key."""

    def carry(go_on: CarryOver, old: State, new: State, config: EcuConfig, reset_type: int | None) -> None:
        go_on(old, new, config, reset_type)
        if not config.has_boot_delay:
            new.delay_until_s = {account: s for account, s in new.delay_until_s.items() if account in old.delay_until_s}

    return definition.wrap_decision(carry_over_restart=carry)


@flaw(number="M30", kills=("SA-19",))
def delay_not_for_functional(definition: Definition) -> Definition:
    """Functional requests for a seed are served during the delay."""
    return _sparing(definition, lambda ecu, request: ecu.is_functional)


@flaw(number="M30b", kills=("SA-19",))
def delay_not_for_suppressed(definition: Definition) -> Definition:
    """A request for a seed with the suppress bit (27 81) is served during the delay, and a key for that seed is accepted."""
    return _sparing(definition, lambda ecu, request: request[1] & SUPPRESS_POSITIVE_RESPONSE)


@flaw(number="M30c", kills=("SA-19",))
def delay_not_in_programming_session(definition: Definition) -> Definition:
    """In the programming session seeds are given during the delay."""
    return _sparing(definition, lambda ecu, request: ecu.state.session == Session.PROGRAMMING)


@flaw(
    number="M30d",
    kills=("SA-19",),
    also={
        "SA-16": "silence in the delay ends the session, which must be entered again",
        "SA-18": "after the restart a session must be entered to ask for a seed, and that ends the delay",
        "SA-20": "most of a delay is waited for in silence, which ends the session",
    },
)
def delay_ended_by_session(definition: Definition) -> Definition:
    """DiagnosticSessionControl ends the delay."""

    def end(ecu: Ecu, request: bytes) -> None:
        ecu.state.delay_until_s.clear()

    return definition.insert(Service.DIAGNOSTIC_SESSION_CONTROL, end, before=session_is_entered)


@flaw(number="M30e", kills=("SA-19",))
def delay_ended_by_other_level(definition: Definition) -> Definition:
    """A request for another level's seed ends the delay."""

    def end(ecu: Ecu, request: bytes) -> None:
        if not is_key(request):
            own = account_of(ecu.config, level_of(request))
            ecu.state.delay_until_s = {one: until_s for one, until_s in ecu.state.delay_until_s.items() if one == own}

    return definition.insert(Service.SECURITY_ACCESS, end, before=delay_is_over)


@flaw(number="M65", kills=("SA-41",), depth="default")
def locked_for_ever(definition: Definition) -> Definition:
    """Ten wrong keys in a row, delays between them or not, lock the level for ever."""

    def in_a_row(state: State, account: int) -> int:
        return int(state.lasting.get(f"failures in a row {account}", 0))

    def count(go_on: CountWrongKey, ecu: Ecu, level: int) -> Nrc:
        account = account_of(ecu.config, level)
        answer = go_on(ecu, level)
        ecu.state.lasting[f"failures in a row {account}"] = in_a_row(ecu.state, account) + 1
        if in_a_row(ecu.state, account) >= _TOO_MANY_FOR_EVER:
            ecu.state.delay_until_s[account] = math.inf
        return answer

    def forgive(go_on: Callable[[Ecu, int], None], ecu: Ecu, level: int) -> None:
        go_on(ecu, level)
        ecu.state.lasting[f"failures in a row {account_of(ecu.config, level)}"] = 0

    def carry(go_on: CarryOver, old: State, new: State, config: EcuConfig, reset_type: int | None) -> None:
        go_on(old, new, config, reset_type)
        new.delay_until_s |= {account: until_s for account, until_s in old.delay_until_s.items() if math.isinf(until_s)}

    return definition.wrap_decision(count_wrong_key=count, forgive_wrong_keys=forgive, carry_over_restart=carry)


@flaw(kills=("SA-41",))
def reads_refused_in_delay(definition: Definition) -> Definition:
    """While a delay runs nothing can be read."""

    def wait(ecu: Ecu, request: bytes) -> Answer | None:
        end_expired_delays(ecu, ecu.now_s)
        return Nrc.CONDITIONS_NOT_CORRECT if ecu.state.delay_until_s else None

    return definition.insert(Service.READ_DATA_BY_IDENTIFIER, wait)


# The codes.


@flaw(number="M114", kills=("CF-07",))
def limit_codes_swapped(definition: Definition) -> Definition:
    """The first wrong key is answered 36, and the one at the limit 35."""

    def count(go_on: CountWrongKey, ecu: Ecu, level: int) -> Nrc:
        go_on(ecu, level)
        is_first = ecu.state.wrong_keys[account_of(ecu.config, level)] == 1
        return Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS if is_first else Nrc.INVALID_KEY

    return definition.wrap_decision(count_wrong_key=count)


@flaw(kills=("CF-07",))
def delay_answered_31(definition: Definition) -> Definition:
    """Requests for a seed during the delay are refused with 31."""

    def refuse(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        return None if go_on(ecu, request) is None else Nrc.REQUEST_OUT_OF_RANGE

    return definition.wrap(Service.SECURITY_ACCESS, delay_is_over, refuse)
