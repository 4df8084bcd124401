"""Check that nobody can compute keys from recorded pairs of seed and key."""

from harness import Measurements, Severity, Tester, attack, fail, inconclusive

FEWEST_PAIRS = 3


@attack(
    id="SA-33",
    title="Keys cannot be computed from seeds without a secret function",
    failure="Keys can be computed from seeds without a secret",
    severity=Severity.CRITICAL,
    basis="policy",
    source="CWE-327 broken cryptographic algorithm; UN R155 Annex 5 (26.2)",
    cwe=(327, 328),
    r155=("18.3", "26.2"),
    rationale="A constant, a rotation, a checksum or a table is read off a few pairs that anybody can record on the bus; "
    "the ECU is open to everybody from then on.",
    remediation="Compute keys with a cryptographic function under a secret, e.g. HMAC-SHA256 or AES-CMAC with 128 bits.",
    unlocks=True,
    proven_by=("key_is_seed_plus_constant", "key_is_seed_xor_constant", "key_is_crc_of_seed"),
)
def test_keys_are_not_computed_simply(tester: Tester, measure: Measurements, level: int) -> None:
    pairs = measure.pairs(level)
    if len(pairs.all) < FEWEST_PAIRS:
        inconclusive(f"{len(pairs.all)} pairs of seed and key are known: at least {FEWEST_PAIRS} are needed")
    search = pairs.search()
    if not search.has_decided:
        inconclusive(
            f"{len(pairs.all)} pairs of {8 * len(pairs.all[0][1])}-bit keys are too few to tell a model from chance"
        )
    if search.fitting:
        fail(
            expected="none of the simple models predicts keys",
            observed=f"keys are predicted from other pairs by: {'; '.join(search.fitting)}",
        )
    untested = f"; too few pairs for: {'; '.join(search.untested)}" if search.untested else ""
    tester.note(f"none of {len(search.rejected)} models fits {len(pairs.all)} pairs (not exhaustive){untested}")


@attack(
    id="SA-34",
    title="The secret behind the keys cannot be found by search",
    failure="The secret behind the keys can be found by search",
    severity=Severity.HIGH,
    basis="policy",
    source="CWE-326 inadequate encryption strength; UN R155 Annex 5 (26.1, 19.3)",
    cwe=(326,),
    r155=("18.3", "26.1", "19.3"),
    rationale="Two recorded unlocks are enough to try secrets against, away from the car and with any number of computers; "
    "what is found opens every ECU that shares it.",
    remediation="Use a random secret of at least 128 bits, different in each ECU, in a function that needs all of it.",
    unlocks=True,
    proven_by=("short_secret",),
)
def test_the_secret_cannot_be_found_by_search(tester: Tester, measure: Measurements, level: int) -> None:
    if not measure.pairs(level).seen and not measure.pairs(level).given:
        inconclusive("no pair was seen or given: nothing shows that the declared key is this ECU's")
    search = measure.secret(level)
    if search is None:
        inconclusive("how keys are made is not declared, nor the secret's length: the cost of a search is unknown")
    measure.publish(f"Search for the secret of level 0x{level:02X}", search.rows())
    figures = "; ".join(f"{name}: {value}" for name, value in search.rows().items())
    if search.demonstration:
        tester.note(search.demonstration)
    if search.is_weak:
        fail(expected="a secret of 112 bits or more; below 64 it is found", observed=figures)
    if not search.is_exact:
        inconclusive(f"the declared secret has {search.bits} bits, but what the key function makes of it is not known")
    if not search.is_strong:
        inconclusive(f"{search.bits} bits are between what is found (below 64) and what never is (112): {figures}")
    tester.note(figures)
