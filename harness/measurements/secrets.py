"""How long would it take to find the secret of a level from recorded pairs, without the ECU?"""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.key_search import (
    STRONG_BITS,
    WEAK_BITS,
    SearchCost,
    article_key,
    candidates,
    duration_text,
    matching_secrets,
    search_cost,
    significant_bits,
)
from harness.measurements.pairs import KeyPairs
from harness.target import SecurityLevel
from harness.verdict import Depth

HASHES_PER_KEY = {"article": 1, "hmac-sha256": 4}
"""Of one block, by built-in algorithm: HMAC hashes key and message, inside and outside."""


@dataclass(frozen=True, slots=True)
class SecretSearch:
    """What is known of a level's secret, and what a search for it costs."""

    bits: int
    is_exact: bool
    """The key function is built in, and takes the whole secret; else the declared secret is all that it can take."""
    cost: SearchCost
    demonstration: str = ""
    """What a search of reduced width has found, in words."""

    @property
    def is_weak(self) -> bool:
        """It can be paid for."""
        return self.bits < WEAK_BITS

    @property
    def is_strong(self) -> bool:
        """Nobody will ever do it."""
        return self.bits >= STRONG_BITS

    def rows(self) -> dict[str, str]:
        """The search in figures."""
        return {
            "Secret": f"{self.bits} bits{'' if self.is_exact else ' at most'}",
            "Recorded pairs that leave one candidate": str(self.cost.pairs),
            **{f"Mean time, {machine}": duration_text(time_s) for machine, time_s in self.cost.mean_s.items()},
        }


def search_for_secret(entry: SecurityLevel, pairs: KeyPairs, depth: Depth) -> SecretSearch | None:
    """The search for a level's secret; None where nothing says how long it is."""
    if entry.secret is None or entry.key is None or not pairs.all:
        return None
    secret = entry.secret.reveal()
    hashes = HASHES_PER_KEY.get(entry.key)
    bits = significant_bits(secret)
    cost = search_cost(bits, 8 * len(pairs.all[0][1]), hashes or 1)
    unknown_bits = depth.choose(quick=8, default=10, deep=16)
    found = ""
    if entry.key == "article" and len(pairs.seen) >= cost.pairs and bits < WEAK_BITS:
        matching = matching_secrets(candidates(secret, unknown_bits), article_key, pairs.seen[: cost.pairs])
        if matching == [secret]:
            tried = 1 << unknown_bits
            found = f"with all but {unknown_bits} bits given, {cost.pairs} recorded pairs single the secret out of {tried}"
    return SecretSearch(bits, hashes is not None, cost, found)
