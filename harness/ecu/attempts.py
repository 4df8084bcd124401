"""Count wrong keys, and start the delay during which the ECU gives no seed (ISO 14229-1:2020 Annex I).

Each level has a counter of its own, or all levels share the counter of the first level.
"""

from harness.ecu.config import EcuConfig
from harness.ecu.rules import Ecu
from harness.ecu.state import State
from harness.uds import Nrc


def account_of(config: EcuConfig, level: int) -> int:
    """Return the level whose counter counts the wrong keys of `level`."""
    return config.levels[0].level if config.has_one_counter else level


def count_wrong_key(ecu: Ecu, level: int) -> Nrc:
    """Count a wrong key, and return the code that refuses it: 35, or 36 for the last attempt, which starts the delay."""
    config, state = ecu.config, ecu.state
    account = account_of(config, level)
    state.wrong_keys[account] += 1
    if state.wrong_keys[account] >= config.attempts:
        ecu.decide.start_delay(ecu, account)
        state.forget_seed()
        return Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS
    if config.wrong_key_delay_s:
        state.delay_until_s[account] = ecu.now_s + config.wrong_key_delay_s
    return Nrc.INVALID_KEY


def start_delay(ecu: Ecu, account: int) -> None:
    """Start the delay of a counter that has reached the limit."""
    ecu.state.delay_until_s[account] = ecu.now_s + ecu.config.delay_s


def forgive_wrong_keys(ecu: Ecu, level: int) -> None:
    """Clear the counter of a level after its right key."""
    ecu.state.wrong_keys[account_of(ecu.config, level)] = 0


def refusal_of_unasked_key(ecu: Ecu, level: int) -> Nrc:
    """Return the code that refuses a key without a pending seed; during the delay, no seed can be pending."""
    if not ecu.state.delay_until_s or not is_delayed(ecu, level):
        return Nrc.REQUEST_SEQUENCE_ERROR
    return ecu.config.key_in_delay_nrc


def is_delayed(ecu: Ecu, level: int) -> bool:
    """Whether the level's delay is running."""
    end_expired_delays(ecu, ecu.now_s)
    return account_of(ecu.config, level) in ecu.state.delay_until_s


def end_expired_delays(ecu: Ecu, now_s: float) -> None:
    """End the delays that have run out, and correct the counters that started them."""
    state = ecu.state
    for account in [account for account, until_s in state.delay_until_s.items() if now_s >= until_s]:
        del state.delay_until_s[account]
        ecu.decide.forget_run_out(state, ecu.config, account)


def forget_run_out(state: State, config: EcuConfig, account: int) -> None:
    """Correct a counter when its delay has run out.

    The counter is cleared, or lowered until `tries_after_delay` wrong keys are left. The end of a pause that followed a
    single wrong key changes nothing.
    """
    if config.wrong_key_delay_s and state.wrong_keys[account] < config.attempts:
        return
    left = config.attempts if config.tries_after_delay is None else config.tries_after_delay
    state.wrong_keys[account] = min(state.wrong_keys[account], config.attempts - left)


def carry_over_restart(old: State, new: State, config: EcuConfig, reset_type: int | None) -> None:
    """Carry counts and delays over a reset of this type, or over a loss of power (None).

    A level whose counter is not zero starts with the delay, whether or not a delay was running before, so that an attacker
    gains nothing by cutting the power.
    """
    new.wrong_keys = old.wrong_keys
    new.counters_loaded_s = new.ready_s + config.counters_load_s
    for account, count in new.wrong_keys.items():
        if count or config.has_boot_delay:
            new.delay_until_s[account] = new.ready_s + config.delay_s
