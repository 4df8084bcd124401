"""Check the distribution of seeds: every bit, every byte, and dependencies between parts of a seed."""

from harness import Measurements, Severity, Tester, attack, fail

SUFFICIENT_BITS = 64
"""The number of random bits that suffices in a seed of any length."""


@attack(
    id="SA-02",
    title="Seeds are evenly distributed",
    failure="Seeds are not evenly distributed, or follow from each other",
    severity=Severity.HIGH,
    basis="policy",
    source="this harness: frequency, chi-square and correlation tests; health tests and most common value as in NIST "
    "SP 800-90B, as indicators and no validation",
    cwe=(331, 338),
    r155=("18.3",),
    rationale="Where bits are stuck, biased or follow from others there are fewer seeds than their length promises.",
    remediation="Use all bits of a cryptographic random generator that is seeded from a tested entropy source.",
    proven_by=(
        "few_random_seed_bytes",
        "biased_seed_bit",
        "half_of_seed_masked",
        "half_of_seed_added",
        "half_of_seed_looked_up",
        "seed_mostly_uptime",
        "seed_mostly_counted",
    ),
)
def test_seeds_are_evenly_distributed(tester: Tester, measure: Measurements, level: int) -> None:
    samples = measure.drawn_seeds(level).enough_of_each_length()
    for sample, structure in zip(samples, measure.structures(level), strict=True):
        found = sample.battery()
        measure.of_seeds(level, {one.family.capitalize(): f"p = {one.p:.2g}; {one.worst}" for one in found.indications})
        size = f"{sample.lengths[0]} bytes{' and more' * sample.is_cut}"
        tester.note(
            f"{found.seeds} seeds of {size} in {len(found.indications)} families of tests, each with a false-alarm budget "
            "of 1e-6, and held against their own parts, earlier seeds and the time (1e-6 too): at most 1e-4 a campaign, and "
            f"alarms are confirmed on a second sample; a bit that differs from one half by {found.visible_bias:.3f} is seen "
            "in nine of ten"
        )
        tester.note(
            f"min-entropy by the most common byte: {found.min_entropy_per_byte:.2f} bits per byte, which a sound generator "
            f"scores too on so few; {measure.entropy(level, sample)}"
        )
        alarms = measure.confirmed_alarms(level, sample, structure.chance_bytes)
        is_enough = structure.effective_bits >= SUFFICIENT_BITS and not alarms
        if structure.parts:
            fail(
                expected="no part of a seed that never changes or follows from another part, earlier seeds or the time",
                observed="; ".join([str(structure), *alarms[:2]]),
                severity=Severity.LOW if is_enough else None,
            )
        if alarms:
            fail(
                expected="no family of tests with a result less likely than one in a million on seeds of chance",
                observed="; ".join(alarms[:3]),
            )
