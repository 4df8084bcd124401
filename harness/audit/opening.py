"""How the way to an ECU is opened: keys, ledger, bus and tester, as a target names them."""

from __future__ import annotations

from pathlib import Path

from harness.audit.measurements.pairs import read_pairs
from harness.link.bus import open_bus_of
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import Target
from harness.tester.keys import key_function
from harness.tester.ledger import ledger_of
from harness.tester.tester import Tester


def open_tester(target: Target, *, seed: int, trace: Trace, ledger_path: Path | None) -> Tester:
    """A tester on the target's bus, which its `link` closes.

    UserError: the interface, channel, key functions or ledger are not what they should be; nothing has been sent then.
    """
    for entry in target.security:
        if entry.pairs is not None:
            read_pairs(target, entry.pairs)  # a mistake in it is told before anything is sent
    keys = {entry.level: key_function(entry, target.folder) for entry in target.security}
    ledger = ledger_of(target, ledger_path)
    chance = Chance(seed)
    link = open_bus_of(target, trace=trace, chance=chance.stream("ecu"))
    return Tester(link, target, chance=chance.stream("tester"), keys=keys, ledger=ledger)
