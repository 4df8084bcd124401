"""Flaws of the key itself: its computation from the seed, and its comparison."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from harness.ecu.config import EcuSecurityLevel, KeyFunction
from harness.ecu.definition import Definition
from harness.ecu.flaws.declare import flaw
from harness.ecu.keys import hmac_sha256_key
from harness.ecu.rules import Answer, Ecu, EcuDied, Rule
from harness.ecu.services.s27_security_access import is_key, key_has_its_length, level_of
from harness.uds import Service

_WALK = {"FZ-04": "its random walk sends such a key"}
_EVERY_UNIT = {"IE-04": "keys are made in the same way, with the same number, in every unit"}

ADDED: Final = bytes.fromhex("71C3920D5E84A6B80F3D17C955E2680B")
MASK: Final = bytes.fromhex("C2590E8B73A41DF6863C5097EA21BD4F")
SHORT_SECRET: Final = bytes.fromhex("5AC31E")
_LONGEST_KEY: Final = 64
_BYTE_S: Final = 0.001
_FAST_BYTE_S: Final = 20e-6
_JITTER_S: Final = 173e-6
"""The largest jitter in seconds; uniform jitter from 0 to this has a standard deviation of 50 us."""


def _made_by(algorithm: KeyFunction) -> Callable[[EcuSecurityLevel], EcuSecurityLevel]:
    """Make the keys of each level that has a secret by another algorithm."""
    return lambda level: replace(level, key=algorithm) if level.secret else level


def _also_right(is_right: Callable[[bytes, bytes, bytes], bool]) -> Callable[..., bool]:
    """Accept a second key besides the right one. `is_right` takes the key that came, the right key and the seed."""

    def compare(go_on: Callable[..., bool], ecu: Ecu, level: EcuSecurityLevel, key: bytes) -> bool:
        seed = ecu.state.seed
        return go_on(ecu, level, key) or is_right(key, level.key(seed, level.level), seed)

    return compare


def _with_lengths(definition: Definition, is_taken: Callable[[int, int], bool]) -> Definition:
    """Also compare keys of other lengths, if `is_taken` holds for the length that came and the right length."""

    def measure(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        if is_key(request) and is_taken(len(request) - 2, ecu.levels[level_of(request)].key_bytes):
            return None
        return go_on(ecu, request)

    return definition.wrap(Service.SECURITY_ACCESS, key_has_its_length, measure)


def _bytes_compared(key: bytes, right: bytes) -> int:
    """Return how many bytes a comparison looks at, up to and including the first byte that differs."""
    alike = (a == b for a, b in zip(key, right, strict=True))
    return next((number for number, is_alike in enumerate(alike, 1) if not is_alike), len(right))


# Keys that are accepted beside the right one.


@flaw(number="M53a", kills=("SA-32",), also=_WALK)
def default_key(definition: Definition) -> Definition:
    """A key of FF in every byte is accepted for any seed."""
    return definition.wrap_decision(key_is_right=_also_right(lambda key, right, seed: key == b"\xff" * len(right)))


@flaw(number="M53b", kills=("SA-32",), also=_WALK)
def default_key_zero(definition: Definition) -> Definition:
    """A key of 00 in every byte is accepted for any seed."""
    return definition.wrap_decision(key_is_right=_also_right(lambda key, right, seed: key == bytes(len(right))))


@flaw(number="M53c", kills=("SA-32",), also=_WALK)
def default_key_deadbeef(definition: Definition) -> Definition:
    """A key of DE AD BE EF, repeated, is accepted for any seed."""
    return definition.wrap_decision(
        key_is_right=_also_right(lambda key, right, seed: key == (b"\xde\xad\xbe\xef" * len(right))[: len(right)])
    )


@flaw(number="M54a", kills=("SA-32",))
def key_is_inverted_seed(definition: Definition) -> Definition:
    """The seed with every bit inverted is accepted as its key, beside the right one."""
    return definition.wrap_decision(
        key_is_right=_also_right(lambda key, right, seed: key == bytes(byte ^ 0xFF for byte in seed[: len(right)]))
    )


# Keys that are made in too simple a way; who knows the ECU declares the way.


@flaw(number="M54b", kills=("SA-33",), also=_EVERY_UNIT)
def key_is_seed_plus_constant(definition: Definition) -> Definition:
    """The key is the seed plus a constant, as one number."""

    def add(seed: bytes, level: int) -> bytes:
        number = int.from_bytes(seed, "big") + int.from_bytes(ADDED[: len(seed)], "big")
        return (number % (1 << 8 * len(seed))).to_bytes(len(seed), "big")

    return definition.with_levels("key", change=_made_by(add))


@flaw(number="M54c", kills=("SA-33",), also=_EVERY_UNIT)
def key_is_seed_xor_constant(definition: Definition) -> Definition:
    """The key is the seed XOR a constant."""
    return definition.with_levels(
        "key", change=_made_by(lambda seed, level: bytes(a ^ b for a, b in zip(seed, MASK, strict=False)))
    )


@flaw(number="M56", kills=("SA-33",), also=_EVERY_UNIT, base="hardened-article-key")
def key_is_crc_of_seed(definition: Definition) -> Definition:
    """The key is the CRC-32 of the seed."""
    return definition.with_levels("key", change=_made_by(lambda seed, level: zlib.crc32(seed).to_bytes(4, "big")))


@flaw(number="M125", kills=("SA-34",), also=_EVERY_UNIT)
def short_secret(definition: Definition) -> Definition:
    """The secret that keys are made with has 24 bits."""
    return definition.with_levels(
        "key", change=_made_by(lambda seed, level: hmac_sha256_key(seed, level, secret=SHORT_SECRET))
    )


# Comparisons that look at less than the key.


@flaw(number="M45", kills=("SA-31",), also=_WALK)
def first_bytes_compared(definition: Definition) -> Definition:
    """Of a key only the first two bytes are compared."""
    return definition.wrap_decision(key_is_right=_also_right(lambda key, right, seed: key[:2] == right[:2]))


@flaw(number="M49", kills=("SA-31",), also=_WALK)
def low_half_compared(definition: Definition) -> Definition:
    """Of a key only the last 16 bits are compared."""
    return definition.wrap_decision(key_is_right=_also_right(lambda key, right, seed: key[-2:] == right[-2:]))


@flaw(number="M50", kills=("SA-31",), also=_WALK, depth="default")
def key_bit_ignored(definition: Definition) -> Definition:
    """Bit 5 of a key's byte 3 is masked out of the comparison."""
    return definition.wrap_decision(
        key_is_right=_also_right(lambda key, right, seed: key == right[:3] + bytes((right[3] ^ 0x20,)) + right[4:])
    )


