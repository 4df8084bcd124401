"""Look for rules that compute keys from seeds without the secret: fit simple models to some pairs, and test on others."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

Pair = tuple[bytes, bytes]
"""A seed and its key."""

Predictor = Callable[[bytes], bytes | None]
"""A function from a seed to its key, or to None if the pairs to which it was fitted do not determine that key."""

FEWEST_PAIRS: Final = 3
PREDICTED_BITS: Final = 32
"""How many bits of keys a model must predict correctly to count; chance does so once in 2^32."""
CHECKED_BITS: Final = 48
"""How many bits the keys of all pairs but one must have: more than are predicted, since a few hundred models are tried."""
REPEATS: Final = 5
"""How often a table must be looked up again with the same result; chance does so once in 2^40."""

_CRCS: Final = {
    "CRC-32C": (32, 0x82F63B78),
    "CRC-16/ARC": (16, 0xA001),
    "CRC-16/CCITT, reflected": (16, 0x8408),
    "CRC-8/MAXIM": (8, 0x8C),
}
"""By name of a CRC: width and reflected polynomial. Start value and final XOR are left to the constant of the model."""
_FORWARD_CRCS: Final = {"CRC-32/BZIP2": (32, 0x04C11DB7), "CRC-16/CCITT": (16, 0x1021), "CRC-8": (8, 0x07)}


@dataclass(frozen=True, slots=True)
class ModelSearch:
    """Which models were tried on the keys, and which of them fit."""

    fitting: tuple[str, ...]
    rejected: tuple[str, ...]
    untested: tuple[str, ...]
    """Models for which there were too few pairs to test them."""

    @property
    def has_decided(self) -> bool:
        """Whether there were enough pairs to test at least one model."""
        return bool(self.fitting or self.rejected)


def search_models(pairs: Sequence[Pair]) -> ModelSearch:
    """Fit each model to most of the pairs, and return which models predict the keys of all other pairs.

    Pairs whose lengths differ from those of the first pair are left out.
    """
    distinct = list(dict.fromkeys(pairs))
    sizes = [(len(seed), len(key)) for seed, key in distinct]
    usable = [pair for pair, size in zip(distinct, sizes, strict=True) if size == sizes[0] and all(size)]
    key_bits = 8 * len(usable[0][1]) if usable else 8
    needed = max(1, -(-PREDICTED_BITS // key_bits))
    held = max(needed, len(usable) // 8)
    training = usable[:-held]
    if len(usable) < FEWEST_PAIRS or len(training) < 2 or (len(usable) - 1) * key_bits < CHECKED_BITS:
        return ModelSearch((), (), tuple(MODELS))
    found: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for name, fit in MODELS.items():
        found[_predicts(fit(training), usable[-held:], needed)].append(name)
    return ModelSearch(tuple(found[True]), tuple(found[False]), tuple(found[None]))


def pairs_for_all_models(seed_bytes: int, key_bytes: int) -> int:
    """Return how many random pairs suffice to test every model; the bitwise model takes more pairs than a seed has bits."""
    training = 8 * seed_bytes + 1 + 12
    return training + max(-(-PREDICTED_BITS // (8 * key_bytes)), training // 7 + 1)


def _predicts(predict: Predictor | None, held: Sequence[Pair], needed: int) -> bool | None:
    """Whether every prediction for the pairs in `held` is right; None if fewer than `needed` of them are predicted."""
    if predict is None:
        return False
    predictions = [(predict(seed), key) for seed, key in held]
    if any(prediction not in (None, key) for prediction, key in predictions):
        return False
    return True if sum(prediction is not None for prediction, _ in predictions) >= needed else None


def _says_nothing(seed: bytes) -> bytes | None:
    """Predict nothing, in place of a model that the pairs neither fit nor exclude."""
    return None


# The seed, or a checksum of it, and a constant.

Core = Callable[[bytes], int]
_COMBINE: Final[tuple[tuple[Callable[[int, int], int], Callable[[int, int], int]], ...]] = (
    (lambda key, core: key ^ core, lambda constant, core: constant ^ core),
    (lambda key, core: key - core, lambda constant, core: constant + core),
    (lambda key, core: key + core, lambda constant, core: constant - core),
)
"""Pairs of functions: from key and core to the constant, and back from constant and core to the key."""


def _with_constant(cores: Callable[[int, int], Iterator[Core]], training: Sequence[Pair]) -> Predictor | None:
    """Find the first core that differs from the key by the same constant (XOR, difference or sum) in all pairs."""
    seed_bytes, key_bytes = len(training[0][0]), len(training[0][1])
    mask = (1 << 8 * key_bytes) - 1
    numbers = [(seed, int.from_bytes(key, "big")) for seed, key in training]
    (first_seed, first_key), (second_seed, second_key), *_ = numbers
    for core in cores(seed_bytes, key_bytes):
        first, second = core(first_seed), core(second_seed)
        for constant_of, key_of in _COMBINE:
            constant = constant_of(first_key, first) & mask
            if constant_of(second_key, second) & mask != constant:
                continue
            if all(constant_of(key, core(seed)) & mask == constant for seed, key in numbers):
                return lambda seed, core=core, key_of=key_of, constant=constant: (  # type: ignore[misc]
                    (key_of(constant, core(seed)) & mask).to_bytes(key_bytes, "big")
                )
    return None


def _rotations(seed_bytes: int, key_bytes: int) -> Iterator[Core]:
    """Yield functions that read the seed from either end, rotate it by some bits, and cut or repeat it to a key's length."""
    seed_bits, key_bits = 8 * seed_bytes, 8 * key_bytes
    mask = (1 << seed_bits) - 1
    repeats = sum(1 << seed_bits * n for n in range(-(-key_bits // seed_bits)))
    shifts = (0, seed_bits - key_bits) if seed_bits > key_bits else (0,)
    for order in ("big", "little"):
        for turn in range(seed_bits):
            for shift in shifts:

                def core(seed: bytes, order: str = order, turn: int = turn, shift: int = shift) -> int:
                    number = int.from_bytes(seed, order)  # type: ignore[arg-type]
                    return ((number << turn | number >> seed_bits - turn) & mask) * repeats >> shift

                yield core


def _checksums(seed_bytes: int, key_bytes: int) -> Iterator[Core]:
    """Yield functions that compute common checksums of the seed, as wide as the key, from either end and in either order."""
    sums: list[Callable[[bytes], int]] = [zlib.crc32] if key_bytes == 4 else []
    sums += [partial(_crc, polynomial=crc[1]) for crc in _CRCS.values() if crc[0] == 8 * key_bytes]
    sums += [partial(_forward_crc, width=w, polynomial=p) for w, p in _FORWARD_CRCS.values() if w == 8 * key_bytes]
    for checksum in sums:
        for step in (1, -1):
            yield partial(_checksum, checksum, step, key_bytes, "big")
            yield partial(_checksum, checksum, step, key_bytes, "little")


def _checksum(checksum: Callable[[bytes], int], step: int, width: int, order: Literal["big", "little"], seed: bytes) -> int:
    """Compute a checksum of the seed from its start or, with `step` -1, from its end, in a byte order."""
    return int.from_bytes(checksum(seed[::step]).to_bytes(width, "big"), order)


def _crc(data: bytes, polynomial: int) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (polynomial if crc & 1 else 0)
    return crc


def _forward_crc(data: bytes, width: int, polynomial: int) -> int:
    crc, top, mask = 0, 1 << width - 1, (1 << width) - 1
    for byte in data:
        crc ^= byte << width - 8
        for _ in range(8):
            crc = (crc << 1 ^ (polynomial if crc & top else 0)) & mask
    return crc


# Byte by byte.


def _permuted_bytes(training: Sequence[Pair]) -> Predictor | None:
    """Fit a rule by which each byte of the key is one byte of the seed, XOR a constant or plus a constant."""
    rules: list[tuple[int, int, bool]] = []
    for at in range(len(training[0][1])):
        rule = next(_byte_rules(training, at), None)
        if rule is None:
            return None
        rules.append(rule)
    return lambda seed: bytes(
        seed[source] ^ constant if is_xor else (seed[source] + constant) & 0xFF for source, constant, is_xor in rules
    )


def _byte_rules(training: Sequence[Pair], at: int) -> Iterator[tuple[int, int, bool]]:
    for source in range(len(training[0][0])):
        if len({key[at] ^ seed[source] for seed, key in training}) == 1:
            yield source, training[0][1][at] ^ training[0][0][source], True
        if len({key[at] - seed[source] & 0xFF for seed, key in training}) == 1:
            yield source, training[0][1][at] - training[0][0][source] & 0xFF, False


def _tables(training: Sequence[Pair]) -> Predictor | None:
    """Fit a rule by which a table gives each byte of the key from one byte of the seed."""
    sources: list[tuple[int, dict[int, int]]] = []
    for at in range(len(training[0][1])):
        found = list(_byte_tables(training, at))
        if not found:
            return None
        sources.append(min(found, key=lambda source: len(source[1])))
    if any(len(training) - len(table) < REPEATS for _, table in sources):
        return _says_nothing

    def predict(seed: bytes) -> bytes | None:
        looked_up = [table.get(seed[source]) for source, table in sources]
        return None if None in looked_up else bytes(looked_up)  # type: ignore[arg-type]

    return predict


def _byte_tables(training: Sequence[Pair], at: int) -> Iterator[tuple[int, dict[int, int]]]:
    for source in range(len(training[0][0])):
        table: dict[int, int] = {}
        if all(table.setdefault(seed[source], key[at]) == key[at] for seed, key in training):
            yield source, table


# Linear equations.


def _affine_modulo(training: Sequence[Pair]) -> Predictor | None:
    """Fit a rule by which the key, as a number, is a multiple of the seed plus a constant, modulo 2^(bits of the key)."""
    key_bytes = len(training[0][1])
    modulus = 1 << 8 * key_bytes
    is_open = False
    for seed_order in ("big", "little"):
        for key_order in ("big", "little"):
            numbers = [
                (int.from_bytes(seed, seed_order) % modulus, int.from_bytes(key, key_order)) for seed, key in training
            ]
            factor = _factor(numbers, modulus)
            if factor is None:
                is_open = True
                continue
            constant = (numbers[0][1] - factor * numbers[0][0]) % modulus
            if all((factor * seed + constant - key) % modulus == 0 for seed, key in numbers):
                return lambda seed, s=seed_order, k=key_order, a=factor, c=constant: (  # type: ignore[misc]
                    ((a * int.from_bytes(seed, s) + c) % modulus).to_bytes(key_bytes, k)
                )
    return _says_nothing if is_open else None


def _factor(numbers: Sequence[tuple[int, int]], modulus: int) -> int | None:
    """Return the factor from a seed difference to that of their keys; None if no two seeds differ by an odd number."""
    for index, (seed, key) in enumerate(numbers):
        for other_seed, other_key in numbers[:index]:
            if (seed - other_seed) & 1:
                return (key - other_key) * pow(seed - other_seed, -1, modulus) % modulus
    return None


def _affine_over_bits(training: Sequence[Pair]) -> Predictor | None:
    """Fit a rule by which each bit of the key is the parity of some bits of the seed and a constant: any CRC or LFSR."""
    key_bytes = len(training[0][1])
    basis: dict[int, tuple[int, int]] = {}

    def reduced(seed: bytes) -> tuple[int, int]:
        row, key = int.from_bytes(seed, "big") << 1 | 1, 0
        while row and (pivot := row.bit_length()) in basis:
            basis_row, basis_key = basis[pivot]
            row, key = row ^ basis_row, key ^ basis_key
        return row, key

    for seed, key in training:
        row, combined = reduced(seed)
        combined ^= int.from_bytes(key, "big")
        if row:
            basis[row.bit_length()] = row, combined
        elif combined:
            return None

    def predict(seed: bytes) -> bytes | None:
        row, key = reduced(seed)
        return None if row else key.to_bytes(key_bytes, "big")

    return predict


MODELS: Final[dict[str, Callable[[Sequence[Pair]], Predictor | None]]] = {
    "the seed, rotated or not, and a constant": partial(_with_constant, _rotations),
    "a usual checksum of the seed, and a constant": partial(_with_constant, _checksums),
    "the seed's bytes in another order, each with a constant": _permuted_bytes,
    "a table for each byte of the seed": _tables,
    "a multiple of the seed, plus a constant": _affine_modulo,
    "bits of the seed XORed, as in any CRC": _affine_over_bits,
}
"""By name of the model: a function that fits it to training pairs, and returns None if it does not fit them."""
