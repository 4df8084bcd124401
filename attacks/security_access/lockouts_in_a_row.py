"""Lock levels out several times in a row, and share the result among checks.

The checks are about requests that must not end a delay, about what a lockout affects, and about its end.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from attacks.security_access.lockout_window import EARLY, EARLY_UNTIL, MOST_OF_WINDOW, LockoutWindow, ends_delay
from attacks.security_access.side_doors import is_key_compared, seed_in, side_doors
from harness import Depth, Inconclusive, Measurements, Tester, uds
from harness.measurements import Act, Delay, Turns

BETWEEN_KEYS = ("SA-11", "SA-14")
"""The checks whose acts between two wrong keys must not end a delay either."""
IN_A_ROW = 4
"""The number of lockouts in a row, without a right key between them, at depth default."""
BUSY_S = 0.5
"""Seconds after which a request that the ECU did not serve is repeated: the ECU may be busy for a moment."""
SOONER_S = 0.25
"""How many seconds before the certain end of another level's delay that level's seeds are requested."""
LONG_UP_S = 3700.0
"""A little more than an hour in seconds: a counter of seconds or an hour meter in the ECU may overflow in this time."""


@dataclass(frozen=True, slots=True)
class Held:
    """Several lockouts in a row that were sound: nothing ended them early, only seeds were withheld, and they ended."""

    lockouts: int
    wrong_keys: int
    """The number of wrong keys that led to all lockouts together, without a right key between them."""
    tried: tuple[str, ...]
    """In words, what was done during the first delay without making the level give a seed."""
    served: int
    """The number of requests outside SecurityAccess that the ECU served during each lockout."""
    locked: str
    """The levels that the first lockout locked, in words."""
    is_long_up: bool
    """Whether the last lockout came more than an hour after the one before, without a restart between them."""


def hold(tester: Tester, measure: Measurements, depth: Depth, level: int) -> Held | None:
    """Lock the level out, and do everything in its delay that must not end it; at depth quick lock it out a second time.

    All checks that ask share one such series in a run, and other levels take their turns in the waiting time. Return None at
    depth deep, if the ECU behaved differently, or if the delay is too short: each check then makes lockouts of its own.
    """
    if depth is Depth.DEEP or not is_ordinary(tester, level, measure.delay(level)):
        return None
    ordinary_beside(tester, measure, level)
    lockouts = depth.choose(quick=2, default=1, deep=0)
    return measure.in_turn("held lockout", level, lambda one: _held(tester, measure, one, lockouts, tries_acts=True))


def hold_often(tester: Tester, measure: Measurements, depth: Depth, level: int) -> Held | None:
    """Lock the level out several times in a row, without a right key between; return None in the cases in which `hold` does.

    A simulated ECU is locked out once more an hour later.
    """
    if depth is not Depth.DEFAULT:
        return hold(tester, measure, depth, level)
    if not is_ordinary(tester, level, measure.delay(level)):
        return None
    ordinary_beside(tester, measure, level)
    is_long_up = tester.link.is_virtual
    return measure.in_turn("held lockouts", level, lambda one: _held(tester, measure, one, IN_A_ROW, is_long_up=is_long_up))


def is_ordinary(tester: Tester, level: int, delay: Delay) -> bool:
    """Whether the level's delay is constant as far as seen and long enough, and its key function is known to be right."""
    is_odd = delay.seconds is None or delay.is_too_short or delay.is_restarted_by_requests or not delay.at_least_s
    return not is_odd and tester.security.level(level).is_proven and tester.access.can_relock


def ordinary_beside(tester: Tester, measure: Measurements, level: int) -> list[int]:
    """Measure the delay of each other level, and return the levels whose delays can be observed beside this level's."""
    delays = measure.delays_beside(level)
    return [other for other, delay in delays.items() if is_ordinary(tester, other, delay)]


def _held(
    tester: Tester, measure: Measurements, level: int, lockouts: int, *, tries_acts: bool = False, is_long_up: bool = False
) -> Turns[Held | None]:
    if not is_ordinary(tester, level, measure.delay(level)):
        return None
    try:
        return (yield from _Lockouts(tester, measure, level).held(lockouts, tries_acts=tries_acts, is_long_up=is_long_up))
    except Inconclusive as reason:
        tester.note(f"each check needs lockouts of its own: {reason}")
        return None


