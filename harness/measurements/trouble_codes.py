"""Read which trouble codes an ECU knows, before anything clears them."""

from typing import Final

from harness.errors import Inconclusive
from harness.tester.tester import Tester

STORED: Final = b"\x19\x02\xff"
SUPPORTED: Final = b"\x19\x0a"
CODE_BYTES, STATUS_BYTES = 3, 1


def trouble_codes(tester: Tester) -> tuple[bytes, ...]:
    """Return the codes, of 3 bytes each, that the ECU reports as stored or supported, both locked and with each level open.

    The ECU is locked afterwards; an ECU that cannot be locked again is only asked in its present state.
    """
    found = _asked(tester)
    levels = [entry.level for entry in tester.target.security] if tester.access.can_relock else []
    for level in levels:
        try:
            tester.security.unlock(level)
        except Inconclusive:
            continue
        found += _asked(tester)
        tester.access.lock()
    return tuple(dict.fromkeys(found))


def _asked(tester: Tester) -> list[bytes]:
    step = CODE_BYTES + STATUS_BYTES
    replies = [tester.request(request) for request in (STORED, SUPPORTED)]
    return [
        reply.pdu[at : at + CODE_BYTES]
        for reply in replies
        if reply.is_positive
        for at in range(3, len(reply.pdu) - CODE_BYTES, step)
    ]
