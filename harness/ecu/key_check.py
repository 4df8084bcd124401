"""Does the key fit the seed? A sound ECU compares all of it, and takes the same time whatever has come."""

from __future__ import annotations

import hmac
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from harness.ecu.config import EcuConfig, SecurityLevel
from harness.ecu.keys import hmac_sha256_key
from harness.ecu.rules import Ecu, EcuDied

HIDDEN_LEVEL: Final = SecurityLevel(level=0x41, key=lambda seed, level: seed, seed_bytes=4, key_bytes=4)
"""A developer's, with the defect hidden_level."""
HIDDEN_LEVEL_SEED: Final = bytes.fromhex("4D6F7262")

ADDED: Final = bytes.fromhex("71C3920D5E84A6B80F3D17C955E2680B")
MASK: Final = bytes.fromhex("C2590E8B73A41DF6863C5097EA21BD4F")
SHORT_SECRET: Final = bytes.fromhex("5AC31E")

_LONGEST_KEY: Final = 64
_BYTE_S: Final = 0.001
_FAST_BYTE_S: Final = 20e-6
_JITTER_S: Final = 173e-6
"""Even chance from 0 to this has a standard deviation of 50 us."""


def with_hidden_level(config: EcuConfig) -> EcuConfig:
    """The ECU with all the levels that it really has."""
    return replace(config, levels=(*config.levels, HIDDEN_LEVEL)) if config.defects.hidden_level else config


def _plus(seed: bytes, level: SecurityLevel) -> bytes:
    number = int.from_bytes(seed, "big") + int.from_bytes(ADDED[: len(seed)], "big")
    return (number % (1 << 8 * len(seed))).to_bytes(len(seed), "big")


_ALGORITHMS: Final[dict[str, Callable[[bytes, SecurityLevel], bytes]]] = {
    "key_is_seed_plus_constant": _plus,
    "key_is_seed_xor_constant": lambda seed, level: bytes(a ^ b for a, b in zip(seed, MASK, strict=False)),
    "key_is_crc_of_seed": lambda seed, level: zlib.crc32(seed).to_bytes(4, "big"),
    "short_secret": lambda seed, level: hmac_sha256_key(seed, level.level, secret=SHORT_SECRET),
}
"""By defect: how keys are made instead."""

_ALSO_FITS: Final[dict[str, Callable[[bytes, bytes, bytes], bool]]] = {
    "default_key": lambda key, right, seed: key == b"\xff" * len(right),
    "default_key_zero": lambda key, right, seed: key == bytes(len(right)),
    "default_key_deadbeef": lambda key, right, seed: key == (b"\xde\xad\xbe\xef" * len(right))[: len(right)],
    "key_is_inverted_seed": lambda key, right, seed: key == bytes(byte ^ 0xFF for byte in seed[: len(right)]),
    "first_bytes_compared": lambda key, right, seed: key[:2] == right[:2],
    "low_half_compared": lambda key, right, seed: key[-2:] == right[-2:],
    "key_bit_ignored": lambda key, right, seed: key == right[:3] + bytes((right[3] ^ 0x20,)) + right[4:],
    "key_sum_compared": lambda key, right, seed: sum(key) == sum(right),
    "key_start_accepted": lambda key, right, seed: bool(key) and right.startswith(key),
    "empty_key_accepted": lambda key, right, seed: not key,
    "longer_key_accepted": lambda key, right, seed: key.startswith(right),
}
"""By defect: from the key that came, the right one and the seed, whether the former is taken for the latter."""

_OTHER_LENGTHS: Final[dict[str, Callable[[int, int], bool]]] = {
    "key_start_accepted": lambda length, right: 0 < length < right,
    "empty_key_accepted": lambda length, right: length == 0,
    "longer_key_accepted": lambda length, right: length > right,
}
"""By defect: from the length that came and the right one, whether the key is compared all the same."""


def right_key(ecu: Ecu, level: SecurityLevel, seed: bytes) -> bytes:
    """The key that the ECU waits for."""
    for defect, algorithm in _ALGORITHMS.items():
        if getattr(ecu.config.defects, defect) and level is not HIDDEN_LEVEL:
            return algorithm(seed, level)
    return level.key(seed, level.level)


def has_its_length(ecu: Ecu, level: SecurityLevel, key: bytes) -> bool:
    """Whether the key is compared at all. Raises EcuDied if a defect lets its length kill the ECU."""
    if len(key) == level.key_bytes:
        return True
    defects = ecu.config.defects
    if defects.dies_on_long_key and len(key) > _LONGEST_KEY:
        raise EcuDied("a key was longer than its buffer")
    return any(getattr(defects, defect) and fits(len(key), level.key_bytes) for defect, fits in _OTHER_LENGTHS.items())


def is_accepted(ecu: Ecu, level: SecurityLevel, key: bytes) -> bool:
    """Whether the key is the right one for the pending seed, or a defect takes it for that."""
    defects, seed = ecu.config.defects, ecu.state.seed
    right = right_key(ecu, level, seed)
    if defects.comparison_takes_time:
        ecu.work_s += _BYTE_S * _bytes_compared(key, right)
    if defects.comparison_takes_some_time:
        chance = int.from_bytes(ecu.surroundings.random_bytes(2), "big") / 0x10000
        ecu.work_s += _FAST_BYTE_S * _bytes_compared(key, right) + _JITTER_S * chance
    was_open_at_timeout, ecu.state.was_open_at_timeout = ecu.state.was_open_at_timeout, False
    if hmac.compare_digest(key, right) or (defects.any_key_after_timeout and was_open_at_timeout):
        return True
    if any(getattr(defects, defect) and fits(key, right, seed) for defect, fits in _ALSO_FITS.items()):
        return True
    return defects.old_key_accepted and key in ecu.state.accepted_keys


def _bytes_compared(key: bytes, right: bytes) -> int:
    """Up to the first that differs, this one included."""
    alike = (a == b for a, b in zip(key, right, strict=True))
    return next((number for number, is_alike in enumerate(alike, 1) if not is_alike), len(right))
