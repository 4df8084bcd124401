"""Prove that the keys which anybody would try first are as their names say."""

import pytest

from harness.analysis.simple_keys import algebraic_keys, distinct, fit, trivial_keys

SEED = bytes.fromhex("0F1E2DF0")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("all zero", "00000000"),
        ("the seed inverted", "F0E1D20F"),
        ("the seed plus one", "0F1E2DF1"),
        ("the seed negated", "F0E1D210"),
        ("the seed reversed", "F02D1E0F"),
        ("the constant 12345678", "12345678"),
        ("the seed XOR A5", "AABB8855"),
        ("the seed minus one", "0F1E2DEF"),
        ("the seed's nibbles swapped", "F0E1D20F"),
        ("the seed's halves swapped", "2DF00F1E"),
        ("the seed rotated left by 4", "F1E2DF00"),
        ("the seed rotated right by 8", "F00F1E2D"),
        ("the seed times 2", "1E3C5BE0"),
        ("the seed plus 0x1234", "0F1E4024"),
        ("the sum of the seed's bytes", "0000014A"),
    ],
)
def test_a_key_is_what_its_name_says(name: str, key: str) -> None:
    keys = {**trivial_keys(4), **algebraic_keys(4)}
    assert keys[name](SEED).hex().upper() == key


def test_the_checksum_of_nine_digits_is_the_published_one() -> None:
    assert algebraic_keys(4)["CRC-32 of the seed"](b"123456789").hex() == "cbf43926"


@pytest.mark.parametrize("key_bytes", [1, 2, 4, 5, 16])
@pytest.mark.parametrize("seed_bytes", [1, 2, 4, 5, 16])
def test_every_key_has_the_length_that_is_asked_for(seed_bytes: int, key_bytes: int) -> None:
    keys = {**trivial_keys(key_bytes), **algebraic_keys(key_bytes)}
    assert len(keys) == len(trivial_keys(key_bytes)) + len(algebraic_keys(key_bytes))
    assert {len(make(b"\xa7" * seed_bytes)) for make in keys.values()} == {key_bytes}


def test_a_pattern_is_cut_or_repeated() -> None:
    assert (fit(b"abc", 2), fit(b"abc", 7)) == (b"ab", b"abcabca")


def test_rules_that_give_one_key_for_every_seed_are_tried_once() -> None:
    """If the seed is as long as the key, the last bytes of the seed are the seed itself; if it is longer, they are not."""
    makers = trivial_keys(16)
    assert set(makers) - set(distinct(makers, {16})) == {"the seed's last bytes"}
    assert distinct(makers, {16, 20}) == makers
    assert distinct(makers, ()) == makers
