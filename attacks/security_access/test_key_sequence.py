"""Is a key taken only where the sequence allows it: after its seed, once, and never again?"""

from __future__ import annotations

from harness import Nrc, Severity, Tester, attack, fail, inconclusive, negative, positive

SEQUENCE_ERROR = negative(Nrc.REQUEST_SEQUENCE_ERROR)
IN_DELAY = negative(Nrc.CONDITIONS_NOT_CORRECT, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS, Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)
NOT_COMPARED = IN_DELAY | negative(Nrc.INCORRECT_MESSAGE_LENGTH, Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION)


@attack(
    id="SA-21",
    title="A key without a seed is refused",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 4: requestSequenceError",
    cwe=(841, 908, 248),
    r155=("18.3",),
    rationale="A key that is compared although no seed was given is compared with whatever memory holds: zeros, the last "
    "key, or nothing at all. The first two may open the ECU, the last may crash it.",
    remediation="Keep a flag that a seed is pending, and answer 0x24 to any key while it is not set.",
    needs=("lockout",),
    proven_by=("zero_key_without_seed", "dies_on_key_without_seed"),
)
def test_a_key_without_a_seed_is_refused(tester: Tester, level: int) -> None:
    tester.session_for(level)
    length = tester.security.key_length(level)
    tester.restore()
    tester.session_for(level)
    discarding = tester.security.discard_seed(level)
    if discarding is not None:
        tester.judge(discarding, sound=negative(), flawed=positive(), severity=Severity.CRITICAL)
    for key in (bytes(length), tester.chance.random_bytes(length)):
        reply = tester.security.send_key(level, key)
        if reply.is_positive:
            tester.judge(reply, sound=SEQUENCE_ERROR, severity=Severity.CRITICAL)
        if reply.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED, Nrc.SUB_FUNCTION_NOT_SUPPORTED):
            inconclusive(f"keys are not taken here at all: {reply}")
        tester.judge(reply, sound=SEQUENCE_ERROR, tolerated=NOT_COMPARED)


@attack(
    id="SA-22",
    title="A wrong key uses up its seed",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 9: an invalid key requires the client to start over",
    cwe=(294, 841),
    r155=("18.3",),
    rationale="If the seed stays valid, each guess rules a key out for good: half the work, and a fixed comparison to time.",
    remediation="Discard the pending seed with the answer to any key, right or wrong.",
    needs=("lockout",),
    unlocks=True,
    proven_by=("seed_kept_after_wrong_key",),
)
def test_a_wrong_key_uses_up_its_seed(tester: Tester, level: int) -> None:
    if not tester.access.can_relock:
        tester.security.unlock(level)
    tester.session_for(level)
    seed = tester.security.seed(level)
    if not any(seed):
        inconclusive("the level is open, and nothing locks it again")
    wrong = tester.security.send_key(level, tester.security.wrong_key(level, seed))
    tester.judge(wrong, sound=negative(Nrc.INVALID_KEY) | IN_DELAY, flawed=positive(), severity=Severity.CRITICAL)
    again = tester.security.send_key(level, tester.security.right_key(level, seed))
    tester.judge(again, sound=SEQUENCE_ERROR, tolerated=negative(), flawed=positive())


@attack(
    id="SA-24",
    title="A key is accepted once",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 7: requestSequenceError",
    cwe=(841,),
    r155=("18.3",),
    rationale="A key that stays valid after it was used is waiting to be replayed, by this tester or by another.",
    remediation="Discard seed and key with the first answer.",
    needs=("lockout",),
    unlocks=True,
    proven_by=("key_accepted_twice",),
)
def test_a_key_is_accepted_once(tester: Tester, level: int) -> None:
    seed, key = tester.security.unlock(level)
    if not any(seed):
        inconclusive("the level is open, and nothing locks it again")
    again = tester.security.send_key(level, key)
    tester.judge(again, sound=SEQUENCE_ERROR, tolerated=negative(), flawed=positive())


@attack(
    id="SA-25",
    title="An old key does not open a new seed",
    severity=Severity.CRITICAL,
    basis="standard",
    source="ISO 14229-1 SecurityAccess: the key answers the seed that was given",
    cwe=(294,),
    r155=("18.3", "6.3"),
    rationale="One unlock recorded on the bus is then enough to open the ECU for ever, without knowing the algorithm.",
    remediation="Compare with the key of the pending seed only, and clear it when it has been compared.",
    needs=("lockout",),
    proven_by=("old_key_accepted",),
)
def test_an_old_key_does_not_open_a_new_seed(tester: Tester, level: int) -> None:
    for old_seed, old_key in used_pairs(tester, level):
        tester.session_for(level)
        seed = tester.security.seed(level)
        if not any(seed):
            inconclusive("the level is open, and nothing locks it again")
        is_right_again = old_key == tester.security.right_key(level, seed)
        if is_right_again and not tester.access.can_relock:
            inconclusive("the same seed is held until it is answered: its key is no old one")
        for what in ("a new seed", "no seed"):
            replayed = tester.security.send_key(level, old_key)
            if replayed.is_positive:
                tester.cite(replayed)
                judge_effect(tester, level, "the seed has come again" if seed == old_seed else f"it answers {what}")
            tester.judge(replayed, sound=negative(Nrc.INVALID_KEY) | SEQUENCE_ERROR, tolerated=negative(), flawed=positive())


def used_pairs(tester: Tester, level: int) -> list[tuple[bytes, bytes]]:
    """Two pairs that have opened the level, the ECU locked again; where it cannot be, one that was never sent."""
    entry = tester.access.protected_by(level)
    if not tester.access.can_relock:
        tester.access.require_locked(entry)
        seed = tester.security.seed(level)
        return [(seed, tester.security.right_key(level, seed))]
    older = tester.security.unlock(level)
    tester.restore()
    newer = tester.security.unlock(level)
    if any(newer.seed) and newer.seed == older.seed:
        fail(
            expected="a seed that was answered never comes back",
            observed="the same seed came again after the ECU was restored, and its old key opened the level",
        )
    tester.access.lock()
    tester.access.require_locked(entry)
    return [older, newer]


def judge_effect(tester: Tester, level: int, why: str) -> None:
    """A positive answer that opens nothing is another fault than this one."""
    entry = tester.access.protected_by(level)
    if entry is not None and tester.access.locked_probe(entry, in_this_session=True).is_negative:
        inconclusive("the old key is answered positively, but protected data stays locked")
    fail(expected="negative 0x35 invalidKey", observed=f"the old key opens the level: {why}")
