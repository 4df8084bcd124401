"""Lock a level out twice in a row, for several checks: what must not end the delay, what it must not affect, its end."""

from __future__ import annotations

from dataclasses import dataclass

from attacks.security_access.lockout_window import EARLY_UNTIL, LockoutWindow, early_look, ends_delay
from attacks.security_access.side_doors import is_key_compared, seed_in, side_doors
from harness import Inconclusive, Measurements, Tester, uds
from harness.measurements import Delay

BETWEEN_KEYS = ("SA-11", "SA-14")
"""The checks whose acts between two keys must not end a delay either."""
BUSY_S = 0.5
"""Seconds after which an ECU that does not serve a request is asked again: it may be busy for a moment."""


@dataclass(frozen=True, slots=True)
class Held:
    """Two lockouts that nothing ended early, that affected nothing but seeds, and that ended."""

    wrong_keys: int
    """How many wrong keys led to each of them, without a right one."""
    tried: tuple[str, ...]
    """What was done in the first delay without a seed being given, in words."""
    served: int
    """How many other requests were served during it."""
    locked: str
    """Which levels it locked, in words."""


def hold_twice(tester: Tester, measure: Measurements, level: int, delay: Delay) -> Held | None:
    """Lock the level out twice, once a run for all checks that ask.

    Return None if something was not in order, or the delay is too short for all of it; each check then finds its own cause
    in a lockout of its own.
    """
    return measure.once(("two lockouts", level), lambda: _hold_twice(tester, measure, level, delay))


def _hold_twice(tester: Tester, measure: Measurements, level: int, delay: Delay) -> Held | None:
    if delay.seconds is None or delay.is_too_short or delay.is_restarted_by_requests or not delay.at_least_s:
        return None
    if not tester.security.level(level).is_proven or not tester.access.can_relock:
        return None
    try:
        return _TwoLockouts(tester, measure, level, delay).held()
    except Inconclusive as reason:
        tester.note(f"each check needs a lockout of its own: {reason}")
        return None


class _TwoLockouts:
    def __init__(self, tester: Tester, measure: Measurements, level: int, delay: Delay) -> None:
        self._tester = tester
        self._measure = measure
        self._level = level
        self._delay = delay
        self._window = LockoutWindow(tester, level, delay.wrong_keys, delay.at_least_s)
        self._tried: list[str] = []

    def held(self) -> Held | None:
        tester, level, window = self._tester, self._level, self._window
        acts = [part for act in self._measure.acts_between(level) for part in act.parts or (act,)]
        acts = [act for act in acts if act.check in BETWEEN_KEYS and window.has_room_for(act.seconds)]
        tester.restore()
        tester.session_for(level)
        others = [request for request in other_communication(tester) if tester.request(request).is_positive]
        window.open()
        entry = tester.access.protected_by(level) if tester.allows("write") else None
        is_locked = entry is not None and tester.access.locked_probe(entry, in_this_session=True).is_negative
        if not others or is_key_compared(tester, level, window) is not None:
            return None
        if not all(map(self._is_served, others)) or not self._doors_hold():
            return None
        locked = scope(tester, level)
        for act in sorted(acts, key=lambda act: act.seconds):
            if not window.has_time_for(act.seconds) or ends_delay(tester, level, window, act) or not window.is_open:
                return None
            self._tried.append(act.name)
        if entry is not None and is_locked and tester.access.locked_probe(entry, in_this_session=True).is_positive:
            return None
        reply, _ = tester.guesses.await_seed(level, self._delay.length_s)
        if not tester.guesses.is_seed(level, reply):
            return None
        again = self._locked_again()
        return Held(self._delay.wrong_keys + again, tuple(self._tried), len(others), locked) if again else None

    def _is_served(self, request: bytes) -> bool:
        if self._tester.request(request).is_positive:
            return True
        self._tester.wait(BUSY_S)
        return self._tester.request(request).is_positive

    def _doors_hold(self) -> bool:
        """Whether every form of the request, and a plain one after it, is refused a seed."""
        tester, level = self._tester, self._level
        for name, door in side_doors(tester, level).items():
            if seed_in(tester, door(), level) or tester.guesses.seed_in_delay(level).is_seed or not self._window.is_early:
                return False
            self._tried.append(name)
        return True

    def _locked_again(self) -> int:
        """Return how many wrong keys led to a second lockout that is like the first and ends; 0 if it is different."""
        tester, level, delay = self._tester, self._level, self._delay
        limit = self._measure.limit(level)
        spent = tester.guesses.spend(level, tester.guesses.allowance(level, limit) + 2)
        if not spent.is_limited or spent.evaluated + 1 < delay.wrong_keys:
            return 0
        asked_s = tester.link.now_s
        following = tester.guesses.ask(level)
        if tester.guesses.is_seed(level, following):
            return 0
        look = early_look(tester, level, delay, tester.link.now_s - asked_s)
        if look is None or tester.guesses.is_seed(level, look[0]) or look[1] >= EARLY_UNTIL * delay.at_least_s:
            return 0
        reply, _ = tester.guesses.await_seed(level, delay.length_s)
        if not tester.guesses.is_seed(level, reply):
            return 0
        tester.security.unlock(level)
        return spent.evaluated + 1


def other_communication(tester: Tester) -> list[bytes]:
    """Yield requests that have nothing to do with SecurityAccess."""
    readable = [entry.did for entry in tester.target.data if entry.read.kind == "open"]
    requests = [b"\x22" + did.to_bytes(2, "big") for did in readable[:4]]
    return [uds.keep_session(), b"\x22\xf1\x86", tester.liveness_request, *requests]


def scope(tester: Tester, level: int) -> str:
    """Say which levels are locked with this one."""
    others = [entry.level for entry in tester.target.security if entry.level != level]
    locked = [other for other in others if not tester.security.request_seed(other).is_seed]
    if not others:
        return "the only level declared"
    return "level " + ", ".join(f"0x{one:02X}" for one in (level, *locked)) + (" only" if not locked else "")
