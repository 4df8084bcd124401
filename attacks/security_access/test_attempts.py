"""Check that guessing is limited, and that nothing between two wrong keys puts their count back."""

from attacks.security_access.limit_rows import judge_rows
from harness import Depth, Inconclusive, Measurements, Nrc, Severity, Tester, attack, fail, inconclusive, not_applicable

SLOW_S = 1.0
"""Seconds that each wrong key must take for guessing to be as slow as with the permitted delay."""


@attack(
    id="SA-09",
    title="Wrong keys lock SecurityAccess",
    failure="No limit on wrong keys",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: attempt counter and delay timer; SWS_Dcm_01349",
    cwe=(307, 799),
    r155=("18.3",),
    rationale="Without a limit an attacker guesses as fast as the bus carries guesses: a 32-bit key falls within weeks, "
    "a 16-bit key within minutes.",
    remediation="Count wrong keys in non-volatile memory, answer 0x36 at the limit, and refuse seeds with 0x37 for some "
    "seconds after it.",
    needs=("lockout",),
    own_level=True,
    proven_by=("no_attempt_limit", "counter_reset_by_any_seed"),
)
def test_wrong_keys_lock_security_access(tester: Tester, measure: Measurements, level: int) -> None:
    lockout = measure.lockout(level)
    tester.cite(*lockout.evidence)
    severity = Severity.CRITICAL if tester.security.key_length(level) <= 2 else None
    expected = "0x36 or 0x37 after at most 10 wrong keys"
    if lockout.is_silent:
        tester.note(f"limited without a word: {lockout.reason}")
        return
    if lockout.limit is None and lockout.seconds_per_key >= SLOW_S:
        inconclusive(f"{lockout.reason}; but each took {lockout.seconds_per_key:.1f} s, which may be meant as the delay")
    if lockout.limit is None:
        observed = f"no limit in {lockout.evaluated} evaluated keys: {lockout.reason}; {lockout.extrapolation}"
        fail(expected=expected, observed=observed, severity=severity)
    if not lockout.is_enough:
        fail(expected=expected, observed=f"only after {lockout.limit}: {lockout.reason}", severity=severity)
    tester.note(f"limited: {lockout.reason}")
    judge_rows(tester, measure, level, "SA-09", "kinds of keys")


@attack(
    id="SA-10",
    title="A new seed does not clear the count of wrong keys",
    failure="A new seed clears the count of wrong keys",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: the attempt counter is cleared by a valid key, or when the delay is over",
    cwe=(307, 304),
    r155=("18.3",),
    rationale="A limit that a request for a seed puts back is no limit: every guess begins with such a request.",
    remediation="Clear the attempt counter in two places only: where a key has been found right, and where the delay ends.",
    needs=("lockout",),
    own_level=True,
    proven_by=("counter_reset_by_unanswered_seed", "counter_belongs_to_seed"),
)
def test_a_new_seed_does_not_clear_the_count(tester: Tester, measure: Measurements, level: int) -> None:
    lockout = measure.lockout(level)
    if lockout.limit is not None:
        try:
            judge_rows(tester, measure, level, "SA-10", "new seeds")
        except Inconclusive as reason:
            tester.note(str(reason))
        else:
            return
    tester.restore()
    limit = measure.limit(level) if lockout.is_silent else lockout.limit or limit_for_one_seed(tester, level)
    if limit is None:
        not_applicable(f"there is no limit that a seed could put back: {lockout.reason}")
    tester.restore()
    allowed = tester.guesses.allowance(level, limit)

    others = [entry.level for entry in tester.target.security if entry.level != level]

    def ask_for_seeds() -> None:
        for one in (level, *others, level):
            tester.security.request_seed(one)

    spent = tester.guesses.spend(level, allowed + 2, between=ask_for_seeds)
    measure.of_lockout(level, "Put back by new seeds", "no" if spent.is_limited else "yes")
    if not spent.is_limited:
        fail(
            expected=f"0x36 or 0x37 after {limit} wrong keys, however many seeds are asked for between them",
            observed=f"{spent.evaluated} wrong keys evaluated after several requests for a seed",
        )


def limit_for_one_seed(tester: Tester, level: int) -> int | None:
    """Answer one seed with several wrong keys, and return after how many the ECU delays; None if it never does.

    This is for an ECU on which wrong keys for new seeds reach no limit.
    """
    security = tester.security
    seed = tester.guesses.start(level)
    for count in range(1, 12):
        answer = security.send_key(level, security.wrong_key(level, seed, flip=count))
        if answer.is_delayed:
            tester.cite(answer)
            return count
        if not answer.is_refused_with(Nrc.INVALID_KEY):
            break
    return None


