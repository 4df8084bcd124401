"""Flaws of the sequence of seeds: they repeat, or can be predicted."""

import hashlib
from collections.abc import Iterator
from itertools import repeat
from typing import Final

from harness.ecu.config import EcuSecurityLevel
from harness.ecu.definition import Definition
from harness.ecu.flaws.declare import flaw
from harness.ecu.flaws.weak_generators import (
    CONSTANT_SEED,
    MASK,
    ansi_rand,
    chance,
    count,
    count_since_start,
    generated,
    lfsr16,
    low_bytes,
    mersenne_twister,
    minstd,
    ms_since_start,
    random_bits,
    whole_words,
    xorshift32,
)
from harness.ecu.rules import Ecu, SeedSource

_SHORT_BY_BASE = {
    "SA-06": "the article's seeds and keys are short, whatever they are drawn from",
    "SA-34": "the article's secret is short, whatever the seeds",
}
_NO_LENGTH = {"SA-06": "what follows from earlier seeds, the time or other parts of the seed adds nothing to its length"}
_OLD_KEY_FITS = {
    "SA-25": "an old key is right again whenever its seed is",
    "SA-32": "the last key used, one of the trivial ones, is right again whenever its seed is",
}


_SEED_CYCLE: Final = tuple(hashlib.sha256(b"cycling_seeds %d" % n).digest() for n in range(4))


def _strong_mersenne(ecu: Ecu) -> Iterator[int]:
    return mersenne_twister(tuple(chance(ecu, 4) for _ in range(8)))


def _one_number(generator: Iterator[int], count: int) -> bytes:
    return next(generator).to_bytes(64, "big")[-count:]


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
def constant_seed(definition: Definition) -> Definition:
    """Every seed is the same."""
    return definition.replace_decision(draw_seed=lambda ecu, level: CONSTANT_SEED[: level.seed_bytes])


@flaw(
    kills=("SA-01",),
    also={
        "SA-03": "whoever has seen the cycle knows the next seed",
        "SA-05": "the order starts again at each boot",
        "SA-07": "the first seed after each start is the same",
        **_OLD_KEY_FITS,
    },
)
def cycling_seeds(definition: Definition) -> Definition:
    """Four seeds repeat in a fixed order, which starts again at each boot."""
    return definition.replace_decision(
        draw_seed=lambda ecu, level: _SEED_CYCLE[count_since_start(ecu) % len(_SEED_CYCLE)][: level.seed_bytes]
    )


