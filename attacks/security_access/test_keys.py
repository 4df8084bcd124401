"""Is the key hard to guess, and does a refusal really refuse?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from harness import Nrc, Reply, Severity, Tester, attack, fail, inconclusive, negative, not_applicable

COMPARED = negative(Nrc.INVALID_KEY, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)
CONSTANTS = ("12345678", "DEADBEEF", "01020304", "CAFEBABE", "A5A5A5A5", "5A5A5A5A", "11223344")
LUCKY_BYTES = 3
"""A shorter key is guessed now and then."""
MASKS = ("55", "AA", "A5", "5A", "12345678", "DEADBEEF", "1234567890")


def fit(pattern: bytes, length: int) -> bytes:
    """The pattern, cut or repeated to a length."""
    return (pattern * (length // len(pattern) + 1))[:length]


def number(seed: bytes, change: Callable[[int], int]) -> bytes:
    """The seed as one unsigned number, changed."""
    changed = change(int.from_bytes(seed, "big")) & ((1 << 8 * len(seed)) - 1)
    return changed.to_bytes(len(seed), "big")


def trivial_keys(length: int) -> dict[str, Callable[[bytes], bytes]]:
    """Keys that need no knowledge, by name: constants, and what is simple to compute from the seed."""
    keys: dict[str, Callable[[bytes], bytes]] = {
        "all zero": lambda seed: bytes(length),
        "all FF": lambda seed: b"\xff" * length,
        "the seed": lambda seed: fit(seed, length),
        "the seed inverted": lambda seed: fit(bytes(byte ^ 0xFF for byte in seed), length),
        "the seed plus one": lambda seed: fit(number(seed, lambda value: value + 1), length),
        "the seed negated": lambda seed: fit(number(seed, lambda value: -value), length),
        "the seed reversed": lambda seed: fit(seed[::-1], length),
        "the seed's last bytes": lambda seed: fit(seed[-length:], length),
    }
    for text in CONSTANTS:
        keys[f"the constant {text}"] = lambda seed, text=text: fit(bytes.fromhex(text), length)  # type: ignore[misc]
    for text in MASKS:
        keys[f"the seed XOR {text}"] = lambda seed, text=text: fit(  # type: ignore[misc]
            bytes(a ^ b for a, b in zip(seed, fit(bytes.fromhex(text), len(seed)), strict=True)), length
        )
    return keys


@attack(
    id="SA-32",
    title="Trivial and default keys are refused",
    severity=Severity.CRITICAL,
    basis="policy",
    source="CWE-1392 default credentials; UN R155 Annex 5 (28.2)",
    cwe=(1392, 798, 327),
    r155=("18.3", "28.2"),
    rationale="A key that is constant, or the seed with a twist, is among the first that anybody tries.",
    remediation="Compute keys with a keyed cryptographic function, and remove development and default keys.",
    needs=("lockout",),
    proven_by=("default_key", "default_key_zero", "default_key_deadbeef", "key_is_inverted_seed"),
)
def test_trivial_and_default_keys_are_refused(tester: Tester, level: int) -> None:
    tester.access.require_locked(tester.access.protected_by(level))
    tester.session_for(level)
    candidates = trivial_keys(tester.security.key_length(level))
    if tester.security.has_key(level):
        zero_seed = bytes(len(tester.security.seed(level)))
        candidates["the key of the zero seed"] = lambda seed: tester.security.right_key(level, zero_seed)
    compared = 0
    for name, make_key in candidates.items():
        reply = try_key(tester, level, make_key)
        if reply is None:
            continue
        if reply.is_positive:
            tester.cite(reply)
            if fits_by_chance(tester, level, make_key):
                tester.note(f"{name} opened the level for one seed, and not for the next: chance, with keys so short")
                continue
            fail(expected=f"{name} is refused as a key", observed=f"it opens level 0x{level:02X}: {reply}")
        if COMPARED.accepts(reply):
            compared += 1
        else:
            tester.note(f"{name}: not compared, {reply}")
    if not compared:
        inconclusive("none of the keys was compared: not once was 0x35 answered")
    tester.note(f"{compared} of {len(candidates)} trivial keys were compared and refused")


def fits_by_chance(tester: Tester, level: int, make_key: Callable[[bytes], bytes]) -> bool:
    """Whether a key that opened the level does not open it again. Only a short one whose function is unknown has luck."""
    if tester.security.has_key(level) or tester.security.key_length(level) >= LUCKY_BYTES:
        return False
    if not tester.access.can_relock:
        inconclusive("a key as short as this may fit by chance, and nothing locks the ECU again to try once more")
    tester.access.lock()
    again = try_key(tester, level, make_key)
    return again is not None and not again.is_positive


def try_key(tester: Tester, level: int, make_key: Callable[[bytes], bytes]) -> Reply | None:
    """The answer to one guess; None where the guess happens to be the right key, or the level is open."""
    seed, key, reply = tester.security.try_key(level, make_key)
    if not any(seed):
        inconclusive("a seed of zero was given, as if the level were unlocked")
    if tester.security.has_key(level) and key == tester.security.right_key(level, seed):
        return None
    return reply


@attack(
    id="SA-39",
    title="A refused key leaves the ECU locked",
    severity=Severity.CRITICAL,
    basis="standard",
    source="ISO 14229-1 SecurityAccess: only a valid key unlocks",
    cwe=(636, 755, 303),
    r155=("18.3",),
    rationale="An ECU that says no and opens nevertheless is open to everybody who does not believe its answers.",
    remediation="Set the unlocked state in one place only, after the comparison has succeeded; test each path of refusal.",
    needs=("lockout", "write"),
    proven_by=("wrong_key_unlocks", "malformed_key_unlocks"),
)
def test_a_refused_key_leaves_the_ecu_locked(tester: Tester, level: int) -> None:
    entry = tester.access.protected_by(level)
    if entry is None:
        not_applicable(f"no readable data is declared to need level 0x{level:02X}: an effect could not be seen")
    security = tester.security
    tester.access.require_locked(entry, by_refusal=True)
    tester.session_for(level)
    length = security.key_length(level)
    refusals: dict[str, Callable[[], Reply]] = {
        "no seed": lambda: security.send_key(level, bytes(length)),
        "a wrong key": lambda: wrong_key(tester, level),
        **{f"a key of {size} bytes": partial(malformed_key, tester, level, size) for size in wrong_lengths(length)},
        "three keys of a wrong length in a row": lambda: malformed_key(tester, level, length + 1),
        "a second wrong key": lambda: wrong_key(tester, level),
        "a third wrong key": lambda: wrong_key(tester, level),
    }
    seen = 0
    for name, refuse in refusals.items():
        reply = refuse()
        if reply.is_positive:
            tester.note(f"{name} was accepted: the subject of other checks, and the end of this one")
            break
        seen += reply.is_negative
        if tester.access.locked_probe(entry, in_this_session=True).is_positive:
            effect = tester.access.write_effect(entry)
            if effect.is_changed:
                tester.cite(reply)
                fail(expected=f"locked after {name}", observed=f"{reply}; yet a protected write is effective: {effect}")
            inconclusive(f"after {name} a protected write is answered positively, but changes nothing")
    if not seen:
        inconclusive("no key was refused: there was no refusal to judge")
    tester.access.require_control(entry)


def wrong_lengths(length: int) -> list[int]:
    """Too short and too long, in one frame and in several; the same one several times in a row last."""
    sizes = [0, 1, length - 1, length + 2, length + 16, 200, length + 1, length + 1]
    return [size for size in sizes if size != length and size >= 0]


def wrong_key(tester: Tester, level: int) -> Reply:
    """A wrong key of the right length on a fresh seed."""
    seed = tester.security.seed(level)
    return tester.security.send_key(level, tester.security.wrong_key(level, seed))


def malformed_key(tester: Tester, level: int, length: int) -> Reply:
    """A key of the wrong length on a fresh seed."""
    tester.security.seed(level)
    return tester.security.send_key(level, tester.chance.random_bytes(length))
