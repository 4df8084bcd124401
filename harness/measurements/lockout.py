"""Count how many wrong keys a level accepts, and observe the lockout that follows."""

from dataclasses import dataclass, replace

from harness.analysis.brute_force import in_words, mean_time_s
from harness.errors import Inconclusive
from harness.runs.findings import Exchange
from harness.tester.guesses import LARGEST_LIMIT, KeyOutcome
from harness.tester.security import delay_of
from harness.tester.tester import Tester
from harness.uds import Nrc
from harness.verdict import Depth

LIMIT_PROBE = LARGEST_LIMIT + 1
"""How many wrong keys are sent to look for a limit: one more than the largest acceptable limit."""
OTHER_LENGTHS = (4, 8, 16, 2, 3, 5, 6, 32)
"""Key lengths in bytes to try if the right length is unknown; one byte is left out, since such a key would be guessed."""


@dataclass(frozen=True, slots=True)
class Lockout:
    """How many wrong keys a level accepted, and what the ECU did afterwards."""

    evaluated: int
    """How many wrong keys the ECU compared and refused as wrong."""
    limit: int | None
    """The number of wrong keys after which the ECU accepted no more; None if no limit was found."""
    reason: str
    """Why no more wrong keys were sent, in words."""
    evidence: tuple[Exchange, ...] = ()
    seconds_per_key: float = 0.0
    """How many seconds it takes to request a seed and send a wrong key for it."""
    is_pace_of_bus: bool = False
    """Whether only bus and ECU set the pace; on a real bus, this computer and the adapter slow it down, too."""
    key_bits: int = 0
    holds: bool = False
    """Whether the ECU refused a request for a seed after the wrong key at the limit."""
    is_silent: bool = False
    """Whether the ECU locks out silently: it gives seeds and announces no limit, but refuses the right key for a time."""

    @property
    def is_enough(self) -> bool:
        """Whether a limit was found, and it is low enough."""
        return self.limit is not None and self.limit <= LARGEST_LIMIT

    @property
    def extrapolation(self) -> str:
        """Say in words how long guessing would take at the measured pace, if there were no later limit."""
        pace = 1 / self.seconds_per_key if self.seconds_per_key else 0.0
        if not pace or not self.key_bits:
            return "the pace of guesses was not measured"
        mean_s = mean_time_s(self.key_bits, pace)
        keys = f"{pace:.0f}" if pace >= 10 else f"{pace:.2g}"
        said = f"{keys} keys a second, if no limit follows, a key of {self.key_bits} bits takes {in_words(mean_s)}"
        if self.is_pace_of_bus:
            return f"at the {said}; bus and ECU allow no more"
        return f"at this computer's {said}; a faster tester takes less"


def probe_lockout(tester: Tester, level: int, depth: Depth) -> Lockout:
    """Send up to 11 wrong keys, 50 at depth deep, and count how many the level accepts.

    Raises NotApplicable if the ECU has no SecurityAccess, Inconclusive if it gives no seed or does not compare keys.
    """
    lockout = _probe(tester, level, depth)
    if lockout.limit is not None or tester.security.level(level).is_proven:
        return lockout
    return _with_other_lengths(tester, level, depth, lockout)


def _probe(tester: Tester, level: int, depth: Depth) -> Lockout:
    security = tester.security
    probe = depth.choose(quick=LIMIT_PROBE, default=LIMIT_PROBE, deep=50)
    security.ledger.check(level, LIMIT_PROBE)
    seed = clean_seed(tester, level)
    begun_s = tester.link.now_s
    for count in range(1, probe + 1):
        _, answer, outcome = tester.guesses.answer_wrong(level, seed, count)
        following = tester.guesses.ask(level)
        is_refused = tester.guesses.is_limited(level, following)
        if outcome is KeyOutcome.LIMITED or is_refused:
            what, said = (
                ("wrong key", answer) if outcome is KeyOutcome.LIMITED else ("seed request after wrong key", following)
            )
            evidence = (answer.exchange(), following.exchange())
            bits = 8 * (len(answer.request) - 2)
            return Lockout(count, count, f"{what} {count}: {said}", evidence, key_bits=bits, holds=is_refused)
        if not tester.guesses.is_seed(level, following):
            tester.cite(answer, following)
            raise Inconclusive(f"after wrong key {count} there is no seed, but no limit is announced: {following}")
        seed = following.pdu[2:]
    is_silent = _is_right_key_refused(tester, level)
    return Lockout(
        probe,
        None,
        f"{probe} wrong keys were evaluated, and seeds still given"
        + (", but the right key is refused too after them" if is_silent else ""),
        (answer.exchange(), following.exchange()),
        (tester.link.now_s - begun_s) / probe,
        tester.link.is_virtual,
        8 * (len(answer.request) - 2),
        is_silent=is_silent,
    )


def _is_right_key_refused(tester: Tester, level: int) -> bool:
    """Send the right key; return whether it fails now and succeeds after the level's delay, as in a silent lockout."""
    security = tester.security
    if not security.level(level).is_proven or not tester.access.can_relock:
        return False
    tester.session_for(level)
    seed = security.seed(level)
    if not seed or security.send_key(level, security.right_key(level, seed)).is_positive:
        tester.access.lock()
        return False
    tester.wait(security.delay_s(level) + 0.5, delay_of(level))
    security.unlock(level)
    tester.access.lock()
    return True


def _with_other_lengths(tester: Tester, level: int, depth: Depth, without_limit: Lockout) -> Lockout:
    """Find the limit of an ECU that counts only keys of the right length, but refuses keys of other lengths as wrong, too.

    The lengths take turns; each is tried as often as the first length was, if the budget of wrong keys has room for all.
    """
    security = tester.security
    usual = security.key_length(level)
    if not _answers_as_wrong(tester, level, usual + 1):
        return without_limit
    lengths = [length for length in OTHER_LENGTHS if length != usual]
    left = security.ledger.left(level)
    if left is not None and left < LIMIT_PROBE * (len(lengths) + 1):
        tester.note(f"only keys of {usual} bytes were tried: the budget of wrong keys has no room for other lengths")
        return without_limit
    for length in lengths * LIMIT_PROBE:
        seed = tester.guesses.ask(level)
        outcome = KeyOutcome.LIMITED if tester.guesses.is_limited(level, seed) else KeyOutcome.NOT_COMPARED
        if tester.guesses.is_seed(level, seed):
            outcome = tester.guesses.outcome(level, security.send_key(level, tester.chance.random_bytes(length)))
        if outcome is KeyOutcome.LIMITED:
            tester.state.learn_length(level, length)
            alone = _probe(tester, level, depth)
            if alone.limit is not None:
                return replace(alone, reason=f"{alone.reason}, keys having {length} bytes; those of {usual} are not counted")
            tester.state.learn_length(level, usual)
            return without_limit
        if outcome is not KeyOutcome.WRONG:
            return without_limit
    tester.note(f"keys of {', '.join(map(str, sorted((usual, *lengths))))} bytes were tried alike")
    return without_limit


def _answers_as_wrong(tester: Tester, level: int, length: int) -> bool:
    """Send a key of another length than the usual one, and return whether the ECU answers it as a wrong key too."""
    seed = tester.guesses.ask(level)
    if not seed.is_seed:
        return False
    return tester.security.send_key(level, tester.chance.random_bytes(length)).is_refused_with(Nrc.INVALID_KEY)


def clean_seed(tester: Tester, level: int) -> bytes:
    """Request a seed of a level after clearing its count of wrong keys, as far as possible."""
    tester.prove_keys()
    tester.restore(for_level=level)
    return tester.guesses.start(level)
