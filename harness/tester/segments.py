"""The frames of a long message, for checks that send them one by one and not as the standard wants them."""

from __future__ import annotations

from harness.link.isotp_frames import CLASSIC_BYTES


def segments(pdu: bytes, *, stated_length: int | None = None, frame_bytes: int = CLASSIC_BYTES) -> list[bytes]:
    """The data fields of a first frame and of its consecutive frames, the last one padded with 00.

    `frame_bytes` is how long each is: the tester's `frame_bytes`, which an address byte makes less than 8.
    `stated_length` is what the first frame says instead of the message's own length. ValueError: more than 4095 is stated.
    """
    start_bytes, step_bytes = frame_bytes - 2, frame_bytes - 1
    length = len(pdu) if stated_length is None else stated_length
    if length > 0xFFF:
        raise ValueError(f"a first frame of this kind states at most 4095 bytes, not {length}")
    fields = [(0x1000 | length).to_bytes(2, "big") + pdu[:start_bytes]]
    for index, start in enumerate(range(start_bytes, len(pdu), step_bytes)):
        fields.append(bytes((0x20 | (index + 1) & 0x0F,)) + pdu[start : start + step_bytes])
    return [one.ljust(frame_bytes, b"\x00") for one in fields]
