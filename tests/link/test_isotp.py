"""Prove each rule of ISO 15765-2 for an endpoint alone, as sender and as receiver. Frames are hex."""

import random

import pytest

from harness.errors import IsoTpBusy
from harness.link.isotp import IsoTp, IsoTpConfig, IsoTpFault

PDU_20 = bytes(range(1, 21))
FF_20 = "1014 010203040506"
CF_20 = ("21 0708090a0b0c0d", "22 0e0f1011121314")
CTS = "300000"


def endpoint(**config: int | float | None) -> IsoTp:
    return IsoTp(IsoTpConfig(**config))  # type: ignore[arg-type]


def give(iso: IsoTp, *frames: str, at_s: float = 0.0, is_functional: bool = False) -> bytes | None:
    """Hand over frames, all at one time; what the last of them completed."""
    message = None
    for frame in frames:
        message = iso.receive(bytes.fromhex(frame), at_s, is_functional=is_functional)
    return message


def take(iso: IsoTp) -> list[str]:
    """What the owner would put on the bus now."""
    frames = [frame.hex() for frame in iso.outbox]
    iso.outbox.clear()
    return frames


def cf_numbers(iso: IsoTp) -> str:
    """The sequence numbers of the consecutive frames that would go on the bus now, e.g. "123"."""
    frames = take(iso)
    assert all(frame[0] == "2" for frame in frames)
    return "".join(frame[1] for frame in frames)


def sending(length: int = 100, **config: int | float | None) -> IsoTp:
    """An endpoint that has sent its first frame at 0 s and waits for the flow control."""
    iso = endpoint(**config)
    iso.send(bytes(length), 0.0)
    iso.outbox.clear()
    return iso


def receiving(*frames: str, **config: int | float | None) -> IsoTp:
    """An endpoint that has got, at 0 s, the first of 20 bytes and then `frames`."""
    iso = endpoint(**config)
    give(iso, FF_20, *frames)
    iso.outbox.clear()
    return iso


# --- sending: the frames ---


@pytest.mark.parametrize(
    ("pdu", "frame"),
    [("3e", "013e000000000000"), ("221010", "0322101000000000"), ("01020304050607", "0701020304050607")],
)
def test_up_to_seven_bytes_leave_as_one_single_frame(pdu: str, frame: str) -> None:
    iso = endpoint()
    iso.send(bytes.fromhex(pdu), 0.0)
    assert take(iso) == [frame]


def test_a_single_frame_is_sent_at_once() -> None:
    iso = endpoint()
    iso.send(b"\x3e\x00", 0.0)
    assert (iso.is_sending, iso.deadline_s) == (False, None)


def test_eight_bytes_leave_as_a_first_frame() -> None:
    iso = endpoint()
    iso.send(bytes(range(8)), 0.0)
    assert take(iso) == ["1008000102030405"]


def test_4095_bytes_leave_with_a_length_of_twelve_bits() -> None:
    iso = endpoint()
    iso.send(bytes(4095), 0.0)
    assert take(iso) == ["1fff000000000000"]


def test_4096_bytes_leave_with_the_escape_and_a_length_of_32_bits() -> None:
    iso = endpoint()
    iso.send(b"\xaa" * 4096, 0.0)
    assert take(iso) == ["100000001000aaaa"]


def test_consecutive_frames_wait_for_a_flow_control() -> None:
    iso = endpoint()
    iso.send(PDU_20, 0.0)
    iso.tick(0.9)
    assert take(iso) == [FF_20.replace(" ", "")]


def test_consecutive_frames_carry_what_the_first_left() -> None:
    iso = endpoint()
    iso.send(PDU_20, 0.0)
    iso.outbox.clear()
    give(iso, CTS)
    assert take(iso) == [frame.replace(" ", "") for frame in CF_20]


def test_a_message_is_sent_when_its_last_frame_is_in_the_outbox() -> None:
    iso = sending(20)
    give(iso, CTS)
    assert (iso.is_sending, iso.deadline_s, iso.fault) == (False, None, None)


def test_sequence_numbers_begin_at_one_and_wrap_from_fifteen_to_zero() -> None:
    iso = sending(6 + 7 * 18)
    give(iso, CTS)
    assert cf_numbers(iso) == "123456789abcdef012"


