"""Escape text that an ECU may have chosen, so that Markdown shows it as it is."""

import re
from typing import Final

from harness.report.text import shown

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP: Final = re.compile(r"[\\`*_\[\]|~$&<>]")
_REFERENCES: Final = re.compile(r"[@#!%~$](?=\w)|:(?=[A-Za-z/+-])|(?<=\b[wW]{3})(?=\.)|(?<=\bGH)-(?=\d)")
"""Characters after which GitHub and GitLab make links (to people, issues, addresses) and emoji by themselves."""
BREAK: Final = "<!-- -->"
"""An invisible comment that keeps GitHub and GitLab from reading the text on both sides as one word."""


def markdown(text: object, limit: int) -> str:
    """Return at most ``limit`` characters in one line, for a table cell, a list or a paragraph in GitHub's dialect.

    Nothing in the result is markup, HTML, a link, a mention or a reference to an issue.
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
