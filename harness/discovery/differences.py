"""Compare what a target file declares with what was found."""

from collections.abc import Iterator

from harness.discovery.ecu_map import EcuMap
from harness.target import Target


def differences(target: Target, found: EcuMap) -> Iterator[str]:
    """Yield one sentence for each difference; none if everything is as declared."""
    yield from _both_ways("session", "02X", {entry.id for entry in target.sessions}, set(found.sessions))
    levels = {one.level for one in found.levels}
    yield from _both_ways("security level", "02X", {entry.level for entry in target.security}, levels)
    for level in found.levels:
        entry = target.level(level.level)
        if entry is not None and level.seed_bytes and entry.session not in (None, level.session):
            wanted, given = entry.session or 0, level.session
            yield f"level 0x{level.level:02X} is declared for session 0x{wanted:02X}; it gives seeds in 0x{given:02X}"
    readable = {one.did: one for one in found.identifiers}
    declared = {entry.did: entry for entry in target.data}
    yield from _both_ways("identifier", "04X", set(declared), set(readable))
    for did in sorted(set(declared) & set(readable)):
        entry_of, one = declared[did], readable[did]
        if entry_of.read.kind == "open" and not one.length:
            yield f"identifier 0x{did:04X} is declared readable by everybody; it is refused: {one.said}"
        if entry_of.read.kind != "open" and one.length:
            yield f'identifier 0x{did:04X} is declared readable with "{entry_of.read}"; everybody can read it'
        if entry_of.length is not None and one.length and entry_of.length != one.length:
            yield f"identifier 0x{did:04X} is declared to have {entry_of.length} bytes; it has {one.length}"
        how = found.writes.get(did)
        if how == "open" and entry_of.write.kind != "open":
            yield f'identifier 0x{did:04X} is declared writable with "{entry_of.write}"; everybody can write it'
    if target.timing.s3_ms is not None and found.s3_ms is not None and target.timing.s3_ms != found.s3_ms:
        yield f"S3 is declared as {target.timing.s3_ms} ms; {found.s3_said}"


def _both_ways(what: str, form: str, declared: set[int], found: set[int]) -> Iterator[str]:
    for number in sorted(declared - found):
        yield f"{what} 0x{number:{form}} is declared, and was not found"
    for number in sorted(found - declared):
        yield f"{what} 0x{number:{form}} was found, and is not declared"
