"""Check which values the ECU accepts in a write, and which data it lets anybody write."""

from collections.abc import Iterator
from functools import partial

from attacks.access_control.guards import each_session, is_absent, unlocked_for
from attacks.access_control.readable import readable_data
from harness import (
    DataEntry,
    Depth,
    Measurements,
    Nrc,
    Reply,
    Service,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    not_applicable,
    uds,
)

MOST_ALIASED, IDENTIFIER_BITS = 4, 16
MOST_SHOWN = 8
"""How many writable identifiers are found before no more are tried."""


@attack(
    id="AC-14",
    title="A value outside its declared range is not stored",
    failure="A value outside its declared range is stored",
    severity=Severity.MEDIUM,
    basis="declared",
    source="ISO 14229-1 WriteDataByIdentifier: requestOutOfRange for data that is not valid",
    cwe=(20, 1284),
    r155=("18.3",),
    rationale="A value that nobody expected to be possible is used all the same: as an index, a factor, a limit.",
    remediation="Compare every written value with its valid range before it is stored, and answer 0x31.",
    needs=("write",),
    unlocks=True,
    proven_by=("value_range_unchecked",),
)
def test_a_value_outside_its_range_is_not_stored(tester: Tester) -> None:
    declared = [entry for entry in tester.target.data if entry.origin == "declared" and entry.write.kind != "never"]
    entries = [entry for entry in declared if entry.values is not None and entry.read.kind == "open" and not entry.volatile]
    if not entries:
        inconclusive("no data is declared that can be written and read, together with its valid values")
    judged = [entry for entry in entries if judge_range(tester, entry)]
    if not judged:
        inconclusive("of the data with declared values none could be written at all; see the notes")


def judge_range(tester: Tester, entry: DataEntry) -> bool:
    """Fail if the ECU stores an invalid value; return whether it stores a valid one: else refusals prove nothing."""
    level = entry.write.level
    missing = "" if level is None else unlocked_for(tester, level)
    control = None if missing else tester.access.write_effect(entry)
    if control is None or not control.is_changed:
        tester.note(f"DID {entry.did:04X}: not judged, {missing or f'a valid value has no effect either ({control})'}")
        return False
    before = tester.stable_value(entry.did)
    for value in outside_values(entry, len(before)):
        tester.state.will_change(entry.did, before)
        reply = tester.write(entry.did, value)
        after = tester.stable_value(entry.did)
        if after == before:
            tester.state.is_back(entry.did)
            continue
        tester.cite(reply)
        tester.write(entry.did, before)
        assert entry.values is not None
        if after in entry.values:
            tester.note(
                f"DID {entry.did:04X}: {value.hex(' ').upper()} is stored as {after.hex(' ').upper()}, which is valid"
            )
            continue
        shown = "it" if entry.secret else after.hex(" ").upper()
        fail(
            expected=f"DID {entry.did:04X} unchanged by {value.hex(' ').upper()}, which is outside {entry.values}",
            observed=f"{reply}; {shown} is stored",
        )
    return True


def outside_values(entry: DataEntry, length: int) -> Iterator[bytes]:
    """Yield the nearest invalid value, the neighbours of each range, and both extremes of the length."""
    assert entry.values is not None
    nearest = entry.values.outside()
    candidates = [nearest or b"", b"\xff" * length, b"\x00" * length, b"\x7f" + b"\xff" * (length - 1)]
    candidates.append(b"\x80" + bytes(length - 1))
    for parts in entry.values.alternatives:
        for end, step in ((0, -1), (1, 1)):
            number = int.from_bytes(b"".join(part[end] for part in parts), "big") + step
            if 0 <= number < 256**length:
                candidates.append(number.to_bytes(length, "big"))
    for value in dict.fromkeys(candidates):
        if len(value) == length and value not in entry.values:
            yield value


