"""Prove that a hunt keeps to the budget of wrong keys where an ECU cannot be replaced, and to its time on slow restarts."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.opening import open_tester
from harness.campaigns.rounds import CampaignSoFar, on_one_ecu, run_rounds
from harness.campaigns.shards import hunt
from harness.fuzz.bench import Setting
from harness.fuzz.hunt import Hunt, Yield
from harness.fuzz.minimal import Minimizer
from harness.fuzz.play import Stimulus
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.simulation.node import load_nodes
from harness.simulation.simulated_link import SimulatedLink
from harness.target import Target, load_target
from harness.tester.keys import key_function
from harness.tester.ledger import ledger_of
from harness.tester.tester import Tester

from . import oracle_nodes, playing
from .first_found import ecu_of
from .playing import allowing, target

EXCHANGES = 2_500


@contextmanager
def only_tester_of(ecu: Target) -> Iterator[Tester]:
    """Return a tester on an ECU that cannot be replaced."""
    chance = Chance(1)
    nodes = load_nodes(ecu.can.channel, ecu.folder)
    link = SimulatedLink(nodes, bitrate=ecu.can.bitrate, chance=chance.stream("ecu"), trace=Trace())
    keys = {entry.level: key_function(entry, ecu.folder) for entry in ecu.security}
    tester = Tester(link, ecu, chance=chance, keys=keys, ledger=ledger_of(ecu, None))
    tester.restore()
    yield tester
    link.close()


def test_what_was_opened_rightly_and_cannot_be_locked_is_no_finding() -> None:
    with only_tester_of(load_target("article")) as tester:
        tester.security.unlock(0x01)
        result = Hunt(tester, Chance(1)).run(EXCHANGES)
    assert result.found
    assert not [one for one in result.found if "is needed" in one.what or one.what.startswith("lock")]


def test_no_more_than_a_quarter_of_the_wrong_keys_is_taken() -> None:
    with only_tester_of(target(**allowing("write", "reset", "power", "destructive", "lockout", wrong_keys=40))) as tester:
        left = {level: tester.security.ledger.left(level) or 0 for level in (0x01, 0x03)}
        walked = Hunt(tester, Chance(1)).run(EXCHANGES).sent["FZ-04"]
        for level, before in left.items():
            assert tester.security.ledger.spent(level) <= before // 4 + walked


def test_nothing_is_sent_that_the_target_does_not_allow() -> None:
    with only_tester_of(target(**allowing("write"))) as tester:
        result = Hunt(tester, Chance(1)).run(EXCHANGES)
        assert tester.security.wrong_keys_sent == 0
    assert "does not allow" in result.left_out
    assert not result.found
    assert not result.sent["FZ-04"]


def test_a_campaign_on_one_ecu_is_one_shard_a_round(tmp_path: Path) -> None:
    ecu = ecu_of("reserved_flow_status_kills")
    with only_tester_of(ecu) as tester:
        on_a_bus = replace(ecu, environment="bench", can=replace(ecu.can, interface="socketcan"))
        campaign = CampaignSoFar(on_a_bus, 1, 4_000)
        door = on_one_ecu(lambda job: hunt(job, tester))
        run_rounds(campaign, tmp_path, door, is_over=lambda: False, after=lambda found: None)
    assert campaign.rounds == 2
    assert [one.what for one in campaign.found.values()] == ["crash"]


# Slow restarts: time is spent on messages, and a crash that comes later is found


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
