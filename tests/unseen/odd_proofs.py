"""List the exchange that shows what is odd in each sound ECU, with the answers of the odd ECU and of the usual one."""

from collections.abc import Callable

from tests.unseen.bench import Bench
from tests.unseen.crane.crane import HIGH, LOW
from tests.unseen.crane.crane import key as crane_key
from tests.unseen.crane.crane_proofs import Proof, short
from tests.unseen.loom.loom import LEVEL

TOO_MANY, TOO_SOON, WRONG = "7F 27 36", "7F 27 37", "7F 27 35"


def seeds(count: int, level: int = LOW) -> Callable[[Bench], list[str]]:
    """Return the answers to seed requests after power-on."""

    def sequence(b: Bench) -> list[str]:
        b.power()
        b.go(3)
        return [short(b.ask(bytes((0x27, level)))) for _ in range(count)]

    return sequence


def two_keys(b: Bench) -> list[str]:
    b.power()
    b.go(3)
    return [b.wrong(LOW), b.wrong(LOW)]


def lockouts(b: Bench) -> list[float]:
    """Return how long two lockouts last in whole seconds, the second with a power cut in it."""
    lasted = []
    for has_cut in (False, True):
        b.go(3)
        b.lock(LOW)
        since_s = b.now_s
        if has_cut:
            b.power()
        while b.ask("27 03") == TOO_SOON or b.ask("27 03") == "7F 27 7F":
            b.wait(0.5)
            b.go(3)
        lasted.append(round(b.now_s - since_s))
    return lasted


def other_level_after_lockout(b: Bench) -> str:
    b.go(3, 2)
    b.lock(LOW)
    return short(b.ask(bytes((0x27, HIGH))))


def seed_when_open(b: Bench) -> str:
    b.go(3)
    b.unlock(LOW)
    return b.ask("27 03")


def refusals(b: Bench) -> list[str]:
    b.go(3)
    said = [b.ask("2E 3102 00")]
    b.unlock(LOW)
    said.append(b.ask("27 03"))
    b.go(3)
    b.lock(LOW)
    return [*said, b.ask("27 03"), b.send_key(LOW, bytes(10))]


def same_seeds(b: Bench) -> list[bool]:
    b.go(3)
    first = b.seed(LOW)
    b.power()
    b.go(3)
    second = b.seed(LOW)
    b.send_key(LOW, crane_key(second, LOW))
    b.go(3)
    return [first == second, second == b.seed(LOW)]


def keys_in_a_row(b: Bench) -> list[str]:
    b.go(3)
    return [b.wrong(LOW), short(b.ask("27 03"))]


def two_dids(b: Bench) -> str:
    return short(b.ask("22 3101 3102"))


def session_after_start(b: Bench) -> list[str]:
    b.power()
    said = [short(b.ask("10 03"))]
    b.wait(1.5)
    return [*said, short(b.ask("10 03"))]


def unasked(b: Bench) -> list[str]:
    b.wait(1)
    b.ask("11 01")
    b.wait(0.3)
    return [bytes(frame.data[:4]).hex(" ").upper() for frame in b.frames]


def first_answer_to_seed(b: Bench) -> str:
    b.go(3)
    b.request(b"\x27\x11", b.node.request_id)
    return b.listen()[:3].hex(" ").upper()[:5]


def keys_after_delay(b: Bench) -> list[str]:
    b.go(3)
    b.lock(LEVEL)
    b.wait(8.5)
    b.go(3)
    return [b.wrong(LEVEL), b.wrong(LEVEL)]


def how_many_until_limit(b: Bench) -> int:
    b.go(3)
    return next(number for number in range(1, 20) if b.wrong(LEVEL) == TOO_MANY)


def answer_time(b: Bench) -> list[object]:
    before_s = b.now_s
    said = b.ask("10 03")
    return [round(b.now_s - before_s, 3), said]


def after_ten_seconds(b: Bench) -> str:
    b.go(3)
    b.unlock(LEVEL)
    b.wait(10)
    return b.ask("2E 0702 01020304")


