"""Prove which ECU a URI and the command line's link options name, and what may be sent to that ECU."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.target import Can, load_target, unknown_target, with_link
from tests.target.loading import BENCH, load

# Without a file


def test_a_uri_names_an_ecu_on_a_bench_that_may_be_sent_nothing_that_harms() -> None:
    target = load_target("socketcan:can0?request=0x7E0&response=2024&functional=0x7DF&bitrate=250000&padding=false")
    assert target.can == Can(
        interface="socketcan",
        channel="can0",
        request_id=0x7E0,
        response_id=0x7E8,
        functional_id=0x7DF,
        bitrate=250_000,
        extended_ids="any",
        padding=None,
    )
    assert (target.environment, target.safety.allow, target.safety.wrong_keys) == ("bench", frozenset(), 200)
    assert (target.security, target.data, target.path) == ((), (), None)
    assert load_target("socketcan:can0?extended=true").can.extended_ids is True


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("socketcan:can0?speed=1", "speed is unknown; the keys are request, response, functional, bitrate, extended, "
         "padding, fd, data_bitrate, "
         "addressing, target_address, source_address, address_extension, functional_address"),
        ("socketcan:can0?request=1&request=2", "request was given before"),
        ("socketcan:can0?request=seven", 'can.request_id is "seven"; give a CAN id, e.g. 0x7E0'),
        ("socketcan:can0?request=", 'can.request_id is ""; give a CAN id, e.g. 0x7E0'),
        ("socketcan:can0?request=0x7FC", "can.response_id is missing; give a CAN id, e.g. 0x7E8"),
        ("socketcan:can0?request=1&response=1", "can.response_id is 0x01, the same as can.request_id; give another id"),
        ("socketcan:", 'can.channel is ""; give a channel, e.g. "can0"; for uds-sim an ECU, e.g. "article" or '
         '"ecu.py:factory"'),
    ],
)  # fmt: skip
def test_a_malformed_uri_is_refused(uri: str, why: str) -> None:
    with pytest.raises(UserError) as caught:
        load_target(uri)
    assert str(caught.value) == f"{uri}: {why}"


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({}, (0x7E0, 0x7E8)),
        ({"request_id": 0x740}, (0x740, 0x748)),
        ({"response_id": 0x748}, (0x740, 0x748)),
        ({"request_id": 0x18DA10F1}, (0x18DA10F1, 0x18DAF110)),
        ({"response_id": 0x18DAF110}, (0x18DA10F1, 0x18DAF110)),
        ({"request_id": 0x123, "response_id": 0x456}, (0x123, 0x456)),
    ],
)
def test_an_unknown_ecus_ids_follow_custom(given: dict[str, int], ids: tuple[int, int]) -> None:
    target = unknown_target(interface="socketcan", channel="can0", **given)
    assert (target.can.request_id, target.can.response_id) == ids


def test_an_unknown_ecu_is_never_taken_for_the_article() -> None:
    target = unknown_target(interface="uds-sim", channel="article", request_id=0x740)
    assert (target.security, target.data, target.quirks, target.expected_findings) == ((), (), (), ())
    assert (target.environment, target.timing.s3_ms, target.name) == ("simulated", 5000, "uds-sim-article")


# The command line's overrides


def test_overrides_change_nothing_but_the_link() -> None:
    target = load(BENCH)
    moved = with_link(target, channel="can1", request_id=0x7E0, response_id=0x7E8)
    assert (moved.can.channel, moved.can.request_id, moved.can.response_id) == ("can1", 0x7E0, 0x7E8)
    assert replace(moved, can=target.can) == target
    assert with_link(target) is target


def test_an_unpadded_target_stays_unpadded() -> None:
    target = with_link(load(BENCH.replace("0x748", "0x748\npadding = false")), channel="can1")
    assert target.can.padding is None


def test_a_file_on_the_command_line_starts_at_the_working_directory(tmp_path: Path) -> None:
    target = load_target("article")
    assert with_link(target, channel="ecu.py:make").can.channel == f"{tmp_path}/ecu.py:make"
    assert unknown_target(interface="uds-sim", channel="ecu.py:make").can.channel == f"{tmp_path}/ecu.py:make"
    assert with_link(target, channel="package.ecu:make").can.channel == "package.ecu:make"


def test_overrides_are_validated() -> None:
    target = load(BENCH)
    with pytest.raises(UserError, match=r"pi.toml: can.response_id is 0x748, the same as can.request_id"):
        with_link(target, request_id=0x748)
    with pytest.raises(UserError, match=r"can\.request_id is -0x01; give a CAN id"):
        with_link(target, request_id=-1)


def test_the_id_format_follows_overridden_ids() -> None:
    target = load(BENCH)
    longer = with_link(target, request_id=0x18DA10F1, response_id=0x18DAF110)
    assert longer.can.extended_ids is True
    assert with_link(longer, request_id=0x7E0, response_id=0x7E8).can.extended_ids is False
    article = load_target("article")
    assert with_link(article, request_id=0x18DA10F1, response_id=0x18DAF110).can.extended_ids == "any"


def test_a_simulated_target_is_not_moved_to_a_real_bus() -> None:
    with pytest.raises(UserError, match='a real bus needs environment = "bench"'):
        with_link(load_target("article"), interface="socketcan", channel="can0")


def test_a_bench_that_is_simulated_loses_the_hooks_that_act_on_the_bench() -> None:
    hooks = '[observe]\nconsole = "command: ssh pi log"\n\n[reset]\npower = "command: ./relay.sh"\ncommand = "reboot"\n'
    target = with_link(load(BENCH.replace("[reset]\n", hooks)), interface="uds-sim", channel="article")
    assert (target.environment, target.is_simulated, target.reset.uds) == ("simulated", True, 1)
    assert (target.reset.power, target.reset.command, target.observe.console) == (None, None, None)
    assert target.safety.allow == {"write"}
