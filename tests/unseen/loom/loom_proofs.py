"""List the exchange that shows each loom's flaw, with the last answers of the flawed ECU and of the sound one."""

from collections.abc import Callable

from tests.unseen.bench import Bench
from tests.unseen.crane.crane_proofs import Proof, short
from tests.unseen.loom.loom import LEVEL, key

WRITE, SELF_TEST = "2E 0702 01020304", b"\x31\x01\x05\x00"


def same_key_twice(b: Bench) -> list[str]:
    b.go(3)
    return [b.wrong(LEVEL, b"any key.."), b.wrong(LEVEL, b"any key..")]


def first_byte_off(b: Bench) -> list[str]:
    said = []
    for _ in range(2):
        b.go(3)
        right = key(b.seed(LEVEL), LEVEL)
        said.append(b.send_key(LEVEL, bytes((right[0] ^ 0x55,)) + right[1:]))
        b.go(3)
        b.unlock(LEVEL)
    return said


def nine_in_factory(b: Bench) -> str:
    b.go(0x60)
    return [b.wrong(LEVEL) for _ in range(9)][-1]


def nine_while_pending(b: Bench) -> str:
    b.go(3)
    for _ in range(9):
        b.frames.clear()
        b.request(SELF_TEST, b.node.request_id)
        assert b.listen()[:3] == b"\x7f\x31\x78"
        said = b.wrong(LEVEL)
        b.wait(2)
    return said


def seed_after_cut(b: Bench) -> list[str]:
    b.go(3)
    b.lock(LEVEL)
    b.ask("11 01")
    b.wait(0.5)
    b.go(3)
    said = [short(b.ask("27 11"))]
    b.power()
    b.go(3)
    return [*said, short(b.ask("27 11"))]


def seed_after_presence(b: Bench) -> str:
    b.go(3)
    b.lock(LEVEL)
    for _ in range(9):
        b.ask("3E 00")
    return short(b.ask("27 11"))


def seed_after_delay(b: Bench) -> bool:
    b.go(3)
    b.lock(LEVEL)
    b.wait(8.5)
    b.go(3)
    return any(b.seed(LEVEL))


def replayed_in_factory(b: Bench) -> str:
    b.go(3)
    seed = b.seed(LEVEL)
    sniffed = key(seed, LEVEL)
    assert b.send_key(LEVEL, sniffed) == "67 12"
    b.go(0x60)
    b.ask("27 11")
    return b.send_key(LEVEL, sniffed)


def suppressed_limit(b: Bench) -> list[str]:
    b.go(3)
    for _ in range(4):
        b.ask("27 11")
        said = b.ask(b"\x27\x92" + bytes(9))
    return [said, short(b.ask("27 11"))]


def write_after(*steps: Callable[[Bench], object], session: int = 3, write: str = WRITE) -> Callable[[Bench], str]:
    """Return the answer to a guarded write after an unlock and some steps."""

    def sequence(b: Bench) -> str:
        b.go(session)
        b.unlock(LEVEL)
        for step in steps:
            step(b)
        return b.ask(write)[:8]

    return sequence


def download_over_lock(b: Bench) -> list[str]:
    b.go(3)
    b.unlock(LEVEL)
    assert b.ask("34 00 44 00400010 00000002") == "74 10 42"
    b.go(3)
    said = [b.ask("36 01 BEEF")]
    b.unlock(LEVEL)
    b.ask("35 00 44 00400010 00000002")
    return [*said, b.ask("36 01")]


def idle_after_pending(b: Bench) -> str:
    b.go(3)
    b.unlock(LEVEL)
    assert b.ask(SELF_TEST) == "71 01 05 00 00"
    b.wait(60)
    return b.ask(WRITE)


def write_while_pending(b: Bench) -> list[str]:
    b.go(3)
    b.frames.clear()
    b.request(SELF_TEST, b.node.request_id)
    assert b.listen()[:3] == b"\x7f\x31\x78"
    said = [b.ask(WRITE)]
    b.wait(2)
    return [*said, b.ask("22 0702")]


def functional_output(b: Bench) -> list[str]:
    b.go(3)
    return [b.ask("2F 0704 03 1234"), b.ask("2F 0704 03 1234", is_functional=True)]


def periodic(b: Bench) -> list[str]:
    b.go(3)
    said = [b.ask(request) for request in ("2A 01 02", "2A 02 02", "2A 03 02")]
    b.wait(0.15)
    return [*said, *(bytes(frame.data[:5]).hex(" ").upper() for frame in b.frames)]


