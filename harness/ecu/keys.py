"""Compute the key that belongs to a seed, and compare a key with it. The tester has an implementation of its own."""

import hashlib
import hmac
from typing import Final

from harness.ecu.config import EcuSecurityLevel
from harness.ecu.rules import Ecu

_ARTICLE_KEY_POSITIONS: Final = (0, 5, 9, 13)


def article_key(seed: bytes, level: int, *, secret: bytes) -> bytes:
    """Return the article's key: bytes 0, 5, 9 and 13 of SHA-256(seed XOR secret). Seed and secret have five bytes each.

    The level has no part in it.

    >>> article_key(bytes.fromhex("A83A63B3C1"), 1, secret=bytes.fromhex("1234567890")).hex()
    '5ef739b0'
    """
    mixed = bytes(a ^ b for a, b in zip(seed, secret, strict=True))
    digest = hashlib.sha256(mixed).digest()
    return bytes(digest[position] for position in _ARTICLE_KEY_POSITIONS)


def hmac_sha256_key(seed: bytes, level: int, *, secret: bytes) -> bytes:
    """Return the first 16 bytes of HMAC-SHA256, keyed with `secret`, over the seed followed by one byte, the level.

    The level is the sub-function that requested the seed, without its suppress bit: 1 for 27 01, 3 for 27 03.
    """
    return hmac.digest(secret, seed + bytes((level,)), "sha256")[:16]


def key_is_right(ecu: Ecu, level: EcuSecurityLevel, key: bytes) -> bool:
    """Whether the key fits the pending seed. The comparison takes the same time for every key."""
    return hmac.compare_digest(key, level.key(ecu.state.seed, level.level))
