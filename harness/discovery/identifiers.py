"""Find data identifiers: which exist, in which session, and which of them are guarded."""

import math
from collections.abc import Callable, Iterator, Sequence, Set

from harness.discovery.addresses import Progress
from harness.discovery.ecu_map import EcuMap, FoundIdentifier
from harness.tester.reply import Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import Nrc, Session

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
"""Ranges in which makers usually put identifiers; these are read first."""
UNANSWERED_QUESTIONS = 24
"""How many requests in a row may get no valid answer before only common identifiers are tried."""
SHORTEST_WAIT_S = 0.03
PATIENCE = 5
"""An answer is waited for this many times as long as the slowest so far, if the ECU is silent to unknown identifiers."""
STEPS_OF_PROGRESS = 1024
MOST_IDENTIFIERS = 2048
"""The largest believable number of identifiers; an ECU that seems to have more accepts any number as an identifier."""
LONGEST_S = 600.0
"""The longest time in seconds of the bus that is spent on the identifiers of one session."""

GROUP = 3
"""How many identifiers fit into a request that is a single frame."""
SHORT_ANSWER_BYTES = 256
UNLIKELY = (0x5A5B, 0x0F0D, 0xCB57)
"""Three identifiers that hardly any ECU has; a refusal that all get is how the ECU answers missing identifiers."""

_NOT_THERE = (
    Nrc.REQUEST_OUT_OF_RANGE,
    Nrc.SERVICE_NOT_SUPPORTED,
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED,
    Nrc.INCORRECT_MESSAGE_LENGTH,
    Nrc.GENERAL_REJECT,
)


def everywhere() -> Sequence[int]:
    """Return all 65536 identifiers, common ranges first."""
    first = dict.fromkeys(COMMON)
    return [*first, *(did for did in range(0x10000) if did not in first)]


Enter = Callable[[int], bool]
"""A function that enters a session, and returns whether the ECU is in it."""


def read_all(
    tester: Tester, found: EcuMap, dids: Sequence[int], progress: Progress, enter: Enter, until_s: float = math.inf
) -> None:
    """Read each identifier in each session; keep the identifiers that the ECU has."""
    seen: dict[int, dict[str, list[int]]] = {}
    lengths: dict[int, int] = {}
    values: dict[int, bytes] = {}
    is_any_guarded = False
    for session in found.sessions or {int(Session.DEFAULT): ""}:
        if not enter(session):
            continue
        what = f"identifiers in session 0x{session:02X}"
        for did, reply in read_each(tester, found, dids, progress, what, until_s):
            if reply.is_positive:
                lengths[did] = max(lengths.get(did, 0), len(reply.pdu) - 3)
                if values.setdefault(did, reply.pdu) != reply.pdu:
                    found.unsteady.add(did)
            is_any_guarded |= reply.is_refused_with(Nrc.SECURITY_ACCESS_DENIED)
            said = "" if reply.is_positive else str(reply)
            seen.setdefault(did, {}).setdefault(said, []).append(session)
    for did in sorted(seen):
        said = "" if "" in seen[did] else next(iter(seen[did]))
        found.identifiers.append(FoundIdentifier(did, lengths.get(did, 0), said, tuple(seen[did][said])))
    if found.is_asked_in_groups and not is_any_guarded:
        found.not_asked.append(
            f"Identifiers: none was refused with 0x33. In rare places {GROUP} were asked for at a time, where an ECU might "
            "keep such a refusal to itself."
        )
    enter(Session.DEFAULT)


