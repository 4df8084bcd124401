"""Send rows of wrong keys, and observe whether the ECU stops each row at the limit, whatever the row varies.

A row varies several things at once: the kind of keys, an act between two keys, the place and the ECU's state. If the ECU
lets a row go beyond the limit, each of these is varied by itself in a row of its own; what breaks it then is to blame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from allpairspy import AllPairs

from harness.errors import Inconclusive, Unjudged
from harness.measurements.between_keys import Act
from harness.measurements.key_book import KeyBook
from harness.measurements.key_kinds import PLAIN, KeyKind
from harness.measurements.places import Place, PlaceState, home_of, places_of, states_of
from harness.measurements.side_by_side import Steps
from harness.runs.findings import Exchange
from harness.tester.guesses import ODD_ANSWERS, ODD_PAUSE_S, Attempt, KeyOutcome
from harness.tester.reply import Reply
from harness.tester.security import delay_of
from harness.tester.tester import Tester
from harness.verdict import Depth, Severity

NOTHING = Act("nothing", "", lambda: None)
"""The absence of an act between two keys."""

ENOUGH_ROWS = 24
"""The largest number of rows at depth default, besides those that are needed to vary each thing once."""
FEWEST_KEYS_FOR_TWO = 3
"""The lowest limit of wrong keys at which two rows can be joined: each row's act needs a pause between keys."""
DELAYS_WAITED = 4
"""The number of delays to wait if a place gives no seed after another place was locked out."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of wrong keys varies."""

    act: Act
    place: Place
    state: PlaceState
    kind: KeyKind | None = None
    """The kind of all keys of the row; None if the keys are of different kinds."""
    then: Row | None = None
    """A second row that takes over after the first key of this one, so that both rows cost one lockout."""

    @property
    def parts(self) -> list[Row]:
        """This row without its second row, and then the second row, if there is one."""
        return [self] if self.then is None else [replace(self, then=None), self.then]

    @property
    def asks_others(self) -> bool:
        """Whether the row requests seeds of other levels."""
        return any(part.act.asks_others or part.state.asks_others for part in self.parts)

    @property
    def names(self) -> set[str]:
        """The names of all acts, places and states that the row varies."""
        return {one.name for part in self.parts for one in (part.act, part.place, part.state)}

    def __str__(self) -> str:
        if self.then is not None:
            return ", then ".join(map(str, self.parts))
        parts = []
        if self.kind is not None and self.kind.name != PLAIN:
            parts.append(self.kind.name)
        if self.act is not NOTHING:
            parts.append(f"{self.act.name} between them")
        parts += [one.words for one in (self.place, self.state) if one.words]
        return ", ".join(parts) or "plain wrong keys"


@dataclass(frozen=True, slots=True)
class Break:
    """A varied thing (kind of keys, act, place or state) that lets wrong keys go on beyond the limit."""

    check: str
    """The id of the check that fails because of this break of the limit."""
    what: str
    evaluated: int
    """How many wrong keys the ECU compared before the tester stopped; the ECU would have compared more."""
    exchanges: tuple[Exchange, ...]
    severity: Severity | None = None


@dataclass(slots=True)
class Attempts:
    """The results of all rows."""

    limit: int
    breaks: list[Break] = field(default_factory=list)
    tried: dict[str, list[str]] = field(default_factory=dict)
    """By check: what the rows varied, in words."""
    held: set[str] = field(default_factory=set)
    """The names in `tried` that belong to a row which the ECU stopped at the limit."""
    undecided: dict[str, list[str]] = field(default_factory=dict)
    """By check: the reasons why rows could not be judged."""

    def of(self, check: str) -> list[Break]:
        """Return the breaks of the limit that make this check fail."""
        return [one for one in self.breaks if one.check == check]


@dataclass(frozen=True, slots=True)
class _Run:
    """How one row went."""

    evaluated: int
    is_held: bool
    """Whether the ECU stopped the row at the limit, by refusing a seed or, if it never refuses seeds, a key."""
    kinds: tuple[KeyKind, ...]
    last: tuple[Reply, ...] = ()
    opened_by: KeyKind | None = None


