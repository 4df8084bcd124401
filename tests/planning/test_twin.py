"""Prove that the ECU simulated from a target answers as the target declares."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.planning.twin import UNKNOWN_BYTES, Twin, twin_of
from harness.shell.hand import HandTester
from harness.simulation.simulated_link import SimulatedLink
from harness.target import load_text
from harness.tester.keys import key_function
from harness.tester.ledger import Ledger
from harness.tester.reply import Reply

HEAD = """
[target]
environment = "bench"

[can]
interface = "socketcan"
channel = "nobody0"
request_id = 0x7E0
response_id = 0x7E8
"""
DECLARED = """
[timing]
p2_ms = 30
s3_ms = 4000

[[session]]
id = 0x03

[[session]]
id = 0x40

[[security]]
level = 0x01
session = 0x03
attempts = 2
delay_s = 7
key = "hmac-sha256"
secret = "hex:8F1D5A20C4B97E3364F0A81B96D2075C"

[[security]]
level = 0x03
session = 0x40
attempts = 4
delay_s = 60
key = "command: never-run-me"

[[security]]
level = 0x05

[[data]]
did = 0xF190
length = 17

[[data]]
did = 0x2020
length = 2
read = "level 0x03"
write = "level 0x01"
values = "0100..01FF"

[[routine]]
id = 0x0203
needs = "level 0x01"

[[memory]]
range = "20000000..2000003F"
needs = "open"

[[service]]
id = 0x28
needs = "level 0x01"

[reset]
uds = 0x01
boot_s = 2.0

[safety]
allow = ["lockout", "write", "reset", "functional", "destructive"]
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """A twin with a small tester."""

    twin: Twin
    tester: HandTester

    def ask(self, text: str) -> str:
        return self.reply(text).pdu.hex(" ").upper()

    def reply(self, text: str) -> Reply:
        return self.tester.request(bytes.fromhex(text))

    def unlock(self, level: int) -> str:
        seed = self.tester.security.request_seed(level).pdu[2:]
        return self.tester.security.send_key(level, self.tester.security.right_key(level, seed)).pdu.hex(" ").upper()

    def wrong_key(self, level: int) -> str:
        self.tester.security.request_seed(level)
        return self.tester.security.send_key(level, bytes(16)).pdu.hex(" ").upper()


def bench_of(text: str) -> Bench:
    target = load_text(text, "mine.toml")
    twin = twin_of(target, {entry.level: key_function(entry, Path()) for entry in target.security})
    link = SimulatedLink([twin.node], bitrate=500_000, chance=Chance(1), trace=Trace())
    tester = HandTester(link, target, chance=Chance(2), keys=twin.keys, ledger=Ledger(None, "twin", None))
    tester.security.right_key_must_come_first = False
    return Bench(twin, tester)


@pytest.fixture
def bench() -> Bench:
    return bench_of(HEAD + DECLARED)


def test_each_level_keeps_to_its_session_attempts_and_delay(bench: Bench) -> None:
    assert bench.ask("27 01") == "7F 27 7F"
    assert bench.ask("10 40").startswith("50 40")
    assert bench.ask("27 01") == "7F 27 7E"
    assert [bench.wrong_key(3) for _ in range(4)] == ["7F 27 35"] * 3 + ["7F 27 36"]
    bench.ask("10 03")
    assert bench.unlock(1) == "67 02"
    bench.ask("10 03")
    assert [bench.wrong_key(1) for _ in range(2)] == ["7F 27 35", "7F 27 36"]
    bench.tester.wait(6.5)
    assert bench.ask("10 03")[:5] == "50 03"
    assert bench.ask("27 01") == "7F 27 37"
    bench.tester.wait(1.0)
    assert bench.ask("27 01").startswith("67 01")


def test_a_level_without_a_session_is_there_in_each(bench: Bench) -> None:
    assert bench.ask("27 05").startswith("67 05")
    assert bench.ask("10 03")[:5] == "50 03"
    assert bench.ask("27 05").startswith("67 05")
    assert bench.twin.keys[5] is None


def test_data_memory_routines_and_services_need_what_is_declared(bench: Bench) -> None:
    assert len(bench.reply("22 F190").pdu) == 3 + 17
    assert bench.ask("2E 2020 0101") == "7F 2E 33"
    assert bench.ask("22 2020") == "7F 22 33"
    bench.ask("10 03")
    assert bench.ask("23 14 20000000 01")[:2] == "63"
    assert (bench.ask("31 01 0203"), bench.ask("28 00 01")) == ("7F 31 33", "7F 28 33")
    bench.unlock(1)
    assert bench.ask("2E 2020 0101") == "6E 20 20"
    assert bench.ask("2E 2020 0200") == "7F 2E 31"
    assert bench.ask("31 01 0203")[:11] == "71 01 02 03"
    assert bench.ask("28 00 01") == "68 00"


