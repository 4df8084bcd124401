"""Where does an ECU take its seeds from? A sound one from chance, afresh for each; flawed ones from elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Final

from harness.ecu.config import EcuConfig, SecurityLevel
from harness.ecu.rules import Ecu, SeedSource
from harness.ecu.weak_generators import (
    ansi_rand,
    lfsr16,
    low_bytes,
    mersenne_twister,
    minstd,
    random_bits,
    whole_words,
    xorshift32,
)

_CONSTANT_SEED: Final = hashlib.sha256(b"constant_seed").digest()
_SEED_CYCLE: Final = tuple(hashlib.sha256(b"cycling_seeds %d" % n).digest() for n in range(4))
_MASK: Final = hashlib.sha256(b"bit_reversed_counter_seed").digest()
_FIRST_COUNT: Final = 0x1F3A
_BIASED_BIT: Final = 5
_READY_MS: Final = 300


def seed_source(config: EcuConfig) -> SeedSource:
    """The one that the ECU's defects leave it."""
    if config.holds_seed or config.holds_seed_in_session:
        return held_seed
    flawed = (draw for name, draw in FLAWED_SOURCES.items() if getattr(config.defects, name))
    return next(flawed, random_seed)


def random_seed(ecu: Ecu, level: SecurityLevel) -> bytes:
    """Chance. All zeros would say that the level is unlocked, and are drawn again."""
    count = level.seed_bytes
    if ecu.config.short_seed_every:
        ecu.state.seeds_issued += 1
        count = count // 2 if ecu.state.seeds_issued % ecu.config.short_seed_every == 0 else count
    seed = b""
    while not any(seed):
        seed = ecu.surroundings.random_bytes(count)
    return seed


def held_seed(ecu: Ecu, level: SecurityLevel) -> bytes:
    """The same until the right key has answered it, restarts included: the option Static_Seed of Annex I.

    An ECU that holds it no longer than a session draws another one when that has ended.
    """
    held = ecu.state.held_seeds
    is_over = ecu.config.holds_seed_in_session and not ecu.state.has_issued_seed_since_lock
    if level.level not in held or is_over:
        held[level.level] = random_seed(ecu, level)
    return held[level.level]


def _constant(ecu: Ecu, level: SecurityLevel) -> bytes:
    return _CONSTANT_SEED[: level.seed_bytes]


def _cycle(ecu: Ecu, level: SecurityLevel) -> bytes:
    ecu.state.seeds_issued += 1
    return _SEED_CYCLE[ecu.state.seeds_issued % len(_SEED_CYCLE)][: level.seed_bytes]


def _count(ecu: Ecu) -> int:
    """The next number of a counter that no restart resets."""
    ecu.state.seeds_ever_issued += 1
    return _FIRST_COUNT + ecu.state.seeds_ever_issued


def _counter(ecu: Ecu, level: SecurityLevel) -> bytes:
    return _count(ecu).to_bytes(level.seed_bytes, "big")


def _bit_reversed_counter(ecu: Ecu, level: SecurityLevel) -> bytes:
    bits = f"{_count(ecu):0{8 * level.seed_bytes}b}"
    reversed_count = int(bits[::-1], 2).to_bytes(level.seed_bytes, "big")
    return bytes(a ^ b for a, b in zip(reversed_count, _MASK[: level.seed_bytes], strict=True))


def _time(ecu: Ecu, level: SecurityLevel) -> bytes:
    return int(ecu.surroundings.utc_s).to_bytes(level.seed_bytes, "big")


def _ms_since_start(ecu: Ecu) -> int:
    return int((ecu.now_s - ecu.state.ready_s) * 1000)


def _uptime_hash(ecu: Ecu, level: SecurityLevel) -> bytes:
    return hashlib.sha512(b"%d" % _ms_since_start(ecu)).digest()[: level.seed_bytes]


def _few_random_bytes(ecu: Ecu, level: SecurityLevel) -> bytes:
    constant = level.seed_bytes * 3 // 5
    return _CONSTANT_SEED[:constant] + ecu.surroundings.random_bytes(level.seed_bytes - constant)


