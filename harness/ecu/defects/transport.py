"""What can be wrong with the reading and sending of frames?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect


@dataclass(frozen=True, kw_only=True)
class TransportDefects:
    """One switch for each; a rule asks for the one that spoils it."""

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
