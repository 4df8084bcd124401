"""Which seeds does a level give? A sample, taken once a run, and fresh ones for a second look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from harness.analysis.clocks import Clock, follows_time
from harness.analysis.collisions import FALSE_ALARM, Collisions, collisions, without_immediate_repeats
from harness.analysis.predictors import Prediction, foretell, foretell_stream
from harness.analysis.randomness import Battery, battery
from harness.analysis.tails import binomial_tail
from harness.errors import NotPermitted
from harness.outcome import Inconclusive, NotApplicable
from harness.run import Depth, Exchange
from harness.tester.tester import Tester
from harness.uds import Nrc, Service, Session

T = TypeVar("T")

ENOUGH_SEEDS = 50
FEWEST_IN_ORDER = 4

PAUSES_S = (1.1, 1.3, 1.7)
"""Before the session is entered anew, three times: whole seconds pass in which a clock moves on, unevenly."""

PROBES = 2
"""So many zero seeds are followed by a look whether the level is locked."""


@dataclass(frozen=True, slots=True)
class SeedSample:
    """Seeds of one level in the order in which they were given, by plain requests."""

    seeds: tuple[bytes, ...]
    """Without those that are zero."""
    times_s: tuple[float, ...] = ()
    """When each of them came, by the link's time."""
    utc_s: tuple[float, ...] = ()
    """The same by the wall clock."""
    starts: tuple[int, ...] = (0,)
    """Which of them were the first of a session."""
    stopped_by: str = ""
    """Why there are fewer than wanted."""
    zeros: int = 0
    """How many seeds were zero, which is what an unlocked level gives."""
    zeros_while_locked: int = 0
    """How many of these came although a protected write was refused directly after."""
    evidence: tuple[Exchange, ...] = ()
    """Such a seed, and the refusal."""
    is_answered: bool = False
    """Each seed was answered by its key before the next one was asked for."""

    @property
    def is_enough(self) -> bool:
        """Large enough to say anything about repetition."""
        return len(self.seeds) >= ENOUGH_SEEDS

    @property
    def can_show_order(self) -> bool:
        """Different seeds of one length, and not too few."""
        return len(set(self.seeds)) >= FEWEST_IN_ORDER and len(self.lengths) == 1

    @property
    def lengths(self) -> tuple[int, ...]:
        """The lengths of the seeds in bytes, the shortest first."""
        return tuple(sorted({len(seed) for seed in self.seeds}))

    @property
    def collisions(self) -> Collisions:
        """Equal seeds, and what they prove."""
        return collisions(self.seeds)

    @property
    def full_are_too_many(self) -> bool:
        """Seeds of FF in every byte, as memory is that nobody has written to: more than chance gives."""
        full = sum(not seed.strip(b"\xff") for seed in self.seeds)
        return full > 0 and binomial_tail(full, len(self.seeds), 2.0 ** (-8 * self.lengths[0])) < FALSE_ALARM

    @property
    def is_held(self) -> bool:
        """One seed is given again and again, then another one, and none ever comes back."""
        drawn = without_immediate_repeats(self.seeds)
        return len(drawn) < len(self.seeds) and not collisions(drawn).is_too_many and self.collisions.is_too_many

    @property
    def drawn(self) -> tuple[bytes, ...]:
        """One seed for each time that the ECU has drawn one: without repeats where more came back than chance allows."""
        return tuple(dict.fromkeys(self.seeds)) if self.collisions.is_too_many else self.seeds

    def require(self, count: int = ENOUGH_SEEDS) -> None:
        """Inconclusive unless so many seeds of one length were drawn that their distribution can be told."""
        drawn = len(self.drawn)
        if drawn < count:
            why = self.stopped_by or ("the same ones come again" if len(self.seeds) > drawn else "the others were zero")
            raise Inconclusive(f"{drawn} different seeds are too few to tell ({why})")
        if len(self.lengths) != 1:
            raise Inconclusive(f"seeds of different lengths: {', '.join(map(str, self.lengths))} bytes")

    def battery(self) -> Battery:
        """The tests of distribution and independence."""
        return battery(self.drawn)

    def foretold(self) -> Prediction | Clock | None:
        """What foretells later seeds of the sample from earlier ones, if anything does."""
        return foretell(self.seeds, self.starts) or foretell_stream(self.seeds) or follows_time(self.seeds, self.times_s)

    def rows(self) -> dict[str, str]:
        """The sample in words, for the report."""
        found = self.collisions
        return {
            "Seeds taken": f"{len(self.seeds)}{f', then {self.stopped_by}' if self.stopped_by else ''}",
            "Length": f"{' or '.join(map(str, self.lengths))} bytes",
            "Equal pairs": f"{found.pairs}; by chance {found.expected:.2g}",
            "Collision entropy that the sample supports": f"at least {found.entropy_bound_bits:.1f} bits (95 %), no more"
            if not found.pairs
            else f"about {found.estimate_bits:.1f} bits",
        }