def _biased_bit(ecu: Ecu, level: SecurityLevel) -> bytes:
    seed = bytearray(random_seed(ecu, level))
    is_set = int.from_bytes(ecu.surroundings.random_bytes(4), "big") < 0.55 * 2**32
    seed[0] = seed[0] & ~(1 << _BIASED_BIT) | is_set << _BIASED_BIT
    return bytes(seed)


def _half(ecu: Ecu, level: SecurityLevel) -> bytes:
    """Chance for the first half of a seed, and for the byte in the middle."""
    return ecu.surroundings.random_bytes(level.seed_bytes - level.seed_bytes // 2)


def _low_bytes_of(number: int, count: int) -> bytes:
    """The low `count` bytes of a number, big-endian."""
    return (number % (1 << 8 * count)).to_bytes(count, "big")


def _half_masked(ecu: Ecu, level: SecurityLevel) -> bytes:
    half = _half(ecu, level)
    return (half + bytes(a ^ b for a, b in zip(half, _MASK, strict=False)))[: level.seed_bytes]


def _half_added(ecu: Ecu, level: SecurityLevel) -> bytes:
    half = _half(ecu, level)
    total = int.from_bytes(half, "big") + int.from_bytes(_MASK[: len(half)], "big")
    return half + _low_bytes_of(total, level.seed_bytes // 2)


def _half_looked_up(ecu: Ecu, level: SecurityLevel) -> bytes:
    half = _half(ecu, level)
    found = bytes(hashlib.sha256(bytes((place, byte))).digest()[0] for place, byte in enumerate(half))
    return (half + found)[: level.seed_bytes]


def _mostly_uptime(ecu: Ecu, level: SecurityLevel) -> bytes:
    return ecu.surroundings.random_bytes(4) + _low_bytes_of(_ms_since_start(ecu), level.seed_bytes - 4)


def _mostly_counted(ecu: Ecu, level: SecurityLevel) -> bytes:
    return _low_bytes_of(_count(ecu), level.seed_bytes - 2) + ecu.surroundings.random_bytes(2)


def _renewed_each_second(ecu: Ecu, level: SecurityLevel) -> bytes:
    return hashlib.sha512(b"second %d" % int(ecu.surroundings.utc_s)).digest()[: level.seed_bytes]


def _renewed_each_fifth_time(ecu: Ecu, level: SecurityLevel) -> bytes:
    return hashlib.sha512(b"five %d" % (_count(ecu) // 5)).digest()[: level.seed_bytes]


def _ansi_rand_by_second(ecu: Ecu, level: SecurityLevel) -> bytes:
    return low_bytes(ansi_rand(int(ecu.surroundings.utc_s)), level.seed_bytes)


def _zero_at_times(ecu: Ecu, level: SecurityLevel) -> bytes:
    return bytes(level.seed_bytes) if _count(ecu) % 11 == 0 else random_seed(ecu, level)


def _sixteen_bits(ecu: Ecu, level: SecurityLevel) -> bytes:
    return hashlib.sha512(b"sixteen" + ecu.surroundings.random_bytes(2)).digest()[: level.seed_bytes]


def _zero_after_wrong_key(ecu: Ecu, level: SecurityLevel) -> bytes:
    return bytes(level.seed_bytes) if ecu.state.wrong_keys[level.level] else random_seed(ecu, level)


def _unready_at_first(ecu: Ecu, level: SecurityLevel) -> bytes:
    return _CONSTANT_SEED[: level.seed_bytes] if _ms_since_start(ecu) < _READY_MS else random_seed(ecu, level)


def _first_is(byte: int) -> SeedSource:
    """The first seed after each start consists of this byte; the others are sound."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        ecu.state.seeds_issued += 1
        return bytes((byte,)) * level.seed_bytes if ecu.state.seeds_issued == 1 else random_seed(ecu, level)

    return draw


def _fixed_after_wrong_key(ecu: Ecu, level: SecurityLevel) -> bytes:
    return _CONSTANT_SEED[: level.seed_bytes] if ecu.state.wrong_keys[level.level] else random_seed(ecu, level)


def _generated(
    start: Callable[[Ecu], Iterator[int]],
    draw: Callable[[Iterator[int], int], bytes],
    *,
    is_restarted: bool = False,
) -> SeedSource:
    """Seeds drawn from a generator that is started after each start of the ECU, or with `is_restarted` of a session."""

    def draw_seed(ecu: Ecu, level: SecurityLevel) -> bytes:
        state = ecu.state
        if state.generator is None or (is_restarted and not state.has_issued_seed_since_lock):
            state.generator = start(ecu)
        return draw(state.generator, level.seed_bytes)

    return draw_seed


def _chance(ecu: Ecu, count: int) -> int:
    """A start that cannot be guessed."""
    return int.from_bytes(ecu.surroundings.random_bytes(count), "big") or 1


def _strong_mersenne(ecu: Ecu) -> Iterator[int]:
    return mersenne_twister(tuple(_chance(ecu, 4) for _ in range(8)))


def _minstd_by_uptime(ecu: Ecu, level: SecurityLevel) -> bytes:
    return low_bytes(minstd(_ms_since_start(ecu)), level.seed_bytes)


def _one_number(generator: Iterator[int], count: int) -> bytes:
    return next(generator).to_bytes(64, "big")[-count:]


FLAWED_SOURCES: Final[dict[str, SeedSource]] = {
    "constant_seed": _constant,
    "cycling_seeds": _cycle,
    "counter_seed": _counter,
    "bit_reversed_counter_seed": _bit_reversed_counter,
    "lfsr_seed": _generated(lambda ecu: lfsr16(_chance(ecu, 2)), low_bytes),
    "lfsr_seed_by_session": _generated(lambda ecu: lfsr16(0xACE1), low_bytes, is_restarted=True),
    "time_seed": _time,
    "rand_seeded_by_time": _generated(lambda ecu: ansi_rand(int(ecu.surroundings.utc_s)), low_bytes),
    "rand_seeded_by_uptime": _minstd_by_uptime,
    "xorshift_seed": _generated(lambda ecu: xorshift32(_chance(ecu, 4)), whole_words),
    "mersenne_seed": _generated(_strong_mersenne, random_bits),
    "mersenne_byte_seed": _generated(_strong_mersenne, low_bytes),
    "mersenne_seeded_by_time": _generated(lambda ecu: mersenne_twister((int(ecu.surroundings.utc_s),)), random_bits),
    "seed_fixed_in_session": _generated(lambda ecu: repeat(_chance(ecu, 64)), _one_number, is_restarted=True),
    "seed_renewed_each_second": _renewed_each_second,
    "seed_renewed_each_fifth_time": _renewed_each_fifth_time,
    "rand_seeded_at_each_request": _ansi_rand_by_second,
    "rand_seeded_by_session": _generated(lambda ecu: ansi_rand(int(ecu.surroundings.utc_s)), low_bytes, is_restarted=True),
    "half_of_seed_masked": _half_masked,
    "half_of_seed_added": _half_added,
    "half_of_seed_looked_up": _half_looked_up,
    "seed_mostly_uptime": _mostly_uptime,
    "seed_mostly_counted": _mostly_counted,
    "seed_unready_at_first": _unready_at_first,
    "seed_of_sixteen_bits": _sixteen_bits,
    "zero_seed_after_wrong_key": _zero_after_wrong_key,
    "zero_seed_at_times": _zero_at_times,
    "uptime_seed": _uptime_hash,
    "few_random_seed_bytes": _few_random_bytes,
    "biased_seed_bit": _biased_bit,
    "zero_seed_after_start": _first_is(0x00),
    "full_seed_after_start": _first_is(0xFF),
    "fixed_seed_after_wrong_key": _fixed_after_wrong_key,
}
"""By the defect that asks for it."""
