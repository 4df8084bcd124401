"""A loom's drive: 29-bit ids, and one level (11) that exists in sessions 03 and 60; session 41 is reached from 03 only.

Four wrong keys, counted over power cuts, are followed by a delay of eight seconds. A request that takes longer is answered
with 0x78 first, and requests that come meanwhile with 0x21. Each flawed loom overrides one method of this file or of
`loom_services`.
"""

from hashlib import blake2s

import can

from tests.unseen.loom.loom_wire import Wire

DEFAULT, EXTENDED, SETUP, FACTORY = 0x01, 0x03, 0x41, 0x60
LEVEL = 0x11
NOT_SUPPORTED, NO_SUB_FUNCTION, BAD_LENGTH, BUSY, CONDITIONS, SEQUENCE, RANGE = 0x11, 0x12, 0x13, 0x21, 0x22, 0x24, 0x31
LOCKED, WRONG_KEY, TOO_MANY, TOO_SOON, PENDING, NO_SUB_HERE, NOT_HERE = 0x33, 0x35, 0x36, 0x37, 0x78, 0x7E, 0x7F
SILENT_IF_FUNCTIONAL = {NOT_SUPPORTED, NO_SUB_FUNCTION, RANGE, NO_SUB_HERE, NOT_HERE}
SEED_BYTES, KEY_BYTES = 14, 9

Said = bytes | int | None
"""The result of a service: a positive answer, the code of a refusal, or nothing."""


def key(seed: bytes, level: int) -> bytes:
    return blake2s(seed, key=b"loom %02X / 5be7013f" % level, digest_size=KEY_BYTES).digest()


def but(base: type, **otherwise: object) -> type:
    """A class that does some things otherwise than its base: values and methods by name."""
    return type(base.__name__, (base,), otherwise)


