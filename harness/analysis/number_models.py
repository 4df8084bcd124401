"""Predict seeds as numbers of a counter or of a congruential generator, as a whole or word by word."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

Model = Callable[[Sequence[int], int, int], list[int] | None]
"""A function from numbers, their width in bits, and a count to that many next numbers; None if the numbers do not fit it."""


def arithmetic(numbers: Sequence[int], bits: int, count: int) -> list[int] | None:
    """Continue a counter: its first or second differences are constant modulo 2^bits."""
    size = 1 << bits
    first = [(b - a) % size for a, b in pairwise(numbers)][-6:]
    second = [(b - a) % size for a, b in pairwise(first)]
    if len(first) < 4 or len(set(second)) != 1:
        return None
    step, growth, last = first[-1], second[-1], numbers[-1]
    told = []
    for _ in range(count):
        step = (step + growth) % size
        last = (last + step) % size
        told.append(last)
    return told


def congruential(numbers: Sequence[int], bits: int, count: int) -> list[int] | None:
    """Continue a linear congruential generator whose outputs are its whole state; the modulus need not be known."""
    recent = numbers[-8:]
    if len(recent) < 6 or len(set(recent)) < len(recent):
        return None
    steps = [b - a for a, b in pairwise(recent)]
    dependence = [c * a - b * b for a, b, c in zip(steps, steps[1:], steps[2:], strict=False)]
    for modulus in (1 << bits, math.gcd(*dependence)):
        told = _congruential_modulo(recent, steps, modulus, count)
        if told is not None:
            return told
    return None


def _congruential_modulo(recent: Sequence[int], steps: list[int], modulus: int, count: int) -> list[int] | None:
    if modulus <= max(recent):
        return None
    before = next((index for index, step in enumerate(steps[:-1]) if math.gcd(step, modulus) == 1), None)
    if before is None:
        return None
    factor = steps[before + 1] * pow(steps[before], -1, modulus) % modulus
    addend = (recent[1] - factor * recent[0]) % modulus
    if any((factor * a + addend - b) % modulus for a, b in pairwise(recent)):
        return None
    told = [recent[-1]]
    for _ in range(count):
        told.append((factor * told[-1] + addend) % modulus)
    return told[1:]


def _steady(numbers: Sequence[int], bits: int, count: int) -> list[int] | None:
    return [numbers[-1]] * count if len(set(numbers)) == 1 else None


MODELS: dict[str, Model] = {"a constant": _steady, "a counter": arithmetic, "a congruential generator": congruential}

ORDERS: dict[str, Callable[[bytes], int]] = {
    "big-endian": lambda field: int.from_bytes(field, "big"),
    "little-endian": lambda field: int.from_bytes(field, "little"),
    "bit-reversed": lambda field: int(f"{int.from_bytes(field, 'big'):0{8 * len(field)}b}"[::-1], 2),
    "bit-reversed little-endian": lambda field: int(f"{int.from_bytes(field, 'little'):0{8 * len(field)}b}"[::-1], 2),
}


def layouts(length: int) -> Iterator[tuple[int, str]]:
    """Yield ways to read a seed as numbers, (width in bytes, byte order): whole, and in words of 8, 4, 2 and 1 bytes."""
    for width in (length, 8, 4, 2, 1):
        if width == length or (width < length and length % width == 0):
            for order in ORDERS:
                if width > 1 or not order.endswith("little-endian"):
                    yield width, order


def _model_of(field: list[int], bits: int, count: int) -> tuple[str, list[int]] | None:
    for name, model in MODELS.items():
        told = model(field, bits, count)
        if told is not None:
            return name, told
    return None


def fields_fit(known: Sequence[bytes], width: int, order: str) -> bool:
    """Whether some model fits the first varying word of the seeds."""
    recent, read = known[-9:], ORDERS[order]
    for start in range(0, len(known[0]), width):
        field = [read(seed[start : start + width]) for seed in recent]
        if len(set(field)) > 1:
            return _model_of(field, 8 * width, 1) is not None
    return True


def by_fields(known: Sequence[bytes], width: int, order: str, count: int) -> tuple[str, list[bytes]] | None:
    """Continue each word of the seed by its own model; return the models' names and `count` seeds, or None."""
    read, parts, names = ORDERS[order], [], set()
    for start in range(0, len(known[0]), width):
        found = _model_of([read(seed[start : start + width]) for seed in known[-9:]], 8 * width, count)
        if found is None:
            return None
        names.add(found[0])
        parts.append([_field(number, width, order) for number in found[1]])
    name = " and ".join(sorted(names - {"a constant"})) or "a constant"
    whole = "" if width == len(known[0]) else f" in each word of {width} bytes"
    return f"{name}{whole}, read {order}", [b"".join(words) for words in zip(*parts, strict=True)]


def _field(number: int, width: int, order: str) -> bytes:
    if order.startswith("bit-reversed"):
        number = int(f"{number:0{8 * width}b}"[::-1], 2)
    return number.to_bytes(width, "little" if order.endswith("little-endian") else "big")