def one_second_after_start(b: Bench) -> str:
    b.ask("11 01")
    b.wait(1)
    return b.ask("3E 00")


def where_seeds_are(b: Bench) -> list[str]:
    said = []
    for session in (3, 0x60, 3, 0x41, 0x60):
        said += [short(b.ask(bytes((0x10, session)))), short(b.ask("27 11"))]
    return said


def refused_unlocked_relocked(request: str, level: int, way: tuple[int, ...]) -> Callable[[Bench], list[str]]:
    """Return the answers to a guarded write before the key, after it, and after a power cut."""

    def sequence(b: Bench) -> list[str]:
        b.go(*way)
        said = [b.ask(request)[:8]]
        b.unlock(level)
        said.append(b.ask(request)[:8])
        b.power()
        return [*said, b.ask(request)[:8]]

    return sequence


CRANE_BASE = ["7F 2E 33", "6E 31 03", "7F 2E 33"]
LOOM_BASE = ["7F 2E 33", "6E 07 02", "7F 2E 33"]
NONE = "7F 27 7F"

PROOFS = {
    "crane-as-built": Proof(refused_unlocked_relocked("2E 3103 010203040506", HIGH, (3, 2)), CRANE_BASE, CRANE_BASE),
    "loom-as-built": Proof(refused_unlocked_relocked("2E 0702 01020304", LEVEL, (0x60,)), LOOM_BASE, LOOM_BASE),
    "first-seed-after-start-refused": Proof(seeds(2), ["7F 27 22", "67 03"], ["67 03", "67 03"]),
    "first-key-after-start-refused": Proof(two_keys, ["7F 27 22", WRONG], [WRONG, WRONG]),
    "delays-that-double": Proof(lockouts, [10, 21], [10, 11]),
    "one-counter-for-both-levels": Proof(other_level_after_lockout, TOO_SOON, "67 09"),
    "short-zero-seed": Proof(seed_when_open, "67 03 00 00", "67 03" + " 00" * 12),
    "unusual-refusals": Proof(
        refusals,
        ["7F 2E 13", "7F 27 22", TOO_MANY, "7F 27 24"],
        ["7F 2E 33", "67 03" + " 00" * 12, TOO_SOON, TOO_SOON],
    ),
    "seed-until-right-key": Proof(same_seeds, [True, False], [False, False]),
    "second-after-each-wrong-key": Proof(keys_in_a_row, [WRONG, TOO_SOON], [WRONG, "67 03"]),
    "delay-after-every-start": Proof(seeds(1), [TOO_SOON], ["67 03"]),
    "one-did-at-a-time": Proof(two_dids, "7F 22 13", "62 31"),
    "sessions-refused-at-first": Proof(session_after_start, ["7F 10 22", "50 03"], ["50 03", "50 03"]),
    "speaks-while-starting": Proof(unasked, ["03 C1 57 8F"], []),
    "slow-security": Proof(first_answer_to_seed, "7F 27", "67 11"),
    "one-try-after-each-delay": Proof(keys_after_delay, [TOO_MANY, TOO_SOON], [WRONG, WRONG]),
    "counter-loaded-after-start": Proof(seeds(1, LEVEL), ["7F 27 22"], ["67 11"]),
    "ten-tries": Proof(how_many_until_limit, 10, 4),
    "slow-answers-as-announced": Proof(answer_time, [0.09, "50 03 00 96 01 F4"], [0.006, "50 03 00 32 01 F4"]),
    "sessions-of-twelve-seconds": Proof(after_ten_seconds, "6E 07 02", "7F 2E 33"),
    "three-seconds-to-start": Proof(one_second_after_start, "", "7E 00"),
    "security-behind-three-sessions": Proof(
        where_seeds_are,
        ["50 03", NONE, "7F 10 7E", NONE, "50 03", NONE, "50 41", NONE, "50 60", "67 11"],
        ["50 03", "67 11", "50 60", "67 11", "50 03", "67 11", "50 41", NONE, "50 60", "67 11"],
    ),
}
