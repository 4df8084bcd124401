"""Prove which wrong keys flawed ECUs accept, or answer at other times, and that the sound ECU does neither."""

import zlib
from collections.abc import Callable

import pytest

from harness.ecu.flaws.key_comparison import SHORT_SECRET
from harness.ecu.keys import hmac_sha256_key
from harness.ecu.profiles import HARDENED_ARTICLE_KEY, hardened
from harness.ecu.rules import EcuDied
from tests.steps import dialogues, play

from .. import simple_keys
from .bench import Bench, HardenedBench

OPENED = "67 02"
WRONG = "11" * 16

MakeKey = Callable[[bytes, bytes], bytes]
"""A function from the right key and the seed to the key that is sent."""

TAKEN: list[tuple[str, MakeKey]] = [
    ("default_key", lambda right, seed: b"\xff" * 16),
    ("default_key_zero", lambda right, seed: bytes(16)),
    ("default_key_deadbeef", lambda right, seed: b"\xde\xad\xbe\xef" * 4),
    ("key_is_inverted_seed", lambda right, seed: bytes(byte ^ 0xFF for byte in seed)),
    ("first_bytes_compared", lambda right, seed: right[:2] + bytes(14)),
    ("low_half_compared", lambda right, seed: bytes(14) + right[-2:]),
    ("key_bit_ignored", lambda right, seed: right[:3] + bytes((right[3] ^ 0x20,)) + right[4:]),
    ("key_sum_compared", lambda right, seed: right[::-1]),
    ("key_start_accepted", lambda right, seed: right[:15]),
    ("key_start_accepted", lambda right, seed: right[:1]),
    ("empty_key_accepted", lambda right, seed: b""),
    ("longer_key_accepted", lambda right, seed: right + b"\x00"),
    ("key_is_seed_plus_constant", lambda right, seed: simple_keys.plus_constant(seed, 1)),
    ("key_is_seed_xor_constant", lambda right, seed: simple_keys.xor_constant(seed, 1)),
    ("short_secret", lambda right, seed: hmac_sha256_key(seed, 1, secret=SHORT_SECRET)),
]


def in_extended_session(*flaws: str) -> HardenedBench:
    bench = HardenedBench(flaws=flaws)
    bench.ask("10 03")
    return bench


def answer_to(bench: HardenedBench, make_key: MakeKey) -> str:
    seed = bench.seed()
    return bench.send_key(make_key(bytes.fromhex(bench.key(seed)), seed).hex())


@pytest.mark.parametrize(("name", "make_key"), TAKEN)
def test_key_is_taken_with_the_flaw_only(name: str, make_key: MakeKey) -> None:
    assert answer_to(in_extended_session(name), make_key) == OPENED
    assert answer_to(in_extended_session(), make_key) in ("7f 27 13", "7f 27 35")


@pytest.mark.parametrize("name", [name for name, _ in TAKEN])
def test_key_of_chance_is_refused_with_the_flaw_too(name: str) -> None:
    assert answer_to(in_extended_session(name), lambda right, seed: seed[::-1]) == "7f 27 35"


def test_key_is_the_crc_of_the_seed() -> None:
    bench = HardenedBench(HARDENED_ARTICLE_KEY, flaws=["key_is_crc_of_seed"])
    bench.ask("10 03")
    assert bench.send_key(f"{zlib.crc32(bench.seed()):08x}") == OPENED


def test_long_key_kills() -> None:
    with pytest.raises(EcuDied):
        answer_to(in_extended_session("dies_on_long_key"), lambda right, seed: bytes(65))
    assert answer_to(in_extended_session(), lambda right, seed: bytes(65)) == "7f 27 13"


WITH_AND_WITHOUT = dialogues(f"""
seed_kept_after_wrong_length
    seed | 27 02 11 > 7f 27 13 | key of the seed > 7f 27 24 / 67 02
seed_kept_after_wrong_level
    seed | 27 04 {"11" * 16} > 7f 27 24 | key of the seed > 7f 27 24 / 67 02
seed_survives_session_change
    seed | 10 01 | 10 03 | key of the seed > 7f 27 24 / 67 02
key_taken_at_other_level
    seed | key of the seed: 3 > 7f 27 24 / 67 04 | 2E 3030 0123 > 7f 2e 33 / 6e 30 30
any_level_is_enough
    right key: 1 | 2E 3030 0123 > 7f 2e 33 / 6e 30 30 | right key: 3 | is open > no / yes | 10 03 | is open > no
levels_stay_unlocked
    right key: 1 | 2E 3030 0123 > 7f 2e 33 | right key: 3 | is open > no / yes | 10 03 | is open > no
suppressed_key_uncounted
    27 01 | 27 82 {WRONG} | 27 01 | 27 82 {WRONG} | 27 01 | 27 82 {WRONG} > 7f 27 36 / 7f 27 35
    27 01 | 27 82 {WRONG} > 7f 27 24 / 7f 27 35
""")


@pytest.mark.parametrize("steps", WITH_AND_WITHOUT)
def test_flaw_is_seen_and_the_sound_ecu_has_it_not(steps: str, request: pytest.FixtureRequest) -> None:
    play(steps, in_extended_session().do)
    play(steps, in_extended_session(request.node.callspec.id).do, is_flawed=True)


@pytest.mark.parametrize(("flaw", "record"), [("seed_made_of_record", "0102"), ("record_fixes_seed", "DEBA")])
def test_record_decides_the_seed(flaw: str, record: str) -> None:
    bench = in_extended_session(flaw)
    assert bench.ask(f"27 01 {record}") == bench.ask(f"27 01 {record}")
    assert bench.seed() != bench.seed()
    assert in_extended_session().ask(f"27 01 {record}") == "7f 27 13"


def test_hidden_level_opens_with_its_seed() -> None:
    bench = Bench(hardened("hidden_level"))
    bench.ask("10 03")
    seed = bench.ask("27 41")
    assert seed == bench.ask("27 41")
    assert bench.ask(f"27 42 {seed[6:]}") == "67 42"
    sound = Bench(hardened())
    sound.ask("10 03")
    assert sound.ask("27 41") == "7f 27 12"


@pytest.mark.parametrize(("right_bytes", "work_s"), [(0, 0.001), (3, 0.004), (15, 0.016)])
def test_comparison_takes_a_millisecond_for_each_byte(right_bytes: int, work_s: float) -> None:
    bench = in_extended_session("comparison_takes_time")
    answer_to(bench, lambda right, seed: right[:right_bytes] + bytes(byte ^ 1 for byte in right[right_bytes:]))
    assert bench.node.ecu.work_s == pytest.approx(work_s)
    bench.ask("3E 00")
    assert bench.node.ecu.work_s == 0.0


def test_answer_waits_for_the_comparison() -> None:
    bench = HardenedBench(HARDENED_ARTICLE_KEY, flaws=["comparison_takes_time"])
    bench.ask("10 03")
    key = bytearray.fromhex(bench.key(bench.seed()))
    key[2] ^= 1
    assert bench.give(f"740#062702{key.hex()}") == []
    assert bench.wait(0.0029) == []
    assert bench.wait(0.0002) == ["748#037F273500000000"]