def take_attempts(
    tester: Tester, level: int, limit: int, depth: Depth, book: KeyBook, acts: Sequence[Act], *, holds: bool = False
) -> Steps[Attempts]:
    """Send every row that the depth allows, one row in each step; `acts` may come between two keys.

    `holds`: whether the ECU was already seen to refuse seeds after the limit; if not, the first rows find that out.
    """
    return _Rows(tester, level, limit, depth, book).taken(acts, holds=holds)


class _Rows:
    def __init__(self, tester: Tester, level: int, limit: int, depth: Depth, book: KeyBook) -> None:
        self._tester = tester
        self._level = level
        self._limit = limit
        self._depth = depth
        self._book = book
        self._allowed = tester.guesses.allowance(level, limit)
        self._found = Attempts(limit)
        self._home = home_of(tester, level)
        self._plain = PlaceState("", "", lambda: None)
        self._guilty: set[str] = set()
        """The names of the varied things that are known to break the limit."""
        self._begun_s = tester.link.now_s
        self._is_kept = True
        """Whether the ECU refuses seeds after the limit; if not, only the NRC of the last key shows the limit."""

    def taken(self, between: Sequence[Act], *, holds: bool) -> Steps[Attempts]:
        """Send all rows, and return the results."""
        yield True
        tester, found = self._tester, self._found
        self._begun_s = tester.link.now_s
        self._is_kept = holds or self._is_kept_at_limit()
        acts = [NOTHING, *between]
        places = [self._home, *places_of(tester, self._level)]
        states = [self._plain, *states_of(tester, self._level, self._home)]
        varied: list[Act | Place | PlaceState] = [*acts[1:], *places[1:], *states[1:]]
        for one in varied:
            for check in _checks_of(one):
                found.tried.setdefault(check, []).append(one.name)
        is_first = self._level == min(entry.level for entry in tester.target.security)
        plan = sorted(self._plan(acts, places, states), key=lambda row: row.asks_others is not is_first)
        for planned in plan:  # what needs the other levels at different times for each level
            parts = [part for part in planned.parts if not self._guilty & part.names]
            if not parts:
                continue  # known to go on beyond the limit
            row = planned if len(parts) == len(planned.parts) else parts[0]
            if self._has_time():
                yield row.asks_others
                self._judge(row)
            else:
                self._leave_open(row, "left out: each row waits for a delay, and this depth has no time for all of them")
        while self._book.has_uncounted_kinds:
            yield False
            if not self._judge(Row(NOTHING, self._home, self._plain)):
                break
        found.tried["SA-09"] = self._book.sent_kinds()
        return found

    def _plan(self, acts: list[Act], places: list[Place], states: list[PlaceState]) -> Iterator[Row]:
        """Plan rows in which each value comes at least once, combined with other values as far as the depth allows.

        At depth deep, rows also vary the kind of keys: the keys of some rows are all of one kind that the ECU may not count.
        """
        kinds = [*self._book.kinds.counted_oddly().values()] if self._depth is Depth.DEEP else []
        factors: list[list[Any]] = [acts, places, states, [None, *kinds]]
        first = list(_each_once(acts, places, states))
        yield from first
        if self._depth is Depth.QUICK:
            return
        plain = Row(*(values[0] for values in factors))
        more = [row for row in (Row(*values) for values in _pairwise(factors)) if row not in (plain, *first)]
        if self._depth is Depth.DEEP:
            yield from more
        else:
            yield from _two_in_one(more[:ENOUGH_ROWS]) if self._limit >= FEWEST_KEYS_FOR_TWO else more[:ENOUGH_ROWS]

    def _has_time(self) -> bool:
        """Whether there is time for another row; always on a simulated ECU, where time costs nothing."""
        seconds = self._depth.choose(quick=180.0, default=900.0, deep=86_400.0)
        return self._tester.link.is_virtual or self._tester.link.now_s - self._begun_s < seconds

    def _is_kept_at_limit(self) -> bool:
        """Send wrong keys of several kinds, then plain ones; return whether the ECU refuses seeds after the limit."""
        row = Row(NOTHING, self._home, self._plain)
        if self._run(row, self._allowed, is_kept=True).is_held:
            return True
        return self._run(replace(row, kind=self._book.kinds.plain), self._allowed + 2, is_kept=True).is_held

    def _judge(self, row: Row) -> bool:
        """Send a row of wrong keys, and search for the cause if the ECU does not stop it at the limit.

        Return whether the row could be judged.
        """
        for _ in range(3):
            try:
                run = self._run(row, self._allowed)
            except Unjudged as reason:
                if row.then is not None:
                    are_judged = [self._judge(part) for part in row.parts]
                    return all(are_judged)
                alone = self._each_alone(row)
                if len(alone) < 2:
                    self._leave_open(row, str(reason))
                    return False
                return sum(self._judge(one) for one in alone) == len(alone)
            if run.opened_by is None:
                break
        if run.is_held:
            self._found.held |= row.names
        elif run.opened_by is None:
            self._look_into(row, run)
        return True

    def _each_alone(self, row: Row) -> list[Row]:
        """Return a row for each act, place and state of this row; each varies only that act, place or state."""
        plain = Row(NOTHING, self._home, self._plain, row.kind)
        rows = [replace(plain, act=row.act), replace(plain, place=row.place), replace(plain, state=row.state)]
        return [one for one in rows if one != plain]

    def _leave_open(self, row: Row, why: str) -> None:
        varied = [one for part in row.parts for one in (part.act, part.place, part.state)]
        for check in (check for one in varied for check in _checks_of(one)):
            if check and why:
                self._found.undecided.setdefault(check, []).append(f"{row}: {why}")

    # One row.

    def _run(self, row: Row, wanted: int, *, is_kept: bool | None = None) -> _Run:
        """Send wrong keys until the ECU gives no seed, or has compared `wanted` of them.

        Raises Inconclusive if the ECU gives no seed to answer, and announces no limit either.
        """
        tester, guesses, level = self._tester, self._tester.guesses, self._level
        is_kept = self._is_kept if is_kept is None else is_kept
        tester.security.ledger.check(level, wanted)
        tester.restore(for_level=None if row.asks_others else level)
        guesses.start(level)
        place = row.state.place or row.place
        row.state.prepare()
        place.enter()
        every = max(self._limit - 1, 1)
        evaluated, previous = 0, b""
        kinds: list[KeyKind] = []
        last: list[Reply] = []
        while evaluated < wanted:
            act = NOTHING if evaluated == 0 or evaluated % every else (row.then or row).act
            if evaluated == 1 and row.then is not None:
                act, place = row.act, row.then.place
            if act is not NOTHING:
                act.do()
            if act.leaves_place or (evaluated == 1 and row.then is not None):
                place.enter()
            with row.state.around():
                seed = self._seed(place, is_first=not evaluated)
                if guesses.is_limited(level, seed):
                    return _Run(evaluated, True, tuple(kinds), (seed,))
                if not guesses.is_seed(level, seed):
                    tester.cite(seed)
                    raise Inconclusive(f"no seed to answer, and no limit is announced: {seed}")
                may_repeat = bool(previous) or self._allowed == 1
                kind = row.kind or self._book.next_kind(may_repeat=may_repeat, is_home=not place.check)
                attempt = self._attempt(place, kind, seed.pdu[2:], previous)
                previous = attempt.key
            kinds.append(kind)
            last = [attempt.reply]
            if attempt.outcome is KeyOutcome.OPENED:
                tester.access.lock()
                return _Run(evaluated, False, tuple(kinds), tuple(last), kind)
            if attempt.outcome is KeyOutcome.LIMITED and not is_kept:
                return _Run(evaluated + 1, True, tuple(kinds), tuple(last))
            if attempt.outcome not in (KeyOutcome.WRONG, KeyOutcome.LIMITED):
                tester.cite(attempt.reply)
                raise Inconclusive(f"a wrong key was not compared: {attempt.reply}")
            evaluated += 1
        with row.state.around():
            after = self._seed(place)
        return _Run(evaluated, guesses.is_limited(level, after), tuple(kinds), (*last, after))

    def _seed(self, place: Place, *, is_first: bool = False) -> Reply:
        """Request a seed; before the row's first seed, wait for the end of a delay that was begun in another place."""
        reply = place.ask()
        for _ in range(DELAYS_WAITED if is_first else 0):
            if not reply.is_delayed:
                break
            self._tester.wait(self._tester.security.delay_s(self._level) + 0.5, delay_of(self._level))
            place.enter()
            reply = place.ask()
        return reply

    def _attempt(self, place: Place, kind: KeyKind, seed: bytes, previous: bytes) -> Attempt:
        book = self._book

        def make_key(seed: bytes) -> bytes:
            return book.make(kind, seed, previous)

        guesses = self._tester.guesses
        attempt = guesses.attempt(self._level, seed, make_key, place.send)
        for _ in range(ODD_ANSWERS if place.send is not None else 0):
            if attempt.outcome is not KeyOutcome.ODD or attempt.reply.is_silence:
                break
            self._tester.wait(ODD_PAUSE_S, "whether an odd refusal passes")
            again = place.ask()
            if not guesses.is_seed(self._level, again):
                break
            attempt = guesses.attempt(self._level, again.pdu[2:], make_key, place.send)
        if place.may_be_silent and attempt.reply.is_silence and attempt.outcome is KeyOutcome.ODD:
            attempt = replace(attempt, outcome=KeyOutcome.WRONG)
        if attempt.outcome is KeyOutcome.WRONG and attempt.reply.is_positive and self._gives_seed_of_open_level(place):
            attempt = replace(attempt, outcome=KeyOutcome.OPENED)
        book.keep(kind, attempt)
        return attempt

    def _gives_seed_of_open_level(self, place: Place) -> bool:
        """Request a seed; return whether a zero seed shows that the level is open, where no guarded effect can show it."""
        reply = place.ask()
        is_zero = reply.is_positive and len(reply.pdu) > 2 and not any(reply.pdu[2:])
        return is_zero and not self._tester.security.level(self._level).gives_zero_seeds

    # A row that went on.

    def _look_into(self, row: Row, first: _Run) -> None:
        """Find out which of the things that the row varies breaks the limit, and record it."""
        wanted = max(3 * self._allowed, self._allowed + 2)
        kinds = dict.fromkeys(first.kinds)
        plain = Row(NOTHING, self._home, self._plain, self._book.kinds.plain)
        if self._breaks(plain, wanted) is not None:
            self._leave_open(row, "plain wrong keys go on beyond the limit too")
            return
        alone = [Row(NOTHING, self._home, self._plain, kind) for kind in kinds]
        for part in row.parts:
            if part.place is not self._home:
                alone.append(Row(NOTHING, part.place, self._plain, plain.kind))
            if part.state is not self._plain:
                alone.append(Row(NOTHING, self._home, part.state, plain.kind))
            if part.act is not NOTHING:
                alone.append(Row(part.act, self._home, self._plain, plain.kind))
        is_found = sum([self._blame(one, wanted) for one in dict.fromkeys(alone)]) > 0
        for part in () if is_found else row.parts:
            if (run := self._breaks(part, wanted)) is not None:
                check = next((one.check for one in (part.state, part.place, part.act) if one.check), "SA-09")
                self._add(Break(check, str(part), run.evaluated, _shown(run)))

    def _breaks(self, row: Row, wanted: int) -> _Run | None:
        """Send a row, and return how it went if the ECU took it beyond the limit, else None."""
        try:
            run = self._run(row, wanted)
        except Unjudged as reason:
            self._leave_open(row, str(reason))
            return None
        if not run.is_held and run.opened_by is None:
            return run
        if run.evaluated > self._allowed + 1:
            self._leave_open(row, f"{run.evaluated} wrong keys were compared, and then no more; the limit is {self._limit}")
        return None

    def _blame(self, row: Row, wanted: int) -> bool:
        """Send a row; return whether it breaks the limit, and if it does, record which of its parts do so alone."""
        run = self._breaks(row, wanted)
        if run is None:
            return False
        if row.act is NOTHING:
            owner = next((one for one in (row.state, row.place) if one.check), None)
            self._guilty |= {owner.name} if owner else set()
            check = owner.check if owner else "SA-09"
            self._add(Break(check, str(row), run.evaluated, _shown(run), row.place.severity))
            return True
        guilty = [part for part in row.act.parts if self._breaks(self._with(row, part), wanted) is not None]
        already = [one.name for one in row.act.comes_with if self._breaks(self._with(row, one), wanted) is not None]
        if already:
            self._guilty.add(row.act.name)
            self._leave_open(row, f"what it does cannot be told: {', '.join(already)} puts the count back already")
            return True
        self._guilty.add(row.act.name)
        for check in dict.fromkeys(one.check for one in guilty or [row.act]):
            names = ", ".join(one.name for one in guilty if one.check == check) or row.act.name
            severity = next((one.severity for one in guilty if one.check == check), row.act.severity)
            self._add(Break(check, f"{names} between them", run.evaluated, _shown(run), severity))
        return True

    def _with(self, row: Row, act: Act) -> Row:
        return Row(act, row.place, row.state, row.kind)

    def _add(self, found: Break) -> None:
        if all((one.check, one.what) != (found.check, found.what) for one in self._found.breaks):
            self._found.breaks.append(found)


