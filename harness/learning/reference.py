"""Compare an ECU's answers, letter by letter, with the state machine that ISO 14229-1 gives SecurityAccess.

The model that the random walk uses (`harness.fuzz.reference_model`) tracks what is locked, pending and open. This file adds
what a single step cannot show: how wrong keys are counted, how long the delay lasts, and to which check a deviation belongs.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from harness.fuzz.reference_model import Action, ModelAnswer, ModelKey, ModelRules, ModelState, ModelStep, Said, Tracker
from harness.learning.letters import GUESSES, KEYS, Letter, LetterKind
from harness.learning.observations import NOT_SERVED
from harness.learning.subject import CHANGED, DEAD, NOT_WRITTEN, POSITIVE, RESTARTED, SEED, SILENCE, WRITTEN, ZERO_SEED
from harness.target import Target
from harness.tester.security import DEFAULT_DELAY_S

LARGEST_LIMIT: Final = 10
"""The largest number of wrong keys in a row that still counts as a limit."""
DELAY_KEPT: Final = 0.95
"""The share of the declared delay after which the ECU may give seeds again."""
PERMANENT: Final = 10
"""How many delays a lock must last to count as permanent."""
LONGER_THAN_AN_ANSWER_S: Final = 2.0
_SEEDS: Final = frozenset({LetterKind.SEED, LetterKind.QUIET_SEED, LetterKind.FUNCTIONAL_SEED})
_IN_DELAY: Final = frozenset({"0x36", "0x37"})
_MAY_BE_SAID_IN_DELAY: Final = _IN_DELAY | {"0x21", "0x22", "0x24", "0x11", "0x12", "0x33", "0x34", "0x7E", "0x7F"}
_COMPARED: Final = frozenset({"0x35", "0x36"})

RULES: Final[Mapping[str, str]] = {
    "SA-07": "a locked level gives no seed of zeros",
    "SA-08": "a level that is open gives a seed of zeros",
    "SA-09": "wrong keys are limited",
    "SA-10": "a new seed does not put the count of wrong keys back",
    "SA-11": "a change of session does not put the count of wrong keys back",
    "SA-12": "a reset does not put the count of wrong keys back",
    "SA-13": "a loss of power does not put the count of wrong keys back",
    "SA-14": "no time-out and no other request puts the count of wrong keys back",
    "SA-15": "opening another level does not put the count of wrong keys back",
    "SA-16": "while the delay runs no seed is given and no key is taken",
    "SA-17": "a restart does not end the delay",
    "SA-18": "a restart after a wrong key starts with the delay",
    "SA-19": "no other form of request, session or level gets round the delay",
    "SA-20": "wrong keys are limited after a delay, too",
    "SA-21": "a key without a seed is refused",
    "SA-22": "a wrong key takes the seed with it",
    "SA-23": "a key of the wrong length, or for another level, takes the seed with it",
    "SA-24": "a key that has opened a level is not accepted again",
    "SA-25": "a key that was right once does not open the level later",
    "SA-26": "a change or the end of a session takes the seed with it",
    "SA-27": "the key of one level does not open another",
    "SA-28": "what needs one level is not done while another is open",
    "SA-29": "one level is open at a time",
    "SA-30": "a key of the wrong length is refused",
    "SA-31": "a wrong key is refused",
    "SA-36": "the suppress bit changes nothing about a key",
    "SA-39": "a refused key opens nothing",
    "SA-41": "a delay ends, and keeps nothing else from being answered",
    "AC-01": "what a level guards is refused while it is locked",
    "AC-02": "no session, and no pending seed, opens what a level guards",
    "ST-01": "a change of session locks",
    "ST-02": "the end of a session by S3 locks",
    "ST-03": "a restart locks",
    "ST-04": "TesterPresent opens nothing, and brings nothing back",
    "ST-05": "there is no seed in the default session",
    "ST-08": "a restart leads to the default session",
    "CF-07": "the codes of keys and of the delay follow the standard",
    "DS-04": "no request keeps the ECU from answering",
}
"""By check: the rule that a machine can break."""

Events = frozenset[str]
_NONE: Final[Events] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """What was seen of this ECU before it is judged, and what its target declares."""

    rules: ModelRules
    delays_s: Mapping[int, float | None]
    limits: Mapping[int, int | None]
    """By level: the number of wrong keys in a row that the ECU compares; None: no limit was seen."""
    is_one_counter: bool = False
    """Whether all levels share one counter."""
    read_answer: str = POSITIVE
    """The answer to an ordinary read in the initial state."""
    s3_s: float | None = None
    attempts: Mapping[int, int | None] = field(default_factory=dict)
    """By level: the number of wrong keys that the target declares."""
    default_session: int = 1
    taken: dict[Hashable, tuple[Tracker, bool]] = field(default_factory=dict)
    """Steps of the reference that have been computed, kept for reuse."""

    def delay_s(self, level: int) -> float | None:
        """Return the declared delay of a level."""
        return self.delays_s.get(level)


def known_of(target: Target, limits: Mapping[int, int | None], *, is_one_counter: bool, read_answer: str) -> Known:
    """Return what is declared and what was seen of an ECU."""
    rules = ModelRules({one.level: one.session for one in target.security}, has_sessions=target.timing.s3_ms is not None)
    delays = {one.level: one.delay_s for one in target.security}
    s3_s = None if target.timing.s3_ms is None else target.timing.s3_ms / 1000
    attempts = {one.level: one.attempts for one in target.security}
    return Known(rules, delays, limits, is_one_counter, read_answer, s3_s, attempts)


class _Level(NamedTuple):
    """The history of one level within one sequence."""

    spent_by: str = "never"
    """Why the last seed can no longer be answered by a key; empty if the seed is pending, as far as is known."""
    closed_by: str = "never"
    """Why the level is locked; empty if the level's key was accepted and nothing has locked the level since."""
    wrong: int = 0
    """How many wrong keys were compared since the counter could last be reset."""
    between: Events = _NONE
    """The letters between the wrong keys that `wrong` counts."""
    is_delayed: bool = False
    in_delay: Events = _NONE
    """The letters since the delay began."""
    waited_s: float = 0.0
    """Seconds since the last wrong key, or since a restart before any delay."""
    is_failed_before_restart: bool = False
    refused_since_key: Events = _NONE
    """Kinds of keys that the ECU refused since the level could last be locked."""


