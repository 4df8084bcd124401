"""Try how many wrong keys the ECU accepts: single guesses, many with other acts between them, and a lockout."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from harness.errors import Inconclusive, NotApplicable, Violation
from harness.tester.client import Client
from harness.tester.ecu_state import NOT_COMPARED, answer_of
from harness.tester.reply import Reply
from harness.tester.security import LONGEST_DELAYS, START_UP_S, AlreadyOpen, SecurityAccess, delay_of
from harness.uds import Nrc, Service, is_seed_request
from harness.verdict import Severity

LARGEST_LIMIT = 10
"""The largest number of wrong keys that is still an acceptable limit."""

PAUSE_STEP_S = 0.25

ODD_ANSWERS = 3
"""How many more wrong keys are sent if the answer to a wrong key does not say whether the ECU compared it."""
ODD_PAUSE_S = 1.0

NOT_FOR_WRONG_KEYS = (
    Nrc.SERVICE_NOT_SUPPORTED,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED,
    Nrc.INCORRECT_MESSAGE_LENGTH,
    Nrc.BUSY_REPEAT_REQUEST,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
)
"""Codes of a refused seed request that wrong keys do not cause."""

NOT_IN_SESSION = (Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION, Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION)


class KeyOutcome(Enum):
    """What became of a wrong key, judged by effects and by what the right key gets, not by a single code."""

    WRONG = "it was compared, and found wrong"
    LIMITED = "there were too many"
    OPENED = "it opened the level"
    NOT_COMPARED = "it was not compared"
    ODD = "whether it was compared is not known yet"


@dataclass(frozen=True, slots=True)
class Guess:
    """A request for a seed, and a wrong key for it if a seed was given."""

    seed: Reply
    key: Reply | None
    outcome: KeyOutcome
    """The outcome of the key; LIMITED also if the ECU gave no seed because of wrong keys."""

    @property
    def is_limited(self) -> bool:
        """Whether the ECU refused the seed or the key because of too many wrong keys."""
        return self.outcome is KeyOutcome.LIMITED

    @property
    def is_evaluated(self) -> bool:
        """Whether the ECU compared the key, and found it wrong."""
        return self.outcome is KeyOutcome.WRONG

    @property
    def decisive(self) -> Reply:
        """The answer that shows the outcome: the answer to the key or, if no key was sent, to the request for a seed."""
        return self.seed if self.key is None else self.key


@dataclass(frozen=True, slots=True)
class Attempt:
    """A wrong key, and its outcome."""

    seed: bytes
    """The seed that the key answered."""
    key: bytes
    reply: Reply
    outcome: KeyOutcome


@dataclass(frozen=True, slots=True)
class Supplied:
    """A wrong key that another measurement needs, and that is sent where any wrong key will do."""

    make_key: Callable[[bytes], bytes]
    """Make the key from the seed."""
    keep: Callable[[Attempt], None]
    """Record the key and its outcome."""


class OpenedMeanwhile(Inconclusive):
    """A wrong key supplied by another measurement has opened the level: the measurement that sent the key must begin again.

    No more wrong keys are supplied afterwards, so that this does not happen twice.
    """


@dataclass(frozen=True, slots=True)
class Spent:
    """How many wrong keys the ECU compared before it refused more, or before enough were sent."""

    evaluated: int
    """How many wrong keys the ECU compared, and found wrong."""
    stopped_by: Reply | None
    """The answer by which the ECU refused more wrong keys; None if it refused none."""

    @property
    def is_limited(self) -> bool:
        """Whether the limit was reached."""
        return self.stopped_by is not None


@dataclass(frozen=True, slots=True)
class LockedOut:
    """A level that was sent wrong keys, so that a sound ECU gives no more seeds for it."""

    wrong_keys: int
    """How many wrong keys were sent."""
    since_s: float
    """When the ECU answered the last wrong key, by the bus's time stamps, in seconds."""
    at_s: float
    """When the ECU answered the last wrong key, by the link's clock, in seconds."""
    seed: bytes
    """The seed that the last wrong key answered."""
    answer: Reply
    """The answer to the last wrong key."""
    following: Reply
    """The answer to the request for a seed after the last wrong key."""
    holds: bool = False
    """Whether the ECU refused the request for a seed because of the wrong keys."""
    is_announced: bool = False
    """Whether the ECU answered one of the wrong keys with "too many"."""


