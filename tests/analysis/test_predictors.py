"""Prove that seeds with a rule are predicted, and seeds without one are not."""

from collections.abc import Iterator

import pytest

from harness.analysis.linear import shortest_recurrence, shortness_probability
from harness.analysis.predictors import foretell, foretell_stream

from .sources import (
    congruential,
    counter,
    gray_code,
    minimal_standard,
    permuted_counter,
    shift_register,
    sound,
    take,
    xorshift,
)

SESSIONS = (0, 64, 128, 192)


@pytest.mark.parametrize("length", [2, 4, 5, 8, 16, 64])
@pytest.mark.parametrize(
    "name",
    ["counter", "counter by 3, little-endian", "permuted", "permuted by 3", "gray", "congruential", "register", "xorshift"],
)
def test_a_rule_is_found_at_any_length(name: str, length: int) -> None:
    sources: dict[str, Iterator[bytes]] = {
        "counter": counter(length, first=256**length - 100),
        "counter by 3, little-endian": counter(length, step=3, order="little"),
        "permuted": permuted_counter(length),
        "permuted by 3": permuted_counter(length, step=3),
        "gray": gray_code(length),
        "congruential": congruential(length),
        "register": shift_register(length),
        "xorshift": xorshift(length),
    }
    seeds = take(sources[name], 256)
    found = foretell(seeds, SESSIONS)
    assert found is not None
    assert found.foretold >= 3
    assert found.first in seeds[found.known :]


@pytest.mark.parametrize("length", [4, 8, 16])
def test_a_generator_of_words_is_found_without_its_modulus(length: int) -> None:
    found = foretell(take(minimal_standard(length), 40))
    assert found is not None
    assert "congruential" in str(found)


def test_a_generator_that_every_session_restarts_is_found_within_one() -> None:
    sessions = [take(shift_register(5, 0xACE1), 64) for _ in range(4)]
    assert foretell([seed for session in sessions for seed in session], SESSIONS) is not None


def test_a_register_too_long_for_single_bits_shows_in_the_stream() -> None:
    bits = [int(byte) for byte in f"{int.from_bytes(sound(1, 16)[0], 'big') | 1:0128b}"]
    while len(bits) < 40 * 60:
        bits.append(bits[-128] ^ bits[-126] ^ bits[-101] ^ bits[-99])
    seeds = [int("".join(map(str, bits[start : start + 40])), 2).to_bytes(5, "big") for start in range(0, 2400, 40)]
    found = foretell_stream(seeds)
    assert found is not None
    assert "128 bits" in found.model


@pytest.mark.parametrize("length", [1, 2, 5, 16, 64])
def test_chance_is_not_foretold(length: int) -> None:
    for run in range(4):
        seeds = sound(256, length, run)
        assert foretell(seeds, SESSIONS) is None
        assert foretell_stream(seeds) is None


def test_a_counter_beside_chance_is_no_prediction() -> None:
    seeds = [a + b for a, b in zip(take(counter(2), 256), sound(256, 3), strict=True)]
    assert foretell(seeds, SESSIONS) is None


def test_one_bit_of_chance_is_no_prediction() -> None:
    assert foretell([bytes((7, 7, seed[0] & 1)) for seed in sound(256, 5)], SESSIONS) is None


def test_a_seed_that_is_held_is_no_prediction() -> None:
    held = [seed for seed in sound(4, 5) for _ in range(64)]
    assert foretell(held, SESSIONS) is None
    assert foretell([held[0]] * 256, SESSIONS) is None


def test_the_shortest_recurrence_is_the_registers() -> None:
    bits = [byte & 1 for seed in take(shift_register(1), 100) for byte in seed]
    recurrence = shortest_recurrence(bits)
    assert recurrence.length == 16
    assert recurrence.continued(bits[:60], 40) == bits[60:]


def test_chance_has_a_recurrence_of_half_its_length() -> None:
    bits = [byte & 1 for byte in b"".join(sound(200, 1, 9))]
    assert abs(shortest_recurrence(bits).length - 100) <= 4
    assert shortness_probability(100, 200) == 1.0
    assert shortness_probability(80, 200) == pytest.approx(2.0**-39)
