"""Know by their ids which frames begin with an address, to separate address and data on a bus and in its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.link.frame import Frame


class AddressBook(dict[int, "set[int] | None"]):
    """By id, the address bytes with which frames of this id may begin (None: any byte).

    Frames with other ids, or that begin with other bytes, have no address. The book is a dictionary, so that a bus without
    addresses costs one look-up for each frame.
    """

    def add(self, can_id: int, address: bytes | None) -> None:
        """From now on take this byte (None: any byte) for an address if a frame with this id begins with it."""
        if address is None:
            self[can_id] = None
        elif address and (known := self.setdefault(can_id, set())) is not None:
            known.add(address[0])

    def address_bytes(self, can_id: int, data: bytes | bytearray) -> int:
        """Return how many bytes at the start of a frame's data field are its address."""
        if not data:
            return 0
        known = self.get(can_id, ())
        return int(known is None or data[0] in known)

    def split(self, frame: Frame) -> None:
        """Move the address byte of a frame, if its id has one, from its data to its `address`.

        This must happen before anything else reads the frame.
        """
        if not frame.address and not frame.is_error and self.address_bytes(frame.can_id, frame.data):
            frame.address, frame.data = frame.data[:1], frame.data[1:]

    def plain(self) -> dict[str, list[int] | None]:
        """Return the book's content for JSON."""
        return {f"{can_id:X}": None if known is None else sorted(known) for can_id, known in self.items()}

    @classmethod
    def of_plain(cls, known: Mapping[str, Sequence[int] | None]) -> AddressBook:
        """Return the address book whose content `plain` has returned."""
        book = cls()
        for can_id, addresses in known.items():
            book[int(can_id, 16)] = None if addresses is None else set(addresses)
        return book
