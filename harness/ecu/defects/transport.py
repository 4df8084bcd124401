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
        Defect(
            number="M93d",
            what="A consecutive frame that nothing asked for is executed as a request.",
            kills=("TP-12",),
            also=dict.fromkeys(
                ("TP-05", "TP-09", "TP-10", "TP-11"), "What is left of a message that was given up is executed by itself."
            ),
        ),
    ] = False
    flow_control_executed: Annotated[
        bool,
        Defect(what="A flow control that nothing asked for is executed as a request.", kills=("TP-12",)),
    ] = False
    padding_taken_as_data: Annotated[
        bool,
        Defect(
            number="M77b",
            what="A write in a single frame takes its value from the frame's bytes, whatever length the frame states.",
            kills=("TP-15", "AC-13"),
        ),
    ] = False
    empty_single_frame_executed: Annotated[
        bool,
        Defect(number="M90a", what="A single frame that states no length is taken as a whole.", kills=("TP-01",)),
    ] = False
    long_single_frame_executed: Annotated[
        bool,
        Defect(
            number="M90b",
            what="A single frame that states more than its eight bytes can hold is taken as far as it goes.",
            kills=("TP-02",),
        ),
    ] = False
    short_frame_executed: Annotated[
        bool,
        Defect(
            number="M90c",
            what="A frame that is shorter than the length it states is taken as far as it goes.",
            kills=("TP-03",),
        ),
    ] = False
    reserved_type_executed: Annotated[
        bool,
        Defect(number="M128", what="Frames of the reserved types 4 to F are taken for single frames.", kills=("TP-04",)),
    ] = False
    short_first_frame_accepted: Annotated[
        bool,
        Defect(number="M91", what="A first frame may announce seven bytes.", kills=("TP-05",)),
    ] = False
    flow_control_never_sent: Annotated[
        bool,
        Defect(number="M129a", what="A first frame is never answered by a flow control.", kills=("TP-06",)),
    ] = False
    flow_control_not_filled_in: Annotated[
        bool,
        Defect(
            number="M129b",
            what="Of a flow control only the first byte is written; block size and STmin are what the buffer held.",
            kills=("TP-06",),
        ),
    ] = False
    next_block_never_granted: Annotated[
        bool,
        Defect(what="Blocks of two frames are asked for, and no flow control follows the first block.", kills=("TP-06",)),
    ] = False
    overflow_never_sent: Annotated[
        bool,
        Defect(
            number="M92a",
            what="Every length that a first frame can announce is accepted; there is no overflow.",
            kills=("TP-07", "TP-08"),
        ),
    ] = False
    length_read_as_signed: Annotated[
        bool,
        Defect(
            number="M92b",
            what="A length of 32 bits is compared as a signed number: from two gibibytes on it is below every limit.",
            kills=("TP-08",),
        ),
    ] = False
    sequence_number_ignored: Annotated[
        bool,
        Defect(number="M93a", what="Consecutive frames are taken in whatever order they come.", kills=("TP-09",)),
    ] = False
    no_consecutive_frame_timeout: Annotated[
        bool,
        Defect(number="M93b", what="A message that has begun may be continued at any time.", kills=("TP-10",)),
    ] = False
    single_frame_mixed_in: Annotated[
        bool,
        Defect(
            number="M93c",
            what="A single frame that comes within a long message is copied into the same buffer, and both are executed.",
            kills=("TP-11",),
        ),
    ] = False
    hangs_on_wait_flood: Annotated[
        bool,
        Defect(
            number="M94a",
            what="When its peer has said wait too often, a sender waits for ever, and hears nothing more.",
            kills=("TP-13",),
        ),
    ] = False
    hangs_on_reserved_stmin: Annotated[
        bool,
        Defect(number="M94b", what="A reserved STmin makes a busy loop.", kills=("TP-13",)),
    ] = False
    no_flow_control_timeout: Annotated[
        bool,
        Defect(
            what="A sender waits for its flow control for ever, and hears nothing else.",
            kills=("TP-13",),
            also=dict.fromkeys(("FZ-01", "FZ-05"), "Frames at random ask for long answers, and fetch none."),
        ),
    ] = False
    functional_first_frame_accepted: Annotated[
        bool,
        Defect(number="M95", what="Long messages are taken from the functional id too.", kills=("TP-14",)),
    ] = False
    dies_on_empty_frame: Annotated[
        bool,
        Defect(
            number="M98a",
            what="A frame without data kills the ECU.",
            kills=("TP-16", "DS-04"),
            also=dict.fromkeys(("FZ-01", "FZ-05"), "Frames of any length include those without data."),
        ),
    ] = False
    dies_on_remote_frame: Annotated[
        bool,
        Defect(number="M98b", what="A remote frame kills the ECU.", kills=("TP-16", "DS-04")),
    ] = False
    half_open_reception_leaks: Annotated[
        bool,
        Defect(
            number="M130",
            what="Each long message that is not completed keeps its buffer for good.",
            kills=("TP-17",),
            also=dict.fromkeys(("FZ-01", "FZ-05"), "Frames at random begin many long messages, and complete few."),
        ),
    ] = False
    long_message_cut: Annotated[
        bool,
        Defect(
            what="What exceeds the longest request that the ECU expects, a key, is cut off and forgotten.",
            kills=("TP-18", "SA-30"),
            also={"FZ-04": "Right keys with something behind them are among its steps."},
        ),
    ] = False
