"""Are seeds evenly distributed, and independent of each other?"""

from __future__ import annotations

from harness import Measurements, Severity, Tester, attack, fail


@attack(
    id="SA-02",
    title="Seeds are evenly distributed",
    severity=Severity.HIGH,
    basis="policy",
    source="this harness: frequency, chi-square and correlation tests; health tests and most common value as in NIST "
    "SP 800-90B, as indicators and no validation",
    cwe=(331, 338),
    r155=("18.3",),
    rationale="Where bits are stuck, biased or follow from others there are fewer seeds than their length promises.",
    remediation="Use all bits of a cryptographic random generator that is seeded from a tested entropy source.",
    proven_by=("few_random_seed_bytes", "biased_seed_bit"),
)
def test_seeds_are_evenly_distributed(tester: Tester, measure: Measurements, level: int) -> None:
    sample = measure.drawn_seeds(level)
    sample.require()
    found = sample.battery()
    measure.of_seeds(level, {one.family.capitalize(): f"p = {one.p:.2g}; {one.worst}" for one in found.indications})
    tester.note(
        f"{found.seeds} seeds in {len(found.indications)} families of tests, each with a false-alarm budget of 1e-6 and "
        f"confirmed on a second sample; a bit that differs from one half by {found.visible_bias:.3f} is seen in nine of ten"
    )
    tester.note(
        f"min-entropy by the most common byte: {found.min_entropy_per_byte:.2f} bits per byte, which a sound generator "
        f"scores too on so few; collision entropy of at least {sample.collisions.entropy_bound_bits:.1f} bits is supported"
    )
    if found.alarms:
        second = measure.fresh_seeds(level, are_answered=sample.is_answered)
        second.require()
        confirmed = [one for one in found.alarms if one.family in {again.family for again in second.battery().alarms}]
        if confirmed:
            fail(
                expected="no family of tests with a result less likely than one in a million on seeds of chance",
                observed="; ".join(f"{one.family}: {one.worst} (p = {one.p:.1e})" for one in confirmed[:3]),
            )
