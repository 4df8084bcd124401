"""Choose which ids may be probed on an undescribed bus, and describe the choice before the first probe is sent."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.discovery.usual_ids import FIRST_BYTE_IDS, Id
from harness.tester.bus_load import FRAME_BITS
from harness.tester.safety import NETWORK_MANAGEMENT_ID, speaks_to_all

LISTENED_S = 2.2
"""The seconds of listening before anything is sent: two periods of the slowest usual cyclic message."""
MOST_LOAD = 0.25
"""The largest share of the bus's capacity that requests may take, however short the user's interval between them is."""
MOST_RANGES = 12
STEPS = (0x1, 0x100)
"""Differences between ids of neighbouring ECUs, with 11 bits and with the 29 bits of normal fixed addressing."""


@dataclass(frozen=True, slots=True)
class IdPlan:
    """Which ids will be probed, which will not, and how fast."""

    asked: tuple[Id, ...]
    left_out: tuple[str, ...]
    """Sentences that say which ids are not probed, and why."""
    traffic: Mapping[Id, int]
    """Ids that were heard, each with the number of its frames."""
    pace_s: float
    """The seconds between two requests."""
    bitrate: int
    behind_addresses: tuple[Id, ...] = ()
    """The ids to probe with each address in the first byte, if no id answers without an address."""

    @property
    def load(self) -> float:
        """The share of the bus's capacity that the requests take, answers not counted."""
        return FRAME_BITS / (self.pace_s * self.bitrate)

    def sentences(self) -> Iterator[str]:
        """Say in sentences what a person should know before the first id is probed."""
        count = len(self.asked)
        yield f"Listened for {LISTENED_S:g} s, in which {len(self.traffic)} ids were heard."
        yield f"Each of {count} id{'' if count == 1 else 's'} is asked whether an ECU is there: {ranges(self.asked)}."
        yield (
            f"One frame in {self.pace_s * 1000:.3g} ms, {self.load:.1%} of a bus of {self.bitrate} bit/s; "
            f"{count * self.pace_s:.0f} s for each of the questions that are tried until one is answered."
        )
        if self.behind_addresses:
            yield (
                f"If none is answered: {ranges(self.behind_addresses)} behind each of 256 addresses in the first byte, "
                f"{256 * len(self.behind_addresses) * self.pace_s:.0f} s for each of the questions."
            )
        yield from self.left_out


def plan(
    candidates: Iterable[Id],
    traffic: Mapping[Id, int],
    *,
    named: Collection[Id],
    may_ask_all: bool,
    pace_s: float,
    bitrate: int,
) -> IdPlan:
    """Plan to probe all candidates except ids that belong to other nodes.

    Ids that were heard, and the id of CANopen's network management, are probed only if they are `named`. The ids on which
    every ECU listens are probed only if that is permitted (`may_ask_all`), named or not.
    """
    asked: list[Id] = []
    heard: list[Id] = []
    management: list[Id] = []
    functional: list[Id] = []
    for one in dict.fromkeys(candidates):
        if speaks_to_all(one[0]) and not may_ask_all:
            functional.append(one)
        elif one in named:
            asked.append(one)
        elif one == (NETWORK_MANAGEMENT_ID, False):
            management.append(one)
        elif one in traffic:
            heard.append(one)
        else:
            asked.append(one)
    left_out = []
    if heard:
        left_out.append(f"Not asked, since others send there: {ranges(heard)}; an id that is named is asked (--request-id).")
    if management:
        left_out.append("Not asked: 0x000, by which CANopen starts and stops nodes; named, it is asked.")
    if functional:
        left_out.append(f'Not asked, since every ECU hears it: {ranges(functional)}; it takes the permission "functional".')
    slowest_s = FRAME_BITS / (bitrate * MOST_LOAD)
    behind = tuple(one for one in asked if one in named or (not named and one in FIRST_BYTE_IDS))
    return IdPlan(tuple(asked), tuple(left_out), traffic, max(pace_s, slowest_s), bitrate, behind)


def ranges(ids: Iterable[Id]) -> str:
    """Write ids in words, ascending: ``0x700-0x7DE, 0x18DA00F1-0x18DAFFF1 in steps of 0x100``; many ranges are shortened."""
    found: list[list[Id]] = []
    goes_on: dict[Id, list[Id]] = {}
    """Each range, under the id that would continue it."""
    for one in sorted(ids, key=lambda one: (one[1], one[0])):
        group = goes_on.pop(one, None)
        if group is None:
            group = []
            found.append(group)
        group.append(one)
        steps = STEPS if len(group) == 1 else (group[1][0] - group[0][0],)
        for step in steps:
            goes_on.setdefault((one[0] + step, one[1]), group)
        if len(group) == 2:  # two ids fix the step
            goes_on = {key: kept for key, kept in goes_on.items() if kept is not group or key[0] - one[0] in steps}
    words = [_range(one) for one in found]
    more = f" and {len(words) - MOST_RANGES} more" if len(words) > MOST_RANGES else ""
    return ", ".join(words[:MOST_RANGES]) + more if words else "none"


def _range(ids: list[Id]) -> str:
    (first, is_long), (last, _) = ids[0], ids[-1]
    digits = 8 if is_long else 3
    if len(ids) == 1:
        return f"0x{first:0{digits}X}"
    step = ids[1][0] - first
    return f"0x{first:0{digits}X}-0x{last:0{digits}X}" + (f" in steps of 0x{step:X}" if step > 1 else "")
