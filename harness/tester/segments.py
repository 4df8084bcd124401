"""The frames of a long message, for checks that send them one by one and not as the standard wants them."""

from __future__ import annotations


def segments(pdu: bytes, *, stated_length: int | None = None) -> list[bytes]:
    """The data fields of a first frame and of its consecutive frames, each 8 bytes, the last one padded with 00.

    `stated_length` is what the first frame says instead of the message's own length. ValueError: more than 4095 is stated.
    """
    length = len(pdu) if stated_length is None else stated_length
    if length > 0xFFF:
        raise ValueError(f"a first frame of this kind states at most 4095 bytes, not {length}")
    fields = [(0x1000 | length).to_bytes(2, "big") + pdu[:6]]
    for index, start in enumerate(range(6, len(pdu), 7)):
        fields.append(bytes((0x20 | (index + 1) & 0x0F,)) + pdu[start : start + 7])
    return [one.ljust(8, b"\x00") for one in fields]
