"""What can be wrong with seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import repeat
from typing import Final

from harness.ecu.config import SecurityLevel
from harness.ecu.definition import Definition
from harness.ecu.flaws.declare import flaw
from harness.ecu.flaws.weak_generators import (
    ansi_rand,
    lfsr16,
    low_bytes,
    mersenne_twister,
    minstd,
    random_bits,
    whole_words,
    xorshift32,
)
from harness.ecu.rules import Ecu, SeedSource
from harness.ecu.services.s27_security_access import unlocked_level_gives_zeros
from harness.uds import Service

_SHORT_BY_BASE = {
    "SA-06": "the article's seeds and keys are short, whatever they are drawn from",
    "SA-34": "the article's secret is short, whatever the seeds",
}
_NO_LENGTH = {"SA-06": "what follows from earlier seeds, the time or other parts of the seed adds nothing to its length"}
_AN_ANSWER_LIKE_NO_OTHER = {"FZ-04": "a walk through the states meets a seed that no sound ECU gives there"}
_OLD_KEY_FITS = {
    "SA-25": "an old key is right again whenever its seed is",
    "SA-32": "the last key used, one of the trivial ones, is right again whenever its seed is",
}

_CONSTANT_SEED: Final = hashlib.sha256(b"constant_seed").digest()
_SEED_CYCLE: Final = tuple(hashlib.sha256(b"cycling_seeds %d" % n).digest() for n in range(4))
_MASK: Final = hashlib.sha256(b"bit_reversed_counter_seed").digest()
_FIRST_COUNT: Final = 0x1F3A
_BIASED_BIT: Final = 5
_READY_MS: Final = 300


def _count(ecu: Ecu) -> int:
    """The next number of a counter that no restart resets."""
    lasting = ecu.state.lasting
    lasting["seeds issued"] = lasting.get("seeds issued", 0) + 1
    return _FIRST_COUNT + int(lasting["seeds issued"])


def _count_since_start(ecu: Ecu) -> int:
    """The next number of a counter that starts at 1 after each restart."""
    notes = ecu.state.until_restart
    notes["seeds issued"] = notes.get("seeds issued", 0) + 1
    return int(notes["seeds issued"])


def _ms_since_start(ecu: Ecu) -> int:
    return int((ecu.now_s - ecu.state.ready_s) * 1000)


def _low_bytes_of(number: int, count: int) -> bytes:
    """The low `count` bytes of a number, big-endian."""
    return (number % (1 << 8 * count)).to_bytes(count, "big")


def _half(ecu: Ecu, level: SecurityLevel) -> bytes:
    """Chance for the first half of a seed, and for the byte in the middle."""
    return ecu.surroundings.random_bytes(level.seed_bytes - level.seed_bytes // 2)


def _chance(ecu: Ecu, count: int) -> int:
    """A start that cannot be guessed."""
    return int.from_bytes(ecu.surroundings.random_bytes(count), "big") or 1


def _strong_mersenne(ecu: Ecu) -> Iterator[int]:
    return mersenne_twister(tuple(_chance(ecu, 4) for _ in range(8)))


def _one_number(generator: Iterator[int], count: int) -> bytes:
    return next(generator).to_bytes(64, "big")[-count:]


def _generated(
    start: Callable[[Ecu], Iterator[int]],
    draw: Callable[[Iterator[int], int], bytes],
    *,
    is_restarted: bool = False,
) -> SeedSource:
    """Seeds drawn from a generator that is started after each start of the ECU, or with `is_restarted` of a session."""

    def draw_seed(ecu: Ecu, level: SecurityLevel) -> bytes:
        notes = ecu.state.until_restart
        if "generator" not in notes or (is_restarted and not ecu.state.has_issued_seed_since_lock):
            notes["generator"] = start(ecu)
        return draw(notes["generator"], level.seed_bytes)

    return draw_seed


def _first_consists_of(byte: int) -> Callable[[SeedSource, Ecu, SecurityLevel], bytes]:
    """The first seed after each start; the others are as they would be."""

    def draw(go_on: SeedSource, ecu: Ecu, level: SecurityLevel) -> bytes:
        return bytes((byte,)) * level.seed_bytes if _count_since_start(ecu) == 1 else go_on(ecu, level)

    return draw


# They come again.


@flaw(
    number="M01",
    kills=("SA-01",),
    also={
        "SA-07": "the first seed after each start is the same",
        "SA-25": "the key of an old seed is the key of every seed",
        "SA-32": "the last key used, one of the trivial ones, is right again",
    },
)
def constant_seed(ecu: Definition) -> Definition:
    """Every seed is the same."""
    return ecu.decide_otherwise(draw_seed=lambda ecu, level: _CONSTANT_SEED[: level.seed_bytes])


@flaw(
    kills=("SA-01",),
    also={
        "SA-03": "whoever has seen the cycle knows the next seed",
        "SA-05": "the order starts again at each boot",
        "SA-07": "the first seed after each start is the same",
        **_OLD_KEY_FITS,
    },
)
def cycling_seeds(ecu: Definition) -> Definition:
    """Four seeds repeat in a fixed order, which starts again at each boot."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        return _SEED_CYCLE[_count_since_start(ecu) % len(_SEED_CYCLE)][: level.seed_bytes]

    return ecu.decide_otherwise(draw_seed=draw)


