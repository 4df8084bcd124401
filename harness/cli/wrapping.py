"""Lay text out in columns of a terminal: wrapped, behind a prefix, and commands so that they can be copied."""

import os
import sys
import unicodedata
from collections.abc import Iterable
from typing import Final, TextIO

from harness.report.text import shown

WIDTH: Final = 80
"""The number of columns of an output that does not say how wide it is."""
NARROWEST: Final = 40
LONGEST_VALUE: Final = 600
LABEL: Final = 10


def width_of(out: TextIO) -> int:
    """Return how many columns an output has, from COLUMNS or else from the terminal."""
    said = os.environ.get("COLUMNS", "")
    try:
        wide = int(said) if said.isdecimal() and int(said) else os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):  # a file, a pipe, or no file at all
        wide = WIDTH
    return max(wide or WIDTH, NARROWEST)


def has_colour(out: TextIO) -> bool:
    """Whether to colour an output: it is a terminal that knows colours, and the user has not refused them (NO_COLOR)."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class OverwrittenLine:
    """A line of standard output in which each text replaces the one before; shows nothing without a terminal."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()

    def show(self, text: str) -> None:
        """Show the text in place of the previous one."""
        if self.is_terminal:
            print(f"\r\x1b[K{text}", end="", flush=True)

    def clear(self) -> None:
        """Clear the line for other output."""
        self.show("")


def labelled(label: str, text: str, width: int) -> list[str]:
    """Put a label before a text; return no lines for an empty text."""
    return hanging(f"    {label:<{LABEL}}", shown(text, LONGEST_VALUE), width) if text else []


def hanging(prefix: str, text: str, width: int, *, further: int = 0) -> list[str]:
    """Wrap the text behind a prefix; indent further lines to the text's beginning, and by `further` more columns."""
    shown_text = shown(text, LONGEST_VALUE * 4).expandtabs(4)
    room = width - len(prefix)
    indent = " " * (len(prefix) + further)
    lines: list[str] = []
    for paragraph in shown_text.split("\n"):
        lines += wrapped(paragraph, room if not lines else room - further, room - further)
    return [((indent if number else prefix) + line).rstrip() for number, line in enumerate(lines)]


def command_lines(label: str, command: str, width: int) -> list[str]:
    """Wrap a command so that it can be copied: each line but the last ends with a backslash; no quoted word is broken."""
    if not command:
        return []
    prefix = f"    {label:<{LABEL}}"
    lines = [""]
    for word in _shell_words(flat(command, LONGEST_VALUE)):
        if lines[-1] and columns(f"{lines[-1]} {word} \\") > width - len(prefix):
            lines[-1] += " \\"
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return [(" " * len(prefix) if number else prefix) + line for number, line in enumerate(lines)]


def _shell_words(command: str) -> Iterable[str]:
    """Split the command at spaces outside quotes; keep the quotes."""
    word, quote = "", ""
    for character in command:
        if character == " " and not quote:
            if word:
                yield word
            word = ""
            continue
        if character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        word += character
    if word:
        yield word


def wrapped(text: str, first: int, others: int) -> list[str]:
    """Wrap at spaces, the first line to `first` columns, later lines to `others`; break words longer than a line."""
    lines, line, room = [], "", first
    for word in text.split(" "):
        if line and columns(line) + 1 + columns(word) > room:
            lines.append(line)
            line, room = "", others
        line = f"{line} {word}" if line else word
        while columns(line) > room:
            end = _fitting(line, room)
            lines.append(line[:end])
            line, room = line[end:], others
    return [*lines, line]


def _fitting(text: str, room: int) -> int:
    """Return how many characters of the text fit into `room` columns; at least one."""
    used = 0
    for index, character in enumerate(text):
        used += columns(character)
        if used > room:
            return max(index, 1)
    return len(text)


def columns(text: str) -> int:
    """Return how wide a terminal shows the text: East Asian wide characters take two columns."""
    return len(text) if text.isascii() else sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def first_line(reason: str) -> str:
    """Return a reason without the traceback below it, which is for the report."""
    return reason.partition("\n")[0]


def flat(text: str, limit: int) -> str:
    """Put the text on one line, shortened to `limit` characters."""
    return shown(text, limit).replace("\n", "\\n").replace("\t", "\\t")
