"""List services older than ISO 14229-1 or outside it, and how to request each without harm."""

from dataclasses import dataclass

from attacks.access_control.guards import is_absent
from attacks.access_control.memory_requests import MemoryPlace, formats, guarded_places
from harness import Depth, Tester

READ_ECU_IDENTIFICATION = 0x1A
READ_DTC_BY_STATUS = 0x18
READ_BY_LOCAL_IDENTIFIER = 0x21
IO_CONTROL_BY_LOCAL_IDENTIFIER = 0x30
WRITE_BY_LOCAL_IDENTIFIER = 0x3B
EMISSION_SERVICES = (0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F)
"""Services of SAE J1979, required by law in many ECUs; without 04 and 08, which clear and control."""

OTHER_SERVICES = (0x2B, 0xA5, *range(0xAA, 0xAF), *range(0xBA, 0xBF))
"""Services of makers and suppliers."""
UNASSIGNED_SERVICES = (*range(0x80, 0x83), *range(0x88, 0xBF), *range(0xC0, 0xFF))
"""Services that no standard assigns: each is first requested by its bare number, and in other ways only if it exists."""
MOST_PRESENT, MOST_SILENCES = 4, 6

REPORT_STATE = 0x01
READ_BYTES, MOST_PLACES = 0x10, 3


@dataclass(frozen=True)
class Legacy:
    """A request of a service that is older than ISO 14229-1 or outside it."""

    request: bytes
    is_write: bool = False
    is_mandatory: bool = False
    """Whether the law may require the service."""

    @property
    def service(self) -> int:
        """The number of the requested service."""
        return self.request[0]


def legacy_requests(tester: Tester) -> list[Legacy]:
    """Return reads by usual identifiers and declared DIDs' last bytes, and writes of other values to protected data."""
    locals_ = sorted({0x01, 0x80, *(entry.did & 0xFF for entry in tester.target.data)})
    found = [Legacy(bytes((service, 0x00)), is_mandatory=True) for service in EMISSION_SERVICES]
    found += [Legacy(bytes((READ_ECU_IDENTIFICATION, number))) for number in (0x80, 0x90)]
    found.append(Legacy(bytes((READ_DTC_BY_STATUS, 0x00, 0xFF, 0x00))))
    found += [Legacy(bytes((READ_BY_LOCAL_IDENTIFIER, number))) for number in locals_]
    found += [Legacy(bytes((IO_CONTROL_BY_LOCAL_IDENTIFIER, number, REPORT_STATE))) for number in locals_]
    found += [Legacy(bytes((service, 0x00))) for service in OTHER_SERVICES]
    for entry in tester.access.protected():
        value = tester.read_reply(entry.did)
        if value.is_positive and tester.allows("write"):
            other = tester.other_value(entry, value.pdu[3:])
            found.append(Legacy(bytes((WRITE_BY_LOCAL_IDENTIFIER, entry.did & 0xFF)) + other, is_write=True))
    return found


def memory_requests(tester: Tester) -> list[Legacy]:
    """Return reads of guarded and usual memory, in every form, by those unassigned services that the ECU has."""
    present: list[int] = []
    silences = 0
    for service in UNASSIGNED_SERVICES:
        request = bytes((service,))
        if not tester.permits(request) or len(present) >= MOST_PRESENT or silences >= MOST_SILENCES:
            continue
        reply = tester.request(request)
        silences = silences + 1 if reply.is_silence else 0  # an ECU that is silent to everything unknown would take too long
        if reply.is_negative and not is_absent(tester, reply):
            present.append(service)
    places = [*guarded_places(tester)[:MOST_PLACES], MemoryPlace(0, READ_BYTES)]
    blocks = [form.block(place.address, READ_BYTES) for place in places for form in formats(Depth.DEFAULT)]
    return [Legacy(bytes((service,)) + where) for service in present for where in dict.fromkeys(blocks) if where]