def test_sequence_numbers_go_on_over_blocks() -> None:
    iso = sending(6 + 7 * 4)
    give(iso, "300200", "300200")
    assert cf_numbers(iso) == "1234"


def test_sequence_numbers_of_the_next_message_begin_at_one_again() -> None:
    iso = sending(20)
    give(iso, CTS)
    iso.outbox.clear()
    iso.send(bytes(20), 0.0)
    iso.outbox.clear()
    give(iso, CTS)
    assert cf_numbers(iso) == "12"


@pytest.mark.parametrize(
    ("padding", "frames"),
    [
        (0xCC, ["0122cccccccccccc", "1009010203040506", "21070809cccccccc", "300000cccccccccc", "320000cccccccccc"]),
        (None, ["0122", "1009010203040506", "21070809", "300000", "320000"]),
    ],
)
def test_padding_fills_every_frame_or_none(padding: int | None, frames: list[str]) -> None:
    iso = endpoint(padding=padding)
    iso.send(b"\x22", 0.0)
    iso.send(PDU_20[:9], 0.0)
    give(iso, CTS, FF_20, "1000 00100000 0000")
    assert take(iso) == frames


def test_an_empty_message_is_refused() -> None:
    with pytest.raises(ValueError, match="a message of 0 bytes"):
        endpoint().send(b"", 0.0)


def test_a_message_beyond_32_bits_of_length_is_refused() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 2**32

    with pytest.raises(ValueError, match="a message of 4294967296 bytes"):
        endpoint().send(Huge(), 0.0)


def test_the_owner_may_change_its_buffer_after_sending() -> None:
    iso = endpoint()
    buffer = bytearray(b"\x11" * 9)
    iso.send(buffer, 0.0)
    buffer[:] = b"\x22" * 9
    iso.outbox.clear()
    give(iso, CTS)
    assert take(iso) == ["2111111100000000"]


@pytest.mark.parametrize("pdu", [b"\x3e", bytes(20)])
def test_a_second_message_during_a_transmission_is_refused(pdu: bytes) -> None:
    with pytest.raises(IsoTpBusy, match="20 bytes are in transmission"):
        sending(20).send(pdu, 0.0)


def test_a_refused_second_message_leaves_the_first_intact() -> None:
    iso = sending(20)
    with pytest.raises(IsoTpBusy):
        iso.send(b"\x3e", 0.0)
    give(iso, CTS)
    assert cf_numbers(iso) == "12"


# --- sending: what a flow control says ---


def test_block_size_zero_releases_the_whole_message() -> None:
    iso = sending(4095)
    give(iso, CTS)
    assert len(iso.outbox) == 585


def test_block_size_limits_the_frames_until_the_next_flow_control() -> None:
    iso = sending()
    give(iso, "300300")
    assert cf_numbers(iso) == "123"


def test_each_flow_control_sets_the_block_size_anew() -> None:
    iso = sending()
    give(iso, "300100", "300400")
    assert cf_numbers(iso) == "12345"


def test_a_block_that_ends_with_the_message_wants_no_further_flow_control() -> None:
    iso = sending(20)
    give(iso, "300200")
    assert not iso.is_sending


@pytest.mark.parametrize("frame", ["30", "3000", "32", "3200", "3f00", "3100"])
def test_a_flow_control_shorter_than_three_bytes_is_ignored(frame: str) -> None:
    iso = sending(20)
    give(iso, frame)
    assert (iso.outbox, iso.deadline_s, iso.fault) == ([], 1.0, None)


def test_a_flow_control_of_three_bytes_is_heard() -> None:
    iso = sending(20)
    give(iso, "300000")
    assert cf_numbers(iso) == "12"


def test_bytes_after_the_third_of_a_flow_control_say_nothing() -> None:
    iso = sending(20)
    give(iso, "300000 ffffffffff")
    assert cf_numbers(iso) == "12"


@pytest.mark.parametrize("frame", ["300100", "320000", "3f0000", "310000"])
def test_a_flow_control_inside_a_block_is_ignored(frame: str) -> None:
    iso = sending(48)  # six consecutive frames
    give(iso, "30000a")
    give(iso, frame, at_s=0.005)
    for step in range(1, 6):
        iso.tick(step * 0.010)
    assert cf_numbers(iso) == "123456"


