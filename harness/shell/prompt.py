"""Read lines from a person at a terminal: with history and completion if prompt_toolkit is installed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.shell.lines import WORDS
from harness.system import WITHOUT_SURPRISE, extra_command, state_folder
from harness.target import Target
from harness.uds import Session

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History

HISTORY: Final = "shell-history"
"""The name of the history file in the user's state folder."""


def lines_of_a_person(target: Target, remark: Callable[[str], None], **settings: Any) -> Iterator[str]:
    """Yield what a person types, line by line, until Ctrl-D; Ctrl-C drops the line. `settings` are a PromptSession's."""
    message = f"{target.name}> "
    try:
        from prompt_toolkit import PromptSession
    except ImportError:
        remark(f"for line editing, history and completion: {extra_command('shell')}")
        read: Callable[[], str] = lambda: input(message)  # noqa: E731
    else:
        completer = completer_of(target)
        session: PromptSession[str] = PromptSession(message, history=history_of(target), completer=completer, **settings)
        read = session.prompt
    while True:
        try:
            yield read()
        except KeyboardInterrupt:
            yield ""
        except EOFError:
            return


def completions(target: Target, before: str) -> list[str]:
    """Return what may follow the text `before` the cursor: commands, then numbers that the target declares."""
    words = before.split()
    if not before or before[-1:].isspace():
        words.append("")
    *earlier, begun = words
    known = sorted(WORDS) if not earlier else _arguments(target, earlier[0].lower(), len(earlier))
    return [one for one in known if one.lower().startswith(begun.lower())]


def _arguments(target: Target, word: str, place: int) -> list[str]:
    levels = [f"{entry.level:02X}" for entry in target.security]
    if word == "read":
        return [f"{entry.did:04X}" for entry in target.data if entry.read.kind != "never"]
    if place > 1:
        return []
    if word == "session":
        has_sessions = target.timing.s3_ms is not None
        declared = [entry.id for entry in target.sessions] or (list(Session) if has_sessions else [])
        return [f"{session:02X}" for session in declared]
    if word == "write":
        return [f"{entry.did:04X}" for entry in target.data if entry.write.kind != "never"]
    return levels if word in ("seed", "unlock") else []


def completer_of(target: Target) -> Completer:
    """Return a completer that offers `completions` at the cursor."""
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.document import Document

    class FromTarget(Completer):
        """Offers commands, and numbers that the target declares."""

        def get_completions(self, document: Document, complete_event: object) -> Iterator[Completion]:
            """Yield what may stand at the cursor."""
            before = document.text_before_cursor
            begun = "" if not before or before[-1:].isspace() else before.split()[-1]
            for one in completions(target, before):
                yield Completion(one, start_position=-len(begun))

    return FromTarget()


def history_of(target: Target) -> History:
    """Return the user's history, in a file that only the user can read; values for secret data are left out."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    secret = {f"{entry.did:04x}" for entry in target.data if entry.secret}

    class Discreet(FileHistory):
        """A history that leaves out lines with values for secret data."""

        def store_string(self, string: str) -> None:
            """Append a line to the file, unless it holds a value for secret data."""
            word, *arguments = string.lower().split() or [""]
            sent = "".join(one.removeprefix("0x") for one in arguments)
            if word in ("write", "raw") and any(did in sent for did in secret):
                return
            try:
                super().store_string(string)
            except OSError:  # the disk is full: the line is carried out all the same
                return

    path = state_folder() / HISTORY
    return Discreet(str(path)) if _is_writable(path) else InMemoryHistory()


def _is_writable(path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | WITHOUT_SURPRISE, 0o600))
    except OSError:
        return False
    return path.is_file()
