"""Every error that this library raises on purpose, and whose fault each one is."""

from __future__ import annotations

from collections.abc import Iterable


class HarnessError(Exception):
    """The root of the errors below. Its text says what, where, and what to do, in one line."""


class UserError(HarnessError):
    """A target file, case, option or key function of the user's is malformed. Exit code 4."""


class LinkError(HarnessError):
    """The adapter or bus does not do its part: cannot be opened, does not send, is bus-off."""


class LinkInterrupted(LinkError):
    """The bus was gone for a while and is back: what was under way has to be done again."""


class NotPermitted(HarnessError):
    """The target does not allow what was about to be sent. Nothing was sent."""


class KeyFunctionError(HarnessError):
    """The user's key function raised, or gave something that is no key."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """What of the known words a mistyped one resembles, to be put behind it; empty if none does."""
    from difflib import get_close_matches

    names = {one.casefold(): one for one in known}
    close = get_close_matches(word.casefold(), names)
    return f" (did you mean {' or '.join(names[one] for one in close)}?)" if close else ""
