"""Run programs that a target file names, for a bounded time, with bounded output, and never longer than the harness runs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO

from harness.errors import ProgramError

LAST_WORDS_S = 0.5
"""For how many seconds the pipes of an ended program are read; a child of the program may hold them open for ever."""
READ_BYTES = 1 << 16
SHORTEST_PRIVATE_WORD = 4
"""The length of the shortest word that is hidden; ``-v`` or a level is no secret, and occurs in many sentences."""


class Program:
    """A running program; at the end of the block it is stopped, with all programs that it has started.

    Its standard input is empty. Each of its two outputs is kept up to `most_bytes`; a program that prints more is stopped.
    """

    def __init__(self, words: Sequence[str], *, most_bytes: int) -> None:
        """Start the program. Raises ProgramError if it cannot be started."""
        self.name = words[0]
        self.is_too_long = False
        self._most_bytes = most_bytes
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the harness, and its children are stopped with it
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ProgramError(f"{self.name} cannot be started: {reason}") from error
        self._outputs = (bytearray(), bytearray())
        self._readers = [
            threading.Thread(target=self._read, args=(pipe, kept), daemon=True)
            for pipe, kept in zip((self._process.stdout, self._process.stderr), self._outputs, strict=True)
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self.stop()

    @property
    def output(self) -> bytes:
        """What the program has printed so far: standard output, then standard error."""
        return bytes(self._outputs[0] + self._outputs[1])

    @property
    def answer(self) -> bytes:
        """What the program has printed to its standard output so far."""
        return bytes(self._outputs[0])

    @property
    def complaint(self) -> str:
        """What the program has printed to its standard error so far, in one line."""
        return " ".join(self._outputs[1].decode("utf-8", "backslashreplace").split())

    def ends_within(self, timeout_s: float) -> bool:
        """Whether the program ends by itself within `timeout_s` seconds; `exit_code` is known afterwards."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        for reader in self._readers:
            reader.join(LAST_WORDS_S)
        return True

    @property
    def exit_code(self) -> int:
        """The program's exit code; a negative number is the signal that ended it."""
        return int(self._process.returncode)

    def stop(self) -> None:
        """Kill the program and everything it has started."""
        self._kill()
        self.ends_within(LAST_WORDS_S)

    def _kill(self) -> None:
        if not hasattr(os, "killpg"):
            self._process.kill()
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _read(self, pipe: IO[bytes], kept: bytearray) -> None:
        with pipe:
            while piece := os.read(pipe.fileno(), READ_BYTES):
                room = self._most_bytes - len(kept)
                kept += piece[:room]
                if len(piece) > room:
                    self.is_too_long = True
                    self._kill()
                    return


def run_program(words: Sequence[str], *, timeout_s: float, most_bytes: int) -> Program:
    """Run a program to its end. Raises ProgramError if it cannot be started, fails, or exceeds a bound."""
    with Program(words, most_bytes=most_bytes) as program:
        has_ended = program.ends_within(timeout_s)
    if program.is_too_long:
        raise ProgramError(f"{program.name} prints more than {most_bytes} bytes")
    if not has_ended:
        raise ProgramError(f"no answer within {timeout_s:g} s from {program.name}")
    if program.exit_code:
        complaint = without_words(program.complaint, words[1:])
        raise ProgramError(f"{program.name}: exit code {program.exit_code}: {complaint}")
    return program


def without_words(text: str, private: Iterable[str]) -> str:
    """Remove words that may be secret from a text: arguments of a program, or the query of an address.

    Parts of ``--token=1234`` and ``a=b&token=1234`` may also occur by themselves.
    """
    words = {part for word in private for part in (word, *re.split("[=&]", word)) if len(part) >= SHORTEST_PRIVATE_WORD}
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, "(redacted)")
    return text
