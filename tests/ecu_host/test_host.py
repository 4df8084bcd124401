"""Prove that a host keeps its ECU alive whatever happens to the bus, and restarts it with other flaws as a real ECU
restarts.
"""

from __future__ import annotations

import can
import pytest

from harness.ecu_host.host import RETRY_S, BusOptions, Host
from harness.ecu_host.non_volatile import ecus_of
from harness.errors import UserError
from tests.ecu_host.bench import Bench, HandClock, bench


class FailingBus(can.BusABC):
    """An adapter that a test can unplug, and that may refuse a frame."""

    opened: list[FailingBus]

    def __init__(self, channel: str = "x", **options: object) -> None:
        super().__init__(channel)
        self.sent: list[can.Message] = []
        self.waiting: list[can.Message] = []
        self.error: Exception | None = None
        self.opened.append(self)

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(msg)

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        if self.error is not None:
            raise self.error
        return (self.waiting.pop(0) if self.waiting else None), False


@pytest.fixture
def adapters(monkeypatch: pytest.MonkeyPatch) -> list[FailingBus]:
    """The adapters that were opened in place of real ones."""
    FailingBus.opened = []
    monkeypatch.setattr(can, "Bus", lambda **options: FailingBus(str(options["channel"])))
    return FailingBus.opened


def read_1010() -> can.Message:
    return can.Message(arbitration_id=0x740, data=bytes.fromhex("0322101000000000"), is_extended_id=False)


def hosted() -> tuple[Host, list[str], HandClock]:
    said: list[str] = []
    clock = HandClock()
    host = Host("hardened", say=said.append, clock=clock)
    host.connect(BusOptions(interface="slcan", channel="/dev/ttyACM0"))
    host.step(0.0)
    return host, said, clock


def test_an_adapter_that_is_unplugged_is_opened_again_and_the_ecu_has_lived_on(adapters: list[FailingBus]) -> None:
    host, said, clock = hosted()
    adapters[0].waiting.append(
        can.Message(arbitration_id=0x740, data=bytes.fromhex("0210030000000000"), is_extended_id=False)
    )
    host.step(0.0)
    adapters[0].error = OSError(19, "No such device")
    host.step(0.0)
    assert not host.is_on_bus
    assert "No such device" in said[-1]
    assert host.views()[0].session == 3
    clock.sleep(RETRY_S)
    host.step(0.0)
    assert host.is_on_bus
    assert "the ECU is on the bus" in said[-1]
    assert host.views()[0].session == 3, "a wire that was cut takes no session with it"
    adapters[1].waiting.append(read_1010())
    host.step(0.0)
    assert bytes(adapters[1].sent[-1].data).hex().startswith("04621010")
    assert host.outages == 1


def test_a_bus_that_stays_away_is_looked_for_and_spoken_of_once(adapters: list[FailingBus]) -> None:
    host, said, clock = hosted()

    def refuse(**options: object) -> can.BusABC:
        raise can.CanInitializationError("no adapter")

    adapters[0].error = OSError(19, "No such device")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(can, "Bus", refuse)
        for _ in range(100):
            host.step(0.0)
            clock.sleep(0.1)
    assert len([line for line in said if "waiting for it" in line]) <= 2, said
    assert host.status()["away"]


def test_a_frame_that_the_adapter_refuses_is_counted_and_ends_nothing(adapters: list[FailingBus]) -> None:
    host, said, _ = hosted()
    adapters[0].waiting.append(read_1010())
    adapters[0].error = None
    adapters[0].send = lambda msg, timeout=None: (_ for _ in ()).throw(OSError(105, "No buffer space"))  # type: ignore[method-assign]
    host.step(0.0)
    assert host.counters() == {"received_frames": 1, "sent_frames": 0, "unsent_frames": 1, "error_frames": 0}
    assert host.is_on_bus
    assert len(said) == 1
    assert "No buffer space; the frame is lost" in said[0]


