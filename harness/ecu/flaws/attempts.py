"""What can be wrong with the limit for wrong keys, and with the delay after it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from harness.ecu.attempts import account_of, end_expired_delays, is_delayed
from harness.ecu.config import EcuConfig
from harness.ecu.definition import ANY_SERVICE, Definition, RuleWrapper
from harness.ecu.flaws.declare import flaw
from harness.ecu.flaws.keys import keeping_the_seed
from harness.ecu.rules import UNSUPPORTED, Answer, Ecu, Rule, sub_function
from harness.ecu.services.s10_diagnostic_session_control import session_is_entered
from harness.ecu.services.s27_security_access import (
    delay_is_over,
    is_key,
    key_follows_its_seed,
    level_of,
    seed_is_given,
    wrong_key_is_counted,
)
from harness.ecu.state import State
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, ResetType, Service, Session

_SHORT_DELAY_S: Final = 1.0
_TOO_MANY_FOR_EVER: Final = 10

CountWrongKey = Callable[[Ecu, int], Nrc]
CarryOver = Callable[[State, State, EcuConfig, int | None], None]


def _before(ecu: Definition, service: Service, rule: Rule, act: Callable[[Ecu, bytes], None]) -> Definition:
    """Let something happen before a rule is asked."""

    def acting(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        act(ecu, request)
        return go_on(ecu, request)

    return ecu.wrap(service, rule, acting)


def _at_each_seed(ecu: Definition, act: Callable[[Ecu, int], None]) -> Definition:
    """Let something happen before a level's seed is drawn."""

    def at_seed(ecu: Ecu, request: bytes) -> None:
        if not is_key(request):
            act(ecu, level_of(request))

    return _before(ecu, Service.SECURITY_ACCESS, seed_is_given, at_seed)


def _clear(ecu: Ecu, level: int) -> None:
    ecu.state.wrong_keys[account_of(ecu.config, level)] = 0


def _forgetting_at(reset_type: int | None) -> Callable[..., None]:
    """The counts are lost at resets of this type, or when the power is cut (None)."""

    def carry(go_on: CarryOver, old: State, new: State, config: EcuConfig, kind: int | None) -> None:
        if kind == reset_type:
            old.forget_counts()
        go_on(old, new, config, kind)

    return carry


def _losing_delays(is_lost: Callable[[int | None], bool]) -> Callable[..., None]:
    """Running delays end at such a restart, and the counts that caused them with them."""

    def carry(go_on: CarryOver, old: State, new: State, config: EcuConfig, kind: int | None) -> None:
        for account in old.delay_until_s if is_lost(kind) else ():
            old.wrong_keys[account] = 0
        go_on(old, new, config, kind)

    return carry


def _keep_counts(state: State, config: EcuConfig, account: int) -> None:
    """A delay that runs out leaves the count as it is."""


