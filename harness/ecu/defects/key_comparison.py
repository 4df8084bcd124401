"""What can be wrong with the key itself: how it is made of the seed, and how the one that came is held against it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect

_WALK = {"FZ-04": "its random walk sends such a key"}
_EVERY_UNIT = {"IE-04": "keys are made in the same way, with the same number, in every unit"}


@dataclass(frozen=True, kw_only=True)
class KeyComparisonDefects:
    """One switch for each; the comparison asks for the one that spoils it."""

    # Keys that are accepted beside the right one.
    default_key: Annotated[
        bool,
        Defect(number="M53a", what="A key of FF in every byte is accepted for any seed.", kills=("SA-32",), also=_WALK),
    ] = False
    default_key_zero: Annotated[
        bool,
        Defect(number="M53b", what="A key of 00 in every byte is accepted for any seed.", kills=("SA-32",), also=_WALK),
    ] = False
    default_key_deadbeef: Annotated[
        bool,
        Defect(
            number="M53c", what="A key of DE AD BE EF, repeated, is accepted for any seed.", kills=("SA-32",), also=_WALK
        ),
    ] = False
    key_is_inverted_seed: Annotated[
        bool,
        Defect(
            number="M54a",
            what="The seed with every bit inverted is accepted as its key, beside the right one.",
            kills=("SA-32",),
        ),
    ] = False

    # Keys that are made in too simple a way; who knows the ECU declares the way.
    key_is_seed_plus_constant: Annotated[
        bool,
        Defect(
            number="M54b",
            what="The key is the seed plus a constant, as one number.",
            kills=("SA-33",),
            also=_EVERY_UNIT,
        ),
    ] = False
    key_is_seed_xor_constant: Annotated[
        bool,
        Defect(number="M54c", what="The key is the seed XOR a constant.", kills=("SA-33",), also=_EVERY_UNIT),
    ] = False
    key_is_crc_of_seed: Annotated[
        bool,
        Defect(
            number="M56",
            what="The key is the CRC-32 of the seed.",
            kills=("SA-33",),
            also=_EVERY_UNIT,
            base="hardened-article-key",
        ),
    ] = False
    short_secret: Annotated[
        bool,
        Defect(
            number="M125",
            what="The secret that keys are made with has 24 bits.",
            kills=("SA-34",),
            also=_EVERY_UNIT,
        ),
    ] = False

    # Comparisons that look at less than the key.
    first_bytes_compared: Annotated[
        bool,
        Defect(number="M45", what="Of a key only the first two bytes are compared.", kills=("SA-31",), also=_WALK),
    ] = False
    low_half_compared: Annotated[
        bool,
        Defect(number="M49", what="Of a key only the last 16 bits are compared.", kills=("SA-31",), also=_WALK),
    ] = False
    key_bit_ignored: Annotated[
        bool,
        Defect(
            number="M50",
            what="Bit 5 of a key's byte 3 is masked out of the comparison.",
            kills=("SA-31",),
            also=_WALK,
            depth="default",
        ),
    ] = False
    key_sum_compared: Annotated[
        bool,
        Defect(what="Of a key only the sum of its bytes is compared.", kills=("SA-31",), also=_WALK),
    ] = False
    key_start_accepted: Annotated[
        bool,
        Defect(
            number="M47",
            what="Only as many bytes are compared as have come: the right key's start is enough.",
            kills=("SA-30",),
            also=_WALK,
        ),
    ] = False
    empty_key_accepted: Annotated[
        bool,
        Defect(what="Only as many bytes are compared as have come, and none are enough.", kills=("SA-30",), also=_WALK),
    ] = False
    longer_key_accepted: Annotated[
        bool,
        Defect(number="M48", what="Whatever follows the right key is ignored.", kills=("SA-30", "TP-18"), also=_WALK),
    ] = False
    dies_on_long_key: Annotated[
        bool,
        Defect(
            what="A key of more than 64 bytes crashes the ECU.",
            kills=("SA-30",),
            also={
                **_WALK,
                "FZ-02": "long keys are among mutated requests",
                "SA-39": "a key of 200 bytes is one of the refusals it provokes",
            },
        ),
    ] = False

    # Comparisons that tell how far they have come.
    comparison_takes_time: Annotated[
        bool,
        Defect(
            number="M58",
            what="Keys are compared byte by byte until one differs, each byte in a millisecond.",
            kills=("SA-35",),
        ),
    ] = False
    comparison_takes_some_time: Annotated[
        bool,
        Defect(
            number="M58b",
            what="Keys are compared byte by byte until one differs, each byte in 20 us; answers jitter by 50 us.",
            kills=(),
            base="hardened-article-key",
            survives="60 us between the first byte and the last show in 50 us of jitter only after some fifty guesses of "
            "each kind, taken twice; SA-35 takes so many at depth deep.",
        ),
    ] = False
