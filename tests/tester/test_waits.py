"""Prove which waits are shortened once an ECU has shown that they are in vain, and that no answer is lost by that."""

from collections.abc import Callable

import pytest

from harness.errors import Inconclusive
from harness.tester.reply import ReplyKind
from harness.tester.waits import (
    FEWEST_IN_VAIN,
    GRACE_S,
    LEAST_GRACE_S,
    LONG_SINCE,
    MARGIN_S,
    PUNCTUAL_AFTER,
    QUICK_AGAIN,
    Waits,
)

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
    """Send a request so many times; return how many seconds the last exchange took."""
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


def test_waits_that_the_caller_has_shortened_are_no_controls() -> None:
    bench = Bench(ScriptedEcu({READ: GARBAGE}))
    ask(bench, FEWEST_IN_VAIN)
    short = [seconds(bench, lambda: bench.tester.request(READ, timeout_s=0.04)) for _ in range(500)]
    assert max(short) < 0.03
    assert ask(bench, 1) < P2_S


def test_two_frames_of_garbage_are_both_waited_for() -> None:
    bench = Bench(ScriptedEcu({READ: [GARBAGE, (0.04, GARBAGE)]}))
    ask(bench, 10)
    reply = bench.tester.request(READ)
    assert len([frame for frame in reply.frames if not frame.is_sent]) == 2


@pytest.mark.parametrize(("usual_s", "grace_s"), [(0.001, LEAST_GRACE_S), (0.004, 0.016), (0.03, GRACE_S)])
def test_more_is_awaited_as_long_as_is_usual_for_the_ecu_whatever_one_answer_took(usual_s: float, grace_s: float) -> None:
    waits = Waits(0.05)
    for latency_s in (0.04, *[usual_s] * PUNCTUAL_AFTER):
        waits.hear_answer(latency_s)
    for _ in range(FEWEST_IN_VAIN):
        waits.begin()
        waits.hear_garbage(0.0)
        waits.end(0.2)
    waits.begin()
    waits.hear_garbage(0.0)
    assert waits.until_s(0.2) == pytest.approx(grace_s, rel=0.1)


def test_garbage_that_comes_unasked_hides_no_answer() -> None:
    class Beats(ScriptedEcu):
        """An ECU that sends a frame without a message every 100 ms, and answers in 60 ms."""

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
    """An ECU that ignores first frames."""

    def on_frame(self, message: object) -> None:
        if message.data[0] >> 4 != 1:  # type: ignore[attr-defined]
            super().on_frame(message)  # type: ignore[arg-type]


class SlowFlowControl(ScriptedEcu):
    """An ECU that sends its flow controls late."""

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


# P2


def punctual(ecu: ScriptedEcu) -> Bench:
    """Return a bench whose ECU has answered many times within P2."""
    bench = Bench(ecu)
    ask(bench, PUNCTUAL_AFTER)
    return bench


def test_silence_is_waited_for_less_long_once_many_answers_were_quick() -> None:
    bench = Bench(ScriptedEcu({READ: VALUE}))
    ask(bench, PUNCTUAL_AFTER - 1)
    assert ask(bench, 1, OTHER) > P2_S + 0.9 * MARGIN_S
    ask(bench, 1)
    assert P2_S < ask(bench, 1, OTHER) < P2_S + 0.3 * MARGIN_S


def test_raw_frames_are_listened_to_for_as_long() -> None:
    bench = punctual(ScriptedEcu({READ: VALUE}))
    assert bench.tester.silence_s < P2_S + 0.3 * MARGIN_S


def test_p2_and_margin_are_twice_the_slowest_answer() -> None:
    bench = punctual(ScriptedEcu({READ: (0.045, VALUE)}))
    assert bench.tester.silence_s >= 2 * 0.045


def test_an_ecu_that_needs_more_than_p2_is_waited_for_in_full() -> None:
    bench = punctual(ScriptedEcu({READ: (0.06, VALUE)}))
    assert bench.tester.silence_s == pytest.approx(P2_S + MARGIN_S)


def test_one_slow_service_is_waited_for_in_full_after_its_first_answer() -> None:
    bench = punctual(ScriptedEcu({READ: VALUE, OTHER: (0.15, "62 20 20 01")}))
    assert bench.tester.request(OTHER).is_silence
    bench.tester.wait(0.2)
    assert bench.tester.times_too_short == 1
    assert all(bench.tester.request(OTHER).is_positive for _ in range(3))
    ask(bench, 10 * PUNCTUAL_AFTER)
    assert bench.tester.request(OTHER).is_positive, "it was seen to be slow, and stays so"


def test_a_late_answer_is_no_second_one_and_makes_nobody_wait_for_copies() -> None:
    bench = punctual(ScriptedEcu({READ: VALUE, OTHER: (0.15, "62 20 20 01")}))
    bench.tester.request(OTHER)
    ask(bench, 300)
    assert bench.tester.oddities.second_answers == 0
    assert bench.tester.state.quiet_s == 0
    assert bench.tester.times_too_short == 1


def test_what_comes_later_than_a_whole_wait_does_not_count() -> None:
    bench = punctual(ScriptedEcu({READ: VALUE, OTHER: (0.5, "62 20 20 01")}))
    bench.tester.request(OTHER)
    bench.tester.wait(1.0)
    assert bench.tester.times_too_short == 0


@pytest.mark.parametrize(("asked", "times"), [(READ, QUICK_AGAIN), (OTHER, LONG_SINCE)])
def test_a_request_that_was_answered_late_once_is_not_slow_for_ever(asked: str, times: int) -> None:
    script: dict[str, Answers] = {READ: (0.06, VALUE), OTHER: "62 20 20 01"}
    bench = punctual(ScriptedEcu(script))
    script[READ] = VALUE
    ask(bench, times - 1, asked)
    assert bench.tester.silence_s == pytest.approx(P2_S + MARGIN_S)
    ask(bench, 1, asked)
    assert bench.tester.silence_s < P2_S + 0.3 * MARGIN_S


def test_functional_requests_are_waited_for_in_full() -> None:
    bench = punctual(ScriptedEcu({READ: VALUE}))
    assert seconds(bench, lambda: bench.tester.request(OTHER, is_functional=True)) > P2_S + 0.9 * MARGIN_S


def test_listening_may_end_with_the_answer() -> None:
    bench = Bench(ScriptedEcu({READ: (0.03, VALUE)}))
    field = bytes.fromhex("03 22 10 10 00 00 00 00")
    begun_s = bench.now_s
    reply = bench.tester.raw(field, listen_s=1.0, ends_with_answer=True)
    assert len(reply.answers) == 1
    assert bench.now_s - begun_s < 0.1
    assert seconds(bench, lambda: bench.tester.raw(field, listen_s=1.0)) > 0.9


def test_an_answer_to_another_request_does_not_say_that_a_wait_was_too_short() -> None:
    ecu = ScriptedEcu({READ: GARBAGE, "3E 00": [(0.15, "7E 00")]})
    bench = Bench(ecu)
    ask(bench, 20)
    bench.tester.request("3E 00", timeout_s=0.06)
    bench.tester.wait(0.2)
    assert bench.tester.times_too_short == 0
    assert ask(bench, 1) < P2_S


def test_late_garbage_says_that_the_wait_for_an_answer_was_too_short() -> None:
    bench = punctual(ScriptedEcu({READ: VALUE, OTHER: (0.15, GARBAGE)}))
    assert bench.tester.request(OTHER).is_silence
    bench.tester.wait(0.2)
    assert bench.tester.times_too_short == 1
