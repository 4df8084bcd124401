"""What can be wrong with sessions, timing and restarts?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect

_WALKED_INTO = "a random walk, held against the states of the standard, comes by it"


@dataclass(frozen=True, kw_only=True)
class SessionDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    # The unlock that does not end.
    unlock_survives_default_session: Annotated[
        bool,
        Defect(
            number="M80a",
            what="Going to the default session and back leaves a level unlocked.",
            kills=("ST-01",),
            also={"FZ-04": _WALKED_INTO},
        ),
    ] = False
    unlock_survives_same_session: Annotated[
        bool,
        Defect(
            number="M80b",
            what="Entering the session that is active already leaves a level unlocked.",
            kills=("ST-01",),
            also={"FZ-04": _WALKED_INTO},
        ),
    ] = False
    unlock_survives_session_timeout: Annotated[
        bool,
        Defect(
            number="M80c",
            what="When a session ends by S3 its level stays unlocked.",
            kills=("ST-02",),
            also={"FZ-04": _WALKED_INTO},
        ),
    ] = False
    unlock_survives_reset: Annotated[
        bool,
        Defect(
            number="M80d",
            what="A level stays unlocked over ECUReset.",
            kills=("ST-03",),
            also={"FZ-04": _WALKED_INTO, "ST-08": "an unlocked level is part of the state that the reset keeps"},
        ),
    ] = False

    # What a session is kept, entered or left by.
    tester_present_from_any_id: Annotated[
        bool,
        Defect(number="M82", what="TesterPresent from any CAN id, of either format, keeps the session.", kills=("ST-04",)),
    ] = False
    tester_present_unlocks: Annotated[
        bool,
        Defect(
            what="TesterPresent without an answer (3E 80) unlocks the first level, in any other session than the default.",
            kills=("ST-04",),
        ),
    ] = False
    tester_present_ends_s3: Annotated[
        bool,
        Defect(
            what="After one TesterPresent the session no longer ends by itself: its timer is stopped for good.",
            kills=("ST-04", "ST-02"),
            also={"FZ-04": _WALKED_INTO, "DS-06": "what 28 has silenced waits for a session's end that does not come"},
        ),
    ] = False
    tester_present_revives_session: Annotated[
        bool,
        Defect(
            what="TesterPresent after the end of a session brings that back, and the level that was unlocked in it.",
            kills=("ST-04", "ST-02"),
            also={"FZ-04": _WALKED_INTO},
        ),
    ] = False
    tester_present_always_answered: Annotated[
        bool,
        Defect(
            what="3E 80 is answered as 3E 00 is.",
            kills=("ST-04",),
            also={"CF-09": "it is a positive response that the request asked to suppress"},
        ),
    ] = False
    seeds_in_default_session: Annotated[
        bool,
        Defect(
            number="M126",
            what="SecurityAccess works in the default session.",
            kills=("ST-05",),
            also={"FZ-04": _WALKED_INTO},
        ),
    ] = False
    undeclared_session: Annotated[
        bool,
        Defect(
            what="Session 60 can be entered, which no document names.",
            kills=("ST-07",),
            also={"FZ-03": "it asks for every sub-function, and is answered by one that nobody declared"},
        ),
    ] = False
    reset_keeps_session: Annotated[
        bool,
        Defect(
            number="M104",
            what="After ECUReset the session is the one from before.",
            kills=("ST-08",),
            also={"FZ-04": _WALKED_INTO},
        ),
    ] = False

    # Timing: what is wrong with the answer to a read of the serial number (22 F18C).
    pending_for_ever: Annotated[
        bool,
        Defect(number="M103", what="Reading the serial number is answered 78 for ever.", kills=("ST-06",)),
    ] = False
    pending_without_answer: Annotated[
        bool,
        Defect(what="Reading the serial number is answered 78, and then not at all.", kills=("ST-06",)),
    ] = False
    pending_too_slow: Annotated[
        bool,
        Defect(what="Reading the serial number is answered 78, and finally after 1.2 times P2*.", kills=("ST-06",)),
    ] = False
    late_without_pending: Annotated[
        bool,
        Defect(what="Reading the serial number takes four times P2, and 78 does not announce it.", kills=("ST-06",)),
    ] = False
