"""Check that an unlock serves only the tester that sent the key."""

from harness import DataEntry, Nrc, Severity, Tester, attack, fail, inconclusive, negative, uds
from harness.tester import OtherAddress

NOT_ITS_SEED = negative(Nrc.REQUEST_SEQUENCE_ERROR, Nrc.INVALID_KEY)


@attack(
    id="SA-40",
    title="What one tester has unlocked is closed to others",
    failure="What one tester has unlocked is open to others",
    severity=Severity.MEDIUM,
    basis="policy",
    source="CWE-346 origin validation; UN R155 Annex 5 (6.2): session hijacking",
    cwe=(362, 346),
    r155=("18.3", "6.2"),
    rationale="While a workshop has the ECU open, whatever else can reach the bus may write with the workshop's rights.",
    remediation="Keep the unlocked level and the pending seed for each connection, and answer no other address.",
    needs=("lockout", "write"),
    uses=("functional",),
    unlocks=True,
    proven_by=("unlock_valid_for_all", "seed_valid_for_all"),
)
def test_what_one_tester_unlocked_is_closed_to_others(tester: Tester, level: int) -> None:
    others = [other for other in tester.other_addresses() if other.is_served()]
    if not others:
        inconclusive("the ECU was seen to answer at no other address; a second tester's would be a [[connection]]")
    entry = tester.access.protected_by(level)
    if entry is None:
        raise tester.access.without_data(f"no readable data needs level 0x{level:02X}: an effect could not be seen")
    judged = sum([judge_use(tester, level, entry, other) for other in others])
    for other in others:
        judge_key(tester, level, other)
    if not judged:
        inconclusive("; ".join(tester.notes))


def judge_use(tester: Tester, level: int, entry: DataEntry, other: OtherAddress) -> bool:
    """Unlock the level, write from another address, and return whether that write was seen to have no effect."""
    tester.restore()
    did = bytes((entry.did >> 8, entry.did & 0xFF))
    if 3 + len(tester.read(entry.did)) > other.longest:
        tester.note(f"the value of DID {entry.did:04X} does not fit one frame to {other.name}: not tried there")
        return False
    if tester.access.can_relock:
        tester.access.require_locked(entry, by_refusal=True)
        locked = tester.access.effect(entry, lambda value: other.ask(b"\x2e" + did + value))
        if locked.is_changed:
            tester.note(f"{other.name} writes protected data although nothing is unlocked: the subject of other checks")
            return False
    tester.security.unlock(level)
    control = tester.access.write_effect(entry)
    if not control.is_changed:
        inconclusive(f"control missing: unlocked, a write has no effect ({control})")
    effect = tester.access.effect(
        entry, lambda value: other.ask(b"\x2e" + did + value), lambda old: tester.write(entry.did, old)
    )
    if not effect.is_changed:
        return True
    if other.is_functional:
        tester.note(f"{other.name} profits from an unlock: nothing tells whether the same tester used it")
        return False
    tester.cite(effect.reply)
    fail(
        expected=f"DID {entry.did:04X} closed to {other.name} while level 0x{level:02X} is unlocked from our address",
        observed=str(effect),
        severity=Severity.HIGH if other.is_tester else None,
    )


def judge_key(tester: Tester, level: int, other: OtherAddress) -> None:
    """Check that another tester cannot answer our seed, and note if that tester's seed request spoils it."""
    if not tester.access.can_relock or other.is_functional or 2 + tester.security.key_length(level) > other.longest:
        return
    tester.restore()
    tester.session_for(level)
    seed = tester.security.seed(level)
    reply = other.ask(uds.send_key(level, tester.security.right_key(level, seed)))
    if reply.is_positive:
        tester.cite(reply)
        fail(
            expected=f"{NOT_ITS_SEED} to {other.name}, which was given no seed",
            observed=f"the key of our seed opens level 0x{level:02X} there: {reply}",
            severity=Severity.HIGH if other.is_tester else None,
        )
    tester.restore()
    tester.session_for(level)
    seed = tester.security.seed(level)
    theirs = other.ask(uds.request_seed(level))
    ours = tester.security.send_key(level, tester.security.right_key(level, seed))
    if theirs.is_positive and not ours.is_positive:
        tester.note(f"a request for a seed from {other.name} spoils ours: its key is then answered {ours}")
