"""Check that the ECU accepts a single frame only if its stated length fits, and never accepts a reserved frame type."""

from functools import partial

from attacks.transport.raw_requests import (
    TESTER_PRESENT,
    expect_no_effect,
    expect_silence,
    filled,
    probe,
    require_answer,
    single,
    writable,
)
from harness import DataEntry, Depth, Severity, Tester, attack, uds

FD_LENGTHS = (12, 16, 20, 24, 32, 48, 64)


def requests(tester: Tester) -> list[bytes]:
    """Return the requests that the frames of these checks seem to contain: the ECU's usual request, and TesterPresent."""
    return list(dict.fromkeys((probe(tester), TESTER_PRESENT)))


def write_with(tester: Tester, control: bytes, entry: DataEntry, value: bytes) -> list[bytes]:
    """Return a write request with one protocol control byte before it."""
    return [filled(tester, control + uds.write_data(entry.did, value))]


def fd_lengths(tester: Tester) -> tuple[int, ...]:
    """Return the frame lengths that only CAN FD has, if the target uses CAN FD; else nothing."""
    taken = 8 - tester.frame_bytes
    return tuple(length - taken for length in FD_LENGTHS) if tester.target.can.fd else ()


def passes_without_length(tester: Tester, length: int, pdu: bytes) -> bool:
    """Whether the safety rules permit a request in a CAN FD frame that states no length, however an ECU may read it."""
    return tester.gate.permits_raw(filled(tester, b"\x00\x00" + pdu, length))


@attack(
    id="TP-01",
    title="A single frame of length 0 is ignored",
    failure="A single frame of length 0 is not ignored",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 15765-2 single frame: SF_DL 0 is ignored",
    cwe=(130,),
    r155=("18.3",),
    rationale="An ECU that makes a request of a frame which states no length takes its length from elsewhere: from the "
    "frame, from the service, or from what lay in the buffer before.",
    remediation="Drop single frames whose length is 0 before anything looks at their content.",
    uses=("write",),
    proven_by=("empty_single_frame_executed",),
)
def test_a_single_frame_of_length_zero_is_ignored(tester: Tester) -> None:
    require_answer(tester)
    expect_silence(tester, bytes(tester.frame_bytes))
    expect_silence(tester, b"\x00")
    for request in requests(tester):
        expect_silence(tester, filled(tester, b"\x00" + request))
        expect_silence(tester, b"\x00" + request)
    for length in fd_lengths(tester):
        read = tester.probe_by(partial(passes_without_length, tester, length))
        expect_silence(tester, filled(tester, b"\x00\x00" + read, length))
    entry = writable(tester)
    if entry is not None:
        expect_no_effect(tester, entry, partial(write_with, tester, b"\x00", entry))
    require_answer(tester)


@attack(
    id="TP-02",
    title="A single frame that states more than a frame can hold is ignored",
    failure="A single frame that states more than a frame can hold is not ignored",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 15765-2 single frame: SF_DL above 7 is ignored",
    cwe=(125, 130),
    r155=("18.3",),
    rationale="The ECU works with bytes that no tester has sent: it reads, and may store or give away, what lies behind the "
    "frame in its memory.",
    remediation="Compare the length that a single frame states with the frame's own before copying.",
    uses=("write",),
    proven_by=("long_single_frame_executed",),
)
def test_a_single_frame_that_states_too_much_is_ignored(tester: Tester, depth: Depth) -> None:
    require_answer(tester)
    for length in range(tester.frame_bytes, 0x10):
        for request in requests(tester):
            expect_silence(tester, filled(tester, bytes((length,)) + request))
    for size in fd_lengths(tester):
        expect_silence(tester, filled(tester, b"\x00\xff" + probe(tester), size))
    entry = writable(tester)
    if entry is not None:
        lengths = range(tester.frame_bytes, 0x10)
        for length in depth.choose(quick=(lengths[0], lengths[-1]), default=lengths, deep=lengths):
            expect_no_effect(tester, entry, partial(write_with, tester, bytes((length,)), entry))
    longer = writable(tester, range(tester.frame_bytes, 0x10))
    if longer is not None:  # what is stored beyond the frame's own bytes can be read back
        expect_no_effect(
            tester, longer, lambda value: [overlong(tester, uds.write_data(longer.did, value))], severity=Severity.HIGH
        )
    require_answer(tester)