def _checks_of(varied: Act | Place | PlaceState) -> list[str]:
    return varied.checks if isinstance(varied, Act) else [varied.check]


def _shown(run: _Run) -> tuple[Exchange, ...]:
    return tuple(reply.exchange() for reply in run.last)


def _each_once(acts: list[Act], places: list[Place], states: list[PlaceState]) -> Iterator[Row]:
    """Plan a few rows in which each act, place and state comes once, combined with others where compatible, else alone."""
    plain: list[Act | Place | PlaceState] = [acts[0], places[0], states[0]]
    left: list[list[Act | Place | PlaceState]] = [[*acts[1:]], [*places[1:]], [*states[1:]]]
    while any(left):
        row: list[Any] = [*plain]
        for at, values in enumerate(left):
            row[at] = next((one for one in values if _can_be([*row[:at], one, *row[at + 1 :]])), plain[at])
        left = [[one for one in values if one is not chosen] for values, chosen in zip(left, row, strict=True)]
        yield Row(*row)


def _two_in_one(rows: list[Row]) -> Iterator[Row]:
    """Join pairs of rows of the same state into one row each, since each lockout costs a delay.

    Only one pause between keys of a row has an act, and the other pauses have none: a row without an act is left out if
    another row has its place. A row whose act the ECU may count as a wrong key stays alone, since that count could hide a
    key that the ECU forgets in the other row.
    """
    rows = [row for row in rows if row.act is not NOTHING or all(one.place is not row.place for one in rows if one != row)]
    while rows:
        row = rows.pop(0)
        fits = [one for one in rows if one.state is row.state and one.kind is row.kind and one.act is not row.act]
        fits = [] if row.act.may_count else [one for one in fits if not one.act.may_count]
        if fits:
            rows.remove(fits[0])
        yield replace(row, then=fits[0]) if fits else row


def _pairwise(factors: list[list[Any]]) -> Iterator[list[Any]]:
    """Plan rows in which any two compatible values of different factors meet at least once."""
    several = [values for values in factors if len(values) > 1]
    if len(several) < 2:
        return
    for row in AllPairs(several, filter_func=_can_be):
        found = iter(row)
        yield [next(found) if len(values) > 1 else values[0] for values in factors]


def _can_be(row: list[Any]) -> bool:
    """Whether the values can be combined in a row: a state is not combined with places, nor with acts that would end it."""
    place = next((one for one in row if isinstance(one, Place)), None)
    state = next((one for one in row if isinstance(one, PlaceState)), None)
    act = next((one for one in row if isinstance(one, Act)), NOTHING)
    if state is None or not state.name:
        return True
    is_home = place is None or not place.check
    return is_home and (act is NOTHING or not state.is_lost_by_acts)