def test_a_flow_control_that_nobody_waits_for_is_ignored() -> None:
    iso = endpoint()
    give(iso, CTS, "310000", "320000", "3f0000")
    assert (iso.outbox, iso.is_sending, iso.fault) == ([], False, None)


@pytest.mark.parametrize("status", range(3, 16))
def test_a_reserved_flow_status_aborts(status: int) -> None:
    iso = sending()
    give(iso, f"3{status:x}0000")
    assert (iso.outbox, iso.is_sending, iso.fault) == ([], False, IsoTpFault.INVALID_FS)


def test_the_peers_overflow_aborts() -> None:
    iso = sending()
    give(iso, "320000")
    assert (iso.outbox, iso.is_sending, iso.fault) == ([], False, IsoTpFault.OVERFLOW)


def test_an_aborted_transmission_is_not_continued() -> None:
    iso = sending()
    give(iso, "320000", CTS)
    assert iso.outbox == []


def test_no_flow_control_in_time_aborts() -> None:
    iso = sending(n_bs_s=0.25)
    iso.tick(0.25)
    assert (iso.is_sending, iso.deadline_s, iso.fault) == (False, None, IsoTpFault.TIMEOUT_BS)


def test_the_wait_for_a_flow_control_is_not_cut_short() -> None:
    iso = sending(n_bs_s=0.25)
    iso.tick(0.2499)
    assert (iso.is_sending, iso.deadline_s) == (True, 0.25)


def test_a_late_flow_control_is_not_heard_though_no_tick_came() -> None:
    iso = sending()
    give(iso, CTS, at_s=1.1)
    assert (iso.outbox, iso.fault) == ([], IsoTpFault.TIMEOUT_BS)


def test_the_wait_for_the_next_flow_control_begins_with_the_blocks_end() -> None:
    iso = sending()
    give(iso, "300200", at_s=0.5)
    assert iso.deadline_s == 1.5


def test_the_wait_for_a_flow_control_counts_from_the_end_of_the_first_frame() -> None:
    assert sending(frame_time_s=0.25).deadline_s == 1.25


def test_the_wait_for_a_flow_control_counts_from_the_end_of_the_block() -> None:
    iso = sending(frame_time_s=0.25)
    give(iso, "300300", at_s=0.5)
    assert iso.deadline_s == 0.5 + 3 * 0.25 + 1.0


def test_wait_starts_the_wait_anew() -> None:
    iso = sending()
    give(iso, "310000", at_s=0.75)
    assert (iso.outbox, iso.deadline_s, iso.fault) == ([], 1.75, None)


def test_clear_to_send_after_wait_goes_on() -> None:
    iso = sending(20)
    give(iso, "310000", CTS)
    assert cf_numbers(iso) == "12"


def test_as_many_waits_as_the_limit_are_borne() -> None:
    iso = sending(20, wait_limit=3)
    give(iso, *["310000"] * 3, CTS)
    assert cf_numbers(iso) == "12"


def test_one_wait_more_than_the_limit_aborts() -> None:
    iso = sending(20, wait_limit=3)
    give(iso, *["310000"] * 4)
    assert (iso.is_sending, iso.fault) == (False, IsoTpFault.WAIT_LIMIT)


def test_only_waits_in_a_row_are_counted() -> None:
    iso = sending(20, wait_limit=3)
    give(iso, *["310000"] * 3, "300100", *["310000"] * 3, "300100")
    assert cf_numbers(iso) == "12"


def test_waits_of_an_aborted_message_do_not_count_for_the_next() -> None:
    iso = sending(20, wait_limit=3)
    give(iso, *["310000"] * 4)
    iso.send(bytes(20), 0.0)
    iso.outbox.clear()
    give(iso, *["310000"] * 3, CTS)
    assert cf_numbers(iso) == "12"


# --- sending: separation time ---


