"""Check the seeds of SecurityAccess: never repeated, long enough, and zero only if nothing is locked."""

from harness import Inconclusive, Measurements, Nrc, Service, Severity, Tester, attack, fail, inconclusive, not_applicable

BEYOND_CHANCE = 1e-12
"""Repetitions in both samples together are a failure if chance gives them with a lower probability than this."""
LEAST_BITS = 24
"""The smallest number of random bits in a seed; fewer can be tried within days, delays after wrong keys included."""
SUFFICIENT_BITS = 64
ASKED_AGAIN_S = (0.0, 0.0, 1.1)
"""Pauses in seconds before each request for a seed of an open level; all are too short to end the session."""


@attack(
    id="SA-01",
    title="Seeds do not repeat",
    failure="Seeds repeat",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: without attempt counter and delay a random seed is always used",
    cwe=(330, 344, 294),
    r155=("18.3",),
    rationale="Whoever records one seed with its key can answer that seed whenever it comes again.",
    remediation="Draw every seed afresh from a cryptographic random generator, and never give one out that has been used.",
    uses=("lockout",),
    proven_by=(
        "constant_seed",
        "cycling_seeds",
        "fixed_seed_after_wrong_key",
        "seed_fixed_in_session",
        "seed_renewed_each_second",
        "seed_renewed_each_fifth_time",
        "rand_seeded_by_session",
        "seed_of_sixteen_bits",
    ),
)
def test_seeds_do_not_repeat(tester: Tester, measure: Measurements, level: int) -> None:
    sample = measure.seeds(level)
    if sample.zeros:
        tester.note(f"{sample.zeros} seeds were zero, as an unlocked level gives them; they are left out")
    if sample.without_seed:
        tester.note(f"{sample.without_seed} positive answers held no seed")
    if not sample.is_enough:
        inconclusive(f"{len(sample.seeds)} seeds are too few to tell ({sample.stopped_by or 'the others were zero'})")
    found = sample.collisions
    if sample.is_held:
        judge_held_seed(tester, measure, level)
    elif found.is_too_many:
        judge_repeated_seeds(measure, level)
    else:
        tester.note(
            f"{found.seeds} seeds ({'; '.join(sample.taken)}), {found.pairs} equal pairs: "
            f"{measure.entropy(level, sample)}; false alarm below 1e-6"
        )
        judge_seeds_after_wrong_keys(tester, measure, level)


def judge_repeated_seeds(measure: Measurements, level: int) -> None:
    """Fail if seeds repeat with a very low probability, in a second sample as well, or in both samples together."""
    first, second = measure.seeds(level), measure.fresh_seeds(level)
    found, both = first.collisions, first.collisions_with(second)
    if both.probability >= BEYOND_CHANCE and not second.collisions.is_too_many:
        inconclusive(
            f"{found.pairs} pairs of equal seeds (by chance with probability {found.probability:.1e}), and "
            f"{both.pairs - found.pairs} more with a second sample"
        )
    fail(
        expected=f"no more repeated seeds than chance allows in {both.seeds} of {both.bits} bits",
        observed=f"{found.pairs} pairs of equal seeds in {found.seeds}, {both.pairs} with a second sample; chance gives so "
        f"many with probability {both.probability:.1e}",
    )


def judge_held_seed(tester: Tester, measure: Measurements, level: int) -> None:
    """Permit an ECU that limits attempts to hold one seed until it is answered; an answered one must never come back."""
    lockout = measure.lockout(level)
    if lockout.limit is None:
        fail(expected="a new seed for each request, as nothing limits attempts", observed=f"one seed held; {lockout.reason}")
    require_delay(measure, level)
    if not tester.access.can_relock:
        inconclusive("one seed is held; whether it returns after its key cannot be tried on an ECU that never locks again")
    answers = measure.answers_to_held_seeds(level)
    if answers.returned:
        fail(
            expected="a seed that was answered never comes back",
            observed=f"{len(answers.seeds)} unlocks, some at once after the other, with {len(set(answers.seeds))} different "
            f"seeds: {answers.words}",
        )
    if answers.untried:
        inconclusive(f"one seed is given again and again, and {answers.untried}")
    tester.note(
        f"one seed is held until it is answered ({answers.words}): permitted with a counter and a delay, yet worth "
        "changing, since an attacker may take any time over it"
    )


