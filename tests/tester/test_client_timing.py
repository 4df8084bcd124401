"""Prove for how long an answer is awaited, what is repeated, and what comes too late to count, in virtual time."""

import can
import pytest

from harness.target import Can, Timing
from harness.tester.ecu_state import MOST_PAUSES_IN_VAIN
from harness.tester.exchange import BUSY_REPEATS
from harness.tester.listening import MOST_ENDLESS, PENDING_LIMIT_S
from harness.tester.reply import ReplyKind
from harness.tester.waits import MARGIN_S

from .bench import Answer, Answers, Bench, ScriptedEcu, bare, leave_unread

P2_S, P2_STAR_S = 0.05, 5.0
READ = "22 10 10"
VALUE = "62 10 10 05"
PENDING = "7F 22 78"
BUSY = "7F 22 21"


class Replays(ScriptedEcu):
    """A node that answers each request with the next of a list, and repeats the last answer at the end."""

    def __init__(self, *turns: list[Answer] | Answer, **ids: int) -> None:
        self.turns = list(turns)
        super().__init__(lambda pdu: self.turns.pop(0) if len(self.turns) > 1 else self.turns[0], **ids)


# P2


def test_answer_within_p2_counts() -> None:
    assert Bench(ScriptedEcu({READ: (P2_S - 0.001, VALUE)})).tester.request(READ).is_positive


def test_silence_is_not_declared_before_p2_is_over() -> None:
    bench = Bench(ScriptedEcu())
    bench.tester.request(READ)
    assert P2_S <= bench.now_s <= P2_S + MARGIN_S + 0.01


def test_declared_p2_is_waited_for() -> None:
    bench = Bench(ScriptedEcu({READ: (1.9, VALUE)}), target=bare(timing=Timing(p2_ms=2000)))
    assert bench.tester.request(READ).is_positive


def test_timeout_of_the_caller_replaces_p2() -> None:
    bench = Bench(ScriptedEcu({READ: (P2_S / 2, VALUE)}))
    assert bench.tester.request(READ, timeout_s=0.01).kind is ReplyKind.SILENCE
    assert bench.now_s == pytest.approx(0.01)


def test_answer_ends_the_waiting() -> None:
    bench = Bench(ScriptedEcu({READ: VALUE}))
    bench.tester.request(READ)
    assert bench.now_s < 0.001


# Response pending


def test_response_pending_is_waited_out() -> None:
    reply = Bench(ScriptedEcu({READ: [PENDING, (P2_STAR_S - 0.1, VALUE)]})).tester.request(READ)
    assert reply.is_positive
    assert [pdu.hex() for pdu in reply.replies] == ["7f2278", "62101005"]


def test_response_pending_is_waited_out_before_a_refusal_too() -> None:
    assert Bench(ScriptedEcu({READ: [PENDING, (3.0, "7F 22 31")]})).tester.request(READ).nrc == 0x31


def test_each_response_pending_extends_the_wait_anew() -> None:
    answers: list[Answer] = [(4.0 * n, PENDING) for n in range(6)]
    assert Bench(ScriptedEcu({READ: [*answers, (24.0, VALUE)]})).tester.request(READ).is_positive


def test_answer_after_p2_star_is_too_late_and_a_note_says_what_was_promised() -> None:
    reply = Bench(ScriptedEcu({READ: [PENDING, (P2_STAR_S + MARGIN_S + 0.1, VALUE)]})).tester.request(READ)
    assert not reply.is_positive
    assert not reply.is_negative
    assert "pending" in reply.note
    assert [pdu.hex() for pdu in reply.replies] == ["7f2278"]


def test_endless_response_pending_ends_after_a_minute_with_a_note() -> None:
    endless: list[Answer] = [(0.01 + n, PENDING) for n in range(300)]
    bench = Bench(ScriptedEcu({READ: endless}))
    reply = bench.tester.request(READ)
    assert not reply.is_positive
    assert not reply.is_negative
    assert PENDING_LIMIT_S == 60.0
    assert PENDING_LIMIT_S <= bench.now_s <= PENDING_LIMIT_S + P2_STAR_S + 1.0
    assert "pending" in reply.note
    assert "pending" in str(reply)


