"""Prove requests and answers of every form: long, suppressed, functional, and given as packets."""

import can
import pytest

from harness.errors import NotPermitted, Unjudged
from harness.target import Can
from harness.tester.reply import ReplyKind

from .bench import FUNCTIONAL_ID, Answer, Bench, ScriptedEcu, allowing, bare

READ = "22 10 10"
VALUE = "62 10 10 05"


def with_padding(padding: int | None) -> Can:
    return Can(interface="uds-sim", channel="bench", request_id=0x740, response_id=0x748, padding=padding)


# Notations


@pytest.mark.parametrize("request_", ["22 10 10", "221010", b"\x22\x10\x10", bytearray(b"\x22\x10\x10")])
def test_request_is_given_as_hex_or_bytes(request_: str | bytes | bytearray) -> None:
    bench = Bench(ScriptedEcu({READ: VALUE}))
    reply = bench.tester.request(request_)
    assert reply.is_positive
    assert reply.request == b"\x22\x10\x10"
    assert [frame.text() for frame in bench.sent()] == ["740#0322101000000000"]


def test_request_is_given_as_a_scapy_packet() -> None:
    from scapy.contrib.automotive.uds import UDS, UDS_RDBI

    bench = Bench(ScriptedEcu({READ: VALUE}))
    reply = bench.tester.request(UDS() / UDS_RDBI(identifiers=[0x1010]))
    assert reply.is_positive
    assert [frame.text() for frame in bench.sent()] == ["740#0322101000000000"]


def test_reply_is_shown_as_a_scapy_packet() -> None:
    from scapy.contrib.automotive.uds import UDS, UDS_NR, UDS_RDBIPR

    tester = Bench(ScriptedEcu({READ: VALUE, "2E 10 10 05": "7F 2E 33"})).tester
    positive_packet = tester.request(READ).packet
    assert isinstance(positive_packet, UDS)
    assert positive_packet[UDS_RDBIPR].dataIdentifier == 0x1010
    assert bytes(positive_packet) == bytes.fromhex(VALUE)
    assert tester.request("2E 10 10 05").packet[UDS_NR].negativeResponseCode == 0x33


def test_a_packet_is_classed_by_the_safety_gate_like_its_bytes() -> None:
    from scapy.contrib.automotive.uds import UDS, UDS_ER

    bench = Bench(ScriptedEcu(), target=allowing("write"))
    with pytest.raises(NotPermitted, match="reset"):
        bench.tester.request(UDS() / UDS_ER(resetType=1))
    assert bench.sent() == []


# Frames


def test_single_frame_is_padded_as_declared() -> None:
    bench = Bench(ScriptedEcu(), target=bare(can=with_padding(0xCC)))
    bench.tester.request("3E 00")
    assert [frame.text() for frame in bench.sent()] == ["740#023E00CCCCCCCCCC"]


def test_single_frame_without_padding_is_short() -> None:
    bench = Bench(ScriptedEcu(), target=bare(can=with_padding(None)))
    bench.tester.request("3E 00")
    assert [frame.text() for frame in bench.sent()] == ["740#023E00"]


class RawEcu(ScriptedEcu):
    """An ECU that answers the n-th frame with the n-th list of data fields, whatever the frame holds."""

    def __init__(self, *turns: list[str]) -> None:
        super().__init__()
        self.turns = list(turns)

    def on_frame(self, message: can.Message) -> None:
        if message.arbitration_id == self.request_id and self.turns:
            for field in self.turns.pop(0):
                self.frame(bytes.fromhex(field))


def test_long_request_is_segmented_after_flow_control() -> None:
    bench = Bench(RawEcu(["30 00 00"], [], ["03 6E 10 10"]))
    assert bench.tester.request("2E 10 10 01 02 03 04 05 06 07 08 09 0A 0B").is_positive
    assert [frame.data.hex() for frame in bench.sent()] == [
        "100e2e1010010203",
        "210405060708090a",
        "220b000000000000",
    ]


def test_long_answer_is_granted_and_put_together() -> None:
    bench = Bench(RawEcu(["10 0C 62 10 10 01 02 03"], ["21 04 05 06 07 08 09 00"]))
    reply = bench.tester.request(READ)
    assert reply.is_positive
    assert reply.pdu.hex() == "621010010203040506070809"
    assert [frame.data.hex() for frame in bench.sent()] == ["0322101000000000", "3000000000000000"]


@pytest.mark.parametrize("length", [8, 100, 4095])
def test_messages_of_any_length_cross_both_ways(length: int) -> None:
    value = bytes(n % 251 for n in range(length - 3))
    ecu = ScriptedEcu(lambda pdu: "6E 10 10" if pdu[0] == 0x2E else f"62 10 10 {value.hex()}")
    bench = Bench(ecu)
    assert bench.tester.write(0x1010, value).is_positive
    assert ecu.heard == [f"2e1010{value.hex()}"]
    assert bench.tester.read(0x1010) == value


def test_long_answer_that_begins_in_time_may_take_its_time() -> None:
    frames: list[Answer] = [
        "raw 10 14 62 10 10 01 02 03",
        (0.4, "raw 21 04 05 06 07 08 09 0A"),
        (0.8, "raw 22 0B 0C 0D 0E 0F 10 11"),
    ]
    assert Bench(ScriptedEcu({READ: frames})).tester.request(READ).pdu.hex() == "621010" + bytes(range(1, 18)).hex()


