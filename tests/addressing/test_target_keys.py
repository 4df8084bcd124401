"""Prove what [can] addressing and its keys imply, and which combinations are refused."""

import pytest

from harness.errors import UserError
from harness.target import Target, load_target, load_text
from harness.target.load import with_link

HEAD = '[can]\ninterface = "uds-sim"\nchannel = "ecu.py:make"\n'


def load(*lines: str) -> Target:
    return load_text("\n".join((HEAD, *lines)), "ecu.toml")


def refusal(*lines: str) -> str:
    with pytest.raises(UserError) as caught:
        load(*lines)
    return str(caught.value)


IDS = ("request_id = 0x6F1", "response_id = 0x612")


def test_extended_addressing_has_the_two_addresses() -> None:
    can = load(*IDS, 'addressing = "extended"', "target_address = 0x12", "source_address = 0xF1").can
    assert (can.addressing, can.target_address, can.source_address) == ("extended", 0x12, 0xF1)


def test_without_the_key_addressing_is_normal() -> None:
    assert load(*IDS).can.addressing == "normal"


def test_normal_fixed_ids_follow_from_the_addresses() -> None:
    can = load('addressing = "normal-fixed"', "target_address = 0x10", "source_address = 0xF1").can
    assert (can.request_id, can.response_id, can.extended_ids) == (0x18DA10F1, 0x18DAF110, True)


def test_the_addresses_follow_from_normal_fixed_ids() -> None:
    can = load('addressing = "normal-fixed"', "request_id = 0x18DA30F1").can
    assert (can.target_address, can.source_address, can.response_id) == (0x30, 0xF1, 0x18DAF130)


def test_mixed_ids_of_29_bits_follow_from_the_addresses() -> None:
    lines = ('addressing = "mixed"', "address_extension = 0x9A", "target_address = 0x10", "source_address = 0xF1")
    can = load(*lines).can
    assert (can.request_id, can.response_id, can.extended_ids) == (0x18CE10F1, 0x18CEF110, True)


@pytest.mark.parametrize("address", [0x00, 0xFF])
def test_each_byte_is_an_address(address: int) -> None:
    can = load(*IDS, 'addressing = "mixed"', f"address_extension = {address}").can
    assert can.address_extension == address


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((*IDS, 'addressing = "long"'), 'can.addressing is "long"; give "normal", "normal-fixed", "extended" or "mixed"'),
        ((*IDS, 'addressing = "extended"'), "can.target_address is missing, and with"),
        ((*IDS, 'addressing = "mixed"'), "can.address_extension is missing, and with"),
        ((*IDS, "target_address = 0x12"), 'can.target_address is 0x12, for which "normal" addressing has no use'),
        (
            (*IDS, 'addressing = "extended"', "target_address = 1", "address_extension = 2"),
            'can.address_extension is 0x02, for which "extended" addressing has no use',
        ),
        ((*IDS, 'addressing = "extended"', "target_address = 0x100"), "can.target_address is 0x100; give an address"),
        ((*IDS, 'addressing = "normal-fixed"'), "can.request_id is 0x6F1; with normal fixed addressing it is 0x18DA"),
        (
            ('addressing = "normal-fixed"', "request_id = 0x18DA30F1", "response_id = 0x18DAF131"),
            "can.response_id is 0x18DAF131; by target_address and source_address it is 0x18DAF130",
        ),
        (('addressing = "extended"', "target_address = 1"), "can.request_id is missing"),
        ((*IDS, "functional_id = 0x6F1"), "can.functional_id is 0x6F1, the same as can.request_id"),
    ],
)
def test_what_contradicts_is_refused(lines: tuple[str, ...], why: str) -> None:
    assert refusal(*lines).startswith(f"ecu.toml: {why}")


def test_one_id_may_lead_to_the_ecu_and_to_all_by_the_first_byte() -> None:
    lines = ('addressing = "extended"', "target_address = 0x12", "functional_id = 0x6F1", "functional_address = 0xDF")
    assert load(*IDS, *lines).can.functional_address == 0xDF


def test_a_uri_takes_the_same_keys() -> None:
    uri = "socketcan:can0?request=0x6F1&response=0x612&addressing=extended&target_address=0x12&source_address=0xF1"
    can = load_target(uri).can
    assert (can.request_id, can.addressing, can.target_address, can.source_address) == (0x6F1, "extended", 0x12, 0xF1)
    fixed = load_target("socketcan:can0?addressing=normal-fixed&target_address=0x10&source_address=0xF9").can
    assert (fixed.request_id, fixed.response_id) == (0x18DA10F9, 0x18DAF910)


def test_another_id_on_the_command_line_brings_its_own_addresses() -> None:
    target = load('addressing = "normal-fixed"', "target_address = 0x10", "source_address = 0xF1")
    moved = with_link(target, request_id=0x18DA30F1).can
    assert (moved.response_id, moved.target_address) == (0x18DAF130, 0x30)
