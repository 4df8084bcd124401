"""List the matrix's flaws of order and state: which request may follow which, and what is remembered between requests.

The list was written before there was a learner. Left out are flaws that take statistics (weak seeds, weak keys, leaks in
time), and flaws of the form of a message or key, of addresses and connections, of transport, and of services other than
SecurityAccess.
"""

ORDER_FLAWS = (
    # What a seed says, and when there is one.
    "zero_seed_after_start",
    "zero_seed_after_wrong_key",
    "zero_seed_at_times",
    "fresh_seed_when_unlocked",
    "seeds_in_default_session",
    # How wrong keys are counted.
    "no_attempt_limit",
    "counter_reset_by_unanswered_seed",
    "counter_reset_by_any_seed",
    "counter_belongs_to_seed",
    "counter_reset_by_session",
    "counter_reset_by_same_session",
    "counter_lost_at_hard_reset",
    "counter_lost_at_key_off_on",
    "counter_lost_at_soft_reset",
    "counter_lost_at_power_up",
    "counter_reset_by_s3",
    "counter_reset_by_other_request",
    "success_clears_all_levels",
    "limit_compared_for_equality",
    "counter_wraps_in_delay",
    "counter_is_signed_byte",
    "suppressed_key_uncounted",
    # The delay after them.
    "seed_given_after_limit",
    "delay_too_short",
    "delay_lost_at_reset",
    "delay_lost_at_power_up",
    "delay_short_after_reset",
    "no_delay_after_single_failure",
    "delay_not_for_functional",
    "delay_not_for_suppressed",
    "delay_not_in_programming_session",
    "delay_ended_by_session",
    "delay_ended_by_other_level",
    "locked_for_ever",
    "reads_refused_in_delay",
    "limit_codes_swapped",
    "delay_answered_31",
    # Which key opens what, and when.
    "zero_key_without_seed",
    "dies_on_key_without_seed",
    "seed_kept_after_wrong_key",
    "seed_kept_after_wrong_length",
    "seed_kept_after_wrong_level",
    "key_accepted_twice",
    "old_key_accepted",
    "seed_survives_session_change",
    "key_taken_at_other_level",
    "any_level_is_enough",
    "levels_stay_unlocked",
    "suppressed_key_unlocks",
    "wrong_key_unlocks",
    "malformed_key_unlocks",
    # What is open without a key.
    "write_before_refusal",
    "write_unprotected",
    "unprotected_in_extended_session",
    "unprotected_while_seed_pending",
    # What locks again.
    "unlock_survives_default_session",
    "unlock_survives_same_session",
    "unlock_survives_session_timeout",
    "unlock_survives_reset",
    "tester_present_unlocks",
    "tester_present_ends_s3",
    "tester_present_revives_session",
    "reset_keeps_session",
)
