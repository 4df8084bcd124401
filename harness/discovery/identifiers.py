"""Which data identifiers are there, in which session, and which of them are guarded?"""

from __future__ import annotations

from collections.abc import Sequence

from harness.discovery.addresses import Progress
from harness.discovery.mapping import EcuMap, FoundIdentifier
from harness.tester.reply import Kind, Reply
from harness.tester.tester import Tester
from harness.uds import Nrc, Service, Session

COMMON = (
    *range(0xF100, 0xF200),
    *range(0x0000, 0x0400),
    *range(0x1000, 0x1100),
    *range(0x2000, 0x2100),
    *range(0x3000, 0x3100),
    *range(0xF200, 0xF400),
    *range(0xFD00, 0xFE00),
    *range(0xFF00, 0x10000),
)
"""Where makers put identifiers, first."""
UNANSWERED_QUESTIONS = 24
"""An ECU that gives no valid answer so often in a row says nothing to unknown identifiers: only common ones are tried."""
SHORTEST_WAIT_S = 0.03
PATIENCE = 5
"""In such an ECU an answer is waited for so many times as long as the slowest answer took until then."""
STEPS_OF_PROGRESS = 1024
MOST_IDENTIFIERS = 2048
"""An ECU that has more agrees to any."""
LONGEST_S = 600.0
"""Of the bus's time, for the identifiers of one session: a slow ECU is not asked for all."""

_NOT_THERE = (
    Nrc.REQUEST_OUT_OF_RANGE,
    Nrc.SERVICE_NOT_SUPPORTED,
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED,
    Nrc.INCORRECT_MESSAGE_LENGTH,
    Nrc.GENERAL_REJECT,
)


def everywhere() -> Sequence[int]:
    """All 65536 identifiers, common ranges first."""
    first = dict.fromkeys(COMMON)
    return [*first, *(did for did in range(0x10000) if did not in first)]


def read_all(tester: Tester, found: EcuMap, dids: Sequence[int], progress: Progress) -> None:
    """Read each identifier in each session; only those that answer are kept."""
    seen: dict[int, dict[str, list[int]]] = {}
    lengths: dict[int, int] = {}
    for session in found.sessions or {int(Session.DEFAULT): ""}:
        if found.sessions:
            tester.enter_session(Session.DEFAULT)
            if session != Session.DEFAULT and not tester.enter_session(session).is_positive:
                continue
        for did, reply in _read_each(tester, found, dids, progress, f"identifiers in session 0x{session:02X}"):
            if reply.is_positive:
                lengths[did] = max(lengths.get(did, 0), len(reply.pdu) - 3)
            said = "" if reply.is_positive else str(reply)
            seen.setdefault(did, {}).setdefault(said, []).append(session)
    for did in sorted(seen):
        said = "" if "" in seen[did] else next(iter(seen[did]))
        found.identifiers.append(FoundIdentifier(did, lengths.get(did, 0), said, tuple(seen[did][said])))
    if found.sessions:
        tester.enter_session(Session.DEFAULT)


def _read_each(tester: Tester, found: EcuMap, dids: Sequence[int], progress: Progress, what: str) -> list[tuple[int, Reply]]:
    request = tester.request
    head = bytes((Service.READ_DATA_BY_IDENTIFIER,))
    answered = []
    unanswered, wait_s, only = 0, None, None
    total = len(dids)
    give_up_s = tester.link.now_s + LONGEST_S
    for done, did in enumerate(dids):
        if not done % STEPS_OF_PROGRESS:
            progress(what, done, total)
        if tester.link.now_s > give_up_s:
            found.not_asked.append(f"{what.capitalize()}: {total - done} of {total} were left out after {LONGEST_S:g} s.")
            break
        if only is not None and did not in only:
            continue
        reply = request(head + did.to_bytes(2, "big"), timeout_s=wait_s)
        kind = reply.kind
        if kind is Kind.NEGATIVE or kind is Kind.POSITIVE:
            unanswered = 0
            if reply.nrc not in _NOT_THERE:
                answered.append((did, reply))
            if len(answered) > MOST_IDENTIFIERS:
                found.not_asked.append(f"{what.capitalize()}: it seems to have any; {len(answered)} were read, and no more.")
                break
            continue
        unanswered += 1
        if unanswered == UNANSWERED_QUESTIONS and only is None:
            only = frozenset(COMMON)
            wait_s = max(SHORTEST_WAIT_S, (found.p2_ms or 0) / 1000 * PATIENCE)
            found.not_asked.append(f"{what.capitalize()}: unknown ones are not refused, so only common ones were tried.")
    progress(what, total, total)
    return answered


def write_back_all(tester: Tester, found: EcuMap, progress: Progress) -> None:
    """Write to each readable identifier the value that it has: who refuses with 0x33 is protected.

    Only where writes are allowed; the stored state stays what it was.
    """
    readable = [one for one in found.identifiers if one.length]
    if not readable:
        return
    if not tester.permits(b"\x2e"):
        found.not_asked.append("Writes are not allowed: which identifiers are writable or protected is not known.")
        return
    for session in _richest_first(found):
        if found.sessions:
            tester.enter_session(Session.DEFAULT)
            if session != Session.DEFAULT and not tester.enter_session(session).is_positive:
                continue
        for done, one in enumerate(readable):
            progress(f"same-value writes in session 0x{session:02X}", done, len(readable))
            value = tester.read_reply(one.did)
            if not value.is_positive:
                continue
            reply = tester.write(one.did, value.pdu[3:])
            before = found.writes.get(one.did, "never")
            if reply.is_positive:
                found.writes[one.did] = "open"
            elif reply.is_refused_with(Nrc.SECURITY_ACCESS_DENIED) and before != "open":
                found.writes[one.did] = "protected"
            else:
                found.writes[one.did] = before
    if found.sessions:
        tester.enter_session(Session.DEFAULT)


def _richest_first(found: EcuMap) -> list[int]:
    sessions = list(found.sessions) or [int(Session.DEFAULT)]
    return sorted(sessions, key=lambda session: session == Session.DEFAULT)
