"""Define the letters of the alphabet by which an ECU is learned: the message of each, and the permissions that it needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from harness.target import Target
from harness.tester.tester import Tester
from harness.uds import ResetType, Service, Session

LONGER = 1.2
"""How many times longer a wait is than the time that it has to outlast: S3, or a delay."""


class LetterKind(Enum):
    """The kinds of letters: what each does to the ECU."""

    SESSION = "session"
    SEED = "seed"
    RIGHT_KEY = "right key"
    WRONG_KEY = "wrong key"
    KEY_WITHOUT_SEED = "key without seed"
    FOREIGN_KEY = "key of another level"
    OLD_KEY = "old key"
    LONG_KEY = "key one byte too long"
    QUIET_KEY = "wrong key, suppressed"
    QUIET_SEED = "seed, suppressed"
    FUNCTIONAL_SEED = "seed, functional"
    EFFECT = "guarded effect"
    RESET = "reset"
    POWER = "power"
    WAIT = "wait"
    PRESENT = "tester present"
    READ = "read"


KEYS: Final = frozenset(
    {
        LetterKind.RIGHT_KEY,
        LetterKind.WRONG_KEY,
        LetterKind.KEY_WITHOUT_SEED,
        LetterKind.FOREIGN_KEY,
        LetterKind.OLD_KEY,
        LetterKind.LONG_KEY,
        LetterKind.QUIET_KEY,
    }
)
GUESSES: Final = KEYS - {LetterKind.RIGHT_KEY}
"""Keys that are wrong on purpose."""


_MADE: Final = frozenset({LetterKind.RIGHT_KEY, LetterKind.OLD_KEY, LetterKind.LONG_KEY, LetterKind.FOREIGN_KEY})
"""Keys that only the key function can make."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One action on the ECU."""

    name: str
    kind: LetterKind
    number: int = 0
    """The session, the reset type, or the level."""
    other: int = 0
    """The level to whose sub-function a key of `number` is sent."""
    seconds: float = 0.0
    """The length of a wait in seconds."""
    what: str = ""
    """The message in words."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The letters that are sent to an ECU, and those that are left out."""

    letters: tuple[Letter, ...]
    """Letters of which the model consists."""
    probes: tuple[Letter, ...]
    """Letters that are only part of single sequences, and not of the model."""
    left_out: tuple[str, ...]
    """By letter that is not sent: the reason."""
    level: int
    """The lowest declared level."""
    levels: tuple[int, ...]

    def by_name(self) -> dict[str, Letter]:
        """Return every letter by its name."""
        return {letter.name: letter for letter in (*self.letters, *self.probes)}

    def first(self, kind: LetterKind, number: int | None = None) -> Letter | None:
        """Return the first letter of a kind; if `number` is given, for this level, session or reset type."""
        found = (one for one in (*self.letters, *self.probes) if one.kind is kind and number in (None, one.number))
        return next(found, None)


def alphabet_of(tester: Tester, *, is_full: bool, can_renew: bool, are_keys_tried: bool = False) -> Alphabet:
    """Return the letters for an ECU.

    `can_renew`: wrong keys have no lasting effect, since the ECU itself is replaced. `are_keys_tried`: every key function
    was tried, so that a key which has not opened its level is taken to be wrong.
    """
    target = tester.target
    levels = tuple(sorted(entry.level for entry in target.security)) or (1,)
    wanted = list(_full(tester, levels) if is_full else _default(tester, levels[0]))
    letters, left_out = [], []
    for letter in wanted:
        reason = why_not(tester, letter, can_renew=can_renew, are_keys_tried=are_keys_tried)
        if reason:
            left_out.append(f"{letter.name}: {reason}")
        else:
            letters.append(letter)
    probes = [
        one
        for one in (_probes(tester, levels) if is_full else ())
        if not why_not(tester, one, can_renew=can_renew, are_keys_tried=are_keys_tried)
    ]
    known = {letter.name for letter in letters}
    if not tester.allows("lockout"):
        keys = [one.name for one in letters if one.kind is LetterKind.RIGHT_KEY]
        left_out += [f'{name}: sent only while its seed is pending; any other key needs "lockout"' for name in keys]
    return Alphabet(
        tuple(letters), tuple(one for one in probes if one.name not in known), tuple(left_out), levels[0], levels
    )


