"""Check that nobody writes protected data around its guard: from another address, by another id, or at another moment."""

from attacks.access_control.guards import DEFAULT_SESSION, each_session
from attacks.access_control.other_ids import (
    Path,
    ask,
    declared_path,
    far_ids,
    is_answered,
    is_plain,
    neighbours,
    other_addressing,
    other_format,
    permitted,
    send,
)
from attacks.transport.raw_requests import frames_of, single
from harness import (
    DataEntry,
    Depth,
    Inconclusive,
    Nrc,
    RawReply,
    Service,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    not_applicable,
    uds,
)

DEFAULT_ORDER = uds.enter_session(DEFAULT_SESSION)
PRESENT = uds.keep_session()
BUSY = bytes((0x7F, Service.DIAGNOSTIC_SESSION_CONTROL, Nrc.BUSY_REPEAT_REQUEST))
BUSY_WRITE = bytes((0x7F, Service.WRITE_DATA_BY_IDENTIFIER, Nrc.BUSY_REPEAT_REQUEST))
BUSY_REPEATS = 3
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.13, 0.4
"""The smallest and largest number of seconds between frames that are sent one by one.

A pause is longer than the longest STmin, and two pauses are shorter than N_Cr.
"""


@attack(
    id="AC-03",
    title="A protected write to the functional address has no effect",
    failure="Protected data can be written without a key through the functional address",
    severity=Severity.CRITICAL,
    basis="declared",
    source="ISO 14229-1 WriteDataByIdentifier: securityAccessDenied",
    cwe=(288,),
    r155=("18.3",),
    rationale="A guard that is asked for physical requests only is walked around by the address that every ECU listens to.",
    remediation="Ask for the security level where the value is stored, whatever address the request came by.",
    needs=("write", "functional"),
    proven_by=("functional_skips_security",),
)
def test_a_protected_write_to_the_functional_address_has_no_effect(tester: Tester, protected: DataEntry) -> None:
    if tester.target.can.functional_id is None:
        not_applicable("the target declares no functional_id")
    tester.access.require_locked(protected)
    if 3 + len(tester.stable_value(protected.did)) >= tester.frame_bytes:
        not_applicable(f"a functional request is a single frame, and a write of DID {protected.did:04X} needs more")
    is_heard = False
    for visit in each_session(tester):
        is_heard = is_heard or hears(tester)
        judge_functional_write(tester, protected, str(visit))
    level = protected.write.level
    assert level is not None
    try:
        tester.session_for(level)
        tester.security.seed(level)
    except Inconclusive as reason:
        tester.note(str(reason))
    else:
        judge_functional_write(tester, protected, "while a seed is pending")
    if not is_heard:
        inconclusive("nothing sent to the functional id is answered: an unchanged value proves nothing")
    tester.access.require_control(protected)


def hears(tester: Tester) -> bool:
    """Whether the ECU answers its usual request or TesterPresent on the functional id; many ECUs read no data there."""
    pdus = (tester.liveness_request, uds.keep_session())
    return any(not tester.request(pdu, is_functional=True).is_silence for pdu in pdus)


def judge_functional_write(tester: Tester, entry: DataEntry, when: str) -> None:
    """Write the data by the functional id, and judge first by effect; silence is sound."""
    effect = tester.access.effect(entry, lambda new: tester.request(uds.write_data(entry.did, new), is_functional=True))
    if effect.is_changed:
        fail(expected=f"DID {entry.did:04X} unchanged by a write to the functional address {when}", observed=str(effect))
    if effect.reply.is_positive:
        tester.cite(effect.reply)
        inconclusive(f"{when} the functional write is answered positively, but changes nothing")


