"""Flaws of the content of seeds: too little randomness, or zeros that do not mean an unlocked level."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from harness.ecu.config import EcuSecurityLevel
from harness.ecu.definition import Definition
from harness.ecu.flaws.declare import flaw
from harness.ecu.flaws.weak_generators import CONSTANT_SEED, MASK, count, count_since_start, low_bytes_of, ms_since_start
from harness.ecu.rules import Ecu, SeedSource
from harness.ecu.services.s27_security_access import unlocked_level_gives_zeros
from harness.uds import Service

_AN_ANSWER_LIKE_NO_OTHER = {"FZ-04": "a walk through the states meets a seed that no sound ECU gives there"}
_OLD_KEY_FITS = {
    "SA-25": "an old key is right again whenever its seed is",
    "SA-32": "the last key used, one of the trivial ones, is right again whenever its seed is",
}


_BIASED_BIT: Final = 5
_READY_MS: Final = 300


def _half(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
    """Return random bytes for the first half of a seed, and for the middle byte of a seed of odd length."""
    return ecu.surroundings.random_bytes(level.seed_bytes - level.seed_bytes // 2)


def _first_consists_of(byte: int) -> Callable[[SeedSource, Ecu, EcuSecurityLevel], bytes]:
    """Return a wrapper that fills the first seed after each start with `byte`, and leaves later seeds as they are."""
    return lambda go_on, ecu, level: bytes((byte,)) * level.seed_bytes if count_since_start(ecu) == 1 else go_on(ecu, level)


# They have too little chance in them.


@flaw(number="M11", kills=("SA-02", "SA-06"))
def few_random_seed_bytes(definition: Definition) -> Definition:
    """Three bytes of five are the same in every seed."""

    def draw(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        constant = level.seed_bytes * 3 // 5
        return CONSTANT_SEED[:constant] + ecu.surroundings.random_bytes(level.seed_bytes - constant)

    return definition.replace_decision(draw_seed=draw)


@flaw(kills=("SA-01",), depth="default", also=_OLD_KEY_FITS)
def seed_of_sixteen_bits(definition: Definition) -> Definition:
    """A seed is the hash of a number of sixteen bits, drawn by chance."""

    def draw(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        return hashlib.sha512(b"sixteen" + ecu.surroundings.random_bytes(2)).digest()[: level.seed_bytes]

    return definition.replace_decision(draw_seed=draw)


@flaw(kills=("SA-02",))
def half_of_seed_masked(definition: Definition) -> Definition:
    """The second half of each seed is the first one XOR a constant."""

    def draw(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        half = _half(ecu, level)
        return (half + bytes(a ^ b for a, b in zip(half, MASK, strict=False)))[: level.seed_bytes]

    return definition.replace_decision(draw_seed=draw)


@flaw(kills=("SA-02",))
def half_of_seed_added(definition: Definition) -> Definition:
    """The second half of each seed is the first one plus a constant, as a number."""

    def draw(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        half = _half(ecu, level)
        total = int.from_bytes(half, "big") + int.from_bytes(MASK[: len(half)], "big")
        return half + low_bytes_of(total, level.seed_bytes // 2)

    return definition.replace_decision(draw_seed=draw)


@flaw(kills=("SA-02",))
def half_of_seed_looked_up(definition: Definition) -> Definition:
    """Each byte of a seed's second half is looked up in a table by a byte of the first half."""

    def draw(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        half = _half(ecu, level)
        found = bytes(hashlib.sha256(bytes((place, byte))).digest()[0] for place, byte in enumerate(half))
        return (half + found)[: level.seed_bytes]

    return definition.replace_decision(draw_seed=draw)


@flaw(kills=("SA-02", "SA-06"))
def seed_mostly_uptime(definition: Definition) -> Definition:
    """Four bytes of a seed are chance, the others the milliseconds since the start."""

    def draw(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        return ecu.surroundings.random_bytes(4) + low_bytes_of(ms_since_start(ecu), level.seed_bytes - 4)

    return definition.replace_decision(draw_seed=draw)


@flaw(kills=("SA-02", "SA-03", "SA-06"))
def seed_mostly_counted(definition: Definition) -> Definition:
    """Two bytes of a seed are chance, the others a counter."""
    return definition.replace_decision(
        draw_seed=lambda ecu, level: low_bytes_of(count(ecu), level.seed_bytes - 2) + ecu.surroundings.random_bytes(2)
    )


@flaw(number="M13", kills=("SA-02",), depth="deep")
def biased_seed_bit(definition: Definition) -> Definition:
    """One bit of the seed is set in 55 % of the seeds."""

    def draw(go_on: SeedSource, ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        seed = bytearray(go_on(ecu, level))
        is_set = int.from_bytes(ecu.surroundings.random_bytes(4), "big") < 0.55 * 2**32
        seed[0] = seed[0] & ~(1 << _BIASED_BIT) | is_set << _BIASED_BIT
        return bytes(seed)

    return definition.wrap_decision(draw_seed=draw)


@flaw(
    number="M124",
    kills=("SA-06",),
    also={"SA-34": "so short a key is guessed, whatever the secret", "SA-01": "two bytes have few values", **_OLD_KEY_FITS},
)
def short_seed_and_key(definition: Definition) -> Definition:
    """The seed has two bytes, the key one."""

    def shortened(level: EcuSecurityLevel) -> EcuSecurityLevel:
        return replace(level, seed_bytes=2, key_bytes=1, key=lambda seed, number: level.key(seed, number)[:1])

    return definition.with_levels("seed length", "key", change=shortened)


# They say what is not so.


@flaw(number="M15", kills=("SA-07",), also=_AN_ANSWER_LIKE_NO_OTHER)
def zero_seed_after_start(definition: Definition) -> Definition:
    """A locked level's first seed after a start is all zeros."""
    return definition.wrap_decision(draw_seed=_first_consists_of(0x00))


@flaw(kills=("SA-07", "SA-01"), also={**_AN_ANSWER_LIKE_NO_OTHER, **_OLD_KEY_FITS})
def zero_seed_after_wrong_key(definition: Definition) -> Definition:
    """As long as a wrong key is counted, the seed of the locked level is all zeros."""

    def draw(go_on: SeedSource, ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        return bytes(level.seed_bytes) if ecu.state.wrong_keys[level.level] else go_on(ecu, level)

    return definition.wrap_decision(draw_seed=draw)


@flaw(kills=("SA-07",), also=_AN_ANSWER_LIKE_NO_OTHER)
def zero_seed_at_times(definition: Definition) -> Definition:
    """Every eleventh seed of a locked level is all zeros."""
    return definition.wrap_decision(
        draw_seed=lambda go_on, ecu, level: bytes(level.seed_bytes) if count(ecu) % 11 == 0 else go_on(ecu, level)
    )


@flaw(kills=("SA-05",), also=_OLD_KEY_FITS)
def seed_unready_at_first(definition: Definition) -> Definition:
    """A seed that is asked for within 0.3 s after the start is always the same."""

    def draw(go_on: SeedSource, ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        return CONSTANT_SEED[: level.seed_bytes] if ms_since_start(ecu) < _READY_MS else go_on(ecu, level)

    return definition.wrap_decision(draw_seed=draw)


@flaw(kills=("SA-07",), also={"SA-05": "the seed after a restart is that of every other restart", **_OLD_KEY_FITS})
def full_seed_after_start(definition: Definition) -> Definition:
    """The first seed after a start is FF in every byte."""
    return definition.wrap_decision(draw_seed=_first_consists_of(0xFF))


@flaw(number="M16", kills=("SA-08",), also=_AN_ANSWER_LIKE_NO_OTHER)
def fresh_seed_when_unlocked(definition: Definition) -> Definition:
    """An unlocked level gives a fresh seed instead of zeros."""
    return definition.without(Service.SECURITY_ACCESS, unlocked_level_gives_zeros)
