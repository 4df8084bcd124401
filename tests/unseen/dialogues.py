"""Test one property of a tractor by a dialogue: steps, and yes-or-no questions."""

from zlib import crc32

import can

from tests.unseen.talk import Talk
from tests.unseen.tractor.tractor import key

WRONG = "2706" + "11" * 10
EFFECTS = ("2E4A0238", "2E4A03010203040506", "31010B10", "8502")
"""Of these the level guards at least one."""


def is_open(talk: Talk) -> bool:
    return any(talk.says(effect)[:2] in ("6e", "71", "c5") for effect in EFFECTS)


def go(talk: Talk, way: tuple[str, ...] = ("1003",)) -> None:
    for request in way:
        talk.ask(request)


def send_key(talk: Talk, request: str = "2705") -> str:
    return talk.says(b"\x27\x06" + key(talk.seed(request), 5))


def unlock(talk: Talk, way: tuple[str, ...] = ("1003",), request: str = "2705") -> str:
    go(talk, way)
    return send_key(talk, request)


def try_wrong(talk: Talk, count: int = 1) -> list[str]:
    return [talk.says(WRONG) if talk.seed() else "no seed" for _ in range(count)]


def seeds(talk: Talk, count: int) -> list[bytes]:
    go(talk)
    return [talk.seed() for _ in range(count)]


def raw_answers(talk: Talk, *frames: str, **how: object) -> list[str]:
    """The ECU's frames within 100 ms of these, in hex."""
    start = len(talk.frames)
    for frame in frames:
        talk.raw(frame, **how)  # type: ignore[arg-type]
        talk.wait(0.001)
    talk.wait(0.1)
    return [bytes(frame.data).hex() for _, frame in talk.frames[start:] if frame.arbitration_id == talk.response_id]


def remote(talk: Talk) -> list[str]:
    talk.says("3E00")
    start = len(talk.frames)
    talk.carry(can.Message(arbitration_id=talk.request_id, is_extended_id=False, is_remote_frame=True, dlc=8), None)
    talk.wait(0.1)
    return [bytes(frame.data).hex() for _, frame in talk.frames[start:]]


def lock(talk: Talk) -> None:
    """Three wrong keys."""
    go(talk)
    assert try_wrong(talk, 3)[-1] == "7f2736"


def refused_for_s(talk: Talk) -> float:
    """How long no seed is given, in steps of half a second."""
    start_s = talk.now_s
    while not talk.seed() and talk.now_s < start_s + 100:
        talk.wait(0.5)
        talk.ask("3E00")
    return talk.now_s - start_s


def doubles(talk: Talk) -> bool:
    go(talk)
    waits = []
    for _ in range(3):
        try_wrong(talk)
        waits.append(refused_for_s(talk))
    return 0.9 < waits[0] < 1.8 < waits[1] < 3 < waits[2] < 6


def grows(talk: Talk) -> bool:
    waits = []
    for _ in range(2):
        lock(talk)
        waits.append(refused_for_s(talk))
    return 9 < waits[0] < 12 and 19 < waits[1] < 22


def one_try_per_lockout(talk: Talk) -> bool:
    lock(talk)
    refused_for_s(talk)
    return try_wrong(talk) == ["7f2736"] and refused_for_s(talk) > 9 and send_key(talk) == "6706"


def late_lockout(talk: Talk) -> bool:
    lock(talk)
    talk.ask("1101")
    talk.wait(0.3)
    go(talk)
    return bool(talk.seed())


def lost_by_restart(talk: Talk) -> bool:
    lock(talk)
    talk.wait(1.0)
    talk.cut()
    go(talk)
    return try_wrong(talk, 2) == ["7f2735"] * 2


def sleeps(talk: Talk) -> bool:
    talk.wait(31.0)
    return talk.says("3E00") == "" and talk.says("3E00") == "7e00"


