"""Mark the bytes in a text that stand for a key or a secret, so that nobody takes them for bytes that were on the bus."""

import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from markupsafe import Markup, escape

from harness.runs.findings import Finding

FEWEST_BYTES: Final = 3
"""The length of the shortest stretch that is marked everywhere.

Shorter stretches also occur by chance, and are marked only in the exchange that contains them.
"""

_BYTES: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-F]{2}(?: ?[0-9A-F]{2})*(?![0-9A-Za-z])(?P<is_cut> …)?")
_BYTE: Final = re.compile("[0-9A-F]{2}")
_MARK: Final = Markup('<mark title="redacted">{}</mark>')


def stretches(findings: Iterable[Finding]) -> frozenset[str]:
    """Return, in hex, the stretches of the exchanges that stand for keys and secrets and are long enough to recognise."""
    found = (one for finding in findings for exchange in finding.exchanges for one in exchange.redacted)
    return frozenset(one for one in found if len(one) >= 2 * FEWEST_BYTES)


def marked(text: str, redacted: Collection[str]) -> str:
    """Mark these stretches in the text, where bytes are written in hex, with or without spaces.

    Returns Markup if anything was marked, else the unchanged text, which is still to be escaped.
    """
    if not redacted or "E" not in text:
        return text
    parts, at = [], 0
    for start, end in _places(text, redacted):
        parts += [escape(text[at:start]), _MARK.format(text[start:end])]
        at = end
    return Markup("").join([*parts, escape(text[at:])]) if parts else text


def _places(text: str, redacted: Collection[str]) -> Iterator[tuple[int, int]]:
    """Yield start and end of each stretch in the text; if the text cuts a message, its end may begin a stretch."""
    for written in _BYTES.finditer(text):
        numbers = list(_BYTE.finditer(text, written.start(), written.end()))
        for is_stand_in, group in itertools.groupby(numbers, key=lambda one: one[0][0] == "E"):
            if not is_stand_in:
                continue
            bytes_ = list(group)
            run = "".join(one[0] for one in bytes_)
            is_cut = written["is_cut"] is not None and bytes_[-1] is numbers[-1]
            if run in redacted or (is_cut and any(one.startswith(run) for one in redacted)):
                yield bytes_[0].start(), bytes_[-1].end()
