"""Compute the key of an ECU with the flaw short_seed_and_key: the first byte of the key of `hardened`."""

import hmac

from harness.ecu.profiles import SECRETS


def key(seed: bytes, level: int) -> bytes:
    return hmac.digest(SECRETS[level], seed + bytes((level,)), "sha256")[:1]