def per_session(talk: Talk) -> bool:
    in_default = talk.says("224A01")
    go(talk)
    return (
        talk.says("224A01") not in ("", in_default)
        and talk.says("2E4A010001") == "6e4a01"
        and (talk.says("1001") != "" and talk.says("224A01") == in_default)
    )


def slow_frames(talk: Talk) -> bool:
    start_s = talk.now_s
    return talk.says("22F18C") == "62f18c" + b"TRACTOR-0417".hex() and talk.now_s - start_s > 0.06


def deaf_while_receiving(talk: Talk) -> bool:
    talk.raw("100F224A014A01AA")
    talk.wait(0.01)
    while_busy = talk.says("224A01", is_functional=True, within_s=0.2)
    talk.wait(2.0)
    return while_busy == "" != talk.says("224A01", is_functional=True)


def another_talks(talk: Talk) -> bool:
    talk.wait(10.0)
    return sum(frame.arbitration_id == 0x6B2 for _, frame in talk.frames) >= 6


def after_timeout(talk: Talk, *requests: str) -> bool:
    """Whether the level is open once a session has ended by time and these requests were made."""
    unlock(talk)
    talk.wait(6.0)
    go(talk, requests)
    return is_open(talk)


def after_lapse_kept(talk: Talk) -> bool:
    unlock(talk)
    talk.ask("3E80", is_functional=True, within_s=0.05)
    talk.wait(60.0)
    return is_open(talk)


def revived(talk: Talk) -> bool:
    unlock(talk)
    talk.wait(6.0)
    talk.ask("3E80", within_s=0.05)
    return is_open(talk)


def mute_s(talk: Talk, request: str | bytes) -> float:
    """How long the ECU is silent after a request that it leaves unanswered; 0: it answers."""
    if talk.ask(request, within_s=0.2):
        return 0.0
    start_s = talk.now_s
    while not talk.ask("3E00", within_s=0.1) and talk.now_s < start_s + 100:
        talk.wait(0.1)
    return talk.now_s - start_s + 0.2


def wears_out(talk: Talk) -> bool:
    answers = [talk.says("22F18C", within_s=0.1) for _ in range(600)]
    talk.wait(1.0)
    return answers[-1] == "" and all(answers[:-1]) and talk.says("3E00") == "7e00"


def overflows(talk: Talk) -> bool:
    go(talk)
    talk.ask(b"\x27\x06" + b"\x55" * 200)
    return is_open(talk)


def escape(talk: Talk) -> bool:
    flows = raw_answers(talk, "1000000000092E4A")
    talk.wait(2.0)
    return [frame[:2] for frame in flows] == ["30"]


def by_obd(talk: Talk) -> bool:
    talk.raw("042E4A0238000000", 0x7DF)
    talk.wait(0.1)
    return talk.says("224A02") == "624a0238"


def unreadable_in_programming(talk: Talk) -> bool:
    go(talk, ("1002",))
    if talk.says("2E4A03AABBCCDDEEFF") != "6e4a03" or talk.says("224A03") != "7f2233":
        return False
    unlock(talk)
    return talk.says("224A03") == "624a03aabbccddeeff"


def survives_restart(talk: Talk) -> bool:
    unlock(talk)
    talk.ask("1101")
    talk.wait(0.4)
    go(talk)
    return is_open(talk)


def defined_by_address(talk: Talk) -> bool:
    return (
        talk.says("2314D008000004") in ("7f2333", "7f2311")
        and talk.says("2C02F20014D008000004") == "6c02f200"
        and len(talk.ask("22F200") or b"") == 7
    )


def refusal(talk: Talk, request: str) -> str:
    return (raw_answers(talk, request) or [""])[-1]


def key_in_refusal(talk: Talk) -> bool:
    go(talk)
    seed = talk.seed()
    talk.ask(WRONG)
    return bytes(talk.frames[-1][1].data) == b"\x03\x7f\x27\x35" + key(seed, 5)[:4]


