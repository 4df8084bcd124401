"""Prove that two flaws work in one ECU in either order, or the pair is refused."""

import random
import re
from itertools import permutations
from pathlib import Path
from textwrap import dedent

import pytest

from harness.ecu.config import EcuSecurityLevel
from harness.ecu.definition import Definition
from harness.ecu.ecu_node import UdsNode
from harness.ecu.flaws import FLAWS
from harness.ecu.flaws.declare import EcuChange, Flaw, Variant, flaw, variant
from harness.ecu.profiles import CHANGES, HARDENED, changed, factory
from harness.ecu.rules import Ecu, SeedSource
from harness.ecu.server import Server
from harness.ecu.services.s10_diagnostic_session_control import session_is_entered
from harness.ecu.services.s27_security_access import seed_is_given
from harness.errors import ChangeConflict, UserError
from harness.uds import Service

from .bench import Bench, HardenedBench

EXCLUSIVE = [
    ("constant_seed", "time_seed"),
    ("delay_too_short", "seed_given_after_limit"),
    ("key_is_seed_plus_constant", "short_secret"),
    ("negative_with_length", "negative_without_code"),
    ("pending_for_ever", "late_without_pending"),
    ("pad_55", "pad_aa"),
    ("one_attempt", "five_attempts"),
    ("short_seed_and_key", "seed_of_8_bytes"),
]


def outcome(*names: str) -> tuple[str, ...] | str:
    """Return the changes that the ECU has, or why it cannot have them together."""
    try:
        return changed(HARDENED, *names).made
    except ChangeConflict as conflict:
        return str(conflict)


def test_any_two_changes_meet_in_one_way_whichever_is_named_first() -> None:
    chance = random.Random(1)
    for one, other in (chance.sample(list(CHANGES), 2) for _ in range(400)):
        assert outcome(one, other) == outcome(other, one)
        assert set(outcome(one, other)) in ({one, other}, set(outcome(one, other))), "both, or a refusal"


@pytest.mark.parametrize(("one", "other"), EXCLUSIVE)
def test_two_that_change_one_thing_are_refused_by_name(one: str, other: str) -> None:
    for names in permutations((one, other)):
        with pytest.raises(UserError) as caught:
            factory("+".join(("hardened", *names)))
        message = str(caught.value)
        assert f"{one} and {other} both change" in message or f"{other} and {one} both change" in message
        assert "\n" not in message


@pytest.mark.parametrize("names", list(permutations(("default_key", "constant_seed", "no_attempt_limit"))))
def test_each_of_three_flaws_shows(names: tuple[str, ...]) -> None:
    bench = HardenedBench(flaws=names)
    bench.ask("10 03")
    assert bench.seed() == bench.seed()
    assert {bench.send_wrong_key() for _ in range(9)} == {"7f 27 35"}
    bench.seed()
    assert bench.send_key("FF" * 16) == "67 02"


@pytest.mark.parametrize("names", list(permutations(("write_unprotected", "any_level_is_enough", "write_before_refusal"))))
def test_flaws_of_one_guard_leave_nothing_of_it(names: tuple[str, ...]) -> None:
    bench = HardenedBench(flaws=names)
    assert bench.ask("2E 2020 99") == "6e 20 20"


def test_flaws_of_one_frame_are_both_there() -> None:
    for names in permutations(("restarts_on_frame_of_one_byte", "neighbouring_id_answered")):
        bench = HardenedBench(flaws=names)
        assert bench.give("741#0322101000000000") == ["748#04621010FF000000"]
        assert bench.give("740#01") == []
        assert bench.give("740#0322101000000000") == [], "it boots"


def test_flaws_of_isotp_are_one_endpoint() -> None:
    for names in permutations(("sequence_number_ignored", "functional_first_frame_accepted", "overflow_never_sent")):
        bench = HardenedBench(flaws=names)
        assert bench.give("7DF#10083E0000000000") == ["748#3000000000000000"]
        assert bench.give("740#2500000000000000") == ["748#037F3E1300000000"]
        assert bench.give("740#1000000100003E00") == ["748#3000000000000000"]


def test_a_change_leaves_the_definition_that_it_is_made_to_as_it_was() -> None:
    sound = Definition(config=HARDENED)
    for change in CHANGES.values():
        change.apply(sound)
    assert sound == Definition(config=HARDENED)
    assert Server(sound).decide == Server(HARDENED).decide


def test_a_flaw_changes_something() -> None:
    sound = Definition(config=HARDENED)
    alike = {name for name, flaw in FLAWS.items() if flaw.apply(sound) == sound}
    assert alike == set()


def test_a_rule_that_a_service_does_not_have_cannot_be_changed() -> None:
    sound = Definition(config=HARDENED, author="wrong")
    with pytest.raises(ValueError, match=r"wrong: no service .* has the rule session_is_entered"):
        sound.without(Service.SECURITY_ACCESS, session_is_entered)
    with pytest.raises(ValueError, match="seed_is_given"):
        sound.insert(Service.ECU_RESET, session_is_entered, before=seed_is_given)


def test_a_decision_that_there_is_not_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="no decision is called draw_sed"):
        Definition(config=HARDENED).wrap_decision(draw_sed=lambda go_on, ecu, level: b"")
    with pytest.raises(ValueError, match="a node has no place"):
        Definition(config=HARDENED).at("here", lambda go_on, node, frame: None)


def shown_in_contributing() -> list[EcuChange]:
    """Return the flaw and the variant of CONTRIBUTING.md, as its reader would type them."""
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = [
        dedent(block) for block in re.findall(r"(?m)(?:^(?: {4}.*)?\n)+", text) if re.search(r"(@flaw|= variant)\(", block)
    ]
    names = {"Definition": Definition, "flaw": flaw, "variant": variant, "SeedSource": SeedSource}
    scope: dict[str, object] = {**names, "Ecu": Ecu, "EcuSecurityLevel": EcuSecurityLevel}
    for block in blocks:
        exec(block, scope)
    return [value for value in scope.values() if isinstance(value, EcuChange)]


def test_the_flaw_and_the_variant_of_contributing_work() -> None:
    *_, zeros, attempts = shown_in_contributing()
    assert isinstance(zeros, Flaw)
    assert (zeros.name, zeros.what[:6], zeros.kills) == ("zero_seed_at_noon", "Within", ("SA-07",))
    assert isinstance(attempts, Variant)
    bench = Bench(UdsNode(Server(attempts.apply(zeros.apply(Definition(config=HARDENED))))))
    bench.ask("10 03")
    assert bench.ask("27 01") != "67 01" + 16 * " 00"
    bench.wait(12.5 * 3600)
    bench.ask("10 03")
    assert bench.ask("27 01") == "67 01" + 16 * " 00"
    answers = [bench.ask("27 02 " + "11" * 16) for _ in range(7) if bench.ask("27 01")]
    assert answers == [*6 * ["7f 27 35"], "7f 27 36"]
