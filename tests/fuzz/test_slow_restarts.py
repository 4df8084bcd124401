"""Prove that a hunt on an ECU with slow restarts spends its time on messages, and finds a crash that comes later."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.opening import open_tester
from harness.fuzz.bench import Setting
from harness.fuzz.hunt import Hunt, Yield
from harness.fuzz.minimal import Minimizer
from harness.fuzz.play import Stimulus
from harness.link.clock import Chance
from harness.link.trace import Trace

from . import oracle_nodes, playing

NODES = Path(oracle_nodes.__file__)
PLAIN = b"\x3e\x00"
GUILTY = b"\x22\x00\x00"


def hunted(name: str, *, boot_s: float, seed: int, exchanges: int) -> tuple[Yield, int]:
    """Return what a hunt finds, and how often it began with a new ECU."""
    base = playing.target()
    ecu = replace(base, can=replace(base.can, channel=f"{NODES}:{name}"), reset=replace(base.reset, boot_s=boot_s))
    tester = open_tester(ecu, seed=seed, trace=Trace(), ledger_path=None)
    beginnings = 0
    renew = tester.link.renew

    def counted() -> None:
        nonlocal beginnings
        beginnings += 1
        renew()

    tester.link.renew = counted  # type: ignore[method-assign]
    result = Hunt(tester, Chance(seed)).run(exchanges)
    tester.link.close()
    return result, beginnings


def test_a_slow_ecu_is_begun_with_less_often_than_a_quick_one() -> None:
    _, slow = hunted("starts_slowly", boot_s=2.0, seed=1, exchanges=6_000)
    _, quick = hunted("talks_when_asked", boot_s=0.05, seed=1, exchanges=6_000)
    assert slow * 3 < quick * 2


def test_what_kills_some_requests_later_is_found_and_plain_requests_stand_for_the_rest() -> None:
    hunts = (hunted("dies_forty_requests_later", boot_s=2.0, seed=seed, exchanges=1_500) for seed in range(1, 30))
    result, beginnings = next(hunt for hunt in hunts if hunt[0].found)
    (found,) = result.found
    assert found.what == "crash"
    assert re.fullmatch(r"22( \.\.){8} \| 22 10 10, 3\d times", found.shown), found.shown
    assert beginnings < 90
    assert found.is_part_of([*found.messages[:1], PLAIN], is_raw=False), "whatever follows, it is known by its beginning"


@pytest.mark.parametrize(("before", "behind", "needed"), [(100, 40, 40), (3, 0, 0), (0, 17, 11), (60, 5, 5)])
def test_the_guilty_request_and_the_number_of_those_behind_it_are_found_in_few_tries(
    before: int, behind: int, needed: int
) -> None:
    tries = 0

    def fails(setting: Setting, stimuli: Sequence[Stimulus]) -> bool:
        nonlocal tries
        tries += 1
        return (GUILTY,) in stimuli and len(stimuli) - stimuli.index((GUILTY,)) > needed

    varied: list[Stimulus] = [(bytes((0x22, 1, number)),) for number in range(before + behind)]
    minimizer = Minimizer(fails, plain=PLAIN)
    _, part = minimizer.stimuli(Setting(), [*varied[:before], (GUILTY,), *varied[before:]])
    assert part[0] == (GUILTY,)
    assert len(part) == 1 + needed
    assert tries < 40