class Monitor(NamedTuple):
    """The state of the reference after a sequence, and its judgement of the next answer."""

    known: Known
    tracker: Tracker
    levels: Mapping[int, _Level]
    is_booting: bool = False
    has_restarted_last: bool = False
    presents: bool = False
    """Whether TesterPresent was sent since a level was last opened or locked."""
    session: int = 1

    @classmethod
    def start(cls, known: Known) -> Monitor:
        """Return the state of an ECU that has just started."""
        return cls(known, Tracker(known.rules, (ModelState(),)), {level: _Level() for level in known.rules.levels})

    def key(self) -> Hashable:
        """Return a value that is equal for two monitors if they judge all further answers alike."""
        levels = tuple(sorted((number, one) for number, one in self.levels.items()))
        return self.tracker.belief, levels, self.is_booting, self.has_restarted_last, self.presents, self.session

    def after(self, letter: Letter, answer: str, *, is_open: bool = False, seconds: float = 0.0) -> tuple[Monitor, str]:
        """Return the monitor after a letter, and the id of the check whose rule the answer breaks; empty if none.

        `is_open`: the level's guarded effect is known to succeed in this state. `seconds`: the time that passed in addition
        to the wait that the letter itself stands for.
        """
        monitor = self._waiting(letter.seconds + seconds) if letter.seconds + seconds else self
        if answer == DEAD:
            is_key = letter.kind in KEYS and self.levels.get(letter.number, _Level()).spent_by
            return monitor, "SA-21" if is_key else "DS-04"
        if self.is_booting and answer == SILENCE:
            return monitor._replace(is_booting=False), ""
        monitor = monitor._replace(is_booting=False)
        match letter.kind:
            case LetterKind.WAIT:
                return monitor._waited(letter)
            case LetterKind.SESSION:
                return monitor._entered(letter, answer)
            case LetterKind.RESET | LetterKind.POWER:
                return monitor._restarted(letter, answer)
            case LetterKind.PRESENT:
                return monitor._event("present", presents=True), ""
            case LetterKind.READ:
                is_refused = answer != self.known.read_answer and any(one.is_delayed for one in self.levels.values())
                return monitor._event("read"), "SA-41" if is_refused else ""
            case LetterKind.EFFECT:
                return monitor._tried(letter, answer)
        if letter.kind in _SEEDS:
            return monitor._seed(letter, answer, is_open)
        return monitor._sent_key(letter, answer)

    # Each kind of letter

    def _take(self, step: ModelStep, answer: ModelAnswer) -> tuple[Tracker, bool]:
        key = (self.tracker.belief, step, answer)
        if key not in self.known.taken:
            tracker = self.tracker.copy()
            self.known.taken[key] = (tracker, tracker.take(step, answer))
        tracker, is_sound = self.known.taken[key]
        return tracker, is_sound

    def _with(self, number: int, **changes: object) -> Monitor:
        level = self.levels.get(number, _Level())
        return self._replace(levels={**self.levels, number: level._replace(**changes)})  # type: ignore[arg-type]

    def _each(self, event: str) -> Monitor:
        """Note a letter at each level that has counted wrong keys, and at each level in its delay."""
        levels = dict(self.levels)
        for number, one in self.levels.items():
            if one.wrong and event not in one.between:
                levels[number] = one = one._replace(between=one.between | {event})
            if one.is_delayed and event not in one.in_delay:
                levels[number] = one._replace(in_delay=one.in_delay | {event})
        return self if levels == self.levels else self._replace(levels=levels)

    def _event(self, event: str, *, presents: bool | None = None) -> Monitor:
        monitor = self._each(event)
        return monitor if presents is None else monitor._replace(presents=presents)

    def _waiting(self, seconds: float) -> Monitor:
        """Let `seconds` pass. If a level's delay may have ended, reset the level's counter of wrong keys."""
        levels = {}
        for number, one in self.levels.items():
            delay_s = self.known.delay_s(number)
            delay_s = DEFAULT_DELAY_S if delay_s is None else delay_s
            longest_s = PERMANENT * delay_s + 1.0
            waited_s = min(one.waited_s + seconds, longest_s)
            changed = one._replace(waited_s=waited_s)
            if waited_s >= DELAY_KEPT * delay_s:
                was_counting = one.wrong or one.is_delayed
                between = frozenset({"delay"}) if was_counting or "delay" in one.between else one.between
                changed = changed._replace(wrong=0, between=between, is_delayed=False, in_delay=_NONE)
                changed = changed._replace(is_failed_before_restart=False)
            levels[number] = changed
        return self._replace(levels=levels)

    def _waited(self, letter: Letter) -> tuple[Monitor, str]:
        if self.known.s3_s is None or letter.seconds < self.known.s3_s:
            return self, ""
        tracker, _ = self._take(ModelStep(Action.WAIT), ModelAnswer(Said.YES))
        monitor = self._each("s3")._locked("s3")
        return monitor._replace(tracker=tracker, session=self.known.default_session, has_restarted_last=False), ""

    def _locked(self, why: str) -> Monitor:
        """Lock every level and forget the pending seed."""
        levels = {
            number: one
            if one.spent_by and one.closed_by and not one.refused_since_key
            else one._replace(spent_by=one.spent_by or why, closed_by=one.closed_by or why, refused_since_key=_NONE)
            for number, one in self.levels.items()
        }
        return self._replace(levels=levels, presents=False)

    def _entered(self, letter: Letter, answer: str) -> tuple[Monitor, str]:
        if _answer(answer).said is Said.NOTHING:
            return self, ""
        tracker, _ = self._take(ModelStep(Action.SESSION, letter.number), _answer(answer))
        monitor = self._event("session")._replace(tracker=tracker, has_restarted_last=False)
        if answer != POSITIVE:
            return monitor, ""
        return monitor._locked("session")._replace(session=letter.number), ""

    def _restarted(self, letter: Letter, answer: str) -> tuple[Monitor, str]:
        if answer != RESTARTED and _answer(answer).said is Said.NOTHING:
            return self, ""
        tracker, _ = self._take(ModelStep(Action.RESET), ModelAnswer(Said.YES) if answer == RESTARTED else _answer(answer))
        event = "power" if letter.kind is LetterKind.POWER else "reset"
        monitor = self._replace(tracker=tracker)._event(event)
        if answer != RESTARTED:
            return monitor, ""
        tracker, _ = monitor._take(ModelStep(Action.RESTART), ModelAnswer(Said.YES))
        monitor = monitor._locked(event)._replace(tracker=tracker)
        levels = {
            number: one._replace(
                is_failed_before_restart=one.is_failed_before_restart or bool(one.wrong),
                waited_s=one.waited_s if one.is_delayed else 0.0,
            )
            for number, one in monitor.levels.items()
        }
        monitor = monitor._replace(levels=levels, is_booting=True, has_restarted_last=True)
        return monitor._replace(session=self.known.default_session), ""

    def _tried(self, letter: Letter, answer: str) -> tuple[Monitor, str]:
        level = self.levels.get(letter.number, _Level())
        is_done = answer in (WRITTEN, POSITIVE) or CHANGED in answer
        said = ModelAnswer(Said.YES) if is_done else ModelAnswer(Said.NO) if answer == NOT_WRITTEN else _answer(answer)
        monitor = self._event("effect")
        if said.said is Said.NOTHING:
            return monitor, ""
        tracker, is_sound = self._take(ModelStep(Action.WRITE, letter.number), said)
        monitor = monitor._replace(tracker=tracker)
        if is_done and not is_sound:
            if self.tracker.may_be_open(letter.number):  # a seed that was none of an open level has misled the reference
                return monitor, ""
            return monitor, self._why_open(letter.number, level, answer)
        if is_done and CHANGED in answer:
            return monitor, "AC-01"
        return monitor, ""

    def _why_open(self, number: int, level: _Level, answer: str) -> str:
        """Return the check whose rule is broken if a guarded effect succeeds while the level should be locked."""
        if self.presents:
            return "ST-04"
        if CHANGED in answer:
            return "AC-01"
        if level.closed_by not in ("never", ""):
            return {"session": "ST-01", "s3": "ST-02", "reset": "ST-03", "power": "ST-03"}.get(level.closed_by, "SA-29")
        if level.refused_since_key:
            return "SA-36" if "suppressed" in level.refused_since_key else "SA-39"
        if any(other.closed_by == "" for one, other in self.levels.items() if one != number):
            return "SA-28"
        is_pending = any(one.spent_by == "" for one in self.levels.values())
        return "AC-02" if is_pending or self.session != self.known.default_session else "AC-01"

    def _seed(self, letter: Letter, answer: str, is_open: bool) -> tuple[Monitor, str]:
        number = letter.number
        level = self.levels.get(number, _Level())
        kind = {LetterKind.QUIET_SEED: "suppressed", LetterKind.FUNCTIONAL_SEED: "functional"}.get(letter.kind, "")
        said = _answer(answer)
        if letter.kind is LetterKind.FUNCTIONAL_SEED and answer == SILENCE:
            return self, ""
        if letter.kind is LetterKind.QUIET_SEED and answer == SILENCE:
            said = ModelAnswer(Said.YES)
        monitor = self._other_level(number, "other level")
        if said.said is Said.NOTHING:
            return monitor, ""
        if said.said is Said.NO:
            tracker, _ = self._take(ModelStep(Action.SEED, number), said)
            monitor = monitor._replace(tracker=tracker)
            broken = ""
            if answer in _IN_DELAY:
                if monitor._delay_is_endless(level):
                    broken = "SA-41"
                is_pause = bool(level.wrong) and not level.is_failed_before_restart and not level.is_delayed
                if not is_pause or level.wrong >= (self.known.attempts.get(number) or LARGEST_LIMIT):
                    monitor = monitor._with(number, is_delayed=True, is_failed_before_restart=False)
            elif level.is_delayed and answer not in _MAY_BE_SAID_IN_DELAY:
                broken = "CF-07"
            return monitor, broken
        tracker, is_sound = self._take(ModelStep(Action.SEED, number), said)
        broken = ""
        if not is_sound and said.said is Said.ZERO_SEED and not is_open:
            broken = "SA-07"
            tracker, _ = self._take(ModelStep(Action.SEED, number), ModelAnswer(Said.YES))
        elif not is_sound and said.said is Said.YES:
            is_out = self.known.rules.is_out_of_session(number, self.session)
            broken = ("ST-08" if self.has_restarted_last else "ST-05") if is_out else "SA-08"
        elif said.said is Said.YES and letter.kind is not LetterKind.QUIET_SEED:
            broken = self._given_too_early(level, kind)
        monitor = monitor._replace(tracker=tracker)
        if said.said is Said.ZERO_SEED and broken != "SA-07":
            return monitor, broken
        is_unanswered = bool(level.wrong) and level.spent_by == ""
        changes: dict[str, object] = {
            "spent_by": "",
            "between": level.between | {"seed"} if is_unanswered else level.between,
            "is_failed_before_restart": False,
        }
        if letter.kind is not LetterKind.QUIET_SEED:
            changes |= {"is_delayed": False, "in_delay": _NONE}
        return monitor._with(number, **changes)._others(number, spent_by="other level"), broken

    def _delay_is_endless(self, level: _Level) -> bool:
        """Whether the wait since the last wrong key lasted so many delays that a refused seed means an endless delay."""
        delays = [delay for delay in self.known.delays_s.values() if delay]
        return bool(delays) and level.waited_s > PERMANENT * max(delays) and not level.is_failed_before_restart

    def _given_too_early(self, level: _Level, kind: str) -> str:
        """Return the check whose rule a seed during the delay breaks; empty if no delay should be running."""
        events = level.in_delay | ({kind} if kind else set())
        if level.is_delayed:
            if events & {"reset", "power"}:
                return "SA-17"
            if level.waited_s > LONGER_THAN_AN_ANSWER_S:
                return "SA-16"
            return "SA-19" if events & {"session", "other level", "suppressed", "functional"} else "SA-16"
        has_delay = any(limit is not None for limit in self.known.limits.values()) and any(self.known.delays_s.values())
        return "SA-18" if level.is_failed_before_restart and has_delay else ""

    def _other_level(self, number: int, event: str) -> Monitor:
        levels = {
            one: level._replace(in_delay=level.in_delay | {event}) if one != number and level.is_delayed else level
            for one, level in self.levels.items()
        }
        return self._replace(levels=levels)

    def _others(self, number: int, **changes: object) -> Monitor:
        monitor = self
        for one, level in self.levels.items():
            if one != number and level.spent_by == "":
                monitor = monitor._with(one, **changes)
        return monitor

    def _sent_key(self, letter: Letter, answer: str) -> tuple[Monitor, str]:
        number = letter.other or letter.number
        level = self.levels.get(number, _Level())
        key = {LetterKind.RIGHT_KEY: ModelKey.RIGHT, LetterKind.LONG_KEY: ModelKey.LONG}.get(letter.kind, ModelKey.WRONG)
        is_claimed = letter.kind is LetterKind.QUIET_KEY and answer == SILENCE
        said = ModelAnswer(Said.YES) if is_claimed else _answer(answer)
        if said.said is Said.NOTHING:
            return self, "SA-21" if answer == SILENCE and level.spent_by else ""
        tracker, is_sound = self._take(ModelStep(Action.KEY, number, key), said)
        monitor = self._replace(tracker=tracker)
        if said.said is Said.YES:
            broken = "" if is_sound else self._why_accepted(letter, level)
            if broken:  # it is open now, which is no deviation of its own
                monitor = monitor._replace(tracker=Tracker(self.known.rules, (ModelState(self.session, unlocked=number),)))
            if is_sound and level.is_delayed:
                broken = "SA-16"
            return monitor._opened(number), broken
        event = "suppressed" if letter.kind is LetterKind.QUIET_KEY else letter.kind.value
        spent = "wrong key" if letter.kind not in (LetterKind.LONG_KEY, LetterKind.FOREIGN_KEY) else "wrong length or level"
        is_looked_at = answer not in NOT_SERVED and answer != "0x24"
        refused = level.refused_since_key | ({event} if is_looked_at else _NONE)
        monitor = monitor._with(number, spent_by=level.spent_by or spent, refused_since_key=refused)
        if letter.other and self.levels.get(letter.number, _Level()).spent_by == "":
            monitor = monitor._with(letter.number, spent_by=spent)
        broken = "" if is_sound else "CF-07"
        if answer in _COMPARED and level.is_delayed and level.spent_by == "":
            broken = "SA-19"
        elif answer in _COMPARED and level.spent_by == "":
            monitor, counted = monitor._counted(number, letter, answer)
            broken = broken or counted
        return monitor, broken

    def _counted(self, number: int, letter: Letter, answer: str) -> tuple[Monitor, str]:
        """Count one more wrong key that was compared."""
        monitor = self
        broken = ""
        for one in self.levels if self.known.is_one_counter else (number,):
            level = monitor.levels[one]
            between = level.between | {"suppressed"} if letter.kind is LetterKind.QUIET_KEY else level.between
            wrong, limit = level.wrong + 1, self.known.limits.get(one)
            most = LARGEST_LIMIT if limit is None else limit
            if wrong > most and answer != "0x36":
                broken = broken or ("SA-09" if limit is None else _why_unlimited(between))
            is_limit = answer == "0x36"
            monitor = monitor._with(
                one,
                wrong=min(wrong, most + 1),
                between=between,
                waited_s=0.0,
                is_delayed=level.is_delayed or is_limit,
                in_delay=_NONE,
            )
        return monitor, broken

    def _opened(self, number: int) -> Monitor:
        """Open the level after an accepted key, lock every other level, and reset the counter."""
        monitor = self
        for one, level in self.levels.items():
            if one == number or self.known.is_one_counter:
                changed = level._replace(wrong=0, between=_NONE, is_delayed=False, in_delay=_NONE)
                changed = changed._replace(is_failed_before_restart=False, waited_s=0.0)
            else:
                changed = level._replace(between=level.between | {"other success"} if level.wrong else level.between)
            if one == number:
                spent_by = "never" if changed.spent_by == "never" else "accepted"
                changed = changed._replace(spent_by=spent_by, closed_by="", refused_since_key=_NONE)
            else:
                changed = changed._replace(
                    spent_by=changed.spent_by or "other level", closed_by=changed.closed_by or "other level"
                )
            monitor = monitor._replace(levels={**monitor.levels, one: changed})
        return monitor._replace(presents=False)

    def _why_accepted(self, letter: Letter, level: _Level) -> str:
        """Return the check whose rule the ECU breaks by accepting this key."""
        if letter.kind is LetterKind.FOREIGN_KEY:
            return "SA-27"
        if letter.kind in (LetterKind.LONG_KEY, LetterKind.OLD_KEY):
            return "SA-30" if letter.kind is LetterKind.LONG_KEY else "SA-25"
        if letter.kind is LetterKind.QUIET_KEY:
            return "SA-36"
        if level.spent_by == "":
            if letter.kind in GUESSES:
                return "SA-31"
            return "ST-05" if self.known.rules.is_out_of_session(letter.number, self.session) else "SA-23"
        if level.spent_by == "accepted" and level.closed_by:
            return "SA-25"
        return {
            "never": "SA-21",
            "wrong key": "SA-22",
            "wrong length or level": "SA-23",
            "other level": "SA-23",
            "accepted": "SA-24",
            "session": "SA-26",
            "s3": "SA-26",
        }.get(level.spent_by, "SA-25")


def _why_unlimited(between: Events) -> str:
    """Return the check whose rule the ECU breaks by comparing more keys than the limit."""
    for event, check in (
        ("suppressed", "SA-36"),
        ("power", "SA-13"),
        ("reset", "SA-12"),
        ("other success", "SA-15"),
        ("s3", "SA-14"),
        ("session", "SA-11"),
        ("present", "SA-14"),
        ("read", "SA-14"),
        ("effect", "SA-14"),
        ("delay", "SA-20"),
        ("seed", "SA-10"),
    ):
        if event in between:
            return check
    return "SA-09"


def _answer(answer: str) -> ModelAnswer:
    if answer == ZERO_SEED:
        return ModelAnswer(Said.ZERO_SEED)
    if answer in (POSITIVE, SEED, WRITTEN):
        return ModelAnswer(Said.YES)
    if answer.startswith("0x"):
        return ModelAnswer(Said.NO, int(answer[:4], 16))
    return ModelAnswer(Said.NOTHING)
