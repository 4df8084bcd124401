"""Prove that no answer of an ECU causes an error of the tester, or an endless wait."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from harness.errors import HarnessError, Unjudged, Violation
from harness.link.clock import Chance
from harness.target import Reset
from harness.tester.ledger import Ledger
from harness.tester.reply import negative, positive, silence

from .bench import OPEN, PROTECTED, Answers, Bench, PoweredEcu, allowing, secured

LONGEST_S = 2000.0
"""The longest virtual time in seconds for one action: ten delays of 10 s, and a minute of response pending now and then."""


class Mad(PoweredEcu):
    """An ECU that answers as it should or, by chance, in any other way."""

    def __init__(self, chance: Chance, madness: int) -> None:
        super().__init__(has_sessions=bool(chance.below(4)), is_unlocked=not chance.below(4))
        self.chance = chance
        self.madness = madness
        """How many of ten answers are wrong."""

    def answers(self, pdu: bytes) -> Answers:
        sound = super().answers(pdu)
        if self.chance.below(10) >= self.madness:
            return sound
        mad: list[Callable[[], Answers]] = [
            lambda: [],
            lambda: f"{pdu[0] + 0x40 & 0xFF:02x}",
            lambda: f"{pdu[0] + 0x40 & 0xFF:02x} {pdu[1:3].hex()} {self._bytes(20).hex()}",
            lambda: f"7f {pdu[0]:02x} {self._bytes(1).hex() or '10'}",
            lambda: f"7f {pdu[0]:02x} 78",
            lambda: [f"7f {pdu[0]:02x} 78", (4.0, f"7f {pdu[0]:02x} 78"), (6.0, "7f")],
            lambda: f"7f {pdu[0]:02x} 21",
            lambda: f"7f {pdu[0]:02x} 37",
            lambda: "67 01" + " 00" * self.chance.below(6),
            lambda: (self._bytes(30) or b"\x01").hex(),
            lambda: f"raw {self._bytes(8).hex()}",
            lambda: f"raw 1f ff {self._bytes(6).hex()}",
            lambda: [answer for answer in (sound, sound) if isinstance(answer, str)],
            lambda: (0.3, sound) if isinstance(sound, str) else [],
        ]
        return mad[self.chance.below(len(mad))]()

    def _bytes(self, most: int) -> bytes:
        return self.chance.random_bytes(self.chance.below(most + 1))


ACTIONS: dict[str, Callable[[Bench], object]] = {
    "restore": lambda bench: bench.tester.restore(),
    "prove keys": lambda bench: bench.tester.prove_keys(),
    "unlock": lambda bench: bench.tester.security.unlock(0x01),
    "guess": lambda bench: bench.tester.security.try_key(0x01, lambda seed: bytes(4)),
    "discard a seed": lambda bench: bench.tester.security.discard_seed(0x01),
    "require locked": lambda bench: bench.tester.access.require_locked(PROTECTED),
    "take a control": lambda bench: bench.tester.access.require_control(PROTECTED),
    "write": lambda bench: bench.tester.access.write_effect(OPEN),
    "read": lambda bench: str(bench.tester.read_reply(0x1010).packet),
    "judge": lambda bench: bench.tester.judge(bench.tester.write(0x2020, b"\x21"), sound=negative(0x33), flawed=positive()),
    "judge silence": lambda bench: bench.tester.judge(bench.tester.request("3E 80"), sound=silence()),
    "restart": lambda bench: [bench.tester.restart.restart(means) for means in bench.tester.restart.means()],
    "long request": lambda bench: bench.tester.request(b"\x22" + b"\x10\x10" * 10).exchange(),
    "raw frame": lambda bench: bench.tester.raw(b"\x03\x22\x10\x10").exchange(),
    "live": lambda bench: bench.tester.is_alive(),
}


def act_by_chance(bench: Bench, seed: int, times: int) -> None:
    """Do some actions, and assert that none of them takes for ever."""
    chance = Chance(seed, "actions")
    for _ in range(times):
        name = list(ACTIONS)[chance.below(len(ACTIONS))]
        started_s = bench.now_s
        with suppress(Unjudged, Violation, HarnessError):
            ACTIONS[name](bench)
        assert bench.now_s - started_s < LONGEST_S, name


@pytest.mark.parametrize("madness", [2, 9])
@pytest.mark.parametrize("seed", range(12))
def test_no_answer_brings_the_tester_to_an_error_of_its_own(seed: int, madness: int) -> None:
    reset = Reset(uds=0x01, power="simulated", boot_s=0.5)
    act_by_chance(Bench(Mad(Chance(seed, "ecu"), madness), target=secured(reset=reset)), seed, times=30)


@pytest.mark.parametrize("seed", range(6))
def test_no_answer_brings_the_tester_to_send_what_is_not_allowed(seed: int) -> None:
    ecu = Mad(Chance(seed, "ecu"), madness=5)
    reset = Reset(uds=0x01, power="simulated", boot_s=0.5)
    act_by_chance(Bench(ecu, target=secured(reset=reset, safety=allowing().safety)), seed, times=30)
    assert {request[:2] for request in ecu.heard} <= {"10", "22", "27", "3e"}
    assert ecu.restarts == 0


@pytest.mark.parametrize("seed", range(6))
def test_no_answer_brings_the_tester_to_send_more_wrong_keys_than_the_budget(seed: int) -> None:
    ecu = Mad(Chance(seed, "ecu"), madness=3)
    ledger = Ledger(None, "bench", 3)
    act_by_chance(Bench(ecu, target=secured(reset=Reset(power="simulated", boot_s=0.5)), ledger=ledger), seed, times=60)
    keys = [bytes.fromhex(request[4:]) for request in ecu.heard if request.startswith("2702")]
    assert sum(key == bytes(4) for key in keys) <= 3
    assert ecu.keys.count(bytes(4)) <= ledger.spent(0x01)
