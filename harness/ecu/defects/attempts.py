"""What can be wrong with the limit for wrong keys, and with the delay after it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect


@dataclass(frozen=True, kw_only=True)
class AttemptDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    no_attempt_limit: Annotated[
        bool,
        Defect(what="Wrong keys are not counted, so there is neither a limit nor a delay.", kills=("SA-09",)),
    ] = False
