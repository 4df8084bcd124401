"""Check that memory is read and written by address only with the declared level."""

from attacks.access_control.guards import Refusals, Visit, each_session, require_locked, unlocked_for
from attacks.access_control.key_material import found_in, known_secrets, show_concealed
from attacks.access_control.memory_requests import (
    ADDRESSES,
    USUAL,
    WIDE,
    Form,
    MemoryPlace,
    ask_for_memory,
    edges,
    formats,
    guarded_places,
    memory_in,
    open_places,
    read_memory,
)
from harness import DataEntry, Depth, Reply, Service, Severity, Tester, attack, fail

BLOCK_BYTES = 0x10
CHUNK_BYTES = 0x40


@attack(
    id="AC-05",
    title="WriteMemoryByAddress is refused while locked",
    failure="Memory can be written without a key",
    severity=Severity.CRITICAL,
    basis="declared",
    source="ISO 14229-1 WriteMemoryByAddress: securityAccessDenied",
    cwe=(288, 306),
    r155=("18.3", "5.3"),
    rationale="Who writes memory by address writes every protected value, and the lock itself, without any key.",
    remediation="Leave the service out of the product, or ask for the security level before any address is looked at.",
    needs=("destructive", "write"),
    proven_by=("memory_write_unprotected", "memory_written_before_refusal"),
)
def test_memory_is_not_written_while_locked(tester: Tester, depth: Depth) -> None:
    require_locked(tester, Service.WRITE_MEMORY_BY_ADDRESS)
    places = guarded_places(tester, Service.WRITE_MEMORY_BY_ADDRESS)
    refusals = Refusals(tester, "WriteMemoryByAddress")
    refusals.watch(tester.access.protected())
    for visit in each_session(tester):
        if not refusals.is_there(Service.WRITE_MEMORY_BY_ADDRESS):
            continue
        for place in places:
            for form in formats(depth):
                judge_same_write(refusals, place, form, visit)
        refusals.judge_values()
        for entry in tester.access.protected():
            for place in places:
                if place.is_declared:
                    judge_write_of(refusals, place, entry, visit)
    refusals.conclude(lambda: control_by_writing(tester, places))


def judge_same_write(refusals: Refusals, place: MemoryPlace, form: Form, visit: Visit) -> None:
    """Write one byte to memory: its present value, if that can be read."""
    tester = refusals.tester
    where = form.block(place.address, 1)
    if not where:
        return
    content = read_memory(tester, form, place.address, 1) or b"\x00"
    reply = refusals.add(tester.request(b"\x3d" + where + content))
    if reply.is_positive:
        tester.cite(reply)
        fail(expected=f"a refusal of WriteMemoryByAddress at {place} {visit}, locked", observed=str(reply))


def judge_write_of(refusals: Refusals, place: MemoryPlace, entry: DataEntry, visit: Visit) -> None:
    """Write another value to memory where a protected value may be stored, and judge by effect."""
    tester = refusals.tester
    length = len(tester.read(entry.did))
    if length > place.size:
        return

    def write(value: bytes) -> Reply:
        return refusals.add(tester.request(b"\x3d" + USUAL.block(place.address, length) + value))

    effect = tester.access.effect(entry, write)
    if effect.is_changed:
        fail(expected=f"DID {entry.did:04X} unchanged by WriteMemoryByAddress at {place} {visit}", observed=str(effect))


def control_by_writing(tester: Tester, places: list[MemoryPlace]) -> str:
    """Read a byte and write it again, unlocked, as the positive control; return why that did not work, or an empty text."""
    for place in places:
        if place.level is None:
            continue
        missing = unlocked_for(tester, place.level)
        if missing:
            return missing
        content = read_memory(tester, USUAL, place.address, 1)
        if not content:
            return f"unlocked, memory at {place} cannot be read, so that nothing can be written there without harm"
        reply = tester.request(b"\x3d" + USUAL.block(place.address, 1) + content)
        return "" if reply.is_positive else f"unlocked, memory at {place} cannot be written either: {reply}"
    return "no memory is declared to need a level"


