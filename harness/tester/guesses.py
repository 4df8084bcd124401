"""How the limit for wrong keys is tried: one guess at a time, many with something between them, and a lockout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.outcome import Inconclusive, NotApplicable
from harness.tester.client import Client
from harness.tester.reply import Reply
from harness.tester.security import LONGEST_DELAYS, START_UP_S, SecurityAccess
from harness.uds import Nrc, Service

LARGEST_LIMIT = 10
"""The most wrong keys after which a limit is still one (CATALOGUE 11, row 4)."""

PAUSE_STEP_S = 0.25

NOT_IN_SESSION = (Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION, Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION)


@dataclass(frozen=True, slots=True)
class Guess:
    """A request for a seed, and a wrong key for it if there was one."""

    seed: Reply
    key: Reply | None

    @property
    def is_limited(self) -> bool:
        """The ECU says that there were too many: to the request for a seed, or to the key."""
        return self.seed.is_delayed or (self.key is not None and self.key.is_delayed)

    @property
    def is_evaluated(self) -> bool:
        """The key was compared, and found wrong."""
        return self.key is not None and self.key.is_refused_with(Nrc.INVALID_KEY)

    @property
    def decisive(self) -> Reply:
        """The answer that says how it went."""
        return self.seed if self.key is None else self.key


@dataclass(frozen=True, slots=True)
class Spent:
    """How many wrong keys were compared before the ECU took no more, or before enough were sent."""

    evaluated: int
    """Wrong keys answered as wrong (0x35)."""
    stopped_by: Reply | None
    """The answer that said too many; None: there was none."""

    @property
    def is_limited(self) -> bool:
        """The limit was reached."""
        return self.stopped_by is not None


@dataclass(frozen=True, slots=True)
class LockedOut:
    """A level after so many wrong keys that it gives no more seeds, or should not."""

    wrong_keys: int
    """How many were sent for it."""
    since_s: float
    """When the last of them was answered, by the bus's time stamps ..."""
    at_s: float
    """... and by the link's clock."""
    seed: bytes
    """The seed that it was sent for."""
    answer: Reply
    """To the last wrong key."""
    following: Reply
    """To the request for a seed after it."""
    is_announced: bool = False
    """To one of the wrong keys the ECU said that there were too many."""

    @property
    def holds(self) -> bool:
        """No seed was given."""
        return self.following.is_delayed