def read_each(
    tester: Tester, found: EcuMap, dids: Sequence[int], progress: Progress, what: str, until_s: float = math.inf
) -> list[tuple[int, Reply]]:
    """Return the identifiers that exist, each with the ECU's answer in its present state."""
    request = tester.request
    answered: list[tuple[int, Reply]] = []
    unanswered, wait_s, only = 0, None, None
    disowned = {request(_read((did,))).nrc for did in UNLIKELY}
    not_there = {*_NOT_THERE, *(disowned if len(disowned) == 1 else ())} - {None}
    total = len(dids)
    done, next_progress = 0, 0
    begun_s = tester.link.now_s
    give_up_s = min(begun_s + LONGEST_S, until_s)
    for group in _together(tester, dids, answered, not_there):
        if done >= next_progress:
            progress(what, done, total)
            next_progress = done + STEPS_OF_PROGRESS
        if tester.link.now_s > give_up_s:
            found.not_asked.append(
                f"{what.capitalize()}: {total - done} of {total} were left out after {give_up_s - begun_s:.0f} s."
            )
            break
        done += len(group)
        if only is not None and group[0] not in only:
            continue
        found.is_asked_in_groups |= len(group) > 1
        if len(group) > 1 and request(_read(group)).nrc in not_there:
            continue
        for did in group:
            reply = request(_read((did,)), timeout_s=wait_s)
            kind = reply.kind
            if kind is ReplyKind.NEGATIVE or kind is ReplyKind.POSITIVE:
                unanswered = 0
                if reply.nrc not in not_there:
                    answered.append((did, reply))
                continue
            unanswered += 1
            if unanswered == UNANSWERED_QUESTIONS and only is None:
                only = frozenset(COMMON)
                wait_s = max(SHORTEST_WAIT_S, (found.p2_ms or 0) / 1000 * PATIENCE)
                found.not_asked.append(f"{what.capitalize()}: unknown ones are not refused, so only common ones were tried.")
        if len(answered) > MOST_IDENTIFIERS:
            found.not_asked.append(f"{what.capitalize()}: it seems to have any; {len(answered)} were read, and no more.")
            break
    progress(what, total, total)
    return answered


def _together(
    tester: Tester, dids: Sequence[int], answered: Sequence[tuple[int, Reply]], not_there: Set[int | None]
) -> Iterator[Sequence[int]]:
    """Yield the identifiers of each request: common ones singly, others in groups if the ECU answers groups correctly."""
    common = set(COMMON)
    alone = [did for did in dids if did in common]
    others = [did for did in dids if did not in common]
    yield from ((did,) for did in alone)
    size = GROUP if others and _answers_groups(tester, answered, not_there) else 1
    for start in range(0, len(others), size):
        yield others[start : start + size]


def _answers_groups(tester: Tester, answered: Sequence[tuple[int, Reply]], not_there: Set[int | None]) -> bool:
    """Whether the ECU refuses a request for several identifiers as missing only if all of them are missing.

    An existing identifier is tried in each place between missing ones, since some ECUs look only at the first identifier.
    """
    readable = [did for did, reply in answered if reply.is_positive and len(reply.pdu) < SHORT_ANSWER_BYTES]
    guarded = [did for did, reply in answered if reply.is_negative]
    if not readable or tester.request(_read(UNLIKELY)).nrc not in not_there - {Nrc.INCORRECT_MESSAGE_LENGTH}:
        return False
    for did in (*readable[:2], *guarded[:2]):
        for place in range(GROUP):
            group = [*UNLIKELY[:place], did, *UNLIKELY[place + 1 :]]
            reply = tester.request(_read(group))
            if reply.nrc in not_there or not (reply.is_positive or reply.is_negative):
                return False
    return True


def _read(dids: Sequence[int]) -> bytes:
    return b"\x22" + b"".join(did.to_bytes(2, "big") for did in dids)


def write_back_all(tester: Tester, found: EcuMap, progress: Progress, enter: Enter) -> None:
    """Write to each readable identifier its present value; a refusal with 0x33 shows that the identifier is protected.

    Only where the target allows writes; no stored value changes.
    """
    readable = [one for one in found.identifiers if one.length]
    if not readable:
        return
    if not tester.permits(b"\x2e"):
        found.not_asked.append("Writes are not allowed: which identifiers are writable or protected is not known.")
        return
    for session in _richest_first(found):
        if not enter(session):
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
    enter(Session.DEFAULT)


def _richest_first(found: EcuMap) -> list[int]:
    sessions = list(found.sessions) or [int(Session.DEFAULT)]
    return sorted(sessions, key=lambda session: session == Session.DEFAULT)
