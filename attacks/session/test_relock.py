"""Does an unlocked ECU lock again when the session ends?"""

from __future__ import annotations

from harness import DataEntry, Severity, Tester, attack, fail, inconclusive, not_applicable


@attack(
    id="ST-01",
    title="A session change locks the ECU",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transitions 6 and 10; DiagnosticSessionControl, Figure 7",
    cwe=(613,),
    r155=("18.3",),
    rationale="An unlock that outlives its session is there for whoever comes next on the bus.",
    remediation="Lock every level with each accepted DiagnosticSessionControl, re-entry of the same session included.",
    needs=("write",),
    unlocks=True,
    proven_by=("unlock_survives_default_session", "unlock_survives_same_session"),
)
def test_a_session_change_locks_the_ecu(tester: Tester, protected: DataEntry) -> None:
    if not tester.has_sessions:
        not_applicable("the target declares no sessions")
    tester.access.require_locked(protected, by_refusal=True)
    level = protected.write.level
    assert level is not None
    entry = tester.target.level(level)
    session = entry.session if entry is not None else None
    changes = [(0x01, "the default session")]
    if session is not None and session != 0x01:
        changes.append((session, f"session 0x{session:02X} again"))
    for change, name in changes:
        tester.security.unlock(level)
        control = tester.access.write_effect(protected)
        if not control.is_changed:
            inconclusive(f"control missing: unlocked, a write has no effect ({control})")
        entered = tester.enter_session(change)
        if not entered.is_positive:
            inconclusive(f"{name} was not entered: {entered}")
        judge_locked(tester, protected, f"after entering {name}")
        if change == 0x01:
            tester.session_for(level)
            judge_locked(tester, protected, f"after entering {name} and coming back")


def judge_locked(tester: Tester, protected: DataEntry, when: str) -> None:
    """A write must have no effect; what the ECU says to it is another question."""
    effect = tester.access.write_effect(protected)
    if effect.is_changed:
        fail(expected=f"DID {protected.did:04X} protected {when}", observed=str(effect))
    if not effect.reply.is_negative:
        tester.cite(effect.reply)
        inconclusive(f"{when} a write changes nothing, but is not refused either: {effect.reply}")
