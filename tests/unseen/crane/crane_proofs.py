"""List the exchange that shows each crane's flaw, with the last answers of the flawed ECU and of the sound one."""

from collections.abc import Callable
from typing import NamedTuple

from tests.unseen.bench import Bench
from tests.unseen.crane.crane import HIGH, LOW, key

WRITE_LOW, WRITE_HIGH = "2E 3102 010203", "2E 3103 010203040506"


class Proof(NamedTuple):
    """A sequence of steps, with its end on the flawed ECU and on the sound one."""

    sequence: Callable[[Bench], object]
    flawed: object
    sound: object


def short(said: str) -> str:
    """Shorten an answer: a refusal is kept whole, any other answer to two bytes."""
    return said[:8] if said.startswith("7F") else said[:5]


def flipped_last_bit(b: Bench) -> str:
    b.go(3, 2)
    right = key(b.seed(HIGH), HIGH)
    return b.send_key(HIGH, right[:-1] + bytes((right[-1] ^ 1,)))


def ff_key(b: Bench) -> list[str]:
    b.power()
    b.go(3)
    said = [b.wrong(LOW, b"\xff" * 10)]
    b.go(3)
    b.unlock(LOW)
    b.go(3)
    return [*said, b.wrong(LOW, b"\xff" * 10)]


def low_key_for_high(b: Bench) -> str:
    b.go(3, 2)
    return b.send_key(HIGH, key(b.seed(HIGH), LOW))


def key_of_former_seed(b: Bench) -> str:
    b.go(3)
    former = b.seed(LOW)
    b.seed(LOW)
    return b.send_key(LOW, key(former, LOW))


def half_key(b: Bench) -> list[str]:
    b.go(3)
    return [b.send_key(LOW, key(b.seed(LOW), LOW)[:size]) for size in (1, 4, 6, 9, 5)]


def key_of_no_seed(b: Bench) -> str:
    b.power()
    b.go(3)
    return b.send_key(LOW, key(bytes(12), LOW))


def right_after_empty(b: Bench) -> list[str]:
    b.go(3)
    seed = b.seed(LOW)
    return [b.send_key(LOW, b""), b.send_key(LOW, key(seed, LOW))]


def first_seeds(b: Bench) -> bool:
    seeds = []
    for _ in range(2):
        b.power()
        b.go(3)
        seeds.append(b.seed(LOW))
    return seeds[0] == seeds[1]


def seven(sent: Callable[[int], bytes], level: int = LOW, line: int = 0) -> Callable[[Bench], str]:
    """Return the answer to the seventh wrong key."""

    def sequence(b: Bench) -> str:
        b.go(3, 2)
        for number in range(6):
            b.wrong(level, sent(number), line)
        return b.wrong(level, sent(6), line)

    return sequence


def keys_with_low_open(b: Bench) -> str:
    b.go(3, 2)
    b.unlock(LOW)
    return [b.wrong(HIGH) for _ in range(7)][-1]


def between(*requests: str, level: int = LOW) -> Callable[[Bench], str]:
    """Return the answer to the third wrong key, if something is done after the second."""

    def sequence(b: Bench) -> str:
        b.go(3, 2)
        b.wrong(level)
        b.wrong(level)
        for request in requests:
            assert not b.ask(request).startswith("7F")
            b.wait(0.3)
        return b.wrong(level)

    return sequence


def after_reset(kind: int) -> Callable[[Bench], list[str]]:
    """Return the answers to a seed request after a wrong key and a reset, and after a lockout and a reset."""

    def sequence(b: Bench) -> list[str]:
        b.go(3)
        b.wrong(LOW)
        said = [reset_and_seed(b, kind)]
        b.wait(11)
        b.go(3)
        b.unlock(LOW)
        b.go(3)
        b.lock(LOW)
        return [*said, reset_and_seed(b, kind)]

    return sequence


def reset_and_seed(b: Bench, kind: int) -> str:
    assert b.ask(bytes((0x11, kind))) == f"51 {kind:02X}"
    b.wait(0.5)
    b.go(3)
    return short(b.ask("27 03"))


def idle_two_minutes(b: Bench) -> str:
    b.go(3)
    b.wrong(LOW)
    b.wrong(LOW)
    b.wait(121)
    b.go(3)
    return b.wrong(LOW)


