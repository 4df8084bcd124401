"""Run a campaign on an ECU until it finds something, and count how much that took."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from harness.campaigns.rounds import CampaignSoFar
from harness.campaigns.shards import Job, read_shard, run_shard
from harness.fuzz.found import FuzzFinding
from harness.fuzz.hunt import Yield
from harness.target import Target, load_target

from . import campaign_nodes

NODES = Path(campaign_nodes.__file__)


class First(NamedTuple):
    """The first finding of a campaign, and how many exchanges the campaign had made until it was seen."""

    found: FuzzFinding | None
    exchanges: int


def ecu_of(make: Callable[[], object] | str) -> Target:
    """Return the hardened target, with a node of campaign_nodes.py as its ECU."""
    base = load_target("hardened")
    name = make if isinstance(make, str) else make.__name__
    return replace(base, can=replace(base.can, channel=f"{NODES}:{name}"))


def done(job: Job) -> Yield:
    """Run a shard, and return its result as its file would contain it."""
    result = read_shard(run_shard(job), job)
    assert result is not None
    return result


def first_found(target: Target, *, seed: int, most: int) -> First:
    """Return what a campaign of small shards finds first, within `most` exchanges."""
    campaign = CampaignSoFar(target, seed, None)
    while campaign.exchanges < most:
        results: list[Yield] = []
        for job in campaign.next_round():
            result = done(job)
            if result.found:
                found = min(result.found, key=lambda one: one.exchanges)
                return First(found, campaign.exchanges + sum(one.exchanges for one in results) + found.exchanges)
            results.append(result)
        campaign.merge(results)
    return First(None, campaign.exchanges)
