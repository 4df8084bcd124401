"""Prove that each raw frame is judged by every request that an ECU may read into it, and not by mere data."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import NotPermitted
from harness.link.frame import Frame
from harness.target import PERMISSIONS, Permission
from harness.tester.readings import (
    READINGS,
    after_address,
    control_byte_ignored,
    escape_not_known,
    escaped_length,
    escaped_length_after_address,
    no_control_byte,
    normal,
)
from harness.tester.safety import SafetyGate

from .bench import FUNCTIONAL_ID, allowing, bare
from .test_harm_table import expected

REQUEST_ID = bare().can.request_id


def gate_of(*allowed: str, may: tuple[str, ...] = ()) -> SafetyGate:
    gate = SafetyGate(allowing(*allowed))
    gate.raw_needs = frozenset(may)
    return gate


NOTHING_ALLOWED = gate_of()


def needs(field: bytes) -> set[Permission]:
    return NOTHING_ALLOWED.raw_harms(Frame(REQUEST_ID, field))


# What each reading finds


@pytest.mark.parametrize(
    ("read", "field", "message"),
    [
        (normal, "03 22 10 10 00 00 00 00", "22 10 10"),
        (normal, "02 3E 00", "3E 00"),
        (normal, "0F 2E 10 10 05", "2E 10 10 05"),  # longer than the frame: as much as there is
        (normal, "10 0A 2E 10 10 01 02 03", "2E 10 10 01 02 03"),
        (normal, "10 02 11 01", "11 01"),  # too short for a first frame
        (escape_not_known, "10 00 28 03 01 00 31 01", "28 03 01 00 31 01"),
        (escaped_length, "10 00 00 00 10 00 31 01", "31 01"),
        (normal, "21 2E 10 10 05", ""),
        (normal, "30 00 00", ""),
        (normal, "40 2E 10 10 05", ""),
        (normal, "", ""),
        (escaped_length, "00 04 2E 10 10 05", "2E 10 10 05"),
        (escaped_length, "00 09 2E 10 10 01 02 03 04 05 06 00", "2E 10 10 01 02 03 04 05 06"),
        (escaped_length, "00 2E 10 10 05", ""),  # that long it is not
        (escaped_length, "04 2E 10 10 05", ""),
        (after_address, "55 04 2E 10 10 05", "2E 10 10 05"),
        (after_address, "55 10 0A 2E 10 10 01 02", "2E 10 10 01 02"),
        (escaped_length_after_address, "55 00 09 2E 10 10 01 02 03 04 05 06", "2E 10 10 01 02 03 04 05 06"),
        (escaped_length_after_address, "55 10 00 00 00 10 00 31", "31"),
        (escaped_length_after_address, "55 00 02 11 01 00 00 00", ""),  # classic CAN has no such single frame
        (after_address, "02 10 03 00 00 00 00 00", ""),  # a first frame of three bytes is none
        (after_address, "03 22 11 01 00 00 00 00", ""),
        (after_address, "55", ""),
        (control_byte_ignored, "21 2E 10 10 05", "2E 10 10 05"),
        (control_byte_ignored, "70 11 01", "11 01"),
        (control_byte_ignored, "10 14 22 10 10 20 20 30", ""),  # 14 is the length
        (control_byte_ignored, "00 14" + 20 * " 22", ""),
        (no_control_byte, "2E 10 10 05", "2E 10 10 05"),
        (no_control_byte, "10 02 00 00 00 00 00 00", "10 02 00 00 00 00 00 00"),
        (no_control_byte, "2E 10 10 05 00 00 00 00", ""),  # a consecutive frame
        (no_control_byte, "32 00 00", ""),  # a flow control
        (no_control_byte, "A0 2E 20 20 55", ""),
        (no_control_byte, "", ""),
    ],
)
def test_what_a_reading_finds(read: Callable[[bytes], bytes], field: str, message: str) -> None:
    assert read(bytes.fromhex(field)) == bytes.fromhex(message)


# Every service and sub-function, under every reading


def padded(field: bytes) -> bytes:
    return field.ljust(8, b"\x00")


AS_DECLARED = {
    "single frame": lambda pdu: padded(bytes((len(pdu),)) + pdu),
    "single frame as short as its message": lambda pdu: bytes((len(pdu),)) + pdu,
    "first frame": lambda pdu: b"\x10\x0a" + pdu.ljust(6, b"\x00"),
    "first frame with 32 bits of length": lambda pdu: b"\x10\x00\x00\x00\x10\x00" + pdu[:2],
    "escaped length": lambda pdu: b"\x00\x0a" + pdu.ljust(10, b"\x00"),
    "extended or mixed addressing": lambda pdu: padded(bytes((0xC5, len(pdu))) + pdu),
    "extended or mixed addressing, first frame": lambda pdu: b"\xc5\x10\x0a" + pdu.ljust(5, b"\x00"),
    "extended or mixed addressing, escaped length": lambda pdu: b"\xc5\x00\x0a" + pdu.ljust(10, b"\x00"),
}
IGNORED = {
    "consecutive frame": lambda pdu: padded(b"\x21" + pdu),
    "flow control": lambda pdu: padded(b"\x30" + pdu),
    "reserved control byte": lambda pdu: padded(b"\x70" + pdu),
}


@pytest.mark.parametrize("name", AS_DECLARED)
def test_a_frame_needs_what_its_request_needs(name: str) -> None:
    lacking = {}
    for service in range(0x100):
        for sub_function in range(0x100):
            field = AS_DECLARED[name](bytes((service, sub_function)))
            missing = expected(service, sub_function) - needs(field)
            if missing:
                lacking[field.hex(" ")] = missing
    assert lacking == {}


EVERY = frozenset(range(0x80))
ACTING = {
    0x10: {0x02, *range(0x40, 0x7F)},  # programmingSession, and the vehicle manufacturer's and system supplier's
    0x27: set(range(0x00, 0x80, 2)),
    0x29: set(range(0x08)),
    0x2A: {0x01, 0x02, 0x03},
    0x31: {0x01, 0x02},
    **dict.fromkeys(
        (0x11, 0x14, 0x20, 0x25, 0x26, 0x28, 0x2B, 0x2C, 0x2D, 0x2E, 0x2F, 0x30, 0x32, *range(0x34, 0x3A), 0x3B, 0x3D),
        EVERY,
    ),
    **dict.fromkeys((*range(0x81, 0x88), *range(0xA0, 0xBF)), EVERY),
}
"""Requests that act according to a standard, from 0x10 on; lower numbers are lengths and counters."""


@pytest.mark.parametrize("name", IGNORED)
def test_where_the_control_byte_may_be_ignored_only_what_is_known_to_act_is_refused(name: str) -> None:
    wrong = {}
    for service in range(0x100):
        for sub_function in range(0x100):
            field = IGNORED[name](bytes((service, sub_function)))
            acts = sub_function & 0x7F in ACTING.get(service, ())
            found = needs(field) - needs_after_address(field)
            if found != (expected(service, sub_function) if acts else set()):
                wrong[field.hex(" ")] = found
    assert wrong == {}


def needs_after_address(field: bytes) -> set[Permission]:
    """Return what a frame needs if its first byte is an address, since this reading is not the one under test."""
    return NOTHING_ALLOWED.harms(after_address(field))


# Data is not taken for a service


def test_a_read_of_any_identifier_needs_nothing_as_a_frame() -> None:
    gate = gate_of()
    for did in range(0x10000):
        pdu = b"\x22" + did.to_bytes(2, "big")
        assert gate.permits_raw(padded(b"\x03" + pdu), b"\x03" + pdu), pdu.hex(" ")


@pytest.mark.parametrize(
    "field",
    [
        *("03 22 F1 86", "03 22 F1 87", "03 27 11 00", "40 22 F1 86", "F0 22 F1 87"),
        *("10 0B 22 F1 86 F1 87 F1", "10 14 22 F1 86 F1 87 F1", "11 01 22 10 10 2E 20 20", "05 22 10 10 2E 20"),
        *("02 10 03", "02 10 83", "02 3E 80", "04 31 03 FF 00", "03 19 02 FF"),
        *("10 00 00 00 10 00 22 10", "10 00 80 00 00 00 3E 00"),
        *("30 00 00", "30 08 0A", "31 00 00", "32 00 00", "21 F1 86 2E 20 20 11 01"),
    ],
)
def test_a_data_byte_stops_no_probe(field: str) -> None:
    assert gate_of().permits_raw(padded(bytes.fromhex(field)))


# Keys, ids


def test_one_key_in_a_frame_is_one_guess_however_it_may_be_read() -> None:
    gate = gate_of(*PERMISSIONS, may=tuple(PERMISSIONS))
    assert gate.check_raw(Frame(REQUEST_ID, bytes.fromhex("06 27 02 01 02 03 04 00"))) == [bytes.fromhex("270201020304")]
    assert gate.check_raw(Frame(REQUEST_ID, bytes.fromhex("03 22 10 10"))) == []
    assert gate.check_raw(Frame(REQUEST_ID, bytes.fromhex("21 27 02 01 02 03 04 00"))) == [bytes.fromhex("27020102030400")]


@pytest.mark.parametrize("can_id", [FUNCTIONAL_ID, 0x7DF, 0x18DB33F1, 0x18DBFFF9, 0x18CD33F1])
def test_an_id_that_every_ecu_hears_needs_functional(can_id: int) -> None:
    frame = Frame(can_id, b"\x02\x3e\x00", can_id > 0x7FF)
    with pytest.raises(NotPermitted, match='"functional"'):
        gate_of().check_raw(frame)
    assert gate_of("functional").permits_raw(frame)


def test_the_id_of_network_management_is_left_alone_unless_the_target_names_it() -> None:
    """``02 3E 00`` on this id stops node 62 of a CANopen network."""
    frame = Frame(0x000, b"\x02\x3e\x00")
    assert gate_of().raw_harms(frame) == {"destructive"}
    named = SafetyGate(allowing(can=replace(bare().can, other_request_ids=(0x000,))))
    assert named.raw_harms(frame) == set()


# Whatever is sent


def heard_by_an_ecu(field: bytes, *, has_address: bool) -> bytes:
    """Return what a plain receiver of ISO 15765-2, written for this test, hands to its application from one classic
    frame.
    """
    data = field[1:] if has_address else field
    if not data or len(field) > 8:
        return b""
    if data[0] < 0x08:
        return data[1 : 1 + data[0]] if len(data) > data[0] else b""
    if data[0] & 0xF0 == 0x10 and len(field) == 8:
        length = (data[0] & 0xF) << 8 | data[1]
        return data[2:] if length >= (7 if has_address else 8) else b""
    return b""


@given(st.binary(max_size=8), st.booleans())
def test_what_a_plain_receiver_hears_is_always_judged(field: bytes, has_address: bool) -> None:
    pdu = heard_by_an_ecu(field, has_address=has_address)
    assert NOTHING_ALLOWED.harms(pdu) <= needs(field)


@given(st.binary(max_size=64))
def test_any_frame_is_judged_and_needs_the_words_of_one_of_its_readings(field: bytes) -> None:
    found = [reading.read(field) for reading in READINGS]
    assert all(message == b"" or message in field for message in found)
    assert needs(field) <= set().union(*(NOTHING_ALLOWED.harms(message) for message in found))


@given(st.lists(st.sampled_from([0x00, 0x02, 0x06, 0x10, 0x27, 0x42, 0x82, 0x81]), max_size=8).map(bytes))
def test_where_everything_is_allowed_a_frame_holds_the_keys_that_its_readings_find(data: bytes) -> None:
    gate = SafetyGate(bare())
    gate.raw_needs = frozenset(PERMISSIONS)
    found = [reading.read(data, 8) for reading in READINGS]
    keys = {one[1] & 0x7F for one in found if len(one) > 1 and one[0] == 0x27 and not one[1] & 1}
    assert {key[1] & 0x7F for key in gate.check_raw(Frame(REQUEST_ID, data))} == keys
