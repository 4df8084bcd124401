"""Does an unlocked ECU lock again: when its session changes, when nobody asks anything, and when it restarts?"""

from __future__ import annotations

from attacks.session.witness import DEFAULT, PRESENT, PROGRAMMING, SILENT_PRESENT, UNKNOWN_SERVICE, Asked, s3_s
from harness import (
    DataEntry,
    Depth,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    not_applicable,
    not_run,
)

OVERDUE = 1.2
"""Times S3: after that an idle session must have ended."""

IDLE_S = 60.0
"""How long an ECU without sessions is left alone."""


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
        raise tester.looking.without_sessions()
    level = protected.write.level
    assert level is not None
    entry = tester.target.level(level)
    session = entry.session if entry is not None else None
    changes = [(0x01, "the default session")]
    if session is not None and session != 0x01:
        changes.append((session, f"session 0x{session:02X} again"))
    others = [other for other in tester.sessions() if other not in (DEFAULT, PROGRAMMING, session)]
    changes += [(other, f"session 0x{other:02X}") for other in others if tester.enter_session(other).is_positive]
    require_locked_everywhere(tester, protected, *(change for change, _ in changes))
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


@attack(
    id="ST-02",
    title="An idle ECU locks itself",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-2 S3server; ISO 14229-1 SecurityAccess, Annex I transitions 6 and 10",
    cwe=(613,),
    r155=("18.3",),
    rationale="A tester that was unplugged leaves the ECU unlocked for whoever comes next.",
    remediation="Let S3server end the session after 5 s without a request, and lock every level with it. Without sessions, "
    "lock after a time without requests.",
    needs=("write",),
    unlocks=True,
    proven_by=("unlock_survives_session_timeout", "tester_present_ends_s3", "tester_present_revives_session"),
)
def test_an_idle_ecu_locks_itself(tester: Tester, protected: DataEntry, depth: Depth) -> None:
    level = protected.write.level
    assert level is not None
    session = session_that_expires(tester, level)
    if not (tester.state.has_unlocked and tester.state.was_seen_locked(protected.did)):
        require_locked_everywhere(tester, protected, session)
    if session is None:
        judge_without_sessions(tester, protected)
        return
    overdue_s = s3_s(tester) * OVERDUE
    take_control(tester, protected, session, s3_s(tester) * depth.choose(quick=0, default=80, deep=80) / 100)
    for before, after in said_around_the_end(tester, depth):
        unlock_in(tester, session, level)
        for asked in before:
            asked.ask(tester)
        other = tester.others_heard(overdue_s)
        for asked in after:
            asked.ask(tester)
        if other and tester.access.write_effect(protected).is_changed:
            inconclusive(f"somebody else asks the ECU, which keeps its session: {other}")
        when = f"after {f'{before[-1]} and ' if before else ''}{overdue_s:g} s without a request"
        judge_locked(tester, protected, f"{when}{f', and {after[-1]} then' if after else ''}")
        tester.enter_session(session)
        judge_locked(tester, protected, f"{when}, the session entered again")


def said_around_the_end(tester: Tester, depth: Depth) -> list[tuple[list[Asked], list[Asked]]]:
    """What is asked last in the session, and what first after its end: nothing that should make a difference."""
    plain, silent = Asked(PRESENT), Asked(SILENT_PRESENT)
    found: list[tuple[list[Asked], list[Asked]]] = [([], []), ([plain, plain], [plain]), ([silent], [silent])]
    if tester.allows("functional") and tester.target.can.functional_id is not None:
        to_all = Asked(SILENT_PRESENT, is_functional=True)
        found.append(([to_all], [to_all]))
    found += [([Asked(tester.liveness_request)], [plain, silent]), ([Asked(UNKNOWN_SERVICE)], [])]
    return found[: depth.choose(quick=2, default=len(found), deep=len(found))]


def require_locked_everywhere(tester: Tester, protected: DataEntry, *sessions: int | None) -> None:
    """See the write refused, and without effect, in each session that it is going to be judged in.

    Inconclusive: it is open to everybody there, and then shows no lock.
    """
    tester.access.require_locked(protected, by_refusal=True)
    entered = dict.fromkeys((DEFAULT, *sessions)) if tester.has_sessions else {None: None}
    for session in entered:
        if session is not None:
            tester.enter_session(session)
            tester.await_life()
        effect = tester.access.write_effect(protected)
        if effect.is_changed:
            inconclusive(f"DID {protected.did:04X} is not protected while locked either: it shows no lock ({effect})")


