"""Prove that a hunt on an ECU that cannot be replaced keeps to the budget of wrong keys, and reports no effect of its own
acts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.campaigns.rounds import CampaignSoFar, on_one_ecu, run_rounds
from harness.campaigns.shards import hunt
from harness.fuzz.hunt import Hunt
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.simulation.node import load_nodes
from harness.simulation.simulated_link import SimulatedLink
from harness.target import Target, load_target
from harness.tester.keys import key_function
from harness.tester.ledger import ledger_of
from harness.tester.tester import Tester

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
