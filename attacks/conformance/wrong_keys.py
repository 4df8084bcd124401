"""One wrong key for each level, with all that the ECU says to it: sent once a run, for all checks of how it is refused."""

from __future__ import annotations

from collections.abc import Callable

from harness import Frame, Measurements, Reply, Tester

IDLE_S = 0.2
"""So long after the answer another one would still be one to the same request."""

Heard = tuple[Reply, tuple[Frame, ...]]
"""The answer to a wrong key, and what came within IDLE_S after it."""


def heard_out(tester: Tester, measure: Measurements, level: int, send: Callable[[], Reply] | None = None) -> Heard:
    """What a wrong key for this level is answered; the first one of the run that was heard out, or one that `send` sends.

    Inconclusive: the level gives no seed.
    """

    def take() -> Heard:
        reply = tester.guesses.try_wrong(level)[1] if send is None else send()
        return reply, tester.listen(IDLE_S)

    return measure.once(("wrong key heard out", level), take)
