"""Check that without the key nobody moves outputs, or starts or stops routines."""

from attacks.access_control.guards import (
    SECURITY,
    Refusals,
    Visit,
    declared_need,
    each_session,
    is_carried_out_silently,
    require_locked,
    unlocked_for,
)
from harness import DataEntry, Nrc, Reply, Service, Severity, Tester, attack, fail, inconclusive

RETURN_CONTROL, RESET_TO_DEFAULT, FREEZE, ADJUST = b"\x00", b"\x01", b"\x02", b"\x03"
MASKS = (b"\xff", b"\xff\xff")
"""Masks that select parts of a record, for records that have parts."""
USUAL_OUTPUTS = (*range(0x0100, 0x0108), *range(0xD000, 0xD004), *range(0xF100, 0xF104), 0x1000, 0x2000, 0x3000, 0x4000)
ERASE_MEMORY = 0xFF00
MOST_OPEN = 4
OPTION_BYTES = (1, 2, 4, 8)
"""Numbers of zeros that are sent as the option record of a routine."""
USUAL_ROUTINES = (0x0202, 0x0203, 0xFF01, ERASE_MEMORY)
"""Usual numbers of checks before and after programming, and of erasing memory.

Only erasing is dangerous by itself; the others may be open, since flash tools start them before they unlock.
"""


@attack(
    id="AC-07",
    title="Inputs and outputs are not controlled while locked",
    failure="Inputs and outputs can be controlled without a key",
    severity=Severity.HIGH,
    basis="declared",
    source="ISO 14229-1 InputOutputControlByIdentifier: securityAccessDenied",
    cwe=(288, 306),
    r155=("18.3",),
    rationale="Control by identifier sets a value past the guard of writing it, and moves whatever the value moves.",
    remediation="Ask for the same security level as for writing the data, before anything is adjusted.",
    needs=("destructive", "write"),
    uses=("functional",),
    proven_by=("io_control_unprotected", "io_reset_unprotected"),
)
def test_inputs_and_outputs_are_not_controlled_while_locked(tester: Tester) -> None:
    require_locked(tester, Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER)
    refusals = Refusals(tester, "InputOutputControlByIdentifier")
    refusals.watch(tester.access.protected())
    undeclared: dict[int, Reply] = {}
    for visit in each_session(tester):
        if refusals.is_there(Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER):
            for entry in tester.target.data:
                if entry.write.kind != "open":
                    judge_control(refusals, entry, visit)
            undeclared.update(controlled_by_anybody(refusals))
            refusals.judge_values()
    if undeclared:
        tester.cite(*list(undeclared.values())[:4])
        names = ", ".join(f"{did:04X}" for did in undeclared)
        inconclusive(f"controlled while locked, though the target does not say whether they may be: DID {names}")
    refusals.conclude(lambda: control_by_adjusting(tester))


def judge_control(refusals: Refusals, entry: DataEntry, visit: Visit) -> None:
    """Judge every kind of control of an output: first by effect, if data shows it, then by the ECU's answer."""
    tester = refusals.tester
    expected = f"a refusal of InputOutputControlByIdentifier for DID {entry.did:04X} {visit}, locked"
    for parameter in (RETURN_CONTROL, RESET_TO_DEFAULT, FREEZE):
        judge_answer(refusals, entry.did, parameter, expected)
    if entry in tester.access.protected():
        effect = tester.access.effect(entry, lambda value: adjusted(refusals, entry.did, value))
        if effect.is_changed or effect.reply.is_positive:
            tester.cite(effect.reply)
            fail(expected=expected, observed=str(effect))
        return
    value = tester.read_reply(entry.did)
    judge_answer(refusals, entry.did, ADJUST + (value.pdu[3:] if value.is_positive else bytes(entry.length or 1)), expected)


