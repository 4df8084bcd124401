"""Show each entry's tractor by a dialogue, steps and yes-or-no questions, which the sound one does not fulfil."""

from collections.abc import Callable
from zlib import crc32

import can

from tests.unseen.talk import Talk
from tests.unseen.tractor.tractor import SECRET, key

WRONG = "2706" + "11" * 10
EFFECTS = ("2E4A0238", "2E4A03010203040506", "31010B10", "8502")
"""Effects of which the level guards at least one."""


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
    """Send raw frames; return the ECU's frames within 100 ms, in hex."""
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
    """Send three wrong keys."""
    go(talk)
    assert try_wrong(talk, 3)[-1] == "7f2736"


def refused_for_s(talk: Talk) -> float:
    """Return for how many seconds no seed is given, in steps of half a second."""
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
    """Send requests after a session has ended by time; return whether the level is open."""
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
    """Return for how many seconds the ECU is silent after a request that it leaves unanswered; 0 if it answers."""
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
    """Whether wrong keys are refused with this code, and counted."""
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


SHOWS: dict[str, Callable[[Talk], object]] = {
    "open-level-gives-one-zero-byte": lambda t: open_seed(t) == "670500",
    "open-level-refuses-a-seed": lambda t: open_seed(t) == "7f2722" and is_open(t),
    "seeds-of-three-lengths": lambda t: {len(seed) for seed in seeds(t, 40)} == {12, 16, 20},
    "seed-wants-a-record": lambda t: (go(t), t.says("2705"), t.says("27050000"))[1:] == ("7f2713", "7f2731"),
    "delay-doubles-with-each-wrong-key": doubles,
    "lockout-grows": grows,
    "key-of-wrong-length-is-a-wrong-key": lambda t: (go(t), t.seed(), t.says("270611"))[2] == "7f2735",
    "one-try-per-lockout": one_try_per_lockout,
    "keys-refused-at-first": lambda t: (unlock(t), t.wait(2.0), unlock(t))[::2] == ("7f2722", "6706"),
    "level-in-session-90": lambda t: t.says("1090") == "509000320" + "1f4" and t.says("22F186") == "62f18690",
    "level-behind-two-vias": lambda t: (t.says("1061"), unlock(t, ("1003", "1041", "1061"))) == ("7f107e", "6706"),
    "fingerprint-before-seed": lambda t: (go(t), t.says("2705"))[1] == "7f2722",
    "session-of-one-second": lambda t: (go(t), t.wait(1.5), t.says("22F186"))[2] == "62f18601",
    "tester-present-in-sessions-only": lambda t: (t.says("3E00"), go(t), t.says("3E00")) == ("7f3e7f", None, "7e00"),
    "states-p2-ffff-and-p2-star-0": lambda t: t.says("1003") == "5003ffff0000",
    "programming-needs-the-key": lambda t: (t.says("1002"), unlock(t), t.says("1002")[:4]) == ("7f1033", "6706", "5002"),
    "boots-in-four-seconds": lambda t: (t.says("1101"), t.wait(0.5), t.says("3E00"))[2] == "",
    "sleeps-on-a-quiet-bus": sleeps,
    "value-per-session": per_session,
    "needs-a-breath-between-requests": lambda t: "037f3e21" in str(raw_answers(t, *["023E000000000000"] * 9)),
    "padding-is-random": lambda t: len({tuple(raw_answers(t, "023E000000000000")) for _ in range(4)}) == 4,
    "padded-frames-only": lambda t: raw_answers(t, "023E00") == [] != raw_answers(t, "023E000000000000"),
    "remote-frame-before-each-answer": lambda t: bool(t.ask("3E00")) and t.frames[0][1].is_remote_frame,
    "another-tester-reads-long-answers": another_talks,
    "insecure-neighbour": lambda t: bool(raw_answers(t, "023E000000000000", can_id=0x6F0)) and len(t.frames) == 2,
    "busy-field": lambda t: (t.wait(1.0), len(t.frames))[1] > 100,
    "consecutive-frames-are-slow": slow_frames,
    "functional-ignored-while-receiving": deaf_while_receiving,
    "answers-below-the-request-id": lambda t: t.request_id - t.response_id == 0x100 and t.says("3E00") == "7e00",
    "heavy-duty-at-250-kbit": lambda t: t.is_extended and t.says("3E00") == "7e00" and t.frames[0][1].is_extended_id,
    "only-a-routine-is-guarded": lambda t: (
        (go(t), t.says("31010B10"), unlock(t), t.says("31010B10"))[1::2] == ("7f3133", "71010b1000")
    ),
    "only-a-service-is-guarded": lambda t: (go(t), t.says("8501"), unlock(t), t.says("8501"))[1::2] == ("7f8533", "c501"),
    "guarded-value-unreadable-while-locked": lambda t: (t.says("224A02"), t.says("224A03")) == ("7f2231", "7f2233"),
    "guarded-value-never-readable": lambda t: (unlock(t), t.says("2E4A0277"), t.says("224A02"))[1:] == ("6e4a02", "7f2231"),
    "services-half-there": lambda t: (t.says("2F"), t.says("2F4A0203"), t.says("34")) == ("7f2f13", "7f2f31", "7f3413"),
    "memory-behind-the-key": lambda t: (
        (t.says("23142000000010"), unlock(t), len(t.ask("23142000000010") or b""))[::2] == ("7f2333", 17)
    ),
    "keyless-entry-panel": lambda t: b"KEY" in (t.ask("22F197") or b""),
    "services-never-ready": lambda t: (go(t), t.says("280101"), t.says("8501"))[1:] == ("7f2822", "7f8522"),
    "fault-memory-fails": lambda t: t.says("1902FF") == "7f1926",
    "write-in-default-refused-with-31": lambda t: t.says("2E4A0238") == t.says("2E4A010001") == "7f2e31",
    "plain-download-only": lambda t: (
        (
            unlock(t),
            t.says("3410440040000000000100"),
            t.says("3400440040000000000002"),
            t.says("3601AABB"),
            t.says("37"),
        )[1:]
        == ("7f3470", "74200082", "7601", "77")
    ),
    "zero-seed-in-programming": zero_in_programming,
    "zero-seed-after-wrong-key": zero_after_wrong,
    "first-seed-is-zero": zero_first,
    "seed-tail-follows-from-head": tail_follows,
    "seed-renewed-each-second": renewed,
    "every-ninth-seed-of-four": lambda t: len(set(seeds(t, 90))) < 85,
    "four-bytes-of-the-seed-move": four_bytes_move,
    "timer-seeds-the-generator": same_after_restart,
    "wrong-key-refused-with-31-uncounted": lambda t: (go(t), try_wrong(t, 20))[1] == ["7f2731"] * 20,
    "wrong-key-refused-with-10": lambda t: limited(t, "7f2710", "7f2710"),
    "wrong-key-met-by-silence": lambda t: limited(t, "", ""),
    "wrong-key-refused-without-code": lambda t: limited(t, "7f27", "7f27"),
    "wrong-key-answered-positively": lambda t: limited(t, "6706", "6706"),
    "the-limit-opens": limit_opens,
    "right-key-answered-with-seed-level": lambda t: unlock(t) == "6705",
    "right-key-answered-twice": twice,
    "uncounted-when-first-byte-fits": first_byte_right,
    "half-of-last-byte-ignored": masked,
    "empty-key-kills": empty_key_kills,
    "delay-ends-in-default": delay_ends,
    "zero-seed-without-level": lambda t: open_seed(t) == "67" + "00" * 12,
    "lockout-stored-late": late_lockout,
    "counter-in-ram": lost_by_restart,
    "static-seed-in-session-c1": lambda t: t.says("10C1")[:4] == "50c1" and t.seed() == t.seed() != b"",
    "zero-key-behind-two-vias": lambda t: (go(t, ("1003", "1041", "1061", "2705")), t.says("2706" + "00" * 10))[1] == "6706",
    "session-revived-by-3e-80": revived,
    "session-kept-by-one-functional-request": after_lapse_kept,
    "unlock-survives-programming": lambda t: (unlock(t), go(t, ("1002", "1003")), is_open(t))[2],
    "next-session-inherits-unlock": lambda t: after_timeout(t, "1003"),
    "open-in-default-after-timeout": after_timeout,
    "eight-identifiers-crash": lambda t: 0.5 < mute_s(t, b"\x22" + b"\xf1\x86" * 8) < 2,
    "unknown-session-mutes": lambda t: 55 < mute_s(t, "1060") < 65,
    "service-05-mutes": lambda t: 15 < mute_s(t, "0500") < 25,
    "gone-after-reset": lambda t: (t.says("1101"), t.wait(1.0), mute_s(t, "3E00"))[2] > 90,
    "write-to-serial-crashes": lambda t: 0.1 < mute_s(t, "2EF18C00") < 1,
    "long-answers-wear-it-out": wears_out,
    "long-message-sets-the-open-flag": overflows,
    "escape-for-short-messages": escape,
    "silent-to-unknown-identifiers": lambda t: t.says("220000") == "" and t.says("3E00") == "7e00",
    "refusal-holds-the-right-key": key_in_refusal,
    "refusal-holds-the-guarded-value": lambda t: refusal(t, "03224A0300000000") == "037f223310203040",
    "remote-frames-answered": lambda t: "a5" in "".join(remote(t)),
    "obd-id-needs-no-key": by_obd,
    "write-takes-the-padding": lambda t: raw_answers(t, "032E4A0155550000") and t.says("224A01") == "624a015555",
    "routine-opens-the-level": lambda t: (go(t), t.says("31010203"), is_open(t))[2],
    "routine-open-after-restart": survives_restart,
    "unreadable-value-open-in-programming": unreadable_in_programming,
    "output-control-sets-the-limit": lambda t: (t.says("2F4A020399"), t.says("224A02"))[1] == "624a0299",
    "short-address-form-unguarded": lambda t: len(t.ask("2300000008") or b"") == 9 and t.says("23142000000008") == "7f2333",
    "long-length-form-unguarded": lambda t: (
        len(t.ask("2324200000000008") or b"") == 9 and t.says("23142000000008") == "7f2333"
    ),
    "memory-by-defined-identifier": defined_by_address,
    "memory-by-service-e3": lambda t: len(t.ask("E30000100010") or b"") == 17,
    "any-key-after-timeout": lambda t: (unlock(t), t.wait(5.5), go(t), try_wrong(t))[3] == ["6706"],
    "high-bit-of-identifier-ignored": lambda t: (t.says("2ECA0238"), t.says("224A02")) == ("6eca02", "624a0238"),
    "password-in-an-identifier": lambda t: b"password" in (t.ask("22F1A2") or b""),
    "key-in-a-log": lambda t: (
        (go(t), k := key(t.seed(), 5), t.ask(b"\x27\x06" + k), t.cut()) and k.hex().encode() in (t.ask("22F1A7") or b"")
    ),
    "secret-in-an-identifier": lambda t: SECRET in (t.ask("224A30") or b""),
    "seed-always-refused-with-22": lambda t: (go(t), {t.says("2705") for _ in range(5)})[1] == {"7f2722"},
    "no-way-to-restart": lambda t: t.says("1101") == "7f1111",
    "guarded-value-changes-by-itself": drifts,
    "session-endless-after-refusal": endless_after_refusal,
    "soft-reset-keeps-unlock": soft_reset_keeps,
    "delay-ends-with-session": delay_ends_with_session,
    "long-key-hangs-without-hooks": hangs_on_long_key,
    "key-of-zero-seed-opens-at-start": opens_at_start,
}
