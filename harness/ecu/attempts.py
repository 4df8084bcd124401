"""How many wrong keys may be tried, and for how long does nobody get a seed after them?

Wrong keys are put on an account: each level has its own, or all levels share the first one's. ISO 14229-1:2020 Annex I.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from harness.ecu.config import EcuConfig
from harness.ecu.state import State
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, ResetType, Service, Session

if TYPE_CHECKING:
    from harness.ecu.rules import Answer, Ecu, Rule

_SHORT_DELAY_S: Final = 1.0
_TOO_MANY_FOR_EVER: Final = 10


def account_of(config: EcuConfig, level: int) -> int:
    """The account that a level's wrong keys are put on."""
    return config.levels[0].level if config.has_one_counter else level


# Keys.


def count_wrong_key(ecu: Ecu, level: int) -> Nrc:
    """The last attempt starts the delay; the answer says so."""
    config, state, defects = ecu.config, ecu.state, ecu.config.defects
    if defects.no_attempt_limit:
        return Nrc.INVALID_KEY
    account = account_of(config, level)
    count = state.wrong_keys[account] + 1
    if defects.counter_is_signed_byte and count > 127:
        count -= 256
    state.wrong_keys[account] = count
    state.failures_in_a_row[account] = state.failures_in_a_row.get(account, 0) + 1
    is_limit = count == config.attempts if defects.limit_compared_for_equality else count >= config.attempts
    if defects.locked_for_ever and state.failures_in_a_row[account] >= _TOO_MANY_FOR_EVER:
        state.delay_until_s[account] = math.inf
    elif is_limit:
        _start_delay(ecu, account)
    elif config.wrong_key_delay_s:
        state.delay_until_s[account] = ecu.now_s + config.wrong_key_delay_s
    if defects.limit_codes_swapped:
        return Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS if count == 1 else Nrc.INVALID_KEY
    if not is_limit:
        return Nrc.INVALID_KEY
    state.forget_seed()
    return Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS


def _start_delay(ecu: Ecu, account: int) -> None:
    defects = ecu.config.defects
    if not defects.seed_given_after_limit:
        delay_s = _SHORT_DELAY_S if defects.delay_too_short else ecu.config.delay_s
        ecu.state.delay_until_s[account] = ecu.now_s + delay_s


def forgive_wrong_keys(ecu: Ecu, level: int) -> None:
    """The right key clears its account."""
    state = ecu.state
    accounts = list(state.wrong_keys) if ecu.config.defects.success_clears_all_levels else [account_of(ecu.config, level)]
    for account in accounts:
        state.wrong_keys[account] = 0
        state.failures_in_a_row[account] = 0


def refusal_of_unasked_key(ecu: Ecu, level: int) -> Nrc:
    """What a key without a seed is told; during the delay there can be no seed."""
    state, account = ecu.state, account_of(ecu.config, level)
    if not state.delay_until_s or not is_delayed(ecu, level):
        return Nrc.REQUEST_SEQUENCE_ERROR
    if ecu.config.defects.counter_wraps_in_delay:
        state.wrong_keys[account] = (state.wrong_keys[account] + 1) & 0xFF
        if not state.wrong_keys[account]:
            del state.delay_until_s[account]
    return ecu.config.key_in_delay_nrc


# Seeds.


def is_delayed(ecu: Ecu, level: int) -> bool:
    """Whether the level's delay is running."""
    end_expired_delays(ecu.state, ecu.config, ecu.now_s)
    return account_of(ecu.config, level) in ecu.state.delay_until_s


def is_seed_delayed(ecu: Ecu, request: bytes, level: int) -> bool:
    """Whether this request for a seed is refused for the sake of the delay."""
    state, defects = ecu.state, ecu.config.defects
    if defects.delay_ended_by_other_level:
        for account in [account for account in state.delay_until_s if account != account_of(ecu.config, level)]:
            del state.delay_until_s[account]
    if not state.delay_until_s or not is_delayed(ecu, level):
        return False
    return not (
        (defects.delay_not_for_functional and ecu.is_functional)
        or (defects.delay_not_for_suppressed and request[1] & SUPPRESS_POSITIVE_RESPONSE)
        or (defects.delay_not_in_programming_session and state.session == Session.PROGRAMMING)
    )