def test_endless_response_pending_is_not_given_another_minute_each_time() -> None:
    def endless(pdu: bytes) -> list[Answer]:
        return [(0.01 + n, PENDING) for n in range(300)] if pdu.hex() == "221010" else ["7e 00"]

    bench = Bench(ScriptedEcu(endless))
    for _ in range(20):
        assert bench.tester.request(READ).is_silence
    assert bench.now_s < 2 * PENDING_LIMIT_S + 20 * MARGIN_S
    assert bench.tester.request("3E 00").is_positive, "other services are believed as before"


def test_response_pending_of_another_service_extends_nothing() -> None:
    bench = Bench(ScriptedEcu({READ: ["7F 2E 78", (1.0, VALUE)]}))
    assert bench.tester.request(READ).kind is ReplyKind.MALFORMED


@pytest.mark.parametrize("answer", ["7F 2E 78", "62 20 78"])
def test_note_on_response_pending_speaks_of_nothing_else(answer: str) -> None:
    assert "pending" not in Bench(ScriptedEcu({READ: answer})).tester.request(READ).note


def test_suppressed_positive_response_is_due_all_the_same_after_response_pending() -> None:
    reply = Bench(ScriptedEcu({"3E 80": ["7F 3E 78", (2.0, "7E 00")]})).tester.request("3E 80")
    assert reply.is_positive


# busyRepeatRequest


def test_busy_ecu_is_asked_again() -> None:
    ecu = Replays(BUSY, BUSY, VALUE)
    assert Bench(ecu).tester.request(READ).is_positive
    assert ecu.heard == ["221010"] * 3


def test_busy_ecu_is_given_time() -> None:
    bench = Bench(Replays(BUSY, VALUE))
    bench.tester.request(READ)
    assert bench.now_s > 0.05


def test_ecu_that_stays_busy_is_asked_again_five_times() -> None:
    ecu = Replays(BUSY)
    reply = Bench(ecu).tester.request(READ)
    assert BUSY_REPEATS == 5
    assert len(ecu.heard) == 1 + 5
    assert reply.is_refused_with(0x21)


def test_other_refusals_are_not_asked_again() -> None:
    ecu = Replays("7F 22 22")
    Bench(ecu).tester.request(READ)
    assert len(ecu.heard) == 1


# Late and stale answers


def test_late_answer_is_silence_and_does_not_answer_the_next_request() -> None:
    bench = Bench(Replays((0.3, "62 10 10 01"), (0.15, "62 10 10 02")))
    assert bench.tester.request(READ).kind is ReplyKind.SILENCE
    bench.tester.wait(0.2)
    assert bench.tester.request(READ).pdu.hex() == "62101002"


def test_answer_that_waits_unread_does_not_answer_the_next_request() -> None:
    ecu = Replays([(0.0001, "62 10 10 01"), (0.01, "62 10 10 09")], "62 10 10 02")
    bench = Bench(ecu)
    assert bench.tester.request(READ).pdu.hex() == "62101001"
    leave_unread(bench.link, 0.1)
    assert bench.tester.request(READ).pdu.hex() == "62101002"


def test_answer_in_flight_when_the_next_request_is_made_does_not_answer_it() -> None:
    """The answer is on the bus before our own frame, and so cannot answer that frame."""
    late_s = P2_S + MARGIN_S - 0.0001
    bench = Bench(Replays((late_s - 0.00022, "62 10 10 01"), (0.001, "62 10 10 02")))
    assert bench.tester.request(READ).kind is ReplyKind.SILENCE
    assert bench.tester.request(READ).pdu.hex() == "62101002"


def test_second_answer_that_passes_before_our_frame_does_not_answer_it() -> None:
    """An ECU whose id wins arbitration sends its second answer before our next request is on the bus."""
    ids = {"request_id": 0x748, "response_id": 0x740}
    bench = Bench(
        Replays(["62 10 10 01", "62 10 10 09"], (0.001, "62 10 10 02"), **ids),
        target=bare(can=Can(interface="uds-sim", channel="bench", **ids)),
    )
    assert bench.tester.request(READ).pdu.hex() == "62101001"
    assert bench.tester.request(READ).pdu.hex() == "62101002"


def test_first_of_two_answers_counts() -> None:
    assert Bench(ScriptedEcu({READ: [VALUE, "7F 22 31"]})).tester.request(READ).is_positive