def _default(tester: Tester, level: int) -> Iterator[Letter]:
    target = tester.target
    yield from map(_session, _sessions_for(target, level))
    yield Letter("seed", LetterKind.SEED, level, what=f"27 {level:02X}")
    yield Letter("right key", LetterKind.RIGHT_KEY, level, what=f"27 {level + 1:02X} and the key for the last seed")
    yield Letter("wrong key", LetterKind.WRONG_KEY, level, what=f"27 {level + 1:02X} and a wrong key")
    yield from _effect(tester, level, "guarded write")
    yield _reset(target.reset.uds or ResetType.HARD)


def _full(tester: Tester, levels: tuple[int, ...]) -> Iterator[Letter]:
    """Return the letters of all levels; wrong keys only for the lowest level, since each counter multiplies the states."""
    target = tester.target
    sessions = dict.fromkeys(session for level in levels for session in _sessions_for(target, level))
    sessions |= dict.fromkeys(target.way_to(one.id)[-1] for one in target.sessions)
    yield from map(_session, sorted(sessions))
    for level in levels:
        name = f"0x{level:02X}"
        yield Letter(f"seed {name}", LetterKind.SEED, level, what=f"27 {level:02X}")
        yield Letter(
            f"right key {name}", LetterKind.RIGHT_KEY, level, what=f"27 {level + 1:02X} and the key for the last seed"
        )
        if level == levels[0]:
            yield _wrong_key(level)
        yield from _effect(tester, level, f"guarded write {name}")
    yield _reset(target.reset.uds or ResetType.HARD)
    yield from _waits(target, levels)


def _wrong_key(level: int) -> Letter:
    return Letter(f"wrong key 0x{level:02X}", LetterKind.WRONG_KEY, level, what=f"27 {level + 1:02X} and a wrong key")


def _probes(tester: Tester, levels: tuple[int, ...]) -> Iterator[Letter]:
    """Return the letters that only the sequences of single checks contain."""
    target = tester.target
    for level in levels:
        name, sent = f"0x{level:02X}", f"27 {level + 1:02X} and"
        yield _wrong_key(level)
        yield Letter(f"key without seed {name}", LetterKind.KEY_WITHOUT_SEED, level, what=f"{sent} zeros, whatever the seed")
        yield Letter(f"old key {name}", LetterKind.OLD_KEY, level, what=f"{sent} the key that opened the level before")
        yield Letter(f"long key {name}", LetterKind.LONG_KEY, level, what=f"{sent} the right key with one byte more")
        suppressed = f"27 {level + 1 | 0x80:02X} and a wrong key"
        yield Letter(f"wrong key {name}, suppressed", LetterKind.QUIET_KEY, level, what=suppressed)
        yield Letter(f"seed {name}, suppressed", LetterKind.QUIET_SEED, level, what=f"27 {level | 0x80:02X}")
        if target.can.functional_id is not None:
            to_all = f"27 {level:02X} to the functional id"
            yield Letter(f"seed {name}, functional", LetterKind.FUNCTIONAL_SEED, level, what=to_all)
        for other in levels:
            if other != level:
                sent = f"27 {other + 1:02X} and the key for the seed of level {name}"
                yield Letter(f"key of {name} at 0x{other:02X}", LetterKind.FOREIGN_KEY, level, other, what=sent)
    for reset_type in ResetType:
        yield _reset(reset_type)
    if target.reset.power:
        yield Letter("power", LetterKind.POWER, what="the supply is cut and restored")
    yield Letter("tester present", LetterKind.PRESENT, what="3E 80")
    if (did := next((entry.did for entry in target.data if entry.read.kind == "open"), None)) is not None:
        yield Letter("read", LetterKind.READ, did, what=f"22 {did >> 8:02X} {did & 0xFF:02X}")


