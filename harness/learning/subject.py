"""Present the ECU to the learner: reset it to its initial state, send letters one by one, and make the answers abstract."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from harness.errors import ContactLost, Inconclusive, KeyFunctionError
from harness.learning.letters import Alphabet, Letter, LetterKind
from harness.target import DataEntry
from harness.tester.exchange import BUSY_REPEATS, BUSY_WAIT_S
from harness.tester.reply import Reply
from harness.tester.restart import LATEST_START_S, SLOWEST_BOOT, Means
from harness.tester.security import EMPTY_SEEDS
from harness.tester.tester import Tester
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, Service, Session, is_seed_request

DEAD: Final = "dead"
"""The answer that stands for an ECU which has fallen silent."""
SILENCE: Final = "silence"
MALFORMED: Final = "malformed"
SEED: Final = "seed"
ZERO_SEED: Final = "zero seed"
EMPTY_SEED: Final = "empty seed"
POSITIVE: Final = "positive"
WRITTEN: Final = "positive, written"
CHANGED: Final = ", yet written"
"""The suffix of the answer if a refused write has nevertheless changed the guarded value."""
NOT_WRITTEN: Final = "positive, not written"
WAITED: Final = "waited"
RESTARTED: Final = "restarted"
NOT_SENT: Final = "not sent"
"""The answer in place of a key that was not sent, because the key would be a guess and guesses are not permitted."""

READY_STEP_S: Final = 0.25
DEAF_STEP_S: Final = 0.005
WELL_INTO_BOOT: Final = 0.2
"""The share of the boot time to wait, after the ECU was first seen deaf, before a letter is sent into the boot."""
LATEST_READY_S: Final = 5.0
USUAL_KEY_BYTES: Final = 4


class TrueReset(Enum):
    """The way in which the ECU is reset to its initial state."""

    RENEWED = "a factory-new simulated ECU each time"
    RESTARTED = "delays waited out, the right key, and a restart"
    SESSION = "the default session, since nothing is counted"


@dataclass(slots=True)
class _Memory:
    """What the learner remembers of one level within one sequence."""

    seed: bytes = b""
    """The last seed that was not zero."""
    opened_by: bytes = b""
    """The last key that was accepted."""
    is_open: bool = False


@dataclass(slots=True)
class Subject:
    """One ECU. Every sequence starts with `reset`; then `do` sends one letter after the other."""

    tester: Tester
    how: TrueReset
    resets: int = 0
    settle_s: float = 0.0
    """The seconds after a restart during which the ECU is left alone."""
    is_dead: bool = False
    deaf_after_s: float = 0.0
    """In virtual time: seconds from the answer to a reset to the next letter, so that it comes during the boot."""
    _boot_ends_s: float = 0.0
    _is_booting: bool = False
    """Whether the ECU was told to restart and has not been sent a request since."""
    _memory: dict[int, _Memory] = field(default_factory=dict)
    _values: dict[int, set[bytes]] = field(default_factory=dict)
    """By DID: the values that the data may have now, from this sequence or from before it."""
    _first_values: dict[int, bytes] = field(default_factory=dict)
    _effects: dict[int, DataEntry] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """How many requests were sent so far, no matter by which part of the harness."""
        return self.tester.exchange_count

    @property
    def wrong_keys_left(self) -> int | None:
        """How many wrong keys the ECU may still be sent, at the level with the fewest left; None if there is no limit."""
        ledger = self.tester.security.ledger
        left = [ledger.left(entry.level) for entry in self.tester.target.security]
        return min((one for one in left if one is not None), default=None)

    def lives(self) -> bool:
        """Reset the ECU to its initial state, and return whether it answers anything."""
        try:
            self.reset()
        except ContactLost:
            return False
        return self.tester.is_alive()

    def prepare(self, alphabet: Alphabet) -> None:
        """Measure how long the ECU takes to be ready after a start, and read the guarded values.

        Raises Unjudged if the ECU is silent.
        """
        tester = self.tester
        self.settle_s = 2 * tester.target.reset.boot_s + LATEST_START_S
        for letter in alphabet.letters:
            if letter.kind is LetterKind.EFFECT and letter.what.startswith("2E"):
                entry = tester.access.protected_by(letter.number)
                assert entry is not None
                self._effects[letter.number] = entry
        self.reset()
        if not tester.is_alive():
            raise ContactLost("the ECU does not answer")
        for entry in self._effects.values():
            self._first_values[entry.did] = tester.stable_value(entry.did)
        by_reset = alphabet.first(LetterKind.RESET)
        if by_reset is not None and self.how is not TrueReset.SESSION:
            self._measure_start(by_reset.number, alphabet.level)
            self.reset()

    def _measure_start(self, reset_type: int, level: int) -> None:
        """Ask until sessions and seeds are served as before the restart; some ECUs refuse them with 22 for a while."""
        tester = self.tester
        usual = self._first_answers(level)
        if not tester.request(bytes((Service.ECU_RESET, reset_type))).is_positive:
            return
        tester.state.restart_begun()
        self.deaf_after_s = self._look_when_deaf() if tester.link.is_virtual else 0.0
        tester.wait(self.settle_s)
        waited_s = 0.0
        while self._first_answers(level) != usual and waited_s < LATEST_READY_S:
            tester.wait(READY_STEP_S)
            waited_s += READY_STEP_S
        if 0 < waited_s < LATEST_READY_S:
            self.settle_s += 1.5 * waited_s

    def _look_when_deaf(self) -> float:
        """Return after how many seconds from the answer to a reset the ECU is certainly deaf; some run on for a while."""
        tester = self.tester
        boot_s, begun_s = tester.target.reset.boot_s, tester.link.now_s
        while (asked_s := tester.link.now_s) - begun_s < boot_s + LATEST_START_S:
            if tester.request(tester.liveness_request).is_silence:
                goes_on_s = asked_s - begun_s
                return goes_on_s + boot_s * WELL_INTO_BOOT
            tester.wait(DEAF_STEP_S)
        return 0.0

    def _first_answers(self, level: int) -> list[str]:
        tester = self.tester
        answers = [tester.request(tester.liveness_request)]
        if tester.has_sessions:
            for one in tester.target.way_to(tester.target.of_level(level).session or Session.EXTENDED):
                tester.meet(tester.target.before_session(one))
                answers.append(tester.request(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, one))))
        answers.append(tester.security.request_seed(level))
        return [_kind_of(reply) for reply in answers]

    def reset(self) -> None:
        """Reset the ECU to its initial state. Raises ContactLost if the ECU does not come back."""
        tester = self.tester
        self.resets += 1
        self._memory = {}
        self._values = {did: {value} for did, value in self._first_values.items()}
        self.is_dead = self._is_booting = False
        if self.how is TrueReset.RENEWED:
            tester.link.renew()
            tester.state.renewed()
            tester.wait(self.settle_s)
            return
        tester.restore()
        if self.how is TrueReset.RESTARTED:
            tester.wait(self.settle_s)

    def do(self, letter: Letter) -> str:
        """Send one letter and return the ECU's answer, without the parts that differ each time.

        Raises LinkError, NotRun, NotPermitted and KeyFunctionError as the tester does.
        """
        if self.is_dead:
            return DEAD
        match letter.kind:
            case LetterKind.WAIT:
                self.tester.wait(letter.seconds)
                self._was_answered()
                return WAITED
            case LetterKind.EFFECT:
                return self._effect(letter)
            case LetterKind.POWER:
                tester = self.tester
                if tester.link.can_power_cycle():
                    tester.link.power_cycle()
                elif not tester.restart.restart(Means.POWER, as_it_is=True):
                    return "no restart was seen"
                self._has_restarted()
                return RESTARTED
        if letter.kind is LetterKind.RIGHT_KEY and not self._may_send(letter.number):
            return NOT_SENT
        reply = self._send(letter)
        answer = _kind_of(reply)
        if is_seed_request(reply.request) and reply.is_positive:
            answer = SEED if any(reply.pdu[2:]) else ZERO_SEED if len(reply.pdu) > 2 else EMPTY_SEED
        if answer == SILENCE and not self._is_alive(letter):
            return DEAD
        self._was_answered()
        if letter.kind is LetterKind.RESET and reply.is_positive:
            self._has_restarted()
            return RESTARTED
        return answer

    def _has_restarted(self) -> None:
        """Wait for the boot; in virtual time let the next letter be sent during the boot: a deaf ECU is a state, too."""
        self.tester.state.restart_begun()
        self.tester.state.restart_seen()
        self._is_booting = self.tester.link.is_virtual
        if not self._is_booting:
            self.tester.wait(self.settle_s)
            return
        self._boot_ends_s = self.tester.link.now_s + self.settle_s
        self.tester.wait(self.deaf_after_s)

    def _was_answered(self) -> None:
        """Note an answer of the ECU, which is still expected to be deaf until its boot time is over."""
        self._is_booting = self._is_booting and self.tester.link.now_s < self._boot_ends_s

    def _send(self, letter: Letter) -> Reply:
        tester, level = self.tester, letter.number
        match letter.kind:
            case LetterKind.SESSION:
                return tester.request(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, letter.number)))
            case LetterKind.RESET:
                return tester.request(bytes((Service.ECU_RESET, letter.number)))
            case LetterKind.PRESENT:
                return tester.request(b"\x3e\x80")
            case LetterKind.READ:
                return tester.read_reply(letter.number)
            case LetterKind.SEED:
                reply = tester.security.request_seed(level)
                for _ in range(EMPTY_SEEDS):
                    if not reply.is_positive or len(reply.pdu) > 2:
                        break
                    reply = tester.security.request_seed(level)
                return self._take_seed(level, reply)
            case LetterKind.FUNCTIONAL_SEED:
                return self._take_seed(level, tester.request(bytes((Service.SECURITY_ACCESS, level)), is_functional=True))
            case LetterKind.QUIET_SEED:
                return tester.request(bytes((Service.SECURITY_ACCESS, level | SUPPRESS_POSITIVE_RESPONSE)))
        return self._send_key(letter)

    def _take_seed(self, level: int, reply: Reply) -> Reply:
        memory = self._of(level)
        if reply.is_positive and len(reply.pdu) > 2 and (any(reply.pdu[2:]) or not memory.is_open):
            memory.seed = reply.pdu[2:]
        return reply

    def _of(self, level: int) -> _Memory:
        return self._memory.setdefault(level, _Memory())

    def _send_key(self, letter: Letter) -> Reply:
        security, memory = self.tester.security, self._of(letter.number)
        key, at = self._key(letter), letter.other or letter.number
        quiet = SUPPRESS_POSITIVE_RESPONSE if letter.kind is LetterKind.QUIET_KEY else 0
        reply = security.send_key_alone(at, key, sub_function=at + 1 | quiet)
        for _ in range(BUSY_REPEATS if self.tester.allows("lockout") else 0):
            if not reply.is_refused_with(Nrc.BUSY_REPEAT_REQUEST):
                break
            self.tester.wait(BUSY_WAIT_S)
            reply = security.send_key_alone(at, key, sub_function=at + 1 | quiet)
        if reply.is_positive:
            memory.is_open, memory.opened_by = True, key
        return reply

    def _may_send(self, level: int) -> bool:
        """Whether the right key may be sent: without permission for wrong keys, only while its seed seems pending."""
        security = self.tester.security
        is_pending = bool(security.level(level).seed) and security.level(level).seed == self._of(level).seed
        return is_pending or self.tester.allows("lockout")

    def _key(self, letter: Letter) -> bytes:
        """Return the key that a letter stands for; zeros if this sequence has had no seed, unless an old key is meant."""
        security, memory, level = self.tester.security, self._of(letter.number), letter.number
        length = security.level(level).key_length or USUAL_KEY_BYTES
        if letter.kind is LetterKind.KEY_WITHOUT_SEED or (not memory.seed and letter.kind is not LetterKind.OLD_KEY):
            return bytes(length)
        if letter.kind in (LetterKind.WRONG_KEY, LetterKind.QUIET_KEY):
            return security.wrong_key(level, memory.seed)
        try:
            right = security.right_key(level, memory.seed) if memory.seed else bytes(length)
        except (KeyFunctionError, Inconclusive):
            if any(memory.seed):
                raise
            return bytes(length)  # a key function may refuse a seed of zeros
        if letter.kind is LetterKind.OLD_KEY:
            return memory.opened_by or bytes(length)
        return right + b"\x00" if letter.kind is LetterKind.LONG_KEY else right

    def _is_alive(self, letter: Letter) -> bool:
        """Whether an ECU that was silent still answers, after its boot; not examined if the answer was suppressed."""
        if self._is_booting:
            self._is_booting = False
            self.tester.wait(self.settle_s)
        elif letter.kind in (LetterKind.PRESENT, LetterKind.QUIET_KEY, LetterKind.QUIET_SEED):
            return True
        self.is_dead = not (self.tester.answers_now() or self.tester.is_alive() or self._comes_back())
        return not self.is_dead

    def _comes_back(self) -> bool:
        """Wait for a silent ECU to come back from a boot that nobody requested or that takes longer than declared.

        Return whether it comes back.
        """
        if not self.tester.await_life(self.tester.target.reset.boot_s * SLOWEST_BOOT + LATEST_READY_S):
            return False
        self.tester.state.restart_begun()
        self.tester.state.restart_seen()
        return True

    # Effects

    def _effect(self, letter: Letter) -> str:
        entry = self._effects.get(letter.number)
        if entry is None:
            effect = next(one for one in self.tester.security.unlock_effects.of(letter.number))
            answer = _kind_of(effect.ask())
            is_lost = answer == SILENCE and not self._is_alive(letter)
            self._was_answered()
            return DEAD if is_lost else answer
        return self._write(letter, entry)

    def _write(self, letter: Letter, entry: DataEntry) -> str:
        """Write a value that the data cannot have had before, so that one read shows whether the write had an effect."""
        tester, seen = self.tester, self._values[entry.did]
        value = self._new_value(entry, seen)
        if value is None:
            before = tester.read_reply(entry.did)
            seen.clear()
            seen.add(before.pdu[3:])
            value = tester.other_value(entry, before.pdu[3:])
        tester.state.will_change(entry.did, self._first_values[entry.did])
        reply = tester.write(entry.did, value)
        answer = _kind_of(reply)
        was_booting = self._is_booting
        if answer == SILENCE and not self._is_alive(letter):
            return DEAD
        self._was_answered()
        if answer == SILENCE and was_booting:
            return SILENCE
        after = tester.read_reply(entry.did)
        seen.add(value)
        if not after.is_positive:
            return f"{answer}, not readable"
        if after.pdu[3:] == value:
            return WRITTEN if reply.is_positive else answer + CHANGED
        seen.add(after.pdu[3:])
        return NOT_WRITTEN if reply.is_positive else answer

    def _new_value(self, entry: DataEntry, seen: set[bytes]) -> bytes | None:
        first = self._first_values[entry.did]
        number = int.from_bytes(first, "big")
        for step in range(1, 256):
            value = (number ^ step).to_bytes(len(first), "big")
            if value not in seen and (entry.values is None or value in entry.values):
                return value
        return None


def _kind_of(reply: Reply) -> str:
    if reply.nrc is not None:
        return f"0x{reply.nrc:02X}"
    if reply.is_positive:
        return POSITIVE
    return SILENCE if reply.is_silence else MALFORMED


def way_back(tester: Tester) -> TrueReset:
    """Return the way to reset the ECU to one initial state. Raises Inconclusive if the target names none."""
    if tester.link.can_renew():
        return TrueReset.RENEWED
    if tester.restart.means():
        return TrueReset.RESTARTED
    if tester.has_sessions and not tester.allows("lockout"):
        return TrueReset.SESSION
    if tester.has_sessions:
        return TrueReset.RESTARTED
    raise Inconclusive(
        "the ECU cannot be brought back to one initial state, from which every sequence has to start: the target declares "
        'neither sessions nor a restart that it allows; name [reset] uds, command or power, and allow "reset" or "power"'
    )
