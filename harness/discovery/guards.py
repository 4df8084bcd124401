"""Find out which security level opens guarded data, using keys where they are given."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.discovery.addresses import Progress
from harness.discovery.ecu_map import EcuMap, FoundIdentifier, FoundLevel
from harness.discovery.identifiers import read_each
from harness.discovery.mapping import LEVELS, SOME_LEVELS
from harness.discovery.sessions import SILENT_QUESTIONS
from harness.errors import KeyFunctionError, Unjudged
from harness.target import SecurityLevel, SessionEntry
from harness.tester.keys import KeyFunction
from harness.tester.tester import Tester
from harness.uds import Service, Session


def open_guards(
    tester: Tester, found: EcuMap, keys: Mapping[int, KeyFunction | None], dids: Sequence[int], progress: Progress
) -> None:
    """Unlock each level that has a key; then read all identifiers again, and write their present values.

    An ECU that could not be locked again afterwards is skipped. Only right keys are sent; a key that the ECU refuses is not
    sent twice.
    """
    opener = _opener(tester, found, keys)
    for one in list(found.levels):
        if not one.seed_bytes or not opener.security.has_key(one.level):
            continue
        if not opener.access.can_relock:
            found.not_asked.append("What a level opens is not known: nothing that is allowed locks the ECU again.")
            return
        try:
            opener.security.unlock(one.level)
        except (Unjudged, KeyFunctionError) as reason:
            found.not_asked.append(f"What level 0x{one.level:02X} opens is not known: {reason}.")
            continue
        found.opened.add(one.level)
        _ask_again(opener, found, one, dids, progress)
        _levels_behind(opener, found, one, progress)
        _sessions_behind(opener, found, one)
        opener.access.lock()
    found.levels.sort(key=lambda level: level.level)


def _opener(tester: Tester, found: EcuMap, keys: Mapping[int, KeyFunction | None]) -> Tester:
    """Return a tester that knows the levels and sessions found so far."""
    target = tester.target
    known = replace(
        target,
        security=tuple(_entry(found, one) for one in found.levels),
        sessions=tuple(SessionEntry(id=session, via=found.vias.get(session), origin="found") for session in found.sessions),
        timing=replace(target.timing, s3_ms=(found.s3_ms or 5000) if found.sessions else None),
    )
    opener = Tester(tester.link, known, chance=tester.chance, keys=keys, ledger=tester.security.ledger)
    opener.speak(tester.dialect)
    return opener


def _entry(found: EcuMap, one: FoundLevel) -> SecurityLevel:
    session = one.session if found.sessions else None
    return SecurityLevel(level=one.level, session=session, record=one.record, origin="found")


def _levels_behind(tester: Tester, found: EcuMap, open_level: FoundLevel, progress: Progress) -> None:
    """Find levels that give seeds only while `open_level` is open, in the session of `open_level`. No key is sent."""
    giving = {one.level for one in found.levels if one.seed_bytes}
    wanted = [level for level in LEVELS if level not in giving]
    session = open_level.session
    here: dict[int, FoundLevel] = {}
    silent = 0
    for done, level in enumerate(wanted):
        progress(f"levels behind level 0x{open_level.level:02X}", done, len(wanted))
        reply = tester.security.request_seed(level, b"")
        silent = silent + 1 if reply.is_silence else 0
        if reply.is_positive and len(reply.pdu) > 2:
            here[level] = FoundLevel(level, session, len(reply.pdu) - 2, "", behind=open_level.level)
        if silent >= SILENT_QUESTIONS:
            break
    if len(here) <= SOME_LEVELS:  # an ECU that now gives seeds for any number shows nothing
        found.levels[:] = [*(one for one in found.levels if one.level not in here), *here.values()]


def _sessions_behind(tester: Tester, found: EcuMap, open_level: FoundLevel) -> None:
    """Find sessions that were refused before, and that can be entered from the session of `open_level` while it is open."""
    for session in [one for one in found.refused_sessions if tester.permits(bytes((0x10, one)))]:
        if not found.sessions:
            return
        tester.security.unlock(open_level.level)
        reply = tester.request(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session)))
        if reply.is_positive and reply.pdu[1:2] == bytes((session,)):
            found.sessions[session] = reply.pdu.hex(" ").upper()
            found.vias[session], found.behind[session] = open_level.session, open_level.level
            del found.refused_sessions[session]
            tester.enter_session(Session.DEFAULT)


def _ask_again(tester: Tester, found: EcuMap, level: FoundLevel, dids: Sequence[int], progress: Progress) -> None:
    known = {one.did: one for one in found.identifiers}
    what = f"identifiers behind level 0x{level.level:02X}"
    unlocked = {did for did, reply in read_each(tester, found, dids, progress, what) if reply.is_positive}
    protected = [did for did, how in found.writes.items() if how == "protected" and did not in found.written_with]
    for did in sorted({*unlocked, *protected}):
        value = tester.read_reply(did)
        was_read = did in known and known[did].length > 0
        if not value.is_positive or (was_read and did not in protected) or did in found.read_with:
            continue
        if did not in known:
            session = (level.session,) if found.sessions else (int(Session.DEFAULT),)
            found.identifiers.append(FoundIdentifier(did, 0, "as if it were not there", session))
        if not was_read:
            found.read_with[did] = level.level
            found.lengths[did] = len(value.pdu) - 3
        if tester.permits(b"\x2e") and tester.write(did, value.pdu[3:]).is_positive:
            found.written_with[did] = level.level
    found.identifiers.sort(key=lambda one: one.did)
