"""Prove that the verdicts of all checks at quick depth do not depend on how the ECU's frames are addressed."""

import pytest

from harness.audit.catalogue import shipped_functions
from harness.ecu.flaws import FLAWS
from harness.target import load_target
from harness.verdict import Depth

from ..matrix.rows import results, results_of_sound, verdicts
from ..variants import with_changes, with_ids

NORMAL_FIXED = "normal fixed"
"""The ECU of `extended_ids`, declared by its addresses instead of its ids."""

ADDRESSINGS = (
    "extended_ids",
    NORMAL_FIXED,
    "extended_addressing",
    "extended_ids+extended_addressing",
    "mixed_addressing",
    "mixed_addressing_29_bits",
)
FORMS = (*ADDRESSINGS, *(f"{one}+can_fd" for one in ADDRESSINGS))
VARIANTS = ("unpadded", "pad_55", "pending", "seed_of_8_bytes", "neighbour", "held_seed", "talks_while_booting", "jitter")

IN_EVERY_RUN = ("extended_ids+extended_addressing+can_fd",)
"""The forms of address that every run of this test audits; the matrix audits further ones."""


@pytest.mark.parametrize(
    "form", [form if form in IN_EVERY_RUN else pytest.param(form, marks=pytest.mark.thorough) for form in FORMS]
)
def test_the_verdicts_are_those_of_normal_addressing(form: str) -> None:
    target = with_changes("hardened", *form.replace(NORMAL_FIXED, "extended_ids").split("+"))
    if NORMAL_FIXED in form:
        target = with_ids(addressing="normal-fixed", target_address=0x40, source_address=0xF1)(target)
    found = results(verdicts(target, Depth.QUICK, shipped_functions())[1])
    assert found == results_of_sound("hardened")


@pytest.mark.thorough
@pytest.mark.parametrize("addressing", ["extended_addressing", "mixed_addressing"])
@pytest.mark.parametrize(
    "variant",
    ["unpadded", "pad_55", "pending", "seed_of_8_bytes", "neighbour", "held_seed", "talks_while_booting", "jitter"],
)
def test_variants_are_judged_the_same_behind_an_address(addressing: str, variant: str) -> None:
    checks = shipped_functions()
    plain = results(verdicts(with_changes("hardened", variant), Depth.QUICK, checks)[1])
    found = results(verdicts(with_changes("hardened", variant, addressing), Depth.QUICK, checks)[1])
    assert found == plain


SEEN_WITH_ADDRESSES = (
    "no_attempt_limit",
    "empty_single_frame_executed",
    "short_first_frame_accepted",
    "sequence_number_ignored",
    "consecutive_frame_executed",
    "single_frame_mixed_in",
    "padding_taken_as_data",
)


@pytest.mark.parametrize("name", SEEN_WITH_ADDRESSES)
def test_a_flaw_is_seen_behind_an_address_as_well(name: str) -> None:
    found, _ = verdicts(with_changes("hardened", name, "mixed_addressing"), Depth.QUICK, FLAWS[name].kills)
    assert {verdict.value for verdict in found.values()} == {"fail"}


def test_the_shipped_target_is_what_they_are_held_against() -> None:
    assert load_target("hardened").can.addressing == "normal"
