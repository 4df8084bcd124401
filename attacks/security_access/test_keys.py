"""Check that the key is hard to guess, and that a refused key opens nothing."""

from collections.abc import Callable
from functools import partial

from harness import Depth, Measurements, Reply, Severity, Tester, attack, fail, inconclusive


@attack(
    id="SA-32",
    title="Trivial and default keys are refused",
    failure="A trivial or default key opens the ECU",
    severity=Severity.CRITICAL,
    basis="policy",
    source="CWE-1392 default credentials; UN R155 Annex 5 (28.2)",
    cwe=(1392, 798, 327),
    r155=("18.3", "28.2"),
    rationale="A key that is constant, or the seed with a twist, is among the first that anybody tries.",
    remediation="Compute keys with a keyed cryptographic function, and remove development and default keys.",
    needs=("lockout",),
    own_level=True,
    comes_last=True,
    proven_by=("default_key", "default_key_zero", "default_key_deadbeef", "key_is_inverted_seed"),
)
def test_trivial_and_default_keys_are_refused(tester: Tester, measure: Measurements, level: int) -> None:
    keys = measure.simple_keys(level)
    for note in keys.notes:
        tester.note(note)
    if keys.reply is not None:
        tester.cite(keys.reply)
        fail(expected=f"{keys.found} is refused as a key", observed=f"it opens level 0x{level:02X}: {keys.reply}")
    if not keys.compared:
        inconclusive("none of the keys was compared: not once was 0x35 answered")
    tester.note(f"{keys.compared} of {keys.tried} simple keys were compared and refused")


@attack(
    id="SA-39",
    title="A refused key leaves the ECU locked",
    failure="A refused key opens the ECU",
    severity=Severity.CRITICAL,
    basis="standard",
    source="ISO 14229-1 SecurityAccess: only a valid key unlocks",
    cwe=(636, 755, 303),
    r155=("18.3",),
    rationale="An ECU that says no and opens nevertheless is open to everybody who does not believe its answers.",
    remediation="Set the unlocked state in one place only, after the comparison has succeeded; test each path of refusal.",
    needs=("lockout", "write"),
    own_level=True,
    proven_by=("wrong_key_unlocks", "malformed_key_unlocks"),
)
def test_a_refused_key_leaves_the_ecu_locked(tester: Tester, depth: Depth, level: int) -> None:
    entry = tester.access.protected_by(level)
    if entry is None:
        raise tester.access.without_data(f"no readable data needs level 0x{level:02X}: an effect could not be seen")
    security = tester.security
    tester.access.require_locked(entry, by_refusal=True)
    tester.session_for(level)
    length = security.key_length(level)
    refusals: dict[str, Callable[[], Reply]] = {
        "no seed": lambda: security.send_key(level, bytes(length)),
        "a wrong key": lambda: wrong_key(tester, level),
        **{f"a key of {size} bytes": partial(malformed_key, tester, level, size) for size in wrong_lengths(depth, length)},
        "three keys of a wrong length in a row": lambda: malformed_key(tester, level, length + 1),
        "a second wrong key": lambda: wrong_key(tester, level),
    }
    if depth is not Depth.QUICK:
        refusals["a third wrong key"] = lambda: wrong_key(tester, level)
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


def wrong_lengths(depth: Depth, length: int) -> list[int]:
    """Return lengths in bytes of keys too short and too long, of one frame and of several; the last length comes twice."""
    sizes = [0, 200] if depth is Depth.QUICK else [0, 1, length - 1, length + 2, length + 16, 200]
    sizes += [length + 1, length + 1]
    return [size for size in sizes if size != length and size >= 0]


def wrong_key(tester: Tester, level: int) -> Reply:
    """Send a wrong key of the right length for a fresh seed."""
    seed = tester.security.seed(level)
    return tester.guesses.send_wrong(level, seed)


def malformed_key(tester: Tester, level: int, length: int) -> Reply:
    """Send a key of the wrong length for a fresh seed."""
    tester.security.seed(level)
    return tester.security.send_key(level, tester.chance.random_bytes(length))
