"""Read the records stored with trouble codes: snapshots and extended data, which copy values from elsewhere."""

from harness import Reply, Tester

MOST_CODES = 6
STORED, SUPPORTED = b"\x19\x02\xff", b"\x19\x0a"
WHOLE = (b"\x19\x03", b"\x19\x05\xff", b"\x19\x0f\xff", b"\x19\x14")
"""Requests for the numbers of all snapshots, a stored record, the mirror memory, and the fault detection counters."""
BY_CODE = ((b"\x19\x04", b"\xff"), (b"\x19\x06", b"\xff"), (b"\x19\x10", b"\xff"), (b"\x19\x18", b"\xff\x00"))
"""The bytes before and after a code in requests for its snapshot and extended data, in mirror and user memory, too."""
EMPTY = 6


def dtc_records(tester: Tester) -> list[Reply]:
    """Return every record that the ECU gives in the present session; empty if it has no trouble codes."""
    codes: list[bytes] = []
    for request in (STORED, SUPPORTED):
        reply = tester.request(request)
        if reply.is_positive and len(reply.pdu) > 3:
            codes += [reply.pdu[at : at + 3] for at in range(3, len(reply.pdu) - 3, 4)]
    if not codes:
        return []
    wanted = [*WHOLE, *(head + code + tail for code in dict.fromkeys(codes[:MOST_CODES]) for head, tail in BY_CODE)]
    replies = [tester.request(request) for request in wanted]
    return [reply for reply in replies if reply.is_positive and len(reply.pdu) > EMPTY]
