"""Observe an ECU beyond its bus, as the target's [observe] says: its console, its memory, its firmware image."""

import math
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import Inconclusive, LinkError, ProgramError
from harness.tester.client import Client
from harness.tester.programs import Program, run_program, without_words

COMMAND_S = 60.0
LAST_WORDS_S = 1.0
"""The seconds after the last exchange in which a console may still show what was printed before."""

LOG_EVERY_S = 10.0
"""The seconds between two runs of the target's command while a log is followed."""
CONSOLE_MARK = 400
"""How many of the characters seen last are kept, to find the place again in a console that drops its beginning."""

MOST_OUTPUT_BYTES = 1 << 24
MOST_IMAGE_BYTES = 1 << 28


class EcuConsole:
    """What an ECU printed while it was watched."""

    def __init__(self) -> None:
        self.content = b""


@contextmanager
def watched_console(client: Client) -> Iterator[EcuConsole]:
    """Watch the ECU's console during the block: what simulated nodes print, or what the target's command prints.

    A command that ends by itself, such as one that shows a log, is run at the end of the block; one that goes on is stopped
    then. Raises Inconclusive if there is no console, LinkError if the command cannot be run.
    """
    console = EcuConsole()
    command = client.target.observe.console
    if client.link.is_virtual and command is None:
        yield console
        console.content = client.link.console().encode("utf-8", "replace")
        return
    if command is None:
        raise Inconclusive("no console is declared; see [observe] console in the target file")
    words = shlex.split(command.removeprefix("command:"))
    try:
        with Program(words, most_bytes=MOST_OUTPUT_BYTES) as program:
            yield console
            has_ended = program.ends_within(LAST_WORDS_S)
    except ProgramError as error:
        raise LinkError(f"[observe] {error}") from error
    console.content = program.output
    if has_ended and not program.is_too_long:
        console.content += _output_of(words)


class ConsoleTail:
    """Follows the console of an ECU without waiting for it; yields no lines if there is no console.

    The target's command is started at the first look. One that ends by itself shows a log, and is run again now and then.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        command = client.target.observe.console
        self._words = shlex.split(command.removeprefix("command:")) if command is not None else []
        self._program: Program | None = None
        self._shown = ""
        self._shown_s = -math.inf
        self._written = 0
        """How many characters the simulated nodes had printed at the last look."""

    def new_lines(self) -> list[str]:
        """Return the lines that were printed since the last call. Raises LinkError if the command cannot be run."""
        if not self._words and not self._client.link.is_virtual:
            return []
        if not self._words:
            new, self._written = self._client.link.console_since(self._written)
            return new.splitlines()
        text = self._text()
        if text == self._shown:
            return []
        is_more = text.startswith(self._shown)
        new = text[len(self._shown) :] if is_more else text.rpartition(self._shown[-CONSOLE_MARK:])[2]
        self._shown = text
        return new.splitlines()

    def skip(self) -> None:
        """Leave out the lines that were printed since the last call. Raises LinkError as `new_lines`."""
        if self._words:
            self.new_lines()
        else:
            _, self._written = self._client.link.console_since(sys.maxsize)

    def _text(self) -> str:
        try:
            if self._program is None:
                self._program = Program(self._words, most_bytes=MOST_OUTPUT_BYTES)
            if not self._program.ends_within(0.0):
                return self._program.output.decode("utf-8", "replace")
        except ProgramError as error:
            raise LinkError(f"[observe] {error}") from error
        if self._client.link.now_s >= self._shown_s + LOG_EVERY_S:
            self._shown_s = self._client.link.now_s
            return _output_of(self._words).decode("utf-8", "replace")
        return self._shown

    def close(self) -> None:
        """Stop the command."""
        if self._program is not None:
            self._program.stop()
            self._program = None


def _output_of(words: list[str]) -> bytes:
    try:
        return run_program(words, timeout_s=COMMAND_S, most_bytes=MOST_OUTPUT_BYTES).output
    except ProgramError as error:
        raise LinkError(f"[observe] {error}") from error


def memory_in_use(client: Client) -> float | None:
    """Return how much memory the ECU uses, as the first number that the target's command prints, in the command's unit.

    None if the target declares no command.
    """
    command = client.target.observe.memory
    if command is None:
        return None
    words = shlex.split(command.removeprefix("command:"))
    output = _output_of(words).decode("ascii", "replace")
    number = re.search(r"\d+(?:\.\d+)?", output)
    if number is None:
        raise LinkError(f"[observe] memory: the command prints no number, but {without_words(output, words[1:])[:40]!r}")
    return float(number[0])


def images(client: Client) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the firmware image, of each file in the declared folder, or of the simulated images.

    Raises Inconclusive if there is no image.
    """
    declared = client.target.observe.image
    if declared is None:
        simulated = client.link.images()
        if not simulated:
            raise Inconclusive("no image is declared; see [observe] image in the target file")
        yield from (("the simulated ECU's image", content) for content in simulated)
        return
    path = client.target.folder / declared
    if not path.exists():
        raise LinkError(f"[observe] image: there is no file {path}")
    files = sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink()) if path.is_dir() else [path]
    for file in files:
        yield file.name, _content(file)


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST_IMAGE_BYTES:
            raise LinkError(f"[observe] image: {file} is larger than {MOST_IMAGE_BYTES >> 20} MiB")
        return file.read_bytes()
    except OSError as error:
        raise LinkError(f"[observe] image: {error}") from error
