"""Prove the values of placeholders in messages."""

from dataclasses import replace
from itertools import islice

import pytest

from harness.errors import NotApplicable, Refused
from harness.fuzz.send import MOST_MESSAGES, SEND, Template
from harness.link.clock import Chance
from harness.target import load_target

HARDENED = load_target("hardened")


def sent(send: str | list[str], seed: int = 1) -> list[tuple[bytes, ...]]:
    template: Template = SEND.parse(send)
    steps = [step.messages for step in template.steps(HARDENED, Chance(seed))]
    assert template.size(HARDENED) == sum(map(len, steps))
    return steps


def alone(send: str) -> list[str]:
    return [message.hex() for (message,) in sent(send)]


def test_plain_hex_is_one_message() -> None:
    assert alone("2E2020 55") == alone(" 2e 20 20  55 ") == ["2e202055"]


def test_a_range_is_every_value() -> None:
    assert alone("22 {00..FF}") == [f"22{value:02x}" for value in range(256)]
    assert alone("22 {00FE..0101}") == ["2200fe", "2200ff", "220100", "220101"]


def test_alternatives_may_differ_in_length_and_be_ranges() -> None:
    assert alone("27 {01|03 AA|1F}") == ["2701", "2703aa", "271f"]
    assert alone("27 {00..02|7F}") == ["2700", "2701", "2702", "277f"]


def test_placeholders_are_multiplied_and_the_last_varies_fastest() -> None:
    assert alone("{01|02} 00 {A0|B0}") == ["0100a0", "0100b0", "0200a0", "0200b0"]


def test_random_bytes_have_the_length_that_is_asked_for() -> None:
    assert [len(message) for (message,) in sent("22 {5*}")] == [6]
    assert [len(message) for (message,) in sent("22 {0..64*}")] == list(range(1, 66))
    assert [len(message) for (message,) in sent("22 { 10 .. 12 * }")] == [11, 12, 13]


def test_the_same_chance_gives_the_same_bytes_and_another_seed_others() -> None:
    assert sent("22 {0..64*}") == sent("22 {0..64*}")
    assert sent("22 {0..64*}") != sent("22 {0..64*}", seed=2)


def test_did_and_level_are_those_of_the_target() -> None:
    assert alone("22 {did}") == ["221010", "222020", "222a2a", "223030", "22f18c", "22f1a0"]
    assert alone("27 {level}") == ["2701", "2703"]


def test_a_name_means_the_same_one_wherever_it_stands() -> None:
    assert sent(["27 {level}", "22 {did} {did}", "27 {level+1} 00"])[:2] == [
        (b"\x27\x01", bytes.fromhex("2210101010"), b"\x27\x02\x00"),
        (b"\x27\x01", bytes.fromhex("2220202020"), b"\x27\x02\x00"),
    ]
    assert len(sent(["27 {level}", "22 {did} {did}", "27 {level+1} 00"])) == 12


def test_a_step_knows_its_level() -> None:
    template = SEND.parse("27 {level+1} {00|01}")
    assert [step.level for step in template.steps(HARDENED, Chance(1))] == [1, 1, 3, 3]


def test_a_list_is_a_sequence_that_is_sent_as_a_whole() -> None:
    assert sent(["10 03", "22 {10|20} 10"]) == [(b"\x10\x03", b"\x22\x10\x10"), (b"\x10\x03", b"\x22\x20\x10")]


def test_messages_are_made_one_by_one() -> None:
    steps = SEND.parse("22 {0000..FFFF}").steps(HARDENED, Chance(1))
    assert [step.messages for step in islice(steps, 2)] == [(b"\x22\x00\x00",), (b"\x22\x00\x01",)]


@pytest.mark.parametrize(("send", "what"), [("22 {did}", "data"), ("27 {level+1} 00", "security level")])
def test_a_name_that_stands_for_nothing_is_not_applicable(send: str, what: str) -> None:
    bare = replace(HARDENED, data=(), security=())
    with pytest.raises(NotApplicable, match=what):
        list(SEND.parse(send).steps(bare, Chance(1)))


@pytest.mark.parametrize(
    ("send", "complaint"),
    [
        ("2", '"2" is half a byte; give two hex digits per byte'),
        ("22 1 10", '"1 10" is half a byte'),
        ("22 1{00..FF}", '"1{00..FF}" is half a byte'),
        ("22 xy", '"xy" is neither hex nor a placeholder'),
        ("22 0x10", '"0x10" is not how bytes are given here; give the hex digits alone'),
        ("22 {00..FF", '"{00..FF" is a placeholder that does not end'),
        ("22 }", '"}" is neither hex nor a placeholder'),
        ("22 {}", "is no placeholder; give {00..FF}"),
        ("22 {DID}", "is no placeholder"),
        ("22 {seed}", "is no placeholder"),
        ("22 {did+1}", "is no placeholder"),
        ("22 {-1*}", "is no placeholder"),
        ("22 {A*}", "is no placeholder"),
        ("22 {5}", "give two hex digits per byte"),
        ("22 {05}", "is one value; give it without braces, or {5*}"),
        ("22 {0..F}", "give two hex digits per byte"),
        ("22 {00..FFF}", "give both limits as many digits"),
        ("22 {FF..00}", "the lower one first"),
        ("22 {00|}", "is no placeholder"),
        ("22 {00|1}", "give two hex digits per byte"),
        ("22 {64..0*}", "give the smaller length first"),
        ("22 {0..5000*}", "none above 4095"),
        ("22 {0000000000..0000000001}", "a range of at most 4 bytes"),
        ("22 {00000000..FFFFFFFF}", f"4294967296 messages; give placeholders that make at most {MOST_MESSAGES}"),
        ("22 " + "{00..FF}" * 9, "far too many messages"),
        ("22 {99999999*}", "is no placeholder"),
        (["22"] * 1001, "at most 1000 messages"),
        (["10 03", "22 {0000..C350}"], "100002 messages"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(send: object, complaint: str) -> None:
    with pytest.raises(Refused) as refusal:
        SEND.parse(send)
    assert complaint in str(refusal.value)


@pytest.mark.parametrize("send", [22, None, [], [22], {"a": 1}, ["22", ["23"]]])
def test_what_is_no_message_at_all_is_refused(send: object) -> None:
    with pytest.raises(Refused):
        SEND.parse(send)
