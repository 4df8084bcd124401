"""Prove that values which a check has changed are restored."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from harness.errors import KeyFunctionError
from harness.uds import Session

from .bench import (
    OPEN,
    PROTECTED,
    Answers,
    Bench,
    SecuredEcu,
    foreign_key,
    secured,
    without_sessions,
)

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
    """It was changed without unlocking, so it can be changed back."""
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
