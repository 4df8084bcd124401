"""Prove that the battery of tests finds each kind of defect, and gives no alarm on random seeds."""

from collections.abc import Callable

import pytest

from harness.analysis.collisions import collisions
from harness.analysis.predictors import foretell, foretell_stream
from harness.analysis.randomness import battery
from harness.analysis.recognition import Stream, solve

from .sources import shift_register, sound, take

Spoil = Callable[[int, bytes], bytes]


def test_two_hundred_sound_samples_raise_no_alarm() -> None:
    """A campaign gives 1e-4 alarms on average, so 200 samples should give none."""
    for run in range(200):
        seeds = sound(256, (5, 8, 16, 2)[run % 4], 1000 + run)
        assert not battery(seeds).alarms
        assert not collisions(seeds).is_too_many
        assert foretell(seeds) is None
        assert foretell_stream(seeds) is None
        assert solve([Stream(seeds)]) is None


@pytest.mark.parametrize(("count", "length"), [(50, 1), (79, 3), (1000, 16), (1300, 5), (10_000, 2)])
def test_samples_of_any_size_raise_no_alarm(count: int, length: int) -> None:
    found = battery(sound(count, length))
    assert not found.alarms
    assert all(0 <= one.p <= 1 for one in found.indications)


def with_byte(index: int, change: Callable[[int], int]) -> Spoil:
    return lambda _, seed: seed[:index] + bytes((change(seed[index]) & 0xFF,)) + seed[index + 1 :]


FLAWS: dict[str, tuple[str, int, Spoil]] = {
    "stuck bit": ("bit positions", 60, with_byte(1, lambda byte: byte | 0x10)),
    "rare bit": ("bit positions", 256, lambda number, seed: with_byte(0, lambda b: b & ~(number % 3 > 0))(number, seed)),
    "all bits": ("all bits together", 1000, lambda number, seed: bytes(b | seed[-1] & 1 << number % 8 for b in seed)),
    "few nibbles": ("nibble values", 1000, with_byte(2, lambda byte: byte % 192)),
    "few bytes": ("byte values", 2000, with_byte(2, lambda byte: byte // 2 * 2 if byte < 128 else byte)),
    "slow byte": ("serial correlation", 256, lambda number, seed: bytes((number // 2,)) + seed[1:]),
    "echo": ("serial correlation", 1000, lambda number, seed: bytes((number % 7 * 30 + seed[0] % 40,)) + seed[1:]),
    "close neighbours": ("distance of neighbours", 256, lambda number, seed: seed[:2] + bytes((number // 8,)) * 3),
    "runs": ("health tests", 256, lambda number, seed: seed if number < 200 else b"\x5a" * 5),
    "a common byte": ("most common byte", 256, lambda number, seed: seed[:4] + (b"\x42" if number % 4 == 0 else seed[4:])),
}


@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_is_seen_by_its_family(name: str) -> None:
    family, count, spoil = FLAWS[name]
    found = battery([spoil(number, seed) for number, seed in enumerate(sound(count, 5))])
    assert family in {one.family for one in found.alarms}


def test_a_shift_register_is_short_in_each_position() -> None:
    assert "linear complexity" in {one.family for one in battery(take(shift_register(5), 256)).alarms}


def test_a_bit_of_55_percent_is_seen_in_ten_thousand_and_said_to_be_so() -> None:
    """The battery detects such a bias in 10000 seeds, but not in 1000."""
    seeds = [
        bytes((seed[0] & 0x7F | (int.from_bytes(seed[1:3], "big") < 0.55 * 65536) << 7,)) + seed[3:]
        for seed in sound(10_000, 7)
    ]
    found = battery(seeds)
    assert [one.worst[:16] for one in found.alarms] == ["bit 7 of byte 0 "]
    assert found.visible_bias < 0.05 < battery(seeds[:1000]).visible_bias


def test_min_entropy_of_small_samples_is_what_sound_generators_score() -> None:
    """With 1000 seeds of 40 bits, the median score of pooled bytes is 6.71, and one sample in a hundred scores
    below 6.54.
    """
    scores = sorted(battery(sound(1000, 5, run)).min_entropy_per_byte for run in range(15))
    assert scores[7] == pytest.approx(6.71, abs=0.08)
    assert scores[0] > 6.4


@pytest.mark.parametrize(("count", "bits"), [(100, 10.7), (256, 13.4), (1000, 17.3), (10_000, 24.0)])
def test_what_a_sample_without_collisions_supports(count: int, bits: float) -> None:
    assert collisions(sound(count, 8)).entropy_bound_bits == pytest.approx(bits, abs=0.06)


@pytest.mark.parametrize(("count", "size"), [(256, 1), (1000, 2), (10_000, 2)])
def test_equal_seeds_lower_the_bound(count: int, size: int) -> None:
    found = collisions(sound(count, size))
    assert found.pairs > 0
    assert 8 * size - 1.5 < found.entropy_bound_bits < min(8 * size + 0.1, found.estimate_bits)


def test_collisions_estimate_the_entropy() -> None:
    """The seeds have forty bits, of which sixteen are random."""
    found = collisions([seed[:2] + bytes(3) for seed in sound(2000, 5)])
    assert found.is_too_many
    assert found.estimate_bits == pytest.approx(16, abs=0.6)


def test_seeds_of_several_lengths_repeat_as_often_as_those_of_each_length_may() -> None:
    short, long = sound(100, 1), sound(900, 16)
    found = collisions([*short, *long])
    assert found.expected == pytest.approx(100 * 99 / 2 / 256)
    assert not found.is_too_many
    assert collisions([*short, *long, *[long[0]] * 12]).is_too_many
