"""Measure for how long a level gives no seed after the limit is reached, and whether the ECU keeps that delay."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.analysis.brute_force import in_words, keys_per_second, mean_time_s
from harness.errors import Inconclusive, NotRun
from harness.measurements.lockout import clean_seed
from harness.tester.guesses import LARGEST_LIMIT, Guess, LockedOut
from harness.tester.reply import Reply
from harness.tester.security import delay_of
from harness.tester.tester import Tester
from harness.uds import Nrc
from harness.verdict import Depth

KEPT = 0.95
"""The share of the declared time that a delay must last; the rest is for clocks of ECU and tester that differ."""

_LONGEST_STEP_S = 2.0
"""The longest time in seconds between two requests that keep a session."""


@dataclass(frozen=True, slots=True)
class Delay:
    """What the ECU did after the limit was reached."""

    wrong_keys: int
    """How many wrong keys led to the delay."""
    seconds: float | None
    """Time in seconds until the ECU gave a seed, by the bus's time stamps; None if it gave none while it was watched."""
    at_least_s: float
    """The time in seconds after which a request was last refused: the delay is at least this long."""
    declared_s: float | None
    given: Reply | None = None
    """The answer with the first seed after the limit."""
    key_in_delay: Reply | None = None
    """The answer to the right key for the last seed, sent halfway through the delay."""
    key_for_given: Reply | None = None
    """The answer to a key for a seed that the ECU gave too early."""
    is_restarted_by_requests: bool = False
    """Whether the ECU gave no seed as long as the tester requested one repeatedly, but gave one after a silence."""

    @property
    def exists(self) -> bool:
        """Whether the ECU refused seeds at all after the limit."""
        return self.seconds is None or self.seconds > 0

    @property
    def is_too_short(self) -> bool:
        """Whether a seed came before the declared time was over or, without a declared time, at once."""
        if self.seconds is None:
            return False
        if self.declared_s is None:
            return not self.exists
        return self.seconds < KEPT * self.declared_s

    @property
    def length_s(self) -> float:
        """The length in seconds that the delay is assumed to have: as measured, or the time for which it was watched."""
        return self.at_least_s if self.seconds is None else self.seconds

    def extrapolation(self, key_bits: int) -> str:
        """Say in words how long guessing a key would take with this delay."""
        if not self.exists:
            return "nothing was measured that slows it down"
        pace = keys_per_second(tries=self.wrong_keys, seconds_per_try=0.0, pause_s=self.length_s)
        at_pace = f"{self.wrong_keys} keys each {self.length_s:.1f} s"
        return f"at {at_pace}, a key of {key_bits} bits takes {in_words(mean_time_s(key_bits, pace))} on average"

    def __str__(self) -> str:
        if self.seconds is None:
            return f"longer than {self.at_least_s:.1f} s, which is as long as it was watched"
        if not self.exists:
            return "none: a seed was given at once"
        if self.is_restarted_by_requests:
            return f"at most {self.seconds:.1f} s, if nothing is asked meanwhile"
        return f"{self.seconds:.2f} s, measured to {self.seconds - self.at_least_s:.2f} s"


@dataclass(frozen=True, slots=True)
class AfterRestart:
    """The answer to a request for a seed after a wrong key and a restart."""

    wrong: Guess
    seen: bool | None
    """Whether a restart was seen; None if the ECU does not offer this way and no seed was requested."""
    seed: Reply | None = None
    took_s: float = 0.0
    """Time in seconds from the ECU's first answer after the restart to the answer with the seed or refusal."""
    age_s: float = 0.0
    """Time in seconds from the restart to the answer with the seed or refusal."""
    is_limited: bool = False
    """Whether the ECU refused the seed because of too many wrong keys, or of a delay."""

    @property
    def is_remembered(self) -> bool:
        """Whether the ECU shows that it remembers a single wrong key over the restart."""
        return bool(self.seen) and self.is_limited and self.wrong.is_evaluated


def seeds_after_restart(
    tester: Tester, levels: Sequence[int], restart: Callable[[], bool | None]
) -> dict[int, AfterRestart]:
    """Send one wrong key to each level, restart the ECU, and request a seed of each level.

    Raises Inconclusive if the ECU did not compare a wrong key.
    """
    tester.restore()
    wrong = {level: _first_wrong_key(tester, level) for level in levels}
    seen = restart()
    if seen is None:
        return {level: AfterRestart(wrong[level], None) for level in levels}
    back_s = tester.link.now_s
    found = {}
    for level in levels:
        tester.session_for(level)
        seed = tester.guesses.ask(level)
        now_s = tester.link.now_s
        is_limited = tester.guesses.is_limited(level, seed)
        found[level] = AfterRestart(wrong[level], seen, seed, now_s - back_s, now_s - tester.restart.begun_s, is_limited)
    return found


def _first_wrong_key(tester: Tester, level: int) -> Guess:
    guesses, has_key = tester.guesses, tester.security.has_key(level)
    guesses.start(level)
    wrong = guesses.guess(level)
    if wrong.is_limited and not has_key:  # earlier keys were counted too: the delay clears them
        guesses.start(level)
        wrong = guesses.guess(level)
    if wrong.is_limited and not has_key:
        tester.cite(wrong.decisive)
        raise Inconclusive(
            f"the first wrong key was at the limit ({wrong.decisive}), and no key is given that would clear the count"
        )
    if not wrong.is_evaluated and not wrong.is_limited:
        raise Inconclusive(f"the wrong key was not compared: {wrong.decisive}")
    return wrong


