"""Send one wrong key for each level, once a run, and share every answer to it with the checks of refusals."""

from collections.abc import Callable

from harness import Frame, Measurements, Reply, Tester

IDLE_S = 0.2
"""The seconds after an answer in which a second answer still belongs to the same request."""

Heard = tuple[Reply, tuple[Frame, ...]]
"""The answer to a wrong key, and the messages that came within `IDLE_S` after it."""


def heard_out(tester: Tester, measure: Measurements, level: int, send: Callable[[], Reply] | None = None) -> Heard:
    """Return the recorded answer to the run's first wrong key for this level; if there is none, send one by `send`.

    Raises Inconclusive if the level gives no seed.
    """

    def take() -> Heard:
        reply = tester.guesses.try_wrong(level)[1] if send is None else send()
        return reply, tester.listen(IDLE_S, why="a second answer")

    return measure.once(("wrong key heard out", level), take)
