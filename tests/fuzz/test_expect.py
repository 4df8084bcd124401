"""Prove the grammar of `expect`, also where the two meanings of | could collide."""

import pytest

from harness.errors import Refused
from harness.fuzz.expect import ANYTHING, EXPECT
from harness.tester.reply import Expectation, negative, positive, silence


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("positive", positive()),
        ("silence", silence()),
        ("negative", negative()),
        ("any", ANYTHING),
        ("negative 13", negative(0x13)),
        ("negative 13|31|33", negative(0x13, 0x31, 0x33)),
        ("positive|negative 13", positive() | negative(0x13)),
        ("negative 13|positive", negative(0x13) | positive()),
        ("negative 13|31|positive|silence", negative(0x13, 0x31) | positive() | silence()),
        ("negative 13|positive|negative 31|7f", negative(0x13, 0x31, 0x7F) | positive()),
        ("silence|negative", silence() | negative()),
        ("  negative   0x13 |0x7E | positive ", negative(0x13, 0x7E) | positive()),
    ],
)
def test_an_expectation_means(text: str, meaning: Expectation) -> None:
    assert EXPECT.parse(text) == meaning


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("negative|13", '"13" follows no list of codes; give "negative 13"'),
        ("positive|13", '"13" follows no list of codes; give "negative 13"'),
        ("negative 13|positive|31", '"31" follows no list of codes'),
        ("13", '"13" follows no list of codes'),
        ("positive 13", 'only negative has codes; give "positive|negative 13"'),
        ("negative 13 31", '"13 31" is no code'),
        ("negative 1", '"1" is no code'),
        ("negative 13|3", '"3" is no code'),
        ("negative 131", '"131" is no code'),
        ("negative 78", '"78" is the code of no final answer'),
        ("negative 00", '"00" is the code of no final answer'),
        ("negative 13|13", '"13" says again'),
        ("negative|negative 13", '"negative 13" says again'),
        ("negative 13|negative", '"negative" says again'),
        ("positive|positive", '"positive" says again'),
        ("any|positive", '"any" includes every other answer'),
        ("positive|any", '"any" includes every other answer'),
        ("positive|", "a | stands without an answer beside it"),
        ("negative 13||31", "a | stands without an answer beside it"),
        ("Positive", '"Positive" is no answer; give "positive"'),
        ("refused", '"refused" is no answer'),
        ("", ""),
        ("  ", ""),
    ],
)
def test_an_ambiguous_or_unknown_expectation_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(Refused) as refusal:
        EXPECT.parse(text)
    assert complaint in str(refusal.value)


@pytest.mark.parametrize("value", [13, True, ["positive"], {}])
def test_an_expectation_is_a_string(value: object) -> None:
    with pytest.raises(Refused):
        EXPECT.parse(value)
