"""Prove how a restart is seen: by silence or a lost session, not by an answer 51 or the exit code of a command."""

import shlex
import sys
from pathlib import Path
from typing import Any

import can
import pytest

from harness.errors import LinkError
from harness.target import Reset, SessionEntry, Target, Timing
from harness.tester.restart import Means, Restart

from .bench import ALL, Answers, Bench, PoweredEcu, ScriptedEcu, SecuredEcu, allowing, bare, secured


class Pretender(SecuredEcu):
    """An ECU that answers 51 to a reset, and does not restart."""

    def _reset(self, pdu: bytes) -> Answers:
        return f"51 {pdu[1]:02x}"


class FastEcu(SecuredEcu):
    """An ECU that restarts between two frames."""

    def _reset(self, pdu: bytes) -> Answers:
        self.restart()
        self.silent_until_s = 0.0
        return f"51 {pdu[1]:02x}"


def seen(ecu: SecuredEcu, target: Target | None = None, means: Means = Means.UDS) -> bool:
    return Bench(ecu, target=target).tester.restart.restart(means)


def python(source: str) -> str:
    return f"command: {shlex.join([sys.executable, '-c', source])}"


# Which ways there are


@pytest.mark.parametrize(
    ("reset", "allow", "means"),
    [
        (Reset(), ALL, []),
        (Reset(uds=0x01), {"reset"}, [Means.UDS]),
        (Reset(uds=0x01), ALL - {"reset"}, []),
        (Reset(command="command: true"), {"reset"}, [Means.COMMAND]),
        (Reset(command="command: true"), ALL - {"reset"}, []),
        (Reset(power="command: true"), {"power"}, [Means.POWER]),
        (Reset(power="command: true"), ALL - {"power"}, []),
        (Reset(power="simulated"), {"power"}, [Means.POWER]),
        (
            Reset(uds=0x01, command="command: true", power="simulated"),
            ALL,
            [Means.UDS, Means.COMMAND, Means.POWER],
        ),
    ],
)
def test_means_are_what_is_offered_and_allowed_the_most_thorough_last(
    reset: Reset, allow: set[str], means: list[Means]
) -> None:
    assert Bench(PoweredEcu(), target=allowing(*allow, reset=reset)).tester.restart.means() == means


def test_simulated_power_is_no_means_where_no_node_knows_of_it() -> None:
    assert Bench(SecuredEcu(), target=bare(reset=Reset(power="simulated"))).tester.restart.means() == []
    assert Bench(SecuredEcu(), target=bare(reset=Reset(power="command: true"))).tester.restart.means() == [Means.POWER]


# Silence, then boot


def test_restart_that_is_silence_and_then_boot_is_seen() -> None:
    ecu = SecuredEcu(has_f186=False)
    bench = Bench(ecu)
    assert bench.tester.restart.restart(Means.UDS)
    assert ecu.restarts == 1
    assert bench.now_s > 0.5


@pytest.mark.parametrize("has_f186", [True, False])
@pytest.mark.parametrize("shutdown_s", [0.001, 0.02, 0.2])
def test_restart_that_begins_some_time_after_its_answer_is_seen(shutdown_s: float, has_f186: bool) -> None:
    """After 51 an ECU may run on for a while, e.g. to store values; it is declared to be back after boot_s."""
    assert seen(SecuredEcu(shutdown_s=shutdown_s, has_f186=has_f186))


@pytest.mark.parametrize("shutdown_s", [0.0, 0.02])
def test_ecu_answers_again_when_the_restart_is_over(shutdown_s: float) -> None:
    bench = Bench(SecuredEcu(shutdown_s=shutdown_s, boot_s=2.0))
    bench.tester.restart.restart(Means.UDS)
    bench.tester.wait(0.1)
    assert bench.tester.request("22 10 10").is_positive


def test_reset_type_is_the_declared_one() -> None:
    ecu = SecuredEcu()
    seen(ecu, secured(reset=Reset(uds=0x03, boot_s=0.5)))
    assert "1103" in ecu.heard


