"""What do wrong keys lead to?"""

from __future__ import annotations

from dataclasses import dataclass

from harness.outcome import Inconclusive
from harness.run import Depth, Exchange
from harness.tester.tester import Tester
from harness.uds import Nrc

LIMIT_PROBE = 11
"""One more than the largest attempt limit that is still a limit (CATALOGUE 11, row 4)."""


@dataclass(frozen=True, slots=True)
class Lockout:
    """What wrong keys led to."""

    evaluated: int
    """Wrong keys that the ECU answered as wrong."""
    limit: int | None
    """The wrong key at which it stopped taking more; None: none was found."""
    reason: str
    """What stopped the probe, in words."""
    evidence: tuple[Exchange, ...] = ()


def probe_lockout(tester: Tester, level: int, depth: Depth) -> Lockout:
    """How many wrong keys the level takes: 11 are tried, 50 at depth deep."""
    security = tester.security
    probe = depth.choose(quick=LIMIT_PROBE, default=LIMIT_PROBE, deep=50)
    security.ledger.check(level, LIMIT_PROBE)
    tester.prove_keys()
    tester.restore()
    tester.session_for(level)
    seed = security.seed(level)
    limited = (Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS, Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)
    for count in range(1, probe + 1):
        answer = security.send_key(level, security.wrong_key(level, seed, flip=count))
        if answer.is_refused_with(*limited):
            return Lockout(count, count, f"wrong key {count}: {answer}", (answer.exchange(),))
        if not answer.is_refused_with(Nrc.INVALID_KEY):
            tester.cite(answer)
            raise Inconclusive(f"wrong key {count} was not evaluated as one: {answer}")
        following = security.request_seed(level)
        if following.is_refused_with(*limited):
            reason = f"seed request after wrong key {count}: {following}"
            return Lockout(count, count, reason, (answer.exchange(), following.exchange()))
        if not following.is_positive:
            tester.cite(answer, following)
            raise Inconclusive(f"after wrong key {count} there is no seed, but no limit is announced: {following}")
        seed = following.pdu[2:]
    reason = f"{probe} wrong keys were evaluated, each with 0x35, and seeds still given"
    return Lockout(probe, None, reason, (answer.exchange(), following.exchange()))
