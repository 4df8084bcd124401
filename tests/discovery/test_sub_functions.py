"""Prove how sub-functions, levels with a data record, and groups of identifiers are found."""

import pytest

from harness.buses import open_link
from harness.discovery.discover import Found, discover
from harness.discovery.ecu_map import EcuMap
from harness.discovery.identifiers import read_all
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import load_target, load_text, unknown_target
from harness.tester.ledger import Ledger
from harness.tester.tester import Tester
from harness.verdict import Depth

NODES = "tests.discovery.nodes"


def found(channel: str) -> Found:
    """Discover, and return the only ECU."""
    link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(1))
    target = unknown_target(interface="uds-sim", channel=channel)
    (one,) = discover(link, target, candidates=[(0x740, False)], depth=Depth.QUICK).ecus
    return one


def test_sub_functions_are_found_in_each_session() -> None:
    one = found(f"{NODES}:naming_sub_functions")
    found_in = one.map.sub_functions
    there = {session: {service: set(found_in[session][service]) for service in found_in[session]} for session in found_in}
    assert there[1] == {0x19: {0x02, 0x0A}, 0x3E: {0x00}}
    assert there[3] == {0x19: {0x02, 0x0A}, 0x3E: {0x00}, 0x28: {0x00, 0x01}}
    assert "#   sub-functions in session 0x03: 0x00, 0x01" in one.text


def test_an_ecu_that_refuses_all_alike_tells_nothing_of_sub_functions() -> None:
    assert not any(0x28 in here for here in found("hardened").map.sub_functions.values())


def test_levels_that_want_a_data_record_are_found_with_its_length() -> None:
    one = found(f"{NODES}:wanting_records")
    levels = {level.level: (level.seed_bytes, len(level.record)) for level in one.map.levels}
    assert levels == {0x01: (16, 0), 0x03: (16, 0), 0x05: (3, 4), 0x07: (0, 4)}
    assert "requiredTimeDelayNotExpired" in one.map.levels[3].said
    assert "# It wants a data record of 4 bytes" in one.text
    assert [entry.level for entry in load_text(one.text, "found").security] == [0x01, 0x03, 0x05, 0x07]


DIDS = [0x1010, 0x2020, *range(0x9A00, 0x9B00), 0x2A2A]
"""Identifiers, of which the first two are among the common ones."""


def read(node: str) -> tuple[dict[int, int], int]:
    """Return the length of each existing identifier, 0 if it is guarded, and how many requests it took."""
    channel = f"{NODES}:{node}"
    link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(1))
    tester = Tester(link, load_target("hardened"), chance=Chance(1), keys={}, ledger=Ledger(None, "", 0))
    found_of_it = EcuMap()
    read_all(tester, found_of_it, DIDS, lambda *_: None, lambda session: True)
    return {one.did: one.length for one in found_of_it.identifiers}, tester.exchange_count


def test_what_is_far_from_the_usual_is_found_in_groups() -> None:
    there, requests = read("rare")
    assert there == {0x1010: 1, 0x2020: 1, 0x2A2A: 0, 0x9ABC: 3, 0x9ABE: 0}
    assert requests < len(DIDS) / 2


@pytest.mark.parametrize("node", ["looking_at_the_first", "taking_one"])
def test_an_ecu_that_does_not_read_groups_is_asked_one_by_one(node: str) -> None:
    there, requests = read(node)
    assert there == {0x1010: 1, 0x2020: 1, 0x2A2A: 0}
    assert requests >= len(DIDS)
