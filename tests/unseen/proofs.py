"""Show what is odd or wrong in each crane and loom by a dialogue: what the usual ECU says / what this one says."""

from tests.steps import dialogues
from tests.unseen.bench import Bench

WRITE, WRITE_HIGH, MEMORY = "2E 3102 010203", "2E 3103 010203040506", "20000090"
WRONG, WRONG_HIGH, WRONG_LOOM = "wrong: 03", "wrong: 09", "wrong: 11"
NULLS = "00" * 10
AFTER_RESET = "wait: 0.5 | go: 03 | 27 03 > 7F 27 37 / 67 03 ..."
LOOM_WRITE, SELF_TEST = "2E 0702 01020304", "first of: 31 01 0500 > 7F 31 78"
FILE = b"pattern.bin".hex()


def repeated(count: int, step: str) -> str:
    return " | ".join([step] * count)


CRANES = f"""
last-bit-of-level-09-key-ignored
    go: 03 02 | seed: 09 | key: 09, last bit flipped > 7F 27 35 / 67 0A
ff-key-opens-until-the-first-right-key
    power | go: 03 | {WRONG} {"FF" * 10} > 7F 27 35 / 67 04 | go: 03 | unlock: 03 | go: 03 | {WRONG} {"FF" * 10} > 7F 27 35
level-03-key-opens-level-09
    go: 03 02 | seed: 09 | key: 09, of level 03 > 7F 27 13 / 67 0A
key-of-the-seed-before-opens
    go: 03 | seed: 03 | 27 03 | key: 03 > 7F 27 35 / 67 04
half-a-key-opens
    go: 03 | seed: 03 | key: 03, its first 1 > 7F 27 13 | seed: 03 | key: 03, its first 4 > 7F 27 13 | seed: 03
    key: 03, its first 6 > 7F 27 13 | seed: 03 | key: 03, its first 9 > 7F 27 13 | seed: 03
    key: 03, its first 5 > 7F 27 13 / 67 04
zero-seed-key-opens-without-a-seed
    power | go: 03 | key: 03, of zeros > 7F 27 24 / 67 04
empty-key-keeps-the-seed
    go: 03 | seed: 03 | 27 04 > 7F 27 13 | key: 03 > 7F 27 24 / 67 04
first-seed-after-power-on-fixed
    power | go: 03 | seed: 03 | power | go: 03 | same seed: 03 > no / yes
keys-beginning-with-zero-not-counted
    go: 03 02 | {" | ".join(f"{WRONG} {bytes((0, n)).hex() * 5}" for n in range(7))} > 7F 27 37 / 7F 27 35
same-wrong-key-counted-once
    go: 03 02 | {repeated(7, f"{WRONG} {b'same again'.hex()}")} > 7F 27 37 / 7F 27 35
level-09-keys-free-while-03-is-open
    go: 03 02 | unlock: 03 | {repeated(7, WRONG_HIGH)} > 7F 27 37 / 7F 27 35
second-connection-not-counted
    go: 03 02 | {repeated(7, f"line 1 {WRONG} {b'1234567890'.hex()}")} > 7F 27 37 / 7F 27 35
clearing-trouble-codes-clears-the-counter
    go: 03 02 | {WRONG} | {WRONG} | 14 FFFFFF > 54 | wait: 0.3 | {WRONG} > 7F 27 36 / 7F 27 35
counter-forgotten-from-02-to-03
    go: 03 02 | {WRONG} | {WRONG} | 10 03 > 50 03 ... | wait: 0.3 | {WRONG} > 7F 27 36 / 7F 27 35
counter-and-delay-forgotten-at-11-02
    go: 03 | {WRONG} | 11 02 > 51 02 | {AFTER_RESET} | wait: 11 | go: 03 | unlock: 03
    go: 03 | lock: 03 | 11 02 > 51 02 | {AFTER_RESET}
counter-lapses-after-two-minutes
    go: 03 | {WRONG} | {WRONG} | wait: 121 | go: 03 | {WRONG} > 7F 27 36 / 7F 27 35
last-seed-good-in-the-delay
    go: 03 | {WRONG} | {WRONG} | seed: 03 | 27 04 {NULLS} > 7F 27 36 | key: 03 > 7F 27 37 / 67 04
delay-forgotten-in-session-02
    go: 03 | lock: 03 | go: 02 | 27 03 > 7F 27 37 / 67 03 ...
delay-forgotten-at-11-03
    go: 03 | {WRONG} | 11 03 > 51 03 | {AFTER_RESET} | wait: 11 | go: 03 | unlock: 03
    go: 03 | lock: 03 | 11 03 > 51 03 | {AFTER_RESET}
delay-only-the-first-time
    go: 03 | lock: 03 | 27 03 > 7F 27 37 | wait: 11 | go: 03 | lock: 03 | 27 03 > 7F 27 37 / 67 03 ...
no-delay-after-an-hour
    wait: 3610 | go: 03 | {WRONG} | {WRONG} | {WRONG} > 7F 27 36 | 27 03 > 7F 27 37 / 67 03 ...
second-connection-not-delayed
    go: 03 | lock: 03 | line 1 27 03 > 7F 27 37 / 67 03 ...
unlock-survives-11-03
    go: 03 02 | unlock: 03 | 11 03 | wait: 0.3 | {WRITE} > 7F 2E 33 / 6E 31 02
unlock-survives-02-to-03
    go: 03 02 | unlock: 03 | 10 03 | wait: 0.3 | {WRITE} > 7F 2E 33 / 6E 31 02
suppressed-session-change-does-not-lock
    go: 03 02 | unlock: 03 | 10 83 | wait: 0.3 | {WRITE} > 7F 2E 33 / 6E 31 02
memory-stays-open-after-timeout
    go: 03 02 | unlock: 09 | wait: 6.3 | 3D 14 {MEMORY} 01 55 > 7F 3D 33 / 7D 14 20 ...
open-while-booting
    power: 0.3 | {WRITE} > 7F 2E 33 / 6E 31 02 | wait: 0.5 | {WRITE} > 7F 2E 33
dynamic-did-outlives-the-lock
    go: 03 | unlock: 03 | 2C 01 F301 3104 01 05 > 6C 01 F3 01 | go: 01 | 22 F301 > 7F 22 31 / 62 F3 01 39 17 52 08 66
second-connection-uses-the-unlock
    go: 03 | unlock: 03 | line 1 {WRITE} > 7F 2E 33 / 6E 31 02
suppressed-routine-unguarded
    go: 03 | 31 81 0211 | unlock: 03 | 31 03 0211 > 7F 31 24 / 71 03 02 11 00 4B
routine-results-unguarded
    go: 03 | 31 01 0211 > 7F 31 33 | 31 03 0211 > 7F 31 33 / 71 03 02 11 ...
all-snapshots-unguarded
    go: 03 | 19 06 402107 90 > 7F 19 33 | 19 06 402107 FF > 7F 19 33 / 59 06 40 21 ...
memory-read-checks-its-start-only
    go: 03 | 23 14 20000080 01 > 7F 23 33 | 23 14 2000007E 06 > 7F 23 33 / 63 75 7C 83 ...
memory-write-with-long-size-unguarded
    go: 03 | 3D 14 {MEMORY} 01 55 > 7F 3D 33 | 3D 24 {MEMORY} 0001 55 > 7F 3D 33 / 7D 24 20 00 ...
memory-write-one-byte-too-far
    go: 03 | 3D 14 20000081 01 55 > 7F 3D 33 | 3D 14 2000007F 02 5566 > 7F 3D 33 / 7D 14 20 00 ...
only-four-dids-guarded
    go: 03 | 22 3101 3104 > 7F 22 33 | 22 3101 3101 3101 3101 3104 > 7F 22 33 / 62 31 01 01 ...
dynamic-memory-unguarded
    go: 03 | 2C 01 F300 3104 01 05 > 7F 2C 33 | 2C 02 F300 14 {MEMORY} 02 > 7F 2C 33 / 6C 02 F3 00 ...
    22 F300 > 7F 22 31 / 62 F3 00 F3 ...
communication-of-a-node-unguarded
    go: 03 | 28 03 01 > 7F 28 33 | 28 04 01 0002 > 7F 28 33 / 68 04 | 28 05 01 0002 > 7F 28 33 / 68 05
setting-of-listed-codes-unguarded
    go: 03 | 85 02 > 7F 85 33 | 85 02 402107 > 7F 85 33 / C5 02
crane-as-built
    go: 03 02 | {WRITE_HIGH} > 7F 2E 33 | unlock: 09 | {WRITE_HIGH} > 6E 31 03 | power | {WRITE_HIGH} > 7F 2E 33
first-seed-after-start-refused
    power | go: 03 | 27 03 > 67 03 ... / 7F 27 22 | 27 03 > 67 03 ...
first-key-after-start-refused
    power | go: 03 | {WRONG} > 7F 27 35 / 7F 27 22 | {WRONG} > 7F 27 35
delays-that-double
    lockout: 03 > 10 s | lockout with a power cut: 03 > 11 s / 21 s
one-counter-for-both-levels
    go: 03 02 | lock: 03 | 27 09 > 67 09 ... / 7F 27 37
short-zero-seed
    go: 03 | unlock: 03 | 27 03 > 67 03{" 00" * 12} / 67 03 00 00
unusual-refusals
    go: 03 | 2E 3102 00 > 7F 2E 33 / 7F 2E 13 | unlock: 03 | 27 03 > 67 03{" 00" * 12} / 7F 27 22 | go: 03 | lock: 03
    27 03 > 7F 27 37 / 7F 27 36 | 27 04 {NULLS} > 7F 27 37 / 7F 27 24
seed-until-right-key
    go: 03 | seed: 03 | power | go: 03 | same seed: 03 > no / yes | key: 03 | go: 03 | same seed: 03 > no
second-after-each-wrong-key
    go: 03 | {WRONG} > 7F 27 35 | 27 03 > 67 03 ... / 7F 27 37
delay-after-every-start
    power | go: 03 | 27 03 > 67 03 ... / 7F 27 37
one-did-at-a-time
    22 3101 3102 > 62 31 ... / 7F 22 13
"""
LOOMS = f"""
same-key-twice-opens
    go: 03 | {WRONG_LOOM} {b"any key..".hex()} > 7F 27 35 | {WRONG_LOOM} {b"any key..".hex()} > 7F 27 35 / 67 12
first-key-byte-ignored-after-a-right-key
    go: 03 | seed: 11 | key: 11, first byte off > 7F 27 35 | go: 03 | unlock: 11
    go: 03 | seed: 11 | key: 11, first byte off > 7F 27 35 / 67 12 | go: 03 | unlock: 11
no-limit-in-session-60
    go: 60 | {repeated(9, WRONG_LOOM)} > 7F 27 37 / 7F 27 35
keys-free-while-a-routine-is-pending
    go: 03 | {repeated(8, f"{SELF_TEST} | {WRONG_LOOM} | wait: 2")} | {SELF_TEST} | {WRONG_LOOM} > 7F 27 21 / 7F 27 35
power-cut-ends-the-delay
    go: 03 | lock: 11 | 11 01 | wait: 0.5 | go: 03 | 27 11 > 7F 27 37 | power | go: 03 | 27 11 > 7F 27 37 / 67 11 ...
tester-present-shortens-the-delay
    go: 03 | lock: 11 | {repeated(9, "3E 00")} | 27 11 > 7F 27 37 / 67 11 ...
zero-seed-after-the-delay
    go: 03 | lock: 11 | wait: 8.5 | go: 03 | zero seed: 11 > no / yes
session-60-repeats-the-seed-of-03
    go: 03 | seed: 11 | key: 11 > 67 12 | go: 60 | 27 11 | key: 11 > 7F 27 35 / 67 12
no-delay-after-suppressed-keys
    go: 03 | {repeated(4, f"27 11 | 27 92 {'00' * 9}")} > 7F 27 36 | 27 11 > 7F 27 37 / 67 11 ...
unlock-survives-timeout-in-60
    go: 60 | unlock: 11 | wait: 6 | {LOOM_WRITE} > 7F 2E 33 / 6E 07 02
functional-session-change-does-not-lock
    go: 03 | unlock: 11 | to all: 10 03 | {LOOM_WRITE} > 7F 2E 33 / 6E 07 02
download-goes-on-after-the-lock
    go: 03 | unlock: 11 | 34 00 44 00400010 00000002 > 74 10 42 | go: 03 | 36 01 BEEF > 7F 36 24 / 76 01
    unlock: 11 | 35 00 44 00400010 00000002 | 36 01 > 76 01 B0 BB / 76 01 BE EF
session-never-ends-after-pending
    go: 03 | unlock: 11 | 31 01 0500 > 71 01 05 00 00 | wait: 60 | {LOOM_WRITE} > 7F 2E 33 / 6E 07 02
writes-pass-while-a-routine-is-pending
    go: 03 | {SELF_TEST} | {LOOM_WRITE} > 7F 2E 21 / 6E 07 02 | wait: 2
    22 0702 > 62 07 02 10 32 54 76 / 62 07 02 01 02 03 04
functional-output-control-unguarded
    go: 03 | 2F 0704 03 1234 > 7F 2F 33 | to all: 2F 0704 03 1234 > 7F 2F 33 / 6F 07 04 03 12 34
freezing-the-output-unguarded
    go: 03 | 2F 0704 00 > 7F 2F 33 | 2F 0704 01 > 7F 2F 33 | 2F 0704 03 0001 > 7F 2F 33
    2F 0704 02 > 7F 2F 33 / 6F 07 04 02 ...
fast-periodic-reading-unguarded
    go: 03 | 2A 01 02 > 7F 2A 33 | 2A 02 02 > 7F 2A 33 | 2A 03 02 > 7F 2A 33 / 6A
    wait: 0.15 | frames: 5 > nothing / 04 02 8E 21 C9
upload-in-session-60-unguarded
    go: 03 | 35 00 44 00400000 00000004 > 7F 35 33 | go: 60
    35 00 44 00400000 00000004 > 7F 35 33 / 75 10 42 | 36 01 > 7F 36 24 / 76 01 00 0B 16 21
reading-files-unguarded
    go: 03 | 38 05 0001 2F > 7F 38 33 | 38 02 000B {FILE} > 7F 38 33
    38 04 000B {FILE} 00 > 7F 38 33 / 78 04 01 42 ... | 36 01 > 7F 36 24 / 76 01 77 65 ...
baud-rate-transition-unguarded
    go: 03 | 87 01 12 > 7F 87 33 | 87 03 > 7F 87 33 / C7 03
routine-stop-unguarded
    go: 03 | 31 01 0501 > 7F 31 33 | 31 03 0501 > 7F 31 33 | 31 02 0501 > 7F 31 33 / 71 02 05 01 ...
loom-as-built
    go: 60 | {LOOM_WRITE} > 7F 2E 33 | unlock: 11 | {LOOM_WRITE} > 6E 07 02 | power | {LOOM_WRITE} > 7F 2E 33
sessions-refused-at-first
    power | 10 03 > 50 03 ... / 7F 10 22 | wait: 1.5 | 10 03 > 50 03 ...
speaks-while-starting
    wait: 1 | 11 01 | wait: 0.3 | frames: 4 > nothing / 03 C1 57 8F
slow-security
    go: 03 | first of: 27 11 > 67 11 ... / 7F 27 ...
one-try-after-each-delay
    go: 03 | lock: 11 | wait: 8.5 | go: 03 | {WRONG_LOOM} > 7F 27 35 / 7F 27 36 | {WRONG_LOOM} > 7F 27 35 / 7F 27 37
counter-loaded-after-start
    power | go: 03 | 27 11 > 67 11 ... / 7F 27 22
ten-tries
    go: 03 | {repeated(3, f"{WRONG_LOOM} > 7F 27 35")} | {WRONG_LOOM} > 7F 27 36 / 7F 27 35
    {repeated(5, f"{WRONG_LOOM} > 7F 27 37 / 7F 27 35")} | {WRONG_LOOM} > 7F 27 37 / 7F 27 36
slow-answers-as-announced
    time of: 10 03 > 0.006 s / 0.09 s | 10 03 > 50 03 00 32 01 F4 / 50 03 00 96 01 F4
sessions-of-twelve-seconds
    go: 03 | unlock: 11 | wait: 10 | {LOOM_WRITE} > 7F 2E 33 / 6E 07 02
three-seconds-to-start
    11 01 | wait: 1 | 3E 00 > 7E 00 / nothing
security-behind-three-sessions
    10 03 > 50 03 ... | 27 11 > 67 11 ... / 7F 27 7F | 10 60 > 50 60 ... / 7F 10 7E | 27 11 > 67 11 ... / 7F 27 7F
    10 03 > 50 03 ... | 27 11 > 67 11 ... / 7F 27 7F | 10 41 > 50 41 ... | 27 11 > 7F 27 7F | 10 60 > 50 60 ...
    27 11 > 67 11 ...
"""
PROOFS: dict[str, str] = {one.id: one.values[0] for text in (CRANES, LOOMS) for one in dialogues(text)}
"""By the name of the ECU."""

