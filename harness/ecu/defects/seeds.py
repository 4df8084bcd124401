"""What can be wrong with seeds?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect

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


@dataclass(frozen=True, kw_only=True)
class SeedDefects:
    """One switch for each; `harness.ecu.seeds` has what it does to the seeds."""

    # They come again.
    constant_seed: Annotated[
        bool,
        Defect(
            number="M01",
            what="Every seed is the same.",
            kills=("SA-01",),
            also={
                "SA-07": "the first seed after each start is the same",
                "SA-25": "the key of an old seed is the key of every seed",
                "SA-32": "the last key used, one of the trivial ones, is right again",
            },
        ),
    ] = False
    cycling_seeds: Annotated[
        bool,
        Defect(
            what="Four seeds repeat in a fixed order, which starts again at each boot.",
            kills=("SA-01",),
            also={
                "SA-03": "whoever has seen the cycle knows the next seed",
                "SA-05": "the order starts again at each boot",
                "SA-07": "the first seed after each start is the same",
                **_OLD_KEY_FITS,
            },
        ),
    ] = False
    fixed_seed_after_wrong_key: Annotated[
        bool,
        Defect(
            what="While a wrong key is on the account the seed is always the same one.",
            kills=("SA-01",),
            also=_OLD_KEY_FITS,
        ),
    ] = False

    seed_fixed_in_session: Annotated[
        bool,
        Defect(
            what="Each session has one seed, which is given again even after its key, e.g. once another level was opened.",
            kills=("SA-01",),
            also=_OLD_KEY_FITS,
        ),
    ] = False
    seed_renewed_each_second: Annotated[
        bool,
        Defect(
            what="All seeds of one second of the clock are the same, answered or not.",
            kills=("SA-01",),
            also={"SA-05": "two restarts within one second give the same seed", **_OLD_KEY_FITS},
        ),
    ] = False
    seed_renewed_each_fifth_time: Annotated[
        bool,
        Defect(
            what="A seed is given five times, answered or not, and then another one.",
            kills=("SA-01",),
            also={"SA-05": "the same seed is given before and after a restart", **_OLD_KEY_FITS},
        ),
    ] = False

    # They can be foretold.
    counter_seed: Annotated[
        bool,
        Defect(
            number="M03",
            what="Seeds are the numbers of a counter that no restart resets.",
            kills=("SA-03",),
            also={"SA-02": "the upper bits of a counter hardly change", **_NO_LENGTH},
        ),
    ] = False
    bit_reversed_counter_seed: Annotated[
        bool,
        Defect(
            number="M04",
            what="Seeds are a counter's numbers, their bits in reverse order and some of them inverted.",
            kills=("SA-03",),
            also={"SA-02": "the upper bits of a counter hardly change", **_NO_LENGTH},
        ),
    ] = False
    lfsr_seed: Annotated[
        bool,
        Defect(
            number="M06a",
            what="Seeds come from a shift register of 16 bits, started by chance.",
            kills=("SA-03",),
            also={
                "SA-02": "each bit position follows a recurrence of 16 bits",
                "SA-01": "a register of 16 bits has only so many states",
                **_NO_LENGTH,
            },
        ),
    ] = False
    lfsr_seed_by_session: Annotated[
        bool,
        Defect(
            number="M06b",
            what="Seeds come from a shift register of 16 bits, which starts anew with each session.",
            kills=("SA-03", "SA-01"),
            also={
                "SA-02": "each bit position follows a recurrence of 16 bits",
                "SA-05": "the register starts anew after a restart",
                **_NO_LENGTH,
                "SA-07": "the first seed after each start is the same",
                **_OLD_KEY_FITS,
            },
        ),
    ] = False
    time_seed: Annotated[
        bool,
        Defect(
            number="M07",
            what="The seed is the time of day in seconds.",
            kills=("SA-03", "SA-04"),
            also={
                "SA-01": "within one second every seed is the same",
                "SA-02": "the upper bits of a clock hardly change",
                **_NO_LENGTH,
                "SA-05": "two restarts within one second give the same seed",
                **_OLD_KEY_FITS,
            },
        ),
    ] = False
    rand_seeded_by_time: Annotated[
        bool,
        Defect(
            what="Seeds are made of rand(), which the first request after a start seeds with the time of day.",
            kills=("SA-04",),
            also={
                "SA-05": "two restarts within one second give the same seeds",
                "SA-02": "the low bits of a congruential generator have short periods",
                **_OLD_KEY_FITS,
            },
        ),
    ] = False
    rand_seeded_by_uptime: Annotated[
        bool,
        Defect(
            what="Each request seeds minstd_rand with the milliseconds since the start, and takes its first numbers.",
            kills=("SA-04", "SA-05"),
            also={"SA-02": "the first numbers hardly differ if their starts do", **_OLD_KEY_FITS},
        ),
    ] = False
    rand_seeded_at_each_request: Annotated[
        bool,
        Defect(
            what="Each request seeds rand() with the time of day in seconds, and takes its first numbers.",
            kills=("SA-01", "SA-04"),
            also={
                "SA-02": "the first numbers hardly differ if their starts do",
                "SA-03": "the first numbers of neighbouring starts differ by a constant",
                "SA-05": "two restarts within one second give the same seed",
                **_NO_LENGTH,
                **_OLD_KEY_FITS,
            },
        ),
    ] = False
    rand_seeded_by_session: Annotated[
        bool,
        Defect(
            what="The first request of a session seeds rand() with the time of day in seconds.",
            kills=("SA-01", "SA-04"),
            also={
                "SA-02": "the low bits of a congruential generator have short periods",
                "SA-05": "two restarts within one second give the same seeds",
                **_OLD_KEY_FITS,
            },
        ),
    ] = False
    xorshift_seed: Annotated[
        bool,
        Defect(
            what="Seeds are made of the whole outputs of xorshift32, started by chance.",
            kills=("SA-03", "SA-04"),
            also={"SA-02": "each bit position follows a recurrence of 32 bits", **_NO_LENGTH},
        ),
    ] = False
    mersenne_seed: Annotated[
        bool,
        Defect(
            number="M09a",
            what="Seeds come from a Mersenne Twister, started by chance, as Python's random.getrandbits(40) gives them.",
            kills=("SA-04",),
            depth="default",
            base="hardened-article-key",
            also=_SHORT_BY_BASE,
        ),
    ] = False
    mersenne_byte_seed: Annotated[
        bool,
        Defect(
            number="M09b",
            what="Each byte of a seed is the low byte of an output of a Mersenne Twister, started by chance.",
            kills=("SA-04",),
            depth="deep",
            base="hardened-article-key",
            also=_SHORT_BY_BASE,
        ),
    ] = False
    mersenne_seeded_by_time: Annotated[
        bool,
        Defect(
            what="Seeds come from Python's random, which the first request after a start seeds with the time of day.",
            kills=("SA-04",),
            depth="default",
            base="hardened-article-key",
            also={"SA-05": "two restarts within one second give the same seeds", **_SHORT_BY_BASE, **_OLD_KEY_FITS},
        ),
    ] = False
    uptime_seed: Annotated[
        bool,
        Defect(
            number="M10",
            what="A seed depends on nothing but the milliseconds since the start.",
            kills=("SA-05",),
            also=_OLD_KEY_FITS,
        ),
    ] = False

    # They have too little chance in them.
    few_random_seed_bytes: Annotated[
        bool,
        Defect(number="M11", what="Three bytes of five are the same in every seed.", kills=("SA-02", "SA-06")),
    ] = False
    seed_of_sixteen_bits: Annotated[
        bool,
        Defect(
            what="A seed is the hash of a number of sixteen bits, drawn by chance.",
            kills=("SA-01",),
            depth="default",
            also=_OLD_KEY_FITS,
        ),
    ] = False
    half_of_seed_masked: Annotated[
        bool,
        Defect(what="The second half of each seed is the first one XOR a constant.", kills=("SA-02",)),
    ] = False
    half_of_seed_added: Annotated[
        bool,
        Defect(what="The second half of each seed is the first one plus a constant, as a number.", kills=("SA-02",)),
    ] = False
    half_of_seed_looked_up: Annotated[
        bool,
        Defect(what="Each byte of a seed's second half is looked up by one of the first half.", kills=("SA-02",)),
    ] = False
    seed_mostly_uptime: Annotated[
        bool,
        Defect(
            what="Four bytes of a seed are chance, the others the milliseconds since the start.", kills=("SA-02", "SA-06")
        ),
    ] = False
    seed_mostly_counted: Annotated[
        bool,
        Defect(what="Two bytes of a seed are chance, the others a counter.", kills=("SA-02", "SA-03", "SA-06")),
    ] = False
    biased_seed_bit: Annotated[
        bool,
        Defect(number="M13", what="One bit of the seed is set in 55 % of the seeds.", kills=("SA-02",), depth="deep"),
    ] = False
    short_seed_and_key: Annotated[
        bool,
        Defect(
            number="M124",
            what="The seed has two bytes, the key one.",
            kills=("SA-06",),
            also={
                "SA-34": "so short a key is guessed, whatever the secret",
                "SA-01": "two bytes have few values",
                **_OLD_KEY_FITS,
            },
        ),
    ] = False

    # They say what is not so.
    zero_seed_after_start: Annotated[
        bool,
        Defect(
            number="M15",
            what="A locked level's first seed after a start is all zeros.",
            kills=("SA-07",),
            also=_AN_ANSWER_LIKE_NO_OTHER,
        ),
    ] = False
    zero_seed_after_wrong_key: Annotated[
        bool,
        Defect(
            what="While a wrong key is on the account the seed of the locked level is all zeros.",
            kills=("SA-07", "SA-01"),
            also={**_AN_ANSWER_LIKE_NO_OTHER, **_OLD_KEY_FITS},
        ),
    ] = False
    zero_seed_at_times: Annotated[
        bool,
        Defect(
            what="Every eleventh seed of a locked level is all zeros.",
            kills=("SA-07",),
            also=_AN_ANSWER_LIKE_NO_OTHER,
        ),
    ] = False
    seed_unready_at_first: Annotated[
        bool,
        Defect(
            what="A seed that is asked for within 0.3 s after the start is always the same.",
            kills=("SA-05",),
            also=_OLD_KEY_FITS,
        ),
    ] = False
    full_seed_after_start: Annotated[
        bool,
        Defect(
            what="The first seed after a start is FF in every byte.",
            kills=("SA-07",),
            also={"SA-05": "the seed after a restart is that of every other restart", **_OLD_KEY_FITS},
        ),
    ] = False
    fresh_seed_when_unlocked: Annotated[
        bool,
        Defect(
            number="M16",
            what="A level that is unlocked gives a fresh seed, where zeros would say that it is.",
            kills=("SA-08",),
            also=_AN_ANSWER_LIKE_NO_OTHER,
        ),
    ] = False