@attack(
    id="AC-04",
    title="A request on an id that is not declared has no effect",
    failure="An undeclared CAN id or address is served",
    severity=Severity.MEDIUM,
    basis="declared",
    source="ISO 15765-2 addressing: a node takes the messages of its own addresses",
    cwe=(288, 346),
    r155=("18.3",),
    rationale="Gateways and intrusion detection know the declared ids. An ECU that listens to others too is reached past "
    "them; and where the guard knows only one id, protected data can be written by another.",
    remediation="Filter for the exact ids in the declared format, 11 or 29 bits, before anything of a frame is interpreted.",
    needs=("write",),
    uses=("functional", "destructive"),
    proven_by=("extended_id_skips_security", "extended_id_answered", "neighbouring_id_answered"),
)
def test_a_request_on_an_undeclared_id_has_no_effect(tester: Tester, depth: Depth) -> None:
    tester.require_quiet()
    probe, read = read_to_send(tester)
    (control,) = send(tester, [declared_path(tester)], read)
    if not is_answered(tester, control, probe):
        inconclusive(f"the declared id does not answer a single frame either: {control}")
    paths = [*free_paths(tester, read, probe), *far_ids(tester, depth, read, probe)]
    by_write = [path for path in paths if is_plain(path, declared_path(tester))]
    for entry in tester.access.protected()[:1]:
        try:
            tester.access.require_locked(entry)
        except Inconclusive as reason:
            tester.note(f"whether an undeclared id skips the lock was not judged: {reason}")
        else:
            judge_write_by(tester, by_write, entry, Severity.CRITICAL)
    open_data = [entry for entry in tester.target.data if entry.write.kind == "open" and entry.read.kind == "open"]
    for entry in [entry for entry in open_data if not entry.volatile][:1]:
        judge_write_by(tester, by_write, entry, None)
    for path, reply in zip(paths, send(tester, paths, read), strict=True):
        if is_answered(tester, reply, probe, path=path):
            tester.cite(reply)
            fail(expected=f"no answer to {path.name}", observed=str(reply), severity=severity_of(tester, path))


def read_to_send(tester: Tester) -> tuple[int, bytes]:
    """Return data that everybody may read, and its request; preferably data whose number is no service in a raw frame."""
    if not any(entry.read.kind == "open" for entry in tester.target.data):
        inconclusive("no readable data is declared, so that an answer could not be told")
    own, padding = declared_path(tester), tester.target.can.padding
    pdu = tester.probe_by(lambda pdu: pdu[0] == 0x22 and tester.gate.permits_raw(own.frame(pdu, padding)))
    if pdu[0] != Service.READ_DATA_BY_IDENTIFIER:
        inconclusive(
            "no read passes as a raw frame: a byte of each identifier is the number of a service that is not allowed"
        )
    return int.from_bytes(pdu[1:3], "big"), pdu


def free_paths(tester: Tester, read: bytes, probe: int) -> list[Path]:
    """Return undeclared paths to the ECU, without those that reach another ECU."""
    paths = permitted(tester, [*other_format(tester), *neighbours(tester), *other_addressing(tester)], read)
    free = []
    for path, reply in zip(paths, send(tester, paths, read), strict=True):
        if is_answered(tester, reply, probe, by_others=True):
            tester.note(f"{path.name} belongs to another ECU, which answers there")
        else:
            free.append(path)
    return free


def judge_write_by(tester: Tester, paths: list[Path], entry: DataEntry, severity: Severity | None) -> None:
    """Write by all paths, and judge by effect; if there is an effect, write by each path alone to find which one works."""
    longest = tester.frame_bytes - 1 - (not declared_path(tester).prefix)  # another address byte may take one byte more
    value = tester.stable_value(entry.did)
    if 3 + len(value) > longest:
        tester.note(f"DID {entry.did:04X} was not tried: its write does not fit a single frame")
        return
    paths = permitted(tester, paths, uds.write_data(entry.did, value))
    if not paths:  # `permitted` has noted why there is none
        return
    if not seen_after_write_by(tester, paths, entry):
        return
    for path in paths:
        seen = seen_after_write_by(tester, [path], entry)
        if seen:
            fail(
                expected=f"DID {entry.did:04X} unchanged by a write on {path.name}",
                observed=seen,
                severity=severity or severity_of(tester, path),
            )
    inconclusive(
        f"DID {entry.did:04X} changed when it was written on {len(paths)} undeclared paths, but by none of them alone"
    )


def seen_after_write_by(tester: Tester, paths: list[Path], entry: DataEntry) -> str:
    """Write another value by all paths back to back, restore the old one likewise, and return what a write has changed."""
    padding = tester.target.can.padding

    def write(value: bytes) -> RawReply:
        return ask(tester, [path.frame(uds.write_data(entry.did, value), padding) for path in paths])

    effect = tester.access.effect(entry, write)
    return str(effect) if effect.is_changed else ""


def severity_of(tester: Tester, path: Path) -> Severity | None:
    """Return a low severity for the request id in its other format, which is only an alias; None for any other path."""
    return Severity.LOW if path in other_format(tester) else None