def require_delay(measure: Measurements, level: int) -> None:
    """Fail if the limit of attempts delays nothing: a delay that the ECU only announces does not count."""
    delay = measure.delay_if_any(level)
    if delay is not None and not delay.exists:
        fail(
            expected="a new seed for each request, as no delay follows wrong keys",
            observed=f"one seed held; {delay.wrong_keys} wrong keys, and seeds still given",
        )


def judge_seeds_after_wrong_keys(tester: Tester, measure: Measurements, level: int) -> None:
    """Check that a wrong key does not bring an old seed back."""
    found = measure.seeds_after_wrong_keys(level)
    if found.stopped_by:
        tester.note(f"seeds after {len(found.following)} wrong keys were looked at, no more: {found.stopped_by}")
    if found.collisions.is_too_many:
        fail(
            expected="a new seed after each wrong key",
            observed=f"{len(found.following)} wrong keys were followed by {len(set(found.following))} different seeds, "
            f"{len(set(found.following) - set(found.answered))} of them new",
        )


@attack(
    id="SA-06",
    title="Seeds and keys are long enough",
    failure="Seeds or keys are too short",
    severity=Severity.MEDIUM,
    basis="policy",
    source="this harness: at least 8 bytes each; 16 are better",
    cwe=(326, 334),
    r155=("18.3", "26.1"),
    rationale="A short key is found by trying, a short seed comes again, and one recorded pair is then enough.",
    remediation="Use seeds and keys of 16 bytes, and a key that depends on all of the seed.",
    proven_by=("short_seed_and_key", "seed_mostly_uptime", "seed_mostly_counted"),
)
def test_seeds_and_keys_are_long_enough(tester: Tester, measure: Measurements, level: int) -> None:
    sample = measure.seeds(level)
    if not sample.seeds:
        inconclusive("every seed was zero, and says nothing of the length of others")
    length_bits = 8 * sample.lengths[0]
    chance_bits, why = chance_in_seeds(measure, level, length_bits)
    key_bits = None
    if is_key_known(tester, level):
        key_bits = 8 * min(len(tester.security.right_key(level, one.seeds[0])) for one in sample.by_length())
    sizes = f"seeds of {length_bits} bits{why}, keys of {'unknown length' if key_bits is None else f'{key_bits} bits'}"
    weakest = chance_bits if key_bits is None else min(chance_bits, key_bits)
    if weakest < SUFFICIENT_BITS:
        what = "so few that they can be tried out" if weakest <= LEAST_BITS else "too few for the life of a product"
        fail(
            expected=f"seeds and keys of at least {SUFFICIENT_BITS} bits",
            observed=f"{sizes}: 2^{weakest} possibilities, {what}",
        )
    if key_bits is None:
        inconclusive(f"{sizes}: the length of keys is known from a key function that works, and there is none")
    tester.note(sizes)


def chance_in_seeds(measure: Measurements, level: int, length_bits: int) -> tuple[int, str]:
    """Return how many bits of the shortest seeds are random, and in words what determines the other bits."""
    try:
        structures = [structure for structure in measure.structures(level) if structure.parts]
    except Inconclusive:  # too few seeds for the structure: the length alone counts
        return length_bits, ""
    weakest = min(structures, key=lambda structure: structure.effective_bits, default=None)
    if weakest is None or weakest.effective_bits >= length_bits:
        return length_bits, ""
    return weakest.effective_bits, f" ({weakest})"


def is_key_known(tester: Tester, level: int) -> bool:
    """Whether the key function computes the keys that the ECU accepts, as far as that could be tried."""
    return tester.security.has_key(level) and not tester.security.level(level).suspect


