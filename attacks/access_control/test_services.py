"""Check that whole services are guarded as declared, and that no service is left that should not exist."""

from collections.abc import Sequence

from attacks.access_control.guards import (
    SECURITY,
    SUPPRESS,
    Refusals,
    declared_need,
    each_session,
    is_absent,
    is_carried_out_silently,
    require_locked,
    unlocked_for,
)
from attacks.access_control.key_material import found_in, known_secrets, show_concealed
from attacks.access_control.legacy import Legacy, legacy_requests, memory_requests
from harness import Inconclusive, Measurements, Reply, Service, Severity, Tester, attack, fail, inconclusive, not_applicable

REPORTS = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0A, 0x0F, 0x10, 0x14, 0x15, 0x18, 0x19)
CODE = b"\x00\x00\x01"
RECORDS = (b"", b"\xff", CODE, CODE + b"\x01", CODE + b"\xff")
"""The bytes behind a report's number; `CODE` in them is replaced by the trouble codes that the ECU has."""
STATE_CHANGING: dict[int, tuple[tuple[bytes, ...], bytes]] = {
    Service.COMMUNICATION_CONTROL: (
        tuple(map(bytes.fromhex, ("280301", "280101", "280201", "280303", "2804010001", "2805010001"))),
        b"\x28\x00\x03",
    ),
    Service.CONTROL_DTC_SETTING: ((b"\x85\x02", b"\x85\x02\xff\xff\xff"), b"\x85\x01"),
    Service.CLEAR_DIAGNOSTIC_INFORMATION: (tuple(map(bytes.fromhex, ("14FFFFFF", "14FFFF33", "14000000"))), b""),
    Service.LINK_CONTROL: (tuple(map(bytes.fromhex, ("870105", "870207A120", "8703"))), b""),
    Service.ECU_RESET: ((b"\x11\x01", b"\x11\x03", b"\x11\x02"), b""),
    Service.READ_DTC_INFORMATION: (
        tuple(
            bytes((0x19, number)) + tail
            for number in REPORTS
            for tail in (b"", b"\xff", CODE + b"\xff", CODE + b"\x01", CODE)
        ),
        b"",
    ),
}
"""For each service: the requests to try, and the request that undoes their effect, empty if none does."""

WITH_SUB_FUNCTION = (Service.COMMUNICATION_CONTROL, Service.CONTROL_DTC_SETTING, Service.LINK_CONTROL, Service.ECU_RESET)
MOST_CODES = 4
STORED_TROUBLE_CODES = b"\x19\x02\xff"
DEAUTHENTICATE = b"\x29\x00"


@attack(
    id="AC-16",
    title="Services that change the ECU's state keep to their declared guard",
    failure="A service that changes the ECU's state works without its declared key",
    severity=Severity.MEDIUM,
    basis="declared",
    source="ISO 14229-1: securityAccessDenied for services that the maker protects",
    cwe=(306,),
    r155=("18.3", "21.1", "24.1"),
    rationale="Clearing trouble codes removes evidence; stopping their storage or the ECU's messages hides an attack.",
    remediation="Ask for the declared level in these services too, and leave them out of the default session.",
    needs=("destructive", "reset"),
    proven_by=("trouble_codes_cleared_unprotected", "dtc_setting_unprotected", "communication_control_unprotected"),
)
def test_state_changing_services_keep_to_their_guard(tester: Tester, measure: Measurements) -> None:
    guarded = [service for service in STATE_CHANGING if declared_need(tester, service) in ("level", "never")]
    if not guarded:
        not_applicable("the target declares none of the services 11, 14, 19, 28, 85 and 87 to need anything")
    codes = measure.trouble_codes()[:MOST_CODES] if Service.READ_DTC_INFORMATION in guarded else ()
    require_locked(tester, *guarded)
    refusals = Refusals(tester, "services that change the ECU's state")
    for visit in each_session(tester):
        for service in guarded:
            if refusals.is_there(service):
                judge_service(refusals, service, str(visit), codes)
    refusals.conclude(lambda: control_by_switching(tester, guarded))


