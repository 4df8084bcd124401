"""Are seeds fit to be challenges?"""

from __future__ import annotations

from harness import Measurements, Severity, Tester, attack, fail, inconclusive


@attack(
    id="SA-01",
    title="Seeds do not repeat",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: without attempt counter and delay a random seed is always used",
    cwe=(330, 344, 294),
    r155=("18.3", "6.3"),
    rationale="Whoever records one seed with its key can answer that seed whenever it comes again.",
    remediation="Draw every seed afresh from a cryptographic random generator, and never give one out that has been used.",
    proven_by=("constant_seed", "cycling_seeds"),
)
def test_seeds_do_not_repeat(tester: Tester, measure: Measurements, level: int) -> None:
    sample = measure.seeds(level)
    if sample.zeros:
        tester.note(f"{sample.zeros} seeds were zero, as an unlocked level gives them; they are left out")
    if not sample.is_enough:
        inconclusive(f"{len(sample.seeds)} seeds are too few to tell ({sample.stopped_by or 'the others were zero'})")
    found = sample.collisions
    if sample.is_held:
        judge_held_seed(tester, measure, level)
    elif found.is_too_many and measure.fresh_seeds(level).collisions.is_too_many:
        fail(
            expected=f"no more repeated seeds than chance allows in {found.seeds} of {found.bits} bits",
            observed=f"{found.pairs} pairs of equal seeds; chance gives so many with probability {found.probability:.1e}",
        )
    else:
        tester.note(
            f"{found.seeds} seeds, {found.pairs} equal pairs: at least {found.entropy_bound_bits:.1f} bits of collision "
            "entropy are supported (95 %), no more"
        )


def judge_held_seed(tester: Tester, measure: Measurements, level: int) -> None:
    """The same seed until it is answered is permitted with a counter and a delay; answered, it must never come back."""
    lockout = measure.lockout(level)
    if lockout.limit is None:
        fail(expected="a new seed for each request, as nothing limits attempts", observed=f"one seed held; {lockout.reason}")
    if not tester.access.can_relock:
        inconclusive("one seed is held; whether it returns after its key cannot be tried on an ECU that never locks again")
    answered = []
    for _ in range(3):
        answered.append(tester.security.unlock(level).seed)
        tester.access.lock()
    tester.restore()
    answered.append(tester.security.unlock(level).seed)
    if len(set(answered)) < len(answered):
        fail(
            expected="a seed that was answered never comes back",
            observed=f"{len(answered)} unlocks with {len(set(answered))} different seeds",
        )
    tester.note(
        "one seed is held until it is answered: permitted with a counter and a delay, yet worth changing, "
        "since an attacker may take any time over it"
    )