@attack(
    id="AC-15",
    title="No data can be written that the target does not declare open",
    failure="Data can be written that nobody declared open",
    severity=Severity.MEDIUM,
    basis="declared",
    source="Policy: what may be written is what the target declares",
    cwe=(862,),
    r155=("18.3", "20.5", "25.1"),
    rationale="Data that the maker forgot is data that nobody guards: calibration, mileage, remainders of development.",
    remediation="Refuse writes of every identifier that is not meant to be written, and delete what is a remainder.",
    needs=("write", "destructive"),
    proven_by=("undeclared_data_writable", "identifier_high_bit_ignored"),
)
def test_no_undeclared_data_can_be_written(tester: Tester, measure: Measurements, depth: Depth) -> None:
    if not tester.target.data:
        inconclusive("the target declares no data, so that it does not say what may be written")
    tester.access.require_locked()
    readable = readable_data(tester, measure, depth)
    writes: list[Reply] = []
    taken: dict[int, tuple[str, Reply]] = {}
    guarded: set[int] = set()
    for visit in each_session(tester):
        for did in readable.dids:
            entry = tester.target.did(did)
            if did in taken or len(taken) == MOST_SHOWN:
                continue
            if entry is not None and entry.origin == "declared" and entry.write.kind != "never":
                continue
            value = tester.read_reply(did)
            if not value.is_positive:
                continue
            reply = tester.request(uds.write_data(did, value.pdu[3:]))
            writes.append(reply)
            if reply.is_positive:
                taken[did] = str(visit), reply
            elif reply.is_refused_with(Nrc.SECURITY_ACCESS_DENIED):
                guarded.add(did)
        for protected in tester.access.protected()[:MOST_ALIASED]:
            judge_aliases(tester, protected, str(visit))
    unsaid = {did: one for did, one in taken.items() if did not in guarded and is_open_to_everybody(tester, did)}
    if len(unsaid) < len(taken):
        fail_for_taken(tester, {did: one for did, one in taken.items() if did not in unsaid})
    if unsaid:
        tester.cite(*(reply for _, reply in unsaid.values()))
        names = ", ".join(f"{did:04X}" for did in unsaid)
        inconclusive(f"everybody may write DID {names}, of which nobody has declared whether that is meant so")
    tester.note(
        f"{readable.tried} identifiers were read, {len(readable.dids)} answer; {len(writes)} writes of what they hold"
    )
    if not readable.dids:
        nothing = "no identifier can be read of those that were tried"
        raise tester.looking.without_service(Service.READ_DATA_BY_IDENTIFIER, nothing)
    if writes and all(is_absent(tester, write) for write in writes):
        not_applicable(f"the ECU does not have WriteDataByIdentifier: {writes[-1]}")
    unanswered = [reply for reply in writes if not reply.is_negative]
    if unanswered:
        tester.cite(unanswered[0])
        shown = unanswered[0].request[:3].hex(" ").upper()
        inconclusive(f"{len(unanswered)} writes were neither accepted nor refused, as {shown}: {unanswered[0]}")


def judge_aliases(tester: Tester, entry: DataEntry, when: str) -> None:
    """Check that undeclared identifiers which differ in one bit do not reach protected data.

    The present value is written; another value is written only if the ECU accepts the present one, to see the effect.
    """
    value = tester.read_reply(entry.did)
    for did in (entry.did ^ 1 << bit for bit in range(IDENTIFIER_BITS)):
        if not value.is_positive or tester.target.did(did) is not None:
            continue
        if not tester.request(uds.write_data(did, value.pdu[3:])).is_positive:
            continue
        effect = tester.access.effect(entry, partial(tester.write, did))
        if effect.is_changed:
            fail(
                expected=f"DID {entry.did:04X} unchanged by a write of DID {did:04X} {when}, locked",
                observed=str(effect),
                severity=Severity.CRITICAL,
            )


def is_open_to_everybody(tester: Tester, did: int) -> bool:
    """Whether the target declares no data at all, and no guard was found on writes of this identifier."""
    entry = tester.target.did(did)
    is_declared = any(one.origin == "declared" for one in tester.target.data)
    return not is_declared and (entry is None or entry.write.level is None)


def fail_for_taken(tester: Tester, taken: dict[int, tuple[str, Reply]]) -> None:
    """Fail, and say for each identifier where it was written, and what the target declares of it."""
    tester.cite(*(reply for _, reply in taken.values()))
    refusals, answers = [], []
    for did, (where, reply) in taken.items():
        entry = tester.target.did(did)
        declared = "never writable" if entry is not None and entry.origin == "declared" else "nowhere"
        refusals.append(f"DID {did:04X}, declared {declared}, {where}")
        answers.append(str(reply))
    fail(expected=f"a refusal of the write of {'; of '.join(refusals)}", observed="; ".join(answers))
