"""Can software be sent into the ECU without the key?"""

from __future__ import annotations

from attacks.access_control.addresses import WIDE, Form, Place, formats, guarded_places
from attacks.access_control.guards import DEFAULT_SESSION, Refusals, Visit, each_session, require_locked, unlocked_for
from harness import DataEntry, Depth, Reply, Service, Severity, Tester, attack, fail

BLOCK_WITHOUT_REQUEST = b"\x36\x01\x00"
ADD_FILE = bytes.fromhex("38 01 0001 78 00 01 00 00")
"""RequestFileTransfer: add an empty file "x"."""
PLACES = 4


@attack(
    id="AC-06",
    title="No download begins while locked",
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
    refusals.watch(tester.access.protected())
    for visit in each_session(tester):
        there = [service for service in services if refusals.is_there(service)]
        if Service.TRANSFER_DATA in there:
            judge(refusals, BLOCK_WITHOUT_REQUEST, f"a block without any request {visit}")
        for place in places if Service.REQUEST_DOWNLOAD in there else ():
            for form in formats(depth):
                judge_request(refusals, places, place, form, visit)
        if Service.REQUEST_FILE_TRANSFER in there:
            judge(refusals, ADD_FILE, f"RequestFileTransfer {visit}")
        refusals.judge_values()
    refusals.conclude(lambda: control_by_request(tester, places))


def judge(refusals: Refusals, request: bytes, what: str) -> None:
    """Only a refusal is sound."""
    reply = refusals.add(refusals.tester.request(request))
    if reply.is_positive:
        refusals.tester.cite(reply)
        fail(expected=f"a refusal of {what}, locked", observed=str(reply))


def judge_request(refusals: Refusals, places: list[Place], place: Place, form: Form, visit: Visit) -> None:
    """34, and where it is accepted 36, to see whether it stores; never 37, which would put it to use."""
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


def requests_for(form: Form, place: Place, where: bytes) -> list[bytes]:
    """RequestDownload in one form; ISO 14230-3 has the format of the data between address and size."""
    if not where:
        return []
    if (form.address_bytes, form.is_named) == (3, False):
        return [b"\x34" + where[:3] + b"\x00" + min(place.size, 0x80).to_bytes(3, "big")]
    return [b"\x34\x00" + where]


def is_stored(tester: Tester, place: Place, entry: DataEntry, visit: Visit) -> bool:
    """Whether a download to the place changes a protected value; the old one is put back the same way."""
    length = len(tester.read(entry.did))
    if place.size < length:
        return False

    def download(value: bytes) -> Reply:
        if visit.session is not None:
            tester.enter_session(visit.session)  # which ends the transfer before
        tester.request(b"\x34\x00" + WIDE.block(place.address, length))
        return tester.request(b"\x36\x01" + value)

    return tester.access.effect(entry, download).is_changed


def control_by_request(tester: Tester, places: list[Place]) -> str:
    """Unlocked, a download begins; a session change ends it before anything is sent."""
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