def test_long_answer_with_a_gap_is_malformed() -> None:
    bench = Bench(RawEcu(["10 14 62 10 10 01 02 03"], ["21 04 05 06 07 08 09 0A", "23 0B 0C 0D 0E 0F 10 11"]))
    assert bench.tester.request(READ).kind is ReplyKind.MALFORMED


def test_long_answer_that_stops_is_malformed() -> None:
    bench = Bench(RawEcu(["10 14 62 10 10 01 02 03"], ["21 04 05 06 07 08 09 0A"]))
    assert bench.tester.request(READ).kind is ReplyKind.MALFORMED
    assert bench.now_s < 2.0


def test_long_request_that_is_not_granted_says_why_there_was_no_answer() -> None:
    reply = Bench(RawEcu()).tester.request("2E 10 10 01 02 03 04 05 06")
    assert reply.kind is ReplyKind.SILENCE
    assert reply.note == "N_TIMEOUT_Bs"


def test_message_that_comes_in_place_of_flow_control_is_kept() -> None:
    """`Reply.replies` has every message that arrived; an ECU that knows no flow control may refuse a first frame in this
    way.
    """
    reply = Bench(RawEcu(["03 7F 2E 13"])).tester.request("2E 10 10 01 02 03 04 05 06")
    assert [pdu.hex() for pdu in reply.replies] == ["7f2e13"]


def test_stray_message_does_not_end_the_transmission_of_a_long_request() -> None:
    """ISO-TP is full duplex: e.g. a late copy of the last answer says nothing of the present request."""
    bench = Bench(RawEcu(["04 62 10 10 05", "30 00 00"], ["03 6E 10 10"]))
    assert bench.tester.request("2E 10 10 01 02 03 04 05 06").is_positive
    assert [frame.data.hex() for frame in bench.sent()] == ["10092e1010010203", "2104050600000000"]


@pytest.mark.parametrize("field", ["7F 10 31", "00", "21 00 00 00 00 00 00 00"])
def test_garbage_in_place_of_flow_control_is_malformed_and_no_silence(field: str) -> None:
    """The article answers a first frame with bytes whose protocol control is reserved."""
    reply = Bench(RawEcu([field])).tester.request("2E 10 10 01 02 03 04 05 06")
    assert reply.kind is ReplyKind.MALFORMED


def test_flow_control_that_was_asked_for_is_no_garbage() -> None:
    """`Reply.is_silence` is true if no answer came, and nothing that could have been meant as one."""
    reply = Bench(RawEcu(["30 00 00"])).tester.request("2E 10 10 01 02 03 04 05 06")
    assert reply.kind is ReplyKind.SILENCE


def test_request_after_an_interrupted_transmission_goes_out() -> None:
    """After Ctrl-C in the middle of a long request, the ECU is to be restored as far as it answers."""

    class Interrupted(ScriptedEcu):
        def on_frame(self, message: can.Message) -> None:
            if message.data[0] == 0x10:
                raise KeyboardInterrupt
            super().on_frame(message)

    bench = Bench(Interrupted({READ: VALUE}))
    with pytest.raises(KeyboardInterrupt):
        bench.tester.request("2E 10 10 01 02 03 04 05 06")
    assert bench.tester.request(READ).is_positive


# Suppressed positive responses


def test_suppressed_positive_response_is_silence() -> None:
    ecu = ScriptedEcu({"3E 80": []})
    assert Bench(ecu).tester.request("3E 80").kind is ReplyKind.SILENCE
    assert ecu.heard == ["3e80"]


def test_refusal_of_a_suppressed_request_is_read() -> None:
    assert Bench(ScriptedEcu({"10 84": "7F 10 12"})).tester.request("10 84").is_refused_with(0x12)


# Functional addressing


def test_functional_request_goes_to_the_functional_id() -> None:
    bench = Bench(ScriptedEcu({"3E 00": "7E 00"}))
    assert bench.tester.request("3E 00", is_functional=True).is_positive
    assert [frame.text() for frame in bench.sent()] == [f"{FUNCTIONAL_ID:03X}#023E000000000000"]


def test_long_answer_to_a_functional_request_is_granted_on_the_physical_id() -> None:
    bench = Bench(ScriptedEcu({"22 F1 90": "62 F1 90" + " 41" * 17}))
    assert bench.tester.request("22 F1 90", is_functional=True).is_positive
    assert [frame.can_id for frame in bench.sent()] == [FUNCTIONAL_ID, 0x740]


def test_functional_request_of_several_frames_is_refused() -> None:
    bench = Bench(ScriptedEcu())
    with pytest.raises(ValueError, match="at most 7 bytes"):
        bench.tester.request(b"\x22" + bytes(7), is_functional=True)
    assert bench.sent() == []


def test_functional_request_to_a_target_without_such_an_id_is_no_failure_of_the_ecu() -> None:
    """An AssertionError is how a check fails the ECU; it must not stand for what the target does not declare."""
    link = Can(interface="uds-sim", channel="bench", request_id=0x740, response_id=0x748)
    with pytest.raises(Unjudged):
        Bench(ScriptedEcu(), target=bare(can=link)).tester.request("3E 00", is_functional=True)
    with pytest.raises(Unjudged):
        Bench(ScriptedEcu(), target=bare(can=link)).tester.raw(b"\x02\x3e\x00", is_functional=True)
