"""Estimate how long it would take to find a level's secret from recorded pairs, without the ECU."""

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
"""How many hashes of one block a key takes, by built-in algorithm; HMAC hashes twice."""


@dataclass(frozen=True, slots=True)
class SecretSearch:
    """What is known of a level's secret, and the cost of a search for it."""

    bits: int
    is_exact: bool
    """Whether `bits` is exact, since the key function is built in and uses the whole secret; else an upper bound."""
    cost: SearchCost
    demonstration: str = ""
    """What a search of reduced width has found, in words."""

    @property
    def is_weak(self) -> bool:
        """Whether a search for the secret is affordable."""
        return self.bits < WEAK_BITS

    @property
    def is_strong(self) -> bool:
        """Whether a search for the secret is infeasible."""
        return self.bits >= STRONG_BITS

    def rows(self) -> dict[str, str]:
        """The search in figures, as rows for the report."""
        return {
            "Secret": f"{self.bits} bits{'' if self.is_exact else ' at most'}",
            "Recorded pairs that leave one candidate": str(self.cost.pairs),
            **{f"Mean time, {machine}": duration_text(time_s) for machine, time_s in self.cost.mean_s.items()},
        }


def search_for_secret(entry: SecurityLevel, pairs: KeyPairs, depth: Depth) -> SecretSearch | None:
    """Estimate the search for a level's secret; None if the length of the secret is unknown."""
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
