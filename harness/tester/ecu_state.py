"""Keep what is believed of one ECU.

Every exchange and raw frame is reported here, and only here is a belief changed. The tester, the checks, the measurements
and the fuzz engine only read beliefs. What an effect has shown (a guarded write that worked, data that was read) outweighs
what an answer claimed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

from harness.link.frame import Frame
from harness.tester.presence import Presence
from harness.tester.reply import RawReply, Reply, ReplyKind, Sent
from harness.tester.seen import Condition, Seen
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, Service, Session, is_seed_request

STATEFUL = frozenset({Service.DIAGNOSTIC_SESSION_CONTROL, Service.ECU_RESET, Service.SECURITY_ACCESS})
"""Services whose answers change what is believed of the session and the locks."""

RIGHT_KEYS_IN_VAIN = 4
"""How often a right key may fail without being refused as wrong, e.g. because the ECU is in another session."""

_SECURITY_ACCESS = int(Service.SECURITY_ACCESS)  # before Python 3.12 looking up an enum's member is slow
NOT_READY = (Nrc.BUSY_REPEAT_REQUEST, Nrc.CONDITIONS_NOT_CORRECT)
"""Codes of an ECU that may serve the same request later; such a refusal discredits no key that once opened the level."""

NOT_COMPARED = (
    Nrc.SERVICE_NOT_SUPPORTED,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED,
    Nrc.BUSY_REPEAT_REQUEST,
    Nrc.REQUEST_SEQUENCE_ERROR,
    Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED,
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
)
"""Codes with which an ECU refuses a key without having compared it."""


MOST_OF_A_GAP, MOST_GAPS = 16, 64
MOST_PAUSES_IN_VAIN = 32
"""How many requests in a row may wait for late answers in vain before requests no longer wait for them."""
MOST_SILENCES = 20_000
"""How many unanswered requests are kept at most."""


@dataclass(slots=True)
class LevelState:
    """What is believed of one security level."""

    seed: bytes | None = None
    """The seed for which the ECU expects a key."""
    may_be_pending: bool = True
    """Whether a seed may be pending in the ECU, given in this run or before it."""
    key_length: int = 0
    """The length of keys in bytes; 0 if unknown."""
    seed_lengths: set[int] = field(default_factory=set)
    """Lengths in bytes of the seeds that were not all zeros."""
    is_proven: bool = False
    """Whether the right key has opened this level in this run."""
    suspect: str = ""
    """Why the key function cannot be right; empty if it may be right."""
    wrong_in_a_row: int = 0
    seen_limit: int = 0
    """The smallest number of wrong keys in a row after which the ECU announced a delay; 0 if it never did."""
    pairs: dict[bytes, bytes] = field(default_factory=dict)
    """Seeds, each with the key that has opened the level."""
    right_keys_in_vain: int = 0
    """How often the key function's key was sent and the ECU did not accept it."""
    is_right_key_under_way: bool = False
    is_delayed: bool = False
    """Whether the last answer said that a delay is running."""
    is_locked_out: bool = False
    """Whether the ECU still reported a delay of the level after a wait for many times the delay."""
    longest_delay_s: float = 0.0
    """The longest time in seconds after which a delay was seen to be over; 0 if none was waited out."""
    last_wrong_s: float | None = None
    """When the last wrong key was answered, by the link's clock."""
    gives_zero_seeds: bool = False
    """Whether the level gave a seed of zeros while what it opens was refused."""
    wrong_key_answers: set[str] = field(default_factory=set)
    """How the ECU answers keys that it has found wrong, in the form of `answer_of`, if not by 0x35 and 0x36."""
    limit_answers: set[str] = field(default_factory=set)
    """How the ECU answers after too many wrong keys, in the form of `answer_of`, if not by 0x36 and 0x37."""
    opened_by_wrong_key: str = ""
    """By which effect a wrong key was seen to open the level; empty if none did."""


