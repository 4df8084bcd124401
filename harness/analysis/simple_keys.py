"""List the keys that anybody would try first: constants, and simple computations from a seed without a secret."""

import hashlib
import zlib
from collections.abc import Callable, Collection

KeyMaker = Callable[[bytes], bytes]
"""A function that makes a key from a seed."""

ALL_ZERO = "all zero"
CONSTANTS = ("12345678", "DEADBEEF", "01020304", "CAFEBABE", "A5A5A5A5", "5A5A5A5A", "11223344")
MASKS = ("55", "AA", "A5", "5A", "12345678", "DEADBEEF", "1234567890")
TURNS = (1, 2, 3, 4, 5, 7, 8, 12, 16)
SUMMANDS = (0x12345678, 0x1234, 0xA5A5A5A5, 0x5A5A5A5A, 0xDEADBEEF, 0x1111, 0x55, 0xAA)
FACTORS = (2, 3, 5, 7, 0x41C64E6D, 0x19660D)
"""Factors by which a seed is multiplied; the two large ones are those of well-known congruential generators."""


def trivial_keys(key_bytes: int) -> dict[str, KeyMaker]:
    """Return, by name, makers of default keys, and of keys that are the seed in simple variations."""
    keys: dict[str, KeyMaker] = {
        ALL_ZERO: lambda seed: bytes(key_bytes),
        "all FF": lambda seed: b"\xff" * key_bytes,
        "the seed": lambda seed: fit(seed, key_bytes),
        "the seed inverted": lambda seed: fit(bytes(byte ^ 0xFF for byte in seed), key_bytes),
        "the seed plus one": lambda seed: fit(_number(seed, lambda value: value + 1), key_bytes),
        "the seed negated": lambda seed: fit(_number(seed, lambda value: -value), key_bytes),
        "the seed reversed": lambda seed: fit(seed[::-1], key_bytes),
        "the seed's last bytes": lambda seed: fit(seed[-key_bytes:], key_bytes),
    }
    for text in CONSTANTS:
        keys[f"the constant {text}"] = lambda seed, text=text: fit(bytes.fromhex(text), key_bytes)  # type: ignore[misc]
    for text in MASKS:
        keys[f"the seed XOR {text}"] = lambda seed, text=text: fit(_masked(seed, text), key_bytes)  # type: ignore[misc]
    return keys


def distinct(makers: dict[str, KeyMaker], seed_lengths: Collection[int]) -> dict[str, KeyMaker]:
    """Drop makers that give the same keys as an earlier one for seeds of so many bytes; without lengths, keep all."""
    seeds = [hashlib.shake_128(bytes((length, turn))).digest(length) for length in seed_lengths for turn in range(2)]
    found: dict[object, str] = {}
    for name, make in makers.items():
        found.setdefault(tuple(map(make, seeds)) or name, name)
    return {name: makers[name] for name in found.values()}


def algebraic_keys(key_bytes: int) -> dict[str, KeyMaker]:
    """Return, by name, makers of keys by one step of arithmetic, a checksum, or a hash without a secret."""
    keys: dict[str, KeyMaker] = {
        "the seed minus one": lambda seed: fit(_number(seed, lambda value: value - 1), key_bytes),
        "the seed halved": lambda seed: fit(_number(seed, lambda value: value >> 1), key_bytes),
        "the seed squared": lambda seed: fit(_number(seed, lambda value: value * value), key_bytes),
        "the seed's nibbles swapped": lambda seed: fit(bytes(b << 4 & 0xF0 | b >> 4 for b in seed), key_bytes),
        "the seed's halves swapped": lambda seed: fit(seed[len(seed) // 2 :] + seed[: len(seed) // 2], key_bytes),
        "the seed's bits reversed": lambda seed: fit(bytes(int(f"{b:08b}"[::-1], 2) for b in seed), key_bytes),
        "the seed's bytes plus one": lambda seed: fit(bytes(byte + 1 & 0xFF for byte in seed), key_bytes),
        "the sum of the seed's bytes": lambda seed: (sum(seed) % (1 << 8 * key_bytes)).to_bytes(key_bytes, "big"),
        "CRC-32 of the seed": lambda seed: fit(zlib.crc32(seed).to_bytes(4, "big"), key_bytes),
        "CRC-32 of the seed, low byte first": lambda seed: fit(zlib.crc32(seed).to_bytes(4, "little"), key_bytes),
        "MD5 of the seed": lambda seed: fit(hashlib.md5(seed).digest(), key_bytes),
        "SHA-1 of the seed": lambda seed: fit(hashlib.sha1(seed).digest(), key_bytes),
        "SHA-256 of the seed": lambda seed: fit(hashlib.sha256(seed).digest(), key_bytes),
    }
    for turn in TURNS:
        keys[f"the seed rotated left by {turn}"] = lambda seed, turn=turn: fit(_rotated(seed, turn), key_bytes)  # type: ignore[misc]
        keys[f"the seed rotated right by {turn}"] = lambda seed, turn=turn: fit(_rotated(seed, -turn), key_bytes)  # type: ignore[misc]
    for summand in SUMMANDS:
        keys[f"the seed plus 0x{summand:X}"] = lambda seed, summand=summand: fit(  # type: ignore[misc]
            _number(seed, lambda value: value + summand), key_bytes
        )
    for factor in FACTORS:
        keys[f"the seed times {factor}"] = lambda seed, factor=factor: fit(  # type: ignore[misc]
            _number(seed, lambda value: value * factor), key_bytes
        )
    return keys


def fit(pattern: bytes, length: int) -> bytes:
    """Cut or repeat the pattern to a length."""
    return (pattern * (length // len(pattern) + 1))[:length] if pattern else bytes(length)


def _number(seed: bytes, change: Callable[[int], int]) -> bytes:
    """Return a maker that reads the seed as one unsigned number, high byte first, and changes that number."""
    changed = change(int.from_bytes(seed, "big")) & ((1 << 8 * len(seed)) - 1)
    return changed.to_bytes(len(seed), "big")


def _masked(seed: bytes, mask: str) -> bytes:
    return bytes(a ^ b for a, b in zip(seed, fit(bytes.fromhex(mask), len(seed)), strict=True))


def _rotated(seed: bytes, left: int) -> bytes:
    bits = 8 * len(seed)
    turn = left % bits
    return _number(seed, lambda value: value << turn | value >> bits - turn)
