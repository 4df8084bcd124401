"""Check that an unlocked ECU locks again: when its session changes, when no request comes, and when it restarts."""

from collections.abc import Callable
from functools import partial

from attacks.session.session_probe import (
    DEFAULT,
    PRESENT,
    PROGRAMMING,
    SILENT_PRESENT,
    UNKNOWN_SERVICE,
    SafeRequest,
    announced_requests,
    s3_s,
)
from harness import Depth, Measurements, Severity, Tester, attack, fail, inconclusive, not_applicable, not_run, uds
from harness.tester import Lock, Look, Means, Teller, teller, tellers_by_memory

RESETS, SOFT_RESET = (0x01, 0x02, 0x03), 0x03
SUPPRESS, UNKNOWN_SESSION = 0x80, 0x7E
OVERDUE = 1.2
"""A multiple of S3 after which an idle session must have ended."""

IDLE_S, QUICK_IDLE_S = 60.0, 30.0
"""How many seconds an ECU without sessions is left idle; the second number is for depth quick on a real bus.

No standard says when such an ECU locks itself, and an ECU that does so late must not be taken for one that stays open.
"""


@attack(
    id="ST-01",
    title="A session change locks the ECU",
    failure="A session change leaves the ECU unlocked",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transitions 6 and 10; DiagnosticSessionControl, Figure 7",
    cwe=(613,),
    r155=("18.3",),
    rationale="An unlock that outlives its session is there for whoever comes next on the bus.",
    remediation="Lock every level with each accepted DiagnosticSessionControl, re-entry of the same session included.",
    uses=("write", "functional"),
    unlocks=True,
    proven_by=("unlock_survives_default_session", "unlock_survives_same_session"),
)
def test_a_session_change_locks_the_ecu(tester: Tester, lock: Lock, depth: Depth) -> None:
    if not tester.has_sessions:
        raise tester.looking.without_sessions()
    session = session_of(tester, lock.level)
    changes = [(DEFAULT, "the default session")]
    if session is not None and session != DEFAULT:
        changes.append((session, f"session 0x{session:02X} again"))
    left_out = (DEFAULT, session) if depth is not Depth.QUICK else (DEFAULT, PROGRAMMING, session)
    others = sorted((other for other in tester.sessions() if other not in left_out), key=lambda other: other == PROGRAMMING)
    changes += [(other, f"session 0x{other:02X}") for other in others if tester.enter_session(other).is_positive]
    shows = teller(tester, lock, [change for change, _ in changes])
    for change, name in changes:
        require_open(tester, lock, shows)
        entered = tester.enter_session(change)
        if not entered.is_positive:
            if change in (session, DEFAULT):
                inconclusive(f"{name} was not entered: {entered}")
            tester.note(f"{name} was not entered from there: {entered}")
            continue
        tester.await_life()
        judge_locked(tester, lock, shows, f"after entering {name}")
        if change != session:
            tester.session_for(lock.level)
            judge_locked(tester, lock, shows, f"after entering {name} and coming back")
    for change, name in changes[:2]:
        judge_other_ways(tester, lock, shows, change, name)


def judge_other_ways(tester: Tester, lock: Lock, shows: Teller, change: int, name: str) -> None:
    """Check that the level also locks if a session is entered without a positive response, or by the functional id."""
    quiet = uds.enter_session(SUPPRESS | change)
    refused = uds.enter_session(SUPPRESS | UNKNOWN_SESSION)
    if tester.request(refused).is_negative:  # a refusal is always sent, so silence means success
        require_open(tester, lock, shows)
        if tester.request(quiet).is_silence and tester.request(refused).is_negative:
            judge_locked(tester, lock, shows, f"after entering {name} without an answer")
    if tester.allows("functional") and tester.target.can.functional_id is not None:
        require_open(tester, lock, shows)
        plain = uds.enter_session(change)
        if tester.request(plain, is_functional=True).is_positive:
            tester.await_life()
            judge_locked(tester, lock, shows, f"after entering {name} by the functional id")


def session_of(tester: Tester, level: int) -> int | None:
    """Return the session in which the target declares that the level is unlocked."""
    return tester.target.of_level(level).session


def require_open(tester: Tester, lock: Lock, shows: Teller) -> None:
    """Unlock the level, and see it open; without this control a locked level would prove nothing later.

    Raises Inconclusive if the level is not seen to be open.
    """
    tester.security.unlock(lock.level)
    control = shows.look()
    if not control.is_open:
        inconclusive(f"control missing: unlocked, {shows.name} does not show it ({control.words})")


def judge_locked(tester: Tester, lock: Lock, shows: Teller, when: str) -> None:
    """Check by effect that the level is locked; what the ECU answers is not judged here."""
    seen = shows.look()
    if seen.is_open:
        tester.cite(seen.reply)
        expected = f"{lock} protected {when}" if lock.data is not None else f"{lock} locked {when}"
        fail(expected=expected, observed=seen.words if lock.data is not None else f"{shows.name}: {seen.words}")
    if seen.is_open is None:
        tester.cite(seen.reply)
        inconclusive(f"{when} {shows.name} has no effect, but is not refused either: {seen.words}")


