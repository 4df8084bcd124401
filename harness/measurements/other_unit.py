"""Try whether the key function of this unit also opens another unit of its type."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness.buses import open_bus_of
from harness.errors import Inconclusive, UserError
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.tester.ledger import Ledger
from harness.tester.tester import Tester

SIMULATED: Final = "simulated"
OTHER_UNIT: Final = "other_unit"
"""The name of another unit of an ECU on the simulated bus; it is written after the + in the ECU's channel."""

_LINE: Final = re.compile(
    r"(?P<level>0x[0-9A-Fa-f]{1,2}|\d{1,3})\s+(?P<seed>(?:[0-9A-Fa-f]{2})+)\s+(?P<key>(?:[0-9A-Fa-f]{2})+)"
)


@dataclass(frozen=True, slots=True)
class OtherUnit:
    """How many keys of the tester's key function another unit accepted."""

    tried: int
    """For how many seeds of the other unit the tester made a key."""
    opened: int
    """How many of these keys were right."""


def try_other_unit(tester: Tester, level: int) -> OtherUnit:
    """Make keys for seeds of the target's other unit, and count how many are right.

    Raises Inconclusive if there is no other unit, no pair of this level, or no key, and UserError if the file of pairs
    cannot be read.
    """
    declared = tester.target.observe.other_unit
    if declared is None:
        raise Inconclusive("there is one unit only; see [observe] other_unit in the target file")
    if not tester.security.has_key(level) or level in tester.security.found_keys:
        raise Inconclusive(f"no key function is given for level 0x{level:02X}")
    if declared == SIMULATED and tester.target.is_simulated:
        return _try_simulated(tester, level)
    pairs = [(seed, key) for one, seed, key in read_pairs(tester.target.folder / declared) if one == level and any(seed)]
    if not pairs:
        raise Inconclusive(f"{declared} has no pair of level 0x{level:02X}")
    return OtherUnit(len(pairs), sum(tester.security.right_key(level, seed) == key for seed, key in pairs))


def _try_simulated(tester: Tester, level: int) -> OtherUnit:
    """Send one key to the other unit, which is on a simulated bus of its own."""
    can = tester.target.can
    parts = can.channel.split("+")
    parts = [part for part in parts if part != OTHER_UNIT] if OTHER_UNIT in parts else [*parts, OTHER_UNIT]
    target = replace(tester.target, can=replace(can, channel="+".join(parts)))
    try:
        link = open_bus_of(target, trace=Trace(), chance=Chance(tester.chance.seed, OTHER_UNIT))
    except UserError as error:
        raise Inconclusive(f"there is no other unit on the simulated bus: {error}") from error
    try:
        other = Tester(link, target, chance=Chance(tester.chance.seed), keys={}, ledger=Ledger(None, OTHER_UNIT, None))
        other.session_for(level)
        seed = other.security.seed(level)
        reply = other.security.send_key(level, tester.security.right_key(level, seed))
        other.trace.flush()
        if not reply.is_positive and not reply.is_negative:
            raise Inconclusive(f"the other unit comes to no answer: {reply}")
        return OtherUnit(1, int(reply.is_positive))
    finally:
        link.close()


def read_pairs(path: Path) -> list[tuple[int, bytes, bytes]]:
    """Read level, seed and key of each line; skip empty lines and remarks after #. Raises UserError for any other line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"[observe] other_unit: {path} cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        pair = _LINE.fullmatch(text)
        if pair is None:
            raise UserError(f"{path}:{number}: give level, seed and key in hex, e.g. 0x01 A83A63B3C1 5EF739B0")
        found.append((int(pair["level"], 0), bytes.fromhex(pair["seed"]), bytes.fromhex(pair["key"])))
    return found
