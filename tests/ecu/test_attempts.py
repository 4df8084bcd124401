"""Prove what else a sound ECU may do about wrong keys, as the sound variants are configured."""

from typing import Any

import pytest

from harness.uds import Nrc
from tests.steps import dialogues, play

from .bench import HardenedBench

WRONG = "11" * 16
LIMIT = "wrong key > 7f 27 35 | wrong key > 7f 27 35 | wrong key > 7f 27 36"
AFTER_DELAY = "wait: delay | 10 03"
DELAYED, SEED = "27 01 > 7f 27 37", "27 01 > 67 01 ..."
SETTINGS: dict[str, dict[str, Any]] = {
    "the delay may be told by other codes": {
        "delay_nrc": Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS,
        "key_in_delay_nrc": Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED,
    },
    "the delay may follow every restart": {"has_boot_delay": True},
    "after the delay one try may be left": {"tries_after_delay": 1},
    "a delay never adds wrong keys": {"tries_after_delay": 1},
    "levels may share one count": {"has_one_counter": True},
    "levels count apart unless configured": {},
    "a pause may follow each wrong key and clears nothing": {"wrong_key_delay_s": 1.0},
    "the counts may take a while to load, at a restart only": {"counters_load_s": 0.5},
}
DIALOGUES = dialogues(f"""
the delay may be told by other codes
    lock out | 27 01 > 7f 27 36 | 27 02 {WRONG} > 7f 27 37
the delay may follow every restart
    reboot: power | {DELAYED} | {AFTER_DELAY} | right key > 67 02
after the delay one try may be left
    lock out | {AFTER_DELAY} | wrong key > 7f 27 36 | {AFTER_DELAY} | right key > 67 02 | 10 03 > 50 ... | {LIMIT}
a delay never adds wrong keys
    wrong key | reboot: power | {AFTER_DELAY} | wrong key > 7f 27 35 | wrong key > 7f 27 36
levels may share one count
    wrong key: 1 > 7f 27 35 | wrong key: 3 > 7f 27 35 | wrong key: 1 > 7f 27 36 | 27 03 > 7f 27 37
levels count apart unless configured
    lock out | 27 03 > 67 03 ...
a pause may follow each wrong key and clears nothing
    wrong key > 7f 27 35 | {DELAYED} | wait: 1 s | wrong key > 7f 27 35 | {DELAYED} | wait: 1 s
    wrong key > 7f 27 36 | {DELAYED} | wait: 1 s | {DELAYED}
the counts may take a while to load, at a restart only
    {SEED} | reboot: 11 01 | 27 01 > 7f 27 22 | 27 02 {WRONG} > 7f 27 22 | wait: 0.5 s | {SEED}
""")


def in_session(**changes: Any) -> HardenedBench:
    bench = HardenedBench(**changes)
    bench.ask("10 03")
    return bench


@pytest.mark.parametrize("steps", DIALOGUES)
def test_a_sound_ecu(steps: str, request: pytest.FixtureRequest) -> None:
    play(steps, in_session(**SETTINGS[request.node.callspec.id]).do)


@pytest.mark.parametrize("attempts", [1, 2, 5, 10])
def test_the_limit_is_where_it_is_configured(attempts: int) -> None:
    play("wrong key > 7f 27 35 | " * (attempts - 1) + f"wrong key > 7f 27 36 | {DELAYED}", in_session(attempts=attempts).do)


@pytest.mark.parametrize("how", ["11 01", "11 02", "11 03", "power"])
def test_a_count_outlasts_every_restart_and_begins_with_the_delay(how: str) -> None:
    play(f"wrong key | reboot: {how} | {DELAYED} | {AFTER_DELAY} | right key > 67 02", in_session().do)
