"""Open everything that is needed to reach the ECU of a target: keys, ledger, bus and tester."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.buses import open_bus_of
from harness.link.bus import Link
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.measurements.pairs import read_pairs
from harness.target import Target
from harness.tester.keys import KeyFunction, key_function, try_key_function
from harness.tester.ledger import Ledger, ledger_of
from harness.tester.tester import Tester


@dataclass(frozen=True, slots=True, kw_only=True)
class WayToEcu:
    """The link to an ECU, with the keys and the ledger that a tester on it needs."""

    link: Link
    """The link to the bus; the caller of `open_way` has to close it."""
    chance: Chance
    keys: Mapping[int, KeyFunction | None]
    """Key functions by level."""
    ledger: Ledger


def open_way(target: Target, *, seed: int, trace: Trace, ledger_path: Path | None) -> WayToEcu:
    """Open the link, keys and ledger of the ECU that the target names.

    Raises UserError, before anything is sent, if the interface, channel, key functions or ledger are invalid.
    """
    read_all_pairs(target)
    keys = {entry.level: key_function(entry, target.folder) for entry in target.security}
    ledger = ledger_of(target, ledger_path)
    chance = Chance(seed)
    link = open_bus_of(target, trace=trace, chance=chance.stream("ecu"))
    return WayToEcu(link=link, chance=chance.stream("tester"), keys=keys, ledger=ledger)


def try_keys(target: Target) -> None:
    """Try the target's key functions in this process, before anything is sent.

    Raises UserError if a key function cannot be loaded, KeyFunctionError if it makes a key of none of the seeds tried.
    """
    for entry in target.security:
        try_key_function(entry, key_function(entry, target.folder))


def read_all_pairs(target: Target) -> None:
    """Read the recorded pairs that the target names, before anything is sent. Raises UserError if they are malformed."""
    for entry in target.security:
        if entry.pairs is not None:
            read_pairs(target, entry.pairs)


def open_tester(target: Target, *, seed: int, trace: Trace, ledger_path: Path | None, kind: type[Tester] = Tester) -> Tester:
    """Open a tester on the target's bus; to close the bus, close the tester's `link`. Raises UserError as `open_way`."""
    way = open_way(target, seed=seed, trace=trace, ledger_path=ledger_path)
    return kind(way.link, target, chance=way.chance, keys=way.keys, ledger=way.ledger)