def test_second_of_two_answers_does_not_answer_another_request() -> None:
    bench = Bench(ScriptedEcu({READ: [VALUE, VALUE], "22 20 20": "62 20 20 06", "2E 10 10 07": ["7F 2E 33", "6E 10 10"]}))
    bench.tester.request(READ)
    assert bench.tester.request("22 20 20").pdu.hex() == "62202006"
    assert bench.tester.request("2E 10 10 07").nrc == 0x33
    assert bench.tester.request("22 20 20").pdu.hex() == "62202006"


def test_an_ecu_that_answers_everything_twice_is_understood() -> None:
    """Once the double answers were seen, each later request first waits for copies."""
    counts: dict[bytes, int] = {}

    def twice(pdu: bytes) -> list[Answer]:
        counts[pdu] = counts.get(pdu, 0) + 1
        answer = f"62 {pdu[1:].hex()} {counts[pdu]:02X}" if pdu[0] == 0x22 else f"{pdu[0] + 0x40:02X} {pdu[1:].hex()}"
        return [answer, answer]

    tester = Bench(ScriptedEcu(twice)).tester
    tester.request(READ)
    tester.request("3E 00")
    for number in range(2, 6):
        assert tester.request(READ).pdu == bytes((0x62, 0x10, 0x10, number))


@pytest.mark.parametrize("answer", [VALUE, "7F 22 31"])
def test_copy_of_the_last_answer_shows_that_the_ecu_answers_twice(answer: str) -> None:
    tester = Bench(ScriptedEcu({READ: [answer, answer], "3E 00": "7E 00"})).tester
    tester.request(READ)
    assert tester.request("3E 00").is_positive
    assert tester.state.quiet_s > 0


@pytest.mark.parametrize("stray", ["51 01", "7F 11 31", "7F", "raw 70"])
def test_other_strays_show_nothing_of_the_kind(stray: str) -> None:
    tester = Bench(ScriptedEcu({READ: VALUE, "3E 00": [stray, "7E 00"]})).tester
    tester.request(READ)
    assert tester.request("3E 00").is_positive
    assert tester.state.quiet_s == 0.0


def test_an_ecu_that_was_late_once_is_not_waited_for_copies_for_ever() -> None:
    late: list[Answers] = [(P2_S + MARGIN_S + 0.02, "62 20 20 01")]
    ecu = ScriptedEcu(lambda pdu: late.pop() if late else (0.03, "62 10 10 05"))
    bench = Bench(ecu)
    bench.tester.request("22 20 20")
    bench.tester.request("22 10 10")
    assert bench.tester.state.quiet_s > 0
    for _ in range(MOST_PAUSES_IN_VAIN):
        assert bench.tester.request("22 10 10").is_positive
    assert bench.tester.state.quiet_s == 0


def test_raw_frames_too_are_sent_when_copies_have_passed() -> None:
    tester = Bench(ScriptedEcu({READ: [VALUE, VALUE], "3E 00": ["7E 00", (0.01, "7E 00")]})).tester
    tester.request(READ)
    tester.request("3E 00")
    tester.request("3E 00")
    assert [frame.data.hex() for frame in tester.raw(b"\x03\x22\x10\x10").answers] == ["0462101005000000"] * 2


def test_an_ecu_that_answers_once_is_not_waited_for() -> None:
    bench = Bench(ScriptedEcu({READ: VALUE, "3E 00": "7E 00"}))
    for _ in range(50):
        bench.tester.request(READ)
        bench.tester.request("3E 00")
    assert bench.now_s < 0.1


def test_half_a_message_from_before_a_request_is_forgotten() -> None:
    """The first frame came too late, so the frames after it belong to no present request."""
    first = "raw 10 0A 62 10 10 01 02 03"
    bench = Bench(Replays([(0.3, first), (0.42, "raw 21 04 05 06 07 00 00 00")], (0.1, VALUE)))
    assert bench.tester.request(READ).kind is ReplyKind.SILENCE
    bench.tester.wait(0.15)
    assert bench.tester.request(READ).pdu.hex() == "62101005"


# An ECU that does not stop