def test_answer_51_without_a_restart_is_no_restart() -> None:
    assert not seen(Pretender())
    assert not seen(Pretender(has_f186=False))


def test_answer_51_is_no_proof_where_the_supply_would_need_none() -> None:
    class PoweredPretender(Pretender, PoweredEcu):
        pass

    assert not seen(PoweredPretender(), secured(reset=Reset(uds=0x01, power="simulated", boot_s=0.5)))


@pytest.mark.parametrize("latency_s", [0.005, 0.02, 0.045])
def test_slow_answers_are_no_silence(latency_s: float) -> None:
    """Within P2 an ECU may take its time; a slow ECU that only pretends to restart has not fallen silent."""
    assert not seen(Pretender(latency_s=latency_s))
    assert not seen(Pretender(latency_s=latency_s, has_f186=False))


@pytest.mark.parametrize("latency_s", [0.005, 0.02, 0.045])
def test_restart_of_a_slow_ecu_is_seen(latency_s: float) -> None:
    assert seen(SecuredEcu(latency_s=latency_s))


@pytest.mark.parametrize("has_f186", [True, False])
def test_an_ecu_that_ignores_the_reset_has_not_fallen_silent(has_f186: bool) -> None:
    """The ECU leaves 11 01 unanswered, and answers everything else all the time."""
    ecu = SecuredEcu(has_f186=has_f186)
    ecu.refuses_with = {"11": ""}
    assert not seen(ecu)
    assert ecu.restarts == 0


def test_refused_reset_is_no_restart() -> None:
    ecu = SecuredEcu()
    ecu.refuses_with = {"11": "7f 11 22"}
    assert not seen(ecu)
    assert ecu.restarts == 0


def test_reset_that_comes_before_its_answer_is_seen() -> None:
    """Silence and then a boot is the proof; the ECU need not have answered 51 before."""

    class Mute(SecuredEcu):
        def _reset(self, pdu: bytes) -> Answers:
            self.restart()
            return []

    assert seen(Mute())


def test_restart_waits_for_a_mute_ecus_boot() -> None:
    """Otherwise the next request would meet an ECU that is still booting."""

    class Mute(SecuredEcu):
        def _reset(self, pdu: bytes) -> Answers:
            self.restart()
            return []

    bench = Bench(Mute(boot_s=1.0))
    bench.tester.restart.restart(Means.UDS)
    assert bench.tester.request("22 10 10").is_positive


def test_ecu_that_does_not_come_back_was_not_restarted() -> None:
    class Gone(SecuredEcu):
        def restart(self) -> None:
            self.silent_until_s = float("inf")

    bench = Bench(Gone())
    assert not bench.tester.restart.restart(Means.UDS)
    assert 0.5 < bench.now_s < 10.0


def test_ecu_that_comes_back_with_garbage_is_back() -> None:
    class Mad(SecuredEcu):
        def answers(self, pdu: bytes) -> Answers:
            return "raw 7F 02 31" if self.restarts else super().answers(pdu)

    assert seen(Mad())


# A lost session


def test_restart_too_short_to_be_heard_is_seen_by_the_lost_session() -> None:
    ecu = FastEcu()
    bench = Bench(ecu)
    bench.tester.wait(100.0)
    assert bench.tester.restart.restart(Means.UDS)
    assert "1003" in ecu.heard


def test_restart_too_short_to_be_heard_is_not_seen_without_the_session_did() -> None:
    assert not seen(FastEcu(has_f186=False))


def test_restart_too_short_to_be_heard_is_seen_where_the_usual_sessions_are_not_declared() -> None:
    """Without [[session]], sessions 01, 02 and 03 are used if they answer."""
    assert seen(FastEcu(), secured(sessions=()))


def test_default_session_is_no_boot_sign() -> None:
    """The default session is active before and after a restart."""
    assert not seen(Pretender(), secured(sessions=(SessionEntry(id=0x01),)))