def judge_answer(refusals: Refusals, did: int, parameter: bytes, expected: str) -> None:
    """Fail unless the answer is a refusal; after a refusal for the length repeat the request with a mask."""
    tester = refusals.tester
    for tail in (b"", *MASKS):
        reply = refusals.add(control(tester, did, parameter + tail))
        if reply.is_positive:
            control(tester, did, RETURN_CONTROL)
            tester.cite(reply)
            fail(expected=expected, observed=str(reply))
        if not reply.is_refused_with(Nrc.INCORRECT_MESSAGE_LENGTH):
            break
    request = control_request(did, parameter)
    if not tester.allows("functional") or tester.target.can.functional_id is None or len(request) >= tester.frame_bytes:
        return
    to_all = tester.request(request, is_functional=True)
    if to_all.is_positive:
        control(tester, did, RETURN_CONTROL)
        tester.cite(to_all)
        fail(expected=f"{expected}, by the functional id", observed=str(to_all))


def adjusted(refusals: Refusals, did: int, value: bytes) -> Reply:
    """Adjust the output, with a mask if the ECU needs one, and return control."""
    tester = refusals.tester
    for tail in (b"", *MASKS):
        reply = refusals.add(control(tester, did, ADJUST + value + tail))
        if not reply.is_refused_with(Nrc.INCORRECT_MESSAGE_LENGTH):
            break
    if reply.is_positive:
        control(tester, did, RETURN_CONTROL)
    return reply


def controlled_by_anybody(refusals: Refusals) -> dict[int, Reply]:
    """Judge usual identifiers of undeclared outputs by a request to return control, which is harmless if it succeeds."""
    tester = refusals.tester
    declared = {entry.did for entry in tester.target.data}
    replies = {did: control(tester, did, RETURN_CONTROL) for did in USUAL_OUTPUTS if did not in declared}
    return {did: reply for did, reply in replies.items() if reply.is_positive}


def control(tester: Tester, did: int, parameter: bytes) -> Reply:
    """Send InputOutputControlByIdentifier (2F) for one identifier."""
    return tester.request(control_request(did, parameter))


def control_request(did: int, parameter: bytes) -> bytes:
    """Return the request that `control` sends."""
    return bytes((Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER, did >> 8, did & 0xFF)) + parameter


def control_by_adjusting(tester: Tester) -> str:
    """Adjust a protected output to its present value, unlocked, as the positive control.

    Return why this was not seen to work; empty if it was.
    """
    for entry in tester.access.protected():
        assert entry.write.level is not None
        missing = unlocked_for(tester, entry.write.level)
        if missing:
            return missing
        reply = control(tester, entry.did, ADJUST + tester.read(entry.did))
        control(tester, entry.did, RETURN_CONTROL)
        if reply.is_positive:
            return ""
    return "unlocked, no protected data can be controlled either"


@attack(
    id="AC-08",
    title="Protected routines do not start while locked",
    failure="Protected routines start without a key",
    severity=Severity.HIGH,
    basis="declared",
    source="ISO 14229-1 RoutineControl: securityAccessDenied",
    cwe=(306,),
    r155=("18.3",),
    rationale="Routines erase memory, move actuators and prepare programming: whoever starts them has that power.",
    remediation="Ask for the security level before the routine is started, for every routine that changes anything.",
    needs=("destructive", "write"),
    proven_by=("routine_unprotected", "routine_stop_unprotected"),
)
def test_protected_routines_do_not_start_while_locked(tester: Tester) -> None:
    require_locked(tester, Service.ROUTINE_CONTROL)
    refusals = Refusals(tester, "RoutineControl")
    refusals.watch(tester.access.protected())
    undeclared: dict[int, Reply] = {}
    for visit in each_session(tester):
        if refusals.is_there(Service.ROUTINE_CONTROL):
            for routine in guarded_routines(tester):
                reply = judge_start(refusals, routine, visit)
                if reply.is_positive:
                    undeclared[routine] = reply
            judge_open_routines(tester, visit)
            refusals.judge_values()
    if undeclared:
        tester.cite(*undeclared.values())
        names = ", ".join(f"{routine:04X}" for routine in undeclared)
        inconclusive(
            f"routines that the target does not declare start while locked; whether they may it does not say: {names}"
        )
    refusals.conclude(lambda: control_by_safe_routine(tester))


