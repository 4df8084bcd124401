"""What can be wrong with the guard before data, memory, routines and whole services?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect


@dataclass(frozen=True, kw_only=True)
class AccessDefects:
    """One switch for each; a rule asks for the one that spoils it."""

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