@attack(
    id="AC-09",
    title="Memory is not read while locked, and holds no key material for anybody",
    failure="Memory can be read without a key, or shows key material",
    severity=Severity.HIGH,
    basis="declared",
    source="ISO 14229-1 ReadMemoryByAddress, RequestUpload: securityAccessDenied",
    cwe=(200, 862),
    r155=("18.3", "19.1", "19.3"),
    rationale="Memory holds the firmware and whatever keys are made of. Who reads it once needs no key any more.",
    remediation="Ask for the security level before any address is looked at, and keep secrets where no service reaches.",
    uses=("destructive",),
    proven_by=("memory_read_unprotected", "memory_read_in_older_form", "secret_in_memory", "upload_unprotected"),
)
def test_memory_is_not_read_while_locked(tester: Tester, depth: Depth) -> None:
    require_locked(tester, Service.READ_MEMORY_BY_ADDRESS, Service.REQUEST_UPLOAD)
    places = guarded_places(tester, Service.READ_MEMORY_BY_ADDRESS, Service.REQUEST_UPLOAD)
    refusals = Refusals(tester, "ReadMemoryByAddress and RequestUpload")
    for visit in each_session(tester):
        services = (Service.READ_MEMORY_BY_ADDRESS, Service.REQUEST_UPLOAD)
        found = [service for service in services if refusals.is_there(service)]
        for place in places if found else ():
            for form in formats(depth):
                judge_read(refusals, place, form, visit)
            if place.is_declared:
                judge_edges(refusals, place, visit)
        for place in open_places(tester):
            judge_content(tester, place, depth, "which everybody may read")
    refusals.conclude(lambda: control_by_reading(tester, places, depth))


def judge_read(refusals: Refusals, place: MemoryPlace, form: Form, visit: Visit) -> None:
    """Fail if the ECU gives bytes, or begins an upload."""
    tester = refusals.tester
    where = form.block(place.address, min(place.size, BLOCK_BYTES))
    if not where:
        return
    read = refusals.add(tester.request(b"\x23" + where))
    if read.is_positive:
        judge_leak(tester, read, place, form, f"a refusal of ReadMemoryByAddress at {place} {visit}, locked")
    request = b"\x35\x00" + where
    upload = refusals.add(tester.request(request)) if tester.permits(request) else None
    if upload is not None and upload.is_positive:
        delivered = tester.request("36 01") if tester.permits(b"\x36\x01") else upload
        judge_leak(tester, delivered, place, form, f"a refusal of RequestUpload at {place} {visit}, locked")


def judge_edges(refusals: Refusals, place: MemoryPlace, visit: Visit) -> None:
    """Fail if the ECU answers a read that begins before guarded memory, ends behind it, or overflows the last address."""
    tester = refusals.tester
    for address, size in edges(place):
        where = USUAL.block(address, size) or WIDE.block(address, size % ADDRESSES)
        reply = refusals.add(tester.request(b"\x23" + where)) if where else None
        if reply is not None and reply.is_positive:
            reaches = f"{size} bytes from 0x{address:08X} on, which reach into {place} {visit}"
            judge_leak(tester, reply, place, USUAL, f"a refusal of ReadMemoryByAddress for {reaches}, locked")


def judge_leak(tester: Tester, reply: Reply, place: MemoryPlace, form: Form, expected: str) -> None:
    """Fail, and say whether there was key material in the memory that was read, or beside it."""
    secrets = known_secrets(tester)
    name = found_in(reply.pdu, secrets)
    for start in range(0, min(place.size, 0x100), BLOCK_BYTES) if not name else ():
        content = read_memory(tester, form, place.address + start, min(BLOCK_BYTES, place.size - start))
        name = name or found_in(content, secrets)
    if name:
        show_concealed(tester, reply, name)
        fail(expected=expected, observed=f"memory, and {name} in it", severity=Severity.CRITICAL)
    tester.cite(reply)
    fail(expected=expected, observed=str(reply))


def judge_content(tester: Tester, place: MemoryPlace, depth: Depth, whose: str) -> int:
    """Search readable memory for key material; return how many bytes were read."""
    secrets = known_secrets(tester)
    wanted = min(place.size, depth.choose(quick=0x100, default=0x400, deep=0x10000))
    content = b""
    while len(content) < wanted:
        size = min(CHUNK_BYTES, wanted - len(content))
        reply = ask_for_memory(tester, USUAL, place.address + len(content), size)
        piece = memory_in(reply, size)
        if not piece:
            break
        content += piece
        name = found_in(content[-2 * CHUNK_BYTES :], secrets)
        if name:
            show_concealed(tester, reply, name)
            fail(expected=f"no key material in memory from {place} on, {whose}", observed=f"{name} is in it")
    return len(content)


def control_by_reading(tester: Tester, places: list[MemoryPlace], depth: Depth) -> str:
    """Read declared memory, unlocked, as the positive control, and check that it holds no key material.

    Return why this was not seen to work; empty if it was.
    """
    has_read = False
    guarded = [place for place in places if place.level is not None]
    for place in guarded:
        assert place.level is not None
        missing = unlocked_for(tester, place.level)
        if missing:
            return missing
        has_read = bool(judge_content(tester, place, depth, "which its level may read")) or has_read
    if not guarded:
        return "no memory is declared to need a level"
    return "" if has_read else "unlocked, none of the declared memory can be read either"
