"""How does text that an ECU may have chosen become Markdown that shows it, and does nothing else?"""

from __future__ import annotations

import re
from typing import Final

from harness.report.text import shown

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP: Final = re.compile(r"[\\`*_\[\]|~$&<>]")
_REFERENCES: Final = re.compile(r"[@#!%~$](?=\w)|:(?=[A-Za-z/+-])|(?<=\b[wW]{3})(?=\.)|(?<=\bGH)-(?=\d)")
"""After these, GitHub and GitLab make links by themselves: to people, issues, addresses; and pictures of words."""
BREAK: Final = "<!-- -->"
"""Invisible, and the end of whatever would have been read as one word."""


def markdown(text: object, limit: int) -> str:
    """At most ``limit`` characters in one line, fit for a cell of a table, a list and a paragraph (GitHub's dialect).

    Nothing in it is markup, HTML, a link, a mention or a reference to an issue.
    """
    line = " ".join(shown(text, limit).split())
    pieces = []
    end = 0
    for reference in _REFERENCES.finditer(line):
        pieces.append(_escaped(line[end : reference.end()]))
        end = reference.end()
    pieces.append(_escaped(line[end:]))
    return BREAK.join(pieces)


def _escaped(text: str) -> str:
    return _MARKUP.sub(lambda hit: _ENTITIES.get(hit[0], f"\\{hit[0]}"), text)