def upload_in(session: int) -> Callable[[Bench], list[str]]:
    def sequence(b: Bench) -> list[str]:
        b.go(3)
        said = [b.ask("35 00 44 00400000 00000004")]
        b.go(session)
        return [*said, b.ask("35 00 44 00400000 00000004"), b.ask("36 01")]

    return sequence


def locked(*requests: str) -> Callable[[Bench], list[str]]:
    """Return the beginnings of the answers to requests in session 03 without any key."""

    def sequence(b: Bench) -> list[str]:
        b.go(3)
        return [b.ask(request)[:11] for request in requests]

    return sequence


NAME = b"pattern.bin".hex()
TOO_SOON, WRONG = "7F 27 37", "7F 27 35"
WRITTEN, NO_WRITE = "6E 07 02", "7F 2E 33"

PROOFS = {
    "same-key-twice-opens": Proof(same_key_twice, [WRONG, "67 12"], [WRONG, WRONG]),
    "first-key-byte-ignored-after-a-right-key": Proof(first_byte_off, [WRONG, "67 12"], [WRONG, WRONG]),
    "no-limit-in-session-60": Proof(nine_in_factory, WRONG, TOO_SOON),
    "keys-free-while-a-routine-is-pending": Proof(nine_while_pending, WRONG, "7F 27 21"),
    "power-cut-ends-the-delay": Proof(seed_after_cut, [TOO_SOON, "67 11"], [TOO_SOON, TOO_SOON]),
    "tester-present-shortens-the-delay": Proof(seed_after_presence, "67 11", TOO_SOON),
    "zero-seed-after-the-delay": Proof(seed_after_delay, False, True),
    "session-60-repeats-the-seed-of-03": Proof(replayed_in_factory, "67 12", WRONG),
    "no-delay-after-suppressed-keys": Proof(suppressed_limit, ["7F 27 36", "67 11"], ["7F 27 36", TOO_SOON]),
    "unlock-survives-timeout-in-60": Proof(write_after(lambda b: b.wait(6), session=0x60), WRITTEN, NO_WRITE),
    "functional-session-change-does-not-lock": Proof(
        write_after(lambda b: b.ask("10 03", is_functional=True)), WRITTEN, NO_WRITE
    ),
    "download-goes-on-after-the-lock": Proof(download_over_lock, ["76 01", "76 01 BE EF"], ["7F 36 24", "76 01 B0 BB"]),
    "session-never-ends-after-pending": Proof(idle_after_pending, WRITTEN, NO_WRITE),
    "writes-pass-while-a-routine-is-pending": Proof(
        write_while_pending, [WRITTEN, "62 07 02 01 02 03 04"], ["7F 2E 21", "62 07 02 10 32 54 76"]
    ),
    "functional-output-control-unguarded": Proof(
        functional_output, ["7F 2F 33", "6F 07 04 03 12 34"], ["7F 2F 33", "7F 2F 33"]
    ),
    "freezing-the-output-unguarded": Proof(
        locked("2F 0704 00", "2F 0704 01", "2F 0704 03 0001", "2F 0704 02"),
        ["7F 2F 33"] * 3 + ["6F 07 04 02"],
        ["7F 2F 33"] * 4,
    ),
    "fast-periodic-reading-unguarded": Proof(periodic, ["7F 2A 33", "7F 2A 33", "6A", "04 02 8E 21 C9"], ["7F 2A 33"] * 3),
    "upload-in-session-60-unguarded": Proof(
        upload_in(0x60), ["7F 35 33", "75 10 42", "76 01 00 0B 16 21"], ["7F 35 33", "7F 35 33", "7F 36 24"]
    ),
    "reading-files-unguarded": Proof(
        locked(f"38 05 0001 {b'/'.hex()}", f"38 02 000B {NAME}", f"38 04 000B {NAME} 00", "36 01"),
        ["7F 38 33", "7F 38 33", "78 04 01 42", "76 01 77 65"],
        ["7F 38 33"] * 3 + ["7F 36 24"],
    ),
    "baud-rate-transition-unguarded": Proof(locked("87 01 12", "87 03"), ["7F 87 33", "C7 03"], ["7F 87 33"] * 2),
    "routine-stop-unguarded": Proof(
        locked("31 01 0501", "31 03 0501", "31 02 0501"), ["7F 31 33", "7F 31 33", "71 02 05 01"], ["7F 31 33"] * 3
    ),
}
