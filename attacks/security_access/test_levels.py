"""Check that each security level opens the data that needs it, and nothing else."""

from attacks.security_access.opened import judge_opened
from harness import (
    DataEntry,
    Inconclusive,
    KeyFunctionError,
    Measurements,
    Nrc,
    Reply,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    negative,
    not_applicable,
    uds,
)
from harness.measurements import KeyBook
from harness.tester import KeyOutcome

NOT_THIS_SEED = negative(Nrc.REQUEST_SEQUENCE_ERROR)
NO_LEVEL = negative(
    Nrc.SERVICE_NOT_SUPPORTED,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
    Nrc.REQUEST_OUT_OF_RANGE,
)
DEFAULT_SESSION = 0x01
SAME_SEED = 3


def other_levels(tester: Tester, level: int) -> list[int]:
    """Return the other levels that the target declares."""
    others = [entry.level for entry in tester.target.security if entry.level != level]
    if not others:
        raise tester.looking.without_another_level(level)
    return others


@attack(
    id="SA-27",
    title="A key opens the level whose seed it answers, and no other",
    failure="A key opens another level than its seed's",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 9: sendKey belongs to the requestSeed one below it",
    cwe=(841, 303),
    r155=("18.3",),
    rationale="Who has the key function of one level would hold those of all the others.",
    remediation="Remember with the pending seed which level it was given for, and answer 0x24 to a key for another one.",
    needs=("lockout",),
    unlocks=True,
    proven_by=("key_taken_at_other_level",),
)
def test_a_key_opens_the_level_of_its_seed_only(tester: Tester, measure: Measurements, level: int) -> None:
    security = tester.security
    others = other_levels(tester, level)
    tester.session_for(level)
    judge_opened(tester, measure.key_book(level), level, "SA-27")
    for other in others:
        judge_key_of_other_level(tester, measure.key_book(level), level, other)
        for asked, answered, name in ((level, other, "its own key"), (other, level, f"the key of level 0x{level:02X}")):
            security.make_room(answered)
            tester.session_for(asked)
            seed = security.seed(asked)
            if not seed:
                inconclusive(f"level 0x{asked:02X} is open, and nothing locks it again")
            reply = security.send_key(answered, security.right_key(level, seed))
            if reply.is_positive:
                tester.cite(reply)
                fail(
                    expected=f"{NOT_THIS_SEED} at level 0x{answered:02X} while a seed of 0x{asked:02X} is pending",
                    observed=f"{name} for that seed opens it: {reply}",
                )
            if NO_LEVEL.accepts(reply) or reply.is_refused_with(Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED):
                inconclusive(f"level 0x{answered:02X} takes no keys here: {reply}")
            tester.judge(reply, sound=NOT_THIS_SEED, tolerated=negative(), flawed=negative())


def judge_key_of_other_level(tester: Tester, book: KeyBook, level: int, other: int) -> None:
    """Check that a level does not accept the key that another level's key function computes for its seed."""
    security = tester.security
    if not security.has_key(other):
        return
    security.make_room(level)
    tester.session_for(level)
    seed = security.seed(level)
    try:
        key = security.right_key(other, seed)
    except (Inconclusive, KeyFunctionError):
        return  # it makes keys only of seeds that it gave itself
    right = security.right_key(level, seed) if seed else b""
    if key == right or (len(key) == len(right) and book.has_sent_key_of(other)):
        return
    reply = security.send_key(level, key)
    if tester.guesses.outcome(level, reply) is KeyOutcome.OPENED:
        tester.cite(reply)
        fail(
            expected=f"a seed of level 0x{level:02X} is answered by its own key only",
            observed=f"the key that level 0x{other:02X} makes of it opens level 0x{level:02X}: {reply}",
        )


