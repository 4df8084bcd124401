"""Try once whether a key that anybody would try first opens a level; use such a key if no key function was given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from harness.analysis.simple_keys import ALL_ZERO, KeyMaker, algebraic_keys, distinct, trivial_keys
from harness.errors import HarnessError, Inconclusive, Unjudged
from harness.measurements.key_book import KeyBook
from harness.measurements.key_kinds import BLANK, OF_ZERO_SEED
from harness.tester.guesses import KeyOutcome
from harness.tester.reply import Reply
from harness.tester.security import AlreadyOpen
from harness.tester.tester import Tester
from harness.uds import Nrc
from harness.verdict import Depth

SURE_BITS = 24
"""How many right bits in all are no luck; a rule that makes short keys must open the level several times."""
SEEDS_AT_MOST = 8
"""The largest number of seeds that are requested until the right key of one differs from the key to try."""
MOST_SEEDS = 6
"""The largest number of seeds that are used to tell the rule that opened the level from other rules that fit, too."""
QUICK_KEYS, DEFAULT_KEYS = 32, 80
"""About how many keys are tried at depth quick and default, including those that find out the length."""
WAITED_AT_ONCE_S = 60.0
"""About how many seconds to pause between two seed requests while an unusual delay runs; about ten times."""
KEY_LENGTHS = (4, 2, 8, 16, 1, 3, 6, 5, 32)
"""Key lengths, tried in turn if a key as long as the seed is refused for its length."""


@dataclass(frozen=True, slots=True)
class SimpleKeys:
    """The result of trying simple keys on a level."""

    found: str
    """The name of the key that opened the level; empty if none did."""
    reply: Reply | None
    """The answer to the key that opened the level; None if none did."""
    tried: int
    compared: int
    """How many keys the ECU compared, and refused as wrong."""
    notes: tuple[str, ...]


def try_simple_keys(tester: Tester, level: int, depth: Depth, book: KeyBook) -> SimpleKeys:
    """Try every trivial key; if the level has no key function, at depth default and deep also keys of simple algebra.

    A key that is found where there was no key function becomes the tester's key function. Raises NotRun if the budget of
    wrong keys is used up, Inconclusive if the level is open or gives no seed.
    """
    tester.access.require_locked(tester.access.protected_by(level))
    tester.session_for(level)
    security = tester.security
    first = None if security.has_key(level) else _learn_key_length(tester, level)
    candidates = dict(_candidates(tester, level, depth, first))
    compared = 0
    notes: list[str] = []
    once: tuple[str, Reply] | None = None
    for name, make_key in candidates.items():
        if name in book.sent and name not in book.opened and name not in BLANK:
            compared += 1
            continue
        reply = first.reply if first is not None and name == ALL_ZERO else _try(tester, level, make_key)
        outcome = tester.guesses.outcome(level, reply)
        if outcome is KeyOutcome.OPENED:
            rivals = [one for other, one in candidates.items() if other != name]
            if _opens_again(tester, level, make_key, rivals):
                if not security.has_key(level):
                    security.take_found_key(level, make_key, name)
                return SimpleKeys(name, reply, len(candidates), compared, tuple(notes))
            if _seeds_to_be_sure(tester, level) > 1:
                notes.append(f"{name} opened the level for one seed, and not for the next: chance, with keys so short")
                continue
            notes.append(f"{name} opened the level for one seed, and not for the next")
            once = once or (name, reply)
        elif outcome in (KeyOutcome.WRONG, KeyOutcome.LIMITED):
            compared += 1
        else:
            notes.append(f"{name}: not compared, {reply}")
    if not security.has_key(level):
        _start_counting_anew(tester, level)
    opened = book.opened_for("SA-32")
    if opened is not None and opened.is_proven:
        once = once or (opened.kind.name, opened.attempt.reply)
    found, answer = once or ("", None)
    return SimpleKeys(found, answer, len(candidates), compared, tuple(notes))


def _start_counting_anew(tester: Tester, level: int) -> None:
    """Send wrong keys until the ECU locks the level out, and wait for its delay, so that it counts from the beginning."""
    with suppress(Unjudged):
        for _ in range(tester.security.level(level).seen_limit):
            if tester.guesses.guess(level).is_limited:
                tester.session_for(level)
                tester.security.seed(level)
                return


def find_missing_keys(tester: Tester, simple_keys: Callable[[int], SimpleKeys], depth: Depth) -> None:
    """Try simple keys on levels without a key function before any check needs a key; errors are left for checks to report.

    A level is left out if that could take more than half of its remaining budget of wrong keys, since checks need some, too.
    """
    most = depth.choose(quick=QUICK_KEYS, default=DEFAULT_KEYS, deep=DEFAULT_KEYS)
    for entry in tester.target.security:
        left = tester.security.ledger.left(entry.level)
        if tester.security.has_key(entry.level) or (left is not None and left < 2 * most):
            continue
        try:
            tester.restore()
            simple_keys(entry.level)
        except (Unjudged, HarnessError):
            _wait_out(tester, entry.level)


def _wait_out(tester: Tester, level: int) -> None:
    """Wait for the end of an unusually long delay, so that it does not disturb checks that send no keys."""
    state = tester.security.level(level)
    if not (state.is_locked_out and state.wrong_in_a_row):
        return
    with suppress(Unjudged, HarnessError):
        reply, waited_s = tester.guesses.await_seed(level, WAITED_AT_ONCE_S)
        if tester.guesses.is_seed(level, reply):
            tester.state.waited_out(level, waited_s, is_over=True)


def _candidates(tester: Tester, level: int, depth: Depth, first: _First | None) -> Iterator[tuple[str, KeyMaker]]:
    security = tester.security
    length = security.key_length(level)
    if first is None:
        yield from distinct(trivial_keys(length), security.level(level).seed_lengths).items()
        yield OF_ZERO_SEED, lambda seed: security.right_key(level, bytes(len(seed)))
        return
    yield from _for_each_seed(trivial_keys, length, first.is_as_long_as_seed)
    if depth is not Depth.QUICK:
        yield from _for_each_seed(algebraic_keys, length, first.is_as_long_as_seed)
        yield "the seed twice", lambda seed: seed + seed


def _for_each_seed(
    makers: Callable[[int], dict[str, KeyMaker]], length: int, is_as_long_as_seed: bool
) -> Iterator[tuple[str, KeyMaker]]:
    """Yield makers of keys that have one length, or the length of their seed, since some ECUs vary that length."""
    for name, make_key in makers(length).items():
        yield name, (lambda seed, name=name: makers(len(seed))[name](seed)) if is_as_long_as_seed else make_key  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class _First:
    """The answer to the first key of zeros that was not refused for its length."""

    reply: Reply
    is_as_long_as_seed: bool


def _learn_key_length(tester: Tester, level: int) -> _First:
    """Send keys of zeros, of different lengths, until the ECU refuses one for another reason than its length."""
    security = tester.security
    as_seed = security.key_length(level)
    for length in (as_seed, *KEY_LENGTHS):
        tester.state.learn_length(level, length)
        reply = _try(tester, level, trivial_keys(length)[ALL_ZERO])
        if not reply.is_refused_with(Nrc.INCORRECT_MESSAGE_LENGTH):
            return _First(reply, length == as_seed)
    tester.state.learn_length(level, as_seed)
    return _First(reply, True)


def _try(tester: Tester, level: int, make_key: KeyMaker) -> Reply:
    security = tester.security

    def key_of(seed: bytes) -> bytes:
        key = make_key(seed)
        if security.has_key(level) and level not in security.found_keys and key == security.right_key(level, seed):
            raise _IsRight
        return key

    for _ in range(SEEDS_AT_MOST):
        with suppress(_IsRight):
            return security.try_key(level, key_of)[2]
    raise Inconclusive("for each seed that was given, a key that anybody would try first is the right one")


class _IsRight(Exception):
    """Raised if the key to try happens to be the right key for this seed."""


def _seeds_to_be_sure(tester: Tester, level: int) -> int:
    """Return for how many seeds a rule must give the right key before luck is excluded."""
    return -(-SURE_BITS // (8 * tester.security.key_length(level)))


def _opens_again(tester: Tester, level: int, make_key: KeyMaker, rivals: Sequence[KeyMaker]) -> bool:
    """Send keys by the same rule for further seeds; return whether they open the level often enough to exclude luck.

    `rivals` are rules that made the same keys so far, as halving and rotating by a bit often do: further seeds tell them
    apart. A long key is no luck; it stands even if the ECU cannot be locked to try again.
    """
    needed = _seeds_to_be_sure(tester, level) - 1
    if not tester.access.can_relock:
        if needed:
            raise Inconclusive("a key as short as this may fit by chance, and nothing locks the ECU again to try once more")
        return True
    for count in range(max(needed, MOST_SEEDS)):
        tester.access.lock()
        try:
            seed, reply = _try_locked(tester, level, make_key)
        except Unjudged:
            if needed:
                raise
            return True
        if tester.guesses.outcome(level, reply) is not KeyOutcome.OPENED:
            return False
        rivals = [rival for rival in rivals if rival(seed) == make_key(seed)]
        if count + 1 >= needed and not rivals:
            break
    tester.access.lock()
    return True


def _try_locked(tester: Tester, level: int, make_key: KeyMaker) -> tuple[bytes, Reply]:
    """Send a key made by a rule, after a restart if the level seems open; return the seed and the answer to the key."""
    try:
        seed, _, reply = tester.security.try_key(level, make_key)
    except AlreadyOpen:
        tester.restore()
        seed, _, reply = tester.security.try_key(level, make_key)
    return seed, reply
