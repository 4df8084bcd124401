"""What can be wrong with the limit for wrong keys, and with the delay after it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from harness.ecu.defects.declare import Defect


@dataclass(frozen=True, kw_only=True)
class AttemptDefects:
    """One switch for each; a rule asks for the one that spoils it."""

    # The count.
    no_attempt_limit: Annotated[
        bool,
        Defect(
            number="M18",
            what="Wrong keys are not counted, so there is neither a limit nor a delay.",
            kills=("SA-09",),
        ),
    ] = False
    counter_reset_by_unanswered_seed: Annotated[
        bool,
        Defect(
            number="M19",
            what="A request for a seed while one is pending clears the count of wrong keys.",
            kills=("SA-10",),
        ),
    ] = False
    counter_reset_by_any_seed: Annotated[
        bool,
        Defect(
            number="M19b",
            what="Every request for a seed clears the count of wrong keys, so that no limit is ever reached.",
            kills=("SA-09",),
        ),
    ] = False
    counter_belongs_to_seed: Annotated[
        bool,
        Defect(
            number="M19c",
            what="A seed may be answered until the limit is reached, and each new seed starts a new count.",
            kills=("SA-10",),
            also={
                "SA-09": "with a new seed for each wrong key no limit is ever reached",
                "SA-22": "the seed stays valid after a wrong key",
                "CF-07": "a second key without a new seed is answered 35",
            },
        ),
    ] = False
    counter_reset_by_session: Annotated[
        bool,
        Defect(
            number="M20",
            what="DiagnosticSessionControl clears the count of wrong keys.",
            kills=("SA-11",),
        ),
    ] = False
    counter_reset_by_same_session: Annotated[
        bool,
        Defect(
            number="M20b",
            what="Entering the session that is active already clears the count of wrong keys.",
            kills=("SA-11",),
        ),
    ] = False
    counter_lost_at_hard_reset: Annotated[
        bool,
        Defect(
            number="M21",
            what="The count of wrong keys is lost at 11 01.",
            kills=("SA-12",),
            also={"SA-18": "a wrong key before that reset is forgotten"},
        ),
    ] = False
    counter_lost_at_key_off_on: Annotated[
        bool,
        Defect(
            number="M21b",
            what="The count of wrong keys is lost at 11 02.",
            kills=("SA-12",),
            also={"SA-18": "a wrong key before that reset is forgotten"},
            depth="default",
        ),
    ] = False
    counter_lost_at_soft_reset: Annotated[
        bool,
        Defect(
            number="M21c",
            what="The count of wrong keys is lost at 11 03.",
            kills=("SA-12",),
            also={"SA-18": "a wrong key before that reset is forgotten"},
            depth="default",
        ),
    ] = False
    counter_lost_at_power_up: Annotated[
        bool,
        Defect(
            number="M22",
            what="The count of wrong keys is lost when the power is cut.",
            kills=("SA-13",),
            also={"SA-18": "a wrong key before the power was cut is forgotten"},
        ),
    ] = False
    counter_reset_by_s3: Annotated[
        bool,
        Defect(
            number="M23",
            what="The end of a session by S3 clears the count of wrong keys.",
            kills=("SA-14",),
        ),
    ] = False
    counter_reset_by_other_request: Annotated[
        bool,
        Defect(
            number="M23b",
            what="Any service but 10 and 27 clears the count of wrong keys.",
            kills=("SA-14",),
            also={"SA-18": "the requests by which a restart is told from none clear the count before it"},
        ),
    ] = False
    success_clears_all_levels: Annotated[
        bool,
        Defect(what="The right key for one level clears the count of every level.", kills=("SA-15",)),
    ] = False
    limit_compared_for_equality: Annotated[
        bool,
        Defect(
            what="The count stays when the delay is over, and is compared with == : beyond the limit none is left.",
            kills=("SA-20",),
        ),
    ] = False
    counter_wraps_in_delay: Annotated[
        bool,
        Defect(
            what="Keys during the delay are counted in a byte; when it is back at zero the delay is over.",
            kills=("SA-20",),
            depth="deep",
        ),
    ] = False
    counter_is_signed_byte: Annotated[
        bool,
        Defect(
            what="The count stays when the delay is over, and is a signed byte: after 127 comes -128.",
            kills=("SA-20",),
            depth="deep",
        ),
    ] = False

    # The delay.
    seed_given_after_limit: Annotated[
        bool,
        Defect(
            number="M25",
            what="At the limit the answer is 36, and yet seeds are given and keys taken.",
            kills=("SA-16",),
        ),
    ] = False
    delay_too_short: Annotated[
        bool,
        Defect(number="M26", what="The delay lasts one second instead of ten.", kills=("SA-16",)),
    ] = False
    delay_lost_at_reset: Annotated[
        bool,
        Defect(number="M28", what="A reset by service 11 ends the delay.", kills=("SA-17",)),
    ] = False
    delay_lost_at_power_up: Annotated[
        bool,
        Defect(number="M28b", what="A loss of power ends the delay.", kills=("SA-17",)),
    ] = False
    delay_short_after_reset: Annotated[
        bool,
        Defect(
            number="M28c",
            what="After a reset by service 11 the delay lasts one second.",
            kills=("SA-17",),
            depth="default",
        ),
    ] = False
    no_delay_after_single_failure: Annotated[
        bool,
        Defect(
            number="M29",
            what="After a restart the delay runs only if it ran before, not after a single wrong key.",
            kills=("SA-18",),
        ),
    ] = False
    delay_not_for_functional: Annotated[
        bool,
        Defect(number="M30", what="Functional requests for a seed are served during the delay.", kills=("SA-19",)),
    ] = False
    delay_not_for_suppressed: Annotated[
        bool,
        Defect(
            number="M30b",
            what="A request for a seed with the suppress bit (27 81) is served during the delay, and its key taken.",
            kills=("SA-19",),
        ),
    ] = False
    delay_not_in_programming_session: Annotated[
        bool,
        Defect(number="M30c", what="In the programming session seeds are given during the delay.", kills=("SA-19",)),
    ] = False
    delay_ended_by_session: Annotated[
        bool,
        Defect(
            number="M30d",
            what="DiagnosticSessionControl ends the delay.",
            kills=("SA-19",),
            also={
                "SA-16": "silence in the delay ends the session, which must be entered again",
                "SA-18": "after the restart a session must be entered to ask for a seed, and that ends the delay",
                "SA-20": "most of a delay is waited for in silence, which ends the session",
            },
        ),
    ] = False
    delay_ended_by_other_level: Annotated[
        bool,
        Defect(number="M30e", what="A request for another level's seed ends the delay.", kills=("SA-19",)),
    ] = False
    locked_for_ever: Annotated[
        bool,
        Defect(
            number="M65",
            what="Ten wrong keys in a row, delays between them or not, lock the level for ever.",
            kills=("SA-41",),
            depth="default",
        ),
    ] = False
    reads_refused_in_delay: Annotated[
        bool,
        Defect(what="While a delay runs nothing can be read.", kills=("SA-41",)),
    ] = False

    # The codes.
    limit_codes_swapped: Annotated[
        bool,
        Defect(
            number="M114",
            what="The first wrong key is answered 36, and the one at the limit 35.",
            kills=("CF-07",),
        ),
    ] = False
    delay_answered_31: Annotated[
        bool,
        Defect(what="Requests for a seed during the delay are refused with 31.", kills=("CF-07",)),
    ] = False