@flaw(kills=("SA-01",), also=_OLD_KEY_FITS)
def fixed_seed_after_wrong_key(ecu: Definition) -> Definition:
    """While a wrong key is on the account the seed is always the same one."""

    def draw(go_on: SeedSource, ecu: Ecu, level: SecurityLevel) -> bytes:
        return _CONSTANT_SEED[: level.seed_bytes] if ecu.state.wrong_keys[level.level] else go_on(ecu, level)

    return ecu.decide(draw_seed=draw)


@flaw(kills=("SA-01",), also=_OLD_KEY_FITS)
def seed_fixed_in_session(ecu: Definition) -> Definition:
    """Each session has one seed, which is given again even after its key, e.g. once another level was opened."""
    return ecu.decide_otherwise(draw_seed=_generated(lambda ecu: repeat(_chance(ecu, 64)), _one_number, is_restarted=True))


@flaw(kills=("SA-01",), also={"SA-05": "two restarts within one second give the same seed", **_OLD_KEY_FITS})
def seed_renewed_each_second(ecu: Definition) -> Definition:
    """All seeds of one second of the clock are the same, answered or not."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        return hashlib.sha512(b"second %d" % int(ecu.surroundings.utc_s)).digest()[: level.seed_bytes]

    return ecu.decide_otherwise(draw_seed=draw)


@flaw(kills=("SA-01",), also={"SA-05": "the same seed is given before and after a restart", **_OLD_KEY_FITS})
def seed_renewed_each_fifth_time(ecu: Definition) -> Definition:
    """A seed is given five times, answered or not, and then another one."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        return hashlib.sha512(b"five %d" % (_count(ecu) // 5)).digest()[: level.seed_bytes]

    return ecu.decide_otherwise(draw_seed=draw)


# They can be foretold.


@flaw(number="M03", kills=("SA-03",), also={"SA-02": "the upper bits of a counter hardly change", **_NO_LENGTH})
def counter_seed(ecu: Definition) -> Definition:
    """Seeds are the numbers of a counter that no restart resets."""
    return ecu.decide_otherwise(draw_seed=lambda ecu, level: _count(ecu).to_bytes(level.seed_bytes, "big"))


