"""Prove that campaigns find flaws for which nobody has written a case, reduce them, and leave a case for each."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.audit.fuzzing import check_of
from harness.fuzz.case import read_cases
from harness.testing import run_checks

from . import campaign_nodes
from .first_found import ecu_of, first_found
from .table import lines

pytestmark = pytest.mark.thorough

MOST_EXCHANGES = 1_000_000
"""The largest number of exchanges, which take less than a minute of one processor."""

MINIMAL = {
    "dies_on_one_shape": ("crash", r"2F \.\. \.\. \.\. \.\."),
    "restarts_on_one_sub_function": ("crash", r"19 42 \.\. \.\. \.\."),
    "malformed_length_unlocks": (
        "lock 2020",
        r"10 03 \| 27 0[13] \| 27 02 \.\. \.\. \.\.|27 02 \.\. \.\. \.\. \(seed pending 0x0[13]\)",
    ),
    "record_unlocks": ("lock 2020", r"27 01( \.\.){8}"),
    "long_value_spills_over": ("value 2020", r"2E 10 10 \.\. 00"),
    "refuses_four_identifiers_twice": ("second 22", r"22( \.\.){8}"),
    "segmented_write_kills": ("crash", r"2E( 00)+ … \(257 bytes\)"),
    "segmented_write_spills_over": ("value F18C", r"2E( 00)+ … \(65 bytes\)"),
    "completes_half_an_identifier": (
        "(malformed 62|frame 22 a request is too short for what it asks for)",
        r"(\.\. \.\. \w\w( …)? \| )?22 \w\w|((10 08 .* \| 21|\w\w) .* \| )?02 22 \w\w … as raw frames",
    ),
    "three_steps_unlock": ("lock 2020", r"10 03 \| 22 … \| 27 …|22 … \| 27 … \(session 0x03\)"),
    "programming_then_extended_unlocks": ("lock 2020", r"10 02 \| 10 03|10 03 \(session 0x02\)"),
    "suppressed_seed_takes_any_key": ("lock 2020", r"27 81( …)? \| 27 02 …"),
    "counter_wraps": ("lock 2020", r"3E …, 256 times"),
    "refused_routines_kill": ("crash", r"31 01 …, 64 times"),
    "leak_kills": ("crash", r"\.\. …, 49\d\d times|00( 00)* … \(\d+ bytes\), \d+ times"),
    "skipped_sequence_number_kills": ("crash", r"10 … \| 22 … as raw frames"),
    "escaped_length_kills": ("crash", r"10 00 00 … as raw frames"),
    "overlong_single_frame_kills": ("crash", r"0F … as raw frames"),
    "reserved_flow_status_kills": ("crash", r"33 … as raw frames"),
    "aborted_reception_unlocks": ("lock 2020", r"10 … \| 02 3E … as raw frames"),
}
"""By flaw: the finding, and its minimal sequence, in which ``..`` is a byte that does not matter."""


def test_there_are_twenty() -> None:
    assert [make.__name__ for make in campaign_nodes.TWENTY] == list(MINIMAL)


@pytest.mark.parametrize("make", campaign_nodes.TWENTY)
def test_a_flaw_that_only_fuzzing_finds_is_found_and_kept_as_its_minimal_case(
    make: Callable[[], object], tmp_path: Path
) -> None:
    what, shown = MINIMAL[make.__name__]
    found, exchanges = first_found(ecu_of(make), seed=1, most=MOST_EXCHANGES)
    assert found is not None, f"nothing was found in {exchanges} exchanges"
    assert re.fullmatch(what, found.what), found.what
    assert re.fullmatch(shown, found.shown), found.shown

    (tmp_path / "case.toml").write_text(found.case_text(), encoding="utf-8")
    (case,) = read_cases(tmp_path / "case.toml")
    (failing,) = run_checks([check_of(case)], ecu_of(make))
    (passing,) = run_checks([check_of(case)], "hardened")
    assert (failing.verdict, passing.verdict) == ("fail", "pass")


def test_the_table_has_a_line_for_each_flaw_and_a_sum() -> None:
    head, line, total = lines(["reserved_flow_status_kills"], seed=1, most=10_000, most_by_scapy=2_000)
    assert head.split()[:2] == ["campaign", "CPU"]
    assert line.startswith("reserved_flow_status_kills ")
    assert line.endswith("  33 … as raw frames")
    assert total.split() == ["found", "1", "1"]
