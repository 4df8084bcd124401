"""Check that the ECU follows the standard's state machine on random paths."""

from harness import Depth, Severity, Tester, attack, fail, inconclusive
from harness.fuzz import Patience, Walk


@attack(
    id="FZ-04",
    title="On a random walk the ECU follows the standard's state machine",
    failure="The ECU leaves the standard's state machine",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: states and transitions",
    cwe=(841, 863),
    r155=("18.3",),
    rationale="Most unlocks that nobody meant to give hide behind two or three steps in an order that no test plan has. An "
    "ECU that is open where the standard has it locked is open to whoever finds that order.",
    remediation="Keep the state of SecurityAccess in one place: a pending seed and an open level that every session change, "
    "time-out, restart and failed key clears. Replay the steps named here.",
    needs=("lockout",),
    uses=("write", "reset"),
    unlocks=True,
    proven_by=("key_accepted_twice", "wrong_key_unlocks", "unlock_survives_reset"),
)
def test_the_ecu_follows_the_state_machine(tester: Tester, depth: Depth) -> None:
    if not tester.target.security:
        raise tester.looking.without_level()
    patience = Patience(
        resets=depth.choose(quick=2, default=4, deep=60),
        waits=depth.choose(quick=1, default=2, deep=60),
        lockouts=depth.choose(quick=0, default=1, deep=20),
    )
    walk = Walk(tester, tester.chance.stream("FZ-04"), patience)
    steps = walk.run(depth.choose(quick=100, default=300, deep=6000))
    for deviation in walk.deviations:
        if deviation.is_open:
            tester.cite(deviation.reply)
            fail(expected=deviation.expected, observed=deviation.observed, severity=Severity.HIGH, is_proven=True)
    if walk.deviations:
        first = walk.deviations[0]
        tester.cite(first.reply)
        tester.note(f"{len(walk.deviations)} answers in {steps} steps were not the model's")
        fail(expected=first.expected, observed=first.observed)
    if not walk.has_opened:
        inconclusive("no level was opened on the walk: only the locked states were seen")
    tester.note(f"{steps} steps: every answer, and the lock after each, was one that the model allows")