@attack(
    id="AC-17",
    title="The level is checked when a long write is complete, not when it begins",
    failure="A long write passes though the level was locked before it was complete",
    severity=Severity.MEDIUM,
    basis="policy",
    source="ISO 14229-1 WriteDataByIdentifier: securityAccessDenied; SecurityAccess, Annex I transitions 6 and 10",
    cwe=(367, 362),
    r155=("18.3",),
    rationale="Between the first and the last frame of a long write the ECU can be locked again. A level that was looked up "
    "at the first frame is then no longer unlocked when the value is stored.",
    remediation="Look up the security level when the whole message is there, directly before the value is stored.",
    needs=("write", "functional"),
    uses=("destructive", "reset"),
    unlocks=True,
    proven_by=("level_checked_at_first_frame",),
)
def test_the_level_is_checked_when_a_long_write_is_complete(tester: Tester) -> None:
    if not tester.has_sessions or tester.target.can.functional_id is None:
        not_applicable("without sessions and a functional id the ECU cannot be locked while a message is under way")
    record = long_record(tester)
    before = protected_value(tester, record)
    new = tester.other_value(record, before)
    for at, order, is_control in (
        (-1, DEFAULT_ORDER, True),
        (0, DEFAULT_ORDER, True),
        (1, PRESENT, True),
        (1, DEFAULT_ORDER, False),
    ):
        for _ in range(BUSY_REPEATS):
            protected_value(tester, record)
            answers = write_in_frames(tester, record, new, order, at=at)
            if not any(BUSY_WRITE in frame.data for frame in answers.answers):
                break
            tester.is_alive()  # an additional request, so that an ECU that is busy at every nth is not busy again
        after = protected_value(tester, record)
        if after != before:
            tester.write(record.did, before)
            if protected_value(tester, record) != before:
                tester.note(f"DID {record.did:04X} could not be put back")
        if at == -1 and after != new:
            inconclusive(f"control missing: unlocked, a write of DID {record.did:04X} in several frames has no effect")
        if order is PRESENT and after != new:
            inconclusive(
                "control missing: a long write is given up when TesterPresent comes in its midst, or so late as this"
            )
        if at == 0 and after != before:
            inconclusive("a session change by the functional id does not lock the ECU: nothing can be told by it")
        if not is_control and after != before:
            tester.cite(answers)
            fail(
                expected=f"DID {record.did:04X} unchanged by a write before whose last frame the ECU was locked",
                observed="it was stored",
            )


def long_record(tester: Tester) -> DataEntry:
    """Return protected data whose write takes several frames, and whose key is known."""
    guarded = [entry for entry in tester.target.data if entry.write.level is not None and not entry.volatile]
    guarded = [entry for entry in guarded if entry.read.kind != "never"]
    found = [entry for entry in guarded if entry.length is not None and 3 + entry.length >= tester.frame_bytes]
    if not found:
        raise tester.access.without_data(
            "no data is declared that needs a level and whose write takes several frames; declare its length"
        )
    for entry in found:
        if tester.security.has_key(entry.write.level or 0) and entry.read.level in (None, entry.write.level):
            return entry
    inconclusive("no key function is given for the level that a long write needs")


def protected_value(tester: Tester, record: DataEntry) -> bytes:
    """Unlock the record's level, and return the record's value."""
    assert record.write.level is not None
    tester.security.unlock(record.write.level)
    return tester.stable_value(record.did)


def write_in_frames(tester: Tester, record: DataEntry, value: bytes, order: bytes, *, at: int) -> RawReply:
    """Write the record frame by frame, and send an order on the functional id before the frame with the number `at`."""
    answers = None
    for number, frame in enumerate(frames_of(tester, uds.write_data(record.did, value))):
        if number == at:
            give_order(tester, order)
        answers = tester.raw(frame, listen_s=pause_s(tester))
        if number == 0 and not any(one.data[:1] == b"\x30" for one in answers.answers):
            inconclusive(f"the first frame of a long write is not followed by a flow control: {answers}")
    assert answers is not None
    return answers


def pause_s(tester: Tester) -> float:
    """Return the seconds between two frames: long enough for an answer, if N_Cr allows that."""
    return min(LONGEST_PAUSE_S, max(SHORTEST_PAUSE_S, tester.target.timing.p2_ms / 1000 + 0.05))


def give_order(tester: Tester, order: bytes) -> None:
    """Send the order on the functional id, and repeat it while the ECU is busy.

    Raises Inconclusive if the order is to enter the default session, and the ECU does not enter it.
    """
    for _ in range(BUSY_REPEATS):
        ordered = tester.raw(single(tester, order), is_functional=True, listen_s=pause_s(tester))
        if order is PRESENT or any(frame.data[1:3] == bytes((0x50, DEFAULT_SESSION)) for frame in ordered.answers):
            return
        if not any(frame.data[1:4] == BUSY for frame in ordered.answers):
            break
    inconclusive(f"the default session was not entered by the functional id: {ordered}")
