"""Prove which waits are shortened once an ECU has shown that they are in vain, and that no answer is lost by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.tester.exchange import MARGIN_S
from harness.tester.reply import ReplyKind
from harness.tester.waits import FEWEST_IN_VAIN

from .desk import Answers, Desk, ScriptedEcu

P2_S = 0.05
READ, OTHER = "22 10 10", "22 20 20"
VALUE = "62 10 10 05"
GARBAGE = "raw 7F 22 31"
LONG = b"\x22" + bytes(20)


def seconds(desk: Desk, act: Callable[[], object]) -> float:
    begun_s = desk.now_s
    act()
    return desk.now_s - begun_s


def ask(desk: Desk, times: int, request: str | bytes = READ) -> float:
    """Send a request so many times; return how many seconds the last one took."""
    took_s = 0.0
    for _ in range(times):
        took_s = seconds(desk, lambda: desk.tester.request(request))
    return took_s


# After a frame that holds no message


def test_whole_p2_is_waited_after_garbage_until_nothing_came_three_times() -> None:
    desk = Desk(ScriptedEcu({READ: GARBAGE}))
    assert ask(desk, FEWEST_IN_VAIN) > P2_S
    assert ask(desk, 1) < P2_S
    assert desk.tester.request(READ).kind is ReplyKind.MALFORMED


def test_a_whole_wait_is_made_again_now_and_then() -> None:
    desk = Desk(ScriptedEcu({READ: GARBAGE}))
    waits = [ask(desk, 1) > P2_S for _ in range(200)]
    assert waits[:FEWEST_IN_VAIN] == [True] * FEWEST_IN_VAIN
    assert 3 <= sum(waits[FEWEST_IN_VAIN:]) <= 8


def test_silence_is_waited_for_in_full_however_much_garbage_came_before() -> None:
    desk = Desk(ScriptedEcu({READ: GARBAGE}))
    ask(desk, 20)
    assert ask(desk, 1, OTHER) > P2_S + MARGIN_S / 2


@pytest.mark.parametrize("late_s", [0.03, P2_S + 0.1], ids=["within P2", "late"])
def test_an_answer_that_follows_garbage_is_never_lost(late_s: float) -> None:
    desk = Desk(ScriptedEcu({READ: [GARBAGE, (late_s, VALUE)], OTHER: GARBAGE}))
    assert desk.tester.request(READ).is_positive
    ask(desk, 20, OTHER)
    assert all(desk.tester.request(READ).is_positive for _ in range(20))


def test_an_ecu_that_begins_to_say_more_is_waited_for_in_full_again() -> None:
    says: list[Answers] = [GARBAGE]
    desk = Desk(ScriptedEcu(lambda pdu: says[0]))
    ask(desk, 20)
    says[0] = [GARBAGE, (0.06, VALUE)]
    kinds = [desk.tester.request(READ).kind for _ in range(20)]
    assert kinds.count(ReplyKind.MALFORMED) <= 3, "as many as fit into the time that the first answer took"
    assert kinds[-10:] == [ReplyKind.POSITIVE] * 10


def test_an_answer_that_is_heard_while_listening_ends_the_shortened_waits() -> None:
    says: list[Answers] = [GARBAGE]
    desk = Desk(ScriptedEcu(lambda pdu: says[0]))
    ask(desk, 10)
    says[0] = [GARBAGE, (0.06, VALUE)]
    desk.tester.request(READ)
    desk.tester.listen(0.2)
    assert desk.tester.request(READ).is_positive


def test_two_frames_of_garbage_are_both_waited_for() -> None:
    desk = Desk(ScriptedEcu({READ: [GARBAGE, (0.04, GARBAGE)]}))
    ask(desk, 10)
    reply = desk.tester.request(READ)
    assert len([frame for frame in reply.frames if not frame.is_sent]) == 2


def test_garbage_that_comes_unasked_hides_no_answer() -> None:
    class Beats(ScriptedEcu):
        """Sends a frame without a message every 100 ms, and answers in 60 ms."""

        def on_frame(self, message: object) -> None:
            if not self.heard:
                self._beat()
            super().on_frame(message)  # type: ignore[arg-type]

        def _beat(self) -> None:
            self.frame(b"\xaa\x55")
            self.port.call_later(0.1, self._beat)

    desk = Desk(Beats({READ: (0.06, VALUE)}))
    ask(desk, 40, OTHER)
    answers = [desk.tester.request(READ).is_positive for _ in range(20)]
    assert answers[1:] == [True] * 19


# After a first frame


class TakesNoLongMessage(ScriptedEcu):
    """Ignores first frames."""

    def on_frame(self, message: object) -> None:
        if message.data[0] >> 4 != 1:  # type: ignore[attr-defined]
            super().on_frame(message)  # type: ignore[arg-type]


class SlowFlowControl(ScriptedEcu):
    """Sends its flow controls late."""

    late_s = 0.3

    def frame(self, data: bytes, **how: object) -> None:
        if data[0] >> 4 == 3:
            self.port.call_later(self.late_s, lambda: super(SlowFlowControl, self).frame(data))
        else:
            super().frame(data)


def test_an_ecu_that_never_sent_a_flow_control_is_not_waited_for_a_second_each_time() -> None:
    desk = Desk(TakesNoLongMessage())
    assert ask(desk, FEWEST_IN_VAIN, LONG) > 1.0
    assert ask(desk, 1, LONG) < 0.5
    reply = desk.tester.request(LONG)
    assert reply.kind is ReplyKind.SILENCE
    assert reply.note == "N_TIMEOUT_Bs"


def test_a_slow_flow_control_is_waited_for_each_time() -> None:
    desk = Desk(SlowFlowControl(lambda pdu: "7F 22 13"))
    assert all(desk.tester.request(LONG).nrc == 0x13 for _ in range(10))


def test_a_flow_control_that_comes_late_restores_the_whole_wait() -> None:
    ecu = SlowFlowControl(lambda pdu: "7F 22 13")
    ecu.late_s = 1.05
    desk = Desk(ecu)
    ask(desk, 8, LONG)
    ecu.late_s = 0.3
    answered = [desk.tester.request(LONG).nrc == 0x13 for _ in range(10)]
    assert all(answered[1:])