def measure_delay(tester: Tester, level: int, depth: Depth) -> Delay:
    """Lock the level out, and request a seed until the ECU gives one; halfway through send the right key, if known.

    A delay that ends before the declared number of wrong keys was a pause between two keys. Raises NotRun if the declared
    delay is longer than this depth has time for, Inconclusive if the limit was not reached again.
    """
    entry = tester.target.of_level(level)
    declared_s, attempts = entry.delay_s, entry.attempts or LARGEST_LIMIT
    longest_s = math.inf if tester.link.is_virtual else depth.choose(quick=60, default=300, deep=86_400)
    if declared_s is not None and declared_s > longest_s:
        raise NotRun(f"a delay of {declared_s:g} s is declared: too long for depth {depth}")
    clean_seed(tester, level)
    wrong_keys = 0
    while True:
        locked = tester.guesses.lock_out(level)
        wrong_keys += locked.wrong_keys
        delay = _watch(tester, level, locked, wrong_keys, declared_s, depth)
        if not delay.is_too_short:
            return delay
        if wrong_keys >= attempts:
            return _with_key_for_given(tester, level, delay)


def _watch(tester: Tester, level: int, locked: LockedOut, wrong_keys: int, declared_s: float | None, depth: Depth) -> Delay:
    """Request a seed until the ECU gives one, or until the time to watch is over."""
    guesses, security = tester.guesses, tester.security
    if not locked.holds:
        if not locked.is_announced:
            raise Inconclusive(f"the limit was not reached again: {locked.wrong_keys} wrong keys, {locked.answer}")
        return Delay(wrong_keys, 0.0, 0.0, declared_s, given=locked.following)
    patience_s = 1.25 * declared_s + 1 if declared_s else _patience_s(tester, depth)
    refused_s = 0.0
    key_in_delay = None
    while refused_s < patience_s:
        tester.wait(_step_s(refused_s, declared_s), delay_of(level))
        if declared_s and refused_s > declared_s / 2 and key_in_delay is None and security.level(level).is_proven:
            key_in_delay = security.send_key(level, security.right_key(level, locked.seed))
            if key_in_delay.is_positive:
                return Delay(wrong_keys, None, refused_s, declared_s, key_in_delay=key_in_delay)
        asked_s = tester.link.now_s - locked.at_s
        reply = guesses.seed_in_delay(level)
        since_s = guesses.answered_at_s(reply) - locked.since_s
        if tester.guesses.is_seed(level, reply):
            return Delay(wrong_keys, since_s, refused_s, declared_s, given=reply, key_in_delay=key_in_delay)
        _require_refusal(tester, level, reply)
        refused_s = asked_s
    silence_s = min(patience_s, 300.0)
    tester.wait(silence_s, delay_of(level))
    asked_s = tester.link.now_s - locked.at_s
    reply = guesses.seed_in_delay(level)
    if tester.guesses.is_seed(level, reply):
        return Delay(wrong_keys, silence_s, _step_s(refused_s, declared_s), declared_s, reply, key_in_delay, None, True)
    _require_refusal(tester, level, reply)
    return Delay(wrong_keys, None, asked_s, declared_s, key_in_delay=key_in_delay)


def _patience_s(tester: Tester, depth: Depth) -> float:
    """Return for how many seconds an undeclared delay is watched; long on a simulated ECU, where time costs nothing."""
    return 600 if tester.link.is_virtual else depth.choose(quick=20, default=60, deep=600)


def _step_s(elapsed_s: float, declared_s: float | None) -> float:
    """Return the seconds until the next request, few enough to measure the delay to a few per cent."""
    if declared_s:
        share = 0.01 if elapsed_s > 0.85 * declared_s else 0.05
        return min(share * declared_s, _LONGEST_STEP_S)
    return min(max(0.05 * elapsed_s, 0.05), _LONGEST_STEP_S)


def _require_refusal(tester: Tester, level: int, reply: Reply) -> None:
    if not (tester.guesses.is_limited(level, reply) or reply.is_refused_with(Nrc.CONDITIONS_NOT_CORRECT)):
        tester.cite(reply)
        raise Inconclusive(f"during the delay a request for a seed is neither refused for it nor served: {reply}")


def _with_key_for_given(tester: Tester, level: int, delay: Delay) -> Delay:
    """Answer a seed that came too early, by the right key if known, else by a wrong key, to learn whether it can be used."""
    security = tester.security
    assert delay.given is not None
    seed = delay.given.pdu[2:]
    is_known = security.level(level).is_proven
    key = security.right_key(level, seed) if is_known else security.wrong_key(level, seed)
    given, answer = delay.given, security.send_key(level, key)
    if not is_known and answer.is_refused_with(Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS):  # it may have reached the limit again
        following = tester.guesses.ask(level)
        if tester.guesses.is_seed(level, following):
            given, answer = following, security.send_key(level, security.wrong_key(level, following.pdu[2:]))
    return Delay(delay.wrong_keys, delay.seconds, delay.at_least_s, delay.declared_s, given, delay.key_in_delay, answer)
