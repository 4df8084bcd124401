"""What can be wrong with keys: their order, their level, their address, and what a refusal leaves behind?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect

_WALK = {"FZ-04": "its random walk takes such a step"}


@dataclass(frozen=True, kw_only=True)
class KeyDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    # The order of seed and key.
    zero_key_without_seed: Annotated[
        bool,
        Defect(
            number="M34",
            what="Until a session's first seed the expected key is all zeros, and no seed need be pending for it.",
            kills=("SA-21",),
            also={
                **_WALK,
                "SA-32": "all zeros is a trivial key, if it is tried without a seed",
                "SA-39": "the refusal of a key without seed is no refusal, if that key is all zeros",
            },
        ),
    ] = False
    dies_on_key_without_seed: Annotated[
        bool,
        Defect(
            number="M35",
            what="A key before a session's first seed crashes the ECU.",
            kills=("SA-21", "DS-04"),
            also={
                **_WALK,
                "FZ-01": "a key without seed is among random frames",
                "FZ-02": "a key without seed is among mutated requests",
                "FZ-03": "a key without seed is among the lengths that it tries",
                "FZ-05": "a key without seed is among random frames",
                "SA-19": "a key in the delay is one without seed",
                "SA-25": "an old key without a new seed kills the ECU",
                "SA-26": "the key comes after a session change, before the new session's first seed",
                "SA-39": "a key without seed is one of the refusals it provokes",
            },
        ),
    ] = False
    seed_kept_after_wrong_key: Annotated[
        bool,
        Defect(
            number="M36",
            what="A seed may be answered again after a wrong key.",
            kills=("SA-22",),
            also={**_WALK, "CF-07": "a second key for the same seed is compared, where 24 is due"},
        ),
    ] = False
    seed_kept_after_wrong_length: Annotated[
        bool,
        Defect(what="A seed may be answered again after a key of the wrong length.", kills=("SA-23",), also=_WALK),
    ] = False
    seed_kept_after_wrong_level: Annotated[
        bool,
        Defect(what="A seed may be answered again after a key for another level.", kills=("SA-23",), also=_WALK),
    ] = False
    key_accepted_twice: Annotated[
        bool,
        Defect(
            number="M38",
            what="After success the same key is accepted again without a new seed.",
            kills=("SA-24",),
            also=_WALK,
        ),
    ] = False
    old_key_accepted: Annotated[
        bool,
        Defect(
            number="M39",
            what="A key that was right once is accepted for every later seed.",
            kills=("SA-25",),
            also={**_WALK, "SA-32": "the last key used, one of the trivial ones, is accepted"},
        ),
    ] = False
    any_key_after_timeout: Annotated[
        bool,
        Defect(
            what="When a session with an open level runs out, the next key opens it, whatever that key is.",
            kills=("SA-25",),
        ),
    ] = False
    seed_survives_session_change: Annotated[
        bool,
        Defect(
            number="M41",
            what="A seed may still be answered when the session has changed since.",
            kills=("SA-26",),
            also=_WALK,
        ),
    ] = False

    # Levels.
    key_taken_at_other_level: Annotated[
        bool,
        Defect(
            number="M42",
            what="A pending seed is answered by its key at any level's sub-function, and that level is unlocked.",
            kills=("SA-27",),
            also=_WALK,
        ),
    ] = False
    any_level_is_enough: Annotated[
        bool,
        Defect(
            number="M43",
            what="Whatever needs a level is open as soon as any level is unlocked.",
            kills=("SA-28",),
            also=_WALK,
        ),
    ] = False
    levels_stay_unlocked: Annotated[
        bool,
        Defect(what="Unlocking a level leaves the one unlocked before it as it was.", kills=("SA-29",), also=_WALK),
    ] = False
    hidden_level: Annotated[
        bool,
        Defect(
            number="M62",
            what="Level 41, which nobody documents, gives the same seed each time; the key is the seed.",
            kills=("SA-37",),
        ),
    ] = False

    # Requests with more in them than there should be.
    suppressed_key_uncounted: Annotated[
        bool,
        Defect(
            number="M33",
            what="A wrong key is not counted if its positive answer was to be suppressed.",
            kills=("SA-36",),
            also=_WALK,
        ),
    ] = False
    suppressed_key_unlocks: Annotated[
        bool,
        Defect(
            what="A wrong key is refused, and unlocks, if its positive answer was to be suppressed.",
            kills=("SA-36",),
            also=_WALK,
        ),
    ] = False
    seed_made_of_record: Annotated[
        bool,
        Defect(
            what="What follows in a request for a seed starts the generator that the seed is drawn from.",
            kills=("SA-38",),
            also={"CF-04": "a request for a seed that is too long is answered"},
        ),
    ] = False
    record_fixes_seed: Annotated[
        bool,
        Defect(
            number="M63",
            what="A request for a seed that goes on with DE BA is given the same seed each time.",
            kills=(),
            survives="Only who tries DE BA sees it: it is one record of 65536 of its length, and no well-known word.",
        ),
    ] = False

    # Testers.
    unlock_valid_for_all: Annotated[
        bool,
        Defect(
            number="M64",
            what="What one tester has unlocked is open to whoever asks from another address.",
            kills=("SA-40",),
        ),
    ] = False
    seed_valid_for_all: Annotated[
        bool,
        Defect(
            number="M101",
            what="There is one pending seed for all: another tester's takes its place, and anybody may answer it.",
            kills=("SA-40",),
        ),
    ] = False

    # The answer and its effect.
    wrong_key_unlocks: Annotated[
        bool,
        Defect(
            number="M60",
            what="A wrong key is refused, and unlocks.",
            kills=("SA-39",),
            also={
                **_WALK,
                "SA-22": "the wrong key before the second attempt has unlocked, if the check judges by a write",
                "SA-25": "the old key is refused, and unlocks, if the check judges by a write",
                "SA-32": "each trivial key is refused, and unlocks, if the check judges by a write",
                "SA-36": "a wrong key is refused, and unlocks, with its positive answer suppressed too",
            },
        ),
    ] = False
    malformed_key_unlocks: Annotated[
        bool,
        Defect(
            number="M61",
            what="A key of the wrong length is refused, and the path of that refusal leaves the level unlocked.",
            kills=("SA-39", "FZ-04"),
            also={
                "FZ-01": "a key of the wrong length is among random frames",
                "FZ-02": "a key of the wrong length is among mutated requests",
                "FZ-03": "a key of the wrong length is among the lengths that it tries",
                "FZ-05": "a key of the wrong length is among random frames",
            },
        ),
    ] = False
