"""List other ways to build a sound ECU, which the standard or its users leave open. No check may fail on any of them."""

from dataclasses import replace
from typing import Final

from harness.ecu.addressed import AddressBytes, AddressedNode
from harness.ecu.config import NORMAL_TRAFFIC
from harness.ecu.definition import Definition
from harness.ecu.flaws.declare import Variant, variant
from harness.ecu.neighbour import Neighbour
from harness.ecu.services import s2e_write_data_by_identifier as s2e
from harness.uds import Nrc, Service

_FIXED_IDS: Final = {
    "request_id": 0x18DA40F1,
    "response_id": 0x18DAF140,
    "functional_id": 0x18DB33F1,
    "hears_extended": True,
    "speaks_extended": True,
}
_EXTENDED: Final = AddressBytes(request=0x40, functional=0xDF, response=0xF1)
_MIXED: Final = AddressBytes(request=0x9A, functional=0x9A, response=0x9A)


def _addressed(definition: Definition, addresses: AddressBytes) -> Definition:
    """Let all frames begin with an address byte."""
    return replace(definition.with_config(address_bytes=1), enclose=lambda node: AddressedNode(node, addresses))


def _all_writes_protected(definition: Definition) -> Definition:
    entries = (replace(entry, write=1) if entry.did == 0x1010 else entry for entry in definition.config.data_identifiers)
    return definition.with_config(data_identifiers=tuple(entries))


def _level_before_length(definition: Definition) -> Definition:
    rules = (s2e.identifier_is_writable, s2e.level_is_unlocked, s2e.value_has_its_length)
    return definition.with_service(replace(s2e.SERVICE, rules=(*rules, s2e.value_is_allowed, s2e.value_is_stored)))


def _mixed_addressing_29_bits(definition: Definition) -> Definition:
    ids = {"request_id": 0x18CE40F1, "response_id": 0x18CEF140, "functional_id": 0x18CD33F1}
    return _addressed(definition.with_node(**{**_FIXED_IDS, **ids}), _MIXED)


