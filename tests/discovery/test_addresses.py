"""Prove that discovery finds the ids of every ECU, whatever else is on the bus."""

from functools import cache

import pytest

from harness.buses import open_link
from harness.discovery.addresses import Survey, survey
from harness.discovery.usual_ids import EVERYBODYS_IDS, usual_ids
from harness.link.clock import Chance
from harness.link.trace import Trace

from .nodes import BUSY_IDS


@cache
def surveyed(channel: str, pace_s: float = 0.002) -> tuple[Survey, Trace]:
    trace = Trace()
    link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=trace, chance=Chance(1))
    try:
        return survey(link, usual_ids(), pace_s=pace_s, progress=lambda *_: None, functional=EVERYBODYS_IDS), trace
    finally:
        link.close()


def shown(found: Survey) -> list[tuple[int, int, int | None]]:
    return sorted(
        (ecu.pair.request[0], ecu.pair.response[0], ecu.functional[0] if ecu.functional else None) for ecu in found.ecus
    )


@pytest.mark.parametrize(
    ("channel", "ecus"),
    [
        ("article", [(0x740, 0x748, None)]),
        ("tests.discovery.nodes:two_ecus", [(0x7E0, 0x7E8, 0x7DF), (0x7E1, 0x7E9, 0x7DF)]),
        ("tests.discovery.nodes:behind_a_gateway", [(0x722, 0x72A, 0x7DF), (0x7E0, 0x7E8, 0x7DF)]),
        ("tests.discovery.nodes:late", [(0x740, 0x748, 0x7DF)]),
        ("tests.discovery.nodes:garbage", [(0x740, 0x748, None)]),
        ("tests.discovery.nodes:silent", []),
    ],
)
def test_every_ecu_is_found_once(channel: str, ecus: list[tuple[int, int, int | None]]) -> None:
    assert shown(surveyed(channel)[0]) == ecus


def test_ids_that_are_in_use_are_not_asked() -> None:
    found, trace = surveyed("tests.discovery.nodes:two_ecus")
    assert {number for number, _ in found.traffic} == set(BUSY_IDS)
    assert not {frame.can_id for frame in trace.frames(0, trace.count) if frame.is_sent} & set(BUSY_IDS)


def test_the_article_answers_in_29_bits_and_listens_to_both() -> None:
    (ecu,) = surveyed("article")[0].ecus
    assert ecu.pair.response == (0x748, True)
    assert [alias.request for alias in ecu.aliases] == [(0x740, True)]
    assert not ecu.pair.is_uds


def test_mirrors_and_aliases_of_a_gateway_are_named() -> None:
    found = surveyed("tests.discovery.nodes:behind_a_gateway")[0]
    (ecu,) = [ecu for ecu in found.ecus if ecu.pair.request[0] == 0x7E0]
    assert [alias.request for alias in ecu.aliases] == [(0x6E0, False)]
    assert [mirror.response for mirror in ecu.mirrors] == [(0x6E8, False)]


@pytest.mark.parametrize("pace_s", [0.001, 0.05])
def test_the_pace_is_the_users(pace_s: float) -> None:
    found, trace = surveyed("hardened", pace_s)
    assert (0x740, 0x748, 0x7DF) in shown(found)
    frames = trace.frames(0, trace.count)
    assert frames[-1].time_s > 2304 * pace_s
