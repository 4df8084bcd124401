"""Measure whether the time of the ECU's answer reveals how much of a wrong key was right."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from harness.analysis.timing import TimingComparison, compare, needed_n, without_outliers
from harness.errors import Inconclusive
from harness.measurements.key_book import Timed
from harness.tester.tester import Tester
from harness.uds import Nrc
from harness.verdict import Depth

FIRST, LAST = "first", "last"
"""The two kinds of keys: wrong in the first byte only, or in the last byte only."""
SHARE_OF_BUDGET = 8
RUNS = 2
DAY_S = 86_400
FINE_STEP_S = 20e-6
"""The difference in seconds for each byte that a run must be able to show; a coarser run proves nothing."""
FEWEST = 5
"""The smallest number of keys of each kind in a run; with fewer, chance often gives a t as large as the threshold."""

_NOT_COMPARED = (
    Nrc.BUSY_REPEAT_REQUEST,
    Nrc.CONDITIONS_NOT_CORRECT,
    Nrc.REQUEST_SEQUENCE_ERROR,
    Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED,
)


@dataclass(frozen=True, slots=True)
class TimedKey:
    """One wrong key, with the ECU's answer and its time."""

    wrong_byte: str
    nrc: int
    time_s: float


@dataclass(frozen=True, slots=True)
class KeyTiming:
    """Times of answers to keys wrong in their first byte, and to keys that are wrong in their last, from two runs."""

    runs: tuple[TimingComparison, ...]
    """By run: the times for keys wrong in the last byte, compared with those for keys wrong in the first byte."""
    steps: int
    """The number of bytes between the two wrong bytes, and so of further steps that a comparison takes for the last byte."""
    codes: dict[str, frozenset[int]]
    """By kind of key: the NRCs with which the ECU refused such keys."""
    times_s: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """How long each answer took, by the kind of key; both runs together, outliers included."""

    @property
    def n(self) -> int:
        """The number of keys of each kind, in the smaller run, that got the same code and could be compared."""
        return min(run.n for run in self.runs)

    @property
    def step_s(self) -> float:
        """The difference in time that one byte makes, in seconds, on average over both runs."""
        return sum(run.difference_s for run in self.runs) / len(self.runs) / self.steps

    @property
    def is_leaking(self) -> bool:
        """Whether both runs show a significant difference in the same direction."""
        signs = {run.difference_s > 0 for run in self.runs}
        return len(signs) == 1 and all(run.is_significant for run in self.runs)

    @property
    def detectable_step_s(self) -> float:
        """The smallest difference in time for each byte, in seconds, that every run would have shown."""
        return max(run.detectable_s for run in self.runs) / self.steps

    def needed_for(self, step_s: float) -> int:
        """Return how many keys of each kind a run needs to show a difference of `step_s` seconds for each byte."""
        return needed_n(step_s * self.steps, max(run.sigma_s for run in self.runs))

    def rows(self) -> dict[str, str]:
        """The comparison in words as rows for the report, with the error of each number."""
        rows = {"Keys compared": f"{self.n} of each kind in each of {len(self.runs)} runs"}
        for number, run in enumerate(self.runs, start=1):
            error_s = run.sigma_s * math.sqrt(2 / run.n) if run.n else math.inf
            rows[f"Later if wrong in the last byte, run {number}"] = (
                f"{run.difference_s * 1e6:+.1f} µs ± {error_s * 1e6:.1f} µs (one standard error); t = {run.t:.1f}"
            )
        stamps_s = max(run.stamps_s for run in self.runs)
        return rows | {
            "Smallest step for a byte that would show": f"{self.detectable_step_s * 1e6:.1f} µs",
            "Time stamps": f"told apart from {stamps_s * 1e6:g} µs on",
        }

    @property
    def is_told_by_code(self) -> bool:
        """Whether the NRC alone tells the two kinds of keys apart, because they have no NRC in common."""
        return not self.codes[FIRST] & self.codes[LAST]


