"""Make wrong keys of every kind that an ECU might take for the right one, or forget to count."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from harness.analysis.simple_keys import ALL_ZERO, distinct, trivial_keys
from harness.errors import Inconclusive, KeyFunctionError
from harness.link.clock import Chance
from harness.tester.security import SecurityAccess
from harness.verdict import Depth

MakeKey = Callable[[bytes, bytes], bytes]
"""A function that makes a key from the seed to answer and the key that was sent before (empty if none was)."""
Change = Callable[[bytes], bytes]
"""A function that makes a wrong key from the right one."""

PLAIN = "a key that is wrong in all its parts"
SAME_AGAIN = "the same wrong key again"
OF_SEED_BEFORE = "the key of the seed before"
OF_ZERO_SEED = "the key of the zero seed"
FIRST_BYTE_RIGHT = "a key whose first byte is right"
BEGINS_WITH_00 = "a key that begins with 00"
BLANK = (ALL_ZERO, "all FF")
"""Kinds of keys that equal unwritten memory; they are useful only until a right key is sent after a start."""


@dataclass(frozen=True, slots=True)
class KeyKind:
    """One kind of wrong key that has the right length."""

    name: str
    make: MakeKey
    check: str
    """The id of the check that fails if a key of this kind opens the level."""


class KeyKinds:
    """The kinds of wrong keys for one level, with or without a key function."""

    def __init__(self, security: SecurityAccess, level: int, chance: Chance, others: Sequence[int] = ()) -> None:
        """`others`: levels whose keys may be accepted for this level."""
        self._security = security
        self._level = level
        self._chance = chance
        self._others = others
        self.seed_before = b""
        """The seed that was answered before the present one."""
        self._turn = 0
        self._first_bit = chance.below(8)
        """The bit of the first byte that is flipped first."""
        self.plain = KeyKind(PLAIN, lambda seed, _: self._plain(seed), "SA-31")

    @property
    def length(self) -> int:
        """The length of a key in bytes. May request a seed."""
        return self._security.key_length(self._level)

    def right(self, seed: bytes) -> bytes:
        """Return the right key for a seed; empty if no key function is given, or the seed is empty."""
        return self._security.right_key(self._level, seed) if self._security.has_key(self._level) and seed else b""

    def make(self, kind: KeyKind, seed: bytes, previous: bytes) -> bytes:
        """Make a key of this kind for a seed; a plain wrong key if the kind makes no key, or the right key by chance."""
        try:
            key = kind.make(seed, previous)
        except (KeyFunctionError, Inconclusive):  # e.g. for the zero seed, or because keys of this level differ in length
            key = b""
        return key if key and key != self.right(seed) else self._plain(seed)

    def counted_oddly(self) -> dict[str, KeyKind]:
        """Return keys that an ECU may compare like any other, but not count."""
        return self.counted_by_shape() | self.right_elsewhere()

    def counted_by_shape(self) -> dict[str, KeyKind]:
        """Return keys that an ECU may not count because of how they begin or end."""
        makers: dict[str, MakeKey] = {
            SAME_AGAIN: lambda seed, previous: previous,
            BEGINS_WITH_00: lambda seed, _: b"\x00" + self._other(seed)[1:],
        }
        if self._security.has_key(self._level):
            makers |= {
                FIRST_BYTE_RIGHT: lambda seed, _: self.right(seed)[:1] + self._other(seed)[1:],
                "a key whose first half is right and that ends with 00": self._first_half_right,
                "a key that begins with FF and whose last byte is right": self._last_byte_right,
            }
        else:
            makers["a key that begins with FF and ends with 00"] = self._ff_to_00
        return {name: KeyKind(name, make, "SA-31") for name, make in makers.items()}

    def right_elsewhere(self) -> dict[str, KeyKind]:
        """Return keys that are right for a random seed, for the previous seed, and at another level."""
        by_chance = "a key by chance"
        security = self._security
        kinds = {by_chance: KeyKind(by_chance, lambda seed, _: self._chance.random_bytes(self.length), "SA-31")}
        if security.has_key(self._level):
            kinds[OF_SEED_BEFORE] = KeyKind(OF_SEED_BEFORE, lambda seed, _: self.right(self.seed_before), "SA-25")
        for other in filter(security.has_key, self._others):
            name = of_level(other)
            kinds[name] = KeyKind(name, partial(self._of_level, other), "SA-27")
        return kinds

    def _of_level(self, other: int, seed: bytes, previous: bytes) -> bytes:
        key = self._security.right_key(other, seed)
        return key if len(key) == self.length else b""

    def changed(self, depth: Depth) -> dict[str, KeyKind]:
        """Return keys made from the right key by rearranging its bytes, or by flipping one bit; more at greater depth."""
        length = self.length
        changes = {**rearranged(length), **flipped(length, depth, self._first_bit)}
        return {name: KeyKind(name, partial(self._changed, change), "SA-31") for name, change in changes.items()}

    def trivial(self) -> dict[str, KeyKind]:
        """Return keys that anybody would try first."""
        kinds = {
            name: KeyKind(name, lambda seed, _, make=make: make(seed), "SA-32")  # type: ignore[misc]
            for name, make in distinct(trivial_keys(self.length), self._security.level(self._level).seed_lengths).items()
        }
        if self._security.has_key(self._level):
            kinds[OF_ZERO_SEED] = KeyKind(OF_ZERO_SEED, lambda seed, _: self.right(bytes(len(seed))), "SA-32")
        return kinds

    def _plain(self, seed: bytes) -> bytes:
        self._turn += 1
        return self._security.wrong_key(self._level, seed, flip=self._turn)

    def _other(self, seed: bytes) -> bytes:
        """Make a key of the right length that is wrong in every byte."""
        right = self.right(seed)
        return bytes(byte ^ 0xFF for byte in right) or self._chance.random_bytes(self.length)

    def _first_half_right(self, seed: bytes, previous: bytes) -> bytes:
        half = self.length // 2
        return self.right(seed)[:half] + self._other(seed)[half:-1] + b"\x00"

    def _last_byte_right(self, seed: bytes, previous: bytes) -> bytes:
        return (b"\xff" + self._other(seed)[1:-1] + self.right(seed)[-1:])[-self.length :]

    def _ff_to_00(self, seed: bytes, previous: bytes) -> bytes:
        return (b"\xff" + self._other(seed)[1:-1] + b"\x00")[: self.length]

    def _changed(self, change: Change, seed: bytes, previous: bytes) -> bytes:
        return change(self._security.right_key_of_length(self._level, self.length, seed)) if seed else b""


def of_level(other: int) -> str:
    """Return the name of the kind of keys that the function of the level `other` makes."""
    return f"the key that level 0x{other:02X} makes of the seed"


def bits_at(depth: Depth, length: int) -> int:
    """Return the bits of the key that are flipped, one at a time; even at depth quick at least one of each byte."""
    return min(depth.choose(quick=max(16, length), default=128, deep=4096), 8 * length)


def flipped(length: int, depth: Depth, start: int) -> dict[str, Change]:
    """Return changes that each flip one bit of the right key; the first are spread over all bytes, from bit `start` on."""
    spread = [8 * byte + bit for bit in range(8) for byte in range(length)]
    order = [8 * (bit // 8) + (bit + start + bit // 8) % 8 for bit in spread][: bits_at(depth, length)]
    return {f"the right key with bit {bit % 8} of byte {bit // 8} flipped": partial(flip, bit) for bit in order}


def flip(bit: int, key: bytes) -> bytes:
    """Flip one bit of a key."""
    changed = bytearray(key)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def rearranged(length: int) -> dict[str, Change]:
    """Return keys that have the right key's sum or XOR of bytes, or the same bytes in another order."""
    if length < 2:
        return {}
    return {
        "the right key reversed": lambda key: key[::-1],
        "the right key rotated by a byte": lambda key: key[1:] + key[:1],
        "the right key with two bytes exchanged": exchange,
        "the right key with one byte more by one and another less": balance,
        "the right key with one bit of two bytes flipped": lambda key: flip(0, flip(8, key)),
    }


def exchange(key: bytes) -> bytes:
    """Exchange the first two neighbouring bytes that differ."""
    at = next(_unequal_neighbours(key), 0)
    return key[:at] + key[at + 1 : at + 2] + key[at : at + 1] + key[at + 2 :]


def _unequal_neighbours(key: bytes) -> Iterator[int]:
    return (at for at in range(len(key) - 1) if key[at] != key[at + 1])


def balance(key: bytes) -> bytes:
    """Increase one byte by one and decrease another, if possible, so that the sum of bytes stays the same."""
    more = next((at for at, byte in enumerate(key) if byte < 0xFF), None)
    less = next((at for at, byte in enumerate(key) if byte > 0 and at != more), None)
    if more is None or less is None:
        return key
    changed = bytearray(key)
    changed[more] += 1
    changed[less] -= 1
    return bytes(changed)
