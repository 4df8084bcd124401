"""Check that without the key nobody sends software into the ECU, or reads files from it."""

from collections.abc import Iterable

from attacks.access_control.guards import DEFAULT_SESSION, Refusals, Visit, each_session, require_locked, unlocked_for
from attacks.access_control.memory_requests import USUAL, WIDE, Form, MemoryPlace, formats, guarded_places
from harness import DataEntry, Depth, Reply, Service, Severity, Tester, attack, fail

BLOCK_WITHOUT_REQUEST = b"\x36\x01\x00"
WRONG_BLOCK = b"\x36\x55\x00"
FILE_NAMES = (b"x", b"/", b"log", b"/log")
FOLDERS = (b"/", b"", b".")
MOST_NAMES, MOST_BLOCKS = 8, 4
PLAIN_EMPTY = b"\x00\x01\x00\x00"
"""The parameters of a file that is neither compressed nor encrypted, and whose two sizes, of one byte each, are 0."""
PLACES = 4


@attack(
    id="AC-06",
    title="No download begins while locked",
    failure="A download begins without a key",
    severity=Severity.CRITICAL,
    basis="declared",
    source="ISO 14229-1 RequestDownload: securityAccessDenied",
    cwe=(288, 494, 306),
    r155=("18.3", "5.1", "5.5"),
    rationale="A download that begins without the key is new software for whoever sends it.",
    remediation="Ask for the security level in RequestDownload and RequestFileTransfer, in the boot loader too, and take no "
    "block without a request that was accepted.",
    needs=("destructive", "write"),
    proven_by=("download_unprotected",),
)
def test_no_download_begins_while_locked(tester: Tester, depth: Depth) -> None:
    services = (Service.REQUEST_DOWNLOAD, Service.TRANSFER_DATA, Service.REQUEST_FILE_TRANSFER)
    require_locked(tester, *services)
    places = guarded_places(tester, Service.REQUEST_DOWNLOAD)[:PLACES]
    refusals = Refusals(tester, "download")
    names = [*FILE_NAMES, *names_listed(tester)]
    refusals.watch(tester.access.protected())
    for visit in each_session(tester):
        there = [service for service in services if refusals.is_there(service)]
        if Service.TRANSFER_DATA in there:
            judge(refusals, BLOCK_WITHOUT_REQUEST, f"a block without any request {visit}")
        for place in places if Service.REQUEST_DOWNLOAD in there else ():
            for form in formats(depth):
                judge_request(refusals, places, place, form, visit)
        if Service.REQUEST_FILE_TRANSFER in there:
            for request in file_requests(names):
                judge(refusals, request, f"RequestFileTransfer {request[1]:02X} {visit}")
        refusals.judge_values()
    judge_going_on(tester, places)
    refusals.conclude(lambda: control_by_request(tester, places))


def names_listed(tester: Tester) -> list[bytes]:
    """Return the names of files that the ECU lists with a level open; the ECU is locked afterwards."""
    found: list[bytes] = []
    for level in [entry.level for entry in tester.target.security]:
        if not tester.access.can_relock or unlocked_for(tester, level):
            continue
        for folder in FOLDERS:
            if tester.request(b"\x38\x05" + len(folder).to_bytes(2, "big") + folder).is_positive:
                blocks = [tester.request(bytes((0x36, number))) for number in range(1, MOST_BLOCKS + 1)]
                listed = b"".join(one.pdu[2:] for one in blocks if one.is_positive)
                words = bytes(byte if 0x20 < byte < 0x7F else 0x20 for byte in listed.replace(b",", b" ")).split()
                found += [word for word in words if word not in FILE_NAMES]
        tester.access.lock()
    return list(dict.fromkeys(found))[:MOST_NAMES]


def file_requests(names: Iterable[bytes]) -> list[bytes]:
    """Return requests to add an empty file, and to read files and folders; requests to delete and replace are left out."""
    found = [bytes((0x38, 0x01, 0, 1)) + FILE_NAMES[0] + PLAIN_EMPTY]
    for name in names:
        head = len(name).to_bytes(2, "big") + name
        found += [b"\x38\x04" + head + b"\x00", b"\x38\x05" + head, b"\x38\x04" + head]
    return found