def test_sessions_end_and_resets_take_their_time_as_declared(bench: Bench) -> None:
    bench.ask("10 03")
    bench.unlock(1)
    bench.tester.wait(4.5)
    assert bench.ask("27 01") == "7F 27 7F"
    assert bench.ask("11 01") == "51 01"
    bench.tester.wait(1.5)
    assert bench.reply("22 F190").is_silence
    bench.tester.wait(0.5)
    assert bench.reply("22 F190").is_positive


def test_what_was_taken_for_granted_is_said(bench: Bench) -> None:
    said = " ".join(bench.twin.assumptions)
    assert "The key of level 0x03 is made by a stand-in" in said
    assert "No key is declared for level 0x05" in said
    assert "No limit on wrong keys is declared of level 0x05: it is taken to have none." in said
    assert "level 0x01" not in said


@pytest.mark.parametrize(
    ("declared", "limited_at", "said"),
    [
        ("", None, "No limit on wrong keys is declared"),
        ("attempts = 2", 2, "2 wrong keys are taken to lock it for 10 s"),
        ("delay_s = 7", 3, "3 wrong keys are taken to lock it for 7 s"),
    ],
)
def test_a_level_has_the_limit_that_is_declared(declared: str, limited_at: int | None, said: str) -> None:
    bench = bench_of(f'{HEAD}[[security]]\nlevel = 0x01\n{declared}\n[safety]\nallow = ["lockout"]\n')
    answers = []
    for _ in range(12):
        bench.ask("27 01")
        answers.append(bench.ask("27 02" + " 00" * UNKNOWN_BYTES))
    limited = [number for number, answer in enumerate(answers, 1) if answer == "7F 27 36"]
    assert limited[:1] == ([limited_at] if limited_at else [])
    assert any(said in one for one in bench.twin.assumptions)


@pytest.mark.parametrize(
    ("can", "request_id"),
    [
        ('addressing = "extended"\ntarget_address = 0x40\nsource_address = 0xF1', 0x7E0),
        ('addressing = "extended"\ntarget_address = 0x40', 0x7E0),
        ('addressing = "mixed"\naddress_extension = 0x9A', 0x7E0),
        ("padding = false", 0x7E0),
        ("fd = true", 0x7E0),
        ('extended_ids = "any"', 0x7E0),
        ("", 0x18DA40F1),
    ],
)
def test_it_is_reached_as_the_target_says(can: str, request_id: int) -> None:
    head = HEAD.replace("0x7E0", hex(request_id)).replace("0x7E8", "0x18DAF140" if request_id > 0x7FF else "0x7E8")
    bench = bench_of(head + can + DECLARED)
    assert len(bench.reply("22 F190").pdu) == 3 + 17
    assert bench.ask("2E 2020 0101") == "7F 2E 33"


def test_an_ecu_without_sessions_and_with_a_quirk_is_one() -> None:
    level = '\n[[security]]\nlevel = 0x01\nkey = "article"\nsecret = "hex:1234567890"\n'
    bench = bench_of(HEAD + level + '\n[quirks]\nmalformed_invalid_key = true\n\n[safety]\nallow = ["lockout"]\n')
    assert bench.ask("10 03") == "7F 10 11"
    assert len(bench.reply("27 01").pdu) == 2 + 5
    assert bench.tester.security.send_key(1, bytes(4)).pdu == bytes.fromhex("2735")
    assert bench.unlock(1) == "67 02"


def test_a_key_function_of_the_users_is_used_where_it_takes_a_seed(tmp_path: Path) -> None:
    file = tmp_path / "keys.py"
    file.write_text("def eight(seed, level):\n    assert len(seed) == 8\n    return seed[::-1]\n", encoding="utf-8")
    bench = bench_of(HEAD + f'\n[[security]]\nlevel = 0x01\nattempts = 3\ndelay_s = 1\nkey = "{file}:eight"\n')
    seed = bench.reply("27 01").pdu[2:]
    assert len(seed) == 8
    assert bench.tester.security.send_key(1, seed[::-1]).is_positive
    assert not any("stand-in" in one for one in bench.twin.assumptions)
