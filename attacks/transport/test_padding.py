"""Check that the ECU ignores padding."""

from attacks.transport.raw_requests import ask, filled, finish, messages
from harness import DataEntry, RawReply, Service, Severity, Tester, attack, fail, inconclusive

PADS = (0x00, 0x55, 0xAA, 0xCC, 0xFF)


@attack(
    id="TP-15",
    title="Padding and frame length do not change the answer",
    failure="Padding or frame length changes the answer",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 15765-2 single frame: SF_DL says how many bytes are data",
    cwe=(130,),
    r155=("18.3",),
    rationale="Bytes behind the message are nobody's; an ECU that takes them for data stores what no tester has sent.",
    remediation="Cut each frame to the length that its protocol control byte gives before anything else looks at it.",
    uses=("write",),
    proven_by=("padding_taken_as_data",),
)
def test_padding_does_not_change_the_answer(tester: Tester) -> None:
    readable = [entry for entry in tester.target.data if entry.read.kind == "open" and not entry.volatile]
    if not readable:
        raise tester.looking.without_service(Service.READ_DATA_BY_IDENTIFIER, "no readable data is declared to try it on")
    tester.require_quiet()
    judge_reads(tester, readable[0])
    if not tester.allows("write"):
        tester.note("writes were not tried: the target does not allow them")
        return
    for entry in [entry for entry in readable if entry.write.kind == "open"][:1]:
        for pad in PADS:
            judge_padded_write(tester, entry, pad)


def judge_reads(tester: Tester, entry: DataEntry) -> None:
    """Send the same read in frames of every length and padding, and fail if the answers differ."""
    request = b"\x03\x22" + entry.did.to_bytes(2, "big")
    padded = {f"padded with {pad:02X}": read_once(tester, filled(tester, request, pad=pad)) for pad in PADS}
    answers = {name: content(reply) for name, reply in padded.items()}
    if not any(answers.values()):
        inconclusive("the read is not answered, however it is padded")
    reference = answers["padded with 00"]
    for length in range(4, tester.frame_bytes):
        name = f"of {length} bytes"
        reply = padded[name] = read_once(tester, request.ljust(length, b"\x00"))
        if messages(reply.answers):
            answers[name] = content(reply)
        else:
            tester.note(f"a frame {name} is not answered: permitted where padding is mandatory")
    for name, answer in answers.items():
        if answer != reference:
            if content(read_once(tester, filled(tester, request))) != reference:
                inconclusive(f"DID {entry.did:04X} changes by itself, or is not always answered")
            tester.cite(padded["padded with 00"], padded[name])
            fail(
                expected=f"the same answer to a frame {name} as to one padded with 00",
                observed=f"{shown(answer)} instead of {shown(reference)}",
            )


def read_once(tester: Tester, data: bytes) -> RawReply:
    """Send one raw frame and return its answer; let the ECU send a long answer to its end."""
    reply = ask(tester, data)
    finish(tester, reply)
    return reply


def judge_padded_write(tester: Tester, entry: DataEntry, pad: int) -> None:
    """Send a write without a value and one with a value, both followed by padding; the ECU must store no padding byte."""
    start = b"\x2e" + entry.did.to_bytes(2, "big")
    effect = tester.access.effect(
        entry,
        lambda value: ask(tester, filled(tester, b"\x03" + start, pad=pad)),
        undo=lambda value: tester.write(entry.did, value),
    )
    if effect.is_changed:
        tester.cite(effect.reply)
        fail(expected=f"nothing stored from padding {pad:02X} alone", observed=str(effect))
    if 3 + len(effect.before) >= tester.frame_bytes:
        return
    wanted = tester.other_value(entry, effect.before)
    stored = tester.access.effect(
        entry, lambda value: ask(tester, filled(tester, bytes((3 + len(value),)) + start + value, pad=pad))
    )
    if stored.after not in (stored.before, wanted):
        tester.cite(stored.reply)
        fail(expected=f"{wanted.hex(' ').upper()} stored, padded with {pad:02X}", observed=str(stored))


def content(reply: RawReply) -> bytes:
    """Return the content of the answer's first frame without padding."""
    answers = messages(reply.answers)
    if not answers:
        return b""
    answer = answers[0]
    return answer.data[: 1 + len(answer.pdu)] if answer.pci_type == 0 and answer.pdu else answer.data


def shown(answer: bytes) -> str:
    """Format bytes for a comparison."""
    return answer.hex(" ").upper() or "silence"
