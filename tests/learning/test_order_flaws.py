"""Prove which flaws of order and state learning finds; the table in docs/learning.md is made from the table here."""

from pathlib import Path

import pytest

from harness.audit.opening import open_tester
from harness.ecu.flaws import FLAWS
from harness.ecu.variants import VARIANTS
from harness.learning.learning import Learned, Learner
from harness.link.trace import Trace
from tests.learning.order_flaws import ORDER_FLAWS
from tests.variants import with_changes

SEEN_AS = {
    "zero_seed_after_start": ("SA-07",),
    "zero_seed_after_wrong_key": ("SA-07",),
    "zero_seed_at_times": ("SA-07",),
    "fresh_seed_when_unlocked": ("SA-08",),
    "seeds_in_default_session": ("ST-05",),
    "no_attempt_limit": ("SA-09",),
    "counter_reset_by_unanswered_seed": ("SA-10",),
    "counter_reset_by_any_seed": ("SA-09",),
    "counter_belongs_to_seed": (
        "CF-07",
        "SA-22",
        "SA-09",
    ),
    "counter_reset_by_session": ("SA-11",),
    "counter_reset_by_same_session": ("SA-11",),
    "counter_lost_at_hard_reset": ("SA-12",),
    "counter_lost_at_key_off_on": ("SA-12",),
    "counter_lost_at_soft_reset": ("SA-12",),
    "counter_lost_at_power_up": ("SA-13",),
    "counter_reset_by_s3": ("SA-14",),
    "counter_reset_by_other_request": (
        "SA-14",
        "SA-12",
    ),
    "success_clears_all_levels": ("SA-15",),
    "limit_compared_for_equality": ("SA-20",),
    "suppressed_key_uncounted": ("SA-36",),
    "seed_given_after_limit": ("SA-16",),
    "delay_too_short": ("SA-16",),
    "delay_lost_at_reset": ("SA-17",),
    "delay_lost_at_power_up": ("SA-17",),
    "delay_short_after_reset": ("SA-17",),
    "no_delay_after_single_failure": ("SA-18",),
    "delay_not_for_functional": ("SA-19",),
    "delay_not_for_suppressed": ("SA-19",),
    "delay_not_in_programming_session": ("SA-19",),
    "delay_ended_by_session": (
        "SA-18",
        "SA-16",
        "SA-17",
    ),
    "delay_ended_by_other_level": ("SA-19",),
    "locked_for_ever": ("SA-41",),
    "reads_refused_in_delay": ("SA-41",),
    "limit_codes_swapped": (
        "SA-16",
        "SA-09",
    ),
    "delay_answered_31": ("CF-07",),
    "zero_key_without_seed": ("SA-21",),
    "dies_on_key_without_seed": ("SA-21",),
    "seed_kept_after_wrong_key": (
        "CF-07",
        "SA-22",
    ),
    "seed_kept_after_wrong_length": ("SA-23",),
    "seed_kept_after_wrong_level": ("SA-23",),
    "key_accepted_twice": (
        "CF-07",
        "SA-24",
    ),
    "old_key_accepted": ("SA-25",),
    "seed_survives_session_change": ("SA-26",),
    "key_taken_at_other_level": (
        "CF-07",
        "SA-27",
    ),
    "any_level_is_enough": ("SA-28",),
    "levels_stay_unlocked": ("SA-29",),
    "suppressed_key_unlocks": ("SA-36",),
    "wrong_key_unlocks": ("SA-39",),
    "malformed_key_unlocks": ("SA-39",),
    "write_before_refusal": ("AC-01",),
    "write_unprotected": ("AC-01",),
    "unprotected_in_extended_session": ("AC-02",),
    "unprotected_while_seed_pending": ("AC-02",),
    "unlock_survives_default_session": ("ST-01",),
    "unlock_survives_same_session": ("ST-01",),
    "unlock_survives_session_timeout": ("ST-02",),
    "unlock_survives_reset": ("ST-03",),
    "tester_present_unlocks": ("ST-04",),
    "tester_present_ends_s3": ("ST-02",),
    "tester_present_revives_session": ("ST-04",),
    "reset_keeps_session": ("ST-08",),
}
"""By flaw: the rules that its ECU breaks, in the order of the lengths of their sequences."""

UNSEEN = {
    "counter_wraps_in_delay": "it takes 256 keys within one delay",
    "counter_is_signed_byte": "it takes 128 wrong keys over many delays",
}
ENOUGH_REQUESTS = 3000
"""A number of requests within which all sequences of single checks are sent; the machine would only add the shortest one."""


def learned(change: str, most_requests: int | None) -> Learned:
    tester = open_tester(with_changes("hardened", change), seed=1, trace=Trace(), ledger_path=None)
    return Learner(tester, is_full=True, seed=1, most_requests=most_requests).run()


def table() -> str:
    lines = ["| flaw | seen as |", "|---|---|"]
    lines += [f"| {name} | {', '.join(SEEN_AS.get(name, ())) or f'not seen: {UNSEEN[name]}'} |" for name in ORDER_FLAWS]
    return "\n".join(lines)


def test_three_in_five_flaws_of_order_and_state_are_seen() -> None:
    assert set(SEEN_AS) | set(UNSEEN) == set(ORDER_FLAWS) <= set(FLAWS)
    assert not set(SEEN_AS) & set(UNSEEN)
    assert len(SEEN_AS) >= 0.6 * len(ORDER_FLAWS)


def test_the_documents_have_the_same_table() -> None:
    assert table() in (Path(__file__).parents[2] / "docs" / "learning.md").read_text(encoding="utf-8")


@pytest.mark.thorough
@pytest.mark.parametrize("name", SEEN_AS)
def test_a_flaw_of_order_and_state_is_seen(name: str) -> None:
    machine = learned(name, ENOUGH_REQUESTS).machine
    assert {one.id for one in machine.violations} == set(SEEN_AS[name])


@pytest.mark.thorough
@pytest.mark.parametrize("name", VARIANTS)
def test_no_sound_variant_is_accused(name: str) -> None:
    assert not learned(name, 9000).machine.violations


def test_two_flaws_and_two_variants_by_the_default_suite() -> None:
    """These are a sample of the tests above, for which every run has time."""
    assert {one.id for one in learned("delay_lost_at_reset", ENOUGH_REQUESTS).machine.violations} == {"SA-17"}
    assert not learned("pause_after_wrong_key", ENOUGH_REQUESTS).machine.violations
