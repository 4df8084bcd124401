"""Check that nobody without a key can keep the ECU from its work, by resets or by silencing it."""

from attacks.access_control.guards import DEFAULT_SESSION, declared_need, each_session, is_absent, require_locked
from attacks.access_control.other_ids import EVERY_ID
from harness import Inconclusive, Reply, Service, Severity, Tester, attack, fail, inconclusive, not_applicable, uds

RESETS_IN_A_ROW = 11
"""The number of resets in a row that are sent: one more than is tolerated."""

DISABLE, ENABLE = b"\x28\x03\x01", b"\x28\x00\x01"
LISTEN_S = 3.3
"""Seconds of listening in which the absence of a message sent each second is noticed; shorter than S3."""


@attack(
    id="DS-05",
    title="Resets without a key are refused, or limited in number",
    failure="Anybody can keep the ECU restarting",
    severity=Severity.MEDIUM,
    basis="declared",
    source="ISO 14229-1 ECUReset: securityAccessDenied, conditionsNotCorrect",
    cwe=(306, 400),
    r155=("24.1",),
    rationale="An ECU that anybody may reset again and again does not do its work.",
    remediation="Ask for the declared level before a reset, or refuse resets that follow each other too closely.",
    needs=("reset",),
    proven_by=("resets_unprotected",),
)
def test_resets_without_a_key_are_refused_or_limited(tester: Tester) -> None:
    if declared_need(tester, Service.ECU_RESET) not in ("level", "never"):
        not_applicable("the target does not forbid resets without a key: no [[service]] 0x11 that needs a level")
    require_locked(tester, Service.ECU_RESET)
    reset = uds.reset_ecu(tester.target.reset.uds or 0x01)
    refused = []
    for visit in each_session(tester):
        reply = reset_again_and_again(tester, reset, visit.session)
        if reply.is_positive:
            tester.cite(reply)
            fail(
                expected=f"resets refused or limited {visit}, locked",
                observed=f"{RESETS_IN_A_ROW} resets in a row were accepted, the last one with {reply}",
            )
        refused.append(reply)
    if all(is_absent(tester, reply) for reply in refused):
        not_applicable(f"the ECU has no ECUReset: {refused[0]}")
    if not any(reply.is_negative for reply in refused):
        tester.cite(*refused)
        inconclusive(f"a reset is neither accepted nor refused: {refused[0]}")


def reset_again_and_again(tester: Tester, reset: bytes, session: int | None) -> Reply:
    """Reset the ECU and wait until it is back, up to eleven times.

    Return the first answer that is not positive; if there is none, the last answer.
    """
    for _ in range(RESETS_IN_A_ROW):
        reply = tester.request(reset)
        if not reply.is_positive:
            break
        tester.await_life(tester.target.reset.boot_s + 2.0)
        if session not in (None, DEFAULT_SESSION):
            tester.enter_session(session)
    return reply


@attack(
    id="DS-06",
    title="The ECU is not silenced in the default session, and speaks again when the session ends",
    failure="Anybody can silence the ECU",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 CommunicationControl: not available in the default session; ends with the session",
    cwe=(306,),
    r155=("24.1",),
    rationale="An ECU that can be silenced by anybody, or stays silent once its tester is gone, is missing on the bus.",
    remediation="Refuse CommunicationControl in the default session, and enable communication when the session ends.",
    needs=("destructive",),
    proven_by=("communication_control_unprotected", "communication_stays_off"),
)
def test_the_ecu_is_not_silenced_for_good(tester: Tester) -> None:
    if len(tester.sessions()) < 2:
        raise tester.looking.without_sessions()
    tester.access.require_locked()
    ids = heard(tester)
    regular = {can_id for can_id in ids if ids.count(can_id) > 1}
    replies = []
    for visit in each_session(tester):
        reply = tester.request(DISABLE)
        replies.append(reply)
        if reply.is_positive:
            if visit.session == DEFAULT_SESSION:
                if not tester.request(ENABLE).is_positive:
                    undo(tester)
                tester.cite(reply)
                fail(expected="a refusal of 28 03 01 in the default session", observed=str(reply))
            judge_return(tester, regular, reply, str(visit))
            return
    if all(is_absent(tester, reply) for reply in replies):
        not_applicable(f"the ECU has no CommunicationControl: {replies[0]}")
    if not any(reply.is_negative for reply in replies):
        tester.cite(*replies)
        inconclusive(f"28 03 01 is neither accepted nor refused: {replies[0]}")
    judge_return_unlocked(tester, regular)


def judge_return_unlocked(tester: Tester, regular: set[int]) -> None:
    """Unlock, and send 28 03 01, which was refused while locked; if it is accepted, the silenced messages must come back."""
    for entry in tester.target.security:
        if not tester.access.can_relock:
            break
        try:
            tester.security.unlock(entry.level)
        except Inconclusive as reason:
            tester.note(f"level 0x{entry.level:02X}: {reason}")
            continue
        reply = tester.request(DISABLE)
        if reply.is_positive:
            judge_return(tester, regular, reply, f"once level 0x{entry.level:02X} is unlocked")
            return
    tester.note("28 03 01 is refused in every session that was tried, so that nothing had to come back")


def heard(tester: Tester) -> list[int]:
    """Return the id of each frame that is heard within `LISTEN_S`."""
    return [frame.can_id for frame in tester.listen(LISTEN_S, also_from=EVERY_ID, why="which ids are heard regularly")]


def judge_return(tester: Tester, regular: set[int], reply: Reply, when: str) -> None:
    """Check that ids which are silent now are heard again after S3."""
    silenced = regular - set(heard(tester))
    s3_ms = tester.target.timing.s3_ms
    assert s3_ms is not None
    tester.wait(s3_ms / 1000 * 1.2, "the end of the session (S3)")
    missing = silenced - set(heard(tester))
    if missing:
        undo(tester)
        tester.cite(reply)
        missing &= steady(tester, missing, LISTEN_S * 2 + s3_ms / 1000 * 1.2)
        if not missing:
            inconclusive("messages fell silent, but once communication is enabled they do so too: not its doing")
        names = ", ".join(f"0x{can_id:X}" for can_id in sorted(missing))
        fail(expected=f"messages that were silenced {when} are sent again after S3", observed=f"{names} did not come back")
    if not silenced:
        tester.note(f"28 03 01 is accepted {when}; no regular message fell silent, so that none could be seen to come back")


def steady(tester: Tester, ids: set[int], seconds: float) -> set[int]:
    """Return those of the ids that are heard in every one of several listenings, which take `seconds` together."""
    for _ in range(int(seconds // LISTEN_S) + 1):
        ids = ids & set(heard(tester))
    return ids


def undo(tester: Tester) -> None:
    """Enable communication again: in any session, else with a level unlocked, else by a restart."""
    for _ in each_session(tester):
        if tester.request(ENABLE).is_positive:
            return
    for entry in tester.target.security:
        try:
            tester.security.unlock(entry.level)
        except Inconclusive:
            continue
        if tester.request(ENABLE).is_positive:
            return
    if not any(tester.restart.restart(means) for means in tester.restart.means()):
        tester.note("the ECU's communication may still be disabled")