def judge_service(refusals: Refusals, service: int, when: str, codes: Sequence[bytes]) -> None:
    """Fail if the locked ECU carries out a request of the service, by its answer or because no trouble codes are left."""
    tester = refusals.tester
    requests, undo = STATE_CHANGING[service]
    for request in (*requests, *(request.replace(CODE, code) for code in codes for request in requests if CODE in request)):
        stored = tester.request(STORED_TROUBLE_CODES)
        reply = refusals.add(tester.request(request))
        if reply.is_positive:
            tester.cite(reply)
            tester.await_life()
            if undo:
                tester.request(undo)
            fail(expected=f"a refusal of {request.hex(' ').upper()} {when}, locked", observed=str(reply))
        is_silent = service in WITH_SUB_FUNCTION and reply.is_refused_with(*SECURITY)
        if is_silent and is_carried_out_silently(tester, request):
            tester.await_life()
            if undo:
                tester.request(undo)
            quiet = bytes((request[0], SUPPRESS | request[1])) + request[2:]
            fail(
                expected=f"a refusal of {quiet.hex(' ').upper()} {when}, locked",
                observed="silence, as to what is carried out",
            )
        if service == Service.CLEAR_DIAGNOSTIC_INFORMATION and stored.is_positive and len(stored.pdu) > 3:
            left = tester.request(STORED_TROUBLE_CODES)
            if left.is_positive and len(left.pdu) <= 3:
                tester.cite(reply, left)
                fail(expected=f"trouble codes kept {when}, locked", observed=f"{reply}; and no trouble code is left")


def control_by_switching(tester: Tester, guarded: list[int]) -> str:
    """Make a change that can be undone, unlocked, as positive control; return why that was not seen to work, or nothing."""
    for service in guarded:
        requests, undo = STATE_CHANGING[service]
        entry = next(entry for entry in tester.target.services if service in entry.span and entry.origin == "declared")
        if not undo or entry.needs.level is None:
            continue
        missing = unlocked_for(tester, entry.needs.level)
        if missing:
            return missing
        reply = tester.request(requests[0])
        tester.request(undo)
        return "" if reply.is_positive else f"unlocked, {requests[0].hex(' ').upper()} is refused too: {reply}"
    return "of the guarded services none can be tried and undone"


@attack(
    id="AC-18",
    title="No service of an older standard or of the supplier reads or writes past the guard",
    failure="An older or supplier's service reads or writes past the guard",
    severity=Severity.HIGH,
    basis="policy",
    source="Policy: services that are not declared do not exist (0x11)",
    cwe=(912, 288),
    r155=("18.3",),
    rationale="Services of ISO 14230, or a supplier's own for development, know nothing of the guards that came later.",
    remediation="Remove services that the product does not need, and guard those that it does like the ones of ISO 14229-1.",
    uses=("destructive", "write"),
    proven_by=("legacy_write_unprotected", "legacy_read_unprotected"),
)
def test_no_undeclared_service_reads_or_writes(tester: Tester) -> None:
    tester.access.require_locked()
    refusals = Refusals(tester, "services of older standards and of suppliers")
    refusals.watch(tester.access.protected() if tester.allows("write") else ())
    for _ in each_session(tester):
        for legacy in (*legacy_requests(tester), *memory_requests(tester)):
            if declared_need(tester, legacy.service) != "open":
                judge_legacy(refusals, legacy)
        refusals.judge_values()
    replies = refusals.replies
    if not any(reply.is_negative for reply in replies):
        if all(reply.is_malformed for reply in replies):
            not_applicable(f"none of these services exists: all are answered like any unknown one ({replies[0]})")
        inconclusive("no service that does not exist is answered, so that silence says nothing")