@flaw(kills=("SA-01",), also=_OLD_KEY_FITS)
def fixed_seed_after_wrong_key(definition: Definition) -> Definition:
    """As long as a wrong key is counted, the seed is always the same."""

    def draw(go_on: SeedSource, ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        return CONSTANT_SEED[: level.seed_bytes] if ecu.state.wrong_keys[level.level] else go_on(ecu, level)

    return definition.wrap_decision(draw_seed=draw)


@flaw(kills=("SA-01",), also=_OLD_KEY_FITS)
def seed_fixed_in_session(definition: Definition) -> Definition:
    """Each session has one seed, which is given again even after its key, e.g. once another level was opened."""
    return definition.replace_decision(
        draw_seed=generated(lambda ecu: repeat(chance(ecu, 64)), _one_number, is_restarted=True)
    )


@flaw(kills=("SA-01",), also={"SA-05": "two restarts within one second give the same seed", **_OLD_KEY_FITS})
def seed_renewed_each_second(definition: Definition) -> Definition:
    """All seeds of one second of the clock are the same, answered or not."""
    return definition.replace_decision(
        draw_seed=lambda ecu, level: hashlib.sha512(b"second %d" % int(ecu.surroundings.utc_s)).digest()[: level.seed_bytes]
    )


@flaw(kills=("SA-01",), also={"SA-05": "the same seed is given before and after a restart", **_OLD_KEY_FITS})
def seed_renewed_each_fifth_time(definition: Definition) -> Definition:
    """Each seed is given to five requests in a row, whether or not a key answers in between."""
    return definition.replace_decision(
        draw_seed=lambda ecu, level: hashlib.sha512(b"five %d" % (count(ecu) // 5)).digest()[: level.seed_bytes]
    )


# They can be foretold.


@flaw(number="M03", kills=("SA-03",), also={"SA-02": "the upper bits of a counter hardly change", **_NO_LENGTH})
def counter_seed(definition: Definition) -> Definition:
    """Seeds are the numbers of a counter that no restart resets."""
    return definition.replace_decision(draw_seed=lambda ecu, level: count(ecu).to_bytes(level.seed_bytes, "big"))


@flaw(number="M04", kills=("SA-03",), also={"SA-02": "the upper bits of a counter hardly change", **_NO_LENGTH})
def bit_reversed_counter_seed(definition: Definition) -> Definition:
    """Seeds are a counter's numbers, their bits in reverse order and some of them inverted."""

    def draw(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
        bits = f"{count(ecu):0{8 * level.seed_bytes}b}"
        reversed_count = int(bits[::-1], 2).to_bytes(level.seed_bytes, "big")
        return bytes(a ^ b for a, b in zip(reversed_count, MASK[: level.seed_bytes], strict=True))

    return definition.replace_decision(draw_seed=draw)


@flaw(
    number="M06a",
    kills=("SA-03",),
    also={
        "SA-02": "each bit position follows a recurrence of 16 bits",
        "SA-01": "a register of 16 bits has only so many states",
        **_NO_LENGTH,
    },
)
def lfsr_seed(definition: Definition) -> Definition:
    """Seeds come from a shift register of 16 bits with a random start."""
    return definition.replace_decision(draw_seed=generated(lambda ecu: lfsr16(chance(ecu, 2)), low_bytes))


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
def lfsr_seed_by_session(definition: Definition) -> Definition:
    """Seeds come from a shift register of 16 bits, which starts anew with each session."""
    return definition.replace_decision(draw_seed=generated(lambda ecu: lfsr16(0xACE1), low_bytes, is_restarted=True))


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
def time_seed(definition: Definition) -> Definition:
    """The seed is the time of day in seconds."""
    return definition.replace_decision(
        draw_seed=lambda ecu, level: int(ecu.surroundings.utc_s).to_bytes(level.seed_bytes, "big")
    )


@flaw(
    kills=("SA-04",),
    also={
        "SA-05": "two restarts within one second give the same seeds",
        "SA-02": "the low bits of a congruential generator have short periods",
        **_OLD_KEY_FITS,
    },
)
def rand_seeded_by_time(definition: Definition) -> Definition:
    """Seeds are made of rand(), which the first request after a start seeds with the time of day."""
    return definition.replace_decision(draw_seed=generated(lambda ecu: ansi_rand(int(ecu.surroundings.utc_s)), low_bytes))


@flaw(kills=("SA-04", "SA-05"), also={"SA-02": "the first numbers hardly differ if their starts do", **_OLD_KEY_FITS})
def rand_seeded_by_uptime(definition: Definition) -> Definition:
    """Each request seeds minstd_rand with the milliseconds since the start, and takes its first numbers."""
    return definition.replace_decision(draw_seed=lambda ecu, level: low_bytes(minstd(ms_since_start(ecu)), level.seed_bytes))


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
def rand_seeded_at_each_request(definition: Definition) -> Definition:
    """Each request seeds rand() with the time of day in seconds, and takes its first numbers."""
    return definition.replace_decision(
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
def rand_seeded_by_session(definition: Definition) -> Definition:
    """The first request of a session seeds rand() with the time of day in seconds."""
    return definition.replace_decision(
        draw_seed=generated(lambda ecu: ansi_rand(int(ecu.surroundings.utc_s)), low_bytes, is_restarted=True)
    )


@flaw(kills=("SA-03", "SA-04"), also={"SA-02": "each bit position follows a recurrence of 32 bits", **_NO_LENGTH})
def xorshift_seed(definition: Definition) -> Definition:
    """Seeds are made of whole outputs of a randomly seeded xorshift32."""
    return definition.replace_decision(draw_seed=generated(lambda ecu: xorshift32(chance(ecu, 4)), whole_words))


@flaw(number="M09a", kills=("SA-04",), depth="default", base="hardened-article-key", also=_SHORT_BY_BASE)
def mersenne_seed(definition: Definition) -> Definition:
    """Seeds come from a randomly seeded Mersenne Twister, as Python's random.getrandbits(40) gives them."""
    return definition.replace_decision(draw_seed=generated(_strong_mersenne, random_bits))


@flaw(number="M09b", kills=("SA-04",), depth="deep", base="hardened-article-key", also=_SHORT_BY_BASE)
def mersenne_byte_seed(definition: Definition) -> Definition:
    """Each byte of a seed is the low byte of an output of a randomly seeded Mersenne Twister."""
    return definition.replace_decision(draw_seed=generated(_strong_mersenne, low_bytes))


@flaw(
    kills=("SA-04",),
    depth="default",
    base="hardened-article-key",
    also={"SA-05": "two restarts within one second give the same seeds", **_SHORT_BY_BASE, **_OLD_KEY_FITS},
)
def mersenne_seeded_by_time(definition: Definition) -> Definition:
    """Seeds come from Python's random, which the first request after a start seeds with the time of day."""
    return definition.replace_decision(
        draw_seed=generated(lambda ecu: mersenne_twister((int(ecu.surroundings.utc_s),)), random_bits)
    )


@flaw(number="M10", kills=("SA-05",), also=_OLD_KEY_FITS)
def uptime_seed(definition: Definition) -> Definition:
    """A seed depends on nothing but the milliseconds since the start."""
    return definition.replace_decision(
        draw_seed=lambda ecu, level: hashlib.sha512(b"%d" % ms_since_start(ecu)).digest()[: level.seed_bytes]
    )
