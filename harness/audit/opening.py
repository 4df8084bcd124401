"""Open everything that is needed to reach the ECU of a target: keys, ledger, bus and tester."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from harness.buses import open_bus_of
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.measurements.pairs import read_pairs
from harness.target import Target
from harness.tester.client import Client
from harness.tester.keys import key_function, try_key_function
from harness.tester.ledger import ledger_of
from harness.tester.tester import Tester

T = TypeVar("T", bound=Client)


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


def open_as(kind: Callable[..., T], target: Target, *, seed: int, trace: Trace, ledger_path: Path | None) -> T:
    """Open a tester of this kind on the target's bus; to close the bus, close the tester's `link`.

    Raises UserError, before anything is sent, if the interface, channel, key functions or ledger are invalid.
    """
    read_all_pairs(target)
    keys = {entry.level: key_function(entry, target.folder) for entry in target.security}
    ledger = ledger_of(target, ledger_path)
    chance = Chance(seed)
    link = open_bus_of(target, trace=trace, chance=chance.stream("ecu"))
    return kind(link, target, chance=chance.stream("tester"), keys=keys, ledger=ledger)


def open_tester(target: Target, *, seed: int, trace: Trace, ledger_path: Path | None, kind: type[Tester] = Tester) -> Tester:
    """Open a tester as `open_as` does."""
    return open_as(kind, target, seed=seed, trace=trace, ledger_path=ledger_path)
