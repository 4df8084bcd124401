"""Say what a request may do at worst, by its service and sub-function, as the permissions that it needs.

`HARMLESS` lists all that may be sent to any ECU, each entry with its reason. `ACTING` gives the permissions for the
worst meaning of a request in ISO 14229-1, and in ISO 14230-3, SAE J2190 and SAE J1979, which older ECUs speak on the
same ids. A request in neither table is unknown, and needs the permissions of its service, or "destructive" if the
service has none.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from harness.target import Permission
from harness.uds import SUPPRESS_POSITIVE_RESPONSE

Needs = frozenset[Permission]
"""All permissions that a request needs; empty if it is harmless."""

ANY: Final = (*range(0x80), None)
"""Every sub-function without the suppress bit, and None for a request without sub-function."""
NO_SUB_FUNCTION: Final = 0x80
"""The index, in a row of needs, for a request that is the service alone."""

_SEEDS: Final = tuple(range(0x01, 0x80, 2))
_KEYS: Final = tuple(range(0x00, 0x80, 2))


class Harmless(NamedTuple):
    """Requests that may always be sent."""

    services: Iterable[int]
    sub_functions: Iterable[int | None]
    why: str


class Acting(NamedTuple):
    """Requests that change something according to a standard, or are taken to do so because no standard defines them."""

    services: Iterable[int]
    sub_functions: Iterable[int | None]
    needs: Permission
    why: str


HARMLESS: Final = (
    Harmless((0x10,), (0x01,), "back to the session that every ECU starts in"),
    Harmless((0x10,), (0x03,), "the extended session opens services and starts none; it ends by itself (S3)"),
    Harmless((0x19,), ANY, "reports trouble codes, whatever sub-function"),
    Harmless((0x22,), ANY, "reads identifiers"),
    Harmless((0x23,), ANY, "reads memory"),
    Harmless((0x24,), ANY, "reads how identifiers are scaled"),
    Harmless((0x27,), _SEEDS, "asks for a seed, which opens nothing and counts as no attempt"),
    Harmless((0x27,), (None,), "too short to name a level, and to hold a key"),
    Harmless((0x29,), (0x08,), "tells how authentication is done"),
    Harmless((0x2A,), (0x04,), "stops what is sent periodically, which only a tester can have asked for"),
    Harmless((0x31,), (0x03,), "asks for the results of a routine and starts none"),
    Harmless((0x3E,), ANY, "says that a tester is there, which keeps a session that is open"),
    Harmless((0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x09, 0x0A), ANY, "SAE J1979: reads, in every car by law"),
    Harmless((0x12, 0x13, 0x17, 0x18), ANY, "ISO 14230-3: reads trouble codes and their freeze frames"),
    Harmless((0x1A, 0x21), ANY, "ISO 14230-3: reads the identification, and data by short numbers"),
    Harmless(
        (0x00, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x15, 0x16, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F),
        ANY,
        "assigned by none of the standards, which keep them to themselves: how an ECU disowns a service that it lacks",
    ),
    Harmless(
        (*range(0x40, 0x80), *range(0xC0, 0x100)),
        ANY,
        "what answers begin with: bit 6 is never set in a request's service, by any of the standards",
    ),
)

ACTING: Final = (
    Acting((0x10,), (0x02, *range(0x40, 0x7F)), Permission.RESET, "leaves the application, as for the boot loader"),
    Acting((0x11,), ANY, Permission.RESET, "restarts the ECU, or shuts it down"),
    Acting((0x14,), ANY, Permission.DESTRUCTIVE, "erases trouble codes"),
    Acting((0x27,), _KEYS, Permission.LOCKOUT, "sends a key; a wrong one is counted against the next right one"),
    Acting((0x28,), ANY, Permission.DESTRUCTIVE, "silences the ECU"),
    Acting((0x29,), (0x01, 0x02, 0x03, 0x05, 0x06, 0x07), Permission.LOCKOUT, "tries to authenticate; may lock it"),
    Acting((0x29,), (0x04,), Permission.WRITE, "hands a certificate over to be kept"),
    Acting((0x29,), (0x00,), Permission.RESET, "ends an authentication, which may be another tester's"),
    Acting((0x2A,), (0x01, 0x02, 0x03), Permission.DESTRUCTIVE, "loads the bus with messages until it is told to stop"),
    Acting((0x2C,), ANY, Permission.WRITE, "defines or clears identifiers"),
    Acting((0x2E,), ANY, Permission.WRITE, "writes data"),
    Acting((0x2F,), ANY, Permission.DESTRUCTIVE, "moves outputs"),
    Acting((0x31,), (0x01, 0x02), Permission.DESTRUCTIVE, "starts or stops a routine, as one that erases"),
    Acting((0x34, 0x35, 0x36, 0x37, 0x38), ANY, Permission.DESTRUCTIVE, "programs, or carries memory and files away"),
    Acting((0x3D,), ANY, Permission.DESTRUCTIVE, "writes memory"),
    Acting((0x83,), ANY, Permission.DESTRUCTIVE, "changes the protocol's times; older standards number the reads otherwise"),
    Acting((0x84,), ANY, Permission.DESTRUCTIVE, "holds a request that cannot be seen"),
    Acting((0x85,), ANY, Permission.DESTRUCTIVE, "stops the storage of trouble codes"),
    Acting((0x86,), ANY, Permission.WRITE, "stores what is to be done at an event, and may outlast restarts"),
    Acting((0x87,), ANY, Permission.DESTRUCTIVE, "changes the bit rate"),
    Acting((0x04,), ANY, Permission.DESTRUCTIVE, "SAE J1979: erases trouble codes"),
    Acting((0x08,), ANY, Permission.DESTRUCTIVE, "SAE J1979: controls systems on board"),
    Acting((0x20, 0x81, 0x82), ANY, Permission.RESET, "ISO 14230-3: ends a session, begins or ends communication"),
    Acting((0x25, 0x26), ANY, Permission.DESTRUCTIVE, "SAE J2190: stops, or times, what is sent periodically"),
    Acting((0x2B, 0x2D), ANY, Permission.WRITE, "SAE J2190: defines what is read together"),
    Acting((0x30,), ANY, Permission.DESTRUCTIVE, "ISO 14230-3: moves outputs"),
    Acting((0x32, 0x38, 0x39), ANY, Permission.DESTRUCTIVE, "ISO 14230-3: starts and stops routines by number or address"),
    Acting((0x3B,), ANY, Permission.WRITE, "ISO 14230-3: writes data by short numbers"),
    Acting(range(0xA0, 0xBF), ANY, Permission.DESTRUCTIVE, "the maker's and the supplier's own: nobody outside knows"),
)

_UNKNOWN: Final[Needs] = frozenset({Permission.DESTRUCTIVE})


def row(service: int) -> tuple[Needs, ...]:
    """Return what each sub-function of a service needs, and as the last item what the service alone needs."""
    words = frozenset(entry.needs for entry in ACTING if service in entry.services)
    found: list[Needs] = [words or _UNKNOWN] * (NO_SUB_FUNCTION + 1)
    for acting in ACTING:
        if service in acting.services:
            for sub_function in acting.sub_functions:
                found[place(sub_function)] = frozenset({acting.needs})
    for harmless in HARMLESS:
        if service in harmless.services:
            for sub_function in harmless.sub_functions:
                found[place(sub_function)] = frozenset()
    return tuple(found)


def place(sub_function: int | None) -> int:
    """Return the index of a sub-function in a row; the suppress bit makes no difference."""
    return NO_SUB_FUNCTION if sub_function is None else sub_function & ~SUPPRESS_POSITIVE_RESPONSE


def place_of(pdu: bytes) -> int:
    """Return the index of a request in its service's row."""
    return pdu[1] & ~SUPPRESS_POSITIVE_RESPONSE if len(pdu) > 1 else NO_SUB_FUNCTION


TABLE: Final = tuple(map(row, range(0x100)))
"""The needs of each request: by service, and then by `place`."""

WORDS: Final[tuple[Needs, ...]] = tuple(frozenset[Permission]().union(*needs) for needs in TABLE)
"""By service, all permissions that any request of the service needs."""

LOWEST_ISO_14229_SERVICE: Final = 0x10
"""The lowest service of ISO 14229-1; lower ones are SAE J1979's, and occur as lengths and counters in nearly every frame."""

_ACTS: Final = frozenset(
    (service, place(sub_function))
    for entry in ACTING
    for service in entry.services
    for sub_function in entry.sub_functions
    if service >= LOWEST_ISO_14229_SERVICE
)


def is_known_to_act(pdu: bytes) -> bool:
    """Whether a standard says that the request acts; requests of SAE J1979 are left out."""
    return bool(pdu) and (pdu[0], place_of(pdu)) in _ACTS