@flaw(number="M04", kills=("SA-03",), also={"SA-02": "the upper bits of a counter hardly change", **_NO_LENGTH})
def bit_reversed_counter_seed(ecu: Definition) -> Definition:
    """Seeds are a counter's numbers, their bits in reverse order and some of them inverted."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        bits = f"{_count(ecu):0{8 * level.seed_bytes}b}"
        reversed_count = int(bits[::-1], 2).to_bytes(level.seed_bytes, "big")
        return bytes(a ^ b for a, b in zip(reversed_count, _MASK[: level.seed_bytes], strict=True))

    return ecu.decide_otherwise(draw_seed=draw)


@flaw(
    number="M06a",
    kills=("SA-03",),
    also={
        "SA-02": "each bit position follows a recurrence of 16 bits",
        "SA-01": "a register of 16 bits has only so many states",
        **_NO_LENGTH,
    },
)
def lfsr_seed(ecu: Definition) -> Definition:
    """Seeds come from a shift register of 16 bits, started by chance."""
    return ecu.decide_otherwise(draw_seed=_generated(lambda ecu: lfsr16(_chance(ecu, 2)), low_bytes))


@flaw(
    number="M06b",
    kills=("SA-03", "SA-01"),
    also={
        "SA-02": "each bit position follows a recurrence of 16 bits",
        "SA-05": "the register starts anew after a restart",
        **_NO_LENGTH,
        "SA-07": "the first seed after each start is the same",
        **_OLD_KEY_FITS,
    },
)
def lfsr_seed_by_session(ecu: Definition) -> Definition:
    """Seeds come from a shift register of 16 bits, which starts anew with each session."""
    return ecu.decide_otherwise(draw_seed=_generated(lambda ecu: lfsr16(0xACE1), low_bytes, is_restarted=True))


@flaw(
    number="M07",
    kills=("SA-03", "SA-04"),
    also={
        "SA-01": "within one second every seed is the same",
        "SA-02": "the upper bits of a clock hardly change",
        **_NO_LENGTH,
        "SA-05": "two restarts within one second give the same seed",
        **_OLD_KEY_FITS,
    },
)
def time_seed(ecu: Definition) -> Definition:
    """The seed is the time of day in seconds."""
    return ecu.decide_otherwise(draw_seed=lambda ecu, level: int(ecu.surroundings.utc_s).to_bytes(level.seed_bytes, "big"))


@flaw(
    kills=("SA-04",),
    also={
        "SA-05": "two restarts within one second give the same seeds",
        "SA-02": "the low bits of a congruential generator have short periods",
        **_OLD_KEY_FITS,
    },
)
def rand_seeded_by_time(ecu: Definition) -> Definition:
    """Seeds are made of rand(), which the first request after a start seeds with the time of day."""
    return ecu.decide_otherwise(draw_seed=_generated(lambda ecu: ansi_rand(int(ecu.surroundings.utc_s)), low_bytes))


@flaw(kills=("SA-04", "SA-05"), also={"SA-02": "the first numbers hardly differ if their starts do", **_OLD_KEY_FITS})
def rand_seeded_by_uptime(ecu: Definition) -> Definition:
    """Each request seeds minstd_rand with the milliseconds since the start, and takes its first numbers."""
    return ecu.decide_otherwise(draw_seed=lambda ecu, level: low_bytes(minstd(_ms_since_start(ecu)), level.seed_bytes))


@flaw(
    kills=("SA-01", "SA-04"),
    also={
        "SA-02": "the first numbers hardly differ if their starts do",
        "SA-03": "the first numbers of neighbouring starts differ by a constant",
        "SA-05": "two restarts within one second give the same seed",
        **_NO_LENGTH,
        **_OLD_KEY_FITS,
    },
)
def rand_seeded_at_each_request(ecu: Definition) -> Definition:
    """Each request seeds rand() with the time of day in seconds, and takes its first numbers."""
    return ecu.decide_otherwise(
        draw_seed=lambda ecu, level: low_bytes(ansi_rand(int(ecu.surroundings.utc_s)), level.seed_bytes)
    )


@flaw(
    kills=("SA-01", "SA-04"),
    also={
        "SA-02": "the low bits of a congruential generator have short periods",
        "SA-05": "two restarts within one second give the same seeds",
        **_OLD_KEY_FITS,
    },
)
def rand_seeded_by_session(ecu: Definition) -> Definition:
    """The first request of a session seeds rand() with the time of day in seconds."""
    return ecu.decide_otherwise(
        draw_seed=_generated(lambda ecu: ansi_rand(int(ecu.surroundings.utc_s)), low_bytes, is_restarted=True)
    )


@flaw(kills=("SA-03", "SA-04"), also={"SA-02": "each bit position follows a recurrence of 32 bits", **_NO_LENGTH})
def xorshift_seed(ecu: Definition) -> Definition:
    """Seeds are made of the whole outputs of xorshift32, started by chance."""
    return ecu.decide_otherwise(draw_seed=_generated(lambda ecu: xorshift32(_chance(ecu, 4)), whole_words))


@flaw(number="M09a", kills=("SA-04",), depth="default", base="hardened-article-key", also=_SHORT_BY_BASE)
def mersenne_seed(ecu: Definition) -> Definition:
    """Seeds come from a Mersenne Twister, started by chance, as Python's random.getrandbits(40) gives them."""
    return ecu.decide_otherwise(draw_seed=_generated(_strong_mersenne, random_bits))


