"""Define every exception that is raised on purpose: by whose fault an error comes, and how a check ends without passing."""

from collections.abc import Iterable
from typing import NoReturn

from harness.verdict import Severity


class HarnessError(Exception):
    """The root of the errors below. Its text says what, where, and what to do, in one line."""


class UserError(HarnessError):
    """A target file, case, option or key function of the user's is malformed. Exit code 4."""


class ChangeConflict(UserError):
    """Two flaws or variants change the same thing differently: a simulated ECU cannot have both."""


class WorkerError(HarnessError):
    """The workers of a fuzz campaign fail, or send no result; results so far are kept. Exit code 3."""


class LinkError(HarnessError):
    """The adapter or bus failed: it cannot be opened, does not send, or is bus-off."""


class LinkInterrupted(LinkError):
    """The bus was gone for a while and is back: the interrupted action must be repeated."""


class NotPermitted(HarnessError):
    """The target does not allow what was about to be sent. Nothing was sent."""


class KeyFunctionError(HarnessError):
    """The user's key function raised, or returned something that is no key."""

    kind: type[BaseException] | None = None
    """The type of the exception that the function raised; None if it raised none."""


class ProgramError(HarnessError):
    """A program cannot be started, fails, takes too long, or prints too much. The text holds none of its arguments."""


class Refused(HarnessError):
    """A value in a TOML file breaks its rule. The text says what to give; without a text, the rule's own words do."""


class ShapeError(HarnessError):
    """A JSON file of a run has a wrong shape; the text says where."""


class IsoTpBusy(HarnessError):
    """A message was not sent, because another one is still being sent."""


class Violation(AssertionError):
    """The ECU breaks the rule that the check tests: verdict ``fail``, with what was expected and what was observed."""

    def __init__(
        self, *, expected: str, observed: str, severity: Severity | None = None, is_proven: bool = False, cause: str = ""
    ) -> None:
        """`is_proven`: an effect has proved the violation, so it stands even if the check passes when it is repeated.

        `cause`: the flaw in one line, if several checks fail on the same one, e.g. ``a wrong key opens level 0x01``.
        """
        super().__init__(f"expected {expected}; observed {observed}")
        self.is_proven = is_proven
        self.cause = cause
        self.expected = expected
        self.observed = observed
        self.severity = severity


class Unjudged(Exception):
    """The check ends without a verdict on its rule; the text is the reason, a sentence for the report."""


class Inconclusive(Unjudged):
    """The ECU has the subject of the check, but what the check saw does not decide."""


class NotApplicable(Unjudged):
    """The ECU does not have the subject of the check."""


class NotRun(Unjudged):
    """The check is not permitted by the target, or over budget."""


class ContactLost(Inconclusive):
    """The ECU stopped answering in the middle of a check."""


def fail(
    *, expected: str, observed: str, severity: Severity | None = None, is_proven: bool = False, cause: str = ""
) -> NoReturn:
    """End the check with verdict ``fail``; `severity` overrides the check's own.

    `is_proven`: an effect (a stored value, an opened level) has proved the violation, so it stands even if the check
    passes when it is repeated.
    """
    raise Violation(expected=expected, observed=observed, severity=severity, is_proven=is_proven, cause=cause)


def inconclusive(reason: str) -> NoReturn:
    """End the check with verdict ``inconclusive``."""
    raise Inconclusive(reason)


def not_applicable(reason: str) -> NoReturn:
    """End the check with verdict ``not_applicable``."""
    raise NotApplicable(reason)


def not_run(reason: str) -> NoReturn:
    """End the check with verdict ``not_run``."""
    raise NotRun(reason)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the known words that a mistyped word resembles, as a suffix for its error; empty if it resembles none.

    ``SA-9`` resembles only ``SA-09``, if that is a known word.
    """
    import re
    from difflib import get_close_matches

    names = {one.casefold(): one for one in known}
    padded = re.sub(r"-(\d)$", r"-0\1", word.casefold())
    close = [padded] if padded in names else get_close_matches(word.casefold(), names)
    return f" (did you mean {' or '.join(names[one] for one in close)}?)" if close else ""
