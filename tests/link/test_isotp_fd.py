"""Prove ISO-TP on CAN FD for a single endpoint: what ISO 15765-2:2016 changes for frames of up to 64 bytes. Frames
are hex.
"""

import pytest

from harness.link.isotp import IsoTp, IsoTpConfig, IsoTpFault
from harness.link.isotp_frames import FRAME_LENGTHS

CTS = "300000"


def endpoint(tx_dl: int = 64, padding: int | None = 0x00, **config: int) -> IsoTp:
    return IsoTp(IsoTpConfig(tx_dl=tx_dl, padding=padding, **config))


def message_of(length: int) -> bytes:
    return bytes(index & 0xFF for index in range(1, length + 1))


def give(iso: IsoTp, *frames: str, is_functional: bool = False) -> bytes | None:
    """Hand frames to an endpoint; return the message that the last frame completed."""
    message = None
    for frame in frames:
        message = iso.receive(bytes.fromhex(frame), 0.0, is_functional=is_functional)
    return message


def take(iso: IsoTp) -> list[str]:
    frames = [frame.hex() for frame in iso.outbox]
    iso.outbox.clear()
    return frames


def sent(length: int, tx_dl: int = 64, padding: int | None = 0x00) -> list[str]:
    """Return all frames of a message; the flow control permits them all at once."""
    iso = endpoint(tx_dl, padding)
    iso.send(message_of(length), 0.0)
    if iso.is_sending:
        give(iso, CTS)
    return take(iso)


def field(head: str, content: bytes, size: int) -> str:
    """Return a data field of `size` bytes, padded with zeros."""
    return (bytes.fromhex(head) + content).ljust(size, b"\x00").hex()


# --- sending ---


def test_up_to_seven_bytes_leave_as_they_do_on_classic_can() -> None:
    assert sent(7) == ["0701020304050607"]
    assert sent(3, padding=None) == ["03010203"]


@pytest.mark.parametrize(
    ("length", "size"), [(8, 12), (10, 12), (11, 16), (14, 16), (18, 20), (22, 24), (23, 32), (46, 48), (47, 64), (62, 64)]
)
def test_longer_single_frames_have_their_length_in_the_second_byte_and_fill_the_next_frame(length: int, size: int) -> None:
    assert sent(length) == [field(f"00{length:02x}", message_of(length), size)]


def test_what_must_be_filled_is_filled_with_cc_where_nothing_else_is_wanted() -> None:
    assert sent(9, padding=None) == ["0009" + message_of(9).hex() + "cc"]
    assert sent(9, padding=0x55) == ["0009" + message_of(9).hex() + "55"]


@pytest.mark.parametrize("tx_dl", FRAME_LENGTHS[1:])
def test_the_longest_single_frame_is_two_bytes_shorter_than_the_frame(tx_dl: int) -> None:
    assert len(sent(tx_dl - 2, tx_dl)) == 1
    assert sent(tx_dl - 1, tx_dl)[0].startswith(f"10{tx_dl - 1:02x}")


@pytest.mark.parametrize("tx_dl", FRAME_LENGTHS)
def test_first_and_consecutive_frames_are_as_long_as_frames_can_be(tx_dl: int) -> None:
    first, second, *_ = sent(200, tx_dl)
    assert first == "10c8" + message_of(200)[: tx_dl - 2].hex()
    assert second == "21" + message_of(200)[tx_dl - 2 : 2 * tx_dl - 3].hex()


@pytest.mark.parametrize(("length", "size"), [(62 + 3, 8), (62 + 7, 8), (62 + 8, 12), (62 + 40, 48), (62 + 63, 64)])
def test_the_last_consecutive_frame_is_no_longer_than_it_must_be(length: int, size: int) -> None:
    assert sent(length)[1] == field("21", message_of(length)[62:], size)


def test_a_last_frame_of_up_to_eight_bytes_is_not_filled_where_nothing_is_wanted() -> None:
    assert sent(62 + 3, padding=None)[1] == "21" + message_of(65)[62:].hex()


def test_4096_bytes_leave_with_the_escape() -> None:
    iso = endpoint()
    iso.send(bytes(4096), 0.0)
    assert take(iso) == ["100000001000" + 58 * "00"]


@pytest.mark.parametrize("tx_dl", [0, 7, 9, 10, 63, 65, 128])
def test_there_are_no_frames_of_other_lengths(tx_dl: int) -> None:
    with pytest.raises(ValueError, match="8, 12, 16, 20, 24, 32, 48, 64"):
        endpoint(tx_dl)


