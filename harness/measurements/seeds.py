"""Request seeds of a level: in a row, in new sessions, a second apart, after a pause, in every session that gives them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from harness.errors import Inconclusive, NotApplicable
from harness.measurements.seed_sample import ENOUGH_SEEDS, Renewal, SeedSample
from harness.runs.findings import Exchange
from harness.tester.reply import Reply
from harness.tester.tester import Tester
from harness.uds import Service, Session
from harness.verdict import Depth

T = TypeVar("T")

PAUSES_S = (1.3, 6.1)
"""Pauses in seconds before the session is entered anew; a clock advances in them, and the longer one exceeds S3."""

STEP_S = 1.07
"""The seconds between two requests, so that each seed comes in another second of the wall clock."""

STEPS_IN_VIRTUAL_TIME = 3
"""How many times as many seeds are taken at steps of `STEP_S` in virtual time, where waiting costs nothing."""

SEEDS_PER_SESSION = 2
"""How many seeds are taken in each of many short sessions; a generator that each session starts anew repeats them."""

TRIES = 3
"""How many requests must fail before the level counts as giving no more seeds; one answer may be lost or late."""

PROBES = 2
"""For how many zero seeds the tester tries whether the level was locked."""

LONGEST_STEP_S = 5.0
"""The longest wait for a seed that only time renews, in seconds."""
MOST_REQUESTS_PER_SEED = 64
"""The most requests to send for one new seed, where only requests renew the seed."""


def sample_seeds(tester: Tester, level: int, depth: Depth, others: Sequence[int] = ()) -> dict[int, SeedSample]:
    """Take 256, 1000 or 10000 seeds (by depth) of a locked level, at every pace and in every session that may matter.

    `others`: further levels, with the same session, to be sampled in the same waits. Returns the samples by level, without
    other levels whose seeds were not new each time: a request of one level might change the seeds of such a level.
    """
    return unless_absent(tester, level, lambda: _sample(tester, level, depth, others))


def _sample(tester: Tester, level: int, depth: Depth, others: Sequence[int]) -> dict[int, SeedSample]:
    tester.access.require_locked()
    paces = [own := _Pace(tester, level, depth)]
    own.go_on()
    for pace in [_Pace(tester, other, depth) for other in others] if own.waits_for_new_seeds else ():
        with contextlib.suppress(Inconclusive):
            pace.go_on()
        if pace.waits_for_new_seeds:
            paces.append(pace)
        else:
            own.come_back()
    while running := [pace for pace in paces if pace.wait_s is not None]:
        if seconds := max(pace.wait_s or 0.0 for pace in running):
            tester.wait(seconds, "seeds some time apart")
        for pace in running:
            if len(running) > 1:
                pace.sampler.interrupt()
            try:
                pace.go_on()
            except Inconclusive:
                if pace is own:
                    raise
                paces.remove(pace)
    return {pace.sampler.level: replace(pace.sampler.sample(), stopped_by=pace.stopped_by) for pace in paces}


class _Pace:
    """The sampling of one level, which pauses at each wait."""

    def __init__(self, tester: Tester, level: int, depth: Depth) -> None:
        self.sampler = _Sampler(tester, level)
        self.stopped_by = ""
        self.wait_s: float | None = 0.0
        """How long to wait before the next seeds, in seconds; None at the end."""
        self._steps = _take_at_every_pace(self.sampler, depth)

    def go_on(self) -> None:
        """Take seeds up to the next wait. Raises Inconclusive if the level gives none at all."""
        with self._until_stopped():
            self.wait_s = next(self._steps, None)

    def come_back(self) -> None:
        """Enter the session again, which another level's sampling may have left."""
        with self._until_stopped():
            self.sampler.enter()

    @contextlib.contextmanager
    def _until_stopped(self) -> Iterator[None]:
        try:
            yield
        except _Stopped as reason:
            self.wait_s, self.stopped_by = None, str(reason)

    @property
    def waits_for_new_seeds(self) -> bool:
        """Whether the sampling goes on, and each seed so far was a new one."""
        return bool(self.wait_s) and self.sampler.are_new


