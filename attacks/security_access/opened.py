"""Fail a check if a wrong key of the kind that it is about has opened its level, whichever check sent that key."""

from harness import Tester, fail, inconclusive
from harness.measurements import KeyBook
from harness.tester import KeyOutcome


def judge_opened(tester: Tester, book: KeyBook, level: int, check: str) -> None:
    """Check that no wrong key of the kind that this check is about has opened the level, whichever check sent the key."""
    opened = book.opened_for(check)
    if opened is None:
        return
    tester.cite(opened.attempt.reply)
    if not opened.is_proven and book.send(opened.kind).outcome is not KeyOutcome.OPENED:
        inconclusive(f"{opened.kind.name} was answered {opened.attempt.reply} once, and refused when it was sent again")
    fail(
        expected="negative 0x35 invalidKey to any key but the right one",
        observed=f"{opened.attempt.reply} to {opened.kind.name}"
        + (", and what the level guards was done" if opened.is_proven else ""),
        is_proven=opened.is_proven,
        cause=f"a wrong key opens level 0x{level:02X}",
    )
