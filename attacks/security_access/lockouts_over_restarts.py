"""Restart the ECU while several levels are locked out, so that each restart tests all of their delays."""

from collections.abc import Callable, Mapping, Sequence

from attacks.security_access.lockout_window import LockoutWindow
from attacks.security_access.lockouts_in_a_row import is_ordinary, ordinary_beside
from harness import Depth, Inconclusive, Measurements, Tester

Ways = Mapping[str, Callable[[], bool | None]]
SHARE_BEFORE = 0.2
"""The share of the delay that passes before the ECU is restarted."""


def outlast_restarts(tester: Tester, measure: Measurements, depth: Depth, level: int, ways: Ways) -> tuple[str, ...]:
    """Lock out this level and others together, restart the ECU, and name the restarts that this level's delay outlasted.

    Return an empty tuple if there is no other level or the ECU behaved irregularly; the check then makes its own lockout.
    """
    if depth is Depth.DEEP or not is_ordinary(tester, level, measure.delay(level)):
        return ()
    levels = tuple(sorted((level, *ordinary_beside(tester, measure, level))))
    if len(levels) == 1:
        return ()

    def together() -> dict[int, tuple[str, ...]]:
        try:
            return _Together(tester, measure, levels, ways).held(depth)
        except Inconclusive as reason:
            tester.note(f"each level needs lockouts of its own: {reason}")
            return {}

    return measure.once(("over restarts", levels), together).get(level, ())


class _Together:
    def __init__(self, tester: Tester, measure: Measurements, levels: Sequence[int], ways: Ways) -> None:
        self._tester = tester
        self._levels = [*levels]
        """The levels whose delays have outlasted every restart so far."""
        self._delays = {level: measure.delay(level) for level in levels}
        self._ways = ways

    def held(self, depth: Depth) -> dict[int, tuple[str, ...]]:
        """Return, by level, the restarts that its delay has outlasted; a level that behaved irregularly is left out."""
        is_at_once = depth is not Depth.QUICK
        names = self._restart([*self._ways], is_at_once=is_at_once)
        if is_at_once and len(names) > 1:
            self._restart(names[-1:], is_at_once=True)
        return {level: tuple(names) for level in self._levels if names}

    def _restart(self, names: Sequence[str], *, is_at_once: bool = False) -> list[str]:
        """Restart the ECU in each named way within one lockout of all levels; return the ways that the ECU offers.

        `is_at_once`: restart also right after the last wrong key, in the first of these ways, before a slow ECU has stored
        the lockout.
        """
        tester = self._tester
        tester.restore()
        windows = {
            level: LockoutWindow(tester, level, delay.wrong_keys, delay.at_least_s) for level, delay in self._delays.items()
        }
        offered: list[str] = []
        for name in names if self._levels else ():
            for level in self._levels:
                windows[level].open()
            if is_at_once and not offered:
                self._ways[name]()
            self._let_pass(windows)
            seen = self._ways[name]()
            if seen is None:
                continue
            offered.append(name)
            for level in [*self._levels]:
                tester.session_for(level)
                reply = tester.guesses.ask(level)
                if not seen or not tester.guesses.is_limited(level, reply):
                    self._levels.remove(level)
            if not self._levels:
                break
        while offered and any(windows[level].is_early for level in self._levels):
            tester.wait(min(self._delays[level].at_least_s for level in self._levels) / 20, "delays after a restart")
            self._require_no_seeds(windows)
        return offered

    def _let_pass(self, windows: Mapping[int, LockoutWindow]) -> None:
        """Wait until `SHARE_BEFORE` of each delay has passed; leave out levels that already give a seed."""
        left_s = [SHARE_BEFORE * windows[level].delay_s - windows[level].elapsed_s for level in self._levels]
        self._tester.wait(max([0.0, *left_s]), "delays before a restart")
        self._require_no_seeds(windows)

    def _require_no_seeds(self, windows: Mapping[int, LockoutWindow]) -> None:
        """Leave out the levels that give a seed before their delay can be over."""
        for level in [*self._levels]:
            self._tester.session_for(level)
            if self._tester.guesses.is_seed(level, self._tester.guesses.seed_in_delay(level)) and windows[level].is_early:
                self._levels.remove(level)