def test_an_adapter_that_raises_what_nobody_expects_is_opened_again_and_not_asked_in_a_circle(
    adapters: list[FailingBus],
) -> None:
    host, said, clock = hosted()
    adapters[0].error = ZeroDivisionError("a driver's own mistake")
    for _ in range(5):
        host.step(0.0)
    assert not host.is_on_bus
    assert len(adapters) == 1
    clock.sleep(RETRY_S)
    host.step(0.0)
    assert host.is_on_bus
    assert "a driver's own mistake" in said[0]


def test_an_interface_that_does_not_exist_is_refused_unless_it_is_waited_for() -> None:
    host = Host("hardened", say=lambda text: None, clock=HandClock())
    bus = BusOptions(interface="socketcan", channel="nope0")
    with pytest.raises(UserError, match="there is no interface 'nope0'"):
        host.connect(bus, waits=False)
    said: list[str] = []
    host.say = said.append
    host.connect(bus, waits=True)
    assert "nope0" in said[0]
    assert "waiting for it" in said[0]


def test_an_interface_that_python_can_does_not_know_is_not_waited_for() -> None:
    host = Host("hardened", say=lambda text: None, clock=HandClock())
    with pytest.raises(UserError, match="nosuch"):
        host.connect(BusOptions(interface="nosuch", channel="x"), waits=True)


def test_what_is_asked_is_done_between_two_frames() -> None:
    with bench() as on:
        done: list[bool] = []
        on.host.ask(lambda: done.append(on.host.is_on_bus))
        assert done == []
        on.host.step(0.0)
        assert done == [True]


def test_run_ends_when_it_is_asked_to() -> None:
    on = Bench()
    on.host.connect(on.bus)
    on.host.ask(on.host.stop)
    on.host.run()
    assert not on.host.is_on_bus
    on.close()


# A node that dies


def test_a_node_that_dies_is_silent_until_its_power_is_cycled() -> None:
    with bench(flaws=["dies_on_frame_of_one_byte"]) as on:
        assert on.ask("221010") == "62 10 10 FF"
        on.send("01")
        assert on.ask("221010") == ""
        assert "a frame of one byte came" in on.said[-1]
        assert on.host.status()["faults"] == [on.said[-1].removesuffix("; it is silent until its power is cycled")]
        on.host.power_cycle()
        on.let_pass(0.1)
        assert on.ask("221010") == "62 10 10 FF"


# Flaws, switched while it runs


def test_a_flaw_is_switched_on_and_off_while_the_ecu_is_on_the_bus() -> None:
    with bench() as on:
        on.host.set_flaws(["constant_seed"])
        on.let_pass(0.1)
        on.ask("1003")
        first = on.seed()
        on.ask("1001")
        on.ask("1003")
        assert on.seed() == first
        on.host.set_flaws([])
        on.let_pass(0.1)
        on.ask("1003")
        assert on.seed() != first


def test_switching_a_flaw_is_a_restart_locked_and_in_the_default_session() -> None:
    with bench() as on:
        on.ask("1003")
        assert on.unlock() == "67 02"
        on.host.set_flaws(["constant_seed"])
        (view,) = on.host.views()
        assert view.session == 1
        assert not any(level.is_unlocked or level.seed for level in view.levels)


def test_wrong_keys_and_written_data_outlast_the_switching_of_a_flaw() -> None:
    with bench() as on:
        on.ask("1003")
        on.unlock()
        assert on.ask("2E202099") == "6E 20 20"
        assert on.ask("2E101077") == "6E 10 10"
        on.ask("1001")
        on.ask("1003")
        assert on.wrong_key() == "7F 27 35"
        on.host.set_flaws(["constant_seed"])
        on.let_pass(0.1)
        assert on.ask("222020") == "62 20 20 99"
        assert on.ask("221010") == "62 10 10 FF", "1010 is in RAM"
        assert on.host.views()[0].levels[0].wrong_keys == 1