def test_no_session_is_entered_where_its_loss_could_not_be_seen() -> None:
    ecu = SecuredEcu(has_f186=False)
    seen(ecu)
    assert "1003" not in ecu.heard


@pytest.mark.parametrize("answer", ["62 f1 86", "62 f1 86 01 01", "62 f1 87 01", "7f 22 31", ""])
def test_session_did_that_does_not_tell_the_session_is_no_boot_sign(answer: str) -> None:
    ecu = FastEcu()
    ecu.refuses_with = {"22f186": answer}
    assert not seen(ecu)


def test_programming_session_is_not_the_boot_sign() -> None:
    ecu = FastEcu()
    seen(ecu, secured(sessions=tuple(SessionEntry(id=session) for session in (0x01, 0x02, 0x03))))
    assert "1002" not in ecu.heard


def test_no_session_is_entered_where_the_target_has_none() -> None:
    ecu = SecuredEcu(has_sessions=False)
    assert seen(ecu, secured(timing=Timing(), sessions=()))
    assert not any(request.startswith("10") for request in ecu.heard)


def test_session_that_ends_while_a_hook_runs_is_no_boot_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that takes longer than S3 and does nothing loses the session by itself."""
    bench = Bench(SecuredEcu(), target=secured(reset=Reset(command="command: true", boot_s=0.5)))
    monkeypatch.setattr(Restart, "_run", lambda restart, command: bench.tester.wait(8.0))
    assert not bench.tester.restart.restart(Means.COMMAND)


# Hooks


def test_exit_code_0_of_a_hook_is_no_proof() -> None:
    declared = secured(reset=Reset(command="command: true", power="command: true", boot_s=0.5))
    assert not seen(SecuredEcu(), declared, Means.COMMAND)
    assert not seen(SecuredEcu(), declared, Means.POWER)


def test_what_a_hook_prints_does_not_reach_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    seen(SecuredEcu(), secured(reset=Reset(command=python("print('clack', flush=True)"), boot_s=0.5)), Means.COMMAND)
    assert capfd.readouterr() == ("", "")


class HookedEcu(SecuredEcu):
    """An ECU that restarts when a file appears, as a command on a bench would make it do."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def on_frame(self, message: can.Message) -> None:
        if self.file.exists():
            self.file.unlink()
            self.restart()
        super().on_frame(message)


@pytest.mark.parametrize("means", [Means.COMMAND, Means.POWER])
def test_hook_that_restarts_the_ecu_is_seen_to(tmp_path: Path, means: Means) -> None:
    file = tmp_path / "cut"
    hook = python(f"import pathlib; pathlib.Path({str(file)!r}).touch()")
    reset = Reset(command=hook, boot_s=0.5) if means is Means.COMMAND else Reset(power=hook, boot_s=0.5)
    ecu = HookedEcu(file)
    assert seen(ecu, secured(reset=reset), means)
    assert ecu.restarts == 1


@pytest.mark.parametrize(
    "hook",
    [
        "command: /no/such/program --now",
        python("import sys; print('no relay\\nat all', file=sys.stderr); sys.exit(3)"),
        python("import os; os.kill(os.getpid(), 9)"),
    ],
)
@pytest.mark.parametrize("means", [Means.COMMAND, Means.POWER])
def test_hook_that_fails_is_a_fault_of_the_link_in_one_line(hook: str, means: Means) -> None:
    reset = Reset(command=hook) if means is Means.COMMAND else Reset(power=hook)
    with pytest.raises(LinkError) as caught:
        seen(SecuredEcu(), secured(reset=reset), means)
    assert "[reset]" in str(caught.value)
    assert "\n" not in str(caught.value)


# The simulated supply


def test_simulated_supply_needs_no_boot_sign() -> None:
    ecu = PoweredEcu(has_f186=False, boot_s=0.0)
    assert seen(ecu, secured(reset=Reset(power="simulated", boot_s=0.5)), Means.POWER)
    assert ecu.restarts == 1


