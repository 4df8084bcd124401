"""Check that the ECU compares the whole key, and nothing but the key."""

from collections.abc import Callable
from functools import partial

from attacks.security_access.opened import judge_opened
from harness import Depth, Frame, Measurements, Reply, Severity, Tester, attack, fail, inconclusive
from harness.measurements import bits_at, rearranged

LONG = 200
SINGLE_FRAME = 0
"""`Frame.pci_type` of a frame that holds a whole message."""
PADDING = frozenset((0x00, 0x55, 0xAA, 0xCC, 0xFF))
SERVICES = range(0x10, 0xC0)
"""Values that an ECU may take for a service if it looks for a request from the third byte of a frame on."""
BEFORE_KEY = 3
"""Bytes before a key in a single frame: length, service and sub-function."""
SEEDS_AT_MOST = 32
SHARE_OF_BUDGET = 8
DAY_S = 86_400
Change = Callable[[bytes], bytes]


@attack(
    id="SA-30",
    title="Only a key of the right length is accepted",
    failure="A key of the wrong length is accepted",
    severity=Severity.CRITICAL,
    basis="standard",
    source="ISO 14229-1 SecurityAccess, Annex I transition 9: incorrectMessageLengthOrInvalidFormat",
    cwe=(187, 130, 697),
    r155=("18.3",),
    rationale="A comparison that takes its length from the message is satisfied by one byte, or by none at all.",
    remediation="Check the length of the message before anything else, and compare as many bytes as the key has.",
    needs=("lockout",),
    uses=("write",),
    unlocks=True,
    own_level=True,
    proven_by=("key_start_accepted", "empty_key_accepted", "longer_key_accepted", "dies_on_long_key"),
)
def test_only_a_key_of_the_right_length_is_accepted(tester: Tester, depth: Depth, level: int) -> None:
    tester.session_for(level)
    length = tester.security.key_length(level)
    accepted: dict[str, Severity] = {}
    unjudged: list[str] = []
    keys = misfits(tester, depth, level, length)
    for name, (make_key, severity) in keys.items():
        tester.security.make_room(level)
        tester.session_for(level)
        seed = distinct_seed(tester, level)
        if not seed and accepted:
            break
        if not seed:
            inconclusive("a seed of zero was given, as if the level were unlocked")
        reply = tester.security.send_key(level, make_key(seed))
        if reply.is_positive:
            tester.cite(reply)
            accepted[name] = severity
            tester.access.lock()
        elif not reply.is_negative:
            tester.note(f"{name}: {reply}")
            effect = None if accepted and not tester.access.can_relock else probe(tester, level)
            if effect is not None and effect.is_positive and not is_open_anyway(tester, level):
                tester.cite(reply, effect)
                accepted[name] = severity
                tester.access.lock()
            elif effect is None or not effect.is_negative:
                unjudged.append(name)
    if (
        not unjudged[len(keys) // 2 :]
        and tester.security.has_key(level)
        and length <= tester.frame_bytes - BEFORE_KEY
        and accepts_key_in_padding(tester, level)
    ):
        accepted["the right key in the padding of a message without key"] = Severity.LOW
    if accepted:
        worst = Severity.CRITICAL if Severity.CRITICAL in accepted.values() else Severity.LOW
        fail(
            expected="negative 0x13 to a key that is not as long as it should be",
            observed=f"accepted: {', '.join(accepted)}",
            severity=worst,
        )
    if not tester.security.has_key(level):
        inconclusive("no key and short ones by chance were refused; without a key function nothing closer could be tried")
    if len(unjudged) > len(keys) / 2:
        inconclusive(f"{len(unjudged)} of {len(keys)} keys of a wrong length were not answered, and no effect could be seen")


def misfits(tester: Tester, depth: Depth, level: int, length: int) -> dict[str, tuple[Change, Severity]]:
    """Return keys of a wrong length by name: keys that are too short first, since accepting one of them is worse."""
    chance = tester.chance.random_bytes
    keys: dict[str, tuple[Change, Severity]] = {"no key": (lambda seed: b"", Severity.CRITICAL)}
    if not tester.security.has_key(level):
        for size in sorted({1, length - 1} - {0, length}):
            keys[f"{size} bytes of chance"] = (lambda seed, size=size: chance(size), Severity.CRITICAL)  # type: ignore[misc]
        keys[f"{LONG} bytes of chance"] = (lambda seed: chance(LONG), Severity.LOW)
        return keys
    right = partial(tester.security.right_key_of_length, level, length)
    sizes = {1, length // 2, length - 1} if depth is Depth.QUICK else {1, 2, length // 2, length - 1}
    for size in sorted(sizes - {0, length}):
        if size < length:
            keys[f"the first {size} bytes of the right key"] = (
                lambda seed, size=size: right(seed)[:size],  # type: ignore[misc]
                Severity.CRITICAL,
            )
    keys["the right key and 00"] = (lambda seed: right(seed) + b"\x00", Severity.LOW)
    if depth is not Depth.QUICK:
        keys["the right key and four bytes"] = (lambda seed: right(seed) + chance(4), Severity.LOW)
    keys[f"the right key in {LONG} bytes"] = (lambda seed: right(seed) + chance(LONG - length), Severity.LOW)
    return keys


def distinct_seed(tester: Tester, level: int) -> bytes:
    """Request a seed whose key does not end like padding, so that padding cannot complete a short key by chance."""
    return seed_with_key(tester, level, lambda key: key[-1] not in PADDING)


def seed_with_key(tester: Tester, level: int, is_fit: Callable[[bytes], bool]) -> bytes:
    """Request seeds until the right key for a seed satisfies `is_fit`; return that seed, or zeros if the level is open."""
    for _ in range(SEEDS_AT_MOST):
        seed = tester.security.seed(level)
        if not seed or not tester.security.has_key(level) or is_fit(tester.security.right_key(level, seed)):
            break
    return seed


def probe(tester: Tester, level: int) -> Reply | None:
    """Write protected data to see whether the level is locked, and return the answer; None if no write may be tried."""
    entry = tester.access.protected_by(level)
    if entry is None or not tester.allows("write"):
        return None
    return tester.access.locked_probe(entry, in_this_session=True)


def is_open_anyway(tester: Tester, level: int) -> bool:
    """Whether protected data is open while a seed is pending and before any key is sent: then no key has opened it."""
    tester.access.lock()
    tester.session_for(level)
    tester.security.seed(level)
    effect = probe(tester, level)
    return effect is None or not effect.is_negative


def accepts_key_in_padding(tester: Tester, level: int) -> bool:
    """Whether the level opens by a frame whose message ends before the key, with the key in the padding behind it."""
    tester.security.make_room(level)
    tester.session_for(level)
    seed = seed_with_key(tester, level, lambda key: key[0] not in SERVICES)
    if not seed or tester.security.right_key(level, seed)[0] in SERVICES:
        return False
    answer = (b"\x02\x27" + bytes((level + 1,)) + tester.security.right_key(level, seed)).ljust(tester.frame_bytes, b"\x00")
    reply = tester.raw(answer)
    said = [single_frame(frame) for frame in reply.answers]
    is_accepted = bytes((0x67, level + 1)) in said and not any(pdu[:2] == b"\x7f\x27" for pdu in said)
    if is_accepted:
        tester.cite(reply)
    return is_accepted


def single_frame(frame: Frame) -> bytes:
    """Return the message in a well-formed single frame; empty for any other frame."""
    is_single = frame.pci_type == SINGLE_FRAME and not (frame.is_fd or frame.is_remote)
    return frame.pdu if is_single else b""


@attack(
    id="SA-31",
    title="Every bit of the key is compared",
    failure="Only a part of the key is compared",
    severity=Severity.CRITICAL,
    basis="standard",
    source="ISO 14229-1 SecurityAccess: only the valid key unlocks",
    cwe=(187, 697, 303),
    r155=("18.3",),
    rationale="Bits that are masked out or cut off by a narrow variable, and sums in place of a comparison, shrink the key: "
    "what looks like 128 bits may be 16.",
    remediation="Compare all bytes of the key with one library function made for it, and test that with each bit flipped.",
    needs=("lockout",),
    own_level=True,
    comes_last=True,
    proven_by=("first_bytes_compared", "low_half_compared", "key_bit_ignored", "key_sum_compared"),
)
def test_every_bit_of_the_key_is_compared(tester: Tester, measure: Measurements, depth: Depth, level: int) -> None:
    tester.session_for(level)
    length = tester.security.key_length(level)
    tester.security.right_key(level, tester.security.seed(level))
    book = measure.key_book(level)
    judge_opened(tester, book, level, "SA-31")
    changes = book.kinds.changed(depth)
    affordable = tester.security.ledger.left(level)
    most = len(changes) if affordable is None else affordable // SHARE_OF_BUDGET
    seconds = DAY_S if tester.link.is_virtual else depth.choose(quick=15, default=60, deep=DAY_S)
    give_up_s = tester.link.now_s + seconds
    missing = [kind for name, kind in changes.items() if name not in book.sent]
    for kind in missing[:most]:
        if tester.link.now_s > give_up_s:
            break
        tester.guesses.settled(level, book.send(kind).reply)
        judge_opened(tester, book, level, "SA-31")
    tried = [book.sent[name] for name in changes if name in book.sent]
    if not tried:
        inconclusive("none of the changed keys was compared: whatever was answered, it was no refusal of a wrong key")
    least = min(len(changes), len(rearranged(length)) + length)
    if len(tried) < least:
        inconclusive(
            f"{len(tried)} changed keys were compared and refused; a bit of each byte takes {least}, and attempts cost time "
            "or the budget"
        )
    if len(tried) < len(changes):
        tester.note(
            f"{len(tried)} of {len(changes)} changed keys were tried: each costs an attempt, and attempts cost time or the "
            "budget"
        )
    tester.note(
        f"{len(tried)} changed keys of {8 * length} bits were compared and refused; "
        f"depth {depth} flips {bits_at(depth, length)} bits"
    )
