"""Check that the ECU ignores frames that do not belong to any message."""

from attacks.transport.raw_requests import UNASKED_S, filled
from harness import DataEntry, Service, Severity, Tester, attack, fail, uds

N_CR_S = 1.0
"""Seconds for which a reception may stay open and take a consecutive frame for its own."""


@attack(
    id="TP-12",
    title="Unsolicited consecutive and flow control frames are ignored",
    failure="Unsolicited consecutive or flow control frames are served",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 15765-2 unexpected arrival of N_PDU: ignore",
    cwe=(358, 288),
    r155=("18.3",),
    rationale="An ECU that executes a consecutive or a flow control frame as a request can be reached past every gateway "
    "and intrusion detection that looks at single frames.",
    remediation="Look at the protocol control byte first; drop consecutive and flow control frames that nothing waits for.",
    uses=("write",),
    proven_by=("consecutive_frame_executed", "flow_control_executed"),
)
def test_unsolicited_frames_are_ignored(tester: Tester) -> None:
    readable = [entry for entry in tester.target.data if entry.read.kind == "open"]
    if not readable:
        raise tester.looking.without_service(Service.READ_DATA_BY_IDENTIFIER, "no readable data is declared to try it on")
    tester.require_quiet()
    tester.wait(N_CR_S, "the ECU gives up unfinished messages")
    did = number(readable[0])
    requests = [b"\x22" + did, b"\x27\x01", uds.keep_session(), b"\x00\x00"]
    for request in requests:
        for protocol_byte in protocol_bytes(tester, request, (0x21, 0x20, 0x30, 0x31, 0x32)):
            reply = tester.raw(filled(tester, bytes((protocol_byte,)) + request), listen_s=tester.silence_s)
            if reply.answers:
                tester.cite(reply)
                tester.require_quiet(UNASKED_S)
                fail(expected=f"silence to {reply.sent[0].text()}", observed=str(reply))
    if not tester.allows("write"):
        tester.note("writes were not tried: the target does not allow them")
        return
    for entry in [entry for entry in readable if entry.write.kind == "open"][:1]:
        request = b"\x2e" + number(entry) + tester.read(entry.did)
        for protocol_byte in protocol_bytes(tester, request, (0x21, 0x30)):
            judge_write(tester, entry, protocol_byte)


def protocol_bytes(tester: Tester, request: bytes, usual: tuple[int, ...]) -> list[int]:
    """Return the usual protocol bytes, and those of the same types whose lower half is the request's length.

    A byte is left out if the frame might then be read as a request that is not permitted.
    """
    wanted = dict.fromkeys((*usual, *(kind | len(request) & 0xF for kind in (0x20, 0x30))))
    return [one for one in wanted if tester.gate.permits_raw(filled(tester, bytes((one,)) + request))]


def judge_write(tester: Tester, entry: DataEntry, protocol_byte: int) -> None:
    """Check that a write behind this protocol byte is neither answered nor stored."""
    start = bytes((protocol_byte, 0x2E)) + number(entry)
    effect = tester.access.effect(
        entry,
        lambda value: tester.raw(filled(tester, start + value), listen_s=tester.silence_s),
        undo=lambda value: tester.write(entry.did, value),
    )
    if effect.is_changed or effect.reply.answers:
        tester.cite(effect.reply)
        if not effect.is_changed:
            tester.require_quiet(UNASKED_S)
        fail(expected=f"silence and DID {entry.did:04X} unchanged", observed=str(effect))


def number(entry: DataEntry) -> bytes:
    """Return the two bytes of the entry's DID."""
    return entry.did.to_bytes(2, "big")
