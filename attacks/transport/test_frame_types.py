"""Check that frames of types that cannot be requests leave the ECU's state unchanged."""

from collections.abc import Sequence
from dataclasses import replace

from attacks.transport.raw_requests import UNASKED_S, filled, probe, require_answer, single
from harness import Depth, Frame, Severity, Tester, attack, fail

FD_LENGTHS = (12, 16, 20, 24, 32, 48, 64)


@attack(
    id="TP-16",
    title="Frames of other types do the ECU no harm",
    failure="Frames of other types harm the ECU",
    severity=Severity.MEDIUM,
    basis="policy",
    source="ISO 11898-1: remote frames, 29-bit ids, CAN FD frames; ISO 15765-2: none of them is a classic request",
    cwe=(754,),
    r155=("18.3", "24.1"),
    rationale="A driver that hands up frames without data, of another format or of up to 64 bytes, to code that counts on "
    "eight bytes of data, lets one frame crash the ECU.",
    remediation="Look at a frame's type, id format and length before its data; drop what the ECU is not configured for.",
    proven_by=("dies_on_empty_frame", "dies_on_remote_frame"),
)
def test_frames_of_other_types_do_no_harm(tester: Tester, depth: Depth) -> None:
    require_answer(tester)
    own = tester.frame(b"")
    bare = replace(own, address=b"", fd_flags=0)
    request = single(tester, probe(tester))
    lengths = depth.choose(quick=(0, 8), default=tuple(range(9)), deep=tuple(range(9)))
    remote = [replace(bare, is_fd=False, is_remote=True, dlc=length) for length in lengths]
    kinds: dict[str, Sequence[Frame]] = {"a frame without data": [bare], "a remote frame": remote}
    if own.address:
        kinds["a frame with nothing but an address"] = [own]
    if not own.is_extended:
        kinds["a request with the same number as a 29-bit id"] = [replace(own, data=request, is_extended=True)]
    if tester.link.is_fd:
        kinds |= fd_frames(tester, replace(own, is_fd=True))
    else:
        tester.note("CAN FD frames were not sent: the bus was opened for classic CAN")
    for what, frames in kinds.items():
        for frame in frames:
            if not does_no_harm(tester, what, frame):
                return


def fd_frames(tester: Tester, own: Frame) -> dict[str, Sequence[Frame]]:
    """Return requests in CAN FD frames, in both forms of a single frame, well-formed and malformed."""
    request = probe(tester)
    escaped = bytes((0, len(request))) + request
    lengths = [length - len(own.address) for length in FD_LENGTHS]
    long = [replace(own, data=filled(tester, escaped, length)) for length in lengths]
    full = [replace(own, data=bytes(length)) for length in lengths]
    kinds: dict[str, Sequence[Frame]] = {
        "a request with the length in the second byte": [
            *long,
            replace(own, data=filled(tester, escaped), is_fd=tester.target.can.fd),
        ],
        "a CAN FD frame full of zeros": full,
    }
    if not tester.target.can.fd:
        kinds["a request in a CAN FD frame"] = [replace(own, data=single(tester, request))]
    return kinds


def does_no_harm(tester: Tester, what: str, frame: Frame) -> bool:
    """Send the frame, and return whether the ECU is alive afterwards.

    An answer to a remote frame fails the check; an answer to any other frame is only noted.
    """
    reply = tester.raw_frames([frame], listen_s=tester.silence_s, also_from=(tester.target.can.response_id,))
    if reply.answers:
        tester.cite(reply)
        if frame.is_remote and any(map(tester.is_answer, reply.answers)) and not tester.is_shared():
            tester.require_quiet(UNASKED_S)
            fail(expected=f"silence to {reply.sent[0].text()}, a remote frame", observed=str(reply), severity=Severity.LOW)
        tester.note(f"{what} is answered: {reply.sent[0].text()}, {reply}")
    return tester.is_alive()