class Guesses:
    """Wrong keys for the levels of one ECU. Each is counted, and sent only where `SecurityAccess` lets it pass."""

    def __init__(self, client: Client, security: SecurityAccess) -> None:
        self._client = client
        self._security = security

    def allowance(self, level: int, limit: int) -> int:
        """How many wrong keys a sound ECU may take from a known state, where `limit` was measured.

        Only a right key puts the count back for certain. Without one the measurement may have begun in the middle of a
        count, and the true limit be anything up to the largest.
        """
        return limit if self._security.level(level).is_proven else max(limit, LARGEST_LIMIT)

    def start(self, level: int) -> bytes:
        """The first seed, in the session where the level has one, once whatever delay is running is over.

        NotApplicable: the ECU has no SecurityAccess. Inconclusive: it gives no seed.
        """
        try:
            self._client.session_for(level)
            return self._security.seed(level)
        except Inconclusive:
            self._security.request_seed(level)
            if (known := self._client.presence.service(Service.SECURITY_ACCESS)).is_absent:
                raise NotApplicable(known.why) from None
            raise

    def ask(self, level: int) -> Reply:
        """One request for a seed, repeated only while the ECU may still be starting (0x22), or once for a seed of zeros."""
        reply = self._security.request_seed(level)
        give_up_s = self._client.link.now_s + START_UP_S
        while reply.is_refused_with(Nrc.CONDITIONS_NOT_CORRECT) and self._client.link.now_s < give_up_s:
            self._client.wait(START_UP_S / 20)
            reply = self._security.request_seed(level)
        is_zero = reply.is_positive and not reply.is_seed
        return self._security.request_seed(level) if is_zero else reply

    def guess(self, level: int, flip: int = 0) -> Guess:
        """One wrong key. Inconclusive: there was neither a seed to answer nor a limit, or the key was not compared."""
        seed = self.ask(level)
        if seed.is_delayed:
            return Guess(seed, None)
        if not seed.is_seed:
            self._client.cite(seed)
            why = "the level seems to be open" if seed.is_positive else "and no limit is announced"
            raise Inconclusive(f"no seed to answer for level 0x{level:02X}, {why}: {seed}")
        return Guess(seed, self.answer_wrong(level, seed.pdu[2:], flip))

    def answer_wrong(self, level: int, seed: bytes, flip: int = 0) -> Reply:
        """A wrong key for this seed. Inconclusive: the answer does not say that it was compared, or came too late."""
        security = self._security
        key = security.send_key(level, security.wrong_key(level, seed, flip=flip))
        if not (key.is_delayed or key.is_refused_with(Nrc.INVALID_KEY)):
            self._client.cite(key)
            raise Inconclusive(f"a wrong key was not evaluated as one: {key}")
        return key

    def spend(self, level: int, at_most: int, *, between: Callable[[], None] | None = None, every: int = 1) -> Spent:
        """Send wrong keys until the ECU takes no more; `between` comes after each `every` of them.

        A delay that is running at the start is waited out.
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
        return Spent(evaluated, after if after.is_delayed else None)

    def lock_out(self, level: int, *, wrong_keys: int = 1) -> LockedOut:
        """Send wrong keys until no seed is given, at least so many; it does not hold where seeds are given after any number.

        What is refused earlier is a pause between two keys, and waited out.
        """
        client, security = self._client, self._security
        at_most = max(wrong_keys, LARGEST_LIMIT + 1)
        security.ledger.check(level, wrong_keys)
        seed = self.start(level)
        is_announced = False
        for count in range(1, at_most + 1):
            if not any(seed):
                raise Inconclusive(f"level 0x{level:02X} seems to be open: its seed is zero")
            answer = self.answer_wrong(level, seed, count)
            at_s = client.link.now_s
            is_announced = is_announced or answer.is_delayed
            following = self.ask(level)
            is_refused = following.is_delayed
            if count == at_most or (is_refused and count >= wrong_keys):
                break
            if is_refused:
                seed = self._seed_after_pause(level)
                if not seed:
                    break
            elif following.is_positive and len(following.pdu) > 2:
                seed = following.pdu[2:]
            else:
                client.cite(answer, following)
                raise Inconclusive(f"after {count} wrong keys there is no seed, but no limit is announced: {following}")
        return LockedOut(count, self.answered_at_s(answer), at_s, seed, answer, following, is_announced)

    def _seed_after_pause(self, level: int) -> bytes:
        """Look now and then for the end of a pause; empty if it is as long as a delay, and so is one."""
        give_up_s = self._client.link.now_s + self._security.delay_s(level)
        while self._client.link.now_s < give_up_s:
            self._client.wait(PAUSE_STEP_S)
            reply = self.seed_in_delay(level)
            if reply.is_seed:
                return reply.pdu[2:]
        return b""

    def seed_in_delay(self, level: int) -> Reply:
        """Ask for a seed, in the session where the level has one."""
        reply = self._security.request_seed(level)
        if reply.is_refused_with(*NOT_IN_SESSION):  # the session may have ended meanwhile
            self._client.session_for(level)
            reply = self._security.request_seed(level)
        return reply

    def await_seed(self, level: int, delay_s: float) -> tuple[Reply, float]:
        """Ask until a seed is given, for at most ten delays, of which each is silent; and how long that took."""
        begun_s = self._client.link.now_s
        reply = self.seed_in_delay(level)
        while not reply.is_seed and self._client.link.now_s - begun_s <= LONGEST_DELAYS * delay_s:
            self._client.wait(1.05 * delay_s + PAUSE_STEP_S)
            self._client.session_for(level)
            reply = self.ask(level)
        return reply, self._client.link.now_s - begun_s

    def answered_at_s(self, reply: Reply) -> float:
        """When the ECU's last frame of an exchange came, by the bus's time stamps."""
        response_id = self._client.target.can.response_id
        answers = (frame.time_s for frame in reversed(reply.frames) if frame.can_id == response_id and not frame.is_sent)
        return next(answers, 0.0)
