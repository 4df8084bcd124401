"""Hunt on one ECU for a number of exchanges: breed trials, play them, watch, and reduce what fails.

The loop is that of cases and streams (survey, play, watch, reduce), guided by trials that got new kinds of answers. The same
ECU, chance, corpus and knowledge give the same result.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from harness.errors import ContactLost, KeyFunctionError, Unjudged
from harness.fuzz.answers import Complaint
from harness.fuzz.bench import LOCK_SERVICES, Bench, Judging, Setting
from harness.fuzz.case_state import CaseState, CaseStateKind, requests_to
from harness.fuzz.examine import CHEAP_BEGIN_S, Examiner
from harness.fuzz.found import FuzzFinding
from harness.fuzz.novelty import Cell, Novelty
from harness.fuzz.oracles import Damage
from harness.fuzz.play import Stimulus, asks_for_restart
from harness.fuzz.survey import StimulusSurvey
from harness.fuzz.trials import (
    FRAME_ORDER,
    MUTATIONS,
    RANDOM_FRAMES,
    SOAK,
    SWEEP,
    WALK,
    Breeder,
    Trial,
    batches,
)
from harness.fuzz.walk import Deviation, Patience, Walk
from harness.link.clock import Chance
from harness.tester.ecu_state import level_of
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import Service
from harness.verdict import Severity

_SILENCE: Final = ReplyKind.SILENCE
BATCHES: Final = {RANDOM_FRAMES: 60, MUTATIONS: 24, SWEEP: 200, FRAME_ORDER: 60, SOAK: 1}
"""The number of trials between two complete examinations of the ECU, each of which begins with a restart."""
BEGIN_PART: Final = 0.2
EXCHANGE_S: Final = 0.01
RESTART_ONE_IN: Final = 16
"""On an ECU whose restart is slow, only one in this many of the trials that ask for a restart is played."""
MOST_BEGINNINGS: Final = 4
LARGEST_BATCH: Final = 16
"""The largest factor by which batches grow on an ECU whose restart is slow, so that it takes `BEGIN_PART` of the time."""
WALK_STEPS: Final = 60
KEYED_ONE_IN: Final = 4
OTHER_SESSION_ONE_IN: Final = 3
"""Once in this many times, a session is entered from a session other than the default one."""
MOST_CORPUS: Final = 400


@dataclass(slots=True)
class Yield:
    """What a hunt has sent and found."""

    exchanges: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    """For each check: the number of trials whose kind of stimulus belongs to that check."""
    found: list[FuzzFinding] = field(default_factory=list)
    fresh: list[tuple[Trial, tuple[str, ...]]] = field(default_factory=list)
    """Trials that got a new kind of answer, each with what was new: state, service, outcome and class of length."""
    cells: Counter[Cell] = field(default_factory=Counter)
    deviations: list[str] = field(default_factory=list)
    """Deviations of walks from the model, an open lock first."""
    is_open: bool = False
    """Whether one of the deviations is an open lock."""
    not_reproduced: list[str] = field(default_factory=list)
    left_out: str = ""
    """Why some stimulus was not permitted; empty if all were permitted."""
    lost: str = ""
    """Why the hunt ended early; empty if it did not."""


class Hunt:
    """One hunt. `known` are earlier findings, only counted; `corpus` earlier trials, `seen` features that were new."""

    def __init__(
        self,
        tester: Tester,
        chance: Chance,
        *,
        known: Sequence[FuzzFinding] = (),
        corpus: Sequence[Trial] = (),
        seen: Iterable[str] = (),
    ) -> None:
        self._tester = tester
        self._chance = chance.quick()
        self._novelty = Novelty(seen, lambda service: self._breeder.exists(service))
        self._bench = Bench(
            tester,
            judging=Judging.ALL,
            hear=self._hear,
            hear_line=self._novelty.hear_line,
            sessions=tester.sessions(),
            may_renew=True,
        )
        self._survey = StimulusSurvey(tester)
        self._examiner = Examiner(tester, self._bench, self._survey, known)
        self._was_silent = False
        self._begun = self._tried = 0
        self._trial_s: dict[str, float] = {}
        """By check: the seconds on the bus that a trial took in the last batch."""
        self.result = Yield(found=self._examiner.found, not_reproduced=self._examiner.not_reproduced)
        tester.prove_keys()
        key_bytes = {}
        for entry in tester.target.security:
            if tester.security.has_key(entry.level):
                try:
                    tester.session_for(entry.level)
                    key_bytes[entry.level] = tester.security.key_length(entry.level)
                except (Unjudged, KeyFunctionError):
                    continue
        self._breeder = Breeder(tester.target, chance.stream("trials"), frame_bytes=tester.frame_bytes, key_bytes=key_bytes)
        self._given: dict[str, deque[Trial]] = {}
        """By check: trials from the campaign's corpus that have not been played yet."""
        for trial in corpus:
            self._breeder.learn(trial)
            if not self._novelty.seen:
                self._given.setdefault(trial.row, deque()).append(trial)
        self._levels = [entry.level for entry in tester.target.security]
        self._may_open = tester.access.can_relock or tester.link.can_renew()
        """Whether a level that is opened can be locked again."""
        self._can_open = list(key_bytes) if self._may_open else []

    def run(self, exchanges: int) -> Yield:
        """Hunt for at least this many exchanges, counting those that examine failures."""
        tester, result = self._tester, self.result
        tester.gate.raw_needs = tester.target.safety.allow
        start = tester.exchange_count
        rows = batches(self._chance.stream("batches"))
        self._begun = start
        try:
            self._bench.renew()
            if not tester.is_alive():
                can = tester.target.can
                raise ContactLost(f"the ECU does not answer (0x{can.request_id:X} -> 0x{can.response_id:X})")
            self._walk()
            while tester.exchange_count - start < exchanges:
                self._turn(next(rows))
        except ContactLost as lost:
            result.lost = str(lost)
        finally:
            tester.gate.raw_needs = frozenset()
            self._bench.close()
            result.cells = self._novelty.cells()
        result.exchanges = tester.exchange_count - start
        result.left_out = self._survey.reason and f"{self._survey.left_out} trials; the first: {self._survey.reason}"
        return result

    # The walk

    def _walk(self) -> None:
        tester, result = self._tester, self.result
        if not tester.target.security or not tester.allows("lockout") or not self._may_open:
            return
        try:
            self._bench.renew()
            walk = Walk(tester, self._chance.stream("walk"), Patience(resets=2, waits=1, lockouts=0))
            result.sent[WALK] += walk.run(WALK_STEPS)
        except ContactLost:
            raise
        except (Unjudged, KeyFunctionError):
            return
        deviations = sorted(walk.deviations, key=lambda one: not one.is_open)
        result.is_open = any(one.is_open for one in deviations)
        result.deviations = [f"{one.observed}, where {one.expected}" for one in deviations[:4]]
        for one in deviations:
            if one.is_open and one.messages:
                self._accuse_walk(one)

    def _accuse_walk(self, deviation: Deviation) -> None:
        """Make a finding of a walk that opened the ECU without a right key, by reducing its requests like any sequence."""
        seen = Damage(f"lock {deviation.did:04X}", deviation.expected, deviation.observed, Severity.CRITICAL)
        trial = Trial(WALK, deviation.messages)
        try:
            found = self._examiner.minimal(seen.what, seen, Setting(), trial.stimuli, trial)
        except (Unjudged, KeyFunctionError) as reason:
            if isinstance(reason, ContactLost):
                raise
            self._tester.note(f"{WALK}: {reason}")
            return
        if found is not None:
            self._examiner.keep(found)

    # One batch

    def _turn(self, row: str) -> None:
        """Play batches of one kind until half a batch was tried, as a known failure may end a batch after few trials."""
        wanted = self._tried + (BATCHES[row] + 1) // 2
        for _ in range(MOST_BEGINNINGS):
            self._batch(row)
            if self._tried >= wanted:
                return

    def _batch(self, row: str) -> None:
        is_raw = row in (RANDOM_FRAMES, FRAME_ORDER)
        setting, prefix = self._setting(row, is_raw=is_raw)
        setting = replace(setting, is_weighed=row == SOAK)
        played: list[Stimulus] = []
        guilty = row
        try:
            self._begin(setting)
            begun_s, begun_at, tried = self._tester.link.now_s, self._tester.exchange_count, 0
            for trial in self._trials(row, setting, prefix, is_raw=is_raw):
                guilty = trial.row
                self._novelty.news, self._was_silent = [], False
                if setting.state is not None:
                    self._bench.approach()
                    self._novelty.reached(self._bench.state)
                stimuli = trial.stimuli
                self._bench.play(stimuli)
                played += stimuli
                self.result.sent[trial.row] += trial.repeat
                tried += 1
                self._tried += 1
                damage = self._bench.look_at_console()
                if self._novelty.news and trial.repeat == 1:
                    self._keep(trial)
                if self._bench.complaints:
                    for what, complaint in self._bench.complaints.items():
                        if not self._examiner.is_counted(what):
                            self._accuse(what, complaint, setting, played, trial)
                            return
                    self._bench.complaints.clear()
                damage = damage or self._look(trial, is_raw=is_raw)
                if damage is not None:
                    self._accuse(damage.what, damage, setting, played, trial)
                    return
                if self._bench.was_opened_rightly:
                    break
            if tried:
                self._trial_s[row] = self._spent_s(begun_s, begun_at) / tried
            damage = self._bench.look(is_thorough=True) if played else None
            if damage is not None:
                self._accuse(damage.what, damage, setting, played, trial)
        except ContactLost:
            raise
        except (Unjudged, KeyFunctionError) as reason:
            self._tester.note(f"{guilty}: {reason}")

    def _spent_s(self, begun_s: float, begun_at: int) -> float:
        """Return the seconds that a batch took on the bus; in virtual time, estimated by its exchanges."""
        tester = self._tester
        exchanges = tester.exchange_count - begun_at
        return exchanges * EXCHANGE_S if tester.link.is_virtual else tester.link.now_s - begun_s

    def _look(self, trial: Trial, *, is_raw: bool) -> Damage | None:
        if self._was_silent:
            damage = self._bench.look_at_life()
            if damage is not None:
                return damage
        if trial.repeat > 1:
            return self._bench.look(is_thorough=True)
        if is_raw or self._novelty.news or not LOCK_SERVICES.isdisjoint([one[0] for one in trial.messages if one]):
            return self._bench.look_at_lock()
        return None

    def _begin(self, setting: Setting) -> None:
        self._bench.begin(setting)
        self._novelty.reached(self._bench.state)

    def _setting(self, row: str, *, is_raw: bool) -> tuple[Setting, tuple[bytes, ...]]:
        """Return the setting of a batch, and requests to put before each trial if requests alone lead to that state."""
        chance, target = self._chance, self._tester.target
        sessions = [one for one in self._tester.sessions() if one != 1]
        kinds = ["default", *["session"] * bool(sessions), *["seed"] * bool(self._levels), *["open"] * bool(self._can_open)]
        kind = kinds[chance.below(len(kinds))] if row not in (SWEEP, SOAK) else kinds[chance.below(min(2, len(kinds)))]
        if is_raw and kind == "open":
            kind = "seed"
        if kind == "open":
            return Setting(CaseState(CaseStateKind.UNLOCKED, self._can_open[chance.below(len(self._can_open))])), ()
        if kind == "seed":
            level = self._levels[chance.below(len(self._levels))]
            if is_raw:
                return Setting(CaseState(CaseStateKind.SEED_PENDING, level), is_raw=True), ()
            return Setting(), requests_to(CaseState(CaseStateKind.SEED_PENDING, level), target)
        if kind == "session":
            session = sessions[chance.below(len(sessions))]
            if is_raw:
                return Setting(CaseState(CaseStateKind.SESSION, session), is_raw=True), ()
            before = sessions[chance.below(len(sessions))] if not chance.below(OTHER_SESSION_ONE_IN) else None
            way = (*(target.way_to(before) if before is not None else ()), *target.way_to(session))
            return Setting(), tuple(bytes((0x10, one)) for one in way)
        return Setting(is_raw=is_raw), ()

    def _trials(self, row: str, setting: Setting, prefix: tuple[bytes, ...], *, is_raw: bool) -> Iterable[Trial]:
        """Yield the trials of a batch one by one, so that a later one can be bred of an earlier that got a new answer."""
        breeder = self._breeder
        wanted = self._batch_size(row)
        breed = {
            RANDOM_FRAMES: breeder.frame,
            FRAME_ORDER: breeder.frames,
            SWEEP: breeder.swept,
            SOAK: breeder.soak,
        }.get(row, partial(breeder.sequence, prefix))
        given = self._given.get(row)
        keyed_level = self._keyed_level(setting, prefix) if self._may_open else None
        for _ in range(wanted):
            if given:
                trial = given.popleft()
                if trial.is_raw == is_raw and self._survey.lets_pass(trial.messages, is_raw=is_raw):
                    yield trial
                continue
            keyed = None
            if keyed_level is not None and row in (MUTATIONS, RANDOM_FRAMES) and not self._chance.below(KEYED_ONE_IN):
                keyed = breeder.keyed(keyed_level, is_raw=is_raw)
            trial = keyed or breed()
            is_whole = keyed is None and row in (SOAK, MUTATIONS)
            if prefix and not is_whole:
                trial = trial._replace(messages=(*prefix, *trial.messages))
            if self._examiner.is_known(trial) or self._costs_a_restart(trial):
                continue
            if self._survey.lets_pass(trial.messages, is_raw=is_raw, times=trial.repeat):
                yield trial

    def _costs_a_restart(self, trial: Trial) -> bool:
        """Whether to leave out a trial that asks for a slow restart; one in `RESTART_ONE_IN` of them is played."""
        if self._bench.begin_s <= CHEAP_BEGIN_S or not asks_for_restart(trial.messages, is_raw=trial.is_raw):
            return False
        return self._chance.below(RESTART_ONE_IN) > 0

    def _batch_size(self, row: str) -> int:
        """Return the number of trials in a batch, which grows with the cost of beginning a batch."""
        usual, begin_s, trial_s = BATCHES[row], self._bench.begin_s, self._trial_s.get(row)
        if begin_s <= CHEAP_BEGIN_S or row == SOAK or not trial_s:
            return usual
        enough = math.ceil(begin_s * (1 - BEGIN_PART) / BEGIN_PART / trial_s)
        return min(max(enough, usual), LARGEST_BATCH * usual)

    def _keyed_level(self, setting: Setting, prefix: tuple[bytes, ...]) -> int | None:
        if setting.state is not None and setting.state.kind is CaseStateKind.SEED_PENDING:
            return setting.state.number
        if prefix and prefix[-1][0] == Service.SECURITY_ACCESS:
            return level_of(prefix[-1])
        return None

    def _keep(self, trial: Trial) -> None:
        if self._novelty.is_only_lack:
            return
        if self._breeder.corpus_size < MOST_CORPUS:
            self._breeder.learn(trial)
        if len(self.result.fresh) < MOST_CORPUS:
            self.result.fresh.append((trial, tuple(self._novelty.news)))

    def _hear(self, heard: Reply | RawReply) -> None:
        if isinstance(heard, RawReply):
            self._novelty.hear_frames(heard)
            return
        self._novelty.hear(heard, self._bench.sent_in)
        if heard.kind is _SILENCE:
            self._was_silent = True

    def _accuse(
        self, what: str, seen: Damage | Complaint, setting: Setting, played: Sequence[Stimulus], trial: Trial
    ) -> None:
        at = self._tester.exchange_count - self._begun
        self._examiner.accuse(what, seen, setting, played, trial, at=at)
