"""Prove which waits are shortened once an ECU has shown that they are in vain, and that no answer is lost by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.errors import Inconclusive
from harness.tester.exchange import MARGIN_S
from harness.tester.reply import ReplyKind
from harness.tester.waits import FEWEST_IN_VAIN

from .bench import Answers, Bench, ScriptedEcu

P2_S = 0.05
READ, OTHER = "22 10 10", "22 20 20"
VALUE = "62 10 10 05"
GARBAGE = "raw 7F 22 31"
LONG = b"\x22" + bytes(20)


def seconds(bench: Bench, act: Callable[[], object]) -> float:
    begun_s = bench.now_s
    act()
    return bench.now_s - begun_s


def ask(bench: Bench, times: int, request: str | bytes = READ) -> float:
    """Send a request so many times; return how many seconds the last one took."""
    took_s = 0.0
    for _ in range(times):
        took_s = seconds(bench, lambda: bench.tester.request(request))
    return took_s


# After a frame that holds no message


def test_whole_p2_is_waited_after_garbage_until_nothing_came_three_times() -> None:
    bench = Bench(ScriptedEcu({READ: GARBAGE}))
    assert ask(bench, FEWEST_IN_VAIN) > P2_S
    assert ask(bench, 1) < P2_S
    assert bench.tester.request(READ).kind is ReplyKind.MALFORMED


def test_a_whole_wait_is_made_again_now_and_then() -> None:
    bench = Bench(ScriptedEcu({READ: GARBAGE}))
    waits = [ask(bench, 1) > P2_S for _ in range(200)]
    assert waits[:FEWEST_IN_VAIN] == [True] * FEWEST_IN_VAIN
    assert 3 <= sum(waits[FEWEST_IN_VAIN:]) <= 8


def test_silence_is_waited_for_in_full_however_much_garbage_came_before() -> None:
    bench = Bench(ScriptedEcu({READ: GARBAGE}))
    ask(bench, 20)
    assert ask(bench, 1, OTHER) > P2_S + MARGIN_S / 2


@pytest.mark.parametrize("late_s", [0.03, P2_S + 0.1], ids=["within P2", "late"])
def test_an_answer_that_follows_garbage_is_never_lost(late_s: float) -> None:
    bench = Bench(ScriptedEcu({READ: [GARBAGE, (late_s, VALUE)], OTHER: GARBAGE}))
    assert bench.tester.request(READ).is_positive
    ask(bench, 20, OTHER)
    assert all(bench.tester.request(READ).is_positive for _ in range(20))


def test_an_ecu_that_begins_to_say_more_is_waited_for_in_full_again() -> None:
    says: list[Answers] = [GARBAGE]
    bench = Bench(ScriptedEcu(lambda pdu: says[0]))
    ask(bench, 20)
    says[0] = [GARBAGE, (0.06, VALUE)]
    kinds = [bench.tester.request(READ).kind for _ in range(20)]
    assert kinds.count(ReplyKind.MALFORMED) <= 3, "as many as fit into the time that the first answer took"
    assert kinds[-10:] == [ReplyKind.POSITIVE] * 10


def test_an_answer_that_is_heard_while_listening_ends_the_shortened_waits() -> None:
    says: list[Answers] = [GARBAGE]
    bench = Bench(ScriptedEcu(lambda pdu: says[0]))
    ask(bench, 10)
    says[0] = [GARBAGE, (0.06, VALUE)]
    bench.tester.request(READ)
    bench.tester.listen(0.2)
    assert bench.tester.request(READ).is_positive


def test_two_frames_of_garbage_are_both_waited_for() -> None:
    bench = Bench(ScriptedEcu({READ: [GARBAGE, (0.04, GARBAGE)]}))
    ask(bench, 10)
    reply = bench.tester.request(READ)
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

    bench = Bench(Beats({READ: (0.06, VALUE)}))
    ask(bench, 40, OTHER)
    answers = [bench.tester.request(READ).is_positive for _ in range(20)]
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
    bench = Bench(TakesNoLongMessage())
    assert ask(bench, FEWEST_IN_VAIN, LONG) > 1.0
    assert ask(bench, 1, LONG) < 0.5
    reply = bench.tester.request(LONG)
    assert reply.kind is ReplyKind.SILENCE
    assert reply.note == "N_TIMEOUT_Bs"


def test_a_slow_flow_control_is_waited_for_each_time() -> None:
    bench = Bench(SlowFlowControl(lambda pdu: "7F 22 13"))
    assert all(bench.tester.request(LONG).nrc == 0x13 for _ in range(10))


def test_a_flow_control_that_comes_late_restores_the_whole_wait() -> None:
    ecu = SlowFlowControl(lambda pdu: "7F 22 13")
    ecu.late_s = 1.05
    bench = Bench(ecu)
    ask(bench, 8, LONG)
    ecu.late_s = 0.3
    answered = [bench.tester.request(LONG).nrc == 0x13 for _ in range(10)]
    assert all(answered[1:])


# Quietness


def test_an_ecu_that_was_quiet_is_not_listened_to_again() -> None:
    bench = Bench(ScriptedEcu({READ: VALUE}))
    assert seconds(bench, lambda: bench.tester.require_quiet(3.0)) > 3.0
    bench.tester.request(READ)
    assert seconds(bench, lambda: bench.tester.require_quiet(3.0)) < 0.5


def test_an_ecu_that_was_quiet_for_a_moment_is_listened_to_for_longer() -> None:
    bench = Bench(ScriptedEcu())
    bench.tester.require_quiet()
    assert seconds(bench, lambda: bench.tester.require_quiet(3.0)) > 3.0


def test_an_ecu_that_was_heard_unasked_is_listened_to_again() -> None:
    ecu = ScriptedEcu({READ: VALUE, OTHER: ["62 20 20 01", (0.05, "62 20 20 01")]})
    bench = Bench(ecu)
    bench.tester.require_quiet(3.0)
    bench.tester.request(OTHER)
    bench.tester.wait(0.3)
    assert seconds(bench, lambda: bench.tester.require_quiet(3.0)) > 3.0


def test_an_ecu_that_begins_to_send_unasked_is_not_taken_for_quiet() -> None:
    class Begins(ScriptedEcu):
        def begin(self) -> None:
            self.frame(b"\x03\x7f\x22\x31")
            self.port.call_later(1.0, self.begin)

    ecu = Begins({READ: VALUE})
    bench = Bench(ecu)
    bench.tester.require_quiet(3.0)
    ecu.begin()
    bench.tester.request(READ)
    with pytest.raises(Inconclusive, match="unasked"):
        bench.tester.require_quiet(3.0)
