"""Prove that keys of simple rules are recognised from pairs, and other keys are not."""

import hashlib
import hmac
import zlib
from collections.abc import Callable

import pytest

from harness.analysis.key_models import ModelSearch, Pair, pairs_for_all_models, search_models

ROTATED = "the seed, rotated or not, and a constant"
CHECKSUM = "a usual checksum of the seed, and a constant"
PERMUTED = "the seed's bytes in another order, each with a constant"
TABLE = "a table for each byte of the seed"
MULTIPLE = "a multiple of the seed, plus a constant"
AFFINE = "bits of the seed XORed, as in any CRC"

CONSTANT = bytes.fromhex("C2590E8B73A41DF6863C5097EA21BD4F")
SUBSTITUTION = hashlib.sha512(b"a").digest() + hashlib.sha512(b"b").digest() + hashlib.sha512(b"c").digest() * 2


def pairs(count: int, seed_bytes: int, key: Callable[[bytes], bytes], run: int = 0) -> list[Pair]:
    seeds = [hashlib.shake_128(b"%d %d" % (run, number)).digest(seed_bytes) for number in range(count)]
    return [(seed, key(seed)) for seed in seeds]


def xor(seed: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(seed, CONSTANT, strict=False))


def plus(seed: bytes) -> bytes:
    return ((int.from_bytes(seed, "big") + 0x1357_9BDF) % (1 << 8 * len(seed))).to_bytes(len(seed), "big")


def minus(seed: bytes) -> bytes:
    return ((0x1357_9BDF - int.from_bytes(seed, "big")) % (1 << 8 * len(seed))).to_bytes(len(seed), "big")


def rotated(seed: bytes) -> bytes:
    number, bits = int.from_bytes(seed, "big"), 8 * len(seed)
    return ((number << 5 | number >> bits - 5) % (1 << bits)).to_bytes(len(seed), "big")


def crc_xor(seed: bytes) -> bytes:
    return (zlib.crc32(seed[::-1]) ^ 0xDEADBEEF).to_bytes(4, "little")


def permuted(seed: bytes) -> bytes:
    return bytes((seed[3] ^ 0x11, (seed[0] + 7) & 0xFF, seed[2], seed[1]))


def multiplied(seed: bytes) -> bytes:
    return ((int.from_bytes(seed, "little") * 0x41C64E6D + 12345) % 2**32).to_bytes(4, "big")


def substituted(seed: bytes) -> bytes:
    return bytes(SUBSTITUTION[byte] for byte in seed[:4])


def shifted_and_mixed(seed: bytes) -> bytes:
    number = int.from_bytes(seed, "big")
    return ((number ^ number >> 7 ^ number << 11 ^ 0x5A5A5A5A) & 0xFFFFFFFF).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("key", "model", "count"),
    [
        (xor, ROTATED, 3),
        (plus, ROTATED, 3),
        (minus, ROTATED, 3),
        (rotated, ROTATED, 3),
        (lambda seed: seed[-4:], ROTATED, 3),
        (crc_xor, CHECKSUM, 3),
        (permuted, PERMUTED, 4),
        (multiplied, MULTIPLE, 20),
        (substituted, TABLE, 200),
        (shifted_and_mixed, AFFINE, 60),
        (lambda seed: zlib.crc32(seed).to_bytes(4, "big"), AFFINE, 60),
    ],
)
def test_a_simple_key_is_recognised(key: Callable[[bytes], bytes], model: str, count: int) -> None:
    assert model in search_models(pairs(count, 5, key)).fitting


@pytest.mark.parametrize("seed_bytes", [1, 2, 4, 5, 16])
@pytest.mark.parametrize("key_bytes", [1, 2, 4, 16])
def test_no_model_fits_keys_of_a_secret_function(seed_bytes: int, key_bytes: int) -> None:
    for run in range(12):
        count = (3, 5, 12, pairs_for_all_models(seed_bytes, key_bytes))[run % 4]
        secret = b"%d" % run
        known = pairs(count, seed_bytes, lambda seed: hmac.digest(secret, seed, "sha256")[:key_bytes], run)  # noqa: B023
        assert search_models(known).fitting == ()


@pytest.mark.parametrize(("seed_bytes", "key_bytes"), [(4, 4), (5, 4), (8, 8), (16, 16), (2, 2)])
def test_all_models_are_tested_with_pairs_enough(seed_bytes: int, key_bytes: int) -> None:
    count = pairs_for_all_models(seed_bytes, key_bytes)
    search = search_models(pairs(count, seed_bytes, lambda seed: hashlib.sha256(seed).digest()[:key_bytes]))
    assert AFFINE in search.rejected
    assert search.has_decided


@pytest.mark.parametrize("count", [0, 1, 2])
def test_two_pairs_decide_nothing(count: int) -> None:
    assert search_models(pairs(count, 5, xor)) == ModelSearch((), (), (ROTATED, CHECKSUM, PERMUTED, TABLE, MULTIPLE, AFFINE))


def test_keys_of_a_byte_need_more_pairs_before_a_model_counts() -> None:
    few = search_models(pairs(5, 4, lambda seed: seed[:1]))
    assert not few.has_decided
    assert ROTATED in search_models(pairs(12, 4, lambda seed: seed[:1])).fitting


def test_a_model_that_predicts_wrong_once_does_not_fit() -> None:
    known = pairs(40, 4, xor)
    known[-1] = (known[-1][0], bytes(4))
    assert search_models(known).fitting == ()


def test_the_same_pair_again_and_again_is_one() -> None:
    assert not search_models(pairs(1, 5, xor) * 20).has_decided
