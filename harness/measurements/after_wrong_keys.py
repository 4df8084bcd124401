"""Request a seed after each of several wrong keys."""

from dataclasses import dataclass

from harness.analysis.collisions import Collisions, collisions
from harness.errors import NotPermitted, Unjudged
from harness.tester.guesses import KeyOutcome, OpenedMeanwhile
from harness.tester.tester import Tester
from harness.verdict import Depth


@dataclass(frozen=True, slots=True)
class SeedsAfterWrongKeys:
    """Seeds that the tester answered by a wrong key, and the seeds that the ECU gave directly after."""

    answered: tuple[bytes, ...]
    following: tuple[bytes, ...]
    stopped_by: str = ""
    """Why fewer seeds than wanted were taken; empty if as many as wanted were."""

    @property
    def collisions(self) -> Collisions:
        """The equal seeds among all of these seeds, answered and following."""
        return collisions(self.answered + self.following)


def seeds_after_wrong_keys(tester: Tester, level: int, depth: Depth) -> SeedsAfterWrongKeys:
    """Send two wrong keys, at depth deep six, and request a seed after each."""
    if not tester.allows("lockout"):
        return SeedsAfterWrongKeys((), (), "the target does not allow lockout")
    tester.prove_keys()
    tester.restore()
    security = tester.security
    answered: list[bytes] = []
    following: list[bytes] = []
    stopped_by = ""
    try:
        for _ in range(depth.choose(quick=2, default=2, deep=6)):
            seed, answer = tester.guesses.try_wrong(level)
            if tester.guesses.outcome(level, answer) not in (KeyOutcome.WRONG, KeyOutcome.LIMITED):
                stopped_by = f"a wrong key is answered with {answer}"
                break
            next_seed = security.seed(level)
            if not next_seed:
                stopped_by = "a seed of zero followed a wrong key, as if the level were unlocked"
                break
            answered.append(seed)
            following.append(next_seed)
    except OpenedMeanwhile:
        raise
    except (Unjudged, NotPermitted) as reason:
        stopped_by = str(reason)
    return SeedsAfterWrongKeys(tuple(answered), tuple(following), stopped_by)
