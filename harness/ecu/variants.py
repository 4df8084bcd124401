"""Other ways to build a sound ECU: what the standard or its users leave open. No check may accuse any of these."""

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


def _addressed(ecu: Definition, addresses: AddressBytes) -> Definition:
    """Frames begin with an address."""
    return replace(ecu.with_config(address_bytes=1), enclose=lambda node: AddressedNode(node, addresses))


@variant(number="B1")
def pad_55(ecu: Definition) -> Definition:
    """Frames are filled up with 55."""
    return ecu.with_config(padding=0x55)


@variant(number="B1")
def pad_aa(ecu: Definition) -> Definition:
    """Frames are filled up with AA."""
    return ecu.with_config(padding=0xAA)


@variant(number="B1")
def pad_cc(ecu: Definition) -> Definition:
    """Frames are filled up with CC."""
    return ecu.with_config(padding=0xCC)


@variant(number="B1")
def pad_ff(ecu: Definition) -> Definition:
    """Frames are filled up with FF."""
    return ecu.with_config(padding=0xFF)


@variant()
def other_unit(ecu: Definition) -> Definition:
    """Another unit of the same type, with secrets of its own."""
    return ecu.with_levels("secret", change=ecu.decisions().of_another_unit)


@variant()
def periodic_frames(ecu: Definition) -> Definition:
    """A frame of normal traffic each second."""
    return ecu.with_config(periodic_frames=NORMAL_TRAFFIC)


@variant()
def can_fd(ecu: Definition) -> Definition:
    """It speaks CAN FD, in frames of up to 64 bytes."""
    return ecu.with_config(fd=True)


@variant(number="B2")
def unpadded(ecu: Definition) -> Definition:
    """Frames are as short as their content."""
    return ecu.with_config(padding=None)


@variant(number="B6")
def seed_of_8_bytes(ecu: Definition) -> Definition:
    """Seeds of eight bytes, which take two frames."""
    return ecu.with_levels("seed length", change=lambda level: replace(level, seed_bytes=8))


@variant(number="B7")
def held_seed(ecu: Definition) -> Definition:
    """A seed is given again and again until the right key has answered it."""
    return ecu.with_config(holds_seed=True)


@variant(number="B7")
def held_seed_of_session(ecu: Definition) -> Definition:
    """A seed is given again and again until the right key has answered it, or its session has ended."""
    return ecu.with_config(holds_seed_in_session=True)


@variant()
def record_ignored(ecu: Definition) -> Definition:
    """A request for a seed may carry four bytes, which change nothing."""
    return ecu.with_config(ignored_record_bytes=4)


@variant()
def seeds_of_two_lengths(ecu: Definition) -> Definition:
    """Every third seed has 8 bytes instead of 16."""
    return ecu.with_config(short_seed_every=3)


@variant(number="B18")
def zero_seed_of_2_bytes(ecu: Definition) -> Definition:
    """The seed of an unlocked level has two bytes, both zero."""
    return ecu.with_config(zero_seed_bytes=2)


@variant(number="B8")
def delay_answered_36(ecu: Definition) -> Definition:
    """Requests for a seed during the delay are refused with 36."""
    return ecu.with_config(delay_nrc=Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)


@variant(number="B8")
def key_in_delay_answered_37(ecu: Definition) -> Definition:
    """Keys during the delay are refused with 37 instead of 24."""
    return ecu.with_config(key_in_delay_nrc=Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)


@variant(number="B8")
def key_in_delay_answered_36(ecu: Definition) -> Definition:
    """Keys during the delay are refused with 36 instead of 24."""
    return ecu.with_config(key_in_delay_nrc=Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)


@variant(number="B9")
def one_attempt(ecu: Definition) -> Definition:
    """The first wrong key starts the delay."""
    return ecu.with_config(attempts=1)


@variant(number="B9")
def two_attempts(ecu: Definition) -> Definition:
    """The second wrong key starts the delay."""
    return ecu.with_config(attempts=2)


@variant(number="B9")
def five_attempts(ecu: Definition) -> Definition:
    """The fifth wrong key starts the delay."""
    return ecu.with_config(attempts=5)


@variant(number="B9")
def ten_attempts(ecu: Definition) -> Definition:
    """The tenth wrong key starts the delay."""
    return ecu.with_config(attempts=10)


@variant(number="B10")
def boot_delay(ecu: Definition) -> Definition:
    """The delay follows every restart."""
    return ecu.with_config(has_boot_delay=True)


@variant(number="B11")
def one_try_after_delay(ecu: Definition) -> Definition:
    """When a delay is over, one wrong key is enough for the next."""
    return ecu.with_config(tries_after_delay=1)


