"""What can be wrong with keys: their order, their comparison, their algorithm, and what a refusal leaves behind?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect


@dataclass(frozen=True, kw_only=True)
class KeyDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    # The order of seed and key.
    zero_key_without_seed: Annotated[
        bool,
        Defect(
            what="Until a session's first seed the expected key is all zeros, and no seed need be pending for it.",
            kills=("SA-21",),
            also={
                "SA-32": "all zeros is a trivial key, if it is tried without a seed",
                "SA-39": "the refusal of a key without seed is no refusal, if that key is all zeros",
            },
        ),
    ] = False
    dies_on_key_without_seed: Annotated[
        bool,
        Defect(
            what="A key before a session's first seed crashes the ECU.",
            kills=("SA-21",),
            also={
                "SA-25": "an old key without a new seed kills the ECU",
                "SA-39": "a key without seed is one of the refusals it provokes",
            },
        ),
    ] = False
    seed_kept_after_wrong_key: Annotated[
        bool,
        Defect(what="A seed may be answered again after a wrong key.", kills=("SA-22",)),
    ] = False
    key_accepted_twice: Annotated[
        bool,
        Defect(what="After success the same key is accepted again without a new seed.", kills=("SA-24",)),
    ] = False
    old_key_accepted: Annotated[
        bool,
        Defect(
            what="A key that was right once is accepted for every later seed.",
            kills=("SA-25",),
            also={"SA-32": "the last key used, one of the trivial ones, is accepted"},
        ),
    ] = False

    # Keys.
    default_key: Annotated[
        bool,
        Defect(what="A key of FF in every byte is accepted for any seed.", kills=("SA-32",)),
    ] = False
    key_is_inverted_seed: Annotated[
        bool,
        Defect(what="The seed with every bit inverted is accepted as its key, beside the right one.", kills=("SA-32",)),
    ] = False

    # The answer and its effect.
    wrong_key_unlocks: Annotated[
        bool,
        Defect(
            what="A wrong key is refused, and unlocks.",
            kills=("SA-39",),
            also={
                "SA-22": "the wrong key before the second attempt has unlocked, if the check judges by a write",
                "SA-25": "the old key is refused, and unlocks, if the check judges by a write",
                "SA-32": "each trivial key is refused, and unlocks, if the check judges by a write",
            },
        ),
    ] = False
    malformed_key_unlocks: Annotated[
        bool,
        Defect(what="A key of the wrong length is refused, and unlocks.", kills=("SA-39",)),
    ] = False