@pytest.mark.parametrize(
    ("raw", "gap_s"),
    [
        *((1, 0.001), (0x14, 0.020), (0x7F, 0.127)),
        *((0xF1, 0.0001), (0xF5, 0.0005), (0xF9, 0.0009)),
        *((0x80, 0.127), (0xF0, 0.127), (0xFA, 0.127), (0xFF, 0.127)),  # reserved
    ],
)
def test_stmin_is_the_gap_after_a_consecutive_frame(raw: int, gap_s: float) -> None:
    iso = sending()
    give(iso, f"3000{raw:02x}")
    assert (cf_numbers(iso), iso.deadline_s) == ("1", gap_s)


def test_stmin_holds_back_the_next_frame_until_it_is_due() -> None:
    iso = sending()
    give(iso, "300014")
    iso.outbox.clear()
    iso.tick(0.0199)
    assert iso.outbox == []


def test_a_due_consecutive_frame_leaves_on_tick() -> None:
    iso = sending()
    give(iso, "300014")
    iso.outbox.clear()
    iso.tick(0.020)
    assert cf_numbers(iso) == "2"


def test_a_late_tick_does_not_send_two_frames_closer_than_stmin() -> None:
    iso = sending()
    give(iso, "300014")
    iso.outbox.clear()
    iso.tick(0.5)
    assert (cf_numbers(iso), iso.deadline_s) == ("2", 0.52)


def test_an_owner_that_waits_from_now_to_the_deadline_need_not_wait_again() -> None:
    now_s = 1_760_000_000.3  # a wall clock: its steps are 0.2 microseconds
    iso = endpoint()
    iso.send(bytes(4095), now_s)
    give(iso, "3000f1", at_s=now_s)
    for _ in range(584):
        assert iso.deadline_s is not None
        now_s += iso.deadline_s - now_s - 2e-7
        iso.tick(now_s)
    assert len(iso.outbox) == 1 + 585


def test_the_time_of_the_frame_itself_is_added_to_stmin() -> None:
    iso = sending(frame_time_s=0.25)
    give(iso, "300014", at_s=0.5)
    assert iso.deadline_s == 0.5 + 0.25 + 0.020


def test_each_flow_control_sets_stmin_anew() -> None:
    iso = sending()
    give(iso, "300114", "300300")
    assert cf_numbers(iso) == "1234"


def test_stmin_holds_across_a_flow_control() -> None:
    iso = sending()
    give(iso, "300114")
    iso.outbox.clear()
    give(iso, "300114", at_s=0.005)
    assert (iso.outbox, iso.deadline_s) == ([], 0.020)


def test_the_first_consecutive_frame_of_the_next_message_is_not_held_back() -> None:
    iso = sending(13)
    give(iso, "30007f")
    iso.send(bytes(13), 0.010)
    iso.outbox.clear()
    give(iso, "30007f", at_s=0.020)
    assert cf_numbers(iso) == "1"


# --- receiving: single frames ---


@pytest.mark.parametrize("frame", ["03221010", "0322101055", "0322101000000000", "03221010ffffffff"])
def test_a_single_frame_is_a_message_whatever_its_padding(frame: str) -> None:
    assert give(endpoint(), frame) == b"\x22\x10\x10"


def test_a_single_frame_carries_up_to_seven_bytes() -> None:
    assert give(endpoint(), "0701020304050607") == b"\1\2\3\4\5\6\7"


@pytest.mark.parametrize("frame", ["0322101000000000", "07 01020304050607"])
def test_a_message_is_bytes_even_if_the_frame_is_a_bytearray(frame: str) -> None:
    assert type(endpoint().receive(bytearray.fromhex(frame), 0.0)) is bytes


@pytest.mark.parametrize("frame", ["00", "0022101000000000"])
def test_a_single_frame_of_length_zero_is_ignored(frame: str) -> None:
    assert give(endpoint(), frame) is None


@pytest.mark.parametrize("length", range(8, 16))
def test_a_single_frame_longer_than_seven_is_ignored(length: int) -> None:
    assert give(endpoint(), f"{length:02x}22101000000000") is None


@pytest.mark.parametrize("frame", ["01", "03 2210", "07 221010", "07 010203040506"])
def test_a_single_frame_longer_than_its_frame_is_ignored(frame: str) -> None:
    assert give(endpoint(), frame) is None