class Loom:
    """Frames, sessions, restarts and SecurityAccess."""

    request_id, response_id, functional_id = 0x1CF0A1B2, 0x1CF0B2A1, 0x1CF0FFB2
    boot_s, s3_s, latency_s = 0.4, 5.0, 0.006
    limit, delay_s = 4, 8.0
    sessions = (DEFAULT, EXTENDED, SETUP, FACTORY)
    guarded_sessions = (EXTENDED, FACTORY)
    resets = (1, 3)

    def __init__(self) -> None:
        self.wrong_keys = 0

    def attach(self, port) -> None:
        self.port = port
        self.wire = Wire(port, self.put, self.receive, self.hear)
        self.start("power")
        self.ready_s = 0.0

    def power_cycle(self) -> None:
        self.start("power")

    def start(self, cause: str | int) -> None:
        """Start, after `cause`: "power", or the type of the reset."""
        self.wire.clear()
        self.ready_s = self.heard_s = self.port.now_s + self.boot_s
        self.session, self.job = DEFAULT, None
        self.lock()
        self.restore_delay(cause)

    def restore_delay(self, cause: str | int) -> None:
        self.delayed_until_s = self.ready_s + self.delay_s if self.wrong_keys else 0.0

    def lock(self) -> None:
        self.is_open, self.seed = False, b""

    # frames

    def on_frame(self, frame: can.Message) -> None:
        is_plain = frame.is_extended_id and not (frame.is_remote_frame or frame.is_error_frame or frame.is_fd)
        if is_plain and frame.arbitration_id in (self.request_id, self.functional_id) and self.port.now_s >= self.ready_s:
            self.wire.take(bytes(frame.data), frame.arbitration_id == self.functional_id)

    def put(self, data: bytes) -> None:
        content = data + b"\xff" * (8 - len(data))
        self.port.send(can.Message(arbitration_id=self.response_id, is_extended_id=True, data=content))

    def hear(self) -> None:
        if self.session != DEFAULT and not self.job and self.port.now_s > self.heard_s + self.s3_s:
            self.run_out()
        self.heard_s = self.port.now_s

    def run_out(self) -> None:
        """End the session, since no request has come for too long."""
        self.change(DEFAULT)

    def receive(self, pdu: bytes, is_functional: bool) -> None:
        self.hear()
        self.port.call_later(self.latency_s, lambda: self.begin(pdu, is_functional))

    def begin(self, pdu: bytes, is_functional: bool) -> None:
        if self.port.now_s < self.ready_s:
            return
        if self.job:
            if pdu != b"\x3e\x80":
                self.say(pdu, self.meanwhile(pdu), is_functional)
            return
        work_s = self.work_s(pdu)
        if not work_s:
            self.finish(pdu, is_functional)
            return
        self.job = job = object()
        self.wire.send(bytes((0x7F, pdu[0], PENDING)))
        for turn in range(1, int(work_s / 2.0) + 1):
            self.port.call_later(2.0 * turn, lambda: self.remind(job, pdu))
        self.port.call_later(work_s, lambda: self.complete(job, pdu, is_functional))

    def meanwhile(self, pdu: bytes) -> Said:
        return BUSY

    def work_s(self, pdu: bytes) -> float:
        """Return how many seconds the request takes beyond the usual time."""
        return 0.0

    def remind(self, job: object, pdu: bytes) -> None:
        if self.job is job:
            self.wire.send(bytes((0x7F, pdu[0], PENDING)))

    def complete(self, job: object, pdu: bytes, is_functional: bool) -> None:
        if self.job is job:
            self.job = None
            self.finish(pdu, is_functional, was_pending=True)

    def finish(self, pdu: bytes, is_functional: bool, was_pending: bool = False) -> None:
        self.is_functional = is_functional
        said = self.serve(pdu)
        self.heard_s = self.port.now_s
        if was_pending and said is None:
            said = bytes((pdu[0] + 0x40, pdu[1] & 0x7F))
        self.say(pdu, said, is_functional and not was_pending)

    def say(self, pdu: bytes, said: Said, is_functional: bool) -> None:
        if isinstance(said, int):
            said = None if is_functional and said in SILENT_IF_FUNCTIONAL else bytes((0x7F, pdu[0], said))
        if said:
            self.wire.send(said)

    # services

    def table(self) -> dict:
        """Return, for each service, its function, its least length, and the sessions that have it."""
        return {
            0x10: (self.session_control, 2, self.sessions),
            0x11: (self.ecu_reset, 2, self.sessions),
            0x27: (self.security_access, 2, self.guarded_sessions),
            0x3E: (self.tester_present, 2, self.sessions),
        }

    def serve(self, pdu: bytes) -> Said:
        entry = self.table().get(pdu[0])
        if entry is None:
            return NOT_SUPPORTED
        function, least, sessions = entry
        if self.session not in sessions:
            return NOT_HERE
        return function(pdu) if len(pdu) >= least else BAD_LENGTH

    @staticmethod
    def bad_sub(pdu: bytes, known: tuple[int, ...], size: int = 2) -> int | None:
        if pdu[1] & 0x7F not in known:
            return NO_SUB_FUNCTION
        return BAD_LENGTH if len(pdu) != size else None

    @staticmethod
    def good(pdu: bytes, rest: bytes = b"") -> bytes | None:
        return None if pdu[1] & 0x80 else bytes((pdu[0] + 0x40, pdu[1])) + rest

    def session_control(self, pdu: bytes) -> Said:
        if bad := self.bad_sub(pdu, self.sessions):
            return bad
        wanted = pdu[1] & 0x7F
        if wanted == SETUP and self.session not in (EXTENDED, SETUP):
            return NO_SUB_HERE
        if refusal := self.refuse_session(wanted):
            return refusal
        self.change(wanted)
        return self.good(pdu, b"\x00\x32\x01\xf4")

    def refuse_session(self, wanted: int) -> int | None:
        return None

    def change(self, session: int) -> None:
        self.session = session
        self.lock()

    def ecu_reset(self, pdu: bytes) -> Said:
        if bad := self.bad_sub(pdu, self.resets):
            return bad
        self.port.call_later(0.004, lambda: self.start(pdu[1] & 0x7F))
        return self.good(pdu)

    def tester_present(self, pdu: bytes) -> Said:
        return self.bad_sub(pdu, (0,)) or self.good(pdu)

    # SecurityAccess

    def security_access(self, pdu: bytes) -> Said:
        number = pdu[1] & 0x7F
        if number == LEVEL:
            return self.request_seed(pdu)
        return self.send_key(pdu) if number == LEVEL + 1 else NO_SUB_FUNCTION

    def is_delayed(self) -> bool:
        if self.port.now_s < self.delayed_until_s:
            return True
        if self.wrong_keys >= self.limit:
            self.wrong_keys = self.after_delay()
        return False

    def after_delay(self) -> int:
        """Return how many wrong keys are still counted when the delay is over."""
        return 0

    def refuse_access(self) -> int | None:
        """Return the code that refuses a seed now; None if seeds are given."""
        return TOO_SOON if self.is_delayed() else None

    def request_seed(self, pdu: bytes) -> Said:
        if len(pdu) != 2:
            return BAD_LENGTH
        if self.is_open:
            return self.seed_when_open(pdu)
        if refusal := self.refuse_access():
            return refusal
        self.seed = self.make_seed()
        return self.good(pdu, self.seed)

    def seed_when_open(self, pdu: bytes) -> Said:
        return self.good(pdu, bytes(SEED_BYTES))

    def make_seed(self) -> bytes:
        return self.port.random_bytes(SEED_BYTES)

    def send_key(self, pdu: bytes) -> Said:
        seed, self.seed = self.seed, b""
        if self.is_delayed():
            return self.key_in_delay(pdu)
        if not seed:
            return self.key_without_seed(pdu)
        sent = pdu[2:]
        if len(sent) != KEY_BYTES:
            return self.misfit(seed, sent)
        if self.is_right(seed, sent):
            self.is_open, self.wrong_keys = True, 0
            return self.good(pdu)
        self.count(sent)
        return TOO_MANY if self.wrong_keys >= self.limit else WRONG_KEY

    def key_in_delay(self, pdu: bytes) -> Said:
        return TOO_SOON

    def key_without_seed(self, pdu: bytes) -> Said:
        return SEQUENCE

    def misfit(self, seed: bytes, sent: bytes) -> Said:
        return BAD_LENGTH

    def is_right(self, seed: bytes, sent: bytes) -> bool:
        return sent == key(seed, LEVEL)

    def count(self, sent: bytes) -> None:
        self.wrong_keys += 1
        if self.wrong_keys >= self.limit:
            self.punish()

    def punish(self) -> None:
        self.delayed_until_s = self.port.now_s + self.delay_s