def test_simulated_supply_of_an_ecu_that_stays_dead_is_no_restart() -> None:
    class Burnt(PoweredEcu):
        def power_cycle(self) -> None:
            self.silent_until_s = float("inf")

    assert not seen(Burnt(), secured(reset=Reset(power="simulated", boot_s=0.5)), Means.POWER)


def test_simulated_supply_revives_a_node_that_raised() -> None:
    class Fragile(PoweredEcu):
        def answers(self, pdu: bytes) -> Answers:
            if pdu == b"\x22\x66\x66":
                raise RuntimeError("stack smashed")
            return super().answers(pdu)

    bench = Bench(Fragile(), target=secured(reset=Reset(power="simulated", boot_s=0.5)))
    bench.tester.request("22 66 66")
    assert not bench.tester.is_alive()
    assert bench.tester.restart.restart(Means.POWER)
    assert bench.tester.is_alive()


def test_ecu_is_asked_a_question_that_it_answers() -> None:
    """The boot is watched by the request that the ECU is known to answer, not by one that it never answers."""
    answers: dict[str, Any] = {"22 F1 90": "62 F1 90 41", "11 01": "51 01"}
    bench = Bench(ScriptedEcu(answers), target=bare(reset=Reset(uds=0x01, boot_s=0.5)))
    assert bench.tester.is_alive()
    assert not bench.tester.restart.restart(Means.UDS)


# Each way by itself


class PickyEcu(SecuredEcu):
    """An ECU with ECUReset 01 and 03, which refuses 02."""

    def _reset(self, pdu: bytes) -> Answers:
        return "7f 11 12" if pdu[1] == 0x02 else super()._reset(pdu)


def test_each_type_of_reset_is_a_way_by_itself_the_declared_one_first() -> None:
    ways = Bench(PickyEcu(), target=secured(reset=Reset(uds=0x03, boot_s=0.5))).tester.restart.resets()
    assert {way.name: way.go() for way in ways} == {"ECUReset 0x03": True, "ECUReset 0x01": True, "ECUReset 0x02": None}
    assert ways[0].name == "ECUReset 0x03"


def test_a_reset_that_only_answers_is_offered_and_not_seen() -> None:
    assert [way.go() for way in Bench(Pretender()).tester.restart.resets()] == [False, False, False]


def test_no_way_is_offered_that_is_not_allowed() -> None:
    tester = Bench(PoweredEcu(), target=allowing("lockout", reset=Reset(uds=0x01, power="simulated"))).tester
    assert tester.restart.resets() == []
    assert tester.restart.power_cycles() == []


def test_the_power_cycle_is_a_way() -> None:
    tester = Bench(PoweredEcu(), target=secured(reset=Reset(power="simulated", boot_s=0.5))).tester
    assert [(way.name, way.go()) for way in tester.restart.power_cycles()] == [("power cycle", True)]


# As it is


def test_restart_as_it_is_enters_no_session_that_would_lock() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(0x01)
    before = len(ecu.heard)
    assert bench.tester.restart.restart(Means.UDS, as_it_is=True)
    assert not [request for request in ecu.heard[before:] if request.startswith("10")]


def test_restart_as_it_is_is_seen_by_the_session_that_is_lost() -> None:
    bench = Bench(FastEcu())
    assert not bench.tester.restart.restart(Means.UDS, as_it_is=True)
    bench.tester.enter_session(0x03)
    assert bench.tester.restart.restart(Means.UDS, as_it_is=True)


def test_boot_time_lies_between_the_last_silence_and_the_first_answer() -> None:
    bench = Bench(SecuredEcu(boot_s=0.5))
    assert bench.tester.restart.restart(Means.UDS)
    assert bench.tester.restart.boot_s is not None
    least_s, most_s = bench.tester.restart.boot_s
    assert least_s <= 0.5 <= most_s < least_s + 0.5


def test_boot_time_is_unknown_without_silence() -> None:
    bench = Bench(FastEcu())
    assert bench.tester.restart.restart(Means.UDS)
    assert bench.tester.restart.boot_s is None


