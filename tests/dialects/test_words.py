"""Prove the translation between UDS, KWP2000 and GMLAN, of messages in hex and on simulated ECUs of these dialects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.ecu.profiles import gmlan, kwp2000
from harness.tester.dialects import GMLAN, KWP2000, Dialect

from ..ecu.bench import Bench

SAID = [
    (KWP2000, "10 01", "10 81", "50 81", "50 01"),
    (KWP2000, "10 89", "10 89", "50 89", "50 89"),
    (KWP2000, "3E 00", "3E 01", "7E", "7E 00"),
    (KWP2000, "3E 80", "3E 02", "", ""),
    (KWP2000, "22 00 05", "21 05", "61 05 AA BB", "62 00 05 AA BB"),
    (KWP2000, "2E 00 05 01", "3B 05 01", "7B 05", "6E 00 05"),
    (KWP2000, "2E 00 05 01", "3B 05 01", "7F 3B 33", "7F 2E 33"),
    (KWP2000, "22 F1 90", "22 F1 90", "7F 22 11", "7F 22 11"),
    (KWP2000, "22 00 05 00 06", "22 00 05 00 06", "7F 22 12", "7F 22 12"),
    (KWP2000, "27 01", "27 01", "67 01 12 34", "67 01 12 34"),
    (KWP2000, "27 01", "27 01", "7F 27 80", "7F 27 7F"),
    (KWP2000, "27 02 AA BB", "27 02 AA BB", "67 02 34", "67 02"),
    (KWP2000, "27 02 AA BB", "27 02 AA BB", "7F 27 22", "7F 27 24"),
    (KWP2000, "27 02 AA", "27 02 AA", "7F 27 12", "7F 27 13"),
    (KWP2000, "27 02 AA BB", "27 02 AA BB", "7F 27 35", "7F 27 35"),
    (KWP2000, "11 01", "11 01", "51", "51 01"),
    (KWP2000, "3E 00", "3E 01", "50 03", "50 03"),
    (GMLAN, "10 01", "20", "60", "50 01"),
    (GMLAN, "3E 00", "3E", "7E", "7E 00"),
    (GMLAN, "22 00 90", "1A 90", "5A 90 31", "62 00 90 31"),
    (GMLAN, "22 00 90", "1A 90", "7F 1A 31", "7F 22 31"),
    (GMLAN, "2E 00 90 31", "3B 90 31", "7B 90", "6E 00 90"),
]


@pytest.mark.parametrize(("dialect", "asked", "sent", "answer", "heard"), SAID)
def test_a_request_goes_out_and_its_answer_comes_back(
    dialect: Dialect, asked: str, sent: str, answer: str, heard: str
) -> None:
    request = bytes.fromhex(asked)
    assert dialect.sent(request) == bytes.fromhex(sent)
    if answer:
        assert dialect.heard(request, dialect.sent(request), bytes.fromhex(answer)) == bytes.fromhex(heard)


@given(st.sampled_from((KWP2000, GMLAN)), st.binary(min_size=1, max_size=12), st.binary(min_size=1, max_size=12))
def test_no_message_makes_a_dialect_raise_or_keeps_a_code_back(dialect: Dialect, request: bytes, message: bytes) -> None:
    sent = dialect.sent(request)
    assert sent
    heard = dialect.heard(request, sent, message)
    assert heard
    if len(message) == 3 and message[0] == 0x7F and message[1] == sent[0]:
        assert heard[:2] == bytes((0x7F, request[0]))


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("10 81", "50 81"),
        ("10 01", "7f 10 12"),
        ("3E 01", "7e"),
        ("3E", "7e"),
        ("3E 02", ""),
        ("3E 00", "7f 3e 12"),
        ("21 10", "61 10 ff"),
        ("21 11", "7f 21 31"),
        ("3B 20 01", "7f 3b 33"),
        ("27 01", "7f 27 80"),
        ("27 81", "7f 27 12"),
        ("22 10 10", "7f 22 11"),
        ("20", "60"),
    ],
)
def test_what_the_profile_of_kwp2000_answers(asked: str, answer: str) -> None:
    assert Bench(kwp2000()).ask(asked) == answer


def test_a_key_of_kwp2000_is_answered_by_its_access() -> None:
    bench = Bench(kwp2000())
    bench.ask("10 89")
    seed = bytes.fromhex(bench.ask("27 01"))[2:]
    level = next(one for one in bench.node.ecu.config.levels if one.level == 1)
    assert bench.ask("27 02" + level.key(seed, 1).hex()) == "67 02 34"
    assert bench.ask("3B 20 01") == "7b 20"
    assert bench.ask("10 81") == "50 81"
    assert bench.ask("3B 20 01") == "7f 3b 33"


def test_a_key_out_of_sequence_and_one_of_the_wrong_length_have_the_old_codes() -> None:
    bench = Bench(kwp2000())
    bench.ask("10 89")
    assert bench.ask("27 02 01 02") == "7f 27 22"
    bench.ask("27 01")
    assert bench.ask("27 02 01 02") == "7f 27 12"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("3E", "7e"),
        ("3E 00", "7f 3e 12"),
        ("1A 10", "5a 10 ff"),
        ("1A 11", "7f 1a 31"),
        ("3B 20 01", "7f 3b 33"),
        ("10 01", "7f 10 11"),
        ("A2", "e2 00"),
        ("20", "60"),
    ],
)
def test_what_the_profile_of_gmlan_answers(asked: str, answer: str) -> None:
    assert Bench(gmlan()).ask(asked) == answer