def first_byte_right(talk: Talk) -> bool:
    go(talk)
    return all(talk.says(b"\x27\x06" + key(talk.seed(), 5)[:1] + bytes(9)) == "7f2735" for _ in range(8))


def masked(talk: Talk) -> bool:
    go(talk)
    right = key(talk.seed(), 5)
    return talk.says(b"\x27\x06" + right[:-1] + bytes((right[-1] ^ 0x80,))) == "6706"


def empty_key_kills(talk: Talk) -> bool:
    go(talk)
    talk.seed()
    is_silent = talk.says("2706", within_s=0.1) == "" and talk.says("3E00", within_s=0.1) == ""
    talk.cut()
    return is_silent and talk.says("3E00") == "7e00"


def delay_ends(talk: Talk) -> bool:
    lock(talk)
    go(talk, ("1001", "1001", "1003"))
    return bool(talk.seed())


def limit_opens(talk: Talk) -> bool:
    lock(talk)
    return is_open(talk)


def same_after_restart(talk: Talk) -> bool:
    found = []
    for _ in range(2):
        talk.ask("1101")
        talk.wait(0.4)
        found.append(seeds(talk, 2))
    return found[0] == found[1] and found[0][0] != found[0][1]


def four_bytes_move(talk: Talk) -> bool:
    first, second = seeds(talk, 2)
    return first[:5] + first[9:] == second[:5] + second[9:] and first[5:9] != second[5:9]


def tail_follows(talk: Talk) -> bool:
    return all(seed[4:8] == crc32(seed[:4]).to_bytes(4, "big") for seed in seeds(talk, 5))


def renewed(talk: Talk) -> bool:
    talk.wait(0.9)
    talk.ask("3E00")
    return len(set(seeds(talk, 3))) == 1 != len({(talk.wait(1.1), talk.seed())[1] for _ in range(2)})


def zero_in_programming(talk: Talk) -> bool:
    go(talk, ("1002",))
    return talk.seed() == bytes(12) and not is_open(talk) and send_key(talk) == "6706" and is_open(talk)


def zero_after_wrong(talk: Talk) -> bool:
    go(talk)
    try_wrong(talk)
    return talk.seed() == bytes(12) and not is_open(talk) and bool(any(talk.seed()))


def zero_first(talk: Talk) -> bool:
    go(talk)
    return talk.seed() == bytes(12) and any(talk.seed()) and not is_open(talk)


def limited(talk: Talk, first: str, last: str) -> bool:
    """Wrong keys are refused thus, and counted."""
    go(talk)
    return try_wrong(talk, 4) == [first, first, last, "no seed"] and not is_open(talk)


def twice(talk: Talk) -> bool:
    unlock(talk)
    talk.wait(0.1)
    return talk.messages == [b"\x67\x06", b"\x7f\x27\x24"]


def open_seed(talk: Talk) -> str:
    unlock(talk)
    return talk.says("2705")


def drifts(talk: Talk) -> bool:
    before = talk.says("224A02")
    talk.wait(4.0)
    return talk.says("224A02") not in ("", before)


def endless_after_refusal(talk: Talk) -> bool:
    unlock(talk)
    talk.ask("220000")
    talk.wait(60.0)
    return is_open(talk)


def soft_reset_keeps(talk: Talk) -> bool:
    unlock(talk)
    talk.ask("1103")
    talk.wait(0.4)
    in_default = talk.says("22F186")
    go(talk)
    return in_default == "62f18601" and is_open(talk)


def delay_ends_with_session(talk: Talk) -> bool:
    lock(talk)
    talk.wait(6.0)
    go(talk)
    return bool(talk.seed())


def opens_at_start(talk: Talk) -> bool:
    go(talk)
    return talk.says(b"\x27\x06" + key(bytes(12), 5)) == "6706" and is_open(talk)


def hangs_on_long_key(talk: Talk) -> bool:
    go(talk)
    return talk.says("1101") == "7f1111" and 85 < mute_s(talk, b"\x27\x06" + b"\x11" * 80) < 95
