"""Estimate what it costs to find a secret from recorded pairs without the ECU, and run such a search for a short secret."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

Pair = tuple[bytes, bytes]
"""A seed and its key."""

HASHES_PER_S: Final = {"one CPU core": 10e6, "16 CPU cores": 160e6, "one graphics card": 22e9}
"""By machine: how many SHA-256 hashes of one block it computes in a second, as an order of magnitude."""

WEAK_BITS: Final = 64
"""The length in bits below which a search for a secret is a matter of money rather than of time."""
STRONG_BITS: Final = 112
"""The length in bits from which no feasible search finds a secret."""

SPARE_BITS: Final = 8
"""How many bits more than the secret the keys of the pairs must have, so that hardly any wrong candidate is left."""

_UNITS: Final = (("years", 31_557_600.0), ("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))
_ENDLESS_YEARS: Final = 1e6


@dataclass(frozen=True, slots=True)
class SearchCost:
    """The cost of an exhaustive search for a secret."""

    pairs: int
    """How many recorded pairs are needed until only one candidate is left."""
    mean_s: dict[str, float]
    """By machine: the average time of a search in seconds, in which half of all secrets are tried."""


def search_cost(secret_bits: int, key_bits: int, hashes_per_key: int = 1) -> SearchCost:
    """Compute the cost of a search if one key takes `hashes_per_key` hashes."""
    pairs = -(-(secret_bits + SPARE_BITS) // key_bits)
    tries = 2.0 ** (secret_bits - 1) * hashes_per_key
    return SearchCost(pairs, {machine: tries / rate for machine, rate in HASHES_PER_S.items()})


def significant_bits(secret: bytes) -> int:
    """Return the length of a secret in bits, without zero bytes that pad it at either end."""
    return 8 * len(secret.strip(b"\x00"))


def duration_text(seconds: float) -> str:
    """Write a duration in its largest unit, e.g. ``1.3 days``."""
    unit, length_s = next((one for one in _UNITS if seconds >= one[1]), _UNITS[-1])
    if seconds / _UNITS[0][1] > _ENDLESS_YEARS:
        return "more than a million years"
    return f"{seconds / length_s:.2g} {unit}" if seconds < 100 * length_s else f"{seconds / length_s:,.0f} {unit}"


def candidates(known: bytes, unknown_bits: int) -> Iterator[bytes]:
    """Yield every secret that differs from `known` at most in the last `unknown_bits` bits."""
    base = int.from_bytes(known, "big") >> unknown_bits << unknown_bits
    for low in range(1 << unknown_bits):
        yield (base | low).to_bytes(len(known), "big")


def matching_secrets(
    secrets: Iterable[bytes], key_of: Callable[[bytes, bytes], bytes], pairs: Sequence[Pair]
) -> list[bytes]:
    """Return the secrets for which `key_of(seed, secret)` gives every pair's key."""
    (seed, key), *others = pairs
    found = [secret for secret in secrets if key_of(seed, secret) == key]
    return [secret for secret in found if all(key_of(seed, secret) == key for seed, key in others)]


def article_key(seed: bytes, secret: bytes) -> bytes:
    """Return bytes 0, 5, 9 and 13 of SHA-256(seed XOR secret), which is the key function that the article publishes."""
    mixed = int.from_bytes(seed, "big") ^ int.from_bytes(secret, "big")
    digest = hashlib.sha256(mixed.to_bytes(len(seed), "big")).digest()
    return bytes((digest[0], digest[5], digest[9], digest[13]))
