"""Every error that this library raises on purpose, and whose fault each one is."""

from __future__ import annotations


class HarnessError(Exception):
    """The root of the errors below. Its text says what, where, and what to do, in one line."""


class UserError(HarnessError):
    """A target file, case, option or key function of the user's is malformed. Exit code 4."""


class LinkError(HarnessError):
    """The adapter or bus does not do its part: cannot be opened, does not send, is bus-off."""


class NotPermitted(HarnessError):
    """The target does not allow what was about to be sent. Nothing was sent."""


class KeyFunctionError(HarnessError):
    """The user's key function raised, or gave something that is no key."""
