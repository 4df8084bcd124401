"""Prove that an ECU is found by any request, frame and id that it accepts, and that unexplained frames are reported."""

from dataclasses import replace
from typing import Any

import pytest

from harness.buses import open_link
from harness.discovery.addresses import Survey, survey
from harness.discovery.discover import discover
from harness.discovery.traffic import conversations, sentences
from harness.discovery.usual_ids import EVERYBODYS_IDS, Id, usual_ids
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.target import load_text
from harness.target.load import unknown_target
from harness.verdict import Depth

NODES = "tests.discovery.shy_nodes"
OWN: Id = (0x740, False)


def surveyed(name: str, *, named: bool = False) -> Survey:
    link = open_link(interface="uds-sim", channel=f"{NODES}:{name}", bitrate=500_000, trace=Trace(), chance=Chance(1))
    candidates = [OWN] if named else usual_ids()
    try:
        named_ids = [OWN] if named else ()
        how: dict[str, Any] = {"named": named_ids, "functional": EVERYBODYS_IDS}
        return survey(link, candidates, pace_s=0.002, progress=lambda *_: None, **how)
    finally:
        link.close()


@pytest.mark.parametrize(
    ("name", "probe"),
    [("without_tester_present", "10 01"), ("reads_only", "22 F1 90"), ("short_frames_only", "3E 00 (a short frame)")],
)
@pytest.mark.parametrize("named", [False, True])
def test_the_question_that_an_ecu_answers_is_found(name: str, probe: str, named: bool) -> None:
    (ecu,) = surveyed(name, named=named).ecus
    assert (ecu.pair.request, ecu.pair.response) == (OWN, (0x748, False))
    assert str(ecu.pair.probe) == probe


@pytest.mark.parametrize("name", ["silent_to_unknown_services", "short_tester_present"])
def test_an_odd_ecu_has_an_id_of_its_own_and_a_functional_one(name: str) -> None:
    (ecu,) = surveyed(name).ecus
    assert (ecu.pair.request, ecu.functional) == (OWN, (0x7DF, False))


def test_the_other_format_of_an_id_is_no_functional_id() -> None:
    (ecu,) = surveyed("only_tester_present").ecus
    assert (ecu.pair.request, ecu.functional) == (OWN, None)
    assert [alias.request for alias in ecu.aliases] == [(0x740, True)]


def test_an_ecu_that_does_not_answer_what_others_do_is_found_beside_them() -> None:
    assert sorted(ecu.pair.request[0] for ecu in surveyed("two_of_two_kinds").ecus) == [0x7E0, 0x7E1]


def test_the_file_of_an_ecu_that_takes_short_frames_only_says_so() -> None:
    channel = f"{NODES}:short_frames_only"
    link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(1))
    unknown = unknown_target(interface="uds-sim", channel=channel)
    (one,) = discover(link, unknown, candidates=[OWN], depth=Depth.QUICK).ecus
    assert load_text(one.text, "found").can.padding is None
    assert sorted(one.map.sessions) == [1, 2, 3]


def test_an_id_that_is_named_is_asked_whatever_else_talks_on_it() -> None:
    (ecu,) = surveyed("polled", named=True).ecus
    assert (ecu.pair.request, ecu.pair.response) == (OWN, (0x748, False))


def test_the_functional_id_of_a_named_ecu_is_looked_for_where_that_is_allowed() -> None:
    channel = f"{NODES}:silent_to_unknown_services"
    unknown = unknown_target(interface="uds-sim", channel=channel)
    forbidden = replace(unknown, safety=replace(unknown.safety, allow=unknown.safety.allow - {"functional"}))
    found = []
    for target in (unknown, forbidden):
        link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(1))
        (one,) = discover(link, target, candidates=[OWN], depth=Depth.QUICK).ecus
        found.append(one.ecu.functional)
    assert found == [(0x7DF, False), None]


def test_a_tester_that_talks_on_an_id_is_named_where_the_id_is_not_asked() -> None:
    found = surveyed("polled")
    assert not found.ecus
    assert any("at 0x740 -> 0x748, where a tester seems to be talking" in sentence for sentence in found.unsure)


def test_an_address_in_the_first_byte_of_what_others_say_is_said_to_be_one() -> None:
    found = surveyed("address_first_and_polled")
    assert not found.ecus
    (sentence,) = [one for one in found.unsure if "0x6F1 -> 0x612" in one]
    assert "the address 0x12 in the first byte of requests and 0xF1 in that of answers" in sentence
    assert "--request-id 0x6F1" in sentence


def test_frames_that_answer_nothing_are_no_conversation() -> None:
    cyclic = [Frame(0x100 + number % 3, bytes((3, 0x22, number, 0x62, 0, 0, 0, 0)), False) for number in range(40)]
    assert not list(conversations(cyclic))
    assert not list(sentences(cyclic))
