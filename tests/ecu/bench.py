"""Provide a port for one simulated ECU with a clock that tests move, and the requests of a small tester."""

import hashlib
from collections import deque
from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from typing import Any

import can

from harness.ecu.article import ArticleNode
from harness.ecu.config import EcuConfig
from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED, changed
from harness.ecu.server import Server
from harness.link.frame import from_message, parse
from tests.clock import Clock


class FakePort(Clock):
    """A port on which frames arrive at once; time passes only in `advance`."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.sent: list[can.Message] = []
        self.chance: deque[bytes] = deque()
        """The bytes that random_bytes gives before any others."""
        self._seed = seed
        self._draws = 0

    def send(self, frame: can.Message) -> None:
        self.sent.append(copy(frame))

    def random_bytes(self, n: int) -> bytes:
        if self.chance:
            return self.chance.popleft()
        self._draws += 1
        return hashlib.shake_128(b"%d %d" % (self._seed, self._draws)).digest(n)


class Bench:
    """A node with its port. Requests, responses and frames are written in hex."""

    def __init__(self, node: UdsNode | ArticleNode) -> None:
        self.node = node
        self.port = FakePort()
        node.attach(self.port)
        self.periodic = self.frames()

    def ask(self, request: str, *, is_functional: bool = False) -> str:
        """Send a message; return the responses in groups divided by a comma, empty for silence."""
        answers = self.node.machine.answer(bytes.fromhex(request), is_functional=is_functional)
        return ", ".join(answer.hex(" ") for answer in answers)

    def give(self, frame: str) -> list[str]:
        """Put a frame like ``740#022210`` on the bus; return the frames that come back at once."""
        self.node.on_frame(parse(frame).message())
        return self.frames()

    def wait(self, seconds: float) -> list[str]:
        """Let time pass; return the frames that the node sends meanwhile."""
        self.port.advance(seconds)
        return self.frames()

    def frames(self) -> list[str]:
        frames = [from_message(message, 0.0, False).text() for message in self.port.sent]
        self.port.sent.clear()
        return frames

    def power_cycle(self) -> None:
        self.port.forget()
        self.node.power_cycle()


class HardenedBench(Bench):
    """The sound ECU, changed in a few fields of its data or by flaws, if any are given."""

    node: UdsNode
    last_key = ""
    """The key for the seed that was requested last."""

    def __init__(self, config: EcuConfig = HARDENED, *, flaws: Iterable[str] = (), **changes: Any) -> None:
        super().__init__(UdsNode(Server(changed(replace(config, **changes), *flaws))))

    def key(self, seed: bytes, level: int = 1) -> str:
        return self.node.ecu.levels[level].key(seed, level).hex()

    def seed(self, level: int = 1) -> bytes:
        answer = bytes.fromhex(self.ask(f"27 {level:02x}"))
        assert answer[:2] == bytes((0x67, level)), answer.hex(" ")
        self.last_key = self.key(answer[2:], level)
        return answer[2:]

    def send_key(self, key: str, level: int = 1) -> str:
        return self.ask(f"27 {level + 1:02x} {key}")

    def send_right_key(self, level: int = 1) -> str:
        """Request a seed and answer it with the right key."""
        return self.send_key(self.key(self.seed(level), level), level)

    def send_wrong_key(self, level: int = 1) -> str:
        """Request a seed and answer it with a key that is wrong in one bit."""
        key = bytearray.fromhex(self.key(self.seed(level), level))
        key[0] ^= 0x01
        return self.send_key(key.hex(), level)

    def unlock(self, level: int = 1) -> None:
        """Enter the extended session and unlock."""
        assert self.ask("10 03").startswith("50 03")
        assert self.send_right_key(level) == f"67 {level + 1:02x}"

    def lock_out(self, level: int = 1) -> None:
        """Enter the extended session and send wrong keys to the limit."""
        assert self.ask("10 03").startswith("50 03")
        answers = [self.send_wrong_key(level) for _ in range(self.node.ecu.config.attempts)]
        assert answers[-1] == "7f 27 36"

    def is_unlocked(self) -> bool:
        """Whether the value that needs level 1 can be written now."""
        return self.ask("2E 2020 77") == "6e 20 20"

    def stay(self, seconds: float) -> None:
        """Let time pass, and keep the session meanwhile."""
        while seconds > 0:
            step_s = min(seconds, 4.0)
            self.wait(step_s)
            seconds -= step_s
            self.ask("3E 80")

    def reboot(self, how: str) -> None:
        """Reset or cut the power, and come back to the extended session."""
        if how == "power":
            self.power_cycle()
        else:
            assert self.ask(how) == f"51 {how[-2:]}"
        self.wait(HARDENED.boot_s)
        self.ask("10 03")

    def do(self, step: str) -> str:
        """Do a step of a dialogue: send a request, or act as in ``unlock: 3`` and ``wait: almost s3``."""
        words, _, rest = step.partition(": ")
        level = int(rest) if rest.isdigit() else 1
        match words:
            case "unlock":
                self.unlock(level)
            case "lock out":
                self.lock_out(level)
            case "right key":
                return self.send_right_key(level)
            case "wrong key":
                return self.send_wrong_key(level)
            case "seed":
                return f"{len(self.seed(level))} bytes"
            case "key of the seed":
                return self.send_key(self.last_key, level)
            case "is open":
                return "yes" if self.is_unlocked() else "no"
            case "wait":
                return " ".join(self.wait(_seconds(rest)))
            case "stay":
                self.stay(_seconds(rest))
            case "power":
                self.power_cycle()
            case "reboot":
                self.reboot(rest)
            case "there":
                answers = self.node.ecu.answer(bytes.fromhex(rest), connection=1)
                return ", ".join(answer.hex(" ") for answer in answers)
            case _ if "#" in step:
                return " ".join(self.give(step))
            case "to all":
                return self.ask(rest, is_functional=True)
            case _:
                return self.ask(step)
        return ""


def _seconds(words: str) -> float:
    """``0.5 s``, or a time of the hardened ECU; `almost` is a millisecond less."""
    times_s = {"s3": HARDENED.s3_s, "boot": HARDENED.boot_s, "delay": HARDENED.delay_s, "an hour": 3600.0}
    name = words.removeprefix("almost ")
    seconds = times_s[name] if name in times_s else float(name.removesuffix(" s"))
    return seconds - (0.001 if words.startswith("almost ") else 0.0)