@attack(
    id="SA-11",
    title="A session change does not clear the count of wrong keys",
    failure="A session change clears the count of wrong keys",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: the attempt counter is cleared by a valid key, or when the delay is over",
    cwe=(307,),
    r155=("18.3",),
    rationale="Whoever may change the session at will then guesses without limit: one request for every few keys.",
    remediation="Keep the attempt counter out of what DiagnosticSessionControl initialises.",
    needs=("lockout",),
    own_level=True,
    proven_by=("counter_reset_by_session", "counter_reset_by_same_session"),
)
def test_a_session_change_does_not_clear_the_count(tester: Tester, measure: Measurements, level: int) -> None:
    if not tester.has_sessions:
        raise tester.looking.without_sessions()
    judge_rows(tester, measure, level, "SA-11", "session changes")


@attack(
    id="SA-14",
    title="Neither time nor another request clears the count of wrong keys",
    failure="Time or another request clears the count of wrong keys",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: the attempt counter is cleared by a valid key, or when the delay is over",
    cwe=(307,),
    r155=("18.3",),
    rationale="A count that the end of the session, TesterPresent or a read puts back never reaches its limit: an attacker "
    "puts such a request, or a few idle seconds, between the keys.",
    remediation="Clear the attempt counter in two places only: where a key has been found right, and where the delay ends.",
    needs=("lockout",),
    uses=("destructive",),
    own_level=True,
    proven_by=("counter_reset_by_s3", "counter_reset_by_other_request"),
)
def test_neither_time_nor_requests_clear_the_count(tester: Tester, measure: Measurements, level: int) -> None:
    judge_rows(tester, measure, level, "SA-14", "other requests or time")


@attack(
    id="SA-15",
    title="Success at one level does not clear the count of another",
    failure="Success at one level clears the count of another",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: the attempt counter is cleared by a valid key of its level",
    cwe=(307, 863),
    r155=("18.3",),
    rationale="Whoever holds the key of a lower level can then guess that of a higher one without limit.",
    remediation="Keep one counter for each level, cleared by that level's key only; or one that counts them all.",
    needs=("lockout",),
    own_level=True,
    proven_by=("success_clears_all_levels",),
)
def test_success_at_one_level_does_not_clear_another(
    tester: Tester, measure: Measurements, depth: Depth, level: int
) -> None:
    others = [entry.level for entry in tester.target.security if entry.level != level]
    if not others:
        raise tester.looking.without_another_level(level)
    with_key = [other for other in others if tester.security.has_key(other)]
    if not with_key:
        inconclusive("no key function is given for another level")
    if not tester.access.can_relock:
        inconclusive("unlocking another level cannot be undone on this ECU")
    limit = measure.limit(level)
    if limit == 1:
        tester.note("the first wrong key locks the level: there is no count that could be cleared")
        return
    judge_rows(tester, measure, level, "SA-15", "another level that is open")
    for other in with_key[: depth.choose(quick=1, default=1, deep=len(with_key))]:
        judge_other_level(tester, measure, level, other, limit)


def judge_other_level(tester: Tester, measure: Measurements, level: int, other: int, limit: int) -> None:
    """Alternate wrong keys at one level with an unlock of another level; then only visit that level, without its key."""
    allowed = tester.guesses.allowance(level, limit)

    def visit(is_unlocking: bool) -> None:
        tester.session_for(other)  # entering the session locks it, so that it can be opened once more
        if is_unlocking:
            tester.security.unlock(other)
        else:
            tester.security.seed(other)
        tester.session_for(level)

    def outlasted(is_unlocking: bool) -> int:
        """Return how many wrong keys were evaluated if they exceed the limit, else 0."""
        tester.restore()
        spent = tester.guesses.spend(level, 3 * allowed, between=lambda: visit(is_unlocking), every=max(limit - 1, 1))
        return spent.evaluated if spent.evaluated > allowed else 0

    name = f"success at level 0x{other:02X}"
    evaluated = outlasted(is_unlocking=True)
    if not evaluated:
        measure.of_lockout(level, f"Put back by {name}", "no")
        return
    if outlasted(is_unlocking=False):
        inconclusive(f"going to level 0x{other:02X} and back puts the count back already, without its key")
    limit_there = measure.lockout(other).limit
    if limit_there == 1:
        inconclusive(f"whether both levels share a counter cannot be told: one wrong key locks level 0x{other:02X}")
    if limit_there is not None and is_counted_together(tester, level, other, limit):
        measure.of_lockout(level, f"Put back by {name}", "yes: one counter for both")
        tester.note(f"one counter is kept for levels 0x{level:02X} and 0x{other:02X}, and any success clears it: permitted")
        return
    measure.of_lockout(level, f"Put back by {name}", "yes")
    fail(
        expected=f"0x36 or 0x37 after {limit} wrong keys for level 0x{level:02X}, which has a counter of its own",
        observed=f"{evaluated} wrong keys evaluated, with {name} after every {max(limit - 1, 1)}",
    )


def is_counted_together(tester: Tester, level: int, other: int, limit: int) -> bool:
    """Whether wrong keys at one level bring the other level nearer to its limit."""
    tester.restore()
    tester.guesses.spend(level, limit - 1)
    tester.session_for(other)
    return tester.guesses.guess(other).is_limited or tester.guesses.ask(other).is_delayed