def _sparing(is_spared: Callable[[Ecu, bytes], bool]) -> RuleWrapper:
    """The delay does not hold for such requests."""

    def over(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        answer = go_on(ecu, request)
        return None if is_spared(ecu, request) else answer

    return over


# The count.


@flaw(number="M18", kills=("SA-09",))
def no_attempt_limit(ecu: Definition) -> Definition:
    """Wrong keys are not counted, so there is neither a limit nor a delay."""
    return ecu.decide_otherwise(count_wrong_key=lambda ecu, level: Nrc.INVALID_KEY)


@flaw(number="M19", kills=("SA-10",))
def counter_reset_by_unanswered_seed(ecu: Definition) -> Definition:
    """A request for a seed while one is pending clears the count of wrong keys."""

    def forget(ecu: Ecu, level: int) -> None:
        if ecu.state.seed_level == level:
            _clear(ecu, level)

    return _at_each_seed(ecu, forget)


@flaw(number="M19b", kills=("SA-09",))
def counter_reset_by_any_seed(ecu: Definition) -> Definition:
    """Every request for a seed clears the count of wrong keys, so that no limit is ever reached."""
    return _at_each_seed(ecu, _clear)


@flaw(
    number="M19c",
    kills=("SA-10",),
    also={
        "SA-09": "with a new seed for each wrong key no limit is ever reached",
        "SA-22": "the seed stays valid after a wrong key",
        "CF-07": "a second key without a new seed is answered 35",
    },
)
def counter_belongs_to_seed(ecu: Definition) -> Definition:
    """A seed may be answered until the limit is reached, and each new seed starts a new count."""
    kept = keeping_the_seed(ecu, wrong_key_is_counted, unless=Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)
    return _at_each_seed(kept, _clear)


@flaw(number="M20", kills=("SA-11",))
def counter_reset_by_session(ecu: Definition) -> Definition:
    """DiagnosticSessionControl clears the count of wrong keys."""

    def forget(ecu: Ecu, request: bytes) -> None:
        ecu.state.forget_counts()

    return _before(ecu, Service.DIAGNOSTIC_SESSION_CONTROL, session_is_entered, forget)


@flaw(number="M20b", kills=("SA-11",))
def counter_reset_by_same_session(ecu: Definition) -> Definition:
    """Entering the session that is active already clears the count of wrong keys."""

    def forget(ecu: Ecu, request: bytes) -> None:
        if sub_function(request) == ecu.state.session:
            ecu.state.forget_counts()

    return _before(ecu, Service.DIAGNOSTIC_SESSION_CONTROL, session_is_entered, forget)


@flaw(number="M21", kills=("SA-12",), also={"SA-18": "a wrong key before that reset is forgotten"})
def counter_lost_at_hard_reset(ecu: Definition) -> Definition:
    """The count of wrong keys is lost at 11 01."""
    return ecu.decide(carry_over_restart=_forgetting_at(ResetType.HARD))


@flaw(number="M21b", kills=("SA-12",), also={"SA-18": "a wrong key before that reset is forgotten"}, depth="default")
def counter_lost_at_key_off_on(ecu: Definition) -> Definition:
    """The count of wrong keys is lost at 11 02."""
    return ecu.decide(carry_over_restart=_forgetting_at(ResetType.KEY_OFF_ON))


@flaw(number="M21c", kills=("SA-12",), also={"SA-18": "a wrong key before that reset is forgotten"}, depth="default")
def counter_lost_at_soft_reset(ecu: Definition) -> Definition:
    """The count of wrong keys is lost at 11 03."""
    return ecu.decide(carry_over_restart=_forgetting_at(ResetType.SOFT))


@flaw(number="M22", kills=("SA-13",), also={"SA-18": "a wrong key before the power was cut is forgotten"})
def counter_lost_at_power_up(ecu: Definition) -> Definition:
    """The count of wrong keys is lost when the power is cut."""
    return ecu.decide(carry_over_restart=_forgetting_at(None))


@flaw(number="M23", kills=("SA-14",))
def counter_reset_by_s3(ecu: Definition) -> Definition:
    """The end of a session by S3 clears the count of wrong keys."""

    def lock(go_on: Callable[..., None], state: State, session: int, *, has_expired: bool) -> None:
        go_on(state, session, has_expired=has_expired)
        if has_expired:
            state.forget_counts()

    return ecu.decide(lock_on_leaving=lock)


@flaw(
    number="M23b",
    kills=("SA-14",),
    also={"SA-18": "the requests by which a restart is told from none clear the count before it"},
)
def counter_reset_by_other_request(ecu: Definition) -> Definition:
    """Any service but 10 and 27 clears the count of wrong keys."""

    def forget(ecu: Ecu, request: bytes) -> Answer | None:
        ecu.state.forget_counts()
        return None

    spared = {UNSUPPORTED.sid, Service.SECURITY_ACCESS, Service.DIAGNOSTIC_SESSION_CONTROL}
    return ecu.insert(ANY_SERVICE - spared, forget)


@flaw(kills=("SA-15",))
def success_clears_all_levels(ecu: Definition) -> Definition:
    """The right key for one level clears the count of every level."""

    def forgive(go_on: Callable[[Ecu, int], None], ecu: Ecu, level: int) -> None:
        for number in ecu.levels:
            go_on(ecu, number)

    return ecu.decide(forgive_wrong_keys=forgive)


@flaw(kills=("SA-20",))
def limit_compared_for_equality(ecu: Definition) -> Definition:
    """The count stays when the delay is over, and is compared with == : beyond the limit none is left."""

    def count(go_on: CountWrongKey, ecu: Ecu, level: int) -> Nrc:
        account = account_of(ecu.config, level)
        if ecu.state.wrong_keys[account] < ecu.config.attempts:
            return go_on(ecu, level)
        ecu.state.wrong_keys[account] += 1
        return Nrc.INVALID_KEY

    return ecu.decide(count_wrong_key=count).decide_otherwise(forget_run_out=_keep_counts)


@flaw(kills=("SA-20",), depth="deep")
def counter_wraps_in_delay(ecu: Definition) -> Definition:
    """Keys during the delay are counted in a byte; when it is back at zero the delay is over."""

    def count(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        answer = go_on(ecu, request)
        if answer is not None and is_delayed(ecu, level_of(request)):
            state, account = ecu.state, account_of(ecu.config, level_of(request))
            state.wrong_keys[account] = (state.wrong_keys[account] + 1) & 0xFF
            if not state.wrong_keys[account]:
                del state.delay_until_s[account]
        return answer

    return ecu.wrap(Service.SECURITY_ACCESS, key_follows_its_seed, count)


@flaw(kills=("SA-20",), depth="deep")
def counter_is_signed_byte(ecu: Definition) -> Definition:
    """The count stays when the delay is over, and is a signed byte: after 127 comes -128."""

    def count(go_on: CountWrongKey, ecu: Ecu, level: int) -> Nrc:
        account = account_of(ecu.config, level)
        if ecu.state.wrong_keys[account] == 127:
            ecu.state.wrong_keys[account] -= 256
        return go_on(ecu, level)

    return ecu.decide(count_wrong_key=count).decide_otherwise(forget_run_out=_keep_counts)


# The delay.


@flaw(number="M25", kills=("SA-16",))
def seed_given_after_limit(ecu: Definition) -> Definition:
    """At the limit the answer is 36, and yet seeds are given and keys taken."""
    return ecu.decide_otherwise(start_delay=lambda ecu, account: None)


@flaw(number="M26", kills=("SA-16",))
def delay_too_short(ecu: Definition) -> Definition:
    """The delay lasts one second instead of ten."""

    def start(ecu: Ecu, account: int) -> None:
        ecu.state.delay_until_s[account] = ecu.now_s + _SHORT_DELAY_S

    return ecu.decide_otherwise(start_delay=start)


@flaw(number="M28", kills=("SA-17",))
def delay_lost_at_reset(ecu: Definition) -> Definition:
    """A reset by service 11 ends the delay."""
    return ecu.decide(carry_over_restart=_losing_delays(lambda reset_type: reset_type is not None))


@flaw(number="M28b", kills=("SA-17",))
def delay_lost_at_power_up(ecu: Definition) -> Definition:
    """A loss of power ends the delay."""
    return ecu.decide(carry_over_restart=_losing_delays(lambda reset_type: reset_type is None))


@flaw(number="M28c", kills=("SA-17",), depth="default")
def delay_short_after_reset(ecu: Definition) -> Definition:
    """After a reset by service 11 the delay lasts one second."""

    def carry(go_on: CarryOver, old: State, new: State, config: EcuConfig, reset_type: int | None) -> None:
        go_on(old, new, config, reset_type)
        if reset_type is not None:
            new.delay_until_s = dict.fromkeys(new.delay_until_s, new.ready_s + _SHORT_DELAY_S)

    return ecu.decide(carry_over_restart=carry)


@flaw(number="M29", kills=("SA-18",))
def no_delay_after_single_failure(ecu: Definition) -> Definition:
    """After a restart the delay runs only if it ran before, not after a single wrong key."""

    def carry(go_on: CarryOver, old: State, new: State, config: EcuConfig, reset_type: int | None) -> None:
        go_on(old, new, config, reset_type)
        if not config.has_boot_delay:
            new.delay_until_s = {account: s for account, s in new.delay_until_s.items() if account in old.delay_until_s}

    return ecu.decide(carry_over_restart=carry)


@flaw(number="M30", kills=("SA-19",))
def delay_not_for_functional(ecu: Definition) -> Definition:
    """Functional requests for a seed are served during the delay."""
    return ecu.wrap(Service.SECURITY_ACCESS, delay_is_over, _sparing(lambda ecu, request: ecu.is_functional))


@flaw(number="M30b", kills=("SA-19",))
def delay_not_for_suppressed(ecu: Definition) -> Definition:
    """A request for a seed with the suppress bit (27 81) is served during the delay, and its key taken."""
    is_spared = _sparing(lambda ecu, request: bool(request[1] & SUPPRESS_POSITIVE_RESPONSE))
    return ecu.wrap(Service.SECURITY_ACCESS, delay_is_over, is_spared)


@flaw(number="M30c", kills=("SA-19",))
def delay_not_in_programming_session(ecu: Definition) -> Definition:
    """In the programming session seeds are given during the delay."""
    is_spared = _sparing(lambda ecu, request: ecu.state.session == Session.PROGRAMMING)
    return ecu.wrap(Service.SECURITY_ACCESS, delay_is_over, is_spared)


@flaw(
    number="M30d",
    kills=("SA-19",),
    also={
        "SA-16": "silence in the delay ends the session, which must be entered again",
        "SA-18": "after the restart a session must be entered to ask for a seed, and that ends the delay",
        "SA-20": "most of a delay is waited for in silence, which ends the session",
    },
)
def delay_ended_by_session(ecu: Definition) -> Definition:
    """DiagnosticSessionControl ends the delay."""

    def end(ecu: Ecu, request: bytes) -> None:
        ecu.state.delay_until_s.clear()

    return _before(ecu, Service.DIAGNOSTIC_SESSION_CONTROL, session_is_entered, end)


@flaw(number="M30e", kills=("SA-19",))
def delay_ended_by_other_level(ecu: Definition) -> Definition:
    """A request for another level's seed ends the delay."""

    def end(ecu: Ecu, request: bytes) -> None:
        if not is_key(request):
            own = account_of(ecu.config, level_of(request))
            ecu.state.delay_until_s = {one: until_s for one, until_s in ecu.state.delay_until_s.items() if one == own}

    return _before(ecu, Service.SECURITY_ACCESS, delay_is_over, end)


@flaw(number="M65", kills=("SA-41",), depth="default")
def locked_for_ever(ecu: Definition) -> Definition:
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

    return ecu.decide(count_wrong_key=count, forgive_wrong_keys=forgive, carry_over_restart=carry)


@flaw(kills=("SA-41",))
def reads_refused_in_delay(ecu: Definition) -> Definition:
    """While a delay runs nothing can be read."""

    def wait(ecu: Ecu, request: bytes) -> Answer | None:
        end_expired_delays(ecu, ecu.now_s)
        return Nrc.CONDITIONS_NOT_CORRECT if ecu.state.delay_until_s else None

    return ecu.insert(Service.READ_DATA_BY_IDENTIFIER, wait)


# The codes.


@flaw(number="M114", kills=("CF-07",))
def limit_codes_swapped(ecu: Definition) -> Definition:
    """The first wrong key is answered 36, and the one at the limit 35."""

    def count(go_on: CountWrongKey, ecu: Ecu, level: int) -> Nrc:
        go_on(ecu, level)
        is_first = ecu.state.wrong_keys[account_of(ecu.config, level)] == 1
        return Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS if is_first else Nrc.INVALID_KEY

    return ecu.decide(count_wrong_key=count)


@flaw(kills=("CF-07",))
def delay_answered_31(ecu: Definition) -> Definition:
    """Requests for a seed during the delay are refused with 31."""

    def refuse(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        return None if go_on(ecu, request) is None else Nrc.REQUEST_OUT_OF_RANGE

    return ecu.wrap(Service.SECURITY_ACCESS, delay_is_over, refuse)