def session_that_expires(tester: Tester, level: int) -> int | None:
    """The session in which a level can be unlocked, if it is one that ends by itself."""
    if not tester.has_sessions:
        return None
    entry = tester.target.level(level)
    if entry is not None and entry.session is not None:
        return None if entry.session == DEFAULT else entry.session
    others = [session for session in tester.sessions() if session not in (DEFAULT, PROGRAMMING)]
    return next((session for session in others if tester.enter_session(session).is_positive), None)


def unlock_in(tester: Tester, session: int, level: int) -> None:
    """Unlock a level in a session, entered from the default one."""
    tester.enter_session(DEFAULT)
    tester.enter_session(session)
    tester.security.unlock(level)


def take_control(tester: Tester, protected: DataEntry, session: int, idle_s: float) -> None:
    """See the write succeed while the session lasts; an ECU may lock itself earlier, but not at once."""
    level = protected.write.level
    assert level is not None
    for seconds in dict.fromkeys((idle_s, 0.0)):
        unlock_in(tester, session, level)
        tester.wait(seconds)
        control = tester.access.write_effect(protected)
        if control.is_changed:
            return
        tester.note(f"DID {protected.did:04X}: locked again after {seconds:g} s already, before S3")
    inconclusive(f"control missing: unlocked, a write has no effect ({control})")


def judge_without_sessions(tester: Tester, protected: DataEntry) -> None:
    """Where there is no session that ends, time alone may lock the ECU; a restart does it too, if there is one."""
    assert protected.write.level is not None
    tester.security.unlock(protected.write.level)
    control = tester.access.write_effect(protected)
    if not control.is_changed:
        inconclusive(f"control missing: unlocked, a write has no effect ({control})")
    other = tester.others_heard(IDLE_S)
    effect = tester.access.write_effect(protected)
    if not effect.is_changed and effect.reply.is_negative:
        tester.note(f"there is no session that ends, but the ECU was locked again after {IDLE_S:g} s")
        return
    if not effect.is_changed:
        inconclusive(f"after {IDLE_S:g} s a write changes nothing, but is not refused either: {effect.reply}")
    if other:
        inconclusive(f"somebody else asks the ECU, which then is not idle: {other}")
    if tester.access.can_relock:
        tester.note(f"still unlocked after {IDLE_S:g} s without a request, until a restart or a session change")
        not_applicable("there is no session that ends")
    fail(
        expected=f"DID {protected.did:04X} protected after {IDLE_S:g} s without a request",
        observed=f"still unlocked, and nothing locks it again: {effect}",
    )


@attack(
    id="ST-03",
    title="A restart locks the ECU",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 1; ECUReset",
    cwe=(613, 459),
    r155=("18.3",),
    rationale="If an unlock survives a restart nothing ends it any more, and it travels with the ECU.",
    remediation="Clear the unlocked level with all other volatile state whenever the software starts, whatever started it.",
    needs=("write",),
    uses=("reset", "power"),
    unlocks=True,
    proven_by=("unlock_survives_reset",),
)
def test_a_restart_locks_the_ecu(tester: Tester, protected: DataEntry) -> None:
    means = tester.restart.means()
    if not means:
        require_no_means(tester)
    level = protected.write.level
    assert level is not None
    entry = tester.target.level(level)
    require_locked_everywhere(tester, protected, entry.session if entry is not None else None)
    seen = 0
    for one in means:
        tester.security.unlock(level)
        control = tester.access.write_effect(protected)
        if not control.is_changed:
            inconclusive(f"control missing: unlocked, a write has no effect ({control})")
        if not tester.restart.restart(one, as_it_is=True):
            tester.note(f"{one.value}: no restart was seen")
            continue
        seen += 1
        judge_locked(tester, protected, f"after a restart by {one.value}")
        tester.session_for(level)
        judge_locked(tester, protected, f"after a restart by {one.value}, the session entered again")
    if not seen:
        inconclusive("no restart was seen")


def require_no_means(tester: Tester) -> None:
    """Say why there is no restart: none is declared, or none is allowed."""
    reset = tester.target.reset
    if reset.uds is None and not reset.command and not reset.power:
        raise tester.looking.without_restart()
    not_run("the target does not allow to restart the ECU; see [safety] allow in the target file")
