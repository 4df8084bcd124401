"""What is likely done next on a walk? Legal steps lead on, so that the illegal ones are tried in every state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.fuzz.reference_model import Action, ModelKey, ModelState
from harness.link.clock import Chance

Weights = tuple[tuple[int, Action, ModelKey | None], ...]

WHEN_LOCKED: Final[Weights] = (
    (50, Action.SEED, None),
    (20, Action.SESSION, None),
    (8, Action.KEY, ModelKey.RIGHT),
    (4, Action.KEY, ModelKey.WRONG),
    (3, Action.PRESENT, None),
    (3, Action.READ, None),
    (2, Action.WAIT, None),
)
WHEN_PENDING: Final[Weights] = (
    (40, Action.KEY, ModelKey.RIGHT),
    (16, Action.KEY, ModelKey.WRONG),
    (8, Action.KEY, ModelKey.SHORT),
    (8, Action.KEY, ModelKey.LONG),
    (8, Action.SEED, None),
    (10, Action.SESSION, None),
    (3, Action.PRESENT, None),
    (3, Action.READ, None),
    (4, Action.WAIT, None),
)
WHEN_OPEN: Final[Weights] = (
    (25, Action.SESSION, None),
    (20, Action.SEED, None),
    (10, Action.KEY, ModelKey.RIGHT),
    (5, Action.KEY, ModelKey.WRONG),
    (12, Action.RESET, None),
    (12, Action.WAIT, None),
    (4, Action.PRESENT, None),
    (4, Action.READ, None),
)


def likely_step(state: ModelState, is_possible: Callable[[Action], bool], chance: Chance) -> tuple[Action, ModelKey | None]:
    """An action that is possible now, and the kind of key where it is one."""
    weights = WHEN_OPEN if state.unlocked else WHEN_PENDING if state.pending else WHEN_LOCKED
    possible = [one for one in weights if is_possible(one[1])]
    at = chance.below(sum(weight for weight, _, _ in possible))
    for weight, action, key in possible:
        at -= weight
        if at < 0:
            return action, key
    raise AssertionError("the weights are the sum's own")
