"""Prove the operator's window by typing, clicking and reading, on a bus in this process."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import can
import pytest
from textual.widgets import Checkbox, Input, Label, OptionList, RichLog, Static, TabbedContent

from harness.ecu_host.frame_log import FrameLog
from harness.ecu_host.periodic import PeriodicFrames
from harness.ecu_host.status import running
from harness.ecu_host.window import LOG_LINES, EcuWindow
from tests.ecu_host.bench import Bench

SIZES = [(80, 24), (120, 40)]


@asynccontextmanager
async def operated(
    profile: str = "hardened", *, starts: bool = True, size: tuple[int, int] = SIZES[0]
) -> AsyncIterator[tuple[EcuWindow, Bench]]:
    """Open a window and the bus beside it; the test steps the host."""
    log, periodic = FrameLog(), PeriodicFrames()
    on = Bench(profile, beside=(periodic,), on_frame=log.add)
    on.host.say = log.add
    log.know(on.host.nodes)
    window = EcuWindow(on.host, log=log, periodic=periodic, bus=on.bus, starts=starts, threaded=False)
    async with window.run_test(size=size) as pilot:
        window.pilot = pilot  # type: ignore[attr-defined]
        await step(window, on)
        yield window, on
    on.close()


async def step(window: EcuWindow, on: Bench) -> None:
    """Step the host, and let the window show the result."""
    for _ in range(2):
        on.host.step(0.0)
        window.refresh_view()
        await window.pilot.pause()  # type: ignore[attr-defined]


def driven(act: Callable[[EcuWindow, Bench], Awaitable[None]], **options: Any) -> None:
    async def play() -> None:
        async with operated(**options) as (window, on):
            await act(window, on)

    asyncio.run(play())


def shown(window: EcuWindow, name: str) -> str:
    return str(window.query_one(f"#{name}", Static).render())


def logged(window: EcuWindow) -> list[str]:
    return [line.text for line in window.query_one("#log", RichLog).lines]


async def press(window: EcuWindow, on: Bench, *keys: str) -> None:
    await window.pilot.press(*keys)  # type: ignore[attr-defined]
    await step(window, on)


async def enter(window: EcuWindow, on: Bench, name: str, text: str) -> None:
    """Put a text into a field, and press Enter there."""
    field = window.query_one(f"#{name}", Input)
    field.value = text
    await field.action_submit()
    await step(window, on)


async def turn_to(window: EcuWindow, on: Bench, tab: str) -> None:
    window.query_one(TabbedContent).active = tab
    await step(window, on)


def sent(on: Bench) -> list[tuple[int, bool, str]]:
    return [(frame.arbitration_id, frame.is_extended_id, bytes(frame.data).hex().upper()) for frame in on.frames()]


# Start and stop


def test_nothing_is_sent_before_start_is_pressed_nor_after_stop() -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        on.let_pass(3.0)
        assert on.ask("221010") == ""
        assert "off the bus" in shown(window, "status")
        for text in ("", "slcan:", ":can0", "so cket:can0"):
            await enter(window, on, "bus", text)
            assert window.query_one("#bus", Input).has_class("-invalid")
            assert "Interface: write e.g. can0" in shown(window, "status")
            assert not on.host.is_on_bus
        absent = f"nope{os.getpid()}"
        await enter(window, on, "bus", absent)
        assert f"there is no interface '{absent}'" in shown(window, "status")
        await enter(window, on, "bus", on.bus.name)
        assert on.ask("221010") == "62 10 10 FF"
        await step(window, on)
        assert f"on {on.bus.name}" in shown(window, "status")
        await press(window, on, "f6")
        on.frames()
        on.let_pass(3.0)
        assert on.ask("221010") == ""
        assert sent(on) == []

    driven(act, starts=False)


@pytest.mark.thorough
def test_stop_and_start_keep_the_lock_open_and_power_does_not() -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        on.send("0227010000000000")
        on.send("062702" + on.host.views()[0].levels[0].key.hex() + "00")
        await press(window, on, "f6")
        await press(window, on, "f5")
        assert "UNLOCKED" in shown(window, "security")
        await press(window, on, "f7")
        assert "level 0x01 locked" in shown(window, "security")

    driven(act, profile="article")


# What is shown


def test_session_seed_key_attempts_delay_and_values_are_shown_live() -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        assert "1010 open        FF" in shown(window, "data")
        on.ask("2E101042")
        on.ask("1003")
        assert on.wrong_key() == "7F 27 35"
        seed = on.seed()
        await step(window, on)
        assert "1010 open        42" in shown(window, "data")
        text = shown(window, "security")
        assert "session extended (0x03)" in text
        assert "level 0x01 locked, wrong keys 1 of 3" in text
        assert f"seed {seed.hex().upper()}" in text
        key = text.split("key  ")[1].split()[0]
        assert on.ask("2702" + key) == "67 02"
        await step(window, on)
        assert "level 0x01 UNLOCKED, wrong keys 0 of 3" in shown(window, "security")
        for _ in range(3):
            on.wrong_key(level=3)
        on.let_pass(4.0)
        await step(window, on)
        assert "delay 6.0 s left" in shown(window, "security")
        lines = logged(window)
        assert any("Recv 740  04 2E 10 10 42 00 00 00  WriteDataByIdentifier: " in line for line in lines), lines
        assert any("Send 748  03 7F 27 35 00 00 00 00  SecurityAccess refused: 0x35" in line for line in lines), lines

    driven(act)


@pytest.mark.thorough
def test_what_the_article_prints_is_in_the_log() -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        on.send("0227010000000000")
        await step(window, on)
        assert any("Key Bytes (Hex): 0x" in line for line in logged(window))
        assert not window.query("#flaws"), "it takes none"

    driven(act, profile="article")


@pytest.mark.thorough
def test_the_log_is_bounded_and_says_what_it_left_out() -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        for _ in range(5 * LOG_LINES):
            on.tester.send(can.Message(arbitration_id=0x123, data=b"\x01", is_extended_id=False))
            on.host.step(0.0)
        await step(window, on)
        assert any("were too many to be shown" in line for line in logged(window))
        for _ in range(10):
            await step(window, on)
        assert len(logged(window)) <= LOG_LINES

    driven(act)


@pytest.mark.thorough
def test_a_node_that_died_is_told_and_power_brings_it_back() -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        on.send("01")
        await step(window, on)
        assert "died: EcuDied: a frame of one byte came" in shown(window, "status")
        await press(window, on, "f7")
        on.let_pass(0.1)
        assert on.ask("221010") == "62 10 10 FF"
        await step(window, on)
        assert "died" not in shown(window, "status")

    driven(act, profile="hardened+dies_on_frame_of_one_byte")


@pytest.mark.thorough
def test_a_status_of_a_window_is_told_to_whoever_asks() -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        on.host.ask = lambda act: act()  # type: ignore[method-assign]
        (status,) = await asyncio.to_thread(running, interface="virtual", channel=on.bus.channel)
        assert status["pid"] == os.getpid()
        await press(window, on, "f6")
        assert await asyncio.to_thread(running, interface="virtual", channel=on.bus.channel) == []

    driven(act)


# The three frames

BAD = {
    "an id beyond 11 bits": ("id1", "800", "3 or 8 hex digits: 07B"),
    "nine bytes": ("bytes1", "1,2,3,4,5,6,7,8,9", "9 bytes; a frame has 8"),
    "a period of nothing": ("period1", "0", "0.001 to 3600 s"),
}


def test_three_frames_are_sent_changed_and_held_back_while_a_field_is_wrong() -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        on.frames()
        on.let_pass(2.05)
        frames = sent(on)
        assert sorted(set(frames)) == [(can_id, True, "1122334455667788") for can_id in (0x7B, 0x7C, 0x7D)]
        assert len(frames) == 6
        await turn_to(window, on, "frames")
        for what, (name, text, problem) in BAD.items():
            right = window.query_one(f"#{name}", Input).value
            await enter(window, on, name, text)
            assert window.query_one(f"#{name}", Input).has_class("-invalid"), what
            assert str(window.query_one("#problem1", Label).render()) == problem, what
            on.frames()
            on.let_pass(1.2)
            assert sent(on) == [], what
            await enter(window, on, name, right)
        await enter(window, on, "id1", "321")
        await enter(window, on, "bytes1", "DE,AD")
        await enter(window, on, "period1", "0.1")
        window.query_one("#on0", Checkbox).value = False
        await step(window, on)
        on.frames()
        on.let_pass(1.05)
        frames = sent(on)
        assert frames.count((0x321, False, "DEAD")) == 10
        assert frames.count((0x7D, True, "1122334455667788")) == 1
        assert len(frames) == 11

    driven(act, profile="article")


@pytest.mark.thorough
def test_a_wrong_field_keeps_it_from_starting() -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        await turn_to(window, on, "frames")
        await enter(window, on, "bytes2", "1122334455667788 99")
        await press(window, on, "f5")
        assert "Not started" in shown(window, "status")
        assert not on.host.is_on_bus
        window.query_one("#on2", Checkbox).value = False
        await press(window, on, "f5")
        assert on.host.is_on_bus, "it is not to be sent"

    driven(act, starts=False)


# Flaws


@pytest.mark.thorough
def test_a_flaw_is_switched_on_by_a_key_and_off_again() -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        await turn_to(window, on, "flaws_pane")
        await enter(window, on, "sought", "constant_seed")
        window.query_one("#flaws", OptionList).focus()
        await press(window, on, "home", "space")
        assert on.host.flaws == ("constant_seed",)
        assert "hardened + constant_seed" in shown(window, "status")
        on.let_pass(0.1)
        on.ask("1003")
        first = on.seed()
        on.ask("1001")
        on.ask("1003")
        assert on.seed() == first
        await press(window, on, "space")
        assert on.host.flaws == ()

    driven(act)


def test_of_two_flaws_that_exclude_each_other_the_first_stays() -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        await turn_to(window, on, "flaws_pane")
        for name in ("constant_seed", "cycling_seeds"):
            await enter(window, on, "sought", name)
            window.query_one("#flaws", OptionList).focus()
            await press(window, on, "end", "space")
        assert on.host.flaws == ("constant_seed",)
        assert "constant_seed and cycling_seeds both change" in shown(window, "status")

    driven(act)


@pytest.mark.thorough
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("profile", ["article", "hardened"])
def test_everything_fits_the_terminal(size: tuple[int, int], profile: str) -> None:
    async def act(window: EcuWindow, on: Bench) -> None:
        for tab in ("ecu", "frames", "flaws_pane"):
            await turn_to(window, on, tab)
            for widget in window.query("Input, Button, Checkbox, .problem, #status, #log, Footer"):
                if widget.region.area:
                    assert widget.region.right <= size[0], widget
                    assert widget.region.bottom <= size[1], widget

    driven(act, size=size, profile=profile)