def key_in_delay(b: Bench) -> str:
    b.go(3)
    b.wrong(LOW)
    b.wrong(LOW)
    seed = b.seed(LOW)
    assert b.send_key(LOW, bytes(10)) == "7F 27 36"
    return b.send_key(LOW, key(seed, LOW))


def seed_in_programming(b: Bench) -> str:
    b.go(3)
    b.lock(LOW)
    b.go(2)
    return short(b.ask("27 03"))


def second_lockout(b: Bench) -> list[str]:
    said = []
    for _ in range(2):
        b.go(3)
        b.lock(LOW)
        said.append(short(b.ask("27 03")))
        b.wait(11)
    return said


def lockout_after_an_hour(b: Bench) -> str:
    b.wait(3610)
    b.go(3)
    assert [b.wrong(LOW) for _ in range(3)][-1] == "7F 27 36"
    return short(b.ask("27 03"))


def second_line_in_delay(b: Bench) -> str:
    b.go(3)
    b.lock(LOW)
    return short(b.ask("27 03", line=1))


def write_after(*steps: Callable[[Bench], object], level: int = LOW, write: str = WRITE_LOW) -> Callable[[Bench], str]:
    """Return the answer to a guarded write after an unlock and some steps."""

    def sequence(b: Bench) -> str:
        b.go(3, 2)
        b.unlock(level)
        for step in steps:
            step(b)
            b.wait(0.3)
        return b.ask(write)[:8]

    return sequence


def asking(request: str) -> Callable[[Bench], object]:
    return lambda b: b.ask(request)


def just_booted(b: Bench) -> list[str]:
    b.power(boot_s=0.3)
    said = [b.ask(WRITE_LOW)]
    b.wait(0.5)
    return [*said, b.ask(WRITE_LOW)]


def dynamic_after_lock(b: Bench) -> str:
    b.go(3)
    b.unlock(LOW)
    assert b.ask("2C 01 F301 3104 01 05") == "6C 01 F3 01"
    b.go(1)
    return b.ask("22 F301")


def write_on_second_line(b: Bench) -> str:
    b.go(3)
    b.unlock(LOW)
    return b.ask(WRITE_LOW, line=1)


def locked(*requests: str) -> Callable[[Bench], list[str]]:
    """Return the beginnings of the answers to requests in session 03 without any key."""

    def sequence(b: Bench) -> list[str]:
        b.go(3)
        return [b.ask(request)[:11] for request in requests]

    return sequence


def routine_by_suppressed_start(b: Bench) -> str:
    b.go(3)
    b.ask("31 81 0211")
    b.unlock(LOW)
    return b.ask("31 03 0211")


LOCKED, TOO_MANY, TOO_SOON = "7F 27 33", "7F 27 36", "7F 27 37"
NO_WRITE, WRITTEN = "7F 2E 33", "6E 31 02"