def test_an_empty_data_field_is_ignored() -> None:
    iso = endpoint()
    assert (give(iso, ""), iso.outbox) == (None, [])


@pytest.mark.parametrize("frame", ["03 2210100000000000", "00 0a 01020304050607080900", "1014 01020304050607"])
def test_a_data_field_longer_than_eight_bytes_is_ignored(frame: str) -> None:
    iso = endpoint()
    assert (give(iso, frame), iso.outbox) == (None, [])


@pytest.mark.parametrize("kind", range(4, 16))
def test_a_reserved_kind_of_frame_is_ignored(kind: int) -> None:
    iso = receiving()
    assert (give(iso, f"{kind:x}322101000000000"), iso.outbox, iso.is_receiving) == (None, [], True)


@pytest.mark.parametrize("kind", range(4, 16))
def test_a_reserved_kind_of_frame_is_no_flow_control(kind: int) -> None:
    iso = sending()
    give(iso, f"{kind:x}00000")
    assert (iso.outbox, iso.deadline_s, iso.fault) == ([], 1.0, None)


# --- receiving: first frames ---


def test_a_first_frame_is_answered_with_block_size_and_stmin_of_the_config() -> None:
    iso = endpoint(block_size=5, stmin=0xF3)
    give(iso, FF_20)
    assert take(iso) == ["3005f30000000000"]


def test_a_message_in_three_frames_arrives_whole() -> None:
    assert give(endpoint(), FF_20, *CF_20) == PDU_20


def test_the_shortest_segmented_message_has_eight_bytes() -> None:
    assert give(endpoint(), "1008 010203040506", "21 0708") == PDU_20[:8]


def test_a_finished_reception_leaves_nothing_under_way() -> None:
    iso = receiving(*CF_20)
    assert (iso.is_receiving, iso.deadline_s, iso.fault) == (False, None, None)


@pytest.mark.parametrize("length", range(1, 8))
def test_a_first_frame_shorter_than_eight_is_ignored(length: int) -> None:
    iso = endpoint()
    give(iso, f"10{length:02x}2e1010555555")
    assert (iso.outbox, iso.is_receiving) == ([], False)


@pytest.mark.parametrize("frame", ["10", "1014", "1014 0102030405", "1000 00002000 00"])
def test_a_first_frame_in_less_than_eight_bytes_is_ignored(frame: str) -> None:
    iso = endpoint(max_length=10_000)
    give(iso, frame)
    assert (iso.outbox, iso.is_receiving) == ([], False)


@pytest.mark.parametrize("length", [0, 5, 8, 4095])
def test_an_escape_for_a_length_of_twelve_bits_is_ignored(length: int) -> None:
    iso = endpoint(max_length=10_000)
    give(iso, f"1000{length:08x}0102")
    assert (iso.outbox, iso.is_receiving) == ([], False)


def test_an_escape_for_a_longer_message_is_granted_if_there_is_room() -> None:
    iso = endpoint(max_length=4096)
    give(iso, "1000000010000102")
    assert take(iso) == ["3000000000000000"]


@pytest.mark.parametrize("frame", ["1015010203040506", "1fff010203040506", "1000000010000102", "1000ffffffffffff"])
def test_a_message_longer_than_max_length_is_refused_with_overflow(frame: str) -> None:
    iso = endpoint(max_length=20)
    give(iso, frame)
    assert (take(iso), iso.is_receiving, iso.fault) == (["3200000000000000"], False, IsoTpFault.TOO_LONG)


def test_a_message_of_max_length_is_granted() -> None:
    iso = endpoint(max_length=20)
    give(iso, FF_20)
    assert take(iso) == ["3000000000000000"]


def test_a_refused_message_is_not_collected() -> None:
    assert give(endpoint(max_length=19), FF_20, *CF_20) is None


# --- receiving: consecutive frames ---


def test_received_sequence_numbers_wrap_from_fifteen_to_zero() -> None:
    frames = [f"2{number % 16:x}{number:02x}ffffffffffff" for number in range(1, 19)]
    message = give(endpoint(), f"10{6 + 7 * 18:02x}000000000000", *frames)
    assert message is not None
    assert message[6::7] == bytes(range(1, 19))


