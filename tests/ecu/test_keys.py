"""Prove the ECU's key algorithms against independent vectors."""

import pytest

from harness.ecu.keys import article_key, hmac_sha256_key
from harness.ecu.profiles import ARTICLE_SECRETS, SECRETS


@pytest.mark.parametrize(
    ("seed", "key"),
    [
        ("A83A63B3C1", "5EF739B0"),
        ("0000000000", "6C791AF4"),
        ("1234567890", "88E1D25D"),
        ("FFFFFFFFFF", "7953733B"),
        ("0102030405", "5AC3E9C3"),
    ],
)
def test_article_key_is_that_of_the_article(seed: str, key: str) -> None:
    assert article_key(bytes.fromhex(seed), 1, secret=ARTICLE_SECRETS[1]) == bytes.fromhex(key)


@pytest.mark.parametrize(
    ("level", "key"),
    [(1, "EC77744F4DE792D1DC91F609E0180923"), (3, "68E68C8E686B99622F3B6495B72BB943")],
)
def test_hmac_key_is_what_openssl_computes_over_seed_and_level(level: int, key: str) -> None:
    assert hmac_sha256_key(bytes(range(16)), level, secret=SECRETS[level]) == bytes.fromhex(key)


def test_article_key_refuses_a_seed_that_is_not_as_long_as_the_secret() -> None:
    with pytest.raises(ValueError):
        article_key(b"\x01\x02\x03\x04", 1, secret=ARTICLE_SECRETS[1])
