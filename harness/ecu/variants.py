"""Other ways to build a sound ECU, which the standard or its users leave open. No check may fail on any of them."""

from __future__ import annotations

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
    """Let frames begin with an address."""
    return replace(definition.with_config(address_bytes=1), enclose=lambda node: AddressedNode(node, addresses))


@variant(number="B1")
def pad_55(definition: Definition) -> Definition:
    """Frames are filled up with 55."""
    return definition.with_config(padding=0x55)


@variant(number="B1")
def pad_aa(definition: Definition) -> Definition:
    """Frames are filled up with AA."""
    return definition.with_config(padding=0xAA)


@variant(number="B1")
def pad_cc(definition: Definition) -> Definition:
    """Frames are filled up with CC."""
    return definition.with_config(padding=0xCC)


@variant(number="B1")
def pad_ff(definition: Definition) -> Definition:
    """Frames are filled up with FF."""
    return definition.with_config(padding=0xFF)


@variant()
def other_unit(definition: Definition) -> Definition:
    """Another unit of the same type, with secrets of its own."""
    return definition.with_levels("secret", change=definition.decisions().of_another_unit)


@variant()
def periodic_frames(definition: Definition) -> Definition:
    """A frame of normal traffic each second."""
    return definition.with_config(periodic_frames=NORMAL_TRAFFIC)


@variant()
def can_fd(definition: Definition) -> Definition:
    """It speaks CAN FD, in frames of up to 64 bytes."""
    return definition.with_config(fd=True)


@variant(number="B2")
def unpadded(definition: Definition) -> Definition:
    """Frames are as short as their content."""
    return definition.with_config(padding=None)


@variant(number="B6")
def seed_of_8_bytes(definition: Definition) -> Definition:
    """Seeds of eight bytes, which take two frames."""
    return definition.with_levels("seed length", change=lambda level: replace(level, seed_bytes=8))


@variant(number="B7")
def held_seed(definition: Definition) -> Definition:
    """A seed is given again and again until the right key has answered it."""
    return definition.with_config(holds_seed=True)


@variant(number="B7")
def held_seed_of_session(definition: Definition) -> Definition:
    """A seed is given again and again until the right key has answered it, or its session has ended."""
    return definition.with_config(holds_seed_in_session=True)


@variant()
def record_ignored(definition: Definition) -> Definition:
    """A request for a seed may carry four bytes, which change nothing."""
    return definition.with_config(ignored_record_bytes=4)


@variant()
def seeds_of_two_lengths(definition: Definition) -> Definition:
    """Every third seed has 8 bytes instead of 16."""
    return definition.with_config(short_seed_every=3)


@variant(number="B18")
def zero_seed_of_2_bytes(definition: Definition) -> Definition:
    """The seed of an unlocked level has two bytes, both zero."""
    return definition.with_config(zero_seed_bytes=2)


@variant(number="B8")
def delay_answered_36(definition: Definition) -> Definition:
    """Requests for a seed during the delay are refused with 36."""
    return definition.with_config(delay_nrc=Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)


@variant(number="B8")
def key_in_delay_answered_37(definition: Definition) -> Definition:
    """Keys during the delay are refused with 37 instead of 24."""
    return definition.with_config(key_in_delay_nrc=Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)


@variant(number="B8")
def key_in_delay_answered_36(definition: Definition) -> Definition:
    """Keys during the delay are refused with 36 instead of 24."""
    return definition.with_config(key_in_delay_nrc=Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)


@variant(number="B9")
def one_attempt(definition: Definition) -> Definition:
    """The first wrong key starts the delay."""
    return definition.with_config(attempts=1)


@variant(number="B9")
def two_attempts(definition: Definition) -> Definition:
    """The second wrong key starts the delay."""
    return definition.with_config(attempts=2)


@variant(number="B9")
def five_attempts(definition: Definition) -> Definition:
    """The fifth wrong key starts the delay."""
    return definition.with_config(attempts=5)


@variant(number="B9")
def ten_attempts(definition: Definition) -> Definition:
    """The tenth wrong key starts the delay."""
    return definition.with_config(attempts=10)


@variant(number="B10")
def boot_delay(definition: Definition) -> Definition:
    """The delay follows every restart."""
    return definition.with_config(has_boot_delay=True)


@variant(number="B11")
def one_try_after_delay(definition: Definition) -> Definition:
    """When a delay is over, one wrong key is enough for the next."""
    return definition.with_config(tries_after_delay=1)