def sample_seeds(tester: Tester, level: int, depth: Depth) -> SeedSample:
    """Seeds of a locked level, the session entered anew after each quarter: 256, 1000 or 10000 by depth."""
    return unless_absent(tester, level, lambda: _sample(tester, level, depth))


def _sample(tester: Tester, level: int, depth: Depth) -> SeedSample:
    tester.access.require_locked()
    sampler = _Sampler(tester, level)
    wanted = depth.choose(quick=256, default=1000, deep=10_000)
    for pause_s in (0.0, *PAUSES_S):
        if pause_s:
            tester.wait(pause_s)
        stopped_by = sampler.take_in_a_session(wanted // (len(PAUSES_S) + 1))
        if stopped_by:
            return replace(sampler.sample(), stopped_by=stopped_by)
    return sampler.sample()


def sample_answered_seeds(tester: Tester, level: int, depth: Depth) -> SeedSample:
    """64, 256 or 1000 seeds by depth, each of them answered: what an ECU draws that holds a seed until then."""
    tester.access.require_locked()
    sampler = _Sampler(tester, level)
    stopped_by = ""
    for _ in range(depth.choose(quick=64, default=256, deep=1000)):
        try:
            sampler.keep_answered(tester.security.unlock(level).seed)
        except Inconclusive as reason:
            stopped_by = str(reason)
            break
        tester.access.lock()
    return replace(sampler.sample(), starts=(0,), stopped_by=stopped_by, is_answered=True)


class _Sampler:
    """Asks for seeds, and notes when they came."""

    def __init__(self, tester: Tester, level: int) -> None:
        self._tester = tester
        self._level = level
        self._seeds: list[bytes] = []
        self._times_s: list[float] = []
        self._starts: list[int] = []
        self._zeros = self._zeros_while_locked = 0
        self._evidence: list[Exchange] = []

    def take_in_a_session(self, count: int) -> str:
        """Ask so many times, the session entered anew; why it ended earlier, if it did."""
        tester = self._tester
        if tester.has_sessions:
            tester.enter_session(Session.DEFAULT)
        try:
            tester.session_for(self._level)
            first = tester.security.seed(self._level, as_given=True)
        except Inconclusive as reason:
            if not self._seeds:
                raise
            return str(reason)
        self._starts.append(len(self._seeds))
        self._keep(first)
        for _ in range(count - 1):
            reply = tester.security.request_seed(self._level)
            if not reply.is_positive:
                return f"request {len(self._seeds) + self._zeros + 1}: {reply}"
            self._keep(reply.pdu[2:])
        return ""

    def keep_answered(self, seed: bytes) -> None:
        """Note a seed that came with its key."""
        if any(seed):
            self._keep(seed)

    def _keep(self, seed: bytes) -> None:
        if any(seed):
            self._seeds.append(seed)
            self._times_s.append(self._tester.link.now_s)
            return
        if not seed:  # an answer without a seed is not one that says that the level is open
            return
        self._zeros += 1
        if self._zeros <= PROBES:
            asked = self._tester.recent[-1].exchange()
            refusal = refusal_of_a_write(self._tester, self._level)
            if refusal is not None:
                self._zeros_while_locked += 1
                self._evidence += [asked, refusal]

    def sample(self) -> SeedSample:
        """What has been taken so far."""
        link = self._tester.link
        ahead_s = link.utc_s - link.now_s
        return SeedSample(
            tuple(self._seeds),
            tuple(self._times_s),
            tuple(time_s + ahead_s for time_s in self._times_s),
            tuple(start for start in self._starts if start < len(self._seeds)),
            zeros=self._zeros,
            zeros_while_locked=self._zeros_while_locked,
            evidence=tuple(self._evidence),
        )


def unless_absent(tester: Tester, level: int, take: Callable[[], T]) -> T:
    """What `take` gives. NotApplicable: it is inconclusive since the ECU was seen not to have service 27."""
    try:
        return take()
    except Inconclusive:
        tester.security.request_seed(level)
        if (known := tester.state.presence.service(Service.SECURITY_ACCESS)).is_absent:
            raise NotApplicable(known.why) from None
        raise


def refusal_of_a_write(tester: Tester, level: int) -> Exchange | None:
    """A protected write that was denied (0x33) in the present session, so that the level is locked; None: not known."""
    entry = tester.access.protected_by(level)
    if entry is None or not tester.access.tells_lock_of(entry):
        return None
    try:
        probe = tester.access.locked_probe(entry, in_this_session=True)
    except (Inconclusive, NotPermitted):
        return None
    return probe.exchange() if probe.is_refused_with(Nrc.SECURITY_ACCESS_DENIED) else None
