"""Prove flaws that no single answer shows: in timing, in frames, and outside the bus."""

import can
import pytest

from harness.ecu.profiles import HARDENED, hardened
from harness.ecu.rules import EcuDied

from .bench import Bench

READ = "740#0322101000000000"


def frame(text: str, time_s: float) -> can.Message:
    can_id, data = text.split("#")
    return can.Message(arbitration_id=int(can_id, 16), data=bytes.fromhex(data), is_extended_id=False, timestamp=time_s)


def burst(bench: Bench, text: str, count: int, apart_s: float) -> None:
    for number in range(count):
        bench.node.on_frame(frame(text, 1.0 + number * apart_s))


@pytest.mark.parametrize(("name", "fatal", "harmless"), [
    ("dies_of_request_burst", READ, "123#00"),
    ("dies_of_foreign_burst", "123#00", READ),
])  # fmt: skip
def test_a_burst_kills_and_the_same_frames_with_pauses_do_not(name: str, fatal: str, harmless: str) -> None:
    burst(Bench(hardened(name)), harmless, 1000, 0.0002)
    burst(Bench(hardened(name)), fatal, 1000, 0.0005)
    burst(Bench(hardened(name)), fatal, 199, 0.0002)
    with pytest.raises(EcuDied):
        burst(Bench(hardened(name)), fatal, 200, 0.0002)
    burst(Bench(hardened()), fatal, 1000, 0.0002)


def test_each_frame_makes_answers_later_until_a_restart() -> None:
    bench = Bench(hardened("latency_grows"))
    assert bench.give(READ) == []
    assert bench.wait(1e-6) == ["748#04621010FF000000"]
    burst(bench, "123#00", 998, 0.001)
    assert bench.give(READ) == []
    assert bench.wait(999e-6) == []
    assert bench.wait(2e-6) == ["748#04621010FF000000"]
    bench.power_cycle()
    bench.wait(0.05)
    bench.give(READ)
    assert bench.wait(1e-6) == ["748#04621010FF000000"]


def test_padding_shows_the_last_frame() -> None:
    bench = Bench(hardened("padding_leaks_last_frame"))
    assert bench.give("740#023E00A1A2A3A4A5") == ["748#027E00A1A2A3A4A5"]
    assert bench.give(READ) == ["748#04621010FF000000"]


def test_periodic_frames_stop_while_a_message_is_awaited() -> None:
    bench = Bench(hardened("periodic_frames_stop"))
    assert len(bench.wait(3.5)) == 3
    bench.give("740#100A222222222222")
    assert bench.wait(0.9) == []
    assert len(Bench(hardened("periodic_frames")).wait(3.5)) == 3


def test_the_image_holds_the_secret_by_a_flaw_only() -> None:
    secrets = [level.secret for level in HARDENED.levels]
    assert not any(secret in hardened().image for secret in secrets)
    assert all(secret in hardened("secret_in_image").image for secret in secrets)


def test_the_console_tells_the_secret_by_a_flaw_only(capsys: pytest.CaptureFixture[str]) -> None:
    Bench(hardened()).give("740#0227010000000000")
    assert capsys.readouterr().out == ""
    Bench(hardened("secret_printed")).give("740#0227010000000000")
    assert HARDENED.levels[0].secret.hex() in capsys.readouterr().out


def test_a_short_frame_or_number_kills_by_a_flaw_only() -> None:
    with pytest.raises(EcuDied):
        Bench(hardened("dies_on_frame_of_one_byte")).give("740#01")
    bench = Bench(hardened("dies_on_sequence_number_zero"))
    bench.give("740#2000000000000000")
    bench.give("740#100A222222222222")
    with pytest.raises(EcuDied):
        bench.give("740#2000000000000000")


def test_where_a_sequence_number_of_zero_is_due_it_is_harmless() -> None:
    bench = Bench(hardened("dies_on_sequence_number_zero"))
    bench.give("740#107F222222222222")
    for number in range(1, 17):
        bench.give(f"740#{0x20 | number & 15:02X}00000000000000")
    assert bench.give(READ) == ["748#04621010FF000000"]


def test_routine_of_four_bytes_restarts_the_ecu_without_an_answer() -> None:
    bench = Bench(hardened("restarts_on_routine_of_four_bytes"))
    bench.give("740#0210030000000000")
    assert bench.give("740#0431010000000000") == []
    assert bench.give(READ) == [], "it boots"
    bench.wait(HARDENED.boot_s)
    assert bench.give("740#0227010000000000") == ["748#037F277F00000000"], "its session is gone"
    assert bench.give("740#0331010000000000") == ["748#037F317F00000000"]


def test_frame_of_one_byte_restarts_the_ecu() -> None:
    bench = Bench(hardened("restarts_on_frame_of_one_byte"))
    bench.give("740#0210030000000000")
    assert bench.give("740#02") == []
    bench.wait(HARDENED.boot_s)
    assert bench.give("740#0227010000000000") == ["748#037F277F00000000"]
