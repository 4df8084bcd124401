"""Collect pairs of seed and key: those that opened the level in this run, and those that the user recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.key_models import ModelSearch, pairs_for_all_models, search_models
from harness.errors import Inconclusive, Unjudged, UserError
from harness.target import Target
from harness.tester.tester import Tester
from harness.verdict import Depth

Pair = tuple[bytes, bytes]
"""A seed and its key."""

SEEN_PAIRS = 3
UNLOCKS_AT_MOST = 6
SLOW_KEY_FUNCTIONS = ("command:", "http://", "https://")


@dataclass(frozen=True, slots=True)
class KeyPairs:
    """Pairs of seed and key of one level."""

    seen: tuple[Pair, ...]
    """Pairs whose key the ECU accepted in this run."""
    given: tuple[Pair, ...]
    """Pairs from the file that the target names."""
    computed: tuple[Pair, ...]
    """Pairs of a random seed and the key that the tester's key function makes for it; the ECU accepts its keys."""

    @property
    def all(self) -> tuple[Pair, ...]:
        """All pairs, first those whose key the ECU accepted."""
        return (*self.seen, *self.given, *self.computed)

    def search(self) -> ModelSearch:
        """Search for simple models that fit the keys."""
        return search_models(self.all)


def take_pairs(tester: Tester, level: int, depth: Depth) -> KeyPairs:
    """Collect the pairs of a level; unlock the level until three pairs have been seen.

    Raises Inconclusive if there is neither a key that opens the level nor a file of pairs.
    """
    entry = tester.target.of_level(level)
    given = read_pairs(tester.target, entry.pairs) if entry.pairs is not None else ()
    if level in tester.security.found_keys:
        if given:
            return KeyPairs((), given, ())
        raise Inconclusive(
            f"no key function is given for level 0x{level:02X}; the one that was found may be a second beside the ECU's own"
        )
    pairs = tester.security.level(level).pairs
    try:
        _unlock_for_pairs(tester, level, pairs)
    except Unjudged:
        if not pairs and not given:
            raise
    return KeyPairs(tuple(pairs.items()), given, _computed(tester, level, entry.key or "", tuple(pairs.items()), depth))


def _unlock_for_pairs(tester: Tester, level: int, pairs: dict[bytes, bytes]) -> None:
    if not tester.access.can_relock and not tester.allows("lockout"):
        raise Inconclusive("nothing locks the ECU again, and the target allows nothing that would be worth leaving it open")
    for _ in range(UNLOCKS_AT_MOST):
        if len(pairs) >= SEEN_PAIRS:
            return
        seed, _ = tester.security.unlock(level)
        if tester.access.can_relock:
            tester.access.lock()
        elif not seed:
            return


def _computed(tester: Tester, level: int, how: str, seen: Sequence[Pair], depth: Depth) -> tuple[Pair, ...]:
    if not seen or not tester.security.has_key(level):
        return ()
    seed, key = seen[0]
    wanted = pairs_for_all_models(len(seed), len(key))
    if how.startswith(SLOW_KEY_FUNCTIONS):
        wanted = min(wanted, depth.choose(quick=4, default=16, deep=wanted))
    seeds = [tester.chance.random_bytes(len(seed)) for _ in range(wanted)]
    return tuple((seed, tester.security.right_key(level, seed)) for seed in seeds)


def read_pairs(target: Target, path: str) -> tuple[Pair, ...]:
    """Read one pair from each line: seed and key in hex with a comma between; what follows ``#`` is a remark.

    Raises UserError if the file cannot be read, or a line is no pair.
    """
    whole = target.folder / Path(path)
    try:
        lines = whole.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"{whole}: the recorded pairs cannot be read ({error})") from error
    pairs = []
    for number, line in enumerate(lines, start=1):
        written = line.partition("#")[0].strip()
        if not written:
            continue
        try:
            seed, key = (bytes.fromhex(part) for part in written.split(","))
        except ValueError:
            seed = key = b""
        if not seed or not key:
            raise UserError(f"{whole}: line {number} is no pair; write seed and key in hex, e.g. A83A63B3C1,5EF739B0")
        pairs.append((seed, key))
    return tuple(pairs)
