"""Prove that an ECU that crashes and restarts is recognised by what it loses, and that a silent ECU is not accused."""

from typing import Any

import can
import pytest

from harness.target import Reset, Timing
from harness.tester.crashes import CrashCause

from .bench import Answers, Bench, PoweredEcu, SecuredEcu, secured, without_sessions

FATAL = b"\x2e\x10\x10\x00\x00\x00"
"""A write that is longer than its data, which crashes these ECUs."""


class Crashing(SecuredEcu):
    """An ECU that restarts at one request, without an answer."""

    fatal = FATAL

    def answers(self, pdu: bytes) -> Answers:
        if pdu == self.fatal:
            self.restart()
            return []
        return super().answers(pdu)


class CrashingInSession(Crashing):
    """An ECU that crashes only outside the default session."""

    def answers(self, pdu: bytes) -> Answers:
        return "7f 2e 7f" if pdu == self.fatal and self.session == 0x01 else super().answers(pdu)


class CrashingUnlocked(Crashing):
    def answers(self, pdu: bytes) -> Answers:
        return "7f 2e 33" if pdu == self.fatal and not self.is_unlocked else super().answers(pdu)


class CrashingAfterASeed(Crashing):
    def answers(self, pdu: bytes) -> Answers:
        return "7f 2e 22" if pdu == self.fatal and self.seed is None else super().answers(pdu)


class CrashingOnFrame(SecuredEcu):
    """An ECU that restarts at a frame of a single byte."""

    def on_frame(self, message: can.Message) -> None:
        if len(message.data) == 1:
            self.restart()
        else:
            super().on_frame(message)


class Silent(SecuredEcu):
    """An ECU that leaves one request unanswered, and goes on."""

    def answers(self, pdu: bytes) -> Answers:
        return [] if pdu == FATAL else super().answers(pdu)


def found_in(ecu: SecuredEcu, *requests: bytes, unlock: bool = False, **options: Any) -> CrashCause | None:
    bench = Bench(ecu, **options)
    tester = bench.tester
    assert tester.is_alive()
    tester.state.forget_silences()
    if unlock:
        tester.security.unlock(1)
    for request in requests:
        tester.request(request)
    tester.await_life()
    return tester.crashes.search()


@pytest.mark.parametrize("boot_s", [0.0, 0.02, 0.5, 2.0])
def test_request_that_makes_the_ecu_restart_is_named(boot_s: float) -> None:
    found = found_in(Crashing(boot_s=boot_s), FATAL)
    assert found is not None
    assert found.request == "2E 10 10 00 00 00"
    assert found.is_reproduced
    assert "session 0x03 was gone" in found.what
    assert found.exchanges[0].request == found.request


def test_quick_restart_is_told_by_the_lock_where_there_are_no_sessions() -> None:
    target = without_sessions(reset=Reset(power="simulated", boot_s=0.5))
    bench = Bench(PoweredCrashing(boot_s=0.0, has_sessions=False, locks_on=("restart",)), target=target)
    bench.tester.security.unlock(1)
    bench.tester.link.power_cycle()
    bench.tester.request(FATAL)
    found = bench.tester.crashes.search()
    assert found is not None
    assert "level 0x01" in found.what


class PoweredCrashing(Crashing, PoweredEcu):
    """An ECU that restarts at one request, and whose supply can be cut."""


def test_slow_restart_is_told_by_silence_where_nothing_else_tells() -> None:
    target = secured(timing=Timing(), sessions=(), security=())
    found = found_in(Crashing(boot_s=1.0, has_sessions=False), FATAL, target=target, key=None)
    assert found is not None
    assert "fell silent for" in found.what


@pytest.mark.parametrize("ecu", [CrashingInSession, CrashingUnlocked])
def test_request_is_sent_again_in_the_state_that_it_met(ecu: type[Crashing]) -> None:
    is_unlocked = ecu is CrashingUnlocked
    found = found_in(ecu(boot_s=0.0), *([] if is_unlocked else [b"\x10\x03"]), FATAL, unlock=is_unlocked)
    assert found is not None
    assert found.is_reproduced


def test_request_that_needs_the_one_before_it_is_sent_again_with_it() -> None:
    found = found_in(CrashingAfterASeed(boot_s=0.0), b"\x10\x03", b"\x27\x01", FATAL)
    assert found is not None
    assert found.request == "27 01, then 2E 10 10 00 00 00"


