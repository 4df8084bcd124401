"""What can leak out of an ECU, and what can bring it down?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect


@dataclass(frozen=True, kw_only=True)
class ExposureDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    # What leaks.
    padding_leaks_last_frame: Annotated[
        bool,
        Defect(
            number="M96",
            what="One buffer serves every frame and is never cleared, so that padding shows what the last frame held.",
            kills=("IE-02",),
        ),
    ] = False
    refused_key_padded_with_right_one: Annotated[
        bool,
        Defect(
            what="Behind the refusal of a wrong key the frame still holds the first bytes of the right one.",
            kills=("IE-02",),
        ),
    ] = False
    secret_printed: Annotated[
        bool,
        Defect(number="M97", what="Each SecurityAccess request prints the level's secret to the console.", kills=("IE-01",)),
    ] = False
    same_secret_in_every_unit: Annotated[
        bool,
        Defect(number="M120", what="Every unit of the type leaves the factory with the same secret.", kills=("IE-04",)),
    ] = False
    secret_in_image: Annotated[
        bool,
        Defect(number="M121", what="The secret stands in the firmware image as a literal.", kills=("IE-05",)),
    ] = False
    hidden_data_refused: Annotated[
        bool,
        Defect(
            number="M122",
            what="An undocumented data identifier is refused with 33 where one that does not exist gets 31.",
            kills=("IE-03",),
            depth="default",
        ),
    ] = False
    build_path_readable: Annotated[
        bool,
        Defect(
            number="M123", what="An identification record holds the path that the software was built in.", kills=("IE-06",)
        ),
    ] = False
    log_name_readable: Annotated[
        bool,
        Defect(what="DID F1F3, which no file declares, holds the name of the last log file.", kills=("IE-06",)),
    ] = False
    password_readable: Annotated[
        bool,
        Defect(what="DID F1F4, which no file declares, holds the login of the service access.", kills=("AC-12",)),
    ] = False

    # What brings it down.
    periodic_frames_stop: Annotated[
        bool,
        Defect(
            number="M99",
            what="The ECU sends a frame each second, but not while a message of several frames is under way.",
            kills=("DS-01",),
        ),
    ] = False
    latency_grows: Annotated[
        bool,
        Defect(
            number="M100",
            what="Each frame seen since power-up makes every answer a microsecond later.",
            kills=("DS-07", "FZ-06"),
        ),
    ] = False
    dies_of_request_burst: Annotated[
        bool,
        Defect(number="M116a", what="200 requests without a pause between them crash the ECU.", kills=("DS-02",)),
    ] = False
    dies_of_foreign_burst: Annotated[
        bool,
        Defect(
            number="M116b", what="200 frames for other nodes without a pause between them crash the ECU.", kills=("DS-03",)
        ),
    ] = False
    dies_on_routine_of_four_bytes: Annotated[
        bool,
        Defect(
            number="M118",
            what="A request of service 31 with exactly four bytes crashes the ECU.",
            kills=("FZ-01", "FZ-02", "FZ-03"),
            also={
                "AC-08": "a request to start a routine has four bytes",
                "IE-03": "routines are asked for their results with four bytes",
                **dict.fromkeys(("AC-09", "AC-11"), "a safe routine tells whether the ECU is locked"),
            },
            depth="default",
        ),
    ] = False
    restarts_on_routine_of_four_bytes: Annotated[
        bool,
        Defect(
            what="A request of service 31 with exactly four bytes crashes the ECU, which is back within 50 ms.",
            kills=("FZ-02", "FZ-03"),
            also={
                "AC-08": "a request to start a routine has four bytes",
                "IE-03": "routines are asked for their results with four bytes",
                **dict.fromkeys(("AC-09", "AC-11"), "a safe routine tells whether the ECU is locked"),
                "FZ-01": "random frames may hold one too",
            },
            depth="default",
        ),
    ] = False
    restarts_on_frame_of_one_byte: Annotated[
        bool,
        Defect(
            what="A frame whose data field is a single byte crashes the ECU, which is back within 50 ms.",
            kills=("TP-01", "DS-04"),
            also=dict.fromkeys(("TP-03", "TP-13", "FZ-01"), "it sends frames of one byte too"),
        ),
    ] = False
    dies_on_sequence_number_zero: Annotated[
        bool,
        Defect(
            number="M119",
            what="A consecutive frame numbered 0 directly after its first frame crashes the ECU.",
            kills=("FZ-05",),
            also={
                "FZ-01": "random frames may come in that order too",
                "TP-09": "it sends that frame too",
            },
        ),
    ] = False
    short_request_unanswered: Annotated[
        bool,
        Defect(
            what="A request shorter than its service's minimum is not answered.",
            kills=("DS-04",),
            also={
                "CF-04": "a request of the wrong length is answered with silence",
                "FZ-02": "some mutated requests are too short",
            },
        ),
    ] = False
    dies_on_frame_of_one_byte: Annotated[
        bool,
        Defect(
            what="A frame whose data field is a single byte crashes the ECU.",
            kills=("DS-04",),
            also=dict.fromkeys(("TP-01", "TP-03", "FZ-01"), "it sends frames of one byte too"),
        ),
    ] = False
