"""Which words in a record come from a developer's machine, and have no place in a product?"""

from __future__ import annotations

import re
from typing import Final

_TRACES: Final = (
    ("a path", re.compile(r"(?:/(?:home|root|Users|usr/src|opt|srv|tmp|var|mnt|workspace|builds?)/[\w./+-]+)")),
    ("a path", re.compile(r"[A-Za-z]:\\[\w .\\+-]{3,}")),
    (
        "a source or object file",
        re.compile(r"\b[\w./\\-]+\.(?:c|cc|cpp|h|hpp|s|elf|axf|map|arxml|mdl|slx|py)\b", re.IGNORECASE),
    ),
    (
        "a build server",
        re.compile(r"\b(?:jenkins|gitlab|github|bitbucket|teamcity|bamboo|localhost)\b[\w.:/-]*", re.IGNORECASE),
    ),
    ("an uncommitted build", re.compile(r"\b[0-9a-f]{7,40}[-_]dirty\b|\bdirty\b", re.IGNORECASE)),
    (
        "a debug build",
        re.compile(r"\b(?:debug|dbg|devel|internal[ _-]only|do[ _-]not[ _-]ship|engineering[ _-]build)\b", re.IGNORECASE),
    ),
)
SHORTEST_TEXT: Final = 4


def traces_of_development(value: bytes) -> str:
    """What gives the build away, with its kind, e.g. ``a path: /home/build/main.c``; empty if nothing does.

    >>> traces_of_development(b"\\x00/home/build/main.c\\x00")
    'a path: /home/build/main.c'
    >>> traces_of_development(b"SW 04.12.001")
    ''
    """
    for run in re.findall(rb"[\x20-\x7e]{%d,}" % SHORTEST_TEXT, value):
        text = run.decode("ascii")
        for kind, pattern in _TRACES:
            if found := pattern.search(text):
                return f"{kind}: {found[0][:80]}"
    return ""