@pytest.mark.parametrize("number", [0, *range(2, 16)])
def test_a_first_consecutive_frame_numbered_other_than_one_aborts(number: int) -> None:
    iso = receiving(f"2{number:x} 01020304050607")
    assert (iso.is_receiving, iso.deadline_s, iso.fault) == (False, None, IsoTpFault.WRONG_SN)


def test_a_repeated_consecutive_frame_aborts() -> None:
    iso = receiving(CF_20[0], CF_20[0])
    assert (iso.is_receiving, iso.fault) == (False, IsoTpFault.WRONG_SN)


def test_an_aborted_reception_is_not_continued() -> None:
    assert give(receiving(CF_20[1]), *CF_20) is None


def test_a_consecutive_frame_that_nobody_waits_for_is_ignored() -> None:
    iso = endpoint()
    assert (give(iso, "21 2e101077"), iso.outbox, iso.fault) == (None, [], None)


def test_a_short_consecutive_frame_before_the_last_is_ignored() -> None:
    iso = receiving("21 070809")
    assert give(iso, *CF_20) == PDU_20


def test_a_short_frame_does_not_prolong_the_wait() -> None:
    iso = receiving()
    give(iso, "21 070809", at_s=0.5)
    assert iso.deadline_s == 1.0


def test_a_last_consecutive_frame_may_be_as_short_as_its_content() -> None:
    assert give(endpoint(), "1009 010203040506", "21 070809") == PDU_20[:9]


def test_a_last_consecutive_frame_shorter_than_its_content_is_ignored() -> None:
    iso = endpoint()
    give(iso, "1009 010203040506")
    assert (give(iso, "21 0708"), iso.is_receiving) == (None, True)


@pytest.mark.parametrize("padding", ["", "55", "aaaaaaaa"])
def test_padding_of_the_last_consecutive_frame_is_no_content(padding: str) -> None:
    assert give(endpoint(), "1009 010203040506", "21 070809" + padding) == PDU_20[:9]


def test_no_block_size_grants_the_rest_with_one_flow_control() -> None:
    iso = receiving()
    give(iso, *CF_20)
    assert take(iso) == []


def test_each_block_is_granted_by_a_flow_control() -> None:
    frames = [f"2{number % 16:x}00000000000000" for number in range(1, 5)]
    iso = endpoint(block_size=2)
    grants = []
    for frame in (f"10{6 + 7 * 5:02x}000000000000", *frames):
        give(iso, frame)
        grants.append(len(take(iso)))
    assert grants == [1, 0, 1, 0, 1]


def test_a_block_that_ends_with_the_message_is_not_followed_by_a_flow_control() -> None:
    iso = receiving(block_size=2)
    give(iso, *CF_20)
    assert take(iso) == []


# --- receiving: time ---


def test_no_consecutive_frame_in_time_aborts() -> None:
    iso = receiving(n_cr_s=0.25)
    iso.tick(0.25)
    assert (iso.is_receiving, iso.deadline_s, iso.fault) == (False, None, IsoTpFault.TIMEOUT_CR)


def test_the_wait_for_a_consecutive_frame_is_not_cut_short() -> None:
    iso = receiving(n_cr_s=0.25)
    iso.tick(0.2499)
    assert (iso.is_receiving, iso.deadline_s) == (True, 0.25)


def test_a_consecutive_frame_just_in_time_is_taken() -> None:
    iso = receiving(CF_20[0])
    assert give(iso, CF_20[1], at_s=0.9) == PDU_20


def test_a_late_consecutive_frame_is_not_taken_though_no_tick_came() -> None:
    iso = receiving(CF_20[0])
    assert (give(iso, CF_20[1], at_s=1.1), iso.fault) == (None, IsoTpFault.TIMEOUT_CR)


def test_each_consecutive_frame_starts_the_wait_anew() -> None:
    iso = receiving()
    give(iso, CF_20[0], at_s=0.75)
    assert iso.deadline_s == 1.75


def test_a_late_single_frame_is_a_message_and_the_old_reception_timed_out() -> None:
    iso = receiving()
    assert (give(iso, "023e00", at_s=1.1), iso.fault) == (b"\x3e\x00", IsoTpFault.TIMEOUT_CR)


