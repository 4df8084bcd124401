"""Offer weak sources of seeds: counters, times, and generators that only look random."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from harness.ecu.config import EcuSecurityLevel
from harness.ecu.rules import Ecu, SeedSource

CONSTANT_SEED: Final = hashlib.sha256(b"constant_seed").digest()
MASK: Final = hashlib.sha256(b"bit_reversed_counter_seed").digest()
_FIRST_COUNT: Final = 0x1F3A
_MASK32 = 0xFFFFFFFF
_WORDS = 624
_MIDDLE = 397


def lfsr16(state: int) -> Iterator[int]:
    """Yield bytes of a 16-bit shift register (taps 16, 14, 13, 11), which is shifted by eight bits for each byte."""
    while True:
        for _ in range(8):
            bit = (state ^ state >> 2 ^ state >> 3 ^ state >> 5) & 1
            state = state >> 1 | bit << 15
        yield state & 0xFF


def ansi_rand(state: int) -> Iterator[int]:
    """Yield ``rand()`` as the C standard prints it: 15 bits of a congruential generator modulo 2^31."""
    while True:
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        yield state >> 16 & 0x7FFF


def minstd(state: int) -> Iterator[int]:
    """Yield the 31-bit outputs of Park and Miller's generator, which C++ calls ``minstd_rand0``."""
    state = state % 0x7FFFFFFF or 1
    while True:
        state = state * 16807 % 0x7FFFFFFF
        yield state


def xorshift32(state: int) -> Iterator[int]:
    """Yield the 32-bit outputs of Marsaglia's generator with shifts 13, 17 and 5."""
    while True:
        state ^= state << 13 & _MASK32
        state ^= state >> 17
        state ^= state << 5 & _MASK32
        yield state


def mersenne_twister(key: tuple[int, ...]) -> Iterator[int]:
    """Yield the outputs of MT19937, started from an array of 32-bit numbers as in Python's ``random.seed(int)``."""
    state = _state_of(key)
    while True:
        for index in range(_WORDS):
            both = (state[index] & 0x80000000) | (state[(index + 1) % _WORDS] & 0x7FFFFFFF)
            state[index] = state[(index + _MIDDLE) % _WORDS] ^ both >> 1 ^ (0x9908B0DF if both & 1 else 0)
        for word in state:
            word ^= word >> 11
            word ^= word << 7 & 0x9D2C5680
            word ^= word << 15 & 0xEFC60000
            yield word ^ word >> 18


def _state_of(key: tuple[int, ...]) -> list[int]:
    state = [19650218]
    for index in range(1, _WORDS):
        state.append((1812433253 * (state[-1] ^ state[-1] >> 30) + index) & _MASK32)
    index = 1
    for step in range(max(_WORDS, len(key))):
        mixed = (state[index - 1] ^ state[index - 1] >> 30) * 1664525
        state[index] = ((state[index] ^ mixed) + key[step % len(key)] + step % len(key)) & _MASK32
        index = _next(state, index)
    for _ in range(_WORDS - 1):
        mixed = (state[index - 1] ^ state[index - 1] >> 30) * 1566083941
        state[index] = ((state[index] ^ mixed) - index) & _MASK32
        index = _next(state, index)
    state[0] = 0x80000000
    return state


def _next(state: list[int], index: int) -> int:
    """Return the next index, 0 after the last one."""
    if index + 1 < _WORDS:
        return index + 1
    state[0] = state[-1]
    return 1


def low_bytes(generator: Iterator[int], count: int) -> bytes:
    """Return the low byte of each of `count` outputs, as in ``seed[i] = rand() & 0xFF``."""
    return bytes(number & 0xFF for number in islice(generator, count))


def whole_words(generator: Iterator[int], count: int) -> bytes:
    """Return `count` bytes of successive 32-bit outputs; the last output is cut."""
    return b"".join(number.to_bytes(4, "big") for number in islice(generator, -(-count // 4)))[:count]


def random_bits(generator: Iterator[int], count: int) -> bytes:
    """Return ``random.getrandbits(8 * count)`` of Python as big-endian bytes."""
    number = 0
    for place in range(0, 8 * count, 32):
        number |= (next(generator) >> max(0, 32 - (8 * count - place))) << place
    return number.to_bytes(count, "big")


def count(ecu: Ecu) -> int:
    """Return the next number of a counter that no restart resets."""
    lasting = ecu.state.lasting
    lasting["seeds issued"] = lasting.get("seeds issued", 0) + 1
    return _FIRST_COUNT + int(lasting["seeds issued"])


def count_since_start(ecu: Ecu) -> int:
    """Return the next number of a counter that starts at 1 after each restart."""
    notes = ecu.state.until_restart
    notes["seeds issued"] = notes.get("seeds issued", 0) + 1
    return int(notes["seeds issued"])


def ms_since_start(ecu: Ecu) -> int:
    """Return the whole milliseconds since the ECU was ready."""
    return int((ecu.now_s - ecu.state.ready_s) * 1000)


def low_bytes_of(number: int, count: int) -> bytes:
    """Return the low `count` bytes of a number, big-endian."""
    return (number % (1 << 8 * count)).to_bytes(count, "big")


def chance(ecu: Ecu, count: int) -> int:
    """Return a random start value that nobody can guess."""
    return int.from_bytes(ecu.surroundings.random_bytes(count), "big") or 1


def generated(
    start: Callable[[Ecu], Iterator[int]], draw: Callable[[Iterator[int], int], bytes], *, is_restarted: bool = False
) -> SeedSource:
    """Return a source of seeds: a generator that is started with the ECU and, if `is_restarted`, again with each session."""

    def draw_seed(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        notes = ecu.state.until_restart
        if "generator" not in notes or (is_restarted and not ecu.state.has_issued_seed_since_lock):
            notes["generator"] = start(ecu)
        return draw(notes["generator"], level.seed_bytes)

    return draw_seed