@attack(
    id="ST-02",
    title="An idle ECU locks itself",
    failure="An idle ECU stays unlocked",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-2 S3server; ISO 14229-1 SecurityAccess, Annex I transitions 6 and 10",
    cwe=(613,),
    r155=("18.3",),
    rationale="A tester that was unplugged leaves the ECU unlocked for whoever comes next.",
    remediation="Let S3server end the session after 5 s without a request, and lock every level with it. Without sessions, "
    "lock after a time without requests.",
    uses=("write", "destructive"),
    unlocks=True,
    proven_by=("unlock_survives_session_timeout", "tester_present_ends_s3", "tester_present_revives_session"),
)
def test_an_idle_ecu_locks_itself(tester: Tester, measure: Measurements, lock: Lock, depth: Depth) -> None:
    session = session_that_expires(tester, lock.level)
    shows = teller(tester, lock, [session], may_be_open=True)
    if session is None:
        is_short = depth is Depth.QUICK and not tester.link.is_virtual
        judge_without_sessions(tester, measure, lock, shows, QUICK_IDLE_S if is_short else IDLE_S)
        return
    overdue_s = s3_s(tester) * OVERDUE
    take_control(tester, lock, shows, session, s3_s(tester) * depth.choose(quick=0, default=80, deep=80) / 100)
    by_memory = tellers_by_memory(tester, lock.level) if tester.allows("destructive") else []
    is_first = measure.once(("first lock to be left alone", session), lambda: lock) == lock
    for before, after in said_around_the_end(tester, depth if is_first or depth is Depth.DEEP else Depth.QUICK):
        unlock_in(tester, session, lock.level)
        for asked in before:
            asked.ask(tester)
        other = tester.others_heard(overdue_s)
        for asked in after:
            asked.ask(tester)
        if other and shows.look().is_open:
            inconclusive(f"somebody else asks the ECU, which keeps its session: {other}")
        when = f"after {f'{before[-1]} and ' if before else ''}{overdue_s:g} s without a request"
        judge_locked(tester, lock, shows, f"{when}{f', and {after[-1]} then' if after else ''}")
        for memory in by_memory if not other else ():
            judge_locked(tester, Lock(lock.level), memory, when)
        tester.enter_session(session)
        judge_locked(tester, lock, shows, f"{when}, the session entered again")
    for other_session in other_sessions(tester, session) if depth is not Depth.QUICK else ():
        if not open_in(tester, other_session, lock.level):
            continue
        other = tester.others_heard(overdue_s)
        seen = shows.look()
        if seen.is_open and other:
            inconclusive(f"somebody else asks the ECU, which keeps its session: {other}")
        judge_locked(tester, lock, shows, f"after session 0x{other_session:02X} was left alone for {overdue_s:g} s")


def other_sessions(tester: Tester, own: int) -> list[int]:
    """Return the other sessions that end by themselves, without the boot loader's session."""
    return [session for session in tester.sessions() if session not in (DEFAULT, PROGRAMMING, own)]


def open_in(tester: Tester, session: int, level: int) -> bool:
    """Try to unlock a level in a session for which the level is not declared; return whether that works."""
    tester.enter_session(DEFAULT)
    if not tester.enter_session(session).is_positive:
        return False
    seed = tester.security.request_seed(level)
    if not seed.is_seed:
        return False
    return tester.security.send_key(level, tester.security.right_key(level, seed.pdu[2:])).is_positive


def said_around_the_end(tester: Tester, depth: Depth) -> list[tuple[list[SafeRequest], list[SafeRequest]]]:
    """Return pairs of request lists: what is sent last within a session, and what is sent first after its end.

    No such request may keep the session or bring it back.
    """
    plain, silent = SafeRequest(PRESENT), SafeRequest(SILENT_PRESENT)
    found: list[tuple[list[SafeRequest], list[SafeRequest]]] = [([], []), ([plain, plain], [plain]), ([silent], [silent])]
    if tester.allows("functional") and tester.target.can.functional_id is not None:
        to_all = SafeRequest(SILENT_PRESENT, is_functional=True)
        found.append(([to_all], [to_all]))
    slow = announced_requests(tester)[:1]
    found[1:1] = [([SafeRequest(pdu)], []) for pdu in slow]
    found += [([SafeRequest(tester.liveness_request)], [plain, silent]), ([SafeRequest(UNKNOWN_SERVICE)], [])]
    return found[: depth.choose(quick=2 + len(slow), default=len(found), deep=len(found))]


def session_that_expires(tester: Tester, level: int) -> int | None:
    """Return the session in which a level can be unlocked, if it ends by itself."""
    if not tester.has_sessions:
        return None
    if (declared := session_of(tester, level)) is not None:
        return None if declared == DEFAULT else declared
    others = [session for session in tester.sessions() if session not in (DEFAULT, PROGRAMMING)]
    return next((session for session in others if tester.enter_session(session).is_positive), None)


