"""Check that a refusal does not reveal which identifiers exist."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness import Depth, Measurements, Nrc, Reply, Severity, Tester, attack, fail, inconclusive, uds

DOES_NOT_EXIST = Nrc.REQUEST_OUT_OF_RANGE
IS_DENIED = (Nrc.SECURITY_ACCESS_DENIED, Nrc.AUTHENTICATION_REQUIRED)
AT_ONCE = 3
"""How many identifiers one request names: as many as a single frame holds."""
ENOUGH_SILENCE = 30
UNIFORM = 0.5
"""The share of denied requests from which the refusals no longer reveal which identifiers exist."""
STANDARD_RECORDS = range(0xF180, 0xF1A0)
USUAL_ROUTINES = (*range(0x0200, 0x0210), *range(0xFF00, 0xFF10))


@dataclass
class Map:
    """The identifiers of one kind whose existence the refusals reveal."""

    what: str
    asked: int = 0
    unknown: int = 0
    found: dict[int, Reply] = field(default_factory=dict)
    """Identifiers whose refusal shows that they exist, each with the reply."""

    def add(self, identifier: int, reply: Reply) -> None:
        """Add one identifier and its answer."""
        self.asked += 1
        self.unknown += reply.is_refused_with(DOES_NOT_EXIST)
        if reply.is_refused_with(*IS_DENIED):
            self.found[identifier] = reply

    @property
    def reveals(self) -> bool:
        """Whether the refusals tell existing identifiers from missing ones."""
        return bool(self.found) and bool(self.unknown) and len(self.found) / self.asked < UNIFORM


@attack(
    id="IE-03",
    title="Refusals do not reveal what nobody declared",
    failure="Refusals reveal what nobody declared",
    severity=Severity.INFO,
    basis="declared",
    source="CWE-204 observable response discrepancy",
    cwe=(204,),
    rationale="Where 0x33 means that something is there and 0x31 that nothing is, anybody can draw a map of what is hidden, "
    "and knows what a key is worth.",
    remediation="Answer 0x31 to whatever the tester may not know of, or declare the identifiers and accept the map.",
    proven_by=("hidden_data_refused",),
)
def test_refusals_do_not_reveal_what_nobody_declared(tester: Tester, measure: Measurements, depth: Depth) -> None:
    maps = [map_of_data(tester, depth)]
    if tester.target.routines:
        maps.append(map_of_routines(tester, depth))
    for one in maps:
        if one.reveals:
            tester.cite(*list(one.found.values())[:4])
            names = ", ".join(f"{identifier:04X}" for identifier in list(one.found)[:12])
            rows = {f"{identifier:04X}": str(reply) for identifier, reply in one.found.items()}
            measure.publish(f"{one.what} that refusals reveal", rows)
            fail(
                expected=f"0x31 for all {one.what} that are not declared",
                observed=f"{len(one.found)} of {one.asked} are denied instead, and so exist: {names}",
            )
    if not any(one.unknown for one in maps):
        inconclusive(f"none of {maps[0].asked} identifiers is refused with 0x31: what does not exist cannot be told")
    asked = " and ".join(f"{one.asked} {one.what} ({one.unknown} do not exist)" for one in maps)
    tester.note(f"asked for in the default session, locked: {asked}")


def map_of_data(tester: Tester, depth: Depth) -> Map:
    """Send 22 for undeclared data identifiers, and collect the refusals."""
    found = Map("data")
    declared = {entry.did for entry in tester.target.data}
    wanted = [did for did in identifiers(depth, declared, STANDARD_RECORDS) if did not in declared]
    at_once = AT_ONCE if takes_several(tester) else 1
    has_answered = False
    for start in range(0, len(wanted), at_once):
        some = wanted[start : start + at_once]
        reply = read(tester, some)
        is_mixed = reply.is_refused_with(*IS_DENIED) and len(some) > 1
        for did in some:
            found.add(did, read(tester, [did]) if is_mixed else reply)
        has_answered = has_answered or reply.is_negative or reply.is_positive
        if found.asked >= ENOUGH_SILENCE and not has_answered:
            break
    return found


def map_of_routines(tester: Tester, depth: Depth) -> Map:
    """Send 31 03, which requests a result and starts nothing, for undeclared routines, and collect the refusals."""
    found = Map("routines")
    spans = [entry.span for entry in tester.target.routines]
    for routine in identifiers(depth, {span.first for span in spans}, USUAL_ROUTINES):
        if any(routine in span for span in spans):
            continue
        reply = tester.request(b"\x31\x03" + routine.to_bytes(2, "big"))
        found.add(routine, reply)
        if reply.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED) or (found.asked >= ENOUGH_SILENCE and not found.unknown):
            break
    return found


def takes_several(tester: Tester) -> bool:
    """Whether a read of existing and missing data gives the existing data, so that a request can name three of them."""
    readable = [entry.did for entry in tester.target.data if entry.read.kind == "open"][:1]
    return bool(readable) and read(tester, [0xFFFF, *readable]).is_positive


def read(tester: Tester, dids: list[int]) -> Reply:
    """Send ReadDataByIdentifier for several DIDs."""
    return tester.request(uds.read_data(*dids))


def identifiers(depth: Depth, declared: Iterable[int], usual: Iterable[int]) -> Iterable[int]:
    """Return all identifiers at depth deep; else beginnings of pages, neighbours of declared ones, and usual ones."""
    if depth is Depth.DEEP:
        return range(0x10000)
    per_page = depth.choose(quick=1, default=8, deep=0)
    seen = {page << 8 | low for page in range(0x100) for low in range(per_page)}
    for identifier in declared:
        seen.update(range(max(identifier - 8, 0), min(identifier + 9, 0x10000)))
    return sorted(seen.union(usual))
