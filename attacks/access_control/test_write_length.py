"""Check that the ECU stores a write only if it has the length of the data."""

from collections.abc import Callable

from attacks.access_control.guards import CLOCK_S, enter_to_read
from harness import DataEntry, Nrc, RawReply, Reply, Service, Severity, Tester, attack, fail, inconclusive


@attack(
    id="AC-13",
    title="A write of the wrong length is refused",
    failure="A write of the wrong length is accepted",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 WriteDataByIdentifier: incorrectMessageLengthOrInvalidFormat; SWS_Dcm_00473",
    cwe=(130, 20, 787),
    r155=("18.3",),
    rationale="A length that is not checked stores padding as data, half a record, or bytes that belong to a neighbour.",
    remediation="Compare the message's length, not the frame's, with that of the record; answer 0x13 and store nothing.",
    needs=("write",),
    unlocks=True,
    proven_by=("write_length_unchecked",),
)
def test_a_write_of_the_wrong_length_is_refused(tester: Tester) -> None:
    entries = [entry for entry in tester.target.data if entry.write.kind != "never" and entry.read.kind == "open"]
    if not entries:
        raise tester.looking.without_service(Service.WRITE_DATA_BY_IDENTIFIER, "no readable data is declared writable")
    tried = 0
    for entry in entries:
        tried += judge_lengths(tester, entry)
    if not tried:
        inconclusive("no write was possible at all, so that a refusal proves nothing")


def judge_lengths(tester: Tester, entry: DataEntry) -> bool:
    """Fail if a write of a wrong length is stored or accepted; return whether a proper write works.

    If a proper write does not work, no wrong one is tried.
    """
    if entry.write.level is not None:
        if not tester.security.has_key(entry.write.level):
            tester.note(f"DID {entry.did:04X}: not tried, no key for level 0x{entry.write.level:02X}")
            return False
        tester.security.unlock(entry.write.level)
    elif not enter_to_read(tester, entry):
        tester.note(f"DID {entry.did:04X}: not tried, no session was found in which it can be read back")
        return False
    control = tester.access.write_effect(entry)
    if not control.is_changed:
        tester.note(f"DID {entry.did:04X}: not tried, a proper write has no effect ({control})")
        return False
    length = len(tester.read(entry.did))
    neighbours = {other.did: value for other in others(tester, entry) if (value := steady(tester, other)) is not None}
    for name, act in wrong_writes(tester, entry, length).items():
        effect = tester.access.effect(entry, act, undo=lambda old: tester.write(entry.did, old))
        if is_locked(effect.reply) and not effect.is_changed and entry.write.level is not None:
            tester.security.unlock(entry.write.level)  # some ECUs lock themselves after each write
            effect = tester.access.effect(entry, act, undo=lambda old: tester.write(entry.did, old))
        what = f"DID {entry.did:04X} written with {name}"
        if is_locked(effect.reply):
            tester.note(f"{what}: not judged, the ECU asks for a level although it was unlocked")
            continue
        is_as_sent = isinstance(effect.reply, Reply) and effect.reply.request[3:] == effect.after and entry.length is None
        if effect.is_changed and is_as_sent:
            tester.note(f"{what}: stored as it is; its length is not declared, so that this may be meant")
            continue
        answered = effect.reply.is_positive if isinstance(effect.reply, Reply) else is_accepted(effect.reply, entry.did)
        if effect.is_changed or answered:
            tester.cite(effect.reply)
            fail(expected=f"negative 0x13 and the value unchanged for {what}", observed=str(effect))
        for did, before in neighbours.items():
            after = tester.read(did)
            if after != before and not tester.access.changes_by_itself(did, CLOCK_S):
                tester.cite(effect.reply)
                fail(
                    expected=f"DID {did:04X} unchanged by {what}",
                    observed=f"it went from {before.hex(' ').upper()} to {after.hex(' ').upper()}",
                )
    return True


def is_locked(reply: Reply | RawReply) -> bool:
    """Whether the ECU refused a write for lack of a level."""
    if isinstance(reply, Reply):
        return reply.is_refused_with(Nrc.SECURITY_ACCESS_DENIED)
    return any(frame.data[1:4] == bytes((0x7F, 0x2E, Nrc.SECURITY_ACCESS_DENIED)) for frame in reply.answers)


def others(tester: Tester, entry: DataEntry) -> list[DataEntry]:
    """Return the other readable data, which a write of this data must not change."""
    stable = [other for other in tester.target.data if other.read.kind == "open" and not other.volatile]
    return [other for other in stable if other is not entry and tester.read_reply(other.did).is_positive]


def steady(tester: Tester, entry: DataEntry) -> bytes | None:
    """Return the value of the data; None if the value changes by itself."""
    return None if tester.access.changes_by_itself(entry.did) else tester.read(entry.did)


def wrong_writes(tester: Tester, entry: DataEntry, length: int) -> dict[str, Callable[[bytes], Reply | RawReply]]:
    """Yield writes that are too short, too long, or have only padding in place of the value."""
    did = bytes((entry.did >> 8, entry.did & 0xFF))
    writes: dict[str, Callable[[bytes], Reply | RawReply]] = {
        "no data": lambda new: tester.write(entry.did, b""),
        "one byte too many": lambda new: tester.write(entry.did, new + b"\x12"),
        "its value twice": lambda new: tester.write(entry.did, new * 2),
        "no data and 55 as padding": lambda new: tester.raw((b"\x03\x2e" + did).ljust(tester.frame_bytes, b"\x55")),
        "no data in a frame of four bytes": lambda new: tester.raw(b"\x03\x2e" + did),
    }
    if length > 1:
        writes["one byte missing"] = lambda new: tester.write(entry.did, new[:-1])
    return writes


def is_accepted(reply: RawReply, did: int) -> bool:
    """Whether one of the frames is a positive response to the write."""
    return any(frame.data[1:4] == bytes((0x6E, did >> 8, did & 0xFF)) for frame in reply.answers)
