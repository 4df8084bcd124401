"""Estimate what it costs to find a secret from recorded pairs without the ECU, and run such a search at reduced width."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

Pair = tuple[bytes, bytes]
"""A seed and its key."""

HASHES_PER_S: Final = {"one CPU core": 10e6, "16 CPU cores": 160e6, "one graphics card": 22e9}
"""SHA-256 of one block, orders of magnitude only."""

WEAK_BITS: Final = 64
"""Below this, a search needs money rather than time."""
STRONG_BITS: Final = 112
"""Above this, no search is feasible."""

SPARE_BITS: Final = 8
"""How many more bits than the secret has the pairs must contain: then hardly any false candidate is left."""

_UNITS: Final = (("years", 31_557_600.0), ("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))
_ENDLESS_YEARS: Final = 1e6


@dataclass(frozen=True, slots=True)
class SearchCost:
    """An exhaustive search for a secret."""

    secret_bits: int
    pairs: int
    """How many recorded pairs leave a single candidate."""
    mean_s: dict[str, float]
    """Average time in seconds by machine: half of all secrets are tried."""


def search_cost(secret_bits: int, key_bits: int, hashes_per_key: int = 1) -> SearchCost:
    """Compute the cost where one key takes `hashes_per_key` hashes."""
    pairs = -(-(secret_bits + SPARE_BITS) // key_bits)
    tries = 2.0 ** (secret_bits - 1) * hashes_per_key
    return SearchCost(secret_bits, pairs, {machine: tries / rate for machine, rate in HASHES_PER_S.items()})


def significant_bits(secret: bytes) -> int:
    """The length of a secret in bits, without the zero bytes that pad it at either end."""
    return 8 * len(secret.strip(b"\x00"))


def duration_text(seconds: float) -> str:
    """A duration in its largest unit, e.g. ``1.3 days``."""
    unit, length_s = next((one for one in _UNITS if seconds >= one[1]), _UNITS[-1])
    if seconds / _UNITS[0][1] > _ENDLESS_YEARS:
        return "more than a million years"
    return f"{seconds / length_s:.2g} {unit}" if seconds < 100 * length_s else f"{seconds / length_s:,.0f} {unit}"


def candidates(known: bytes, unknown_bits: int) -> Iterator[bytes]:
    """Every secret that differs from `known` in its last `unknown_bits` bits only."""
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
    """Bytes 0, 5, 9 and 13 of SHA-256(seed XOR secret): the structure that the article publishes."""
    mixed = int.from_bytes(seed, "big") ^ int.from_bytes(secret, "big")
    digest = hashlib.sha256(mixed.to_bytes(len(seed), "big")).digest()
    return bytes((digest[0], digest[5], digest[9], digest[13]))
