"""Find the address byte that extended and mixed addressing put before ISO-TP in a frame's data field."""

from dataclasses import dataclass, replace
from typing import Final

from harness.link.address_book import AddressBook
from harness.target import Can, Target

NO_ADDRESS: Final = b""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The address bytes before our frames, and before those of the ECU."""

    request: bytes = NO_ADDRESS
    """The address in every frame to this ECU."""
    functional: bytes = NO_ADDRESS
    """The address in every frame to all ECUs."""
    response: bytes | None = NO_ADDRESS
    """The address in every frame from this ECU; None: any byte."""

    @property
    def size_bytes(self) -> int:
        """How many bytes of each frame are an address."""
        return len(self.request)


def addresses_of(can: Can) -> Addresses:
    """Return the addresses that the target declares."""
    request = NO_ADDRESS
    response: bytes | None = NO_ADDRESS
    if can.addressing == "extended":
        assert can.target_address is not None
        request = bytes((can.target_address,))
        response = None if can.source_address is None else bytes((can.source_address,))
    elif can.addressing == "mixed":
        assert can.address_extension is not None
        request = response = bytes((can.address_extension,))
    functional = request if can.functional_address is None else bytes((can.functional_address,))
    return Addresses(request, functional, response)


def book_of(target: Target) -> AddressBook:
    """Return the address book of an ECU, with each of its connections."""
    book = AddressBook()
    add_to(book, target.can)
    for entry in target.connections:
        add_to(book, replace(target.can, request_id=entry.request_id, response_id=entry.response_id))
    return book


def add_to(book: AddressBook, can: Can) -> None:
    """Add the ids of a target and their addresses to a book."""
    addresses = addresses_of(can)
    book.add(can.request_id, addresses.request)
    book.add(can.response_id, addresses.response)
    if can.functional_id is not None:
        book.add(can.functional_id, addresses.functional)
