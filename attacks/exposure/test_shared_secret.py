"""Check that the key of one unit opens only that unit."""

from harness import Measurements, Severity, Tester, attack, fail


@attack(
    id="IE-04",
    title="Another unit of the same type has another secret",
    failure="Another unit of the same type has the same secret",
    severity=Severity.HIGH,
    basis="policy",
    source="UN R155 Annex 5 (19.3); CWE-321 hard-coded cryptographic key",
    cwe=(798, 321),
    r155=("18.3", "19.3"),
    rationale="Where all units share a secret, one that is taken apart opens every car on the road, for ever.",
    remediation="Give each unit a secret of its own, derived from its serial number by a master key that no unit holds.",
    needs=("lockout",),
    proven_by=("same_secret_in_every_unit",),
)
def test_another_unit_has_another_secret(tester: Tester, measure: Measurements, level: int) -> None:
    other = measure.other_unit(level)
    if other.opened:
        fail(
            expected=f"no key of this unit opens level 0x{level:02X} of the other one",
            observed=f"{other.opened} of {other.tried} do",
        )
    tester.note(f"{other.tried} keys of this unit were wrong on the other one")
