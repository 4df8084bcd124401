"""Check that a lockout withholds only seeds, and ends."""

from attacks.security_access.lockouts_in_a_row import IN_A_ROW, hold_often, other_communication, scope
from harness import Depth, Measurements, Reply, Severity, Tester, attack, fail, inconclusive

LONGEST_DELAYS = 10
ENOUGH_FAILURES = 11
SHORTEST_DELAY_S = 60.0
"""The delay in seconds that is assumed if the longest measured one is shorter; a seed is awaited for ten delays."""


@attack(
    id="SA-41",
    title="A lockout takes nothing but SecurityAccess, and ends",
    failure="A lockout takes more than SecurityAccess, or never ends",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 SecurityAccess: attempts to access security shall not prevent other diagnostic communication",
    cwe=(645,),
    r155=("18.3", "24.1"),
    rationale="Wrong keys need no knowledge: whatever they lock, anybody can lock. A workshop then meets an ECU that cannot "
    "be read, or that never opens again.",
    remediation="Let the delay refuse seeds and nothing else, keep it bounded, and let the right key open the ECU after it.",
    needs=("lockout",),
    own_level=True,
    comes_last=True,
    proven_by=("locked_for_ever", "reads_refused_in_delay"),
)
def test_a_lockout_takes_nothing_else_and_ends(tester: Tester, measure: Measurements, depth: Depth, level: int) -> None:
    judge_locked_out_before(tester, level)
    delay = measure.delay(level)
    held = hold_often(tester, measure, depth, level)
    if held is not None:
        tester.note(
            f"wrong keys: {held.wrong_keys}, lockouts: {held.lockouts}; {held.served} other requests were served during each"
        )
        measure.of_lockout(level, "Locks", held.locked)
        measure.of_lockout(level, "Ends", f"after each lockout; {held.wrong_keys} wrong keys in a row were tried")
        return
    tester.restore()
    judge_locked_out_before(tester, level, seen_s=delay.seconds or 0.0)
    tester.session_for(level)
    served = [request for request in other_communication(tester) if tester.request(request).is_positive]
    if not served:
        inconclusive("nothing else is served that a lockout could take away")
    length_s = delay.declared_s or delay.length_s
    wanted = depth.choose(quick=1, default=ENOUGH_FAILURES, deep=3 * ENOUGH_FAILURES)
    rounds = depth.choose(quick=1, default=IN_A_ROW, deep=3 * ENOUGH_FAILURES)
    failures = lockouts = 0
    while failures < wanted and lockouts < rounds:
        locked = tester.guesses.lock_out(level, wrong_keys=delay.wrong_keys)
        if not locked.holds:
            inconclusive(f"the level was not locked out again: {locked.wrong_keys} wrong keys, and then {locked.following}")
        failures += locked.wrong_keys
        lockouts += 1
        judge_served(tester, served)
        if lockouts == 1:
            measure.of_lockout(level, "Locks", scope(tester, level))
        reply, waited_s = tester.guesses.await_seed(level, length_s)
        if not tester.guesses.is_seed(level, reply):
            judge_endless(
                tester, reply, waited_s, failures, is_known=delay.declared_s is not None or delay.seconds is not None
            )
    if tester.access.can_relock and tester.security.level(level).is_proven:
        tester.security.unlock(level)
    else:
        tester.note("a seed is given after the delay; that its key opens was not tried")
    tester.note(f"wrong keys: {failures}, lockouts: {lockouts}; {len(served)} other requests were served during each")
    measure.of_lockout(level, "Ends", f"after each lockout; {failures} wrong keys in a row were tried")


def judge_locked_out_before(tester: Tester, level: int, *, seen_s: float = 0.0) -> None:
    """Fail if wrong keys of this run have locked the level for good, although earlier delays were seen to end.

    `seen_s` is the longest delay in seconds that was measured; 0 if none was.
    """
    state = tester.security.level(level)
    longest_s = max(state.longest_delay_s, seen_s)
    if not (state.is_locked_out and longest_s and state.wrong_in_a_row):
        return
    tester.session_for(level)
    reply, waited_s = tester.guesses.await_seed(level, max(longest_s, SHORTEST_DELAY_S))
    if not tester.guesses.is_seed(level, reply):
        tester.note(f"earlier delays of this run were over after {longest_s:.0f} s")
        judge_endless(tester, reply, waited_s, state.wrong_in_a_row, is_known=True)


def judge_served(tester: Tester, requests: list[bytes]) -> None:
    """Check that the ECU serves each request as before; repeat a request that is not served, since the ECU may be busy."""
    for request in requests:
        reply = tester.request(request)
        if not reply.is_positive:
            tester.wait(0.5, "the ECU may be busy")
            reply = tester.request(request)
        if not reply.is_positive:
            tester.cite(reply)
            fail(expected=f"{request.hex(' ').upper()} served during the delay, as it was before", observed=str(reply))


def judge_endless(tester: Tester, reply: Reply, waited_s: float, failures: int, *, is_known: bool) -> None:
    """Fail because no seed came for the length of many delays; inconclusive unless the length of a delay is known."""
    tester.cite(reply)
    if not is_known:
        inconclusive(f"no seed for {waited_s:.0f} s; how long the delay should be is not declared, and was not seen")
    fail(
        expected=f"a seed within {LONGEST_DELAYS} delays after the last of {failures} wrong keys",
        observed=f"none for {waited_s:.0f} s: {reply}",
    )
