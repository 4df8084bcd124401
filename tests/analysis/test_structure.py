"""Prove that parts of a seed which follow from other parts, earlier seeds or the time are found and not counted as
random.
"""

import random
import zlib
from collections.abc import Callable, Sequence
from typing import Literal

import pytest

from harness.analysis.structure import structure_of

from .sources import sound

Draw = Callable[[bytes, int, Sequence[bytes]], bytes]
"""A function from 16 random bytes, the seed's number and the shared source of chance to the seed."""

PER_SESSION = 64
STARTS = (0, 64, 128, 192)
MASK = bytes.fromhex("5AC31177")
SHUFFLED = list(range(256))
random.Random(5).shuffle(SHUFFLED)


def times(count: int) -> list[float]:
    """Return times with about a millisecond from seed to seed, and a pause between sessions."""
    return [k * 0.00113 + 0.0002 * (k % 7 == 3) + k // PER_SESSION * 1.31 for k in range(count)]


def plus(chance: bytes, addend: int, order: Literal["big", "little"] = "big", factor: int = 1) -> bytes:
    number = int.from_bytes(chance, order) * factor + addend
    return (number % (1 << 8 * len(chance))).to_bytes(len(chance), order)


def rotated(chance: bytes) -> bytes:
    number = int.from_bytes(chance, "big")
    return (number << 3 & 0xFFFFFFFF | number >> 29).to_bytes(4, "big")


def congruential(step: int) -> bytes:
    number = 77
    for _ in range(step):
        number = (number * 1664525 + 1013904223) & 0xFFFFFFFF
    return number.to_bytes(4, "big")


def register(step: int) -> bytes:
    state = 0xACE1
    for _ in range(step):
        state = state >> 1 | ((state ^ state >> 2 ^ state >> 3 ^ state >> 5) & 1) << 15
    return bytes((state & 0xFF,))


MADE: dict[str, tuple[Draw, int, str]] = {
    "a mark": (lambda r, k, _: r[:1] + b"\x1c\x00\xb2" + r[1:5], 40, "bytes 1-3 are 1C 00 B2 in every seed"),
    "a bit": (lambda r, k, _: bytes(byte & 0x7F for byte in r[:8]), 56, "bit 7 of bytes 0-7 never changes"),
    "twice": (lambda r, k, _: r[:4] * 2, 32, "bytes 4-7 are bytes 0-3"),
    "XOR": (
        lambda r, k, _: r[:4] + bytes(a ^ b for a, b in zip(r, MASK, strict=False)),
        32,
        "bytes 4-7 are bytes 0-3 XOR 5A C3 11 77",
    ),
    "a sum": (
        lambda r, k, _: r[:4] + plus(r[:4], 0x12345679),
        32,
        "bytes 4-7 are bytes 0-3 plus 12345679, read big-endian, modulo 2^32",
    ),
    "a multiple, after a mark": (
        lambda r, k, _: r[:4] + b"\x07" + plus(r[:4], 0x12345679, "little", 5),
        32,
        "bytes 5-8 are 00000005 times bytes 0-3 plus 12345679, read little-endian, modulo 2^32",
    ),
    "what makes zero": (lambda r, k, _: r[:4] + plus(r[:4], 0, factor=-1), 32, "bytes 4-7 are minus bytes 0-3"),
    "bytes in another order": (lambda r, k, _: r[:4] + r[3::-1], 32, "byte 4 is byte 3"),
    "bits in another order": (lambda r, k, _: r[:4] + rotated(r[:4]), 32, "bytes 4-7 are an XOR of bits of bytes 0-3"),
    "bytes by a table": (lambda r, k, _: r[:4] + bytes(SHUFFLED[b] for b in r[:4]), 32, "byte 5 is a function of byte 1"),
    "a checksum": (lambda r, k, _: r[:7] + bytes((sum(r[:7]) & 0xFF,)), 56, "byte 7 is the sum of bytes 0-6"),
    "a parity": (lambda r, k, _: r[:7] + bytes((r[0] ^ r[3] ^ r[6],)), 56, "byte 7 is an XOR of bits of bytes 0, 3, 6"),
    "a CRC": (
        lambda r, k, _: r[:6] + zlib.crc32(r[:6]).to_bytes(4, "big"),
        48,
        "bytes 6-9 are an XOR of bits of bytes 0-5",
    ),
    "a counter": (lambda r, k, _: r[:6] + (k + 250).to_bytes(2, "big"), 48, "bytes 6-7 are a counter that goes up by 1"),
    "a clock": (
        lambda r, k, _: r[:4] + (77777 + round(1000 * times(k + 1)[k])).to_bytes(4, "big"),
        32,
        "are a clock of 1000 ticks a second to within 1, read big-endian",
    ),
    "a generator": (lambda r, k, _: congruential(k) + r[:4], 32, "bytes 0-3, read big-endian, are 19660D (hex) times"),
    "a register": (
        lambda r, k, _: register(k) + r[:7],
        56,
        "7 bits of byte 0 are an XOR of bits of byte 0 of the seed before",
    ),
    "half of the last seed": (lambda r, k, all_: all_[k - 1][:4] + r[:4], 32, "bytes 0-3 are bytes 4-7 of the seed before"),
    "text": (lambda r, k, _: r[:8].hex().encode(), 64, "bits 7, 5 of bytes 0-15 never change"),
    "nothing": (lambda r, k, _: r, 128, ""),
}


@pytest.mark.parametrize("name", MADE)
def test_what_follows_is_not_counted_and_is_named(name: str) -> None:
    draw, effective_bits, words = MADE[name]
    chance = sound(256, 16, 9)
    seeds = [draw(one, number, chance) for number, one in enumerate(chance)]
    found = structure_of(seeds, times(256), STARTS)
    assert abs(found.effective_bits - effective_bits) <= 2, found
    assert words in found.reasons
    more = sound(256, 16, 10)
    again = structure_of([draw(one, k, more) for k, one in enumerate(more)], times(256), STARTS)
    assert found.confirmed_by(again).effective_bits == pytest.approx(found.effective_bits, abs=2)


def test_two_bytes_that_tell_a_third_are_seen_in_a_thousand_seeds() -> None:
    seeds = [r[:4] + bytes((r[0] * r[1] & 0xFF,)) for r in sound(1000, 4)]
    assert structure_of(seeds).reasons == "byte 4 is a function of bytes 0-1"


def test_a_function_that_chance_blurs_is_told_as_far_as_it_goes() -> None:
    seeds = [r[:3] + bytes((SHUFFLED[r[0]] ^ r[3] & 1,)) for r in sound(1000, 4)]
    found = structure_of(seeds)
    assert "byte 3 is told to within 0.9 bits by byte 0" in str(found)
    assert found.effective_bits == 25


def test_few_values_of_a_byte_count_for_what_they_are() -> None:
    seeds = [bytes(int(f"{b % 100:02}", 16) for b in r) for r in sound(1000, 8)]
    assert structure_of(seeds).effective_bits == pytest.approx(8 * 6.6, abs=1)


@pytest.mark.parametrize("count", [50, 60, 79, 128, 256])
def test_two_hundred_sound_samples_have_no_structure(count: int) -> None:
    """A campaign may give 1e-4 alarms on average, so 200 samples of any length and size should give none."""
    for run in range(40):
        length = (1, 2, 3, 5, 8, 16, 32, 64)[run % 8]
        seeds = sound(count, length, 3000 + run)
        assert structure_of(seeds, times(count), STARTS).parts == ()


@pytest.mark.parametrize(("count", "length"), [(1000, 5), (1000, 16), (1000, 32), (10_000, 5), (10_000, 16)])
def test_large_sound_samples_have_no_structure(count: int, length: int) -> None:
    for run in range(3):
        assert structure_of(sound(count, length, 50 + run), times(count)).parts == ()


def test_too_few_seeds_say_nothing() -> None:
    assert structure_of([bytes(8)] * 300).parts == ()
    assert structure_of([seed[:4] * 2 for seed in sound(49, 8)]).parts == ()


def test_a_copy_shows_in_the_fewest_seeds_that_are_looked_at() -> None:
    found = structure_of([seed[:4] * 2 for seed in sound(60, 8)])
    assert found.effective_bits == 32


def test_what_a_second_sample_does_not_show_is_dropped() -> None:
    halves = structure_of([seed[:4] * 2 for seed in sound(256, 8)])
    assert halves.confirmed_by(structure_of(sound(256, 8, 2))).parts == ()
    three = structure_of([seed[:4] + seed[:3] + seed[7:] for seed in sound(256, 8, 3)])
    assert halves.confirmed_by(three).effective_bits == 40
