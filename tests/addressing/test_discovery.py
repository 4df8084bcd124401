"""Prove that ECUs behind an address are found, and that their target files say how they are addressed."""

from typing import Any

import pytest

from harness.buses import open_bus_of
from harness.cli.main import main
from harness.discovery.discover import Discovery, discover
from harness.discovery.usual_ids import Id
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import Target, load_target, load_text, unknown_target
from harness.verdict import Depth

from ..variants import with_changes

NODES = "tests.addressing.nodes"


def found_on(target: Target, ids: list[Id] | None = None) -> Discovery:
    link = open_bus_of(target, trace=Trace(), chance=Chance(1))
    try:
        return discover(link, target, candidates=ids, depth=Depth.QUICK)
    finally:
        link.close()


def unknown(name: str) -> Target:
    return unknown_target(interface="uds-sim", channel=f"{NODES}:{name}")


def declared(text: str) -> dict[str, Any]:
    can = load_text(text, "found").can
    keys = ("request_id", "response_id", "addressing", "target_address", "source_address", "address_extension")
    return {key: value for key in (*keys, "functional_id", "functional_address") if (value := getattr(can, key)) is not None}


EXTENDED = {"addressing": "extended", "target_address": 0x12, "source_address": 0xF1}
AT_612 = {"request_id": 0x6F1, "response_id": 0x612, **EXTENDED}
BY_ALL = {"functional_id": 0x6F1, "functional_address": 0xDF}


@pytest.mark.parametrize("ids", [[(0x6F1, False)], pytest.param(None, marks=pytest.mark.thorough)])
def test_an_ecu_behind_an_address_is_found_where_its_id_is_named_or_usual(ids: list[Id] | None) -> None:
    (one,) = found_on(unknown("bmw"), ids).ecus
    assert declared(one.text) == AT_612 | BY_ALL
    assert sorted(one.map.sessions) == [1, 3]
    assert [level.level for level in one.map.levels] == [1]


def test_an_address_that_answers_repeat_is_an_extension() -> None:
    (one,) = found_on(unknown("toyota"), [(0x750, False)]).ecus
    wanted = {"request_id": 0x750, "response_id": 0x758, "addressing": "mixed", "address_extension": 0x2A}
    assert declared(one.text) == wanted


@pytest.mark.parametrize(
    ("name", "request_id", "addressing"),
    [("long_extended", 0x18DA30F1, "extended"), ("long_mixed", 0x18CE30F1, "mixed")],
)
def test_ids_of_29_bits_are_asked_behind_addresses_where_they_are_named(name: str, request_id: int, addressing: str) -> None:
    (one,) = found_on(unknown(name), [(request_id, True)]).ecus
    assert declared(one.text)["addressing"] == addressing
    assert one.map.sessions


def test_several_ecus_on_one_id_are_told_by_their_addresses() -> None:
    found = found_on(unknown("two_of_bmw"), [(0x6F1, False)])
    addresses = [(one.ecu.pair.response[0], one.ecu.address, one.ecu.functional_address) for one in found.ecus]
    assert addresses == [(0x612, 0x12, 0xDF), (0x640, 0x40, 0xDF)]


def test_an_ecu_that_leaves_tester_present_unanswered_is_asked_otherwise() -> None:
    (one,) = found_on(unknown("without_tester_present"), [(0x6F1, False)]).ecus
    assert (one.ecu.address, str(one.ecu.pair.probe)) == (0x12, "10 01")


def test_an_id_that_is_named_is_asked_behind_addresses_though_another_tester_talks_on_it() -> None:
    (one,) = found_on(unknown("polled"), [(0x6F1, False)]).ecus
    assert declared(one.text) == AT_612


def test_a_declared_address_is_the_one_that_is_asked() -> None:
    uri = f"uds-sim:{NODES}:bmw?request=0x6F1&response=0x612&addressing=extended&target_address=0x12&source_address=0xF1"
    trace = Trace()
    target = load_target(uri)
    link = open_bus_of(target, trace=trace, chance=Chance(1))
    (one,) = discover(link, target, candidates=[(0x6F1, False)], depth=Depth.QUICK).ecus
    assert declared(one.text) == AT_612
    asked = {frame.address for frame in trace.frames(0, trace.count) if frame.is_sent}
    assert asked == {b"\x12"}


FORMS = (
    "extended_ids",
    "extended_addressing",
    "extended_ids+extended_addressing",
    "mixed_addressing",
    "mixed_addressing_29_bits",
)


@pytest.mark.thorough
@pytest.mark.parametrize("form", [*FORMS, *(f"can_fd+{form}" for form in FORMS)])
def test_each_form_of_address_is_found_where_its_id_is_named(form: str) -> None:
    known = with_changes("hardened", *form.split("+"))
    bus = load_target(f"uds-sim:{known.can.channel}?request={known.can.request_id:#x}&fd={str(known.can.fd).lower()}")
    (one,) = found_on(bus, [(known.can.request_id, known.can.request_id > 0x7FF)]).ecus
    found = load_text(one.text, "found").can
    wanted = "normal-fixed" if form.endswith("extended_ids") else known.can.addressing
    assert (found.addressing, found.request_id, found.response_id) == (wanted, known.can.request_id, known.can.response_id)
    assert (found.fd, found.address_extension) == (known.can.fd, known.can.address_extension)
    if wanted == "extended":
        assert (found.target_address, found.source_address) == (known.can.target_address, known.can.source_address)
    assert [level.level for level in one.map.levels] == [1, 3]


def test_the_command_finds_and_audits_it(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    channel = f"{NODES}:bmw"
    options = ["--interface", "uds-sim", "--channel", channel, "--request-id", "0x6F1"]
    assert main(["discover", *options, "--depth", "quick", "-o", str(tmp_path / "found.toml")]) == 0
    assert "0x6F1 -> 0x612 (11 bits) behind address 0x12, functional 0x6F1" in capsys.readouterr().out
    run = ["audit", str(tmp_path / "found.toml"), "--depth", "quick", "-k", "ST-05 or TP-01", "-v", "--out"]
    assert main([*run, str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out.count("\npass   ") == 2