@flaw(number="M09b", kills=("SA-04",), depth="deep", base="hardened-article-key", also=_SHORT_BY_BASE)
def mersenne_byte_seed(ecu: Definition) -> Definition:
    """Each byte of a seed is the low byte of an output of a Mersenne Twister, started by chance."""
    return ecu.decide_otherwise(draw_seed=_generated(_strong_mersenne, low_bytes))


@flaw(
    kills=("SA-04",),
    depth="default",
    base="hardened-article-key",
    also={"SA-05": "two restarts within one second give the same seeds", **_SHORT_BY_BASE, **_OLD_KEY_FITS},
)
def mersenne_seeded_by_time(ecu: Definition) -> Definition:
    """Seeds come from Python's random, which the first request after a start seeds with the time of day."""
    return ecu.decide_otherwise(
        draw_seed=_generated(lambda ecu: mersenne_twister((int(ecu.surroundings.utc_s),)), random_bits)
    )


@flaw(number="M10", kills=("SA-05",), also=_OLD_KEY_FITS)
def uptime_seed(ecu: Definition) -> Definition:
    """A seed depends on nothing but the milliseconds since the start."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        return hashlib.sha512(b"%d" % _ms_since_start(ecu)).digest()[: level.seed_bytes]

    return ecu.decide_otherwise(draw_seed=draw)


# They have too little chance in them.


@flaw(number="M11", kills=("SA-02", "SA-06"))
def few_random_seed_bytes(ecu: Definition) -> Definition:
    """Three bytes of five are the same in every seed."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        constant = level.seed_bytes * 3 // 5
        return _CONSTANT_SEED[:constant] + ecu.surroundings.random_bytes(level.seed_bytes - constant)

    return ecu.decide_otherwise(draw_seed=draw)


@flaw(kills=("SA-01",), depth="default", also=_OLD_KEY_FITS)
def seed_of_sixteen_bits(ecu: Definition) -> Definition:
    """A seed is the hash of a number of sixteen bits, drawn by chance."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        return hashlib.sha512(b"sixteen" + ecu.surroundings.random_bytes(2)).digest()[: level.seed_bytes]

    return ecu.decide_otherwise(draw_seed=draw)


@flaw(kills=("SA-02",))
def half_of_seed_masked(ecu: Definition) -> Definition:
    """The second half of each seed is the first one XOR a constant."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        half = _half(ecu, level)
        return (half + bytes(a ^ b for a, b in zip(half, _MASK, strict=False)))[: level.seed_bytes]

    return ecu.decide_otherwise(draw_seed=draw)


@flaw(kills=("SA-02",))
def half_of_seed_added(ecu: Definition) -> Definition:
    """The second half of each seed is the first one plus a constant, as a number."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        half = _half(ecu, level)
        total = int.from_bytes(half, "big") + int.from_bytes(_MASK[: len(half)], "big")
        return half + _low_bytes_of(total, level.seed_bytes // 2)

    return ecu.decide_otherwise(draw_seed=draw)


@flaw(kills=("SA-02",))
def half_of_seed_looked_up(ecu: Definition) -> Definition:
    """Each byte of a seed's second half is looked up by one of the first half."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        half = _half(ecu, level)
        found = bytes(hashlib.sha256(bytes((place, byte))).digest()[0] for place, byte in enumerate(half))
        return (half + found)[: level.seed_bytes]

    return ecu.decide_otherwise(draw_seed=draw)