@flaw(kills=("SA-31",), also=_WALK)
def key_sum_compared(definition: Definition) -> Definition:
    """Of a key only the sum of its bytes is compared."""
    return definition.wrap_decision(key_is_right=_also_right(lambda key, right, seed: sum(key) == sum(right)))


@flaw(number="M47", kills=("SA-30",), also=_WALK)
def key_start_accepted(definition: Definition) -> Definition:
    """Only as many bytes are compared as were sent, so that the beginning of the right key is enough."""
    accepting = definition.wrap_decision(
        key_is_right=_also_right(lambda key, right, seed: bool(key) and right.startswith(key))
    )
    return _with_lengths(accepting, lambda length, right: 0 < length < right)


@flaw(kills=("SA-30",), also=_WALK)
def empty_key_accepted(definition: Definition) -> Definition:
    """Only as many bytes are compared as were sent, so that an empty key is enough."""
    accepting = definition.wrap_decision(key_is_right=_also_right(lambda key, right, seed: not key))
    return _with_lengths(accepting, lambda length, right: length == 0)


@flaw(number="M48", kills=("SA-30", "TP-18"), also=_WALK)
def longer_key_accepted(definition: Definition) -> Definition:
    """Whatever follows the right key is ignored."""
    accepting = definition.wrap_decision(key_is_right=_also_right(lambda key, right, seed: key.startswith(right)))
    return _with_lengths(accepting, lambda length, right: length > right)


@flaw(
    kills=("SA-30",),
    also={
        **_WALK,
        "FZ-02": "long keys are among mutated requests",
        "SA-39": "a key of 200 bytes is one of the refusals it provokes",
    },
)
def dies_on_long_key(definition: Definition) -> Definition:
    """A key of more than 64 bytes crashes the ECU."""

    def die(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        if is_key(request) and len(request) - 2 > _LONGEST_KEY:
            raise EcuDied("a key was longer than its buffer")
        return go_on(ecu, request)

    return definition.wrap(Service.SECURITY_ACCESS, key_has_its_length, die)


# Comparisons that tell how far they have come.


@flaw(number="M58", kills=("SA-35",))
def comparison_takes_time(definition: Definition) -> Definition:
    """Keys are compared byte by byte until one differs, each byte in a millisecond."""

    def compare(go_on: Callable[..., bool], ecu: Ecu, level: EcuSecurityLevel, key: bytes) -> bool:
        ecu.work_s += _BYTE_S * _bytes_compared(key, level.key(ecu.state.seed, level.level))
        return go_on(ecu, level, key)

    return definition.wrap_decision(key_is_right=compare)


@flaw(
    number="M58b",
    kills=(),
    base="hardened-article-key",
    survives="60 us between the first byte and the last show in 50 us of jitter only after some fifty guesses of "
    "each kind, taken twice; SA-35 takes so many at depth deep.",
)
def comparison_takes_some_time(definition: Definition) -> Definition:
    """Keys are compared byte by byte until one differs, each byte in 20 us; answers jitter by 50 us."""

    def compare(go_on: Callable[..., bool], ecu: Ecu, level: EcuSecurityLevel, key: bytes) -> bool:
        chance = int.from_bytes(ecu.surroundings.random_bytes(2), "big") / 0x10000
        compared = _bytes_compared(key, level.key(ecu.state.seed, level.level))
        ecu.work_s += _FAST_BYTE_S * compared + _JITTER_S * chance
        return go_on(ecu, level, key)

    return definition.wrap_decision(key_is_right=compare)