def _sessions_for(target: Target, level: int) -> Iterator[int]:
    """Return the default session, and the sessions on the way to the level's session."""
    yield Session.DEFAULT
    own = target.of_level(level).session
    if own is None or own == Session.DEFAULT:
        declared = [one.id for one in target.sessions if one.id != Session.DEFAULT]
        own = Session.EXTENDED if Session.EXTENDED in declared or not declared else declared[-1]
    yield from (session for session in target.way_to(own) if session != Session.DEFAULT)


def _session(session: int) -> Letter:
    return Letter(f"10 {session:02X}", LetterKind.SESSION, session, what=f"10 {session:02X}")


def _reset(reset_type: int) -> Letter:
    return Letter(f"11 {reset_type:02X}", LetterKind.RESET, reset_type, what=f"11 {reset_type:02X}")


def _effect(tester: Tester, level: int, name: str) -> Iterator[Letter]:
    entry = tester.access.protected_by(level)
    if entry is not None and tester.permits(bytes((Service.WRITE_DATA_BY_IDENTIFIER,))):
        what = f"2E {entry.did >> 8:02X} {entry.did & 0xFF:02X} and another value, which is read back"
        yield Letter(name, LetterKind.EFFECT, level, what=what)
        return
    effect = next(iter(tester.security.unlock_effects.of(level)), None)
    what = "" if effect is None else effect.name
    yield Letter(name if effect is None else name.replace("write", "effect"), LetterKind.EFFECT, level, what=what)


def _waits(target: Target, levels: tuple[int, ...]) -> Iterator[Letter]:
    delays = [entry.delay_s for entry in target.security if entry.level in levels and entry.delay_s]
    times = {}
    if target.timing.s3_ms is not None:
        times["S3"] = target.timing.s3_ms / 1000 * LONGER
    if delays:
        times["the delay"] = max(delays) * LONGER
    for what, seconds in times.items():
        yield Letter(f"wait {seconds:g} s", LetterKind.WAIT, seconds=seconds, what=f"nothing, for longer than {what}")


def why_not(tester: Tester, letter: Letter, *, can_renew: bool, are_keys_tried: bool) -> str:
    """Return why a letter cannot be sent; empty if it can."""
    allowed, security = tester.allows, tester.security
    pdu = b""
    if letter.kind is LetterKind.SESSION:
        pdu = bytes((Service.DIAGNOSTIC_SESSION_CONTROL, letter.number))
    elif letter.kind is LetterKind.RESET:
        pdu = bytes((Service.ECU_RESET, letter.number))
    if pdu and not tester.permits(pdu):
        return "the target does not allow it; see [safety] allow in the target file"
    if letter.kind is LetterKind.POWER and not allowed("power"):
        return 'the target does not allow "power"'
    if letter.kind is LetterKind.FUNCTIONAL_SEED and not allowed("functional"):
        return 'the target does not allow "functional"'
    if letter.kind is LetterKind.EFFECT and not letter.what:
        return f"nothing that level 0x{letter.number:02X} guards is declared and may be tried"
    if letter.kind not in KEYS:
        return ""
    if security.level(letter.number).suspect:
        return security.level(letter.number).suspect
    if letter.kind in _MADE and not security.has_key(letter.number):
        return f"no key function is given for level 0x{letter.number:02X}"
    if are_keys_tried and (reason := security.why_no_guess(letter.number)):
        return reason
    if letter.kind in GUESSES and not allowed("lockout"):
        return 'a wrong key needs "lockout"; see [safety] allow in the target file'
    if letter.kind in GUESSES and not can_renew and not security.has_key(letter.number):
        return f"wrong keys can only be forgotten by the right one, and no key function is given for 0x{letter.number:02X}"
    return ""