def unlock_in(tester: Tester, session: int, level: int) -> None:
    """Enter a session from the default session, and unlock a level there."""
    tester.enter_session(DEFAULT)
    tester.enter_session(session)
    tester.security.unlock(level)


def take_control(tester: Tester, lock: Lock, shows: Teller, session: int, idle_s: float) -> None:
    """Show that the level is open before S3 has passed: after `idle_s` seconds or, if the ECU locks itself earlier, at once.

    Raises Inconclusive if the level is not even open at once.
    """
    for seconds in dict.fromkeys((idle_s, 0.0)):
        unlock_in(tester, session, lock.level)
        tester.wait(seconds, "whether the level stays open")
        control = shows.look()
        if control.is_open:
            return
        tester.note(f"{lock}: locked again after {seconds:g} s already, before S3")
    inconclusive(f"control missing: unlocked, {shows.name} does not show it ({control.words})")


def judge_without_sessions(tester: Tester, measure: Measurements, lock: Lock, shows: Teller, idle_s: float) -> None:
    """Judge an ECU none of whose sessions ends: a restart must lock it, and it may lock itself after some time.

    The ECU is left idle once in a run; if the check is repeated, it only looks again whether the level is open.
    """
    other, seen = measure.once(("left alone", lock), partial(left_alone, tester, lock, shows, idle_s))
    if seen.is_open and not shows.look().is_open:
        other, seen = left_alone(tester, lock, shows, idle_s)
    if seen.is_open is False:
        tester.note(f"there is no session that ends, but the ECU was locked again after {idle_s:g} s")
        return
    if seen.is_open is None:
        inconclusive(f"after {idle_s:g} s {shows.name} has no effect, but is not refused either: {seen.words}")
    if other:
        inconclusive(f"somebody else asks the ECU, which then is not idle: {other}")
    if tester.access.can_relock:
        tester.note(f"still unlocked after {idle_s:g} s without a request, until a restart or a session change")
        not_applicable("there is no session that ends")
    fail(
        expected=f"{lock} protected after {idle_s:g} s without a request",
        observed=f"still unlocked, and nothing locks it again: {seen.words}",
    )


def left_alone(tester: Tester, lock: Lock, shows: Teller, idle_s: float) -> tuple[str, Look]:
    """Unlock the level, send nothing for `idle_s` seconds, and look; return who else sent meanwhile, and what was seen."""
    require_open(tester, lock, shows)
    return tester.others_heard(idle_s), shows.look()


@attack(
    id="ST-03",
    title="A restart locks the ECU",
    failure="A restart leaves the ECU unlocked",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 1; ECUReset",
    cwe=(613, 459),
    r155=("18.3",),
    rationale="If an unlock survives a restart nothing ends it any more, and it travels with the ECU.",
    remediation="Clear the unlocked level with all other volatile state whenever the software starts, whatever started it.",
    uses=("write", "reset", "power"),
    unlocks=True,
    proven_by=("unlock_survives_reset",),
)
def test_a_restart_locks_the_ecu(tester: Tester, lock: Lock, depth: Depth) -> None:
    means = tester.restart.means()
    if not means:
        reset = tester.target.reset
        if reset.uds is None and not reset.command and not reset.power:
            raise tester.looking.without_restart()
        not_run("the target does not allow to restart the ECU; see [safety] allow in the target file")
    shows = teller(tester, lock, [session_of(tester, lock.level)])
    seen = 0
    for name, restart in restarts(tester, depth):
        require_open(tester, lock, shows)
        was_seen = restart()
        if was_seen is None:
            continue
        if not was_seen:
            tester.note(f"{name}: no restart was seen")
            continue
        seen += 1
        judge_locked(tester, lock, shows, f"after a restart by {name}")
        tester.session_for(lock.level)
        judge_locked(tester, lock, shows, f"after a restart by {name}, the session entered again")
    if not seen:
        inconclusive("no restart was seen")


def restarts(tester: Tester, depth: Depth) -> list[tuple[str, Callable[[], bool | None]]]:
    """Return every way to restart the ECU from its present state, by name, as a function.

    The function returns whether a restart was seen, or None if the ECU lacks this way.
    """
    declared = tester.target.reset.uds
    found: list[tuple[str, Callable[[], bool | None]]] = []
    if declared is not None and Means.UDS in tester.restart.means():
        kinds = dict.fromkeys((declared, *depth.choose(quick=(SOFT_RESET,), default=RESETS, deep=RESETS)))
        found += [(f"ECUReset 0x{kind:02X}", partial(reset, tester, kind)) for kind in kinds]
    others = [means for means in tester.restart.means() if means is not Means.UDS]
    return [*found, *((one.value, partial(tester.restart.restart, one, as_it_is=True)) for one in others)]


def reset(tester: Tester, kind: int) -> bool | None:
    """Send one type of ECUReset, and return whether a restart was seen; None if the ECU refuses it."""
    reply, was_seen = tester.restart.reset(kind, as_it_is=True)
    return None if reply.is_negative else was_seen