class Floods(ScriptedEcu):
    """A node that, once it is sent a frame, sends frames for twenty minutes."""

    def __init__(self, field: str, interval_s: float) -> None:
        super().__init__()
        self.field, self.interval_s, self.until_s = bytes.fromhex(field), interval_s, 0.0

    def on_frame(self, message: can.Message) -> None:
        if not self.until_s:
            self.until_s = self.port.now_s + 1200.0
            self._next()

    def _next(self) -> None:
        self.frame(self.field)
        if self.port.now_s < self.until_s:
            self.port.call_later(self.interval_s, self._next)


@pytest.mark.parametrize(
    ("field", "interval_s"),
    [
        pytest.param("7F 22 31", 0.1, id="junk"),
        pytest.param("03 7F 2E 31", 0.1, id="messages"),
        pytest.param("03 7F 22 78", 1.0, id="response pending"),
        pytest.param("21 00 00 00 00 00 00 00", 0.1, id="consecutive frames"),
        pytest.param("10 14 62 10 10 00 00 00", 0.5, id="first frames"),
        pytest.param("31 00 00", 0.1, id="flow control"),
    ],
)
def test_an_ecu_that_never_stops_sending_does_not_hold_a_request_up(field: str, interval_s: float) -> None:
    bench = Bench(Floods(field, interval_s))
    reply = bench.tester.request(READ)
    assert reply.kind is (ReplyKind.SILENCE if field == "03 7F 22 78" else ReplyKind.MALFORMED)
    assert bench.now_s < PENDING_LIMIT_S + P2_STAR_S + 2.0


def test_an_ecu_that_says_wait_for_ever_does_not_hold_a_request_up() -> None:
    bench = Bench(Floods("31 00 00", 0.5))
    reply = bench.tester.request(b"\x22" + bytes(20))
    assert bench.now_s < PENDING_LIMIT_S
    assert reply.note == "N_WFT_OVRN"


def test_foreign_frames_do_not_hold_a_request_up() -> None:
    class Talks(Floods):
        def frame(self, data: bytes, **how: object) -> None:
            super().frame(data, can_id=0x123)

    bench = Bench(Talks("11 22 33 44 55 66 77 88", 0.001))
    assert bench.tester.request(READ).kind is ReplyKind.SILENCE
    assert bench.now_s < 1.0


# Announced, and nobody waited for it


class OneAfterTheOther(ScriptedEcu):
    """An ECU that takes 3 s for each request after 0x78; requests that come meanwhile wait for their turn."""

    free_s = 0.0

    def answers(self, pdu: bytes) -> Answers:
        now_s = self.port.now_s
        begin_s = max(now_s, self.free_s)
        self.free_s = begin_s + 3.0
        pending = (begin_s - now_s, f"7f {pdu[0]:02x} 78")
        return [pending, (self.free_s - now_s, (bytes((pdu[0] + 0x40,)) + pdu[1:] + b"\x05").hex())]


def test_request_waits_for_the_final_answer_to_a_raw_frame() -> None:
    tester = Bench(OneAfterTheOther()).tester
    tester.raw(b"\x03\x22\x10\x10")
    assert tester.request("31 03 02 03").is_positive
    assert tester.link.now_s == pytest.approx(6.0, abs=0.1)


def test_final_answer_that_never_comes_is_waited_for_no_longer_than_p2_star() -> None:
    bench = Bench(ScriptedEcu({READ: PENDING, "31 03 02 03": "71 03 02 03"}))
    bench.tester.raw(b"\x03\x22\x10\x10")
    assert bench.tester.request("31 03 02 03").is_positive
    assert bench.now_s == pytest.approx(P2_STAR_S + MARGIN_S, abs=0.5)


def test_final_answer_that_never_comes_is_not_waited_for_again_and_again() -> None:
    bench = Bench(ScriptedEcu({READ: PENDING, "31 03 02 03": "71 03 02 03"}))
    for _ in range(MOST_ENDLESS + 3):
        begun_s = bench.now_s
        bench.tester.raw(b"\x03\x22\x10\x10")
        assert bench.tester.request("31 03 02 03").is_positive
    assert bench.now_s - begun_s < 0.5


def test_answer_to_what_was_asked_in_vain_while_another_was_pending_is_taken_in() -> None:
    tester = Bench(OneAfterTheOther()).tester
    with tester.while_pending(b"\x22\x10\x10") as is_pending:
        assert is_pending
        assert tester.request("31 03 02 03").is_silence
    assert tester.request("2e 10 10").is_positive
    assert tester.link.now_s == pytest.approx(9.0, abs=0.2)
