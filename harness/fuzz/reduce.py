"""Which part of a failing sequence is enough to fail? Delta debugging, over a callback that tries a part of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def reduced(sequence: Sequence[T], fails: Callable[[Sequence[T]], bool], *, most_tries: int) -> list[T]:
    """A part of a sequence that fails as the whole does, its order kept.

    After enough tries no single element of it could be left out (it is 1-minimal); after `most_tries` it is the smallest
    part found so far.

    >>> reduced("abcdefgh", lambda part: {"c", "g"} <= set(part), most_tries=100)
    ['c', 'g']
    """
    part = list(sequence)
    pieces = 2
    tries = 0
    while len(part) >= 2:
        size = -(-len(part) // pieces)
        starts = range(0, len(part), size)
        chunks = [part[start : start + size] for start in starts]
        rests = [part[:start] + part[start + size :] for start in starts]
        for candidate, next_pieces in [*((one, 2) for one in chunks), *((one, max(pieces - 1, 2)) for one in rests)]:
            if len(candidate) == len(part):
                continue
            if tries == most_tries:
                return part
            tries += 1
            if fails(candidate):
                part, pieces = candidate, next_pieces
                break
        else:
            if size == 1:
                return part
            pieces = min(pieces * 2, len(part))
    return part
