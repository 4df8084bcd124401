"""Prove ISO-TP with one byte of address, which leaves one byte less in each frame. Data is hex, without the address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.link.address_book import AddressBook
from harness.link.frame import Frame, parse
from harness.link.isotp import IsoTp, IsoTpConfig
from harness.link.isotp_frames import message_in


def endpoint(*, tx_dl: int = 8, padding: int | None = 0x00) -> IsoTp:
    return IsoTp(IsoTpConfig(tx_dl=tx_dl, padding=padding, address_bytes=1))


def sent(isotp: IsoTp, length: int, *, tx_dl_frames: int = 0) -> list[str]:
    """Return the frames of a message, each without its address; a flow control is given when one is due."""
    isotp.send(bytes(range(1, length + 1)), 0.0)
    frames = list(isotp.outbox)
    isotp.outbox.clear()
    if isotp.is_sending:
        isotp.receive(b"\x30\x00\x00", 0.0)
        frames += isotp.outbox
        isotp.outbox.clear()
    return [frame.hex() for frame in frames]


def test_a_single_frame_carries_six_bytes() -> None:
    assert sent(endpoint(), 6) == ["06010203040506"]
    assert sent(endpoint(), 3) == ["03010203000000"]
    assert sent(endpoint(padding=None), 3) == ["03010203"]


def test_a_first_frame_carries_five_bytes_and_each_other_six() -> None:
    assert sent(endpoint(), 7) == ["10070102030405", "21060700000000"]
    assert sent(endpoint(), 17) == ["10110102030405", "21060708090a0b", "220c0d0e0f1011"]


def test_a_frame_of_can_fd_carries_one_byte_less_too() -> None:
    assert sent(endpoint(tx_dl=64), 6) == ["06010203040506"]
    assert sent(endpoint(tx_dl=64), 7) == ["000701020304050607" + "00" * 2]  # with the address 12 bytes
    assert [len(frame) // 2 for frame in sent(endpoint(tx_dl=64), 61)] == [63]
    assert [len(frame) // 2 for frame in sent(endpoint(tx_dl=64), 62)] == [63, 7]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("06010203040506", "010203040506"),
        ("0701020304050607", None),  # no frame has so much room
        ("10060102030405", None),  # fits a single frame
        ("00070102030405", None),  # the escape is for frames of more than 8 bytes
    ],
)
def test_what_a_receiver_takes_for_a_message(data: str, message: str | None) -> None:
    received = endpoint().receive(bytes.fromhex(data), 0.0)
    assert (received.hex() if received else None) == message
    assert message_in(bytes.fromhex(data), 1).hex() == (message or "")


def test_a_first_frame_of_seven_bytes_is_answered_by_a_flow_control_that_fills_the_frame() -> None:
    isotp = endpoint()
    assert isotp.receive(bytes.fromhex("10070102030405"), 0.0) is None
    assert [frame.hex() for frame in isotp.outbox] == ["30000000000000"]
    assert isotp.receive(bytes.fromhex("210607"), 0.0) == bytes(range(1, 8))


@given(st.binary(min_size=1, max_size=300), st.sampled_from((8, 12, 64)), st.sampled_from((None, 0x00, 0xCC)))
def test_any_message_crosses_between_two_endpoints(message: bytes, tx_dl: int, padding: int | None) -> None:
    ours, theirs = endpoint(tx_dl=tx_dl, padding=padding), endpoint(tx_dl=tx_dl, padding=padding)
    ours.send(message, 0.0)
    received = None
    while ours.outbox or theirs.outbox:
        for data in ours.outbox:
            assert len(data) + 1 <= tx_dl
            received = theirs.receive(data, 0.0) or received
        ours.outbox.clear()
        for data in theirs.outbox:
            ours.receive(data, 0.0)
        theirs.outbox.clear()
    assert received == message


@given(st.binary(max_size=64), st.integers(0, 1))
def test_no_data_makes_an_endpoint_raise(data: bytes, taken: int) -> None:
    isotp = IsoTp(IsoTpConfig(tx_dl=64, address_bytes=taken))
    isotp.receive(bytes.fromhex("10400102030405"), 0.0)
    isotp.receive(data, 0.0)
    assert len(message_in(data, taken)) <= len(data)


# Which frames have an address


def split(book: AddressBook, text: str) -> tuple[str, str]:
    frame = parse(text)
    book.split(frame)
    assert frame.text() == text, "the frame on the bus is the same"
    return frame.address.hex(), frame.data.hex()


def test_an_address_is_taken_for_one_by_its_id_and_its_value() -> None:
    book = AddressBook()
    book.add(0x6F1, b"\x12")
    book.add(0x612, None)
    assert split(book, "6F1#12023E00") == ("12", "023e00")
    assert split(book, "6F1#40023E00") == ("", "40023e00")
    assert split(book, "612#F1027E00") == split(book, "612#F1027E00") == ("f1", "027e00")
    assert split(book, "613#F1027E00") == ("", "f1027e00")
    assert split(book, "612#") == ("", "")


def test_a_bus_without_addresses_splits_nothing() -> None:
    book = AddressBook()
    book.add(0x7E0, b"")
    assert not book
    assert split(book, "7E0#023E00") == ("", "023e00")


def test_a_frame_on_its_way_out_has_its_address_first() -> None:
    frame = Frame(0x6F1, bytes.fromhex("023E0000000000"), address=b"\x12")
    assert frame.text() == "6F1#12023E0000000000"
    assert bytes(frame.message().data) == bytes.fromhex("12023E0000000000")
    assert frame.pdu == b"\x3e\x00"


def test_what_a_book_knows_survives_json() -> None:
    book = AddressBook()
    book.add(0x6F1, b"\x12")
    book.add(0x612, None)
    assert AddressBook.of_plain(book.plain()).plain() == book.plain() == {"6F1": [0x12], "612": None}