# What an ECU sends, and refuses, while it boots


class ChattingEcu(PoweredEcu):
    """An ECU that sends a frame on its response id as soon as it has power, long before it receives any."""

    def power_cycle(self) -> None:
        super().power_cycle()
        for delay_s in (0.01, 0.1, 0.3):
            self.port.call_later(delay_s, lambda: self.frame(b"\x55\xaa"))


class TardyEcu(PoweredEcu):
    """An ECU that receives at once after a start, but refuses each request, or some, with a code for a while."""

    code, only = "22", ""

    def answers(self, pdu: bytes) -> Answers:
        is_starting = self.restarts and self.port.now_s < self.started_s + 1.5
        if is_starting and pdu.hex().startswith(self.only):
            return f"7f {pdu[0]:02x} {self.code}"
        return super().answers(pdu)

    def power_cycle(self) -> None:
        super().power_cycle()
        self.started_s = self.port.now_s


POWERED = secured(reset=Reset(power="simulated", boot_s=2.0))


def test_frame_that_nobody_asked_for_is_not_the_end_of_a_boot() -> None:
    bench = Bench(ChattingEcu(boot_s=1.8), target=POWERED)
    assert bench.tester.is_alive()
    assert bench.tester.restart.restart(Means.POWER)
    assert bench.now_s >= 1.8
    assert bench.tester.request("22 10 10").is_positive


def test_frame_that_nobody_asked_for_is_no_life() -> None:
    bench = Bench(ChattingEcu(boot_s=float("inf")), target=POWERED)
    assert bench.tester.is_alive()
    bench.tester.link.power_cycle()
    bench.tester.wait(0.2)
    assert not bench.tester.is_alive()


@pytest.mark.parametrize("code", ["21", "22"])
def test_ecu_that_is_not_ready_after_a_start_is_waited_for(code: str) -> None:
    ecu = TardyEcu(boot_s=0.0)
    ecu.code = code
    bench = Bench(ecu, target=POWERED)
    assert bench.tester.is_alive()
    assert bench.tester.restart.restart(Means.POWER)
    assert bench.now_s >= 1.5
    assert bench.tester.request("22 10 10").is_positive


def test_session_that_is_refused_for_a_while_after_a_start_is_asked_for_again() -> None:
    ecu = TardyEcu(boot_s=0.0)
    ecu.only = "10"
    bench = Bench(ecu, target=POWERED)
    bench.tester.restart.restart(Means.POWER)
    assert bench.tester.enter_session(0x03).is_positive


def test_session_that_is_refused_for_good_is_waited_for_once() -> None:
    ecu = SecuredEcu()
    ecu.refuses_with = {"1003": "7f 10 22"}
    bench = Bench(ecu, target=POWERED)
    assert bench.tester.enter_session(0x03).nrc == 0x22
    begun_s = bench.now_s
    assert bench.tester.enter_session(0x03).nrc == 0x22
    assert bench.now_s - begun_s < 0.1


def test_ecu_that_was_never_ready_is_not_waited_for_again() -> None:
    """An ECU that always refuses the liveness request with 22 behaves as usual when it does so after a start."""
    ecu = PoweredEcu(boot_s=0.5)
    ecu.refuses_with = {"22": "7f 22 22"}
    bench = Bench(ecu, target=POWERED)
    assert bench.tester.is_alive()
    assert bench.tester.restart.restart(Means.POWER)
    assert bench.now_s < 1.0


def test_what_a_failing_command_says_of_its_arguments_stays_out_of_the_message() -> None:
    command = f"command: {shlex.join([sys.executable, '-c', 'import sys; sys.exit(sys.argv[1])', '--pw=HIDE-ME'])}"
    bench = Bench(SecuredEcu(), target=secured(reset=Reset(command=command)))
    with pytest.raises(LinkError, match=r"exit code 1: \(redacted\)") as caught:
        bench.tester.restart.restart(Means.COMMAND)
    assert "HIDE-ME" not in str(caught.value)