def judge_legacy(refusals: Refusals, legacy: Legacy) -> None:
    """Pass an absent service, note an existing one, and fail a service that reads or writes."""
    tester = refusals.tester
    if not tester.permits(legacy.request):
        tester.note(f"service {legacy.service:02X} was not tried: the target does not allow it")
        return
    reply = refusals.add(tester.request(legacy.request))
    if reply.is_silence or is_absent(tester, reply):
        return
    asked = legacy.request.hex(" ").upper()
    if not reply.is_positive or legacy.is_mandatory:
        known = f"service {legacy.service:02X} exists, though it is not declared"
        if not any(note.startswith(known) for note in tester.notes):
            tester.note(f"{known}: {asked} is answered {reply}")
        return
    name = found_in(reply.pdu, known_secrets(tester))
    if name:
        show_concealed(tester, reply, name)
        fail(expected=f"no key material to {asked}", observed=f"{name} is in the answer", severity=Severity.CRITICAL)
    refusals.judge_values()
    tester.cite(reply)
    severity = None if legacy.is_write else Severity.MEDIUM
    fail(expected=f"no undeclared service behind {asked}", observed=str(reply), severity=severity)


@attack(
    id="AC-19",
    title="Where Authentication is required, SecurityAccess does not stand in for it",
    failure="SecurityAccess opens what needs Authentication",
    severity=Severity.HIGH,
    basis="declared",
    source="ISO 14229-1:2020 10.6 Authentication",
    cwe=(757, 288),
    r155=("18.3",),
    rationale="A weaker way in that was left open beside the stronger one is the one that is used.",
    remediation="Refuse SecurityAccess (0x34) until Authentication has passed, or remove it.",
    needs=("write",),
    uses=("reset",),
    unlocks=True,
    proven_by=("authentication_bypassed",),
)
def test_security_access_does_not_stand_in_for_authentication(tester: Tester) -> None:
    requests = [request for request in (b"\x29\x08", DEAUTHENTICATE) if tester.permits(request)]
    replies = [tester.request(request) for _ in each_session(tester) for request in requests]
    if all(is_absent(tester, reply) for reply in replies):
        not_applicable(f"the ECU does not have Authentication: {replies[0]}")
    known = tester.state.presence.service(Service.AUTHENTICATION)
    if not known.is_there:
        inconclusive(known.why)
    if declared_need(tester, Service.SECURITY_ACCESS) != "never":
        inconclusive(
            "Authentication is there; whether it is required the target does not say "
            '(a [[service]] with id = 0x27 and needs = "never" would)'
        )
    if not tester.target.security:
        inconclusive("no security level is declared that could be tried")
    tester.access.require_locked()
    refused = [judge_level(tester, entry.level) for entry in tester.target.security]
    if not any(reply.is_negative for reply in refused):
        tester.cite(*refused)
        inconclusive(f"a request for a seed is neither refused nor served: {refused[0]}")


def judge_level(tester: Tester, level: int) -> Reply:
    """Request a seed without Authentication, and return the refusal; fail if a seed comes and the level can be opened."""
    if tester.permits(DEAUTHENTICATE):  # end any authentication
        tester.request(DEAUTHENTICATE)
    tester.session_for(level)
    reply = tester.security.request_seed(level)
    if not reply.is_positive:
        return reply
    expected = f"no unlocking of level 0x{level:02X} without Authentication"
    try:
        tester.security.unlock(level)
    except Inconclusive as reason:
        tester.cite(reply)
        inconclusive(f"seeds of level 0x{level:02X} are given without Authentication; what they open is not known: {reason}")
    entry = tester.access.protected_by(level)
    if entry is None:
        fail(expected=expected, observed="the level is open")
    effect = tester.access.write_effect(entry)
    if not effect.is_changed:
        tester.cite(effect.reply)
        inconclusive(f"level 0x{level:02X} opens without Authentication, but opens nothing: {effect}")
    fail(expected=expected, observed=f"DID {entry.did:04X} was written: {effect}")
