"""How a check ends other than by passing: it raises one of these."""

from __future__ import annotations

from typing import NoReturn

from harness.run import Severity


class Violation(AssertionError):
    """The ECU breaks the rule that the check tests: verdict ``fail``, with both sides of the comparison."""

    def __init__(
        self,
        *,
        expected: str,
        observed: str,
        severity: Severity | None = None,
        is_proven: bool = False,
        cause: str = "",
    ) -> None:
        """`is_proven`: an effect has proved it, so that it stands even if it does not happen again.

        `cause`: one flaw that several checks fail on, as one line, e.g. ``a wrong key opens level 0x01``.
        """
        super().__init__(f"expected {expected}; observed {observed}")
        self.is_proven = is_proven
        self.cause = cause
        self.expected = expected
        self.observed = observed
        self.severity = severity


class Unjudged(Exception):
    """No verdict on the rule; the text is the reason, a sentence for the report."""


class Inconclusive(Unjudged):
    """The subject is there, but what was seen does not decide."""


class NotApplicable(Unjudged):
    """The ECU does not have what the check is about."""


class NotRun(Unjudged):
    """Not permitted by the target, or over budget."""


class ContactLost(Inconclusive):
    """The ECU stopped answering in the middle of a check."""


def fail(
    *, expected: str, observed: str, severity: Severity | None = None, is_proven: bool = False, cause: str = ""
) -> NoReturn:
    """End the check with verdict ``fail``; `severity` overrides the check's own.

    `is_proven`: an effect (a stored value, an opened level) has proved it, so that it stands if it does not happen again.
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