def overlong(tester: Tester, request: bytes) -> bytes:
    """Return a single frame that states the whole length of a request that is too long for it."""
    return filled(tester, bytes((len(request),)) + request)


@attack(
    id="TP-03",
    title="A single frame that is shorter than it states is ignored",
    failure="A single frame that is shorter than it states is not ignored",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 15765-2 single frame: SF_DL above CAN_DL - 1 is ignored",
    cwe=(130, 125),
    r155=("18.3",),
    rationale="What the frame lacks is taken from the buffer: bytes of an earlier message, perhaps another tester's key.",
    remediation="Compare the length that a single frame states with the frame's own before copying.",
    uses=("write",),
    proven_by=("short_frame_executed",),
)
def test_a_single_frame_shorter_than_it_states_is_ignored(tester: Tester, depth: Depth) -> None:
    require_answer(tester)
    for size in range(1, tester.frame_bytes):
        stated = range(size, tester.frame_bytes)
        for length in depth.choose(quick=sorted({stated[0], stated[-1]}), default=stated, deep=stated):
            content = (probe(tester) * tester.frame_bytes)[: size - 1]
            expect_silence(tester, bytes((length,)) + content)
    for size in fd_lengths(tester):
        short_form = single(tester, probe(tester))  # for frames of at most 8 bytes
        expect_silence(tester, filled(tester, short_form, size))
    entry = writable(tester)
    if entry is not None:
        expect_no_effect(tester, entry, lambda value: [cut(uds.write_data(entry.did, value)[: tester.frame_bytes - 2])])
        expect_no_effect(tester, entry, lambda value: [cut(uds.write_data(entry.did, value)[:-1])])
    require_answer(tester)


def cut(content: bytes) -> bytes:
    """Return a single frame that states one byte more than it contains."""
    return bytes((len(content) + 1,)) + content


@attack(
    id="TP-04",
    title="Frames of reserved types are ignored",
    failure="Frames of reserved types are not ignored",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 15765-2 protocol control information: N_PCI types 4 to F are reserved",
    cwe=(358,),
    r155=("18.3",),
    rationale="A request in a frame of a reserved type passes gateways and intrusion detection that know the standard.",
    remediation="Look at the protocol control byte first; drop what is no single, first, consecutive or flow control frame.",
    uses=("write",),
    proven_by=("reserved_type_executed",),
)
def test_frames_of_reserved_types_are_ignored(tester: Tester, depth: Depth) -> None:
    require_answer(tester)
    lows = depth.choose(quick=(), default=(0x0, 0x7, 0xF), deep=tuple(range(0x10)))
    for request in requests(tester):
        for kind in range(0x4, 0x10):
            for low in sorted({len(request), *lows}):
                if (control := kind << 4 | low) not in SERVICES_WITH_EFFECT:
                    expect_silence(tester, filled(tester, bytes((control,)) + request))
    entry = writable(tester)
    if entry is not None:
        for kind in depth.choose(quick=(0x4, 0xF), default=tuple(range(0x4, 0x10)), deep=tuple(range(0x4, 0x10))):
            control = kind << 4 | len(uds.write_data(entry.did, tester.read(entry.did)))
            if control not in SERVICES_WITH_EFFECT:
                expect_no_effect(tester, entry, partial(write_with, tester, bytes((control,)), entry))
    require_answer(tester)


SERVICES_WITH_EFFECT = (0x85, 0x87)
"""First bytes that an ECU without ISO-TP would take for ControlDTCSetting and LinkControl."""
