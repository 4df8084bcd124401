"""Prove what each channel name makes, the errors for unknown names, and the keys of profiles by independent vectors."""

import pytest

from harness.ecu.keys import article_key, hmac_sha256_key
from harness.ecu.profiles import ARTICLE_SECRETS, PROFILES, SECRETS, factory
from harness.errors import UserError
from harness.simulation.node import load_nodes


@pytest.mark.parametrize("channel", [*PROFILES, "hardened-article-key+constant_seed+default_key"])
def test_channel_makes_a_node(channel: str) -> None:
    assert len(load_nodes(channel)) == 1


def test_every_call_makes_an_ecu_of_its_own() -> None:
    make = factory("hardened")
    assert make()[0] is not make()[0]


def test_channel_may_name_several_flaws() -> None:
    [node] = factory("hardened+constant_seed+default_key")()
    assert node.ecu.definition.made == ("constant_seed", "default_key")  # type: ignore[attr-defined]


@pytest.mark.parametrize("channel", ["harness.ecu.profiles:article", "harness.ecu.profiles:hardened_article_key"])
def test_profile_is_a_factory_like_any_other(channel: str) -> None:
    assert len(load_nodes(channel)) == 1


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("hardend", ("hardend", *PROFILES)),
        ("", tuple(PROFILES)),
        ("hardened+no_limit", ("no_limit", "no_attempt_limit", "uds-harness list defects")),
        ("hardened+", ("uds-harness list variants",)),
        ("article+constant_seed", ("article", "hardened")),
    ],
)
def test_name_that_makes_nothing_is_explained_in_one_line(channel: str, words: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as caught:
        factory(channel)
    message = str(caught.value)
    assert "\n" not in message
    assert f'channel "{channel}"' in message
    assert all(word in message for word in words)


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
