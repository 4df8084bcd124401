"""Prove how a lockout is measured: its limit, its delay, and what the report shows of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from harness.audit.opening import open_tester
from harness.buses import SimulatedLink
from harness.errors import NotApplicable, NotRun
from harness.link.trace import Trace
from harness.measurements import Measurements
from harness.target import Target
from harness.verdict import Depth

from ..variants import with_changes


def declaring(target: Target, attempts: int | None, delay_s: float | None) -> Target:
    levels = tuple(replace(entry, attempts=attempts, delay_s=delay_s) for entry in target.security)
    return replace(target, security=levels)


def without_key(target: Target) -> Target:
    return replace(target, security=tuple(replace(entry, key=None, secret=None) for entry in target.security))


@contextmanager
def measuring(target: Target) -> Iterator[Measurements]:
    tester = open_tester(target, seed=1, trace=Trace(), ledger_path=None)
    yield Measurements(tester, Depth.QUICK)
    tester.link.close()


def test_a_delay_is_measured_by_the_frames() -> None:
    with measuring(with_changes("hardened")) as measure:
        delay = measure.delay(1)
    assert delay.exists
    assert not delay.is_too_short
    assert delay.seconds == pytest.approx(10.0, abs=0.15)
    assert delay.at_least_s < 10.0 < (delay.seconds or 0)
    assert delay.key_in_delay is not None
    assert delay.key_in_delay.is_refused_with(0x24)


def test_a_delay_that_nobody_declared_is_measured_too() -> None:
    with measuring(declaring(with_changes("hardened"), None, None)) as measure:
        delay = measure.delay(1)
    assert delay.seconds == pytest.approx(10.0, rel=0.06)
    assert not delay.is_too_short


@pytest.mark.parametrize("make", [lambda target: target, without_key])
def test_a_short_delay_is_too_short_whoever_asks(make) -> None:  # type: ignore[no-untyped-def]
    with measuring(make(with_changes("hardened", "delay_too_short"))) as measure:
        delay = measure.delay(1)
    assert delay.is_too_short
    assert delay.seconds == pytest.approx(1.0, abs=0.6)
    assert delay.key_for_given is not None
    assert delay.key_for_given.is_positive or delay.key_for_given.nrc == 0x35


def test_an_announced_limit_that_nothing_follows_is_no_delay() -> None:
    with measuring(with_changes("hardened", "seed_given_after_limit")) as measure:
        delay = measure.delay(1)
    assert not delay.exists
    assert delay.is_too_short
    assert delay.key_for_given is not None
    assert delay.key_for_given.is_positive


def test_a_pause_between_keys_is_not_the_delay() -> None:
    with measuring(with_changes("hardened", "pause_after_wrong_key")) as measure:
        assert measure.limit(1) == 1
        delay = measure.delay(1)
    assert delay.wrong_keys == 3
    assert delay.seconds == pytest.approx(10.0, abs=0.15)


def test_a_declared_delay_that_takes_too_long_on_a_real_bus_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    with measuring(declaring(with_changes("hardened"), 3, 3600.0)) as measure:
        measure.limit(1)
        monkeypatch.setattr(SimulatedLink, "is_virtual", False)
        with pytest.raises(NotRun, match="3600 s"):
            measure.delay(1)


def test_without_a_limit_there_is_no_delay_to_measure() -> None:
    with measuring(with_changes("hardened", "no_attempt_limit")) as measure:
        with pytest.raises(NotApplicable, match="no limit"):
            measure.delay(1)
        lockout = measure.lockout(1)
    assert not lockout.is_enough
    assert "128 bits" in lockout.extrapolation
    assert "years" in lockout.extrapolation
    assert lockout.extrapolation.endswith("; bus and ECU allow no more")
    of_this_computer = replace(lockout, is_pace_of_bus=False).extrapolation
    assert "at this computer's" in of_this_computer
    assert of_this_computer.endswith("; a faster tester takes less")


def test_the_report_shows_one_table_for_each_level() -> None:
    with measuring(with_changes("hardened")) as measure:
        measure.delay(1)
        measure.delay(3)
        measure.of_lockout(1, "Delay", "another value")
        shown = {profile.title: dict(profile.rows) for profile in measure.profiles}
    assert set(shown) == {"Lockout of level 0x01", "Lockout of level 0x03"}
    assert shown["Lockout of level 0x01"]["Delay"] == "another value"
    assert shown["Lockout of level 0x03"]["Wrong keys"] == "limited at the wrong key 3"
    assert shown["Lockout of level 0x03"]["Delay"].endswith("declared: 10 s")
    assert "3 keys each 10.0 s" in shown["Lockout of level 0x03"]["Time to guess a key"]
