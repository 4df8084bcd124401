"""Change the address or the session, or restart: each ends a part of the ECU's state, and keeps the rest."""

import math
from typing import Final

from harness.ecu.attempts import end_expired_delays
from harness.ecu.rules import Ecu
from harness.ecu.state import ALL_ENABLED, LOCKED, State, factory_state
from harness.uds import Session

FUNCTIONAL: Final = -1
"""The functional address, which is the same for all testers. Connections count from 0."""

_NOTHING: Final = (LOCKED, b"", LOCKED)


def turn_to(state: State, address: int) -> None:
    """Serve requests of this address from now on. Each address has an unlocked level and a pending seed of its own."""
    state.elsewhere[state.address] = state.unlocked_level, state.seed, state.seed_level
    state.unlocked_level, state.seed, state.seed_level = state.elsewhere.get(address, _NOTHING)
    state.address = address


def lock_on_leaving(state: State, session: int, *, has_expired: bool) -> None:
    """Lock the ECU because the present session ends: it has expired, or `session` was entered in its place."""
    state.lock()


def leave_session(state: State) -> None:
    """End everything that lasts only as long as its session."""
    state.communication = ALL_ENABLED
    state.is_dtc_setting_on = True
    state.routine_results = {}
    state.transfer = None


def end_session(ecu: Ecu) -> None:
    """Return to the default session and lock, because S3 passed without a request (ISO 14229-1:2020 Annex I)."""
    state = ecu.state
    ecu.decide.lock_on_leaving(state, Session.DEFAULT, has_expired=True)
    ecu.decide.leave_session(state)
    state.session = Session.DEFAULT
    state.s3_due_s = math.inf


def reboot(ecu: Ecu, now_s: float, reset_type: int | None = None) -> State:
    """Return the state after a reset of this type at `now_s`, or after a loss of power (None)."""
    old, config = ecu.state, ecu.config
    end_expired_delays(ecu, now_s)
    new = factory_state(config)
    new.values |= {entry.did: old.values[entry.did] for entry in config.data_identifiers if entry.is_non_volatile}
    new.held_seeds = old.held_seeds
    new.trouble_codes = old.trouble_codes
    new.lasting = old.lasting
    new.ready_s = now_s + config.boot_s
    new.sessions_from_s = new.ready_s + config.sessions_start_s if config.sessions_start_s else 0.0
    ecu.decide.carry_over_restart(old, new, config, reset_type)
    return new
