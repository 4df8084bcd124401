"""Check which of two reasons the ECU gives for a refusal. A reason is wrong only where the order is known to be fixed.

The order (ISO 14229-1 8.7.2, 8.7.3): service known 11, authenticated 34, in session 7F, (secured 33); with a sub-function
minimum length 13, known 12, authenticated 34, in session 7E, (secured 33), (sequence 24); then the service's own checks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from attacks.conformance.working_services import (
    AT_START_OR_IN_DELAY,
    DEFAULT,
    PROGRAMMING,
    UNKNOWN_PRESENCE,
    UNKNOWN_SESSION,
    first_level,
    has_session_control,
    has_tester_present,
    is_unfinished,
    require_life,
    unknown_did,
    unknown_level,
)
from harness import Nrc, Severity, Tester, attack, fail, inconclusive, uds
from harness import negative as refused_with

ANYWHERE = (Nrc.AUTHENTICATION_REQUIRED, Nrc.CONDITIONS_NOT_CORRECT, Nrc.GENERAL_REJECT, *range(0x80, 0x100))
"""Codes that an ECU may give for reasons of its own, so that nobody can tell from outside whether they come too early."""


@dataclass(frozen=True)
class OrderCase:
    """A request that deserves to be refused for more than one reason."""

    request: bytes
    why: str
    sound: tuple[int, ...]
    """The codes that the standard's order allows; any of them passes."""
    tolerated: tuple[int, ...] = ()
    """Codes that may have a reason which cannot be seen from outside, so that they do not fail."""


@attack(
    id="CF-06",
    title="Of several reasons to refuse, the first in the standard's order is given",
    failure="Of several reasons to refuse, the wrong one is given",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 8.7.2 and 8.7.3: order of negative response codes",
    rationale="The code tells which check ran first. One that looks at a request before it is known to be allowed in this "
    "session, or to be long enough, looks at what it should never have seen.",
    remediation="Check in the standard's order: service, session, minimum length, sub-function, then the rest.",
    uses=("reset", "write"),
    proven_by=("unavailable_service_answered_11", "unavailable_level_answered_12", "length_before_sub_function"),
)
def test_the_first_reason_in_order_is_given(tester: Tester) -> None:
    judged, undecided = 0, []
    for pair in pairs(tester):
        reply = tester.request(pair.request)
        require_life(tester, reply)
        if reply.is_refused_with(*pair.sound):
            judged += 1
        elif reply.is_refused_with(*ANYWHERE, *pair.tolerated):
            judged += 1
            tester.note(f"tolerated: {reply} to {hexed(pair)}, where {refused_with(*pair.sound)} is the rule: {pair.why}")
        elif reply.is_negative and not is_unfinished(reply):
            tester.cite(reply)
            fail(expected=f"{refused_with(*pair.sound)} to {hexed(pair)}: {pair.why}", observed=str(reply))
        else:
            undecided.append((pair, reply))
    if undecided:
        tester.cite(*(reply for _, reply in undecided[:2]))
        pair, reply = undecided[0]
        inconclusive(f"{len(undecided)} of {judged + len(undecided)} were not refused with a code: {hexed(pair)}: {reply}")
    if not judged:
        inconclusive("no service is known to be there that could be refused for two reasons")


def hexed(pair: OrderCase) -> str:
    """Write the request in hex."""
    return pair.request.hex(" ").upper()


def pairs(tester: Tester) -> Iterator[OrderCase]:
    """Yield the cases whose service the ECU has, each in the session to which it belongs."""
    unknown, too_long = (Nrc.SUB_FUNCTION_NOT_SUPPORTED,), "an unknown sub-function is found before the total length"
    # From outside it is unknown that no session has it; if all requests are equally long, one look at the length suffices.
    elsewhere = (Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION, Nrc.INCORRECT_MESSAGE_LENGTH)
    if has_session_control(tester):
        yield from of_sessions(tester)
        if tester.permits(UNKNOWN_SESSION):
            yield OrderCase(UNKNOWN_SESSION + b"\x00", too_long, unknown, elsewhere)
    if has_tester_present(tester):
        yield OrderCase(bytes((0x3E, UNKNOWN_PRESENCE, 0x00)), too_long, unknown, elsewhere)
    yield from of_security_access(tester)
    if tester.allows("write"):
        yield from of_writes(tester)


