"""Check that nobody can predict the next seed from earlier seeds, or from the time."""

from harness import Measurements, Severity, Tester, attack, fail

MOST_BITS_TO_TRY = 20
"""The largest number of random bits in a seed for which an attacker can compute all keys beforehand."""


@attack(
    id="SA-03",
    title="No seed can be foretold from those before it",
    failure="The next seed can be foretold",
    severity=Severity.CRITICAL,
    basis="policy",
    source="this harness: counters, congruential generators, shift registers and clocks, made from earlier seeds and held "
    "against later ones",
    cwe=(340, 342, 343),
    r155=("18.3",),
    rationale="Who knows the next seed can have its key computed elsewhere beforehand, e.g. by a workshop's tester.",
    remediation="Draw every seed from a cryptographic random generator, whose outputs do not tell its state.",
    proven_by=(
        "counter_seed",
        "bit_reversed_counter_seed",
        "lfsr_seed",
        "lfsr_seed_by_session",
        "xorshift_seed",
        "seed_mostly_counted",
    ),
)
def test_no_seed_can_be_foretold(tester: Tester, measure: Measurements, level: int) -> None:
    for sample in measure.ordered_seeds(level):
        found = sample.foretold()
        if found is not None:
            second = measure.fresh_like(level, sample)
            again = second.foretold() if second.can_show_order else None
            if again is not None:
                fail(
                    expected="no model of earlier seeds foretells later ones",
                    observed=f"{found}; in a second sample {again}",
                )
    drawn = measure.drawn_seeds(level)
    drawn.enough_of_each_length()
    judge_what_is_left(measure, level)
    tester.note(
        f"{len(drawn.seeds)} seeds ({'; '.join(drawn.taken)}): no counter, congruential generator, shift register or clock "
        f"foretells three of them; what has another structure is not excluded; {measure.entropy(level, drawn)}"
    )


def judge_what_is_left(measure: Measurements, level: int) -> None:
    """Fail if earlier seeds and the time predict so much of a seed that an attacker can try the remaining bits."""
    for structure in measure.structures(level):
        if structure.effective_bits <= MOST_BITS_TO_TRY and any(part.is_over_time for part in structure.parts):
            fail(
                expected="no model of earlier seeds foretells later ones",
                observed=f"each seed is told by those before it to within 2^{structure.effective_bits} values: {structure}",
            )


@attack(
    id="SA-04",
    title="Seeds come from no well-known generator",
    failure="Seeds come from a well-known generator",
    severity=Severity.CRITICAL,
    basis="policy",
    source="this harness: generators of common libraries, solved for their state or started from likely times",
    cwe=(335, 337, 338, 341),
    r155=("18.3",),
    rationale="Such generators are made for simulations: who knows some outputs, or when they started, knows the others.",
    remediation="Draw every seed from a cryptographic random generator that is started from an entropy source, not a clock.",
    uses=("reset", "power"),
    proven_by=(
        "rand_seeded_by_time",
        "rand_seeded_at_each_request",
        "rand_seeded_by_session",
        "rand_seeded_by_uptime",
        "xorshift_seed",
        "mersenne_seed",
        "time_seed",
    ),
)
def test_seeds_come_from_no_well_known_generator(tester: Tester, measure: Measurements, level: int) -> None:
    tried = ""
    for sample in measure.ordered_seeds(level):
        search = measure.generators(level, sample)
        tried = f"tried on {len(sample.seeds)} seeds, and not exhaustive: {search.tried}"
        if search.found is not None:
            second = measure.fresh_like(level, sample)
            again = measure.generators(level, second).found if second.can_show_order else None
            if again is not None:
                fail(
                    expected="no well-known generator reproduces the seeds",
                    observed=f"{search.found}; in a second sample {again}",
                )
    measure.drawn_seeds(level).enough_of_each_length()
    tester.note(tried)