def guarded_routines(tester: Tester) -> list[int]:
    """Return routines that are declared guarded or forbidden; then usual undeclared ones, erasing last."""
    declared = [entry for entry in tester.target.routines if entry.origin == "declared"]
    guarded = [entry.span.first for entry in declared if entry.needs.kind != "open"]
    is_open = declared_need(tester, Service.ROUTINE_CONTROL) == "open"
    usual = [routine for routine in USUAL_ROUTINES if not is_open and not is_declared(tester, routine)]
    return sorted({*guarded, *usual})


def judge_start(refusals: Refusals, routine: int, visit: Visit) -> Reply:
    """Check that requests for the routine's result, to stop it and to start it are refused; stop it if one was accepted.

    For a harmless undeclared routine return a positive reply instead of failing.
    """
    tester = refusals.tester
    severity = Severity.CRITICAL if routine == ERASE_MEMORY else None
    is_known = routine == ERASE_MEMORY or is_declared(tester, routine)
    for sub_function, words in ((0x03, "give the result of"), (0x02, "stop"), (0x01, "start")):
        reply = refusals.add(routine_control(tester, sub_function, routine))
        for length in OPTION_BYTES if is_known and reply.is_refused_with(Nrc.INCORRECT_MESSAGE_LENGTH) else ():
            with_options = refusals.add(routine_control(tester, sub_function, routine, bytes(length)))
            reply = with_options if with_options.is_positive else reply
        if reply.is_positive:
            tester.cite(reply)
            routine_control(tester, 0x02, routine)
            if not is_known:
                return reply
            fail(
                expected=f"a refusal to {words} routine 0x{routine:04X} {visit}, locked",
                observed=str(reply),
                severity=severity,
            )
        request = routine_request(sub_function, routine)
        if is_known and reply.is_refused_with(*SECURITY) and is_carried_out_silently(tester, request):
            routine_control(tester, 0x02, routine)
            fail(
                expected=f"a refusal to {words} routine 0x{routine:04X} {visit}, locked, without a positive response too",
                observed="silence, as to what is carried out",
                severity=severity,
            )
    return reply


def judge_open_routines(tester: Tester, visit: Visit) -> None:
    """Check that routines which everybody may start open no level."""
    declared = [entry for entry in tester.target.routines if entry.origin == "declared" and entry.needs.kind == "open"]
    for entry in declared[:MOST_OPEN]:
        started = routine_control(tester, 0x01, entry.span.first)
        for data in tester.access.protected() if started.is_positive else ():
            effect = tester.access.write_effect(data)
            if effect.is_changed:
                tester.cite(started)
                fail(
                    expected=f"DID {data.did:04X} protected after routine 0x{entry.span.first:04X}, which is open, {visit}",
                    observed=str(effect),
                    severity=Severity.CRITICAL,
                )
        routine_control(tester, 0x02, entry.span.first)


def is_declared(tester: Tester, routine: int) -> bool:
    """Whether the target declares who may use the routine."""
    return any(routine in entry.span for entry in tester.target.routines if entry.origin == "declared")


def routine_control(tester: Tester, sub_function: int, routine: int, options: bytes = b"") -> Reply:
    """Send RoutineControl (31): start is 01, stop is 02, results are 03."""
    return tester.request(routine_request(sub_function, routine) + options)


def routine_request(sub_function: int, routine: int) -> bytes:
    """Return the request, without options."""
    return bytes((Service.ROUTINE_CONTROL, sub_function, routine >> 8, routine & 0xFF))


def control_by_safe_routine(tester: Tester) -> str:
    """Start a routine that is declared safe, unlocked, as positive control; return why that was not seen to work."""
    declared = [entry for entry in tester.target.routines if entry.origin == "declared" and entry.safe]
    for entry in declared:
        if entry.needs.level is None:
            continue
        missing = unlocked_for(tester, entry.needs.level)
        if missing:
            return missing
        reply = routine_control(tester, 0x01, entry.span.first)
        routine_control(tester, 0x02, entry.span.first)
        return "" if reply.is_positive else f"unlocked, routine 0x{entry.span.first:04X} does not start either: {reply}"
    return "no routine that needs a level is declared safe to run"
