"""What may come between two wrong keys, and whether it puts their count back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness import Inconclusive, Measurements, Severity, Tester, fail, inconclusive

DEFAULT_SESSION = 0x01


@dataclass(frozen=True, slots=True)
class Act:
    """Something done between wrong keys."""

    do: Callable[[], None]
    severity: Severity | None = None
    """Of a count that it puts back, where that is not the check's own."""
    comes_with: Callable[[], dict[str, Act]] = dict
    """Acts without which this one cannot be done: it is not blamed for what they do by themselves."""


def judge_between(tester: Tester, measure: Measurements, level: int, kind: str, acts: dict[str, Act]) -> None:
    """Three times as many wrong keys as allowed must not be evaluated, whatever comes between them.

    All acts come together first; only if that opens the way is each tried alone. `kind` names them in the report.
    """
    limit = measure.limit(level)
    evaluated = evaluated_with(tester, level, limit, acts)
    if evaluated is None:
        measure.of_lockout(level, f"Put back by {kind}", "no")
        return
    guilty, excuses = [], []
    for name, act in acts.items():
        if evaluated_with(tester, level, limit, {name: act}) is None:
            continue
        already = [other for other, one in act.comes_with().items() if evaluated_with(tester, level, limit, {other: one})]
        if already:
            excuses.append(f"what {name} does cannot be told: {', '.join(already)} puts the count back already")
        else:
            guilty.append(name)
    if excuses and not guilty:
        inconclusive("; ".join(excuses))
    measure.of_lockout(level, f"Put back by {kind}", f"yes: {', '.join(guilty or acts)}")
    fail(
        expected=f"0x36 or 0x37 after {limit} wrong keys",
        observed=f"{evaluated} wrong keys evaluated, with {', '.join(guilty or acts)} between them",
        severity=next((act.severity for name, act in acts.items() if name in guilty and act.severity), None),
    )


def evaluated_with(tester: Tester, level: int, limit: int, acts: dict[str, Act]) -> int | None:
    """How many wrong keys were evaluated with these acts between them; None: the limit was reached."""
    allowed = tester.guesses.allowance(level, limit)

    def between() -> None:
        for act in acts.values():
            act.do()

    tester.restore()
    spent = tester.guesses.spend(level, 3 * allowed, between=between, every=max(limit - 1, 1))
    if not spent.is_limited:
        return spent.evaluated
    if spent.evaluated > allowed + 1:
        inconclusive(
            f"{spent.evaluated} wrong keys were evaluated with {', '.join(acts)} between them, and then no more; "
            f"the limit is {limit}"
        )
    return None


def session_changes(tester: Tester, level: int) -> dict[str, Act]:
    """Ways to change the session, those that the ECU takes; each ends where the level's seed can be asked for."""
    entry = tester.target.level(level)
    session = entry.session if entry is not None else None
    tester.session_for(level)
    changes: dict[str, Act] = {}
    for other in dict.fromkeys((DEFAULT_SESSION, session or DEFAULT_SESSION, *tester.sessions())):
        if tester.enter_session(other).is_positive:
            changes[f"session 0x{other:02X}"] = Act(lambda other=other: enter_and_return(tester, level, other))  # type: ignore[misc]
        else:
            tester.note(f"session 0x{other:02X} was not entered")
        return_to(tester, level)
    home = session or DEFAULT_SESSION
    if changes:
        changes[f"session 0x{home:02X} without an answer"] = Act(lambda: enter_unanswered(tester, home))
    return changes


def enter_unanswered(tester: Tester, session: int) -> None:
    """Enter a session, and have the answer suppressed."""
    tester.request(bytes((0x10, session | 0x80)))


def enter_and_return(tester: Tester, level: int, session: int) -> None:
    """Enter a session, and then the level's own."""
    tester.enter_session(session)
    return_to(tester, level)


def return_to(tester: Tester, level: int) -> None:
    """Enter the level's session. Nothing else is asked, unless the ECU is restarting into the one before."""
    try:
        tester.session_for(level)
    except Inconclusive:
        tester.await_life()
        tester.session_for(level)