class _Lockouts:
    def __init__(self, tester: Tester, measure: Measurements, level: int) -> None:
        self._tester = tester
        self._measure = measure
        self._level = level
        self._delay = measure.delay(level)
        self._allowed = tester.guesses.allowance(level, measure.limit(level))
        self._window = LockoutWindow(tester, level, self._delay.wrong_keys, self._delay.at_least_s)
        self._tried: list[str] = []
        self._others: list[bytes] = []
        self._looks = 0
        """How often a seed was requested in a later delay, long before that delay could be over."""

    def held(self, lockouts: int, *, tries_acts: bool, is_long_up: bool) -> Turns[Held | None]:
        """Make the lockouts and return them; None if a delay differed from the one that was measured first."""
        tester, level = self._tester, self._level
        tester.session_for(level)
        self._others = [request for request in other_communication(tester) if tester.request(request).is_positive]
        if not self._others:
            return None
        yield tester.link.now_s  # until all levels have seen what is served while none is locked out
        acts = self._acts() if tries_acts else []
        long = [act for act in acts if act.seconds > MOST_OF_WINDOW * self._window.longest_s]
        wrong_keys, locked = 0, ""
        if long:
            if not (yield from self._outlasts(long)):
                return None
            wrong_keys += self._delay.wrong_keys
            lockouts = max(lockouts - 1, 1)
            yield tester.link.now_s + tester.security.delay_left_s(level)
        if tries_acts:  # seeds of other levels are requested too
            others = [entry.level for entry in tester.target.security if entry.level != level]
            delayed = [other for other in others if tester.security.level(other).is_delayed]
            yield tester.link.now_s + max(map(tester.security.delay_left_s, delayed), default=0.0) - SOONER_S
        tester.session_for(level)
        for count in range(lockouts + is_long_up):
            if count:
                yield tester.link.now_s + tester.security.delay_left_s(level)
            if count == lockouts:
                yield tester.link.now_s + LONG_UP_S
            if tries_acts and not count:
                locked = self._first([act for act in acts if act not in long])
                if not locked or (long and self._window.sent > self._allowed + 2):
                    return None
                wrong_keys += self._delay.wrong_keys
                continue
            spent = self._lock_again()
            if not spent:
                return None
            wrong_keys += spent
            locked = locked or scope(tester, level)
            yield tester.link.now_s - self._since_limit_s() + EARLY * self._delay.at_least_s
            if self._since_limit_s() < EARLY_UNTIL * self._delay.at_least_s:
                if tester.guesses.seed_in_delay(level).is_seed:
                    return None
                self._looks += 1
        yield tester.link.now_s + tester.security.delay_left_s(level)
        if (lockouts > 1 and not self._looks) or not self._is_over():
            return None
        tester.security.unlock(level)
        return Held(lockouts + bool(long), wrong_keys, tuple(self._tried), len(self._others), locked, is_long_up)

    def _since_limit_s(self) -> float:
        return self._tester.link.now_s - (self._tester.security.level(self._level).last_wrong_s or 0.0)

    def _acts(self) -> list[Act]:
        """Return the acts that must not end the delay, and that leave time to look afterwards."""
        acts = [part for act in self._measure.acts_between(self._level) for part in act.parts or (act,)]
        return [act for act in acts if act.check in BETWEEN_KEYS and self._window.has_room_for(act.seconds)]

    def _outlasts(self, silences: Sequence[Act]) -> Generator[float, None, bool]:
        """Lock the level out, and return whether the delay outlasts these acts, which consist in waiting."""
        tester, level, window = self._tester, self._level, self._window
        window.open()
        yield tester.link.now_s  # until the other levels are locked out too: then all are silent
        for act in silences:
            if not window.has_time_for(act.seconds):
                return False
            yield tester.link.now_s + act.seconds
            tester.session_for(level)
            if tester.guesses.is_seed(level, tester.guesses.seed_in_delay(level)) or not window.is_early:
                return False
            self._tried.append(act.name)
        return True

    def _first(self, acts: Sequence[Act]) -> str:
        """Return the levels that this lockout locks; empty if something ended it, or another request was not served."""
        tester, level, window = self._tester, self._level, self._window
        window.open()
        entry = tester.access.protected_by(level) if tester.allows("write") else None
        is_locked = entry is not None and tester.access.locked_probe(entry, in_this_session=True).is_negative
        if is_key_compared(tester, level, window) is not None:
            return ""
        if not all(self._are_served()) or not self._doors_hold():
            return ""
        locked = scope(tester, level)
        for act in sorted(acts, key=lambda act: act.seconds):
            if not window.has_time_for(act.seconds) or ends_delay(tester, level, window, act) or not window.is_open:
                return ""
            self._tried.append(act.name)
        if entry is not None and is_locked and tester.access.locked_probe(entry, in_this_session=True).is_positive:
            return ""
        return locked

    def _lock_again(self) -> int:
        """Lock the level out once more; return how many wrong keys that took, 0 if this lockout differed from the first."""
        tester, level = self._tester, self._level
        if not self._is_over():
            return 0
        spent = tester.guesses.spend(level, self._allowed + 2)
        if not spent.is_limited or spent.evaluated + 1 < self._delay.wrong_keys:
            return 0
        is_seed = tester.guesses.is_seed(level, tester.guesses.ask(level))
        return 0 if is_seed or not all(self._are_served()) else spent.evaluated + 1

    def _is_over(self) -> bool:
        self._tester.session_for(self._level)
        reply, _ = self._tester.guesses.await_seed(self._level, self._delay.length_s)
        return self._tester.guesses.is_seed(self._level, reply)

    def _are_served(self) -> Iterator[bool]:
        self._tester.session_for(self._level)
        for request in self._others:
            if not self._tester.request(request).is_positive:
                self._tester.wait(BUSY_S, "the ECU is busy")
                yield self._tester.request(request).is_positive

    def _doors_hold(self) -> bool:
        """Whether the locked-out level gives no seed to any other form of the request, nor to a plain one after each."""
        tester, level = self._tester, self._level
        for name, door in side_doors(tester, level).items():
            if seed_in(tester, door(), level) or tester.guesses.seed_in_delay(level).is_seed or not self._window.is_early:
                return False
            self._tried.append(name)
        return True


def other_communication(tester: Tester) -> list[bytes]:
    """Return requests that have nothing to do with SecurityAccess."""
    readable = [entry.did for entry in tester.target.data if entry.read.kind == "open"]
    requests = [b"\x22" + did.to_bytes(2, "big") for did in readable[:4]]
    return [uds.keep_session(), b"\x22\xf1\x86", tester.liveness_request, *requests]


def scope(tester: Tester, level: int) -> str:
    """Say which levels are locked out together with this one."""
    others = [entry.level for entry in tester.target.security if entry.level != level]
    served = [other for other in others if tester.state.serves_during_delay(level, other)]
    locked = [other for other in others if other not in served and not tester.security.request_seed(other).is_seed]
    if not others:
        return "the only level declared"
    return "level " + ", ".join(f"0x{one:02X}" for one in (level, *locked)) + (" only" if not locked else "")
