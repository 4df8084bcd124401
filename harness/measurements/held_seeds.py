"""Answer seeds that the ECU holds, and observe whether it gives them again: at once, later, or after a restart."""

from dataclasses import dataclass
from itertools import combinations, pairwise

from harness.errors import Unjudged
from harness.measurements.seed_sample import Renewal, SeedSample
from harness.tester.tester import Tester
from harness.verdict import Depth


@dataclass(frozen=True, slots=True)
class AnswersToHeldSeeds:
    """Held seeds that were answered by their key, and whether the ECU gave any of them again."""

    seeds: tuple[bytes, ...]
    """One seed for each unlock, in order."""
    words: str
    """How the seeds were requested, or how soon an answered seed came back."""
    untried: str = ""
    """Why it could not be tried whether an answered seed comes back as soon as an unanswered one; empty if it was tried."""

    @property
    def returned(self) -> bool:
        """Whether an answered seed was given again."""
        return len(set(self.seeds)) < len(self.seeds)


def answer_held_seeds(tester: Tester, level: int, depth: Depth, held: SeedSample) -> AnswersToHeldSeeds:
    """Unlock and lock the level several times in quick succession, then once after a pause and once after a restart.

    There are 6, 10 or 20 quick unlocks, by depth. If only a new session renews the seed, the level is also locked within its
    session, by opening another level. Raises Inconclusive if the level cannot be opened.
    """
    seeds: list[bytes] = []
    asked_s: list[float] = []

    def unlock() -> None:
        seed = tester.security.unlock(level).seed
        if any(seed):
            seeds.append(seed)
            asked_s.append(tester.link.now_s)

    for _ in range(depth.choose(quick=6, default=10, deep=20)):
        unlock()
        tester.access.lock()
    quick_s = sorted(b - a for a, b in pairwise(asked_s))
    tester.wait(max(1.1, held.held_s), "a seed that is held is renewed")
    unlock()
    tester.access.lock()
    tester.restore()
    unlock()
    tester.access.lock()
    within = _locked_within_session(tester, level, seeds, asked_s) if held.renewal is Renewal.SESSION else True
    asked = list(zip(seeds, asked_s, strict=True))
    back = [later_s - time_s for (seed, time_s), (later, later_s) in combinations(asked, 2) if later == seed]
    words = f"{len(seeds)} answered, {len(quick_s) + 1} of them as fast as the ECU allows"
    if back:
        return AnswersToHeldSeeds(tuple(seeds), f"one that was answered came again {min(back):.2f} s later")
    untried = ""
    if held.renewal is Renewal.TIME and (not quick_s or quick_s[0] > held.held_s / 2):
        untried = (
            f"another one comes with the time, after {held.held_s:.2f} s at most: to open the level and ask again takes "
            "longer here, so that whether an answered seed comes back within that time could not be tried"
        )
    elif not within:
        untried = (
            "another one comes with each session: whether an answered seed comes back within its session could not be "
            "tried, since nothing else locks the level"
        )
    return AnswersToHeldSeeds(tuple(seeds), words, untried)


def _locked_within_session(tester: Tester, level: int, seeds: list[bytes], asked_s: list[float]) -> bool:
    """Open the level, lock it by opening another one in the same session, and request a seed; return whether that worked."""
    security = tester.security
    sessions = {entry.level: entry.session for entry in tester.target.security}
    for other, session in sessions.items():
        if other == level or session != sessions.get(level) or not security.has_key(other):
            continue
        try:
            seeds.append(security.unlock(level).seed)
            asked_s.append(tester.link.now_s)
            seed = security.seed(other)
            if not any(seed) or not security.send_key(other, security.right_key(other, seed)).is_positive:
                continue
            again = security.seed(level, as_given=True)
        except Unjudged:
            continue
        finally:
            tester.access.lock()
        if any(again):
            seeds.append(again)
            asked_s.append(tester.link.now_s)
            return True
    return False