@attack(
    id="SA-28",
    title="A level opens only what is declared for it",
    failure="A level opens more than is declared for it",
    severity=Severity.CRITICAL,
    basis="declared",
    source="ISO 14229-1 SecurityAccess: one level's unlocking is no other's",
    cwe=(863, 269),
    r155=("18.3", "9.1"),
    rationale="A workshop's level that opens what is the manufacturer's makes every workshop a manufacturer.",
    remediation="Compare the level that a service or record needs with the one that is unlocked; do not ask whether any is.",
    needs=("write",),
    unlocks=True,
    proven_by=("any_level_is_enough",),
)
def test_a_level_opens_only_what_is_its_own(tester: Tester, level: int) -> None:
    foreign = foreign_data(tester, level)
    for entry in foreign:
        require_closed(tester, entry)
    for entry in foreign:
        tester.security.unlock(level)
        effect = tester.access.write_effect(entry)
        what = f"DID {entry.did:04X}, which needs level 0x{entry.write.level:02X}"
        if effect.is_changed and (entry.write.level or 0) < level:
            tester.note(f"level 0x{level:02X} writes {what} too: sound only if it is meant to include that level")
        elif effect.is_changed:
            tester.cite(effect.reply)
            fail(expected=f"level 0x{level:02X} does not write {what}", observed=str(effect))
        elif effect.reply.is_positive:
            tester.cite(effect.reply)
            inconclusive(f"with level 0x{level:02X} a write of {what} is answered positively, but changes nothing")
        elif not effect.reply.is_negative:
            tester.judge(effect.reply, sound=negative(), flawed=negative())
    for entry in foreign:
        tester.access.require_control(entry)


@attack(
    id="SA-29",
    title="Unlocking a level locks the one unlocked before it",
    failure="Two levels stay open at the same time",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 SecurityAccess: only one security level is active at any instant",
    cwe=(863,),
    r155=("18.3",),
    rationale="Rights that add up are more than anybody was given, and last longer than whoever earned them.",
    remediation="Keep one variable for the unlocked level, and overwrite it with each unlocking.",
    needs=("write",),
    unlocks=True,
    proven_by=("levels_stay_unlocked",),
)
def test_one_level_is_unlocked_at_a_time(tester: Tester, level: int) -> None:
    judged = apart = 0
    for entry in foreign_data(tester, level):
        first = entry.write.level
        assert first is not None
        require_closed(tester, entry)
        if opens_alone(tester, level, entry):
            tester.note(f"level 0x{level:02X} alone writes DID {entry.did:04X}: the subject of SA-28")
            continue
        tester.security.unlock(first)
        control = tester.access.write_effect(entry)
        if not control.is_changed:
            inconclusive(f"control missing: level 0x{first:02X} unlocked, a write has no effect ({control})")
        beside = unlock_beside(tester, level, first)
        if not beside.is_positive:
            apart += NO_LEVEL.accepts(beside)
            continue
        effect = tester.access.write_effect(entry)
        if effect.is_changed:
            tester.cite(effect.reply)
            fail(
                expected=f"DID {entry.did:04X}, which needs level 0x{first:02X}, is closed once 0x{level:02X} is unlocked",
                observed=str(effect),
            )
        if not effect.reply.is_negative:
            tester.judge(effect.reply, sound=negative(), flawed=negative())
        judged += 1
    if not judged and apart:
        not_applicable(f"level 0x{level:02X} and the others are not available in one session")
    if not judged:
        inconclusive("no two levels could be unlocked one after the other: " + "; ".join(tester.notes))


def foreign_data(tester: Tester, level: int) -> list[DataEntry]:
    """Return protected data that needs another level than this one, and whose writes show whether that level is open."""
    other_levels(tester, level)
    foreign = [entry for entry in tester.access.protected() if entry.write.level != level]
    if not foreign:
        what = f"no readable data needs another level than 0x{level:02X}: an effect could not be seen"
        raise tester.access.without_data(what)
    return foreign


def require_closed(tester: Tester, entry: DataEntry) -> None:
    """Check that the ECU does not write this data while no level is unlocked. Raises Inconclusive if it does."""
    tester.access.require_locked(entry, by_refusal=True)
    effect = tester.access.write_effect(entry)
    if effect.is_changed:
        inconclusive(f"DID {entry.did:04X} is written while no level is unlocked: the subject of other checks ({effect})")


def opens_alone(tester: Tester, level: int, entry: DataEntry) -> bool:
    """Unlock one level, and return whether the ECU then writes data that needs another; lock the ECU afterwards."""
    if not tester.access.can_relock:
        return False
    tester.security.unlock(level)
    is_open = tester.access.write_effect(entry).is_changed
    tester.access.lock()
    return is_open