def time_keys(tester: Tester, level: int, depth: Depth, kept: Sequence[Timed] = ()) -> KeyTiming:
    """Time wrong keys of both kinds, in random order. Raises Inconclusive if too few were sent, or compared.

    No keys are sent if refusals that were timed before (`kept`) show no difference, and are enough to show a small one.
    """
    tester.session_for(level)
    length = tester.security.key_length(level)
    tester.security.right_key(level, tester.security.seed(level))
    if length < 2:
        raise Inconclusive("a key of one byte is compared in one step")
    known = _by_what_was_sent(length, kept)
    if known is not None and depth is not Depth.DEEP:
        return known
    wanted = depth.choose(quick=5, default=12, deep=250)
    left = tester.security.ledger.left(level)
    n = wanted if left is None else min(wanted, left // SHARE_OF_BUDGET // (2 * RUNS))
    seconds = DAY_S if tester.link.is_virtual else depth.choose(quick=20, default=60, deep=3600)
    give_up_s = tester.link.now_s + seconds
    guesses = [_guesses(tester, level, length, n, give_up_s + run) for run in range(RUNS)]
    codes = {
        kind: frozenset(guess.nrc for run in guesses for guess in run if guess.wrong_byte == kind) for kind in (FIRST, LAST)
    }
    runs = tuple(_compared(run) for run in guesses)
    if min(Counter(guess.wrong_byte for guess in run)[kind] for run in guesses for kind in (FIRST, LAST)) < FEWEST:
        raise Inconclusive("too few wrong keys could be sent in the time, or with the budget, that there is")
    times_s = {
        f"wrong in the {kind} byte": tuple(guess.time_s for run in guesses for guess in run if guess.wrong_byte == kind)
        for kind in (FIRST, LAST)
    }
    return KeyTiming(runs, length - 1, codes, times_s)


def _by_what_was_sent(length: int, kept: Sequence[Timed]) -> KeyTiming | None:
    """Compare keys that were sent for other reasons; None if they are too few, or a difference needs confirmation."""
    first = [TimedKey(FIRST, one.nrc, one.time_s) for one in kept if one.first_wrong_byte == 0]
    later = [one for one in kept if one.first_wrong_byte >= length / 2]
    last = [TimedKey(LAST, one.nrc, one.time_s) for one in later]
    if min(len(first), len(last)) < FEWEST:
        return None
    steps = sum(one.first_wrong_byte for one in later) // len(later)
    codes = {FIRST: frozenset(one.nrc for one in first), LAST: frozenset(one.nrc for one in last)}
    times_s = {
        f"wrong in byte {where}": tuple(one.time_s for one in of) for where, of in (("0", first), ("n/2 or later", last))
    }
    timing = KeyTiming((_compared([*first, *last]),), steps, codes, times_s)
    is_enough = timing.n >= FEWEST and timing.detectable_step_s <= FINE_STEP_S
    return timing if is_enough and not (timing.is_told_by_code or timing.runs[0].is_significant) else None


def _guesses(tester: Tester, level: int, length: int, n: int, give_up_s: float) -> list[TimedKey]:
    """Send up to `n` wrong keys of each kind, in random order, until the time `give_up_s`; return the timed answers."""
    order = sorted((FIRST, LAST) * n, key=lambda kind: tester.chance.random_bytes(4))
    guesses = []
    for kind in order:
        if tester.link.now_s > give_up_s:
            break
        at = 0 if kind == FIRST else length - 1
        _, _, reply = tester.security.try_key(level, partial(_wrong_key, tester, level, at))
        times = tester.answer_times_s(reply)
        if reply.is_negative and reply.nrc is not None and reply.nrc not in _NOT_COMPARED and times:
            guesses.append(TimedKey(kind, reply.nrc, times[-1]))
    return guesses


def _wrong_key(tester: Tester, level: int, at: int, seed: bytes) -> bytes:
    key = bytearray(tester.security.right_key_of_length(level, tester.security.key_length(level), seed))
    key[at] ^= 1 + tester.chance.below(255)
    return bytes(key)


def _compared(run: list[TimedKey]) -> TimingComparison:
    """Compare both kinds of keys by answers with the most frequent NRC, since another NRC may take another path."""
    code = Counter(guess.nrc for guess in run).most_common(1)[0][0] if run else 0
    kinds = {
        kind: [guess.time_s for guess in run if guess.wrong_byte == kind and guess.nrc == code] for kind in (FIRST, LAST)
    }
    return compare(*without_outliers(kinds[FIRST], kinds[LAST])) if run else compare((), ())