MOST_NOTED = 1 << 14
_LENGTHS_TOLD_APART = 5
"""A length in bytes; requests that are longer show no more about the ECU than requests of this length."""
_SUBJECT_BYTES: dict[int, int] = {
    Service.DIAGNOSTIC_SESSION_CONTROL: 2,
    Service.ECU_RESET: 2,
    Service.READ_DATA_BY_IDENTIFIER: 3,
    Service.SECURITY_ACCESS: 2,
    Service.WRITE_DATA_BY_IDENTIFIER: 3,
    Service.ROUTINE_CONTROL: 4,
}
"""The number of bytes of a request that name its subject; 1 for other services."""


def answer_of(reply: Reply) -> str:
    """Name an answer by its kind and code, without bytes that change each time."""
    return f"{reply.kind.value} 0x{reply.nrc:02X}" if reply.nrc is not None else reply.kind.value


class EcuState:
    """Beliefs of one ECU: session, open levels, pending seeds, counters and delays, changed data, contact and quietness."""

    def __init__(self, s3_s: float | None) -> None:
        """Start without beliefs. `s3_s` is the time without requests after which a session ends; None: no sessions."""
        self._s3_s = s3_s
        self.seen = Seen(s3_s)
        """Which answers came under which condition, for the report's map of sessions and access."""
        self.presence = Presence()
        """What the ECU has and what it lacks, as far as its answers show."""
        self._noted: set[tuple[bytes, int, ReplyKind | int, Condition]] = set()
        """What was noted so far; noting the same once more would teach `seen` and `presence` nothing."""
        self.has_unlocked = False
        """Whether the ECU was unlocked since it was last seen locked."""
        self.is_touched = False
        """Whether a seed or key, or a request of unknown effect, was sent since the last restore."""
        self.quiet_s = 0.0
        """How many seconds each request first waits for stray answers: 0 until the ECU has been seen to answer twice."""
        self._answers_twice = False
        self._pauses_in_vain = 0
        self.unanswered: Reply | RawReply | None = None
        """The first exchange after which no frame of the ECU has come: if the ECU died, this exchange was the cause."""
        self._silences: dict[Sent, Condition] = {}
        self._silent_now: list[Reply | RawReply] = []
        self._last_answered: Reply | RawReply | None = None
        """The last exchange in which a frame of the ECU came."""
        self._gaps: list[tuple[Reply | RawReply | None, tuple[Reply | RawReply, ...]]] = []
        self.levels: dict[int, LevelState] = {}
        self._seed_level: int | None = None
        """The one level whose seed was not forgotten yet, if there is one."""
        self.restarted_s = -math.inf
        """When the ECU was last told to restart, by the link's clock; a delay may have begun anew at that time."""
        self._independent: dict[tuple[int, int], bool] = {}
        self._changed: dict[int, bytes] = {}
        self._seen_locked: set[int] = set()
        self._refused_effects: set[str] = set()
        self._granted_effects: set[str] = set()

    # What is believed

    @property
    def condition(self) -> Condition:
        """The session, and the level whose key was last accepted in it."""
        return self.seen.condition

    @property
    def pending_level(self) -> int | None:
        """The level whose seed was given last and waits for its key; None if none does, as far as answers show."""
        level = self._seed_level
        return level if level is not None and any(self.levels[level].seed or ()) else None

    @property
    def changed(self) -> Mapping[int, bytes]:
        """Data identifiers whose value may have changed, each with the value to restore."""
        return MappingProxyType(self._changed)

    @property
    def silences(self) -> Mapping[Sent, Condition]:
        """Requests without an answer since `forget_silences`, each with its condition; any may have crashed the ECU."""
        return MappingProxyType(self._silences)

    @property
    def gaps(self) -> Sequence[tuple[Reply | RawReply | None, tuple[Reply | RawReply, ...]]]:
        """The rows of two or more unanswered exchanges in succession since `forget_silences`.

        Each row is a pair: the answered exchange before it (None if there is none), and the exchanges of the row followed by
        the answered exchange that ended it.
        """
        return tuple(self._gaps)

    def level(self, level: int) -> LevelState:
        """Return what is believed of a level, read-only."""
        state = self.levels.get(level)
        if state is None:
            state = self.levels[level] = LevelState()
        return state

    def serves_during_delay(self, of: int, other: int) -> bool | None:
        """Whether level `other` was opened while level `of` was in its delay; None if it was not tried."""
        return self._independent.get((of, other))

    def was_seen_locked(self, did: int) -> bool:
        """Whether a write of the data identifier was refused in this run before anything was unlocked."""
        return did in self._seen_locked

    def has_refused(self, effect: str) -> bool:
        """Whether the ECU refused this effect, which shows whether a level is open, at any time in this run."""
        return effect in self._refused_effects

    def has_granted(self, effect: str) -> bool:
        """Whether the ECU granted an effect in this run after it had refused the same effect."""
        return effect in self._granted_effects

    # What is heard

    def note(self, request: bytes, outcome: ReplyKind | int) -> None:
        """Note the outcome of a request of any service; a refusal is given by its code."""
        size, condition = len(request), self.seen.condition
        subject = request[: _SUBJECT_BYTES.get(request[0], 1)]
        known = (subject, size if size < _LENGTHS_TOLD_APART else _LENGTHS_TOLD_APART, outcome, condition)
        if known in self._noted and size <= len(self.presence.longest_taken):
            return
        if len(self._noted) >= MOST_NOTED:
            self._noted.clear()
        self._noted.add(known)
        self.seen.note(request, outcome)
        self.presence.hear(request, outcome, condition.session)

    def hear(self, reply: Reply, now_s: float) -> None:
        """Learn from an answer to a request of the services in `STATEFUL`; `now_s` is the link's time."""
        self.seen.learn(reply)
        request = reply.request
        if request[0] != _SECURITY_ACCESS:
            if not reply.is_negative:  # the answer may have been suppressed
                self.forget_seeds()
            return
        if len(request) < 2:
            return
        self.is_touched = True
        state = self.level(level_of(request))
        state.is_delayed = reply.is_delayed or answer_of(reply) in state.limit_answers
        if state.is_delayed and state.wrong_in_a_row:
            state.seen_limit = min(state.seen_limit or state.wrong_in_a_row, state.wrong_in_a_row)
        if is_seed_request(request):
            self._hear_seed(level_of(request), state, reply)
        else:
            self._hear_key(level_of(request), state, reply, now_s)

    def _hear_seed(self, level: int, state: LevelState, reply: Reply) -> None:
        if reply.is_positive:
            self.forget_seeds()
            state.seed = reply.pdu[2:]
            self._seed_level = level
            if any(state.seed):
                state.seed_lengths.add(len(state.seed))
        state.may_be_pending = True

    def _hear_key(self, level: int, state: LevelState, reply: Reply, now_s: float) -> None:
        was_right, state.is_right_key_under_way = state.is_right_key_under_way, False
        seed, state.seed = state.seed, None
        if reply.is_positive or reply.is_negative:
            state.may_be_pending = False
        if reply.is_positive:
            if was_right and seed is not None:
                self._key_opened(state, seed, reply.request[2:])
            state.wrong_in_a_row = state.right_keys_in_vain = 0
            self.has_unlocked = True
        elif not was_right:
            state.last_wrong_s = now_s
        elif reply.is_refused_with(Nrc.REQUEST_SEQUENCE_ERROR):
            pass  # no seed was pending: the key was not compared
        elif not (state.is_proven and reply.is_refused_with(*NOT_READY)):
            state.right_keys_in_vain += 1
            if reply.is_refused_with(Nrc.INVALID_KEY, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS):
                state.wrong_in_a_row += 1
                state.last_wrong_s = now_s

    def _key_opened(self, state: LevelState, seed: bytes, key: bytes) -> None:
        state.is_proven = True
        state.suspect = ""
        if any(seed):
            state.pairs[seed] = key
            state.key_length = len(key)

    def hear_elsewhere(self, reply: Reply, now_s: float) -> None:
        """Learn from an answer to a request from another address; seeds and unlocks there do not count as ours."""
        self.is_touched = True
        if reply.request[0] != Service.SECURITY_ACCESS:
            self.forget_seeds()
        elif len(reply.request) > 1 and not reply.request[1] & 1:
            self.has_unlocked = self.has_unlocked or reply.is_positive
            if not reply.is_positive:
                self.level(level_of(reply.request)).last_wrong_s = now_s

    def hear_raw(self, frame: Frame) -> None:
        """Note that a raw frame was sent; if an ECU may read service 27 into the frame, its security counts as touched."""
        self.is_touched = self.is_touched or Service.SECURITY_ACCESS in frame.data[:4]

    def hear_contact(self, exchange: Reply | RawReply, *, was_answered: bool) -> None:
        """Note that an exchange is over; `was_answered`: at least one frame of the ECU came in the exchange."""
        if not was_answered:
            self.unanswered = self.unanswered or exchange
            if len(self._silent_now) < MOST_OF_A_GAP:
                self._silent_now.append(exchange)
        elif self.unanswered is not None:
            self.unanswered = None
            if len(self._silent_now) > 1 and len(self._gaps) < MOST_GAPS:
                self._gaps.append((self._last_answered, (*self._silent_now, exchange)))
            self._silent_now.clear()
        if was_answered:
            self._last_answered = exchange

    def hear_silence(self, sent: Sent) -> None:
        """Note that something was sent to which the ECU gave no answer, nor anything meant as an answer."""
        if len(self._silences) < MOST_SILENCES:
            self._silences.setdefault(sent, self.condition)

    def forget_silences(self) -> None:
        """Forget the unanswered requests so far, since later silences have another cause."""
        self._silences.clear()
        self._gaps.clear()
        self._silent_now.clear()

    def hear_stray(self, wait_s: float, *, is_copy: bool) -> None:
        """Note a message that answers the previous request; later requests first wait `wait_s` for such messages.

        `is_copy`: the previous request had been answered already, so the ECU answers twice. If not, the message was late,
        perhaps only this once.
        """
        self.quiet_s = self.quiet_s or wait_s
        self._answers_twice |= is_copy
        self._pauses_in_vain = 0

    def hear_pause(self, *, has_heard: bool) -> None:
        """Note that a request has waited for answers to the previous request; `has_heard`: at least one came.

        If many such waits in a row are in vain, later requests no longer wait, unless the ECU was seen to answer twice.
        """
        self._pauses_in_vain = 0 if has_heard else self._pauses_in_vain + 1
        if self._pauses_in_vain >= MOST_PAUSES_IN_VAIN and not self._answers_twice:
            self.quiet_s = 0.0

    def hear_effect(self, effect: str, *, is_granted: bool) -> None:
        """Note that the ECU was asked for a guarded effect, e.g. a protected write, and granted or refused it.

        An effect that was refused first and granted later is known to need an open level.
        """
        if not is_granted:
            self._refused_effects.add(effect)
        elif effect in self._refused_effects:
            self._granted_effects.add(effect)

    def wait(self, seconds: float) -> None:
        """Note that nothing is sent for `seconds`; S3 or longer ends any session but the default, with its seeds."""
        if self._s3_s is not None and seconds >= self._s3_s and self.condition.session != Session.DEFAULT:
            self.forget_seeds()
        self.seen.was_left_alone(seconds)

    # What the tester does

    def send_key(self, level: int, *, is_right: bool) -> None:
        """Note that a key is about to be sent: the key function's key for the pending seed (`is_right`), or a guess."""
        self.is_touched = True
        state = self.level(level)
        state.is_right_key_under_way = is_right
        if not is_right:
            state.wrong_in_a_row += 1

    def restart_begun(self, now_s: float | None = None) -> None:
        """Note that the ECU was told to restart, or its supply was cut: earlier silences are unrelated to its boot."""
        self.restarted_s = self.restarted_s if now_s is None else now_s
        self.seen.restarted()
        self._silent_now.clear()

    def restart_seen(self) -> None:
        """Note that the ECU was seen to restart, so that no seed is pending."""
        self.forget_seeds(has_restarted=True)

    def renewed(self) -> None:
        """Note that the ECU was replaced by one in factory state: locked, with all counters zero."""
        self.seen.restarted()
        self._silent_now.clear()
        self._changed.clear()
        self.unanswered = None
        self.has_unlocked = False
        for state in self.levels.values():
            state.seed, state.may_be_pending, state.last_wrong_s = None, False, None
            state.wrong_in_a_row = state.right_keys_in_vain = 0
            state.is_delayed = state.is_locked_out = False
        self.restored()

    def locked_by_effect(self, did: int | None = None) -> None:
        """Note that the ECU is locked: it has refused a guarded effect (`did`: a write of this identifier), or restarted."""
        self.has_unlocked = False
        if did is not None:
            self._seen_locked.add(did)

    def opened_by_effect(self, level: int, seed: bytes, key: bytes, *, is_right: bool, how: str = "") -> None:
        """Note that a key has opened the level, as a guarded effect shows; `how` describes it if the key was wrong."""
        state = self.level(level)
        self.has_unlocked = True
        state.wrong_in_a_row = 0
        if is_right:
            state.right_keys_in_vain = 0
            self._key_opened(state, seed, key)
        else:
            state.opened_by_wrong_key = state.opened_by_wrong_key or how

    def open_already(self) -> None:
        """Note that the ECU is unlocked: a level has given the seed of an open level."""
        self.has_unlocked = True

    def forget_seeds(self, *, has_restarted: bool = False) -> None:
        """Forget the ECU's seeds; only after a restart (`has_restarted`) is certainly no seed pending in the ECU."""
        if self._seed_level is not None:
            self.levels[self._seed_level].seed = None
            self._seed_level = None
        if has_restarted:
            for state in self.levels.values():
                state.may_be_pending = False

    def expect_anything(self) -> None:
        """Note that something of unknown effect was sent, so that only a restart brings the ECU to its known state."""
        self.is_touched = True

    def restored(self) -> None:
        """Note that the ECU is in its known state."""
        self.forget_seeds()
        self.is_touched = False

    def will_change(self, did: int, value: bytes) -> None:
        """Note that a data identifier is about to be changed; `value` is its present value, to be restored."""
        self._changed.setdefault(did, value)

    def is_back(self, did: int) -> None:
        """Note that a data identifier need not be restored: it has its old value again, or its value changes by itself."""
        self._changed.pop(did, None)

    # Levels, by their owner in the tester

    def learn_length(self, level: int, length_bytes: int) -> None:
        """Note the length of the level's keys in bytes, either known or only tried."""
        self.level(level).key_length = length_bytes

    def suspect_key(self, level: int, why: str) -> None:
        """Note why the key function of the level cannot be right."""
        self.level(level).suspect = why

    def key_found(self, level: int) -> None:
        """Note that a key has opened the level, and so its method, found by trying, is right."""
        self.level(level).is_proven = True

    def waited_out(self, level: int, seconds: float, *, is_over: bool) -> None:
        """Note that a delay of the level was awaited for `seconds`; `is_over`: the delay ended."""
        state = self.level(level)
        state.is_locked_out = not is_over
        if is_over:
            state.longest_delay_s = max(state.longest_delay_s, seconds)

    def tried_during_delay(self, of: int, other: int, *, was_opened: bool) -> None:
        """Note whether the right key opened level `other` while level `of` was in its delay."""
        self._independent[of, other] = was_opened

    def zero_seed_while_locked(self, level: int) -> None:
        """Note that the level gives seeds of zeros while locked, as an effect shows."""
        self.level(level).gives_zero_seeds = True

    def wrong_key_answer(self, level: int, reply: Reply) -> None:
        """Note how the ECU answers a key after comparing it and finding it wrong."""
        self.level(level).wrong_key_answers.add(answer_of(reply))

    def limit_answer(self, level: int, reply: Reply) -> None:
        """Note how the ECU refuses a seed after wrong keys, if only the wrong keys explain the refusal."""
        state = self.level(level)
        state.limit_answers.add(answer_of(reply))
        state.is_delayed = True

    @contextmanager
    def without_waiting_for_strays(self) -> Iterator[None]:
        """Send without waits for stray answers in this block, since a booting ECU would be back before such a wait ends."""
        quiet_s, self.quiet_s = self.quiet_s, 0.0
        try:
            yield
        finally:
            self.quiet_s = quiet_s


def level_of(request: bytes) -> int:
    """Return the level of a request of service 27: a seed's sub-function, or a key's minus 1."""
    sub_function = request[1] & ~SUPPRESS_POSITIVE_RESPONSE
    return sub_function if sub_function & 1 else max(sub_function - 1, 0)