def unlock_beside(tester: Tester, level: int, first: int) -> Reply:
    """Unlock a level while the level `first` is unlocked, without changing the session; return the last answer.

    A session change would lock the first level.
    """
    reply = tester.security.request_seed(level)
    if not reply.is_positive:
        tester.note(f"with level 0x{first:02X} unlocked there is no seed for 0x{level:02X} in the same session: {reply}")
        return reply
    if not any(reply.pdu[2:]):
        inconclusive(f"with level 0x{first:02X} unlocked the seed of 0x{level:02X} is zero, as if that were unlocked too")
    sent = tester.security.send_key(level, tester.security.right_key(level, reply.pdu[2:]))
    if not sent.is_positive:
        tester.note(f"with level 0x{first:02X} unlocked the key of 0x{level:02X} is not taken: {sent}")
    return sent


@attack(
    id="SA-37",
    title="There is no security level that nobody declares",
    failure="There is a security level that nobody declared",
    severity=Severity.MEDIUM,
    basis="declared",
    source="UN R155 Annex 5 (28.2): remainders of development",
    cwe=(912, 489),
    r155=("18.3", "28.2"),
    rationale="A level that is in no document is a developer's or a supplier's door; nobody has looked at its key.",
    remediation="Remove the level, or declare it and protect it as the others are.",
    proven_by=("hidden_level",),
)
def test_there_is_no_undeclared_level(tester: Tester) -> None:
    declared = {entry.level for entry in tester.target.security if entry.origin == "declared"}
    if not declared:
        levels = ", ".join(f"0x{entry.level:02X}" for entry in tester.target.security)
        if levels:
            inconclusive(f"levels were found, and none is declared that would tell a hidden one from the others: {levels}")
        raise tester.looking.without_level()
    try:
        tester.session_for(min(declared))
        tester.security.seed(min(declared))  # waits for the end of a delay, which other levels may share
        has_control = True
    except Inconclusive:
        has_control = False
    found: dict[int, Reply] = {}
    hints: dict[int, str] = {}
    for session in sessions(tester):
        if session is not None and not enter(tester, session):
            continue
        for level in range(0x01, 0x80, 2):
            if level in found:
                continue
            reply = tester.request(uds.request_seed(level))
            if level in declared:
                has_control = has_control or reply.is_positive
            elif reply.is_positive:
                tester.cite(reply)
                found[level] = reply
            elif reply.is_negative and not NO_LEVEL.accepts(reply):
                hints[level] = str(reply)
    if found:
        constant = [level for level, reply in found.items() if is_constant(tester, level, reply)]
        names = ", ".join(f"0x{level:02X}" for level in found)
        repeats = f"; always the same one: {', '.join(f'0x{level:02X}' for level in constant)}" if constant else ""
        fail(
            expected="seeds for declared levels only",
            observed=f"undeclared levels give seeds: {names}{repeats}",
            severity=Severity.HIGH if constant else None,
        )
    if not has_control:
        inconclusive("in no session was a declared level given a seed, so that nothing shows how a level would be seen")
    if hints:
        shown = "; ".join(f"0x{level:02X}: {text}" for level, text in list(hints.items())[:4])
        tester.note(f"{len(hints)} undeclared levels give no seed, but are not refused as unknown either ({shown})")


def sessions(tester: Tester) -> list[int | None]:
    """Return the sessions to examine; one None if the target has no sessions."""
    return [*tester.sessions()] or [None]


def enter(tester: Tester, session: int) -> bool:
    """Enter a session from the default session; return whether the ECU entered it and answers in it."""
    tester.enter_session(DEFAULT_SESSION)
    entered = tester.enter_session(session)
    if not entered.is_positive:
        tester.note(f"session 0x{session:02X} was not entered: {entered}")
        return False
    return tester.await_life()


def is_constant(tester: Tester, level: int, first: Reply) -> bool:
    """Whether the level gives the same seed in every session, each time it is asked."""
    seeds = [first.pdu]
    for session in sessions(tester):
        if session is not None and not enter(tester, session):
            continue
        try:
            seeds += [b"\x67" + bytes((level,)) + tester.security.seed(level) for _ in range(SAME_SEED)]
        except Inconclusive:
            continue
    return len(seeds) > SAME_SEED and len(set(seeds)) == 1 and any(seeds[0][2:])