def seed_is_issued(ecu: Ecu, level: int) -> None:
    """What a new seed does to the count: nothing, in a sound ECU. Called before the seed becomes the pending one."""
    defects, state = ecu.config.defects, ecu.state
    is_unanswered = state.seed_level == level
    if defects.counter_reset_by_any_seed or (defects.counter_reset_by_unanswered_seed and is_unanswered):
        state.wrong_keys[account_of(ecu.config, level)] = 0
    if defects.counter_belongs_to_seed:
        state.wrong_keys[account_of(ecu.config, level)] = 0


def end_expired_delays(state: State, config: EcuConfig, now_s: float) -> None:
    """A delay that has run out takes the wrong keys that caused it with it, or all but the last few."""
    for account in [account for account, until_s in state.delay_until_s.items() if now_s >= until_s]:
        del state.delay_until_s[account]
        was_pause = config.wrong_key_delay_s and state.wrong_keys[account] < config.attempts
        if was_pause or config.defects.limit_compared_for_equality or config.defects.counter_is_signed_byte:
            continue
        left = config.attempts if config.tries_after_delay is None else config.tries_after_delay
        state.wrong_keys[account] = min(state.wrong_keys[account], config.attempts - left)


# Sessions, restarts, other requests.


def session_was_entered(ecu: Ecu, session: int) -> None:
    """What DiagnosticSessionControl does to counts and delays: nothing, in a sound ECU. Called before the change."""
    defects, state = ecu.config.defects, ecu.state
    if defects.counter_reset_by_session or (defects.counter_reset_by_same_session and session == state.session):
        state.forget_counts()
    if defects.delay_ended_by_session:
        state.delay_until_s.clear()


def survive_restart(old: State, new: State, config: EcuConfig, reset_type: int | None) -> None:
    """Carry counts and delays over a reset, or over a loss of power (None).

    A level with a wrong key on its account starts with the delay: whether one was running is not remembered, so that
    cutting the power never pays.
    """
    defects = config.defects
    is_lost: dict[int | None, bool] = {
        None: defects.counter_lost_at_power_up,
        ResetType.HARD: defects.counter_lost_at_hard_reset,
        ResetType.KEY_OFF_ON: defects.counter_lost_at_key_off_on,
        ResetType.SOFT: defects.counter_lost_at_soft_reset,
    }
    if is_lost.get(reset_type):
        old.forget_counts()
    is_delay_lost = defects.delay_lost_at_power_up if reset_type is None else defects.delay_lost_at_reset
    running = set(old.delay_until_s)
    for account in running if is_delay_lost else ():
        old.wrong_keys[account] = 0
    new.wrong_keys, new.failures_in_a_row = old.wrong_keys, old.failures_in_a_row
    new.counters_loaded_s = new.ready_s + config.counters_load_s
    for account, count in new.wrong_keys.items():
        is_guarded = count and (account in running or not defects.no_delay_after_single_failure)
        if is_guarded or config.has_boot_delay:
            is_short = defects.delay_short_after_reset and reset_type is not None
            new.delay_until_s[account] = new.ready_s + (_SHORT_DELAY_S if is_short else config.delay_s)
        if math.isinf(old.delay_until_s.get(account, 0.0)):
            new.delay_until_s[account] = math.inf


def reads_wait_for_delay(ecu: Ecu, request: bytes) -> Answer | None:
    """Spoilt: while any delay runs nothing is read."""
    end_expired_delays(ecu.state, ecu.config, ecu.now_s)
    return Nrc.CONDITIONS_NOT_CORRECT if ecu.state.delay_until_s else None


def request_clears_counts(ecu: Ecu, request: bytes) -> Answer | None:
    """Spoilt: whatever is asked besides sessions and SecurityAccess clears the counts."""
    ecu.state.forget_counts()
    return None


def spoiling_rules(config: EcuConfig, sid: int) -> tuple[Rule, ...]:
    """Rules that the ECU's defects put before those of a service."""
    defects = config.defects
    rules: list[Rule] = []
    if defects.counter_reset_by_other_request and sid not in (Service.SECURITY_ACCESS, Service.DIAGNOSTIC_SESSION_CONTROL):
        rules.append(request_clears_counts)
    if defects.reads_refused_in_delay and sid == Service.READ_DATA_BY_IDENTIFIER:
        rules.append(reads_wait_for_delay)
    return tuple(rules)
