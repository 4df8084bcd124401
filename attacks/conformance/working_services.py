"""List services of which a malformed request can be sent; each is first seen to work, so that a refusal means something."""

from harness import DataEntry, Inconclusive, Nrc, Reply, Tester, fail, inconclusive, uds
from harness.tester import Oddity

DEFAULT, PROGRAMMING = 0x01, 0x02
UNKNOWN_SESSION = b"\x10\x7e"
"""A request for the highest session that a supplier could have; it needs permission, since that session may exist."""
UNKNOWN_PRESENCE = 0x05
UNKNOWN_LEVELS = (0x7D, 0x5D, 0x43)
UNKNOWN_DIDS = (0xF123, 0x5A5A, 0x0FF1)
UNDECLARED_LENGTH = 0x10000
AT_START_OR_IN_DELAY = (Nrc.CONDITIONS_NOT_CORRECT, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS, Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)
"""Codes that SecurityAccess may give to any request while the ECU reads its counters, or a delay runs."""


def has_tester_present(tester: Tester) -> bool:
    """Whether the ECU confirms 3E 00."""
    return tester.request(uds.keep_session()).is_positive


def has_session_control(tester: Tester) -> bool:
    """Whether the ECU has sessions, and its default session can be entered."""
    return tester.has_sessions and tester.enter_session(DEFAULT).is_positive


def session_beside_default(tester: Tester) -> int | None:
    """Enter a session that is neither the default one nor a boot loader's, if there is one; else the default session."""
    if not has_session_control(tester):
        return None
    for session in sorted(tester.sessions(), reverse=True):
        if session not in (DEFAULT, PROGRAMMING) and tester.enter_session(session).is_positive:
            return session
    return None


def first_level(tester: Tester) -> int | None:
    """Return the first declared security level, if the ECU has SecurityAccess, and enter the level's session.

    Raises Inconclusive if the session is refused.
    """
    if not tester.target.security:
        return None
    level = tester.target.security[0].level
    tester.session_for(level)
    tester.await_life()
    return None if tester.security.request_seed(level).is_refused_with(Nrc.SERVICE_NOT_SUPPORTED) else level


def unknown_level(tester: Tester) -> int:
    """Return the sub-function of a request for a seed at a level that the target does not declare."""
    declared = {entry.level for entry in tester.target.security}
    return next(level for level in UNKNOWN_LEVELS if level not in declared)


def readable(tester: Tester, count: int) -> list[DataEntry]:
    """Return declared data that everybody may read and the ECU shows; the shortest data, as far as lengths are declared."""
    declared = [entry for entry in tester.target.data if entry.read.kind == "open"]
    found: list[DataEntry] = []
    for entry in sorted(declared, key=lambda entry: entry.length or UNDECLARED_LENGTH):
        if len(found) < count and tester.read_reply(entry.did).is_positive:
            found.append(entry)
    return found


def unknown_did(tester: Tester) -> int | None:
    """Return an identifier that the target does not declare and the ECU does not show."""
    declared = {entry.did for entry in tester.target.data}
    for did in UNKNOWN_DIDS:
        if did not in declared and not tester.read_reply(did).is_positive:
            return did
    return None


def same_values(tester: Tester) -> list[bytes]:
    """Return writes of present values: one to data that everybody may write, and one to protected data."""
    if not tester.allows("write"):
        return []
    steady = [entry for entry in tester.target.data if entry.read.kind == "open" and not entry.volatile]
    entries = [entry for entry in steady if entry.write.kind == "open"][:1] + tester.access.protected()[:1]
    found = []
    for entry in entries:
        try:
            found.append(uds.write_data(entry.did, tester.stable_value(entry.did)))
        except Inconclusive as reason:
            tester.note(f"a write was not tried: {reason}")
    return found


def two_bytes(did: int) -> bytes:
    """Encode an identifier."""
    return did.to_bytes(2, "big")


def require_life(tester: Tester, reply: Reply) -> None:
    """Raise Inconclusive if the reply is silence and the ECU answers no other request any more."""
    if reply.is_silence and not tester.is_alive():
        tester.cite(reply)
        inconclusive(f"no answer to {reply.request.hex(' ').upper()}, and none to anything after it")


def judge_in_passing(tester: Tester, what: Oddity, expected: str) -> None:
    """Fail if the run has shown this oddity more than once; inconclusive if it has shown it once."""
    found = tester.oddities.of(what)
    if not found:
        return
    worst = found[0]
    tester.cite(worst.exchange)
    observed = f"{worst.said} to {worst.asked}, {worst.count} times in this run"
    if sum(one.count for one in found) > 1:
        fail(expected=expected, observed=observed + (f"; and to {len(found) - 1} other requests" if found[1:] else ""))
    inconclusive(f"{what.value} was seen once: {worst.said} to {worst.asked}")


def is_unfinished(reply: Reply) -> bool:
    """Whether the reply is busy, or response pending without an end: neither can be judged."""
    return reply.is_refused_with(Nrc.BUSY_REPEAT_REQUEST) or (reply.is_silence and bool(reply.replies))
