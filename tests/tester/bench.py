"""Provide small scripted ECUs on the simulated bus, a target made by hand, and a Tester for them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import can

from harness.buses import SimulatedLink
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.isotp import IsoTp, IsoTpConfig
from harness.link.trace import Trace
from harness.simulation.node import Node, Port
from harness.target import (
    PERMISSIONS,
    Access,
    Can,
    DataEntry,
    Reset,
    Safety,
    SecurityLevel,
    SessionEntry,
    Target,
    Timing,
)
from harness.tester.keys import KeyFunction
from harness.tester.ledger import Ledger
from harness.tester.tester import Tester

REQUEST_ID, RESPONSE_ID, FUNCTIONAL_ID = 0x740, 0x748, 0x7DF
ALL = frozenset(PERMISSIONS)
SECRET = 0x5A

Answer = str | tuple[float, str]
"""A message in hex, or the data field of a frame as ``raw 70 22``; with it, optionally, a delay in seconds before it."""
Answers = Answer | list[Answer]
"""One answer or several; an empty list is silence."""


def right_key(seed: bytes, level: int) -> bytes:
    """Compute the key that `SecuredEcu` accepts for a seed."""
    return bytes(byte ^ SECRET for byte in seed)


def foreign_key(seed: bytes, level: int) -> bytes:
    """Compute the key of another ECU."""
    return bytes(byte ^ 0xA5 for byte in seed)


# ECUs


class ScriptedEcu:
    """An ECU that answers each message by a table or a function of the message; silence for anything else."""

    def __init__(
        self,
        script: Mapping[str, Answers] | Callable[[bytes], Answers] | None = None,
        *,
        request_id: int = REQUEST_ID,
        response_id: int = RESPONSE_ID,
        is_extended: bool = False,
    ) -> None:
        self.script = script or {}
        self.heard: list[str] = []
        """Every message that arrived, in hex without spaces."""
        self.request_id, self.response_id, self.is_extended = request_id, response_id, is_extended
        self._isotp = IsoTp(IsoTpConfig())

    def attach(self, port: Port) -> None:
        self.port = port

    def on_frame(self, message: can.Message) -> None:
        if message.arbitration_id not in (self.request_id, FUNCTIONAL_ID) or message.is_remote_frame:
            return
        is_functional = message.arbitration_id == FUNCTIONAL_ID
        pdu = self._isotp.receive(bytes(message.data), self.port.now_s, is_functional=is_functional)
        self._flush()
        if pdu is not None:
            self.heard.append(pdu.hex())
            self.give(self.answers(pdu))

    def answers(self, pdu: bytes) -> Answers:
        if callable(self.script):
            return self.script(pdu)
        table = {request.replace(" ", "").lower(): answers for request, answers in self.script.items()}
        return table.get(pdu.hex(), [])

    def give(self, answers: Answers) -> None:
        """Send answers, each after its own delay from now."""
        for answer in answers if isinstance(answers, list) else [answers]:
            delay_s, text = (0.0, answer) if isinstance(answer, str) else answer
            if delay_s:
                self.port.call_later(delay_s, lambda text=text: self._say(text))
            else:
                self._say(text)

    def _say(self, text: str) -> None:
        if text.startswith("raw "):
            self.frame(bytes.fromhex(text[4:]))
        elif text:
            if self._isotp.is_sending:
                self._isotp.reset()
            self._isotp.send(bytes.fromhex(text), self.port.now_s)
            self._flush()

    def frame(self, data: bytes, *, can_id: int | None = None, is_remote: bool = False) -> None:
        """Send one frame as it is."""
        self.port.send(
            can.Message(
                arbitration_id=self.response_id if can_id is None else can_id,
                data=data,
                is_extended_id=self.is_extended,
                is_remote_frame=is_remote,
            )
        )

    def _flush(self) -> None:
        for data in self._isotp.outbox:
            self.frame(data)
        self._isotp.outbox.clear()
        if self._isotp.deadline_s is not None:
            self.port.call_later(max(self._isotp.deadline_s - self.port.now_s, 0.0), self._tick)

    def _tick(self) -> None:
        if self._isotp.deadline_s is not None and self._isotp.deadline_s <= self.port.now_s + 1e-6:
            self._isotp.tick(self.port.now_s)
            self._flush()


class Talker(ScriptedEcu):
    """A node that sends a frame every 10 ms without any request."""

    can_id = RESPONSE_ID

    def attach(self, port: Port) -> None:
        super().attach(port)
        self._next()

    def _next(self) -> None:
        self.frame(b"\x55", can_id=self.can_id)
        self.port.call_later(0.01, self._next)


class OtherTalker(Talker):
    """Another node that sends a frame every 10 ms."""

    can_id = 0x123


class SecuredEcu(ScriptedEcu):
    """An ECU with an open value 1010, a protected value 2020, and one security level.

    `locks_on` says what locks it again: a session change, the end of S3, a restart.
    """

    def __init__(
        self,
        *,
        locks_on: Iterable[str] = ("session", "s3", "restart"),
        is_unlocked: bool = False,
        has_sessions: bool = True,
        has_f186: bool = True,
        attempts: int | None = 3,
        delay_s: float = 10.0,
        shutdown_s: float = 0.0,
        boot_s: float = 0.5,
        latency_s: float = 0.0,
    ) -> None:
        super().__init__()
        self.locks_on, self.is_unlocked, self.has_sessions = frozenset(locks_on), is_unlocked, has_sessions
        self.has_f186, self.attempts, self.delay_s, self.boot_s = has_f186, attempts, delay_s, boot_s
        self.shutdown_s, self.latency_s = shutdown_s, latency_s
        self.values = {0x1010: b"\x10", 0x2020: b"\x20"}
        self.session = 0x01
        self.failures = 0
        self.keys: list[bytes] = []
        """Keys that the ECU compared."""
        self.seeds: list[bytes] = []
        """Seeds that the ECU gave, zero ones included."""
        self.restarts = 0
        self.zero_seed = bytes(4)
        self.seed: bytes | None = None
        self.last_s = 0.0
        self.delayed_until_s = 0.0
        self.silent_until_s = 0.0
        self.refuses_with: dict[str, str] = {}
        """By the beginning of a request in hex: the answer in place of the usual one."""

    def on_frame(self, message: can.Message) -> None:
        if self.port.now_s >= self.silent_until_s:
            super().on_frame(message)

    def give(self, answers: Answers) -> None:
        super().give((self.latency_s, answers) if self.latency_s and isinstance(answers, str) else answers)

    def answers(self, pdu: bytes) -> Answers:
        if self.session != 0x01 and self.port.now_s - self.last_s > 5.0:
            self.session = 0x01
            self._lock("s3")
        self.last_s = self.port.now_s
        for beginning, answer in self.refuses_with.items():
            if pdu.hex().startswith(beginning):
                return answer
        service = {0x10: self._session, 0x11: self._reset, 0x22: self._read, 0x27: self._security, 0x2E: self._write}
        if pdu[0] == 0x3E:
            return "7e 00"
        return service[pdu[0]](pdu) if pdu[0] in service else f"7f {pdu[0]:02x} 11"

    def restart(self) -> None:
        """Lose everything volatile, and be silent for as long as a restart takes."""
        self.restarts += 1
        self.session = 0x01
        self._lock("restart")
        self.silent_until_s = self.port.now_s + self.boot_s

    def _lock(self, reason: str) -> None:
        self.seed = None
        if reason in self.locks_on:
            self.is_unlocked = False

    def _session(self, pdu: bytes) -> Answers:
        if not self.has_sessions or pdu[1] not in (0x01, 0x03):
            return "7f 10 12"
        self.session = pdu[1]
        self._lock("session")
        return f"50 {pdu[1]:02x} 00 32 01 f4"

    def _reset(self, pdu: bytes) -> Answers:
        self.port.call_later(self.latency_s + self.shutdown_s, self.restart)
        return f"51 {pdu[1]:02x}"

    def _read(self, pdu: bytes) -> Answers:
        did = int.from_bytes(pdu[1:], "big")
        if did == 0xF186 and self.has_f186 and self.has_sessions:
            return f"62 f1 86 {self.session:02x}"
        return f"62 {pdu[1:].hex()} {self.values[did].hex()}" if did in self.values else "7f 22 31"

    def _write(self, pdu: bytes) -> Answers:
        did = int.from_bytes(pdu[1:3], "big")
        if did not in self.values:
            return "7f 2e 31"
        if did == 0x2020 and not self.is_unlocked:
            return "7f 2e 33"
        self.values[did] = pdu[3:]
        return f"6e {pdu[1:3].hex()}"

    def _security(self, pdu: bytes) -> Answers:
        if self.has_sessions and self.session != 0x03:
            return "7f 27 7f"
        if self.port.now_s < self.delayed_until_s:
            return "7f 27 37"
        if pdu[1] == 0x01:
            self.seed = self.zero_seed if self.is_unlocked else self.port.random_bytes(4)
            self.seeds.append(self.seed)
            return f"67 01 {self.seed.hex()}"
        return self._compare(pdu[2:])

    def _compare(self, key: bytes) -> Answers:
        seed, self.seed = self.seed, None
        if seed is None or not any(seed):
            return "7f 27 24"
        self.keys.append(key)
        if key == right_key(seed, 1):
            self.is_unlocked, self.failures = True, 0
            return "67 02"
        self.failures += 1
        if self.attempts is not None and self.failures >= self.attempts:
            self.failures = 0
            self.delayed_until_s = self.port.now_s + self.delay_s
            return "7f 27 36"
        return "7f 27 35"


class StoresNothing(SecuredEcu):
    """A server that confirms a write without storing the value."""

    def _write(self, pdu: bytes) -> Answers:
        before = dict(self.values)
        answer = super()._write(pdu)
        self.values = before
        return answer


class PoweredEcu(SecuredEcu):
    """A `SecuredEcu` whose supply can be cut."""

    def power_cycle(self) -> None:
        self.restart()


# Targets


def bare(**changes: Any) -> Target:
    """Return the target of an ECU of which only the ids are declared; everything is allowed."""
    declared = Target(
        name="bench",
        can=Can(
            interface="uds-sim",
            channel="bench",
            request_id=REQUEST_ID,
            response_id=RESPONSE_ID,
            functional_id=FUNCTIONAL_ID,
        ),
        safety=Safety(allow=ALL),
    )
    return replace(declared, **changes)


def allowing(*permissions: str, **changes: Any) -> Target:
    """Return a target that allows only these permissions."""
    return bare(safety=Safety(allow=frozenset(permissions)), **changes)


PROTECTED = DataEntry(did=0x2020, length=1, write=Access("level", 0x01))
OPEN = DataEntry(did=0x1010, length=1, write=Access("open"))


def secured(**changes: Any) -> Target:
    """Return the target of a `SecuredEcu` with its default settings."""
    declared: dict[str, Any] = {
        "timing": Timing(s3_ms=5000),
        "sessions": (SessionEntry(id=0x01), SessionEntry(id=0x03)),
        "security": (SecurityLevel(level=0x01, session=0x03, attempts=3, delay_s=10.0),),
        "data": (OPEN, PROTECTED),
        "reset": Reset(uds=0x01, boot_s=0.5),
    }
    return bare(**(declared | changes))


def without_sessions(**changes: Any) -> Target:
    """Return the target of a `SecuredEcu` without sessions and without a way to restart it."""
    declared: dict[str, Any] = {
        "timing": Timing(),
        "sessions": (),
        "security": (SecurityLevel(level=0x01, attempts=3, delay_s=10.0),),
        "reset": Reset(),
    }
    return secured(**(declared | changes))


# The bench


def leave_unread(link: SimulatedLink, seconds: float) -> None:
    """Let time pass, and leave the frame that comes meanwhile unread, as an adapter's queue does."""
    receive, frame = link.receive, link.receive(link.now_s + seconds)
    assert frame is not None

    def first(until_s: float) -> Frame | None:
        link.receive = receive  # type: ignore[method-assign]
        return frame

    link.receive = first  # type: ignore[method-assign]


