"""Does a key that anybody would try first open a level? Tried once; a key that is found is used where none was given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from harness.analysis.simple_keys import ALL_ZERO, KeyMaker, algebraic_keys, trivial_keys
from harness.errors import HarnessError
from harness.outcome import Inconclusive, Unjudged
from harness.run import Depth
from harness.tester.reply import Reply
from harness.tester.tester import Tester
from harness.uds import Nrc

COMPARED = (Nrc.INVALID_KEY, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)
SURE_BITS = 24
"""A key is no luck if so many of its bits were right: short ones have to open the level several times."""
KEY_LENGTHS = (4, 2, 8, 16, 1, 3, 6, 5, 32)
"""Tried in turn, where a key as long as the seed is refused for its length."""


@dataclass(frozen=True, slots=True)
class SimpleKeys:
    """What came of trying."""

    found: str
    """What opened the level; empty if nothing did."""
    reply: Reply | None
    """The answer to it."""
    tried: int
    compared: int
    """How many were answered as wrong (0x35)."""
    notes: tuple[str, ...]


def try_simple_keys(tester: Tester, level: int, depth: Depth) -> SimpleKeys:
    """Every trivial key; and where no key function is given, those of simple algebra too, from depth default on.

    What is found without a key function is the tester's key from then on. NotRun: the budget of wrong keys is used up.
    Inconclusive: the level is open, or gives no seed.
    """
    tester.access.require_locked(tester.access.protected_by(level))
    tester.session_for(level)
    security = tester.security
    first = None if security.has_key(level) else _learn_key_length(tester, level)
    candidates = dict(_candidates(tester, level, depth, first))
    compared, notes = 0, []
    for name, make_key in candidates.items():
        reply = first.reply if first is not None and name == ALL_ZERO else _try(tester, level, make_key)
        if reply.is_positive:
            if not _opens_again(tester, level, make_key):
                notes.append(f"{name} opened the level for one seed, and not for the next: chance, with keys so short")
                continue
            if not security.has_key(level):
                security.take_found_key(level, make_key, name)
            return SimpleKeys(name, reply, len(candidates), compared, tuple(notes))
        if reply.is_refused_with(*COMPARED):
            compared += 1
        else:
            notes.append(f"{name}: not compared, {reply}")
    if not security.has_key(level):
        _start_counting_anew(tester, level)
    return SimpleKeys("", None, len(candidates), compared, tuple(notes))


def _start_counting_anew(tester: Tester, level: int) -> None:
    """Let the ECU lock itself for a while, where it does: afterwards its count of wrong keys is what it was before."""
    with suppress(Unjudged):
        for _ in range(tester.security.level(level).seen_limit):
            if tester.guesses.guess(level).is_limited:
                tester.session_for(level)
                tester.security.seed(level)
                return


def find_missing_keys(tester: Tester, simple_keys: Callable[[int], SimpleKeys]) -> None:
    """Try the levels whose key function is not given, before any check needs a key; what ends it is the checks' to say."""
    for entry in tester.target.security:
        if not tester.security.has_key(entry.level):
            try:
                tester.restore()
                simple_keys(entry.level)
            except (Unjudged, HarnessError):
                continue


def _candidates(tester: Tester, level: int, depth: Depth, first: _First | None) -> Iterator[tuple[str, KeyMaker]]:
    security = tester.security
    length = security.key_length(level)
    if first is None:
        yield from trivial_keys(length).items()
        zero_seed = bytes(len(security.seed(level)))
        yield "the key of the zero seed", lambda seed: security.right_key(level, zero_seed)
        return
    yield from _for_each_seed(trivial_keys, length, first.is_as_long_as_seed)
    if depth is not Depth.QUICK:
        yield from _for_each_seed(algebraic_keys, length, first.is_as_long_as_seed)
        yield "the seed twice", lambda seed: seed + seed


def _for_each_seed(
    makers: Callable[[int], dict[str, KeyMaker]], length: int, is_as_long_as_seed: bool
) -> Iterator[tuple[str, KeyMaker]]:
    """Keys of one length; or as long as the seed at hand, of which some ECUs draw the length too."""
    for name, make_key in makers(length).items():
        yield name, (lambda seed, name=name: makers(len(seed))[name](seed)) if is_as_long_as_seed else make_key  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class _First:
    """The first key of a length that is not refused for it, if there is one: zeros."""

    reply: Reply
    is_as_long_as_seed: bool


def _learn_key_length(tester: Tester, level: int) -> _First:
    """Find the length of a key that is not refused for its length, if there is one."""
    security = tester.security
    as_seed = security.key_length(level)
    for length in (as_seed, *KEY_LENGTHS):
        security.level(level).key_length = length
        reply = _try(tester, level, trivial_keys(length)[ALL_ZERO])
        if not reply.is_refused_with(Nrc.INCORRECT_MESSAGE_LENGTH):
            return _First(reply, length == as_seed)
    security.level(level).key_length = as_seed
    return _First(reply, True)


def _try(tester: Tester, level: int, make_key: KeyMaker) -> Reply:
    seed, _, reply = tester.security.try_key(level, make_key)
    if not any(seed):
        raise Inconclusive("a seed of zero was given, as if the level were unlocked")
    return reply


def _opens_again(tester: Tester, level: int, make_key: KeyMaker) -> bool:
    """Whether the same rule opens the level for other seeds too: once more, or as often as it takes to exclude luck."""
    times = -(-SURE_BITS // (8 * tester.security.key_length(level))) - 1
    if not tester.access.can_relock:
        if times:
            raise Inconclusive("a key as short as this may fit by chance, and nothing locks the ECU again to try once more")
        return True
    tester.access.lock()
    for _ in range(max(times, 1)):
        if not _try(tester, level, make_key).is_positive:
            return False
        tester.access.lock()
    return True
