"""What can be wrong with the guard before data: writing it, reading it, and the ways around the guard?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect


@dataclass(frozen=True, kw_only=True)
class AccessDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    # Writing.
    write_before_refusal: Annotated[
        bool,
        Defect(
            number="M79",
            what="A protected value is stored first, and refused with 33 afterwards.",
            kills=("AC-01",),
            also={
                "AC-02": "it is the same write, in another session",
                "AC-03": "it is the same write, to the functional address",
                "FZ-01": "random frames hit upon the same write",
                "FZ-02": "mutated requests hit upon the same write",
                "FZ-05": "frames out of sequence hit upon the same write",
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
                "AC-03": "it is the same write, to the functional address",
                "FZ-01": "random frames hit upon the same write",
                "FZ-02": "mutated requests hit upon the same write",
                "FZ-05": "frames out of sequence hit upon the same write",
                "SA-39": "the write that shows whether the ECU is locked succeeds",
                "ST-01": "the write that shows whether the ECU is locked succeeds",
            },
        ),
    ] = False
    unprotected_in_extended_session: Annotated[
        bool,
        Defect(
            number="M66",
            what="In the extended session (03) protected values are written without any unlocking.",
            kills=("AC-02",),
            also={
                "AC-01": "the same write, if the check runs in the extended session",
                "AC-03": "the same write, to the functional address in that session",
                "FZ-01": "random frames hit upon the same write",
                "FZ-02": "mutated requests hit upon the same write",
                "FZ-05": "frames out of sequence hit upon the same write",
                "SA-39": "the write that shows whether the ECU is locked succeeds in that session",
                "ST-01": "the write that shows whether the ECU is locked succeeds in that session",
            },
        ),
    ] = False
    unprotected_while_seed_pending: Annotated[
        bool,
        Defect(
            what="Once a seed has been requested protected values are written, without its key.",
            kills=("AC-02",),
            also={
                "AC-03": "the same write, to the functional address",
                "FZ-01": "random frames hit upon a request for a seed, and then upon the write",
                "FZ-02": "mutated requests hit upon a request for a seed, and then upon the write",
                "FZ-04": "a random walk requests a seed, and then writes",
            },
        ),
    ] = False
    write_length_unchecked: Annotated[
        bool,
        Defect(number="M77a", what="Bytes after a written value are ignored instead of refused.", kills=("AC-13",)),
    ] = False
    value_range_unchecked: Annotated[
        bool,
        Defect(number="M107", what="A value outside its declared range is stored.", kills=("AC-14",)),
    ] = False
    undeclared_data_writable: Annotated[
        bool,
        Defect(
            number="M108",
            what="DID 1011, a remainder that no file declares, is written by anybody.",
            kills=("AC-15",),
        ),
    ] = False
    identifier_high_bit_ignored: Annotated[
        bool,
        Defect(
            what="An identifier to be written is looked up without its highest bit, and its guard with it.",
            kills=("AC-15",),
        ),
    ] = False
    level_checked_at_first_frame: Annotated[
        bool,
        Defect(
            number="M102",
            what="Whether the level of a long write is unlocked is looked up at its first frame, not when it is complete.",
            kills=("AC-17",),
        ),
    ] = False

    # Addresses.
    functional_skips_security: Annotated[
        bool,
        Defect(
            number="M67",
            what="What comes by the functional address is written without any unlocking.",
            kills=("AC-03",),
        ),
    ] = False
    extended_id_skips_security: Annotated[
        bool,
        Defect(
            number="M68",
            what="The request id is heard with 29 bits too, and what comes so is written without any unlocking.",
            kills=("AC-04",),
            also={"ST-04": "TesterPresent on the other id keeps the session, like any request"},
        ),
    ] = False
    extended_id_answered: Annotated[
        bool,
        Defect(
            what="The request id is heard with 29 bits too, as if it were the declared one.",
            kills=("AC-04",),
            also={
                "SA-40": "who asks so profits from another's unlock",
                "ST-04": "TesterPresent with 29 bits keeps the session, like any request",
            },
        ),
    ] = False
    neighbouring_id_answered: Annotated[
        bool,
        Defect(
            what="The last bit of the request id is not looked at.",
            kills=("AC-04",),
            also={"ST-04": "TesterPresent on the other id keeps the session, like any request"},
        ),
    ] = False

    # Reading.
    only_first_identifier_guarded: Annotated[
        bool,
        Defect(
            number="M76",
            what="Of several identifiers in one read only the first one's level is looked at.",
            kills=("AC-11",),
        ),
    ] = False
    only_three_identifiers_guarded: Annotated[
        bool,
        Defect(what="Of many identifiers in one read only the first three's levels are looked at.", kills=("AC-11",)),
    ] = False
    alias_unprotected: Annotated[
        bool,
        Defect(
            number="M75",
            what="Service 2C exists, and what it defines is read without the level of its source.",
            kills=("AC-10",),
        ),
    ] = False
    secret_readable: Annotated[
        bool,
        Defect(
            number="M73a",
            what="DID F1F0, which no file declares, holds the secret that keys are made of.",
            kills=("AC-12",),
        ),
    ] = False
    key_readable: Annotated[
        bool,
        Defect(
            number="M73b",
            what="DID 2021, which no file declares, holds the key that the ECU waits for.",
            kills=("AC-12",),
        ),
    ] = False
