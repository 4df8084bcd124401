"""What of its state does an ECU still have after a restart?"""

from __future__ import annotations

from harness.ecu.attempts import end_expired_delays, survive_restart
from harness.ecu.config import EcuConfig
from harness.ecu.state import State, factory_state


def rebooted(old: State, config: EcuConfig, now_s: float, reset_type: int | None = None) -> State:
    """The state after a reset at `now_s`, or after a loss of power (None)."""
    end_expired_delays(old, config, now_s)
    new = factory_state(config)
    new.values |= {entry.did: old.values[entry.did] for entry in config.data_identifiers if entry.is_non_volatile}
    new.accepted_keys = old.accepted_keys
    new.held_seeds = old.held_seeds
    new.seeds_ever_issued = old.seeds_ever_issued
    new.trouble_codes = old.trouble_codes
    new.ready_s = now_s + config.boot_s
    new.sessions_from_s = new.ready_s + config.sessions_start_s if config.sessions_start_s else 0.0
    survive_restart(old, new, config, reset_type)
    return new
