"""Where an ECU takes its seeds from: chance, afresh for each."""

from __future__ import annotations

from harness.ecu.config import EcuSecurityLevel
from harness.ecu.rules import Ecu


def next_seed(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
    """The next seed of a locked level."""
    is_held = ecu.config.holds_seed or ecu.config.holds_seed_in_session
    return held_seed(ecu, level) if is_held else random_seed(ecu, level)


def random_seed(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
    """Chance. All zeros would say that the level is unlocked, and are drawn again."""
    count = level.seed_bytes
    if ecu.config.short_seed_every:
        ecu.state.seeds_issued += 1
        count = count // 2 if ecu.state.seeds_issued % ecu.config.short_seed_every == 0 else count
    seed = b""
    while not any(seed):
        seed = ecu.surroundings.random_bytes(count)
    return seed


def held_seed(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
    """The same until the right key has answered it, restarts included: the option Static_Seed of Annex I.

    An ECU that holds it no longer than a session draws another one when that has ended.
    """
    held = ecu.state.held_seeds
    is_over = ecu.config.holds_seed_in_session and not ecu.state.has_issued_seed_since_lock
    if level.level not in held or is_over:
        held[level.level] = random_seed(ecu, level)
    return held[level.level]