@variant(number="B12")
def one_counter(ecu: Definition) -> Definition:
    """All levels share one count of wrong keys and one delay."""
    return ecu.with_config(has_one_counter=True)


@variant(number="B13")
def pause_after_wrong_key(ecu: Definition) -> Definition:
    """A second without seeds after each wrong key."""
    return ecu.with_config(wrong_key_delay_s=1.0)


@variant(number="B13")
def pause_only(ecu: Definition) -> Definition:
    """A second without seeds after each wrong key, and no other limit."""
    return ecu.with_config(wrong_key_delay_s=1.0, delay_s=1.0, attempts=1_000_000)


@variant(number="B16")
def all_writes_protected(ecu: Definition) -> Definition:
    """DID 1010 needs level 1 too."""
    entries = (replace(entry, write=1) if entry.did == 0x1010 else entry for entry in ecu.config.data_identifiers)
    return ecu.with_config(data_identifiers=tuple(entries))


@variant(number="B21")
def level_before_length(ecu: Definition) -> Definition:
    """A locked write of the wrong length is refused with 33, where the hardened ECU says 13."""
    rules = (s2e.identifier_is_writable, s2e.level_is_unlocked, s2e.value_has_its_length)
    return ecu.with_service(replace(s2e.SERVICE, rules=(*rules, s2e.value_is_allowed, s2e.value_is_stored)))


@variant()
def reset_protected(ecu: Definition) -> Definition:
    """ECUReset needs level 1."""
    return ecu.with_config(service_needs={**ecu.config.service_needs, Service.ECU_RESET: 1})


@variant()
def authentication_required(ecu: Definition) -> Definition:
    """Nobody gets a seed without service 29."""
    return ecu.with_config(requires_authentication=True)


@variant(number="B14")
def counters_load(ecu: Definition) -> Definition:
    """After a restart 27 is refused with 22 for half a second."""
    return ecu.with_config(counters_load_s=0.5)


@variant()
def talks_while_booting(ecu: Definition) -> Definition:
    """Three frames on the response id while it boots, before it hears anything."""
    return ecu.with_config(boot_frames=3)


@variant()
def sessions_start_late(ecu: Definition) -> Definition:
    """After a restart 10 is refused with 22 for a second and a half."""
    return ecu.with_config(sessions_start_s=1.5)


@variant(number="B3")
def extended_answers(ecu: Definition) -> Definition:
    """Requests have 11-bit ids, answers 29-bit ones."""
    return ecu.with_node(speaks_extended=True)


@variant(number="B3")
def extended_ids(ecu: Definition) -> Definition:
    """Requests and answers have 29-bit ids."""
    return ecu.with_node(**_FIXED_IDS)


@variant()
def extended_addressing(ecu: Definition) -> Definition:
    """Frames begin with the receiver's address (extended addressing)."""
    return _addressed(ecu, _EXTENDED)


@variant()
def mixed_addressing(ecu: Definition) -> Definition:
    """Frames begin with an address extension (mixed addressing)."""
    return _addressed(ecu, _MIXED)


@variant()
def mixed_addressing_29_bits(ecu: Definition) -> Definition:
    """Frames begin with an address extension, and ids have 29 bits."""
    ids = {"request_id": 0x18CE40F1, "response_id": 0x18CEF140, "functional_id": 0x18CD33F1}
    return _addressed(ecu.with_node(**{**_FIXED_IDS, **ids}), _MIXED)


@variant(number="B4")
def pending(ecu: Definition) -> Definition:
    """Sessions, keys, writes and resets are answered 78 first."""
    return ecu.with_config(pending_services=frozenset({0x10, 0x11, 0x27, 0x2E}))


@variant(number="B5")
def jitter(ecu: Definition) -> Definition:
    """Each answer takes up to 40 ms, by chance."""
    return ecu.with_config(answer_jitter_s=0.040)


@variant(number="B15")
def busy_at_times(ecu: Definition) -> Definition:
    """Every seventh request is answered 21, and served when repeated."""
    return ecu.with_config(busy_every=7)


@variant(number="B17")
def no_sessions(ecu: Definition) -> Definition:
    """There are no sessions, as declared."""
    return ecu.with_config(sessions=())


@variant(number="B19")
def neighbour(ecu: Definition) -> Definition:
    """Another ECU talks on the ids next to its own."""
    return replace(ecu, others=(*ecu.others, Neighbour))


@variant(number="B22")
def s3_longer(ecu: Definition) -> Definition:
    """A session ends after 5.2 s."""
    return ecu.with_config(s3_s=5.2)


VARIANTS: Final[dict[str, Variant]] = {one.name: one for one in list(vars().values()) if isinstance(one, Variant)}
"""By name, in this order."""