class Guesses:
    """Sends wrong keys to the levels of one ECU. Each key is counted, and sent only if `SecurityAccess` permits it."""

    def __init__(self, client: Client, security: SecurityAccess) -> None:
        self._client = client
        self._security = security
        self.supply: Callable[[int], Supplied | None] = lambda level: None
        """Return the wrong key that another measurement needs next for a level; None if any wrong key will do."""

    def allowance(self, level: int, limit: int) -> int:
        """Return how many wrong keys a sound ECU may accept from a known state if `limit` was measured.

        Only a right key certainly resets the count. Without a right key the measurement may have begun in the middle of a
        count, and the true limit may be anything up to `LARGEST_LIMIT`.
        """
        return limit if self._security.level(level).is_proven else max(limit, LARGEST_LIMIT)

    def start(self, level: int) -> bytes:
        """Wait for the end of any running delay, then request the first seed in the level's session.

        Raises NotApplicable if the ECU has no SecurityAccess, Inconclusive if it gives no seed.
        """
        try:
            self._client.session_for(level)
            return self._security.seed(level)
        except Inconclusive:
            self._security.request_seed(level)
            if (known := self._client.state.presence.service(Service.SECURITY_ACCESS)).is_absent:
                raise NotApplicable(known.why) from None
            raise

    def ask(self, level: int) -> Reply:
        """Request a seed; ask again only if the ECU may still be starting (0x22), or once if the seed is zero."""
        reply = self._security.request_seed(level)
        give_up_s = self._client.link.now_s + START_UP_S
        while reply.is_refused_with(Nrc.CONDITIONS_NOT_CORRECT) and self._client.link.now_s < give_up_s:
            if answer_of(reply) in self._security.level(level).limit_answers:
                break
            self._client.wait(START_UP_S / 20, "the ECU takes no key yet")
            reply = self._security.request_seed(level)
        is_zero = reply.is_positive and not reply.is_seed and not self._security.level(level).gives_zero_seeds
        return self._security.request_seed(level) if is_zero else reply

    def is_limited(self, level: int, reply: Reply) -> bool:
        """Whether the ECU refuses a seed or a key because of too many wrong keys.

        0x36 and 0x37 say so. Any other refusal of a seed means the same if only wrong keys came between it and the last
        seed, and so does silence if the ECU answers other requests.
        """
        state = self._client.state
        if reply.is_delayed or answer_of(reply) in state.level(level).limit_answers:
            return True
        if not is_seed_request(reply.request) or not state.level(level).wrong_in_a_row:
            return False
        is_refused = reply.is_negative and not reply.is_refused_with(*NOT_FOR_WRONG_KEYS)
        if is_refused or (reply.is_silence and not reply.replies and self._client.is_alive()):
            state.limit_answer(level, reply)
            return True
        return False

    def is_seed(self, level: int, reply: Reply) -> bool:
        """Whether an answer holds a seed to answer; a seed of zeros is one if the level gives such seeds while locked."""
        return reply.is_seed or (reply.is_positive and len(reply.pdu) > 2 and self._security.level(level).gives_zero_seeds)

    def guess(self, level: int, flip: int = 0) -> Guess:
        """Request a seed and send one wrong key for it.

        Raises Inconclusive if the ECU gave neither a seed nor a refusal for wrong keys, or did not compare the key.
        """
        seed = self.ask(level)
        if self.is_limited(level, seed):
            return Guess(seed, None, KeyOutcome.LIMITED)
        if not self.is_seed(level, seed):
            self._client.cite(seed)
            why = "the level seems to be open" if seed.is_positive else "and no limit is announced"
            raise Inconclusive(f"no seed to answer for level 0x{level:02X}, {why}: {seed}")
        _, key, outcome = self.answer_wrong(level, seed.pdu[2:], flip)
        return Guess(seed, key, outcome)

    def answer_wrong(self, level: int, seed: bytes, flip: int = 0) -> tuple[bytes, Reply, KeyOutcome]:
        """Answer this seed with a wrong key; return the seed of the last key sent, its answer, and WRONG or LIMITED.

        If the answer does not show whether the ECU compared the key, more wrong keys are sent to find out. Raises Violation
        if a wrong key has opened the level, OpenedMeanwhile if a supplied key has, Inconclusive if none was compared.
        """
        supplied = self.supply(level)
        make_key = supplied.make_key if supplied else lambda seed: self._security.wrong_key(level, seed, flip=flip)
        attempt = self.attempt(level, seed, make_key)
        if supplied is not None:
            supplied.keep(attempt)
            self._require_unopened(level, attempt, supplied)
        if attempt.outcome is KeyOutcome.OPENED:
            self._accuse(level, attempt.reply)
        if attempt.outcome not in (KeyOutcome.WRONG, KeyOutcome.LIMITED):
            self._client.cite(attempt.reply)
            raise Inconclusive(f"a wrong key was not evaluated as one: {attempt.reply}")
        return attempt.seed, attempt.reply, attempt.outcome

    def send_wrong(self, level: int, seed: bytes, send: Callable[[bytes], Reply] | None = None) -> Reply:
        """Answer a seed with a wrong key, if possible one that another measurement needs; return the ECU's answer.

        `send` replaces the usual way to send the key. Raises OpenedMeanwhile if a supplied key has opened the level.
        """
        supplied = self.supply(level)
        key = self._security.wrong_key(level, seed) if supplied is None else supplied.make_key(seed)
        reply = self._security.send_key(level, key) if send is None else send(key)
        if supplied is not None:
            attempt = Attempt(seed, key, reply, self.outcome(level, reply))
            supplied.keep(attempt)
            self._require_unopened(level, attempt, supplied)
        return reply

    def try_wrong(self, level: int) -> tuple[bytes, Reply]:
        """Request a fresh seed and answer it with a wrong key; return seed and answer.

        The counter is cleared first if the key could reach the limit. Raises Inconclusive if it is open, or gives no seed.
        """
        self._security.make_room(level)
        self._client.session_for(level)
        seed = self._security.seed(level)
        if not seed:
            raise AlreadyOpen(f"level 0x{level:02X} gives a seed of zeros, as if it were unlocked")
        return seed, self.send_wrong(level, seed)

    def _require_unopened(self, level: int, attempt: Attempt, supplied: Supplied) -> None:
        """Raise OpenedMeanwhile if the key has opened the level.

        Raises Violation instead if a second key made by the same method does not open it: then the method is not the cause.
        """
        if attempt.outcome is not KeyOutcome.OPENED:
            return
        security, client = self._security, self._client
        if security.unlock_effects.is_open(level) and security.right_key_must_come_first:
            security.lock()
            client.session_for(level)
            _, _, again = self._sent(level, security.seed(level), supplied.make_key)
            if self.outcome(level, again) in (KeyOutcome.WRONG, KeyOutcome.LIMITED):
                self._accuse(level, attempt.reply, was_seen=True)
        client.cite(attempt.reply)
        raise OpenedMeanwhile(f"a wrong key opened the level, which is the subject of other checks: {attempt.reply}")

    def attempt(
        self, level: int, seed: bytes, make_key: Callable[[bytes], bytes], send: Callable[[bytes], Reply] | None = None
    ) -> Attempt:
        """Answer a seed with a wrong key of any kind, sent in the usual way or by `send`, and return its outcome.

        If the answer does not show whether the ECU compared the key, more wrong keys are sent to find out.
        """
        security = self._security
        key = make_key(seed)
        reply = security.send_key(level, key) if send is None else send(key)
        outcome = self.outcome(level, reply)
        for _ in range(ODD_ANSWERS if send is None else 0):
            is_busy = reply.is_refused_with(Nrc.BUSY_REPEAT_REQUEST)
            if outcome is not KeyOutcome.ODD and not is_busy:
                break
            first = answer_of(reply)
            self._client.wait(ODD_PAUSE_S, "whether an odd refusal passes")
            self._client.session_for(level)
            again = self.ask(level)
            if not self.is_seed(level, again):
                break
            seed, key, reply = self._sent(level, again.pdu[2:], make_key)
            outcome = self.outcome(level, reply)
            if outcome is KeyOutcome.ODD and answer_of(reply) == first and self._is_refusal(level, reply):
                self._client.session_for(level)
                seed, key, reply = self._sent(level, security.seed(level), make_key)
                outcome = self.outcome(level, reply)
        return Attempt(seed, key, reply, outcome)

    def _sent(self, level: int, seed: bytes, make_key: Callable[[bytes], bytes]) -> tuple[bytes, bytes, Reply]:
        key = make_key(seed)
        return seed, key, self._security.send_key(level, key)

    def outcome(self, level: int, key: Reply) -> KeyOutcome:
        """Judge the outcome of a wrong key of the right length by its answer, and by an effect if there is one."""
        if self.is_limited(level, key):
            return KeyOutcome.LIMITED
        is_known = not key.is_positive and answer_of(key) in self._security.level(level).wrong_key_answers
        if key.is_refused_with(Nrc.INVALID_KEY) or is_known:
            return KeyOutcome.WRONG
        if key.is_refused_with(*NOT_COMPARED):
            return KeyOutcome.NOT_COMPARED
        if key.is_silence and self._security.unlock_effects.is_open(level):
            return KeyOutcome.OPENED
        if key.is_negative or key.is_silence:
            return KeyOutcome.ODD
        is_open = self._security.unlock_effects.is_open(level)
        if is_open or (is_open is None and key.is_positive):
            return KeyOutcome.OPENED
        if key.is_positive:  # a claim, without an effect
            self._client.note(f"level 0x{level:02X}: a wrong key is answered positively, and opens nothing: {key}")
            self._client.state.wrong_key_answer(level, key)
            return KeyOutcome.WRONG
        return KeyOutcome.ODD

    def settled(self, level: int, key: Reply) -> KeyOutcome:
        """Judge the outcome of a wrong key; send more if needed, to find out how the ECU refuses them."""
        outcome = self.outcome(level, key)
        if outcome is KeyOutcome.ODD:
            try:
                self._security.make_room(level, ODD_ANSWERS)
                self.answer_wrong(level, self.start(level))
            except Inconclusive:
                return outcome
        return self.outcome(level, key)

    def _is_refusal(self, level: int, key: Reply) -> bool:
        """Whether an answer that two wrong keys got is this ECU's refusal of wrong keys.

        This is so if the right key, for a seed requested in the same way, gets another answer and opens the level; if not,
        all keys may have come too early after a start. Without a key that is known to be right, any negative response but
        0x13 (wrong length) is believed.
        """
        security, client = self._security, self._client
        if security.level(level).is_proven and security.right_key_must_come_first:
            try:
                seed = security.seed(level)
                right = security.send_key(level, security.right_key(level, seed))
                if answer_of(right) == answer_of(key):
                    return False
                if not right.is_positive:
                    security.unlock(level)
                security.lock()
            except Inconclusive:
                return False
        elif not key.is_negative or key.is_refused_with(Nrc.INCORRECT_MESSAGE_LENGTH):
            return False
        client.state.wrong_key_answer(level, key)
        client.note(f"level 0x{level:02X}: wrong keys are refused with {key}, where 0x35 is the rule")
        return True

    def _accuse(self, level: int, key: Reply, *, was_seen: bool = False) -> NoReturn:
        client, how = self._client, f"a wrong key opened the level: {key}"
        is_seen = was_seen or self._security.unlock_effects.is_open(level)
        client.state.opened_by_effect(level, b"", b"", is_right=False, how=how)
        client.cite(key)
        raise Violation(
            expected="a wrong key is refused",
            observed=how + (", and what the level guards was done" if is_seen else ""),
            severity=Severity.CRITICAL,
            is_proven=bool(is_seen),
            cause=f"a wrong key opens level 0x{level:02X}",
        )

    def spend(self, level: int, at_most: int, *, between: Callable[[], None] | None = None, every: int = 1) -> Spent:
        """Send at most `at_most` wrong keys, until the ECU refuses more; call `between` after every `every` keys.

        A delay that is running at the start is waited out first.
        """
        evaluated = 0
        self._security.ledger.check(level, at_most)
        self.start(level)
        while evaluated < at_most:
            if between is not None and evaluated and evaluated % every == 0:
                between()
            guess = self.guess(level, flip=evaluated)
            if guess.is_limited:
                return Spent(evaluated, guess.decisive)
            evaluated += 1
        after = self.ask(level)
        return Spent(evaluated, after if self.is_limited(level, after) else None)

    def lock_out(self, level: int, *, wrong_keys: int = 1) -> LockedOut:
        """Send at least `wrong_keys` wrong keys, until the ECU refuses seeds; if it never does so, `holds` is False.

        A refusal after fewer keys is taken for a pause that the ECU demands between two keys, and is waited out.
        """
        client, security = self._client, self._security
        at_most = max(wrong_keys, LARGEST_LIMIT + 1)
        security.ledger.check(level, wrong_keys)
        seed = self.start(level)
        is_announced = False
        for count in range(1, at_most + 1):
            if not seed:
                raise Inconclusive(f"level 0x{level:02X} seems to be open: its seed is zero")
            seed, answer, outcome = self.answer_wrong(level, seed, count)
            at_s = client.link.now_s
            is_announced = is_announced or outcome is KeyOutcome.LIMITED
            following = self.ask(level)
            is_refused = self.is_limited(level, following)
            if count == at_most or (is_refused and count >= wrong_keys):
                break
            if is_refused:
                seed = self._seed_after_pause(level)
                if not seed:
                    break
            elif self.is_seed(level, following):
                seed = following.pdu[2:]
            else:
                client.cite(answer, following)
                raise Inconclusive(f"after {count} wrong keys there is no seed, but no limit is announced: {following}")
        return LockedOut(count, self.answered_at_s(answer), at_s, seed, answer, following, is_refused, is_announced)

    def _seed_after_pause(self, level: int) -> bytes:
        """Request seeds until the ECU gives one, and return it; empty if none comes for as long as the delay lasts."""
        give_up_s = self._client.link.now_s + self._security.delay_s(level)
        while self._client.link.now_s < give_up_s:
            self._client.wait(PAUSE_STEP_S, "a pause that the ECU demands")
            reply = self.seed_in_delay(level)
            if self.is_seed(level, reply):
                return reply.pdu[2:]
        return b""

    def seed_in_delay(self, level: int) -> Reply:
        """Request a seed; if the session has timed out, enter it again and repeat the request."""
        reply = self._security.request_seed(level)
        if reply.is_refused_with(*NOT_IN_SESSION):  # the session may have timed out
            self._client.session_for(level)
            reply = self._security.request_seed(level)
        return reply

    def await_seed(self, level: int, delay_s: float) -> tuple[Reply, float]:
        """Request a seed until the ECU gives one, for at most ten delays, in silence between two requests.

        Return the last answer, and the time until it in seconds.
        """
        begun_s = self._client.link.now_s
        reply = self.seed_in_delay(level)
        left_s = self._security.delay_left_s(level)
        while not self.is_seed(level, reply) and self._client.link.now_s - begun_s <= LONGEST_DELAYS * delay_s:
            self._client.wait(left_s or 1.05 * delay_s + PAUSE_STEP_S, delay_of(level))
            left_s = 0.0
            self._client.session_for(level)
            reply = self.ask(level)
        return reply, self._client.link.now_s - begun_s

    def answered_at_s(self, reply: Reply) -> float:
        """Return when the ECU's last frame of an exchange came, by the bus's time stamps."""
        response_id = self._client.target.can.response_id
        answers = (frame.time_s for frame in reversed(reply.frames) if frame.can_id == response_id and not frame.is_sent)
        return next(answers, 0.0)