def judge_going_on(tester: Tester, places: list[MemoryPlace]) -> None:
    """Check that a download which began with the level open has ended once a session change has locked the ECU.

    A block with a wrong number stores nothing; its refusal differs according to whether a download waits for blocks.
    """
    for place in places if tester.has_sessions else ():
        if place.level is None or unlocked_for(tester, place.level):
            continue
        without = tester.request(WRONG_BLOCK)
        begun = (tester.request(b"\x34\x00" + form.block(place.address, 1)).is_positive for form in (USUAL, WIDE))
        within = tester.request(WRONG_BLOCK) if any(begun) else without
        entered = tester.enter_session(tester.target.of_level(place.level).session or DEFAULT_SESSION)
        after = tester.request(WRONG_BLOCK) if entered.is_positive else without
        tester.enter_session(DEFAULT_SESSION)
        if within.is_negative and without.is_negative and within.nrc != without.nrc and after.nrc == within.nrc:
            tester.cite(without, within, after)
            fail(
                expected=f"no download to {place} any more after a session change has locked the ECU",
                observed=f"a block with a wrong number is refused as within one: {after}; without one: {without}",
                severity=Severity.HIGH,
            )


def judge(refusals: Refusals, request: bytes, what: str) -> None:
    """Send the request, and fail if the ECU accepts it."""
    reply = refusals.add(refusals.tester.request(request))
    if reply.is_positive:
        refusals.tester.cite(reply)
        fail(expected=f"a refusal of {what}, locked", observed=str(reply))


def judge_request(refusals: Refusals, places: list[MemoryPlace], place: MemoryPlace, form: Form, visit: Visit) -> None:
    """Send RequestDownload (34); if it is accepted, send 36 to see whether the ECU stores, never 37, which activates it."""
    tester = refusals.tester
    where = form.block(place.address, min(place.size, 0x80))
    replies = [refusals.add(tester.request(request)) for request in requests_for(form, place, where)]
    reply = next((one for one in replies if one.is_positive), None)
    if reply is None:
        return
    declared = [other for other in places if other.is_declared]
    stored = [
        f"DID {entry.did:04X} through {other}"
        for entry in tester.access.protected()
        for other in declared
        if is_stored(tester, other, entry, visit)
    ]
    tester.enter_session(DEFAULT_SESSION)  # which ends the transfer
    tester.cite(reply)
    observed = f"{reply}; what followed changed {', '.join(stored)}" if stored else str(reply)
    fail(expected=f"a refusal of RequestDownload to {place} {visit}, locked", observed=observed)


def requests_for(form: Form, place: MemoryPlace, where: bytes) -> list[bytes]:
    """Return RequestDownload in one form; ISO 14230-3 puts the data format between address and size."""
    if not where:
        return []
    if (form.address_bytes, form.is_named) == (3, False):
        return [b"\x34" + where[:3] + b"\x00" + min(place.size, 0x80).to_bytes(3, "big")]
    return [b"\x34\x00" + where]


def is_stored(tester: Tester, place: MemoryPlace, entry: DataEntry, visit: Visit) -> bool:
    """Whether a download to the place changes a protected value; the old value is restored in the same way."""
    length = len(tester.read(entry.did))
    if place.size < length:
        return False

    def download(value: bytes) -> Reply:
        if visit.session is not None:
            tester.enter_session(visit.session)  # which ends the earlier transfer
        tester.request(b"\x34\x00" + WIDE.block(place.address, length))
        return tester.request(b"\x36\x01" + value)

    return tester.access.effect(entry, download).is_changed


def control_by_request(tester: Tester, places: list[MemoryPlace]) -> str:
    """Begin a download, unlocked, as the positive control; a session change ends it before any data is sent.

    Return why this was not seen to work; empty if it was.
    """
    for place in places:
        if place.level is None:
            continue
        missing = unlocked_for(tester, place.level)
        if missing:
            return missing
        reply = tester.request(b"\x34\x00" + WIDE.block(place.address, min(place.size, 0x80)))
        tester.enter_session(DEFAULT_SESSION)
        return "" if reply.is_positive else f"unlocked, no download to {place} begins either: {reply}"
    return "no memory is declared to need a level"