def test_guilty_one_of_many_is_named() -> None:
    ecu = Crashing(boot_s=0.0)
    ecu.refuses_with = {"aa": ""}
    found = found_in(ecu, b"\xaa\x01", b"\xaa\x02", FATAL, b"\xaa\x03")
    assert found is not None
    assert found.request == FATAL.hex(" ").upper()


def test_long_request_is_named_by_its_beginning() -> None:
    class Long(Crashing):
        fatal = b"\x2e\x10\x10" + bytes(97)

    found = found_in(Long(boot_s=0.0), Long.fatal)
    assert found is not None
    assert found.request == f"2E 10 10{' 00' * 29} … (100 bytes)"
    assert found.exchanges[0].request == Long.fatal.hex(" ").upper()


def test_frame_that_makes_the_ecu_restart_is_named() -> None:
    bench = Bench(CrashingOnFrame(boot_s=0.0))
    assert bench.tester.is_alive()
    for data in (b"\x00" * 8, b"\x55", b"\x31" * 8):
        bench.tester.raw(data)
    found = bench.tester.crashes.search()
    assert found is not None
    assert found.request == "raw 740#55"


def test_boot_message_in_place_of_an_answer_hides_no_crash() -> None:
    class Talking(Crashing):
        def restart(self) -> None:
            super().restart()
            self.frame(bytes.fromhex("02 F0 55"))

    found = found_in(Talking(boot_s=0.0), FATAL)
    assert found is not None


def test_boot_frames_that_hold_no_message_hide_no_crash() -> None:
    class Talking(Crashing):
        def restart(self) -> None:
            super().restart()
            for delay_s in (0.01, 0.2, 0.8):
                self.port.call_later(delay_s, lambda: self.frame(b"\x55" * 8))

    assert found_in(Talking(boot_s=1.5), FATAL) is not None


def test_silence_is_no_crash() -> None:
    assert found_in(Silent(), FATAL) is None


def test_answered_requests_are_not_sent_again() -> None:
    ecu = SecuredEcu()
    assert found_in(ecu, b"\x22\x66\x66") is None
    assert ecu.heard.count("226666") == 1


@pytest.mark.parametrize("request_", [b"\x11\x01", b"\x10\x02", b"\x10\x01"])
def test_restart_by_a_request_that_may_lead_to_one_is_no_crash(request_: bytes) -> None:
    """Such requests are ECUReset without an answer, and those that enter or leave a boot loader by a restart."""

    class Booting(Crashing):
        fatal = request_

    assert found_in(Booting(), request_) is None


def test_session_that_ends_by_itself_is_no_crash() -> None:
    class Restless(Silent):
        """An ECU that falls back to its default session after each silence, and after a like time without one."""

        def answers(self, pdu: bytes) -> Answers:
            if self.session != 0x01 and self.port.now_s - self.entered_s > 0.02:
                self.session = 0x01
            return super().answers(pdu)

        def _session(self, pdu: bytes) -> Answers:
            self.entered_s = self.port.now_s
            return super()._session(pdu)

    bench = Bench(Restless())
    bench.tester.is_alive()
    bench.tester.request(FATAL)
    assert bench.tester.crashes.search() is None
    assert any("without 2E 10 10 00 00 00 too" in note for note in bench.tester.notes)


def test_value_that_is_written_again_is_put_back() -> None:
    class Quiet(SecuredEcu):
        """An ECU that performs a write, and does not confirm it."""

        def _write(self, pdu: bytes) -> Answers:
            super()._write(pdu)
            return []

    ecu = Quiet()
    bench = Bench(ecu)
    bench.tester.is_alive()
    bench.tester.state.forget_silences()
    bench.tester.write(0x1010, b"\x77")
    ecu.values[0x1010] = b"\x10"
    assert bench.tester.crashes.search() is None
    bench.tester.restore()
    assert ecu.values[0x1010] == b"\x10"


def test_what_was_found_innocent_is_not_tried_again() -> None:
    ecu = Silent()
    bench = Bench(ecu)
    bench.tester.is_alive()
    for _ in range(2):
        bench.tester.request(FATAL)
        assert bench.tester.crashes.search() is None
    assert ecu.heard.count(FATAL.hex()) == 3


def test_request_that_was_found_guilty_is_not_tried_again() -> None:
    ecu = Crashing(boot_s=0.0)
    bench = Bench(ecu)
    bench.tester.is_alive()
    bench.tester.request(FATAL)
    first = bench.tester.crashes.search()
    restarts = ecu.restarts
    assert first is not None
    assert bench.tester.crashes.search() == first
    assert ecu.restarts == restarts