PROOFS = {
    "last-bit-of-level-09-key-ignored": Proof(flipped_last_bit, "67 0A", "7F 27 35"),
    "ff-key-opens-until-the-first-right-key": Proof(ff_key, ["67 04", "7F 27 35"], ["7F 27 35", "7F 27 35"]),
    "level-03-key-opens-level-09": Proof(low_key_for_high, "67 0A", "7F 27 13"),
    "key-of-the-seed-before-opens": Proof(key_of_former_seed, "67 04", "7F 27 35"),
    "half-a-key-opens": Proof(half_key, ["7F 27 13"] * 4 + ["67 04"], ["7F 27 13"] * 5),
    "zero-seed-key-opens-without-a-seed": Proof(key_of_no_seed, "67 04", "7F 27 24"),
    "empty-key-keeps-the-seed": Proof(right_after_empty, ["7F 27 13", "67 04"], ["7F 27 13", "7F 27 24"]),
    "first-seed-after-power-on-fixed": Proof(first_seeds, True, False),
    "keys-beginning-with-zero-not-counted": Proof(seven(lambda n: bytes((0, n)) * 5), "7F 27 35", TOO_SOON),
    "same-wrong-key-counted-once": Proof(seven(lambda n: b"same again"), "7F 27 35", TOO_SOON),
    "level-09-keys-free-while-03-is-open": Proof(keys_with_low_open, "7F 27 35", TOO_SOON),
    "second-connection-not-counted": Proof(seven(lambda n: b"1234567890", line=1), "7F 27 35", TOO_SOON),
    "clearing-trouble-codes-clears-the-counter": Proof(between("14 FFFFFF"), "7F 27 35", TOO_MANY),
    "counter-forgotten-from-02-to-03": Proof(between("10 03"), "7F 27 35", TOO_MANY),
    "counter-and-delay-forgotten-at-11-02": Proof(after_reset(2), ["67 03", "67 03"], [TOO_SOON, TOO_SOON]),
    "counter-lapses-after-two-minutes": Proof(idle_two_minutes, "7F 27 35", TOO_MANY),
    "last-seed-good-in-the-delay": Proof(key_in_delay, "67 04", TOO_SOON),
    "delay-forgotten-in-session-02": Proof(seed_in_programming, "67 03", TOO_SOON),
    "delay-forgotten-at-11-03": Proof(after_reset(3), ["67 03", "67 03"], [TOO_SOON, TOO_SOON]),
    "delay-only-the-first-time": Proof(second_lockout, [TOO_SOON, "67 03"], [TOO_SOON, TOO_SOON]),
    "no-delay-after-an-hour": Proof(lockout_after_an_hour, "67 03", TOO_SOON),
    "second-connection-not-delayed": Proof(second_line_in_delay, "67 03", TOO_SOON),
    "unlock-survives-11-03": Proof(write_after(asking("11 03")), WRITTEN, NO_WRITE),
    "unlock-survives-02-to-03": Proof(write_after(asking("10 03")), WRITTEN, NO_WRITE),
    "suppressed-session-change-does-not-lock": Proof(write_after(asking("10 83")), WRITTEN, NO_WRITE),
    "memory-stays-open-after-timeout": Proof(
        write_after(lambda b: b.wait(6), level=HIGH, write="3D 14 20000090 01 55"), "7D 14 20", "7F 3D 33"
    ),
    "open-while-booting": Proof(just_booted, [WRITTEN, NO_WRITE], [NO_WRITE, NO_WRITE]),
    "dynamic-did-outlives-the-lock": Proof(dynamic_after_lock, "62 F3 01 39 17 52 08 66", "7F 22 31"),
    "second-connection-uses-the-unlock": Proof(write_on_second_line, WRITTEN, NO_WRITE),
    "suppressed-routine-unguarded": Proof(routine_by_suppressed_start, "71 03 02 11 00 4B", "7F 31 24"),
    "routine-results-unguarded": Proof(locked("31 01 0211", "31 03 0211"), ["7F 31 33", "71 03 02 11"], ["7F 31 33"] * 2),
    "all-snapshots-unguarded": Proof(
        locked("19 06 402107 90", "19 06 402107 FF"), ["7F 19 33", "59 06 40 21"], ["7F 19 33"] * 2
    ),
    "memory-read-checks-its-start-only": Proof(
        locked("23 14 20000080 01", "23 14 2000007E 06"), ["7F 23 33", "63 75 7C 83"], ["7F 23 33"] * 2
    ),
    "memory-write-with-long-size-unguarded": Proof(
        locked("3D 14 20000090 01 55", "3D 24 20000090 0001 55"), ["7F 3D 33", "7D 24 20 00"], ["7F 3D 33"] * 2
    ),
    "memory-write-one-byte-too-far": Proof(
        locked("3D 14 20000081 01 55", "3D 14 2000007F 02 5566"), ["7F 3D 33", "7D 14 20 00"], ["7F 3D 33"] * 2
    ),
    "only-four-dids-guarded": Proof(
        locked("22 3101 3104", "22 3101 3101 3101 3101 3104"), ["7F 22 33", "62 31 01 01"], ["7F 22 33"] * 2
    ),
    "dynamic-memory-unguarded": Proof(
        locked("2C 01 F300 3104 01 05", "2C 02 F300 14 20000090 02", "22 F300"),
        ["7F 2C 33", "6C 02 F3 00", "62 F3 00 F3"],
        ["7F 2C 33", "7F 2C 33", "7F 22 31"],
    ),
    "communication-of-a-node-unguarded": Proof(
        locked("28 03 01", "28 04 01 0002", "28 05 01 0002"), ["7F 28 33", "68 04", "68 05"], ["7F 28 33"] * 3
    ),
    "setting-of-listed-codes-unguarded": Proof(locked("85 02", "85 02 402107"), ["7F 85 33", "C5 02"], ["7F 85 33"] * 2),
}