def test_a_sound_ecu_does_not_keep_what_only_a_flaw_let_in() -> None:
    with bench(flaws=["counter_is_signed_byte"]) as on:
        (ecu,) = ecus_of(on.host.nodes)
        ecu.state.values[0x3030] = b"\xff\xff"  # beyond what may be written
        ecu.state.wrong_keys[1] = -100
        ecu.state.lasting["accepted keys"] = ["6f6c64"]
        on.host.set_flaws([])
        (ecu,) = ecus_of(on.host.nodes)
        assert ecu.state.values[0x3030] == b"\x03\x20"
        assert ecu.state.wrong_keys[1] == 0
        assert ecu.state.lasting == {}


def test_a_value_that_only_a_flaw_let_in_is_gone_with_it() -> None:
    with bench("hardened+value_range_unchecked") as on:
        on.ask("1003")
        on.unlock(level=3)
        assert on.ask("2E3030FFFF") == "6E 30 30"
        on.host.set_flaws(["constant_seed"])
        on.let_pass(0.1)
        assert on.ask("223030") == "62 30 30 03 20"


def test_a_flaw_that_the_profile_does_not_have_changes_nothing() -> None:
    with bench() as on:
        on.ask("1003")
        nodes = on.host.nodes
        with pytest.raises(UserError, match="no defect or variant"):
            on.host.set_flaws(["nosuch"])
        assert on.host.nodes is nodes
        assert on.host.views()[0].session == 3


# What it shows


def test_the_view_shows_the_pending_seed_and_the_key_that_opens_it() -> None:
    with bench() as on:
        on.ask("1003")
        seed = on.seed()
        level = on.host.views()[0].levels[0]
        assert level.seed == seed
        assert on.ask("2702" + level.key.hex()) == "67 02"
        assert on.host.views()[0].levels[0].is_unlocked


def test_the_article_shows_its_seed_and_key_too() -> None:
    with bench("article") as on:
        on.send("0227010000000000")
        level = on.host.views()[0].levels[0]
        assert len(level.seed) == 5
        on.send("062702" + level.key.hex() + "00")
        assert on.host.views()[0].levels[0].is_unlocked


def test_the_view_counts_down_the_delay_and_looking_changes_nothing() -> None:
    with bench() as on:
        on.ask("1003")
        for _ in range(2):
            on.wrong_key()
        assert on.wrong_key() == "7F 27 36"
        level = on.host.views()[0].levels[0]
        assert (level.wrong_keys, level.attempts) == (3, 3)
        assert 9.9 < level.delay_left_s <= 10.0
        on.let_pass(4.0)
        assert 5.9 < on.host.views()[0].levels[0].delay_left_s <= 6.0
        assert on.ask("2701") == "7F 27 37"


def test_the_session_ends_by_itself_in_the_view_as_for_a_tester() -> None:
    with bench() as on:
        on.ask("1003")
        on.let_pass(4.9)
        assert on.host.views()[0].session == 3
        on.let_pass(0.2)
        assert on.host.views()[0].session == 1
        assert on.ask("2701") == "7F 27 7F"


def test_status_holds_no_key_and_no_guarded_value() -> None:
    with bench() as on:
        on.ask("1003")
        on.seed()
        key = on.host.views()[0].levels[0].key
        said = str(on.host.status()).upper()
        assert key.hex().upper() not in said
        assert b"CALIBRATED".hex().upper() not in said


def filtered_ids(adapter: FailingBus) -> set[int] | None:
    return None if adapter.filters is None else {entry["can_id"] for entry in adapter.filters}


def test_the_adapter_drops_what_the_ecu_does_not_hear(adapters: list[FailingBus]) -> None:
    host, _, _ = hosted()
    assert filtered_ids(adapters[0]) == {0x740, 0x742, 0x7DF}
    host.set_flaws(["dies_of_foreign_burst"])
    assert filtered_ids(adapters[0]) is None
    host.set_flaws([])
    assert filtered_ids(adapters[0]) == {0x740, 0x742, 0x7DF}


def test_who_watches_the_bus_is_shown_every_frame(adapters: list[FailingBus]) -> None:
    host = Host("hardened", say=lambda text: None, clock=HandClock(), on_frame=lambda frame: None)
    host.connect(BusOptions(interface="slcan", channel="/dev/ttyACM0"))
    host.step(0.0)
    assert filtered_ids(adapters[0]) is None