# --- receiving: one message inside another ---


def test_a_single_frame_during_a_reception_is_a_message() -> None:
    assert give(receiving(CF_20[0]), "03221010") == b"\x22\x10\x10"


def test_a_single_frame_during_a_reception_ends_it() -> None:
    iso = receiving(CF_20[0])
    give(iso, "03221010")
    assert (iso.is_receiving, iso.deadline_s, iso.fault) == (False, None, IsoTpFault.UNEXPECTED_PDU)


def test_a_first_frame_during_a_reception_starts_anew() -> None:
    iso = receiving("21 ffffffffffffff")
    assert give(iso, FF_20, *CF_20) == PDU_20


def test_a_first_frame_during_a_reception_is_noted_as_a_fault() -> None:
    assert receiving(FF_20).fault is IsoTpFault.UNEXPECTED_PDU


def test_a_refused_first_frame_during_a_reception_ends_it() -> None:
    iso = receiving("1fff 010203040506", max_length=20)
    assert give(iso, *CF_20) is None


@pytest.mark.parametrize("frame", ["0022101000", "0f22101000000000", "1005 010203040506", "1014 01", "1000 00000005 0102"])
def test_an_invalid_start_during_a_reception_leaves_it_alone(frame: str) -> None:
    assert give(receiving(CF_20[0], frame), CF_20[1]) == PDU_20


def test_a_thousand_half_open_receptions_do_not_stand_in_the_way() -> None:
    assert give(receiving(*[FF_20] * 1000), "03221010") == b"\x22\x10\x10"


# --- functional addressing ---


def test_a_functional_single_frame_is_a_message() -> None:
    assert give(endpoint(), "023e00", is_functional=True) == b"\x3e\x00"


def test_a_functional_first_frame_is_ignored() -> None:
    iso = endpoint()
    give(iso, FF_20, is_functional=True)
    assert (iso.outbox, iso.is_receiving) == ([], False)


def test_a_functional_consecutive_frame_is_ignored() -> None:
    iso = receiving(CF_20[0])
    assert (give(iso, CF_20[1], is_functional=True), iso.is_receiving) == (None, True)


def test_a_functional_flow_control_is_ignored() -> None:
    iso = sending()
    give(iso, CTS, is_functional=True)
    assert iso.outbox == []


def test_a_functional_single_frame_leaves_a_reception_alone() -> None:
    iso = receiving(CF_20[0])
    give(iso, "023e80", is_functional=True)
    assert give(iso, CF_20[1]) == PDU_20


# --- both directions, faults, reset ---


def test_a_message_arrives_while_another_is_sent() -> None:
    iso = sending()
    give(iso, "300100", FF_20, CF_20[0])
    assert give(iso, "300100", CF_20[1]) == PDU_20


def test_a_message_is_sent_while_another_arrives() -> None:
    iso = sending(20)
    give(iso, "300100", FF_20, CF_20[0], "300100")
    assert [frame[:2] for frame in take(iso)] == ["21", "30", "22"]


def test_a_single_frame_is_sent_during_a_reception() -> None:
    iso = receiving(CF_20[0])
    iso.send(b"\x3e\x80", 0.0)
    assert give(iso, CF_20[1]) == PDU_20


def test_the_deadline_is_the_earlier_of_both_directions() -> None:
    iso = sending(n_bs_s=0.5, n_cr_s=0.25)
    give(iso, FF_20)
    assert iso.deadline_s == 0.25


def test_a_reception_that_times_out_leaves_the_transmission_alone() -> None:
    iso = sending(20, n_cr_s=0.25)
    give(iso, FF_20)
    iso.outbox.clear()
    iso.tick(0.5)
    give(iso, CTS, at_s=0.5)
    assert cf_numbers(iso) == "12"


def test_a_transmission_that_times_out_leaves_the_reception_alone() -> None:
    iso = sending(20, n_bs_s=0.25)
    give(iso, FF_20)
    iso.tick(0.5)
    assert give(iso, *CF_20, at_s=0.5) == PDU_20


