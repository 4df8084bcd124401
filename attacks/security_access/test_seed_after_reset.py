"""Check that restarts do not repeat seeds."""

from harness import Measurements, Severity, Tester, attack, fail, inconclusive

FEWEST_SEEDS = 4

BEYOND_CHANCE = 1e-12
"""If the first sample's repetitions have a lower probability than this by chance, no second sample need confirm them."""


@attack(
    id="SA-05",
    title="Seeds after a restart are new ones",
    failure="Seeds come again after a restart",
    severity=Severity.CRITICAL,
    basis="policy",
    source="this harness: restarts with the seed asked for at one fixed moment, then at others (as caringcaribou's delay "
    "fuzzer does)",
    cwe=(336, 337),
    r155=("18.3", "6.3"),
    rationale="Whoever can restart the ECU and choose the moment gets a seed again for which the key is known.",
    remediation="Start the random generator from an entropy source, or from a state that is carried over restarts, not from "
    "the time since the start.",
    uses=("reset", "power"),
    proven_by=("uptime_seed", "seed_unready_at_first"),
)
def test_seeds_after_a_restart_are_new(tester: Tester, measure: Measurements, level: int) -> None:
    restarts = measure.restarts(level)
    if restarts.unseen:
        tester.note(f"no restart was seen by {' or '.join(restarts.unseen)}")
    if len(restarts.seeds) < FEWEST_SEEDS:
        inconclusive(f"{len(restarts.seeds)} seeds after restarts are too few to tell")
    found = restarts.collisions
    if found.is_too_many:
        judge_again(tester, measure, level)
    if collisions_of_second_seeds(measure, level):
        fail(
            expected="different seeds after different restarts",
            observed=f"the first ones did, but those that came second after {len(restarts.second_seeds)} restarts were few",
        )
    at_once = sum(one.moment_s == 0 for one in restarts.first)
    tester.note(
        f"{found.seeds} restarts ({restarts.ways}), the seed asked for at once after {at_once} of them, at one moment "
        f"(really within {1000 * restarts.jitter_s:.1f} ms) after {len(restarts.at_one_moment) - at_once}, then at other "
        f"moments: {found.pairs} equal pairs; at least {found.entropy_bound_bits:.1f} bits of collision entropy after a "
        "restart are supported (95 %), no more"
    )


def collisions_of_second_seeds(measure: Measurements, level: int) -> bool:
    """Whether, in each of two series of restarts, the second seeds after a restart repeat more often than chance allows."""
    if not measure.restarts(level).second_collisions.is_too_many:
        return False
    return measure.fresh_restarts(level).second_collisions.is_too_many


def judge_again(tester: Tester, measure: Measurements, level: int) -> None:
    """Restart the ECU again and again once more, and fail if seeds repeat in this second series, too.

    If the key is known each seed is answered, since an ECU may rightly hold a seed until it is answered.
    """
    can_answer = tester.security.has_key(level) and not tester.security.level(level).suspect
    if not can_answer and measure.seeds(level).is_held:
        inconclusive("one seed is held, restarts included; whether it returns after its key cannot be tried without a key")
    first = measure.restarts(level)
    second = measure.fresh_restarts(level, are_answered=can_answer)
    found = second.collisions
    anyway = measure.seeds(level).settled
    if all(anyway.accounts_for(one) for one in (found, first.collisions)):
        inconclusive(
            f"seeds come again without a restart too, and about as often ({anyway.share_of_repeats(found.seeds):.1%} of all "
            f"pairs, {found.share:.1%} after restarts): that restarts bring them back is not shown"
        )
    if not found.is_too_many and first.collisions.probability < BEYOND_CHANCE and not first.is_held:
        fail(
            expected="different seeds after different restarts",
            observed=f"{first.collisions.pairs} equal pairs in {first.collisions.seeds} restarts, which chance gives with "
            f"probability {first.collisions.probability:.1e}; none in another {found.seeds}: first seeds are few",
        )
    if found.is_too_many:
        fail(
            expected="different seeds after different restarts",
            observed=f"{len(set(second.seeds))} different seeds after {len(second.seeds)} restarts ({second.ways}), which "
            f"chance gives with probability {found.probability:.1e}; {second.repeats}",
        )
    tester.note("seeds came again after a restart as long as they were not answered, and no more once they were")