CHANGED_KEYS = {
    "last bit flipped": lambda right: right[:-1] + bytes((right[-1] ^ 1,)),
    "first byte off": lambda right: bytes((right[0] ^ 0x55,)) + right[1:],
}


class Talk:
    """The steps of the dialogues above, with one ECU."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.last_seed = bench, b""

    def do(self, step: str) -> str:
        """A request, or what else a tester does with a level or a session in hex, or with a number of seconds."""
        b, line = self.bench, 1 if step.startswith("line 1 ") else 0
        step = step.removeprefix("line 1 ")
        words, _, rest = step.partition(": ")
        match words:
            case "go":
                b.go(*bytes.fromhex(rest))
            case "wait":
                b.wait(float(rest))
            case "power":
                b.power(float(rest or 0.5))
            case "unlock":
                b.unlock(int(rest, 16))
            case "lock":
                b.lock(int(rest, 16))
            case "seed":
                self.last_seed = b.seed(int(rest, 16))
            case "same seed":
                before, self.last_seed = self.last_seed, b.seed(int(rest, 16))
                return "yes" if before == self.last_seed else "no"
            case "zero seed":
                return "no" if any(b.seed(int(rest, 16))) else "yes"
            case "key":
                level, _, which = rest.partition(", ")
                return b.send_key(int(level, 16), self.key(int(level, 16), which))
            case "wrong":
                level, _, sent = rest.partition(" ")
                return b.wrong(int(level, 16), bytes.fromhex(sent) or None, line)
            case "to all":
                return b.ask(rest, is_functional=True)
            case "first of":
                b.frames.clear()
                b.request(bytes.fromhex(rest), b.node.request_id)
                return b.listen().hex(" ").upper()
            case "time of":
                before_s = b.now_s
                b.ask(rest)
                return f"{round(b.now_s - before_s, 3)} s"
            case "frames":
                return ", ".join(bytes(frame.data[: int(rest)]).hex(" ").upper() for frame in b.frames)
            case "lockout" | "lockout with a power cut":
                return f"{self.lockout_s(int(rest, 16), has_cut=words != 'lockout')} s"
            case _:
                return b.ask(step, line)
        return ""

    def key(self, level: int, which: str) -> bytes:
        """The right key for the last seed, or one that is made of it."""
        if which.startswith("of "):
            seed = bytes(12) if which == "of zeros" else self.last_seed
            return self.bench.key(seed, level if which == "of zeros" else int(which[-2:], 16))
        right = self.bench.key(self.last_seed, level)
        if which.startswith("its first "):
            return right[: int(which.removeprefix("its first "))]
        return CHANGED_KEYS[which](right) if which else right

    def lockout_s(self, level: int, *, has_cut: bool) -> int:
        """How long a lockout lasts in whole seconds, perhaps with a power cut in it."""
        b = self.bench
        b.go(3)
        b.lock(level)
        since_s = b.now_s
        if has_cut:
            b.power()
        while b.ask(bytes((0x27, level))) in ("7F 27 37", "7F 27 7F"):
            b.wait(0.5)
            b.go(3)
        return round(b.now_s - since_s)
