"""Prove what each channel name makes, and the errors for unknown names."""

import pytest

from harness.ecu.profiles import PROFILES, factory
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
