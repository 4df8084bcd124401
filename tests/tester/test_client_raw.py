"""Prove what is sent as raw frames, and what is received without a request."""

from dataclasses import replace

import can
import pytest

from harness.errors import Inconclusive
from harness.link.frame import Frame
from harness.target import Can

from .bench import REQUEST_ID, RESPONSE_ID, Bench, OtherTalker, ScriptedEcu, Talker, bare, leave_unread

READ = "22 10 10"
VALUE = "62 10 10 05"


# Raw frames


def test_raw_frames_go_out_as_they_are_and_back_to_back() -> None:
    bench = Bench(ScriptedEcu())
    reply = bench.tester.raw(b"\x03\x22\x10", b"", b"\x21\x01")
    assert [frame.text() for frame in bench.sent()] == ["740#032210", "740#", "740#2101"]
    assert reply.answers == ()
    assert str(reply) == "silence"


def test_raw_answers_are_the_frames_of_the_response_id() -> None:
    noise = ScriptedEcu({READ: "62 10 10 09"}, response_id=RESPONSE_ID + 1)
    bench = Bench(ScriptedEcu({READ: [VALUE, "raw 70 01"]}), noise)
    reply = bench.tester.raw(b"\x03\x22\x10\x10")
    assert [frame.data.hex() for frame in reply.answers] == ["0462101005000000", "7001"]
    assert "748#0462101005000000" in str(reply)


@pytest.mark.parametrize(("extended_ids", "is_heard"), [(False, False), (True, True), ("any", True)])
def test_raw_answers_are_in_the_format_that_the_target_declares(extended_ids: bool, is_heard: bool) -> None:
    link = Can(interface="uds-sim", channel="bench", request_id=0x740, response_id=0x748, extended_ids=extended_ids)
    bench = Bench(ScriptedEcu({READ: VALUE}, is_extended=True), target=bare(can=link))
    assert bool(bench.tester.raw(b"\x03\x22\x10\x10").answers) is is_heard


def test_raw_frames_are_listened_to_for_as_long_as_the_caller_says() -> None:
    tester = Bench(ScriptedEcu({READ: (0.5, VALUE)})).tester
    assert tester.raw(b"\x03\x22\x10\x10", listen_s=0.4).answers == ()
    tester.wait(1.0)
    assert len(tester.raw(b"\x03\x22\x10\x10", listen_s=0.6).answers) == 1


def test_a_classic_frame_of_more_than_eight_bytes_is_not_sent() -> None:
    bench = Bench(ScriptedEcu())
    with pytest.raises(Inconclusive, match="hold 8 bytes, and these hold more"):
        bench.tester.raw(bytes(9))
    assert bench.sent() == []


def test_raw_remote_frame_is_one() -> None:
    bench = Bench(ScriptedEcu())
    bench.tester.raw(b"", is_remote=True)
    assert [frame.is_remote for frame in bench.sent()] == [True]


FD = Can(interface="uds-sim", channel="bench", request_id=0x740, response_id=0x748, functional_id=0x7DF, fd=True)


def test_raw_frames_are_of_the_targets_kind() -> None:
    bench = Bench(ScriptedEcu(), target=bare(can=FD))
    bench.tester.raw(b"\x02\x3e\x00")
    bench.tester.raw(b"", is_remote=True)
    assert [frame.text() for frame in bench.sent()] == ["740##0023E00", "740#R0"]


def test_data_goes_at_the_higher_bit_rate_where_one_is_declared() -> None:
    bench = Bench(ScriptedEcu(), target=bare(can=replace(FD, data_bitrate=2_000_000)))
    bench.tester.request(b"\x22\x10\x10")
    assert bench.sent()[0].text() == "740##10322101000000000"


def test_long_requests_go_out_in_long_frames() -> None:
    bench = Bench(ScriptedEcu(), target=bare(can=FD))
    bench.tester.request(b"\x22" + bytes(20))
    assert bench.sent()[0].text() == "740##0001522" + 21 * "00"


def test_functional_request_is_one_frame_of_the_targets_kind() -> None:
    bench = Bench(ScriptedEcu(), target=bare(can=FD))
    bench.tester.request(b"\x22" + bytes(61), is_functional=True)
    assert len(bench.sent()[0].data) == 64
    with pytest.raises(ValueError, match="at most 62 bytes, not 63"):
        bench.tester.request(b"\x22" + bytes(62), is_functional=True)


def test_raw_frames_may_have_other_ids() -> None:
    bench = Bench(ScriptedEcu())
    bench.tester.raw_frames([Frame(0x740, b"\x02\x3e\x00", is_extended=True)])
    assert [frame.text() for frame in bench.sent()] == ["00000740#023E00"]


# Listening


def test_waiting_lets_exactly_that_time_pass() -> None:
    bench = Bench(ScriptedEcu())
    bench.tester.wait(12.5)
    assert bench.now_s == pytest.approx(12.5)


def test_listening_hears_the_response_id_only() -> None:
    assert len(Bench(Talker()).tester.listen(0.105)) == pytest.approx(11, abs=1)
    assert Bench(OtherTalker()).tester.listen(0.105) == ()


def test_quiet_is_required_of_the_response_id_only() -> None:
    with pytest.raises(Inconclusive, match="unasked: 748#55"):
        Bench(Talker()).tester.require_quiet()
    Bench(OtherTalker()).tester.require_quiet()


def test_answers_that_are_late_are_no_unasked_frames() -> None:
    bench = Bench(ScriptedEcu({READ: [VALUE, "7F 22 31"]}))
    bench.tester.request(READ)
    leave_unread(bench.link, 0.1)
    bench.tester.require_quiet()


class OtherTester(ScriptedEcu):
    """Another tester, which sends a request on the same ids a moment after each frame of ours."""

    def on_frame(self, message: can.Message) -> None:
        if message.arbitration_id == REQUEST_ID and bytes(message.data)[:1] != b"\x03":
            self.port.call_later(0.01, lambda: self.frame(bytes.fromhex("03 22 10 10"), can_id=REQUEST_ID))


def test_answer_to_another_testers_request_is_no_answer_to_raw_frames() -> None:
    bench = Bench(ScriptedEcu({READ: VALUE}), OtherTester())
    reply = bench.tester.raw(b"\x40\x22\x10\x10")
    assert reply.answers == ()
    assert bench.tester.has_answered, "it lives all the same"


def test_answer_to_what_we_asked_is_ours_though_another_tester_asks_too() -> None:
    bench = Bench(ScriptedEcu({READ: VALUE, "3E 00": "7E 00"}), OtherTester())
    assert [frame.text() for frame in bench.tester.raw(b"\x02\x3e\x00").answers] == ["748#027E000000000000"]
