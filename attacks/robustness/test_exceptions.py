"""Check that the ECU survives frames that hold almost nothing."""

from dataclasses import dataclass

from attacks.transport.raw_requests import probe, single
from harness import Inconclusive, RawReply, Severity, Tester, attack, fail, uds
from harness.tester import await_quiet

TESTER_PRESENT = 0x3E
SHORT_SERVICES = (0x10, 0x22, 0x27, 0x2E, TESTER_PRESENT)
"""Services that need more than their own byte, and so refuse a request of only that byte."""
PADDED, BARE = 8, 0
MOST_ANSWERS_S = 5.0
MOST_TRIES, PAUSE_S = 4, 0.3


@dataclass(frozen=True, slots=True)
class Input:
    """A frame that may upset the ECU's software."""

    name: str
    data: bytes
    is_due: bool = False
    """Whether a sound ECU must refuse the frame explicitly, not by silence."""
    is_remote: bool = False


@attack(
    id="DS-04",
    title="Frames that are empty, short or remote are refused or ignored",
    failure="A request that is too short is not answered",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 15765-2 single frame; ISO 14229-1 incorrectMessageLengthOrInvalidFormat; CWE-248 uncaught exception",
    cwe=(248, 755),
    r155=("8.1", "28.1"),
    rationale="Code that reads a byte which the frame does not have fails somewhere else than it was meant to: the request "
    "is lost without a word, or the ECU is.",
    remediation="Look at the frame's length before its first byte, and at the message's before its second; answer 0x13.",
    uses=("lockout", "write", "reset"),
    proven_by=("short_request_unanswered", "dies_on_frame_of_one_byte"),
)
def test_short_frames_are_refused_or_ignored(tester: Tester) -> None:
    tester.require_quiet()
    unanswered: list[tuple[Input, RawReply]] = []
    for one in inputs(tester):
        reply = send(tester, one)
        await_quiet(tester, MOST_ANSWERS_S, after=reply.answers)
        if not tester.is_alive():
            return  # the runner sends again what has silenced it
        if one.is_due and not reply.answers:
            for _ in range(MOST_TRIES if tester.is_shared() else 1):
                if tester.is_shared():  # it may have been answering another tester
                    tester.wait(PAUSE_S, "a pause between two frames")
                reply = send(tester, one)
                if reply.answers:
                    break
            else:
                unanswered.append((one, reply))
    if unanswered:
        tester.cite(*(reply for _, reply in unanswered[:4]))
        names = ", ".join(one.name for one, _ in unanswered)
        fail(expected="a negative response to each request that is too short", observed=f"silence to {names}")


def send(tester: Tester, one: Input) -> RawReply:
    """Send the frame as it is."""
    return tester.raw(one.data, is_remote=one.is_remote, listen_s=tester.silence_s)


def inputs(tester: Tester) -> list[Input]:
    """Return the inputs: first the key without a seed, then requests of one byte, and last frames that hold no message."""
    found = key_without_seed(tester)
    size = BARE if answers_unpadded(tester) else PADDED
    for service in SHORT_SERVICES:
        if tester.permits(bytes((service,))):
            name = f"service {service:02X} alone{' in a frame of two bytes' if size == BARE else ''}"
            is_served = service != TESTER_PRESENT or not tester.request(uds.keep_session()).is_silence
            found.append(Input(name, bytes((0x01, service)).ljust(size, b"\x00"), is_due=is_served))
    found += [
        Input(f"a frame that is just {byte:02X}", bytes((byte,))) for byte in (0x00, 0x01, 0x07, 0x10, 0x21, 0x30, 0xFF)
    ]
    found += [Input("half a first frame", b"\x10\x08"), Input("half a flow control", b"\x30\x00")]
    found += [Input("a frame without data", b""), Input("a remote frame", b"", is_remote=True)]
    return found


def key_without_seed(tester: Tester) -> list[Input]:
    """Return a key of four bytes, which most ECUs find too short or too early; empty if it may not be sent."""
    if not tester.target.security or not tester.permits(b"\x27\x02\x00\x00\x00\x00"):
        return []
    level = tester.target.security[0].level
    try:
        tester.session_for(level)
        why_not = tester.security.why_no_guess(level)
    except Inconclusive as reason:
        why_not = str(reason)
    if why_not:
        tester.note(f"a key before any seed was not tried: {why_not}")
        return []
    return [Input("a key before any seed", single(tester, bytes((0x27, level + 1, 0, 0, 0, 0))), is_due=True)]


def answers_unpadded(tester: Tester) -> bool:
    """Whether the ECU answers a frame that is as short as its message; an ECU that requires padding ignores such frames."""
    pdu = probe(tester)
    return bool(tester.raw(bytes((len(pdu),)) + pdu).answers)