@pytest.mark.parametrize("pdu", [b"\x3e", bytes(20)])
def test_sending_clears_the_fault(pdu: bytes) -> None:
    iso = receiving(CF_20[1])
    iso.send(pdu, 0.0)
    assert iso.fault is None


def test_reset_forgets_the_reception() -> None:
    iso = receiving(CF_20[0])
    iso.reset()
    assert (give(iso, CF_20[1]), iso.is_receiving, iso.deadline_s) == (None, False, None)


def test_reset_forgets_the_transmission() -> None:
    iso = sending()
    iso.reset()
    give(iso, CTS)
    assert (iso.outbox, iso.is_sending, iso.deadline_s) == ([], False, None)


def test_reset_forgets_frames_that_were_not_taken_yet() -> None:
    iso = endpoint()
    iso.send(b"\x3e", 0.0)
    iso.reset()
    assert iso.outbox == []


def test_reset_forgets_the_fault() -> None:
    iso = receiving(CF_20[1])
    iso.reset()
    assert iso.fault is None


@pytest.mark.parametrize("config", [{"padding": 256}, {"block_size": 256}, {"stmin": -1}])
def test_a_config_that_is_no_byte_is_refused(config: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="range"):
        endpoint(**config)


# --- at random, from a printed seed ---


def carry(sender: IsoTp, receiver: IsoTp, pdu: bytes) -> tuple[bytes | None, float]:
    """Join two endpoints in memory, in virtual time, until nothing is under way: the message and the time it took."""
    now_s, message = 0.0, None
    sender.send(pdu, now_s)
    for _ in range(5_000):
        while sender.outbox or receiver.outbox:
            to_receiver, to_sender = sender.outbox[:], receiver.outbox[:]
            sender.outbox.clear()
            receiver.outbox.clear()
            for frame in to_receiver:
                message = receiver.receive(frame, now_s) or message
            for frame in to_sender:
                sender.receive(frame, now_s)
        deadlines_s = [iso.deadline_s for iso in (sender, receiver) if iso.deadline_s is not None]
        if not deadlines_s:
            return message, now_s
        now_s = min(deadlines_s)
        sender.tick(now_s)
        receiver.tick(now_s)
    raise AssertionError("still under way")


@pytest.mark.parametrize("seed", range(60))
def test_any_message_crosses_between_any_two_endpoints(seed: int) -> None:
    rng = random.Random(seed)
    sender = endpoint(padding=rng.choice([None, 0x00, 0xCC]))
    receiver = endpoint(
        padding=rng.choice([None, 0x55]), block_size=rng.choice([0, 1, 2, 15, 255]), stmin=rng.randrange(256)
    )
    pdu = rng.randbytes(rng.choice([rng.randint(1, 20), rng.randint(1, 300), rng.randint(1, 4095)]))
    message, _ = carry(sender, receiver, pdu)
    assert (message, sender.fault, receiver.fault) == (pdu, None, None)


def test_a_message_beyond_4095_bytes_crosses() -> None:
    pdu = random.Random(1).randbytes(70_001)
    message, _ = carry(endpoint(), endpoint(block_size=7, max_length=70_001), pdu)
    assert message == pdu


def test_stmin_sets_the_time_that_a_message_takes() -> None:
    _, took_s = carry(endpoint(), endpoint(block_size=3, stmin=20), bytes(6 + 7 * 10))
    assert took_s == pytest.approx(9 * 0.020)


@pytest.mark.parametrize("seed", range(20))
def test_no_sequence_of_frames_raises(seed: int) -> None:
    rng = random.Random(seed)
    iso, now_s = endpoint(block_size=rng.randrange(4), max_length=200), 0.0
    for _ in range(2_000):
        now_s += rng.choice([0.0, 0.0, 0.001, 0.3])
        size = rng.choice([8, 8, 8, *range(10)])
        pci = rng.choice([0x00, 0x10, 0x20, 0x30, 0xF0]) | rng.randrange(16)
        iso.receive((bytes((pci,)) + rng.randbytes(10))[:size], now_s, is_functional=rng.random() < 0.1)
        if not iso.is_sending and rng.random() < 0.3:
            iso.send(rng.randbytes(rng.randint(1, 60)), now_s)
    assert all(0 < len(frame) <= 8 for frame in iso.outbox)
