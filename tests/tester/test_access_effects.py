"""Prove that an effect is judged by the stored value and then undone, like every value that a check has changed."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from harness.errors import Inconclusive, KeyFunctionError
from harness.target import DataEntry
from harness.target.values import VALUES
from harness.tester.access import STORED_AT_ONCE
from harness.tester.reply import Reply
from harness.uds import Session

from .bench import (
    OPEN,
    PROTECTED,
    Answers,
    Bench,
    ScriptedEcu,
    SecuredEcu,
    StoresNothing,
    foreign_key,
    secured,
    without_sessions,
)


class WritesAnyway(SecuredEcu):
    """An ECU that stores the value, and then refuses the write."""

    def _write(self, pdu: bytes) -> Answers:
        super()._write(pdu)
        self.values[int.from_bytes(pdu[1:3], "big")] = pdu[3:]
        return "7f 2e 33"


class WritesOnce(SecuredEcu):
    """An ECU that locks itself after each write."""

    def _write(self, pdu: bytes) -> Answers:
        answer = super()._write(pdu)
        self.is_unlocked = False
        return answer


# Effects


def test_effect_is_read_back_and_undone() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    effect = bench.tester.access.write_effect(OPEN)
    assert effect.is_changed
    assert effect.before == b"\x10"
    assert effect.after != b"\x10"
    assert effect.reply.is_positive
    assert ecu.values[0x1010] == b"\x10"
    assert bench.tester.state.changed == {}
    assert bench.tester.evidence[-1].request.startswith("2E 10 10")


def test_no_effect_is_told_as_such() -> None:
    bench = Bench(SecuredEcu())
    effect = bench.tester.access.write_effect(PROTECTED)
    assert not effect.is_changed
    assert effect.before == effect.after == b"\x20"
    assert effect.reply.is_refused_with(0x33)
    assert bench.tester.state.changed == {}
    assert bench.tester.evidence == []


def test_effect_counts_and_not_the_answer() -> None:
    assert Bench(WritesAnyway()).tester.access.write_effect(PROTECTED).is_changed
    assert not Bench(StoresNothing()).tester.access.write_effect(OPEN).is_changed


@pytest.mark.parametrize("delay_s", [0.01, 0.1])
def test_value_that_is_stored_after_the_answer_is_an_effect(delay_s: float) -> None:
    class StoresLater(SecuredEcu):
        def _write(self, pdu: bytes) -> Answers:
            self.port.call_later(delay_s, lambda: self.values.update({0x2020: pdu[3:]}))
            return "7f 2e 33"

    ecu = StoresLater()
    bench = Bench(ecu)
    assert bench.tester.access.write_effect(PROTECTED).is_changed
    assert ecu.values[0x2020] == b"\x20"


def test_effect_in_words() -> None:
    access = Bench(WritesAnyway()).tester.access
    assert str(access.write_effect(OPEN)) == "negative 0x33 securityAccessDenied; the value went from 10 to 50"
    access = Bench(SecuredEcu()).tester.access
    assert str(access.write_effect(PROTECTED)) == "negative 0x33 securityAccessDenied; the value is unchanged"


def test_effect_on_a_secret_value_does_not_tell_it() -> None:
    """The content of a secret DID is never shown."""
    ecu = SecuredEcu()
    ecu.values[0x1010] = bytes.fromhex("C0FFEE01")
    effect = Bench(ecu).tester.access.write_effect(replace(OPEN, length=4, secret=True))
    assert effect.is_changed
    assert "C0 FF EE" not in str(effect)


def test_value_that_is_written_is_one_that_is_declared() -> None:
    ecu = SecuredEcu()
    effect = Bench(ecu).tester.access.write_effect(replace(OPEN, values=VALUES.parse("10..11")))
    assert effect.after == b"\x11"


def test_effect_of_any_other_act_is_undone_by_the_same_or_as_said() -> None:
    ecu = SecuredEcu()
    tester = Bench(ecu).tester
    tester.gate.raw_needs = frozenset({"write"})
    effect = tester.access.effect(OPEN, lambda value: tester.raw(b"\x04\x2e\x10\x10" + value))
    assert effect.is_changed
    assert ecu.values[0x1010] == b"\x10"
    undone: list[bytes] = []

    def undo(value: bytes) -> Reply:
        undone.append(value)
        return tester.write(0x1010, value)

    tester.access.effect(OPEN, lambda value: tester.raw(b"\x04\x2e\x10\x10" + value), undo)
    assert undone == [b"\x10"]
    assert ecu.values[0x1010] == b"\x10"


def test_value_that_cannot_be_put_back_at_once_is_remembered() -> None:
    ecu = WritesOnce()
    bench = Bench(ecu)
    bench.tester.security.unlock(0x01)
    assert bench.tester.access.write_effect(PROTECTED).is_changed
    assert ecu.values[0x2020] != b"\x20"
    assert bench.tester.state.changed == {0x2020: b"\x20"}


def test_value_is_remembered_when_a_check_ends_in_the_middle() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)

    def act(value: bytes) -> Reply:
        bench.tester.write(0x1010, value)
        raise Inconclusive("and so it ends")

    with pytest.raises(Inconclusive):
        bench.tester.access.effect(OPEN, act)
    assert bench.tester.state.changed == {0x1010: b"\x10"}


def test_value_that_changes_by_itself_is_inconclusive_and_not_written() -> None:
    ecu = ScriptedEcu(lambda pdu: f"62 10 10 {len(ecu.heard):02X}")
    with pytest.raises(Inconclusive, match="changes by itself"):
        Bench(ecu).tester.access.write_effect(OPEN)
    assert all(request == "221010" for request in ecu.heard)


@pytest.mark.parametrize("is_declared", [True, False])
def test_value_that_changes_slowly_by_itself_is_no_effect(is_declared: bool) -> None:
    """The value is equal in three reads within 2 ms, and different when a refusal has taken 40 ms."""

    def answers(pdu: bytes) -> Answers:
        return f"62 10 10 {int(ecu.port.now_s / 0.03):02X}" if pdu[0] == 0x22 else (0.04, "7F 2E 33")

    ecu = ScriptedEcu(answers)
    with pytest.raises(Inconclusive):
        Bench(ecu).tester.access.write_effect(replace(OPEN, volatile=is_declared))


def test_clock_that_ticks_once_a_second_is_no_effect() -> None:
    """The time of day is protected in many ECUs, and it ticks while the write is refused."""

    def answers(pdu: bytes) -> Answers:
        return f"62 10 10 {0x10 + int(ecu.port.now_s):02X}" if pdu[0] == 0x22 else (0.04, "7F 2E 33")

    ecu = ScriptedEcu(answers)
    bench = Bench(ecu)
    bench.tester.wait(0.97)
    with pytest.raises(Inconclusive):
        bench.tester.access.write_effect(OPEN)


def test_value_can_be_watched_for_changing_by_itself() -> None:
    ecu = ScriptedEcu(lambda pdu: f"62 {pdu[1:].hex()} {int(ecu.port.now_s / 0.15) if pdu[2] == 0x10 else 5:02X}")
    access = Bench(ecu).tester.access
    assert access.changes_by_itself(0x1010)
    assert not access.changes_by_itself(0x2020)


def test_value_that_cannot_be_read_is_inconclusive() -> None:
    with pytest.raises(Inconclusive, match="cannot be read"):
        Bench(SecuredEcu()).tester.access.write_effect(DataEntry(did=0x3030))


def test_a_value_that_was_watched_for_long_is_only_glanced_at_again() -> None:
    ecu = ScriptedEcu({"22 10 10": "62 10 10 05"})
    bench = Bench(ecu)
    assert not bench.tester.access.changes_by_itself(0x1010, 8.0)
    begun_s = bench.now_s
    assert not bench.tester.access.changes_by_itself(0x1010, 8.0)
    assert bench.now_s - begun_s < 1.0
    ecu.script = lambda pdu: f"62 10 10 {int(ecu.port.now_s / 0.15) % 256:02X}"
    assert bench.tester.access.changes_by_itself(0x1010, 8.0)


def test_less_time_is_left_for_storing_to_an_ecu_that_stored_at_once_before() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    begun_s = bench.now_s
    assert not bench.tester.access.write_effect(PROTECTED).is_changed
    took_s = bench.now_s - begun_s
    for _ in range(STORED_AT_ONCE):
        assert bench.tester.access.write_effect(OPEN).is_changed
    begun_s = bench.now_s
    assert not bench.tester.access.write_effect(PROTECTED).is_changed
    assert bench.now_s - begun_s < 0.6 * took_s


def test_an_ecu_that_once_stored_late_is_given_its_time() -> None:
    class Late(SecuredEcu):
        late_s = 0.0

        def _write(self, pdu: bytes) -> Answers:
            did = int.from_bytes(pdu[1:3], "big")
            self.port.call_later(self.late_s, lambda: self.values.__setitem__(did, pdu[3:]))
            return f"6e {pdu[1:3].hex()}"

    ecu = Late()
    access = Bench(ecu).tester.access
    ecu.late_s = 0.08
    assert access.write_effect(OPEN).is_changed
    ecu.late_s = 0.0
    for _ in range(2 * STORED_AT_ONCE):
        assert access.write_effect(OPEN).is_changed
    ecu.late_s = 0.15
    assert access.write_effect(OPEN).is_changed


# Values that a check has changed are restored

LEVEL = 0x01


# Values


def test_open_value_is_put_back() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    ecu.values[0x1010] = b"\x99"
    bench.tester.state.will_change(0x1010, b"\x10")
    bench.tester.restore()
    assert ecu.values[0x1010] == b"\x10"
    assert bench.tester.state.changed == {}
    assert ecu.keys == []


def test_protected_value_is_put_back_unlocked_and_the_ecu_locked_then() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    ecu.values[0x2020] = b"\x99"
    bench.tester.state.will_change(0x2020, b"\x20")
    bench.tester.restore()
    assert ecu.values[0x2020] == b"\x20"
    assert bench.tester.state.changed == {}
    assert not ecu.is_unlocked


def test_value_that_is_back_already_is_not_written() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.state.will_change(0x1010, b"\x10")
    bench.tester.restore()
    assert bench.tester.state.changed == {}
    assert not any(request.startswith("2e") for request in ecu.heard)


def test_value_that_was_not_put_back_at_once_is_put_back() -> None:
    class WritesOnce(SecuredEcu):
        def _write(self, pdu: bytes) -> Answers:
            answer = super()._write(pdu)
            self.is_unlocked = False
            return answer

    ecu = WritesOnce()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    bench.tester.access.write_effect(PROTECTED)
    bench.tester.restore()
    assert ecu.values[0x2020] == b"\x20"


@pytest.mark.parametrize("key", [None, foreign_key])
def test_value_of_an_ecu_that_protects_nothing_is_put_back_without_its_key(key: Any) -> None:
    """The value was changed without unlocking, so it can be restored without unlocking, too."""
    ecu = SecuredEcu(is_unlocked=True, locks_on=())
    bench = Bench(ecu, key=key)
    ecu.zero_seed = b"\x01\x02\x03\x04"
    ecu.values[0x2020] = b"\x99"
    bench.tester.state.will_change(0x2020, b"\x20")
    bench.tester.restore()
    assert ecu.values[0x2020] == b"\x20"


@pytest.mark.parametrize("answer", ["7f 2e 31", "", "6e 20 20"])
def test_value_that_cannot_be_put_back_is_noted_and_tried_again_next_time(answer: str) -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    ecu.values[0x2020] = b"\x99"
    bench.tester.state.will_change(0x2020, b"\x20")
    ecu.refuses_with = {"2e": answer}
    bench.tester.restore()
    assert any("2020 could not be put back to 20" in note for note in bench.tester.notes)
    ecu.refuses_with = {}
    bench.tester.restore()
    assert ecu.values[0x2020] == b"\x20"


def test_one_value_that_cannot_be_put_back_does_not_keep_the_others_from_it() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    ecu.values[0x1010] = b"\x99"
    bench.tester.state.will_change(0x3030, b"\x30")
    bench.tester.state.will_change(0x1010, b"\x10")
    bench.tester.restore()
    assert ecu.values[0x1010] == b"\x10"
    assert list(bench.tester.state.changed) == [0x3030]


def test_key_function_that_fails_does_not_keep_other_values_from_being_put_back() -> None:
    def fails(seed: bytes, level: int) -> bytes:
        raise KeyFunctionError("key keys.py:key raised ValueError: no")

    ecu = SecuredEcu()
    bench = Bench(ecu, key=fails)
    ecu.values.update({0x2020: b"\x99", 0x1010: b"\x99"})
    bench.tester.state.will_change(0x2020, b"\x20")
    bench.tester.state.will_change(0x1010, b"\x10")
    bench.tester.enter_session(0x03)
    with suppress(KeyFunctionError):
        bench.tester.restore()
    assert ecu.values[0x1010] == b"\x10"
    assert ecu.session == Session.DEFAULT


def test_ecu_that_cannot_be_locked_again_is_not_unlocked_to_put_a_value_back() -> None:
    ecu = SecuredEcu(locks_on=(), has_sessions=False)
    bench = Bench(ecu, target=without_sessions())
    bench.tester.state.will_change(0x2020, b"\x77")
    bench.tester.restore()
    assert not ecu.is_unlocked


def test_secret_value_that_cannot_be_put_back_is_not_told() -> None:
    """The content of a secret DID is never shown."""
    ecu = SecuredEcu()
    bench = Bench(ecu, target=secured(data=(replace(OPEN, secret=True), PROTECTED)))
    bench.tester.state.will_change(0x1010, bytes.fromhex("C0FFEE"))
    ecu.refuses_with = {"2e": "7f 2e 31"}
    bench.tester.restore()
    assert bench.tester.notes
    assert not any("C0 FF EE" in note for note in bench.tester.notes)