def of_sessions(tester: Tester) -> Iterator[OrderCase]:
    """Yield requests for each session that the ECU refuses from the default session but enters from another session.

    The programming session does not serve as that other session, because it belongs to another program.
    """
    others = [session for session in tester.sessions() if session not in (DEFAULT, PROGRAMMING)]
    for session in tester.sessions():
        tester.enter_session(DEFAULT)
        if not tester.enter_session(session).is_refused_with(Nrc.SUB_FUNCTION_NOT_SUPPORTED, Nrc.SERVICE_NOT_SUPPORTED):
            tester.await_life()
            continue
        for other in others:
            if tester.enter_session(other).is_positive and tester.enter_session(session).is_positive:
                tester.await_life()
                tester.enter_session(DEFAULT)
                not_now = (Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,)
                yield OrderCase(
                    uds.enter_session(session), f"session 0x{other:02X} leads there, so it is not unknown", not_now
                )
                break
    tester.enter_session(DEFAULT)


def of_security_access(tester: Tester) -> Iterator[OrderCase]:
    """Yield requests in the session of a level, and in the default session if the level is not available there."""
    level = first_level(tester)
    if level is None:
        return
    unknown, refused_for_now = unknown_level(tester), (*AT_START_OR_IN_DELAY, Nrc.SECURITY_ACCESS_DENIED)
    works_here = tester.security.request_seed(level)
    if works_here.is_positive or works_here.is_refused_with(*refused_for_now):
        yield OrderCase(
            b"\x27", "without a sub-function there is only the length", (Nrc.INCORRECT_MESSAGE_LENGTH,), refused_for_now
        )
        yield OrderCase(
            bytes((0x27, unknown, 0x00)),
            "an unknown sub-function is found before the total length",
            (Nrc.SUB_FUNCTION_NOT_SUPPORTED,),
            (*refused_for_now, Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION),
        )
    session = tester.target.of_level(level).session
    if session in (None, DEFAULT) or not has_session_control(tester) or not works_here.is_positive:
        return
    in_default = tester.security.request_seed(level)
    if in_default.is_positive:
        return
    not_now = (Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION, Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION)
    why = "a level that another session has is not unknown"
    yield OrderCase(uds.request_seed(level), why, not_now, refused_for_now)
    if in_default.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION):
        why = "a service that this session lacks is not looked into"
        yield OrderCase(uds.request_seed(unknown), why, not_now[:1])
        for pdu in (b"\x27", bytes((0x27, unknown, 0x00))):  # a length that never fits may be checked before anything else
            yield OrderCase(pdu, why, not_now[:1], (Nrc.INCORRECT_MESSAGE_LENGTH,))


def of_writes(tester: Tester) -> Iterator[OrderCase]:
    """Yield writes, while locked, that have a second fault; the order of the codes may not be fixed, so both pass."""
    length, denied, unknown = Nrc.INCORRECT_MESSAGE_LENGTH, Nrc.SECURITY_ACCESS_DENIED, Nrc.REQUEST_OUT_OF_RANGE
    elsewhere = (Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,)
    for entry in tester.access.protected()[:1]:
        tester.access.require_locked(entry)
        value = tester.read(entry.did)
        why = "the length and the lock are both wrong, in either order"
        yield OrderCase(
            b"\x2e" + entry.did.to_bytes(2, "big") + value + b"\x00", why, (length, denied), (*elsewhere, unknown)
        )
        did = unknown_did(tester)
        if did is not None:
            why = "the identifier and the lock are both wrong, in either order"
            yield OrderCase(b"\x2e" + did.to_bytes(2, "big") + b"\x00", why, (unknown, denied), (*elsewhere, length))
