"""Draw seeds at random, a new one for each request unless the ECU holds its seeds."""

from harness.ecu.config import EcuSecurityLevel
from harness.ecu.rules import Ecu


def next_seed(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
    """Return the next seed of a locked level."""
    is_held = ecu.config.holds_seed or ecu.config.holds_seed_in_session
    return held_seed(ecu, level) if is_held else random_seed(ecu, level)


def random_seed(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
    """Return a random seed; zeros are drawn again, because they would say that the level is unlocked."""
    count = level.seed_bytes
    if ecu.config.short_seed_every:
        ecu.state.seeds_issued += 1
        count = count // 2 if ecu.state.seeds_issued % ecu.config.short_seed_every == 0 else count
    seed = b""
    while not any(seed):
        seed = ecu.surroundings.random_bytes(count)
    return seed


def held_seed(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
    """Return the same seed until the right key has answered it, even after a restart: the option Static_Seed of Annex I.

    An ECU with `holds_seed_in_session` also draws another seed once its session has ended.
    """
    held = ecu.state.held_seeds
    is_over = ecu.config.holds_seed_in_session and not ecu.state.has_issued_seed_since_lock
    if level.level not in held or is_over:
        held[level.level] = random_seed(ecu, level)
    return held[level.level]
