"""Is guessing limited?"""

from __future__ import annotations

from harness import Measurements, Severity, Tester, attack, fail


@attack(
    id="SA-09",
    title="Wrong keys lock SecurityAccess",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I: attempt counter and delay timer; SWS_Dcm_01349",
    cwe=(307, 799),
    r155=("18.3",),
    rationale="Without a limit an attacker guesses as fast as the bus carries guesses: a 32-bit key falls within weeks, "
    "a 16-bit key within minutes.",
    remediation="Count wrong keys in non-volatile memory, answer 0x36 at the limit, and refuse seeds with 0x37 for some "
    "seconds after it.",
    needs=("lockout",),
    proven_by=("no_attempt_limit",),
)
def test_wrong_keys_lock_security_access(tester: Tester, measure: Measurements, level: int) -> None:
    lockout = measure.lockout(level)
    tester.cite(*lockout.evidence)
    if lockout.limit is None:
        fail(
            expected="0x36 or 0x37 after at most 10 wrong keys",
            observed=f"no limit in {lockout.evaluated} evaluated keys: {lockout.reason}",
            severity=Severity.CRITICAL if tester.security.key_length(level) <= 2 else None,
        )
    tester.note(f"limited: {lockout.reason}")