_ROWS: Final = (
    variant("pad_55", "Frames are filled up with 55.", number="B1", padding=0x55),
    variant("pad_aa", "Frames are filled up with AA.", number="B1", padding=0xAA),
    variant("pad_cc", "Frames are filled up with CC.", number="B1", padding=0xCC),
    variant("pad_ff", "Frames are filled up with FF.", number="B1", padding=0xFF),
    variant(
        "other_unit",
        "Another unit of the same type, with secrets of its own.",
        lambda definition: definition.with_levels("secret", change=definition.decisions().of_another_unit),
    ),
    variant("periodic_frames", "A frame of normal traffic each second.", periodic_frames=NORMAL_TRAFFIC),
    variant("can_fd", "It speaks CAN FD, in frames of up to 64 bytes.", fd=True),
    variant("unpadded", "Frames are as short as their content.", number="B2", padding=None),
    variant(
        "seed_of_8_bytes",
        "Seeds of eight bytes, which take two frames.",
        lambda definition: definition.with_levels("seed length", change=lambda level: replace(level, seed_bytes=8)),
        number="B6",
    ),
    variant(
        "held_seed", "A seed is given again and again until the right key has answered it.", number="B7", holds_seed=True
    ),
    variant(
        "held_seed_of_session",
        "A seed is given again and again until the right key has answered it, or its session has ended.",
        number="B7",
        holds_seed_in_session=True,
    ),
    variant("record_ignored", "A request for a seed may carry four bytes, which change nothing.", ignored_record_bytes=4),
    variant("seeds_of_two_lengths", "Every third seed has 8 bytes instead of 16.", short_seed_every=3),
    variant(
        "zero_seed_of_2_bytes", "The seed of an unlocked level has two bytes, both zero.", number="B18", zero_seed_bytes=2
    ),
    variant(
        "delay_answered_36",
        "Requests for a seed during the delay are refused with 36.",
        number="B8",
        delay_nrc=Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS,
    ),
    variant(
        "key_in_delay_answered_37",
        "Keys during the delay are refused with 37 instead of 24.",
        number="B8",
        key_in_delay_nrc=Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED,
    ),
    variant(
        "key_in_delay_answered_36",
        "Keys during the delay are refused with 36 instead of 24.",
        number="B8",
        key_in_delay_nrc=Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS,
    ),
    variant("one_attempt", "The first wrong key starts the delay.", number="B9", attempts=1),
    variant("two_attempts", "The second wrong key starts the delay.", number="B9", attempts=2),
    variant("five_attempts", "The fifth wrong key starts the delay.", number="B9", attempts=5),
    variant("ten_attempts", "The tenth wrong key starts the delay.", number="B9", attempts=10),
    variant("boot_delay", "The delay follows every restart.", number="B10", has_boot_delay=True),
    variant(
        "one_try_after_delay",
        "When a delay is over, one wrong key is enough for the next.",
        number="B11",
        tries_after_delay=1,
    ),
    variant("one_counter", "All levels share one count of wrong keys and one delay.", number="B12", has_one_counter=True),
    variant("pause_after_wrong_key", "A second without seeds after each wrong key.", number="B13", wrong_key_delay_s=1.0),
    variant(
        "pause_only",
        "A second without seeds after each wrong key, and no other limit.",
        number="B13",
        wrong_key_delay_s=1.0,
        delay_s=1.0,
        attempts=1_000_000,
    ),
    variant("all_writes_protected", "DID 1010 needs level 1 too.", _all_writes_protected, number="B16"),
    variant(
        "level_before_length",
        "A locked write of the wrong length is refused with 33, where the hardened ECU says 13.",
        _level_before_length,
        number="B21",
    ),
    variant(
        "reset_protected",
        "ECUReset needs level 1.",
        lambda definition: definition.with_config(service_needs={**definition.config.service_needs, Service.ECU_RESET: 1}),
    ),
    variant("authentication_required", "Nobody gets a seed without service 29.", requires_authentication=True),
    variant("counters_load", "After a restart 27 is refused with 22 for half a second.", number="B14", counters_load_s=0.5),
    variant(
        "talks_while_booting", "Three frames on the response id while it boots, before it hears anything.", boot_frames=3
    ),
    variant("sessions_start_late", "After a restart 10 is refused with 22 for a second and a half.", sessions_start_s=1.5),
    variant(
        "extended_answers",
        "Requests have 11-bit ids, answers 29-bit ones.",
        lambda definition: definition.with_node(speaks_extended=True),
        number="B3",
    ),
    variant(
        "extended_ids",
        "Requests and answers have 29-bit ids.",
        lambda definition: definition.with_node(**_FIXED_IDS),
        number="B3",
    ),
    variant(
        "extended_addressing",
        "Frames begin with the receiver's address (extended addressing).",
        lambda definition: _addressed(definition, _EXTENDED),
    ),
    variant(
        "mixed_addressing",
        "Frames begin with an address extension (mixed addressing).",
        lambda definition: _addressed(definition, _MIXED),
    ),
    variant(
        "mixed_addressing_29_bits",
        "Frames begin with an address extension, and ids have 29 bits.",
        _mixed_addressing_29_bits,
    ),
    variant(
        "pending",
        "Sessions, keys, writes and resets are answered 78 first.",
        number="B4",
        pending_services=frozenset({0x10, 0x11, 0x27, 0x2E}),
    ),
    variant("jitter", "Each answer takes up to 40 ms, by chance.", number="B5", answer_jitter_s=0.040),
    variant("busy_at_times", "Every seventh request is answered 21, and served when repeated.", number="B15", busy_every=7),
    variant("no_sessions", "There are no sessions, as declared.", number="B17", sessions=()),
    variant(
        "neighbour",
        "Another ECU talks on the ids next to its own.",
        lambda definition: replace(definition, others=(*definition.others, Neighbour)),
        number="B19",
    ),
    variant("s3_longer", "A session ends after 5.2 s.", number="B22", s3_s=5.2),
)

VARIANTS: Final[dict[str, Variant]] = {one.name: one for one in _ROWS}
"""The variants by name, in the order of the rows."""