# --- receiving ---


@pytest.mark.parametrize("length", [8, 10, 62])
def test_a_single_frame_with_its_length_in_the_second_byte_is_a_message(length: int) -> None:
    assert give(endpoint(), field(f"00{length:02x}", message_of(length), 64)) == message_of(length)


@pytest.mark.parametrize("length", [0, 1, 6, 7, 63, 64, 255])
def test_a_second_byte_that_fits_no_such_frame_is_ignored(length: int) -> None:
    assert give(endpoint(), field(f"00{length:02x}", message_of(62), 64)) is None


@pytest.mark.parametrize("length", range(1, 16))
def test_the_short_form_is_ignored_in_long_frames(length: int) -> None:
    assert give(endpoint(), field(f"{length:02x}", message_of(62), 64)) is None


def test_the_long_form_is_ignored_in_short_frames() -> None:
    assert give(endpoint(), "0003221010000000") is None


def test_short_frames_are_understood_too() -> None:
    assert give(endpoint(), "03221010") == bytes.fromhex("221010")


def test_a_classic_endpoint_ignores_long_frames() -> None:
    iso = endpoint(8)
    assert give(iso, field("0008", message_of(8), 12)) is None
    assert give(iso, field("1040", message_of(62), 64)) is None
    assert take(iso) == []


@pytest.mark.parametrize("size", FRAME_LENGTHS)
def test_a_first_frame_of_any_length_is_answered_in_eight_bytes(size: int) -> None:
    iso = endpoint()
    give(iso, field("10c8", message_of(200)[: size - 2], size))
    assert take(iso) == ["3000000000000000"]


@pytest.mark.parametrize("size", FRAME_LENGTHS[1:])
def test_a_first_frame_whose_message_would_have_fitted_a_single_frame_of_its_size_is_ignored(size: int) -> None:
    iso = endpoint()
    give(iso, field(f"10{size - 2:02x}", message_of(size - 2), size))
    assert take(iso) == []
    give(iso, field(f"10{size - 1:02x}", message_of(size - 2), size))
    assert take(iso) == ["3000000000000000"]


@pytest.mark.parametrize("tx_dl", FRAME_LENGTHS)
@pytest.mark.parametrize("length", [64, 100, 4095])
def test_what_one_endpoint_sends_another_receives_whatever_their_frames(tx_dl: int, length: int) -> None:
    sender, receiver = endpoint(tx_dl), endpoint(64)
    sender.send(message_of(length), 0.0)
    message = None
    while message is None:
        for data in sender.outbox.copy():
            sender.outbox.remove(data)
            message = receiver.receive(data, 0.0)
        for data in receiver.outbox.copy():
            receiver.outbox.remove(data)
            sender.receive(data, 0.0)
    assert message == message_of(length)


FF_20 = "1014" + message_of(20)[:10].hex()
"""A first frame of 12 bytes; the consecutive frames after it have 12 bytes too, except the last."""


def receiving(*frames: str) -> IsoTp:
    iso = endpoint()
    give(iso, FF_20, *frames)
    iso.outbox.clear()
    return iso


def test_consecutive_frames_are_as_long_as_the_first_one() -> None:
    assert give(receiving(), "21" + message_of(21)[10:].hex()) == message_of(20)


def test_a_last_frame_may_be_as_short_as_its_content() -> None:
    iso = endpoint()
    give(iso, "1018" + message_of(24)[:10].hex(), "21" + message_of(24)[10:21].hex())
    assert give(iso, "22" + message_of(24)[21:].hex()) == message_of(24)


@pytest.mark.parametrize("content", [message_of(20)[10:17], message_of(30)[10:25]], ids=["shorter", "longer"])
def test_a_frame_of_another_length_than_the_first_one_is_ignored(content: bytes) -> None:
    iso = receiving()
    assert give(iso, "21" + content.hex()) is None
    assert iso.is_receiving
    assert give(iso, "21" + message_of(21)[10:].hex()) == message_of(20)


def test_a_long_single_frame_ends_a_reception() -> None:
    iso = receiving()
    assert give(iso, field("000a", message_of(10), 12)) == message_of(10)
    assert iso.fault is IsoTpFault.UNEXPECTED_PDU


def test_a_long_frame_that_is_no_message_leaves_a_reception_alone() -> None:
    iso = receiving()
    give(iso, field("0002", message_of(10), 12))
    assert iso.is_receiving


def test_a_functional_single_frame_may_be_long() -> None:
    assert give(endpoint(), field("000a", message_of(10), 12), is_functional=True) == message_of(10)
