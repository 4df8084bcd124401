"""What can be wrong with sessions, timing and restarts?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect


@dataclass(frozen=True, kw_only=True)
class SessionDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    unlock_survives_default_session: Annotated[
        bool,
        Defect(what="Going to the default session and back leaves a level unlocked.", kills=("ST-01",)),
    ] = False
    unlock_survives_same_session: Annotated[
        bool,
        Defect(what="Entering the session that is active already leaves a level unlocked.", kills=("ST-01",)),
    ] = False
