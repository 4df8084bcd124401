"""Which flaws can be put into a sound ECU, one at a time, and which checks must see each?

A further defect is one more switch in `Defects`, and the line in the rule which asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Literal, get_type_hints

Depth = Literal["quick", "default", "deep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """What is wrong, and who must notice.

    At least one of `kills` fails on the defect at `depth`. A check in `also` may fail because of it, for the reason
    given; no other check may.
    """

    what: str
    kills: tuple[str, ...]
    also: Mapping[str, str] = field(default_factory=dict)
    depth: Depth = "quick"
    base: str = "hardened"
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defects:
    """One switch for each defect; a rule asks for the one that spoils it."""

    # Seeds.
    constant_seed: Annotated[
        bool,
        Defect(
            what="Every seed is the same.",
            kills=("SA-01",),
            also={
                "SA-25": "the key of an old seed is the key of every seed",
                "SA-32": "the last key used, one of the trivial ones, is right again",
            },
        ),
    ] = False
    cycling_seeds: Annotated[
        bool,
        Defect(
            what="Four seeds repeat in a fixed order, which starts again at each boot.",
            kills=("SA-01",),
            also={
                "SA-25": "an old key is right again whenever its seed is",
                "SA-32": "the last key used, one of the trivial ones, is right again whenever its seed is",
            },
        ),
    ] = False

    # Attempts.
    no_attempt_limit: Annotated[
        bool,
        Defect(what="Wrong keys are not counted, so there is neither a limit nor a delay.", kills=("SA-09",)),
    ] = False

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

    # Writing.
    write_before_refusal: Annotated[
        bool,
        Defect(
            what="A protected value is stored first, and refused with 33 afterwards.",
            kills=("AC-01",),
            also={
                "AC-02": "it is the same write, in another session",
                "SA-39": "the write that shows whether the ECU is locked has its effect",
                "ST-01": "the write that shows whether the ECU is locked has its effect",
            },
        ),
    ] = False
    write_unprotected: Annotated[
        bool,
        Defect(
            what="Protected values are written without any unlocking.",
            kills=("AC-01",),
            also={
                "AC-02": "it is the same write, in another session",
                "SA-39": "the write that shows whether the ECU is locked succeeds",
                "ST-01": "the write that shows whether the ECU is locked succeeds",
            },
        ),
    ] = False
    unprotected_in_extended_session: Annotated[
        bool,
        Defect(
            what="In the extended session (03) protected values are written without any unlocking.",
            kills=("AC-02",),
            also={
                "AC-01": "the same write, if the check runs in the extended session",
                "SA-39": "the write that shows whether the ECU is locked succeeds in that session",
                "ST-01": "the write that shows whether the ECU is locked succeeds in that session",
            },
        ),
    ] = False
    unprotected_while_seed_pending: Annotated[
        bool,
        Defect(what="Once a seed has been requested protected values are written, without its key.", kills=("AC-02",)),
    ] = False
    write_length_unchecked: Annotated[
        bool,
        Defect(what="Bytes after a written value are ignored instead of refused.", kills=("AC-13",)),
    ] = False

    # Sessions.
    unlock_survives_default_session: Annotated[
        bool,
        Defect(what="Going to the default session and back leaves a level unlocked.", kills=("ST-01",)),
    ] = False
    unlock_survives_same_session: Annotated[
        bool,
        Defect(what="Entering the session that is active already leaves a level unlocked.", kills=("ST-01",)),
    ] = False

    # The form of refusals. Those of the format concern the codes 31 and 35, which the article gets wrong.
    invalid_key_as_request: Annotated[
        bool,
        Defect(what="A wrong key is answered 27 35: no 7F, so it reads as a request.", kills=("CF-01",)),
    ] = False
    negative_with_length: Annotated[
        bool,
        Defect(what="The codes 31 and 35 come with the request's length in place of its service.", kills=("CF-01",)),
    ] = False
    negative_with_wrong_service: Annotated[
        bool,
        Defect(what="The codes 31 and 35 come with another service than the request's.", kills=("CF-01",)),
    ] = False
    negative_without_code: Annotated[
        bool,
        Defect(what="The codes 31 and 35 are left out: the answer ends after the service.", kills=("CF-01",)),
    ] = False
    unsupported_service_answered_31: Annotated[
        bool,
        Defect(what="A service that does not exist is refused with 31 instead of 11.", kills=("CF-02",)),
    ] = False
    unsupported_service_silent: Annotated[
        bool,
        Defect(what="A service that does not exist is not answered.", kills=("CF-02",)),
    ] = False

    # Frames.
    consecutive_frame_executed: Annotated[
        bool,
        Defect(what="A consecutive frame that nothing asked for is executed as a request.", kills=("TP-12",)),
    ] = False
    flow_control_executed: Annotated[
        bool,
        Defect(what="A flow control that nothing asked for is executed as a request.", kills=("TP-12",)),
    ] = False
    padding_taken_as_data: Annotated[
        bool,
        Defect(
            what="A write in a single frame takes its value from the frame's bytes, whatever length the frame states.",
            kills=("TP-15", "AC-13"),
        ),
    ] = False

    @classmethod
    def of(cls, *names: str) -> Defects:
        """Those named, which must be keys of `DEFECTS`."""
        return cls(**dict.fromkeys(names, True))


def _declared() -> dict[str, Defect]:
    hints = get_type_hints(Defects, include_extras=True)
    return {name: replace(hint.__metadata__[0], name=name) for name, hint in hints.items()}


DEFECTS: Final = _declared()
