"""Check that the time of the ECU's answer does not reveal how much of a wrong key was right."""

from harness import Inconclusive, Measurements, Severity, Tester, attack, fail, inconclusive

CLEAR_STEP_S = 100e-6
"""A step in seconds that is large enough to show with a few dozen guesses on any bus."""
FEWEST = 5
EXCLUDED_STEP_S = 20e-6
"""A step in seconds; a measurement too coarse to see a step of this size proves nothing."""


@attack(
    id="SA-35",
    title="The answer to a wrong key does not tell how much of it was right",
    failure="The answer's time tells how much of a key was right",
    severity=Severity.HIGH,
    basis="policy",
    source="CWE-208 observable timing discrepancy",
    cwe=(208, 203, 204),
    r155=("18.3",),
    rationale="A comparison that ends at the first wrong byte lets the key be found byte by byte: at most 256 guesses for "
    "each.",
    remediation="Compare keys in constant time, and answer every wrong one with the same code.",
    needs=("lockout",),
    comes_last=True,
    proven_by=("comparison_takes_time",),
)
def test_the_answer_does_not_tell_how_much_was_right(tester: Tester, measure: Measurements, level: int) -> None:
    timing = measure.key_timing(level)
    keys = f"{timing.n} keys of each kind, {'twice' if len(timing.runs) > 1 else 'once'}"
    if timing.is_told_by_code:
        codes = {kind: ", ".join(f"0x{code:02X}" for code in sorted(found)) for kind, found in timing.codes.items()}
        fail(
            expected="the same code for every wrong key",
            observed=f"wrong in the first byte: {codes['first']}; in the last: {codes['last']}",
        )
    if timing.n < FEWEST:
        inconclusive(f"only {timing.n} keys of each kind were answered with the same code: too few to compare their times")
    if timing.is_leaking:
        ts = ", ".join(f"{run.t:.0f}" for run in timing.runs)
        fail(
            expected="the same time whichever byte is wrong",
            observed=f"each byte makes {1e6 * timing.step_s:+.1f} µs ({keys}; t = {ts})",
            severity=Severity.HIGH if abs(timing.step_s) >= CLEAR_STEP_S else Severity.INFO,
        )
    detectable = f"detectable: {1e6 * timing.detectable_step_s:.2g} µs or more a byte, with {keys}"
    if any(run.is_significant for run in timing.runs):
        inconclusive(f"one of two runs shows a difference, the other does not ({detectable})")
    if timing.detectable_step_s > EXCLUDED_STEP_S:
        needed = timing.needed_for(EXCLUDED_STEP_S)
        inconclusive(f"{detectable}; {1e6 * EXCLUDED_STEP_S:.0f} µs a byte would need {needed} keys of each kind")
    if not is_limited(measure, level):
        inconclusive(f"{detectable}; smaller steps show to whoever guesses more often, and nothing is known to limit that")
    tester.note(f"{detectable}; the limit for wrong keys keeps anybody from taking many more")


def is_limited(measure: Measurements, level: int) -> bool:
    """Whether the level is known to limit wrong keys."""
    try:
        return measure.lockout(level).limit is not None
    except Inconclusive:
        return False
