"""What can be wrong with the guard before memory, routines and whole services, and which services should not be there?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect


@dataclass(frozen=True, kw_only=True)
class ServiceDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    # Memory and transfer.
    memory_write_unprotected: Annotated[
        bool,
        Defect(number="M69", what="3D writes memory, the cell of 2020 included, without any unlocking.", kills=("AC-05",)),
    ] = False
    memory_written_before_refusal: Annotated[
        bool,
        Defect(what="3D writes memory first, and refuses with 33 afterwards.", kills=("AC-05",)),
    ] = False
    download_unprotected: Annotated[
        bool,
        Defect(
            number="M70",
            what="In the programming session 34 and 36 write memory without any unlocking.",
            kills=("AC-06",),
        ),
    ] = False
    memory_read_unprotected: Annotated[
        bool,
        Defect(
            number="M72",
            what="23 reads memory without any unlocking, and the secret lies there.",
            kills=("AC-09",),
        ),
    ] = False
    memory_read_in_older_form: Annotated[
        bool,
        Defect(
            what="23 without a format, with four bytes of address and two of size, reads memory without any unlocking.",
            kills=("AC-09",),
        ),
    ] = False
    secret_in_memory: Annotated[
        bool,
        Defect(what="Whoever may read memory, since unlocked, finds the secret in it.", kills=("AC-09",)),
    ] = False
    upload_unprotected: Annotated[
        bool,
        Defect(what="Service 35 exists, and begins an upload of memory without any unlocking.", kills=("AC-09",)),
    ] = False

    # Actuators.
    io_control_unprotected: Annotated[
        bool,
        Defect(number="M71", what="Service 2F exists, and sets protected values without any unlocking.", kills=("AC-07",)),
    ] = False
    io_reset_unprotected: Annotated[
        bool,
        Defect(
            what="Service 2F exists and asks for the level of what it adjusts, but resets it to its default for anybody.",
            kills=("AC-07",),
        ),
    ] = False
    routine_unprotected: Annotated[
        bool,
        Defect(number="M106", what="31 starts routines, the erasing one included, without any unlocking.", kills=("AC-08",)),
    ] = False
    routine_stop_unprotected: Annotated[
        bool,
        Defect(what="31 asks for a level to start a routine, but stops any that could run for anybody.", kills=("AC-08",)),
    ] = False

    # Whole services.
    trouble_codes_cleared_unprotected: Annotated[
        bool,
        Defect(number="M109a", what="14 clears trouble codes in every session without any unlocking.", kills=("AC-16",)),
    ] = False
    dtc_setting_unprotected: Annotated[
        bool,
        Defect(number="M109b", what="85 stops DTC setting in every session without any unlocking.", kills=("AC-16",)),
    ] = False
    communication_control_unprotected: Annotated[
        bool,
        Defect(
            number="M105",
            what="28 silences the ECU in every session without any unlocking.",
            kills=("DS-06",),
            also={"AC-16": "28 is one of the services that change the ECU's state"},
        ),
    ] = False
    communication_stays_off: Annotated[
        bool,
        Defect(
            what="The ECU sends a frame each second, and never again once 28 has silenced it, whatever its session does.",
            kills=("DS-06",),
        ),
    ] = False
    resets_unprotected: Annotated[
        bool,
        Defect(
            number="M117",
            what="11 resets for anybody and endlessly, though its maker declares that it needs a level.",
            kills=("DS-05",),
            also={"AC-16": "11 is one of the services that change the ECU's state"},
        ),
    ] = False
    authentication_bypassed: Annotated[
        bool,
        Defect(
            number="M111",
            what="Service 29 exists and its maker declares that it is required, but 27 still unlocks without it.",
            kills=("AC-19",),
        ),
    ] = False
    legacy_write_unprotected: Annotated[
        bool,
        Defect(
            what="3B, of the older standard, writes a value by the last byte of its identifier without any unlocking.",
            kills=("AC-18",),
        ),
    ] = False
    legacy_read_unprotected: Annotated[
        bool,
        Defect(
            what="21, of the older standard, reads a value by the last byte of its identifier without any unlocking.",
            kills=("AC-18",),
        ),
    ] = False
