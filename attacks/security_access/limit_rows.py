"""Judge whether wrong keys, sent in rows that each vary one thing, still reach the limit of attempts."""

from harness import Measurements, Tester, fail, inconclusive

SHOWN = 3


def judge_rows(tester: Tester, measure: Measurements, level: int, check: str, kind: str) -> None:
    """Check that wrong keys reach the limit in every row that was sent for this check.

    `kind` is the report's name for what varied in the rows.

    Raises NotApplicable if the level has no limit, Inconclusive if no row could be judged.
    """
    found = measure.attempts(level)
    broken = found.of(check)
    tried = found.tried.get(check, [])
    undecided = found.undecided.get(check, [])
    for reason in undecided:
        tester.note(reason)
    if broken:
        worst = broken[0]
        tester.cite(*worst.exchanges)
        measure.of_lockout(level, f"Put back by {kind}", f"yes: {'; '.join(one.what for one in broken)}")
        fail(
            expected=f"0x36 or 0x37 after {found.limit} wrong keys",
            observed="; ".join(f"{one.evaluated} wrong keys evaluated: {one.what}" for one in broken[:SHOWN]),
            severity=worst.severity,
        )
    if undecided and not found.held & set(tried):
        inconclusive(f"whether {kind} put the count back cannot be told: {undecided[0]}")
    measure.of_lockout(level, f"Put back by {kind}", "no")
    if tried:
        tester.note(f"tried: {', '.join(tried)}")