@flaw(kills=("SA-02", "SA-06"))
def seed_mostly_uptime(ecu: Definition) -> Definition:
    """Four bytes of a seed are chance, the others the milliseconds since the start."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        return ecu.surroundings.random_bytes(4) + _low_bytes_of(_ms_since_start(ecu), level.seed_bytes - 4)

    return ecu.decide_otherwise(draw_seed=draw)


@flaw(kills=("SA-02", "SA-03", "SA-06"))
def seed_mostly_counted(ecu: Definition) -> Definition:
    """Two bytes of a seed are chance, the others a counter."""

    def draw(ecu: Ecu, level: SecurityLevel) -> bytes:
        return _low_bytes_of(_count(ecu), level.seed_bytes - 2) + ecu.surroundings.random_bytes(2)

    return ecu.decide_otherwise(draw_seed=draw)


@flaw(number="M13", kills=("SA-02",), depth="deep")
def biased_seed_bit(ecu: Definition) -> Definition:
    """One bit of the seed is set in 55 % of the seeds."""

    def draw(go_on: SeedSource, ecu: Ecu, level: SecurityLevel) -> bytes:
        seed = bytearray(go_on(ecu, level))
        is_set = int.from_bytes(ecu.surroundings.random_bytes(4), "big") < 0.55 * 2**32
        seed[0] = seed[0] & ~(1 << _BIASED_BIT) | is_set << _BIASED_BIT
        return bytes(seed)

    return ecu.decide(draw_seed=draw)


@flaw(
    number="M124",
    kills=("SA-06",),
    also={
        "SA-34": "so short a key is guessed, whatever the secret",
        "SA-01": "two bytes have few values",
        **_OLD_KEY_FITS,
    },
)
def short_seed_and_key(ecu: Definition) -> Definition:
    """The seed has two bytes, the key one."""

    def shortened(level: SecurityLevel) -> SecurityLevel:
        return replace(level, seed_bytes=2, key_bytes=1, key=lambda seed, number: level.key(seed, number)[:1])

    return ecu.with_levels("seed length", "key", change=shortened)


# They say what is not so.


@flaw(number="M15", kills=("SA-07",), also=_AN_ANSWER_LIKE_NO_OTHER)
def zero_seed_after_start(ecu: Definition) -> Definition:
    """A locked level's first seed after a start is all zeros."""
    return ecu.decide(draw_seed=_first_consists_of(0x00))


@flaw(kills=("SA-07", "SA-01"), also={**_AN_ANSWER_LIKE_NO_OTHER, **_OLD_KEY_FITS})
def zero_seed_after_wrong_key(ecu: Definition) -> Definition:
    """While a wrong key is on the account the seed of the locked level is all zeros."""

    def draw(go_on: SeedSource, ecu: Ecu, level: SecurityLevel) -> bytes:
        return bytes(level.seed_bytes) if ecu.state.wrong_keys[level.level] else go_on(ecu, level)

    return ecu.decide(draw_seed=draw)


@flaw(kills=("SA-07",), also=_AN_ANSWER_LIKE_NO_OTHER)
def zero_seed_at_times(ecu: Definition) -> Definition:
    """Every eleventh seed of a locked level is all zeros."""

    def draw(go_on: SeedSource, ecu: Ecu, level: SecurityLevel) -> bytes:
        return bytes(level.seed_bytes) if _count(ecu) % 11 == 0 else go_on(ecu, level)

    return ecu.decide(draw_seed=draw)


@flaw(kills=("SA-05",), also=_OLD_KEY_FITS)
def seed_unready_at_first(ecu: Definition) -> Definition:
    """A seed that is asked for within 0.3 s after the start is always the same."""

    def draw(go_on: SeedSource, ecu: Ecu, level: SecurityLevel) -> bytes:
        return _CONSTANT_SEED[: level.seed_bytes] if _ms_since_start(ecu) < _READY_MS else go_on(ecu, level)

    return ecu.decide(draw_seed=draw)


@flaw(kills=("SA-07",), also={"SA-05": "the seed after a restart is that of every other restart", **_OLD_KEY_FITS})
def full_seed_after_start(ecu: Definition) -> Definition:
    """The first seed after a start is FF in every byte."""
    return ecu.decide(draw_seed=_first_consists_of(0xFF))


@flaw(number="M16", kills=("SA-08",), also=_AN_ANSWER_LIKE_NO_OTHER)
def fresh_seed_when_unlocked(ecu: Definition) -> Definition:
    """A level that is unlocked gives a fresh seed, where zeros would say that it is."""
    return ecu.without(Service.SECURITY_ACCESS, unlocked_level_gives_zeros)