def _take_at_every_pace(sampler: _Sampler, depth: Depth) -> Iterator[float]:
    """Take seeds; yield the seconds to wait before the next."""
    tester = sampler.tester
    wanted = depth.choose(quick=256, default=1000, deep=10_000)
    in_other_sessions = depth.choose(quick=8, default=50, deep=500)
    try:
        sampler.enter()
    except Inconclusive:
        if not sampler.take_where_it_is(wanted):
            raise
        return
    sampler.take(wanted * 3 // 8)
    sampler.describe("in a row")
    sessions = depth.choose(quick=8, default=40, deep=200) if tester.has_sessions else 0
    for _ in range(sessions):
        sampler.enter()
        sampler.take(SEEDS_PER_SESSION)
    sampler.describe("in sessions entered anew at once")
    sampler.enter()
    steps = depth.choose(quick=4, default=12, deep=60)
    for _ in range(STEPS_IN_VIRTUAL_TIME * steps if tester.target.is_simulated else steps):
        yield STEP_S
        sampler.take(1)
    yield 0.0
    sampler.describe(f"each {STEP_S} s after the one before")
    for session in sampler.other_sessions():
        if sampler.enter_other(session):
            sampler.take(in_other_sessions)
        sampler.describe(f"in session 0x{session:02X}")
    rest = wanted - sampler.asked
    for number, pause_s in enumerate(PAUSES_S):
        yield pause_s
        sampler.enter()
        sampler.take((wanted - sampler.asked) if number else rest // 2)
        sampler.describe(f"in a row after a pause of {pause_s} s")


def sample_answered_seeds(tester: Tester, level: int, depth: Depth) -> SeedSample:
    """Take 64, 256 or 1000 seeds (by depth), and answer each, so that an ECU that holds a seed draws another one."""
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
    sampler.describe("each answered before the next")
    return replace(sampler.sample(), starts=(0,), stopped_by=stopped_by, is_answered=True)


def sample_renewed_seeds(tester: Tester, level: int, depth: Depth, held: SeedSample) -> SeedSample:
    """Take 64, 256 or 1000 seeds (by depth), each after what renewed the seed in the sample `held`.

    That is a time, a number of requests, or a new session. Raises Inconclusive if nothing was seen to renew the seed, or
    waiting for it would take too long.
    """
    tester.access.require_locked()
    sampler = _Sampler(tester, level)
    wanted = depth.choose(quick=64, default=256, deep=1000)
    step_s = max(STEP_S, 1.07 * held.held_s)
    if held.renewal is Renewal.TIME and step_s > LONGEST_STEP_S:
        raise Inconclusive(f"a seed is held for {held.held_s:.1f} s: too long to wait for {ENOUGH_SEEDS} of them")
    if held.renewal is Renewal.REQUESTS and held.longest_run > MOST_REQUESTS_PER_SEED:
        raise Inconclusive(f"a seed is held for {held.longest_run} requests: too many to ask for {ENOUGH_SEEDS} of them")
    if held.renewal not in (Renewal.TIME, Renewal.REQUESTS, Renewal.SESSION):
        raise Inconclusive("one seed is given again and again, and nothing but its key may bring another")
    try:
        sampler.enter()
        for _ in range(wanted):
            if held.renewal is Renewal.SESSION:
                sampler.enter()
            elif held.renewal is Renewal.TIME:
                tester.wait(step_s, "a seed that is held is renewed")
            else:
                sampler.drop_seeds(held.longest_run - 1)
            sampler.take(1)
    except _Stopped as reason:
        return replace(sampler.sample(), stopped_by=str(reason), renewed_by=held.renewal)
    sampler.describe(f"each after {held.renewal.value}")
    return replace(sampler.sample(), renewed_by=held.renewal)


class _Stopped(Exception):
    """The level gives no more seeds; the text is the reason."""


class _Sampler:
    """Requests seeds, and records when they came."""

    def __init__(self, tester: Tester, level: int) -> None:
        self.tester = tester
        self.asked = 0
        self.level = level
        self._begun_s = tester.restart.begun_s
        self._seeds: list[bytes] = []
        self._times_s: list[float] = []
        self._starts: list[int] = []
        self._taken: list[str] = []
        self._described = 0
        self._zeros = self._zeros_while_locked = self._without_seed = 0
        self._evidence: list[Exchange] = []

    def enter(self) -> None:
        """Enter the level's session anew, after any delay, and take the first seed there."""
        tester = self.tester
        if tester.has_sessions:
            tester.enter_session(Session.DEFAULT)
        for tries_left in reversed(range(TRIES)):
            try:
                tester.session_for(self.level)
                first = tester.security.seed(self.level, as_given=True)
                break
            except Inconclusive as reason:
                if tries_left:
                    continue
                if not self.asked:
                    raise
                raise _Stopped(str(reason)) from None
        self._begin(first)

    @property
    def are_new(self) -> bool:
        """Whether no seed came twice, and none was zero."""
        return len(set(self._seeds)) == self.asked

    def interrupt(self) -> None:
        """Note that other seeds may have been drawn since the last one."""
        self._starts.append(len(self._seeds))

    def other_sessions(self) -> list[int]:
        """Return the sessions other than the level's declared one; the level may give seeds there too."""
        own = self.tester.target.of_level(self.level).session or Session.DEFAULT
        return [session for session in self.tester.sessions() if session != own]

    def enter_other(self, session: int) -> bool:
        """Enter a session, and request a seed there; return whether the ECU gave one."""
        self.tester.enter_session(Session.DEFAULT)
        if session != Session.DEFAULT and not self.tester.enter_session(session).is_positive:
            return False
        reply = self.tester.security.request_seed(self.level)
        if reply.is_positive:
            self._begin(reply.pdu[2:])
        return reply.is_positive

    def take_where_it_is(self, count: int) -> int:
        """If the level declares no session, take about `count` seeds from other sessions; return how many were taken."""
        sessions = self.other_sessions() if self.tester.target.of_level(self.level).session is None else []
        for session in sessions:
            if self.enter_other(session):
                self.take(count // len(sessions))
                self.describe(f"in session 0x{session:02X}")
        return self.asked

    def _begin(self, first: bytes) -> None:
        self._starts.append(len(self._seeds))
        self._keep(first)

    def take(self, count: int) -> None:
        """Take `count` more seeds one by one. Raises _Stopped if the level gives no more."""
        for _ in range(count):
            reply = self.tester.security.request_seed(self.level)
            if not reply.is_positive:
                reply = self._once_more(reply)
                self._starts.append(len(self._seeds))  # a seed may have been drawn that was not seen
            self._keep(reply.pdu[2:])

    def _once_more(self, reply: Reply) -> Reply:
        """Repeat a request that got no seed. Raises _Stopped if a delay is running, or repetition gets no seed either."""
        for _ in range(TRIES - 1):
            if reply.is_delayed:
                break
            again = self.tester.security.request_seed(self.level)
            if again.is_positive:
                return again
        raise _Stopped(f"request {self.asked + 1}: {reply}")

    def drop_seeds(self, count: int) -> None:
        """Send `count` requests for a seed, and drop the seeds."""
        for _ in range(count):
            self.tester.security.request_seed(self.level)

    def describe(self, how: str) -> None:
        """Note for the report how the seeds taken since the last such note were requested."""
        count = self.asked - self._described
        self._described = self.asked
        if count:
            self._taken.append(f"{count} {how}")

    def keep_answered(self, seed: bytes) -> None:
        """Record a seed that the tester answered by its key."""
        if any(seed):
            self._keep(seed)

    def _keep(self, seed: bytes) -> None:
        self.asked += 1
        if any(seed):
            self._seeds.append(seed)
            self._times_s.append(self.tester.link.now_s)
            return
        if not seed:  # an answer without a seed does not say that the level is open
            self._without_seed += 1
            return
        self._zeros += 1
        if self._zeros <= PROBES:
            asked = self.tester.recent[-1].exchange()
            refusal = refusal_while_locked(self.tester, self.level)
            if refusal is not None:
                self._zeros_while_locked += 1
                self._evidence += [asked, refusal]

    def sample(self) -> SeedSample:
        """Return the seeds taken so far."""
        link = self.tester.link
        ahead_s = link.utc_s - link.now_s
        starts = dict.fromkeys(start for start in self._starts if start < len(self._seeds))
        return SeedSample(
            tuple(self._seeds),
            tuple(self._times_s),
            tuple(time_s + ahead_s for time_s in self._times_s),
            tuple(starts),
            begun_s=self._begun_s,
            taken=tuple(self._taken),
            zeros=self._zeros,
            zeros_while_locked=self._zeros_while_locked,
            without_seed=self._without_seed,
            evidence=tuple(self._evidence),
        )


def unless_absent(tester: Tester, level: int, take: Callable[[], T]) -> T:
    """Return what `take` returns. Raises NotApplicable in place of Inconclusive if the ECU was seen to lack service 27."""
    try:
        return take()
    except Inconclusive:
        tester.security.request_seed(level)
        if (known := tester.state.presence.service(Service.SECURITY_ACCESS)).is_absent:
            raise NotApplicable(known.why) from None
        raise


def refusal_while_locked(tester: Tester, level: int) -> Exchange | None:
    """Request guarded effects in this session; return an exchange that refuses one, and so proves the lock, or None."""
    if tester.security.unlock_effects.is_open(level, says_so=True) is not False:
        return None
    refused = (one for one in reversed(tester.recent) if isinstance(one, Reply) and one.is_negative)
    found = next(refused, None)
    return found.exchange() if found is not None else None