class Bench:
    """A Tester on a bus with one or more nodes."""

    def __init__(
        self,
        *nodes: Node,
        target: Target | None = None,
        key: KeyFunction | None = right_key,
        ledger: Ledger | None = None,
    ) -> None:
        declared = target or (secured() if isinstance(nodes[0], SecuredEcu) else bare())
        self.trace = Trace()
        self.link = SimulatedLink(nodes, bitrate=500_000, chance=Chance(1, "ecu"), trace=self.trace)
        self.ledger = ledger or Ledger(None, "bench", None)
        self.tester = Tester(self.link, declared, chance=Chance(1, "tester"), keys={0x01: key}, ledger=self.ledger)

    @property
    def now_s(self) -> float:
        return self.link.now_s

    def sent(self) -> list[Frame]:
        """The harness's frames on the bus, those that are still queued included."""
        self.link.receive(self.link.now_s + 1.0)
        return [frame for frame in self.trace.frames(0, self.trace.count) if frame.is_sent]


LEVEL = 0x01
WRONG = b"\x00\x00\x00\x00"


def level_of(bench: Bench) -> Any:
    return bench.tester.security.level(LEVEL)


def send_wrong(bench: Bench) -> Any:
    """Send one wrong key for a fresh seed, without any regard for the counter."""
    bench.tester.session_for(LEVEL)
    bench.tester.security.seed(LEVEL)
    return bench.tester.security.send_key(LEVEL, WRONG)