def test_ecu_that_dies_and_can_be_brought_back_is_proven_to_die() -> None:
    class Dying(PoweredEcu):
        def answers(self, pdu: bytes) -> Answers:
            if pdu == FATAL:
                raise RuntimeError("stack smashed")
            return super().answers(pdu)

    bench = Bench(Dying(), target=secured(reset=Reset(power="simulated", boot_s=0.5)))
    bench.tester.is_alive()
    bench.tester.request(FATAL)
    bench.tester.restore()
    found = bench.tester.crashes.search()
    assert found is not None
    assert found.is_reproduced
    assert not found.is_dead


def test_ecu_that_dies_for_good_is_sent_nothing_more() -> None:
    class Dying(SecuredEcu):
        is_fatal = False

        def answers(self, pdu: bytes) -> Answers:
            if pdu == FATAL and self.is_fatal:
                raise RuntimeError("stack smashed")
            return [] if pdu == FATAL else super().answers(pdu)

    ecu = Dying()
    bench = Bench(ecu)
    bench.tester.is_alive()
    bench.tester.request(FATAL)
    ecu.is_fatal = True
    found = bench.tester.crashes.search()
    assert found is not None
    assert found.is_dead
    assert not found.is_reproduced
    assert ecu.heard.count(FATAL.hex()) == 2


# Seen in passing


def silent_after(ecu: SecuredEcu, *requests: bytes) -> Any:
    bench = Bench(ecu)
    tester = bench.tester
    assert tester.is_alive()
    tester.state.forget_silences()
    for request in requests:
        tester.request(request)
    tester.await_life(5.0)
    return tester.crashes.fell_silent()


def test_ecu_that_answers_nothing_for_a_while_after_a_request_is_noticed() -> None:
    fell = silent_after(Crashing(boot_s=2.0), FATAL)
    assert fell is not None
    assert fell.request == FATAL


def test_ecu_that_does_not_even_answer_what_it_has_answered_before_is_noticed() -> None:
    bench = Bench(Crashing(boot_s=0.5))
    tester = bench.tester
    assert tester.read(0x2020) == b"\x20"
    tester.state.forget_silences()
    for request in (FATAL, b"\x22\x20\x20", b"\x22\x20\x20", b"\x22\x20\x20"):
        tester.request(request)
    assert tester.crashes.fell_silent() is not None


@pytest.mark.parametrize("request_", [b"\x11\x01", b"\x10\x02"])
def test_silence_after_what_may_lead_to_a_restart_is_none(request_: bytes) -> None:
    class Booting(Crashing):
        fatal = request_

    assert silent_after(Booting(boot_s=2.0), request_) is None


def test_one_request_without_an_answer_is_no_loss_of_contact() -> None:
    assert silent_after(Silent(), FATAL) is None


def test_ecu_that_is_slow_without_saying_so_has_not_crashed() -> None:
    """The ECU breaks P2, which another check reports; its answer comes in the end."""

    class Slow(SecuredEcu):
        until_s = 0.0

        def answers(self, pdu: bytes) -> Answers:
            if pdu == FATAL:
                self.until_s = self.port.now_s + 2.1
                return (2.0, "7f 2e 13")
            return super().answers(pdu) if self.port.now_s >= self.until_s else []

    assert silent_after(Slow(), FATAL) is None
    assert found_in(Slow(), FATAL) is None


class WorksOffABacklog(SecuredEcu):
    """An ECU whose TesterPresent takes 3 s after 0x78; requests that come meanwhile are answered afterwards."""

    free_s = 0.0

    def give(self, answers: Answers) -> None:
        now_s = self.port.now_s
        begin_s = max(now_s, self.free_s)
        if self.heard[-1].startswith("3e"):
            self.free_s = begin_s + 3.0
            self.port.call_later(begin_s - now_s, lambda: self._say("7f 3e 78"))
        self.port.call_later(max(begin_s, self.free_s) - now_s, lambda: super(WorksOffABacklog, self).give(answers))


def test_ecu_that_works_off_what_it_was_sent_is_not_dead() -> None:
    tester = Bench(WorksOffABacklog()).tester
    assert tester.is_alive()
    tester.state.forget_silences()
    for number in range(8):
        tester.raw(bytes((0x02, 0x3E, 0x00, number)), listen_s=0.01)
    assert tester.crashes.search() is None