@attack(
    id="SA-07",
    title="A locked level never gives a seed of zeros, or one that was never drawn",
    failure="A locked level gives a seed of zeros, or one that was never drawn",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess: an all-zero seed says that the level is unlocked, and is given for no other",
    cwe=(908, 1188),
    r155=("18.3",),
    rationale="Zeros tell the tester that it need not send a key; a seed that is the same after each start can be replayed.",
    remediation="Give no seed before the random generator is ready, and draw again when it yields zeros.",
    uses=("reset", "power", "lockout"),
    proven_by=("zero_seed_after_start", "zero_seed_after_wrong_key", "zero_seed_at_times", "full_seed_after_start"),
)
def test_a_locked_level_never_gives_a_seed_that_was_not_drawn(tester: Tester, measure: Measurements, level: int) -> None:
    sample = measure.seeds(level)
    tester.evidence.extend(sample.evidence)
    if sample.zeros_while_locked:
        fail(
            expected="no all-zero seed for a locked level",
            observed=f"{sample.zeros} zero seeds of {len(sample.seeds) + sample.zeros}, and what needs the level was "
            "refused directly after",
        )
    if sample.undrawn:
        fail(
            expected="seeds drawn by chance",
            observed=f"seeds of {sample.undrawn[0]:02X} in every byte, more than chance allows",
        )
    judge_first_seeds(tester, measure, level)
    after_wrong_keys = measure.known_seeds_after_wrong_keys(level)
    if tester.security.level(level).gives_zero_seeds:
        zeros = sum(not any(seed) for seed in after_wrong_keys.following)
        where = f"after {zeros} of {len(after_wrong_keys.following)} wrong keys a seed" if zeros else "in this run a seed"
        fail(
            expected="no all-zero seed for a locked level",
            observed=f"{where} was zero while what needs the level was refused",
        )
    if sample.zeros:
        inconclusive(f"{sample.zeros} seeds were zero, and whether the level was locked then cannot be told")


def judge_first_seeds(tester: Tester, measure: Measurements, level: int) -> None:
    """Judge the first seeds after starts of the ECU, if it can be restarted."""
    restarts = measure.restarts_if_any(level)
    if restarts is None:
        return
    refusals = [one.refusal for one in restarts.first if one.refusal is not None]
    if refusals:
        tester.cite(*refusals)
        fail(
            expected="no all-zero seed for a locked level",
            observed=f"{len(refusals)} of {len(restarts.first)} first seeds were zero, and what needs the level was refused "
            "directly after",
        )
    if any(not any(one.seed) for one in restarts.first):
        inconclusive("first seeds after a start were zero, and whether the level was locked then cannot be told")
    if restarts.is_constant and is_constant_once_answered(tester, measure, level):
        fail(
            expected="a new seed after each start",
            observed=f"after each of {len(restarts.first)} starts the first seed was {restarts.seeds[0].hex(' ').upper()}",
        )
    tester.note(f"the first seeds after {len(restarts.first)} starts were neither zero nor always the same")


def is_constant_once_answered(tester: Tester, measure: Measurements, level: int) -> bool:
    """Whether the ECU gives one and the same seed after every start, although that seed was answered.

    An ECU may rightly keep a seed over a start as long as nobody has answered it.
    """
    if is_key_known(tester, level):
        return measure.fresh_restarts(level, are_answered=True).is_constant
    if measure.seeds(level).is_held:
        inconclusive("one seed is held, starts included; whether it returns after its key cannot be tried without a key")
    return measure.fresh_restarts(level).is_constant


@attack(
    id="SA-08",
    title="An unlocked level gives a seed of zeros",
    failure="An unlocked level does not give a seed of zeros",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 7; SWS_Dcm_00323",
    cwe=(358,),
    r155=("18.3",),
    rationale="Zeros are how a tester learns that the level is open; a real seed then helps whoever collects seeds.",
    remediation="Answer a seed request for the level that is unlocked with a seed of zeros, and leave the level unlocked.",
    unlocks=True,
    proven_by=("fresh_seed_when_unlocked",),
)
def test_an_unlocked_level_gives_a_seed_of_zeros(tester: Tester, level: int) -> None:
    try:
        opened = tester.security.unlock(level)
    except Inconclusive:
        tester.security.request_seed(level)
        if (known := tester.state.presence.service(Service.SECURITY_ACCESS)).is_absent:
            not_applicable(known.why)
        raise
    if not opened.key:
        inconclusive("the level gave a seed of zeros before any key was sent: it was open already, or only seems to be")
    for number, pause_s in enumerate(ASKED_AGAIN_S):
        tester.wait(pause_s, "seeds some time apart")
        reply = tester.security.request_seed(level)
        tester.cite(reply)
        if reply.is_refused_with(Nrc.CONDITIONS_NOT_CORRECT):
            tester.note("the request is refused with 0x22 while the level is unlocked: tolerated")
            return
        if not reply.is_positive:
            inconclusive(f"neither a seed nor 0x22: {reply}")
        seed = reply.pdu[2:]
        if any(seed):
            when = f", at request {number + 1}" if number else ""
            fail(expected="a seed of zeros, as the level is unlocked", observed=f"seed {seed.hex(' ').upper()}{when}")
        if len(seed) != len(opened.seed):
            tester.note(f"the seed of zeros has {len(seed)} bytes, other seeds have {len(opened.seed)}")
