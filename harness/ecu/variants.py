"""How else may a sound ECU be built? What the standard or its users leave open: no check may accuse any of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.ecu.addressed import AddressBytes
from harness.ecu.config import NORMAL_TRAFFIC, SERVICE_NEEDS, EcuConfig
from harness.ecu.exposure import sibling
from harness.ecu.neighbour import Neighbour
from harness.simulation.node import Node
from harness.uds import Nrc, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One difference from `hardened` that is no flaw."""

    number: str
    """In the catalogue, e.g. ``B4``."""
    what: str
    config: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `EcuConfig` and what they are instead."""
    change: Callable[[EcuConfig], EcuConfig] | None = None
    """For what is no plain replacement."""
    node: Mapping[str, Any] = field(default_factory=dict)
    """What `UdsNode` takes instead of its defaults."""
    addresses: AddressBytes | None = None
    """What its frames begin with, if they have an address."""
    others: tuple[Callable[[], Node], ...] = ()
    """Makers of further nodes on the same bus."""


def _with_seeds_of(count: int) -> Callable[[EcuConfig], EcuConfig]:
    """Another length of all seeds, in bytes."""
    return lambda config: replace(config, levels=tuple(replace(level, seed_bytes=count) for level in config.levels))


def _with_1010_protected(config: EcuConfig) -> EcuConfig:
    entries = (replace(entry, write=1) if entry.did == 0x1010 else entry for entry in config.data_identifiers)
    return replace(config, data_identifiers=tuple(entries))


_FIXED_IDS: Final = {
    "request_id": 0x18DA40F1,
    "response_id": 0x18DAF140,
    "functional_id": 0x18DB33F1,
    "hears_extended": True,
    "speaks_extended": True,
}
_ONE_ADDRESS_BYTE: Final = {"address_bytes": 1}
_EXTENDED: Final = AddressBytes(request=0x40, functional=0xDF, response=0xF1)
_MIXED: Final = AddressBytes(request=0x9A, functional=0x9A, response=0x9A)

VARIANTS: Final[dict[str, Variant]] = {
    "pad_55": Variant(number="B1", what="Frames are filled up with 55.", config={"padding": 0x55}),
    "pad_aa": Variant(number="B1", what="Frames are filled up with AA.", config={"padding": 0xAA}),
    "pad_cc": Variant(number="B1", what="Frames are filled up with CC.", config={"padding": 0xCC}),
    "pad_ff": Variant(number="B1", what="Frames are filled up with FF.", config={"padding": 0xFF}),
    "other_unit": Variant(number="", what="Another unit of the same type, with secrets of its own.", change=sibling),
    "periodic_frames": Variant(
        number="", what="A frame of normal traffic each second.", config={"periodic_frames": NORMAL_TRAFFIC}
    ),
    "can_fd": Variant(number="", what="It speaks CAN FD, in frames of up to 64 bytes.", config={"fd": True}),
    "unpadded": Variant(number="B2", what="Frames are as short as their content.", config={"padding": None}),
    "seed_of_8_bytes": Variant(number="B6", what="Seeds of eight bytes, which take two frames.", change=_with_seeds_of(8)),
    "held_seed": Variant(
        number="B7", what="A seed is given again and again until the right key has answered it.", config={"holds_seed": True}
    ),
    "held_seed_of_session": Variant(
        number="B7",
        what="A seed is given again and again until the right key has answered it, or its session has ended.",
        config={"holds_seed_in_session": True},
    ),
    "record_ignored": Variant(
        number="",
        what="A request for a seed may carry four bytes, which change nothing.",
        config={"ignored_record_bytes": 4},
    ),
    "seeds_of_two_lengths": Variant(
        number="", what="Every third seed has 8 bytes instead of 16.", config={"short_seed_every": 3}
    ),
    "zero_seed_of_2_bytes": Variant(
        number="B18", what="The seed of an unlocked level has two bytes, both zero.", config={"zero_seed_bytes": 2}
    ),
    "delay_answered_36": Variant(
        number="B8",
        what="Requests for a seed during the delay are refused with 36.",
        config={"delay_nrc": Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS},
    ),
    "key_in_delay_answered_37": Variant(
        number="B8",
        what="Keys during the delay are refused with 37 instead of 24.",
        config={"key_in_delay_nrc": Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED},
    ),
    "key_in_delay_answered_36": Variant(
        number="B8",
        what="Keys during the delay are refused with 36 instead of 24.",
        config={"key_in_delay_nrc": Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS},
    ),
    "one_attempt": Variant(number="B9", what="The first wrong key starts the delay.", config={"attempts": 1}),
    "two_attempts": Variant(number="B9", what="The second wrong key starts the delay.", config={"attempts": 2}),
    "five_attempts": Variant(number="B9", what="The fifth wrong key starts the delay.", config={"attempts": 5}),
    "ten_attempts": Variant(number="B9", what="The tenth wrong key starts the delay.", config={"attempts": 10}),
    "boot_delay": Variant(number="B10", what="The delay follows every restart.", config={"has_boot_delay": True}),
    "one_try_after_delay": Variant(
        number="B11", what="When a delay is over, one wrong key is enough for the next.", config={"tries_after_delay": 1}
    ),
    "one_counter": Variant(
        number="B12", what="All levels share one count of wrong keys and one delay.", config={"has_one_counter": True}
    ),
    "pause_after_wrong_key": Variant(
        number="B13", what="A second without seeds after each wrong key.", config={"wrong_key_delay_s": 1.0}
    ),
    "pause_only": Variant(
        number="B13",
        what="A second without seeds after each wrong key, and no other limit.",
        config={"wrong_key_delay_s": 1.0, "delay_s": 1.0, "attempts": 1_000_000},
    ),
    "all_writes_protected": Variant(number="B16", what="DID 1010 needs level 1 too.", change=_with_1010_protected),
    "level_before_length": Variant(
        number="B21",
        what="A locked write of the wrong length is refused with 33, where the hardened ECU says 13.",
        config={"refuses_level_first": True},
    ),
    "reset_protected": Variant(
        number="", what="ECUReset needs level 1.", config={"service_needs": {**SERVICE_NEEDS, Service.ECU_RESET: 1}}
    ),
    "authentication_required": Variant(
        number="", what="Nobody gets a seed without service 29.", config={"requires_authentication": True}
    ),
    "counters_load": Variant(
        number="B14", what="After a restart 27 is refused with 22 for half a second.", config={"counters_load_s": 0.5}
    ),
    "talks_while_booting": Variant(
        number="",
        what="Three frames on the response id while it boots, before it hears anything.",
        config={"boot_frames": 3},
    ),
    "sessions_start_late": Variant(
        number="", what="After a restart 10 is refused with 22 for a second and a half.", config={"sessions_start_s": 1.5}
    ),
    "extended_answers": Variant(
        number="B3", what="Requests have 11-bit ids, answers 29-bit ones.", node={"speaks_extended": True}
    ),
    "extended_ids": Variant(
        number="B3",
        what="Requests and answers have 29-bit ids.",
        node=_FIXED_IDS,
    ),
    "extended_addressing": Variant(
        number="",
        what="Frames begin with the receiver's address (extended addressing).",
        config=_ONE_ADDRESS_BYTE,
        addresses=_EXTENDED,
    ),
    "mixed_addressing": Variant(
        number="",
        what="Frames begin with an address extension (mixed addressing).",
        config=_ONE_ADDRESS_BYTE,
        addresses=_MIXED,
    ),
    "mixed_addressing_29_bits": Variant(
        number="",
        what="Frames begin with an address extension, and ids have 29 bits.",
        config=_ONE_ADDRESS_BYTE,
        node={**_FIXED_IDS, "request_id": 0x18CE40F1, "response_id": 0x18CEF140, "functional_id": 0x18CD33F1},
        addresses=_MIXED,
    ),
    "pending": Variant(
        number="B4",
        what="Sessions, keys, writes and resets are answered 78 first.",
        config={"pending_services": frozenset({0x10, 0x11, 0x27, 0x2E})},
    ),
    "jitter": Variant(number="B5", what="Each answer takes up to 40 ms, by chance.", config={"answer_jitter_s": 0.040}),
    "busy_at_times": Variant(
        number="B15", what="Every seventh request is answered 21, and served when repeated.", config={"busy_every": 7}
    ),
    "no_sessions": Variant(number="B17", what="There are no sessions, as declared.", config={"sessions": ()}),
    "neighbour": Variant(number="B19", what="Another ECU talks on the ids next to its own.", others=(Neighbour,)),
    "s3_longer": Variant(number="B22", what="A session ends after 5.2 s.", config={"s3_s": 5.2}),
}