@variant(number="B12")
def one_counter(definition: Definition) -> Definition:
    """All levels share one count of wrong keys and one delay."""
    return definition.with_config(has_one_counter=True)


@variant(number="B13")
def pause_after_wrong_key(definition: Definition) -> Definition:
    """A second without seeds after each wrong key."""
    return definition.with_config(wrong_key_delay_s=1.0)


@variant(number="B13")
def pause_only(definition: Definition) -> Definition:
    """A second without seeds after each wrong key, and no other limit."""
    return definition.with_config(wrong_key_delay_s=1.0, delay_s=1.0, attempts=1_000_000)


@variant(number="B16")
def all_writes_protected(definition: Definition) -> Definition:
    """DID 1010 needs level 1 too."""
    entries = (replace(entry, write=1) if entry.did == 0x1010 else entry for entry in definition.config.data_identifiers)
    return definition.with_config(data_identifiers=tuple(entries))


@variant(number="B21")
def level_before_length(definition: Definition) -> Definition:
    """A locked write of the wrong length is refused with 33, where the hardened ECU says 13."""
    rules = (s2e.identifier_is_writable, s2e.level_is_unlocked, s2e.value_has_its_length)
    return definition.with_service(replace(s2e.SERVICE, rules=(*rules, s2e.value_is_allowed, s2e.value_is_stored)))


@variant()
def reset_protected(definition: Definition) -> Definition:
    """ECUReset needs level 1."""
    return definition.with_config(service_needs={**definition.config.service_needs, Service.ECU_RESET: 1})


@variant()
def authentication_required(definition: Definition) -> Definition:
    """Nobody gets a seed without service 29."""
    return definition.with_config(requires_authentication=True)


@variant(number="B14")
def counters_load(definition: Definition) -> Definition:
    """After a restart 27 is refused with 22 for half a second."""
    return definition.with_config(counters_load_s=0.5)


@variant()
def talks_while_booting(definition: Definition) -> Definition:
    """Three frames on the response id while it boots, before it hears anything."""
    return definition.with_config(boot_frames=3)


@variant()
def sessions_start_late(definition: Definition) -> Definition:
    """After a restart 10 is refused with 22 for a second and a half."""
    return definition.with_config(sessions_start_s=1.5)


@variant(number="B3")
def extended_answers(definition: Definition) -> Definition:
    """Requests have 11-bit ids, answers 29-bit ones."""
    return definition.with_node(speaks_extended=True)


@variant(number="B3")
def extended_ids(definition: Definition) -> Definition:
    """Requests and answers have 29-bit ids."""
    return definition.with_node(**_FIXED_IDS)


@variant()
def extended_addressing(definition: Definition) -> Definition:
    """Frames begin with the receiver's address (extended addressing)."""
    return _addressed(definition, _EXTENDED)


@variant()
def mixed_addressing(definition: Definition) -> Definition:
    """Frames begin with an address extension (mixed addressing)."""
    return _addressed(definition, _MIXED)


@variant()
def mixed_addressing_29_bits(definition: Definition) -> Definition:
    """Frames begin with an address extension, and ids have 29 bits."""
    ids = {"request_id": 0x18CE40F1, "response_id": 0x18CEF140, "functional_id": 0x18CD33F1}
    return _addressed(definition.with_node(**{**_FIXED_IDS, **ids}), _MIXED)


@variant(number="B4")
def pending(definition: Definition) -> Definition:
    """Sessions, keys, writes and resets are answered 78 first."""
    return definition.with_config(pending_services=frozenset({0x10, 0x11, 0x27, 0x2E}))


@variant(number="B5")
def jitter(definition: Definition) -> Definition:
    """Each answer takes up to 40 ms, by chance."""
    return definition.with_config(answer_jitter_s=0.040)


@variant(number="B15")
def busy_at_times(definition: Definition) -> Definition:
    """Every seventh request is answered 21, and served when repeated."""
    return definition.with_config(busy_every=7)


@variant(number="B17")
def no_sessions(definition: Definition) -> Definition:
    """There are no sessions, as declared."""
    return definition.with_config(sessions=())


@variant(number="B19")
def neighbour(definition: Definition) -> Definition:
    """Another ECU talks on the ids next to its own."""
    return replace(definition, others=(*definition.others, Neighbour))


@variant(number="B22")
def s3_longer(definition: Definition) -> Definition:
    """A session ends after 5.2 s."""
    return definition.with_config(s3_s=5.2)


VARIANTS: Final[dict[str, Variant]] = {one.name: one for one in list(vars().values()) if isinstance(one, Variant)}
"""The variants by name, in the order of this file."""
