"""Prove a tester and an ECU with an address in the first byte: requests, raw frames, permissions, foreign traffic."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.audit.opening import open_tester
from harness.ecu.profiles import hardened
from harness.errors import Inconclusive
from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.target import PERMISSIONS
from harness.tester.safety import SafetyGate
from harness.tester.tester import Tester

from ..variants import with_changes

FORMS = ("extended_addressing", "mixed_addressing")


@contextmanager
def opened(*changes: str) -> Iterator[Tester]:
    trace = Trace()
    tester = open_tester(with_changes("hardened", *changes), seed=1, trace=trace, ledger_path=None)
    try:
        yield tester
    finally:
        tester.link.close()


@pytest.fixture(params=FORMS)
def tester(request: pytest.FixtureRequest) -> Iterator[Tester]:
    with opened(request.param) as one:
        yield one


def on_the_bus(tester: Tester) -> list[str]:
    return [frame.text() for frame in tester.trace.frames(0, tester.trace.count)]


def test_the_address_stands_first_on_the_bus_in_both_directions() -> None:
    with opened("extended_addressing") as tester:
        tester.request("22 10 10")
        assert on_the_bus(tester) == ["740#4003221010000000", "748#F104621010FF0000"]


def test_a_functional_request_bears_the_address_of_all() -> None:
    with opened("extended_addressing") as tester:
        tester.request("3E 00", is_functional=True)
        assert on_the_bus(tester)[0] == "7DF#DF023E0000000000"


def test_long_messages_go_both_ways(tester: Tester) -> None:
    assert len(tester.request("22 F1 A0").pdu) == 100
    assert tester.request(b"\x3e" + bytes(30)).is_negative


def test_a_level_is_opened(tester: Tester) -> None:
    tester.session_for(1)
    tester.security.unlock(1)
    assert tester.request("22 2A 2A").is_positive


def test_raw_frames_get_the_address_and_answers_lose_it(tester: Tester) -> None:
    reply = tester.raw(bytes.fromhex("023E0000000000"))
    assert [frame.data.hex() for frame in reply.answers] == ["027e0000000000"]
    assert tester.frame_bytes == 7
    assert all(len(frame.data_field) == 8 for frame in (*reply.sent, *reply.answers))


def test_raw_data_that_leaves_no_room_for_the_address_is_not_sent(tester: Tester) -> None:
    with pytest.raises(Inconclusive, match="hold 7 bytes behind their address"):
        tester.raw(bytes(8))
    assert on_the_bus(tester) == []


def test_what_another_ecu_says_on_our_ids_is_no_answer(tester: Tester) -> None:
    own = tester.frame(b"\x02\x3e\x00")
    for address in (b"", b"\x77"):
        reply = tester.raw_frames([replace(own, address=address)])
        assert reply.answers == ()


def test_an_answer_with_another_first_byte_is_none() -> None:
    target = with_changes("hardened", "extended_addressing")
    other = replace(target, can=replace(target.can, source_address=0xF2))
    tester = open_tester(other, seed=1, trace=Trace(), ledger_path=None)
    assert tester.request("3E 00").is_silence
    tester = open_tester(
        replace(target, can=replace(target.can, source_address=None)), seed=1, trace=Trace(), ledger_path=None
    )
    assert tester.request("3E 00").is_positive


def test_an_ecu_takes_nothing_without_its_address() -> None:
    extended = with_changes("hardened", "extended_addressing")
    normal = replace(extended, can=replace(extended.can, addressing="normal", functional_address=None))
    assert open_tester(normal, seed=1, trace=Trace(), ledger_path=None).request("3E 00").is_silence


# The gate


DATA = (
    "023E0000000000",
    "052E1010050000",
    "02100200000000",
    "100A2E10100102",
    "21112E10100500",
    "02270200000000",
    "30000000000000",
    "10000011013101",
)


def gates(allow: tuple[str, ...] = ()) -> tuple[SafetyGate, SafetyGate]:
    """Return the gates of the same ECU without an address byte, and with one."""
    normal, extended = with_changes("hardened"), with_changes("hardened", "extended_addressing")
    safety = replace(normal.safety, allow=frozenset(one for one in PERMISSIONS if one in allow))
    return SafetyGate(replace(normal, safety=safety)), SafetyGate(replace(extended, safety=safety))


@pytest.mark.parametrize("data", DATA)
def test_the_gate_reads_what_stands_behind_the_address(data: str) -> None:
    normal, extended = gates()
    field = bytes.fromhex(data)
    plain = Frame(normal.to_this_ecu(b"").can_id, field + (b"" if field[0] >> 4 == 0 else b"\x00"))
    assert extended.raw_harms(extended.to_this_ecu(field)) == normal.raw_harms(plain)


def test_the_address_is_not_taken_for_a_service_or_a_length() -> None:
    for address in range(0x100):
        target = with_changes("hardened", "extended_addressing")
        can = replace(target.can, target_address=address)
        gate = SafetyGate(replace(target, can=can, safety=replace(target.safety, allow=frozenset())))
        assert gate.permits_raw(bytes.fromhex("023E0000000000")), f"{address:02X}"
        assert not gate.permits_raw(bytes.fromhex("0211010000000000")), f"{address:02X}"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=7), min_size=1, max_size=6))
def test_an_ecu_outlives_any_frames_behind_its_address_and_is_not_changed_by_those_that_the_gate_lets_pass(
    fields: list[bytes],
) -> None:
    with opened("extended_addressing") as tester:
        gate = SafetyGate(replace(tester.target, safety=replace(tester.target.safety, allow=frozenset())))
        fields = [field for field in fields if gate.permits_raw(field)]
        before = tester.read(0x1010), tester.read(0x2020)
        if fields:
            tester.raw(*fields)
        tester.wait(2.0)
        assert (tester.read(0x1010), tester.read(0x2020)) == before


# The simulated ECU


def test_the_profile_is_the_hardened_one_and_sees_no_address() -> None:
    assert hardened("extended_addressing").ecu.config.levels == hardened().ecu.config.levels
