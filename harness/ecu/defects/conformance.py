"""What can be wrong with the form of answers, and with the order of refusals?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect

_SPOILT_35 = "the refusal of a wrong key is the one spoilt, or one of those"
_SPOILT_31 = "the refusal of an unknown identifier is one of those spoilt"

_WALKED_INTO = "a random walk, held against the states of the standard, comes by it"
_MUTATED_INTO = "a mutated request is one of those that show it"


@dataclass(frozen=True, kw_only=True)
class ConformanceDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    # The form of refusals.
    invalid_key_as_request: Annotated[
        bool,
        Defect(
            number="M84a",
            what="A wrong key is answered 27 35: no 7F, so it reads as a request.",
            kills=("CF-01",),
            also={"CF-07": _SPOILT_35, "FZ-04": _WALKED_INTO},
        ),
    ] = False
    negative_with_length: Annotated[
        bool,
        Defect(
            number="M84b",
            what="The codes 31 and 35 come with the request's length in place of its service.",
            kills=("CF-01",),
            also={"FZ-02": _MUTATED_INTO, "FZ-04": _WALKED_INTO, "CF-05": _SPOILT_31, "CF-07": _SPOILT_35},
        ),
    ] = False
    negative_with_wrong_service: Annotated[
        bool,
        Defect(
            number="M84c",
            what="The codes 31 and 35 come with another service than the request's.",
            kills=("CF-01",),
            also={"FZ-02": _MUTATED_INTO, "FZ-04": _WALKED_INTO, "CF-05": _SPOILT_31, "CF-07": _SPOILT_35},
        ),
    ] = False
    negative_without_code: Annotated[
        bool,
        Defect(
            number="M84d",
            what="The codes 31 and 35 are left out: the answer ends after the service.",
            kills=("CF-01",),
            also={
                "FZ-02": _MUTATED_INTO,
                "FZ-04": _WALKED_INTO,
                "CF-05": _SPOILT_31,
                "CF-07": _SPOILT_35,
                "CF-12": "an answer without a code is no final one",
            },
        ),
    ] = False

    # Which refusal, and in which order.
    unavailable_service_answered_11: Annotated[
        bool,
        Defect(
            number="M85a",
            what="A service that the present session lacks is refused with 11 instead of 7F.",
            kills=("CF-06",),
        ),
    ] = False
    unavailable_level_answered_12: Annotated[
        bool,
        Defect(
            number="M85b",
            what="A security level that the present session lacks is refused with 12 instead of 7E.",
            kills=("CF-06",),
        ),
    ] = False
    unsupported_service_answered_31: Annotated[
        bool,
        Defect(number="M85c", what="A service that does not exist is refused with 31 instead of 11.", kills=("CF-02",)),
    ] = False
    unsupported_service_silent: Annotated[
        bool,
        Defect(
            what="A service that does not exist is not answered.",
            kills=("CF-02",),
            also={"FZ-02": _MUTATED_INTO},
        ),
    ] = False
    write_of_unknown_identifier_denied: Annotated[
        bool,
        Defect(
            number="M86a",
            what="While locked, a write of an identifier that does not exist is refused with 33 before 31.",
            kills=(),
            survives="The facts do not fix the order of 33 and 31 for an unknown identifier: both are tolerated.",
        ),
    ] = False
    key_of_wrong_length_is_invalid: Annotated[
        bool,
        Defect(
            number="M86b",
            what="A key of the wrong length is refused with 35 before 13, and not counted.",
            kills=(),
            survives="The facts do not fix the order of 35 and 13 for a key of the wrong length: both are tolerated.",
        ),
    ] = False
    unsupported_sub_function_answered_31: Annotated[
        bool,
        Defect(
            what="A sub-function that does not exist is refused with 31 instead of 12.",
            kills=("CF-03",),
            also={"CF-06": "it is the refusal that has to come before that for the length"},
        ),
    ] = False
    length_before_sub_function: Annotated[
        bool,
        Defect(what="Too long a request is refused with 13 before its sub-function is found unknown.", kills=("CF-06",)),
    ] = False

    # What is not refused, or not answered.
    seed_request_length_unchecked: Annotated[
        bool,
        Defect(
            number="M112a",
            what="Bytes after a request for a seed are ignored instead of refused.",
            kills=("CF-04",),
            also={
                "SA-38": "records of any length are taken",
            },
        ),
    ] = False
    half_identifier_silent: Annotated[
        bool,
        Defect(
            number="M112b",
            what="A read of half an identifier is not answered.",
            kills=("CF-04",),
            also={"FZ-02": _MUTATED_INTO},
        ),
    ] = False
    unknown_identifier_answered_11: Annotated[
        bool,
        Defect(
            number="M113a",
            what="An identifier that does not exist is refused with 11.",
            kills=("CF-05",),
            also={"CF-06": "its write is refused with neither of the two codes that it deserves"},
        ),
    ] = False
    unknown_identifier_silent: Annotated[
        bool,
        Defect(
            number="M113b",
            what="An identifier that does not exist is not answered.",
            kills=("CF-05",),
            also={"FZ-02": _MUTATED_INTO},
        ),
    ] = False

    # Which answers are sent, and how often.
    functional_refusals_sent: Annotated[
        bool,
        Defect(
            number="M87",
            what="Requests to all ECUs that do not concern this one are refused instead of ignored.",
            kills=("CF-08",),
        ),
    ] = False
    suppress_bit_silences_refusals: Annotated[
        bool,
        Defect(number="M88", what="Bit 7 of a sub-function suppresses negative responses too.", kills=("CF-09",)),
    ] = False
    suppress_bit_ignored: Annotated[
        bool,
        Defect(
            what="Bit 7 of a sub-function suppresses nothing.",
            kills=("CF-09",),
            also={"ST-04": "3E 80 is answered"},
        ),
    ] = False
    answers_twice: Annotated[
        bool,
        Defect(
            number="M89",
            what="Every answer that fits a single frame is sent twice.",
            kills=("CF-12",),
            also={"FZ-02": _MUTATED_INTO},
        ),
    ] = False

    wrong_key_answered_twice: Annotated[
        bool,
        Defect(
            what="A wrong key is refused with 35, and directly after that with 36: two layers send an answer each.",
            kills=("CF-12",),
        ),
    ] = False

    # What a positive response holds.
    tester_present_without_echo: Annotated[
        bool,
        Defect(
            what="TesterPresent is answered 7E 80: the sub-function that it repeats is another one.",
            kills=("CF-10",),
            also={"FZ-02": _MUTATED_INTO, "FZ-04": _WALKED_INTO},
        ),
    ] = False
    read_with_trailing_byte: Annotated[
        bool,
        Defect(what="Behind the serial number one byte more is sent than it has.", kills=("CF-10",)),
    ] = False
    first_identifier_only: Annotated[
        bool,
        Defect(number="M115a", what="Of several identifiers only the first one is read.", kills=("CF-11",)),
    ] = False
    partial_read_refused: Annotated[
        bool,
        Defect(number="M115b", what="One unknown identifier among known ones refuses them all with 31.", kills=("CF-11",)),
    ] = False
    duplicate_identifiers_merged: Annotated[
        bool,
        Defect(number="M115c", what="An identifier that is asked for twice is read once.", kills=("CF-11",)),
    ] = False
