"""List the CAN ids that the industry assigns to testers and ECUs."""

Id = tuple[int, bool]
"""A CAN id and whether it has 29 bits."""

EVERYBODYS_IDS = ((0x7DF, False), (0x18DB33F1, True))
"""The usual functional ids, on which every ECU listens."""

FIXED_BASES = (0x18DA, 0x14DA)
"""The first 13 bits of 29-bit ids of normal fixed addressing, by priority; target and source address follow."""

TESTER_ADDRESSES = (0xF1, 0xF9)
"""The usual addresses of testers for cars and for trucks; the first is tried with every base."""

FIRST_BYTE_IDS: tuple[Id, ...] = ((0x6F1, False), (0x750, False))
"""Request ids of two groups of makers, with an address in the first byte; answers come on 0x600 + address, and on 0x758."""

OTHER_LONG_IDS = range(0x17FC0000, 0x17FC0100)
"""Request ids of one group of makers; the response id is 0x20000 higher."""


SHORT_STEPS = (8, 0x10, 0x20, -0x20, 0x6A, 0x400)
"""Usual differences between request id and response id: of most makers; of Renault and Nissan, PSA, Volkswagen, GM."""
LONG_STEPS = (0x20000,)


def usual_ids() -> list[Id]:
    """Return every 11-bit id, the diagnostic ranges first, and 29-bit ids as the industry uses them."""
    first = [*range(0x7E0, 0x7F0), *range(0x700, 0x7E0), *range(0x7F0, 0x800), *range(0x600, 0x700)]
    seen = set(first)
    numbers = first + [number for number in range(0x800) if number not in seen]
    fixed = [(base, TESTER_ADDRESSES[0]) for base in FIXED_BASES]
    fixed += [(FIXED_BASES[0], tester) for tester in TESTER_ADDRESSES[1:]]
    long_ids = [base << 16 | ecu << 8 | tester for base, tester in fixed for ecu in range(256)]
    return [
        *((number, False) for number in numbers),
        *((number, True) for number in (*long_ids, *OTHER_LONG_IDS)),
        *(one for one in EVERYBODYS_IDS if one[1]),
    ]


def is_usual(one: Id) -> bool:
    """Whether most ECUs accept requests on such an id."""
    number, is_long = one
    return number >> 16 == FIXED_BASES[0] if is_long else 0x700 <= number < 0x800


def strangeness(request: Id, response: Id, latency_s: float) -> tuple[bool, bool, float]:
    """Rate how strange a pair of ids is; a usual and quick pair rates lowest.

    A pair is usual if its addresses are exchanged, or its ids have a usual difference.
    """
    number, is_long = request
    base, target, source = number >> 16, number >> 8 & 0xFF, number & 0xFF
    is_fixed = is_long and base in FIXED_BASES
    steps = LONG_STEPS if is_long else SHORT_STEPS
    usual = {base << 16 | source << 8 | target} if is_fixed else {number + step for step in steps}
    return response[0] not in usual, is_long and number < 0x800, latency_s
