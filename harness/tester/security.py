"""Speak SecurityAccess: request seeds, send keys and unlock; send wrong keys only if their cost is known."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from harness.errors import Inconclusive, KeyFunctionError
from harness.tester.client import Client
from harness.tester.ecu_state import NOT_COMPARED, RIGHT_KEYS_IN_VAIN, LevelState, level_of
from harness.tester.keys import KeyFunction
from harness.tester.ledger import Ledger
from harness.tester.reply import Reply
from harness.tester.unlock_effects import UnlockEffects
from harness.uds import Nrc, Service

DEFAULT_DELAY_S = 10.0
DEFAULT_ATTEMPTS = 3
LONGEST_DELAYS = 10
"""After how many delays an ECU that still refuses seeds is taken to be locked out for the rest of the run."""

USUAL_KEY_LENGTH = 4
"""The length of a key in bytes that is assumed if neither a key nor a seed shows it."""
BREATH_S = 0.2
"""The seconds between a seed and its key, once the ECU has refused a key with 0x21."""
EMPTY_SEEDS = 3
"""How often a seed is requested again after a positive answer without one."""
DELAY_MARGIN_S = 0.5
"""Seconds added to a delay before it is taken to be over."""
START_UP_S = 5.0
"""How many seconds after a start conditionsNotCorrect may mean that stored attempt counters are still being read."""


_PRECONDITION_LOST = (
    Nrc.SECURITY_ACCESS_DENIED,
    Nrc.CONDITIONS_NOT_CORRECT,
    Nrc.REQUEST_SEQUENCE_ERROR,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
)
"""Codes by which the ECU refuses a level because its preconditions no longer hold."""


def delay_of(level: int) -> str:
    """Name the wait after too many wrong keys, in the words of plans and logs."""
    return f"the delay of level 0x{level:02X}"


class Unlocked(NamedTuple):
    """The seed and the key that opened a level; both empty if the level was open already."""

    seed: bytes
    key: bytes


class AlreadyOpen(Inconclusive):
    """The level is open, so there is no seed to answer."""


class SecurityAccess:
    """Speaks service 0x27 for every level of one ECU, and sees to it that no wrong key is sent uncounted."""

    def __init__(self, client: Client, keys: Mapping[int, KeyFunction | None], ledger: Ledger) -> None:
        self._client = client
        self._keys = dict(keys)
        self.found_keys: dict[int, str] = {}
        """For each level whose key was found by trying, and for which no key function is given: how the key is made."""
        self.ledger = ledger
        self.wrong_keys_sent = 0
        self._is_first_counted: dict[int, bool] = {}
        """Levels whose first key was counted as wrong, and is not yet known to be right."""
        self._breath_s = 0.0
        """Seconds to wait before each key, for an ECU that was too busy to take a key directly after its seed."""
        self.unlock_effects = UnlockEffects(client)
        self.right_key_must_come_first = True
        """Whether the right key must have worked before the first wrong key; False if nothing locks the ECU again."""
        self.lock: Callable[[], None] = lambda: None
        """Lock the ECU again; the object that can do so sets this function."""
        self.tell_key: Callable[[bytes, bytes, bool], None] = lambda key, seed, is_right: None
        """Report a key that was computed or is to be sent: the key, its seed, and whether the key should be right."""
        client.key_guard = self
        client.open_level = self.unlock

    def level(self, level: int) -> LevelState:
        """Return what is believed of a level, read-only."""
        return self._client.state.level(level)

    def has_key(self, level: int) -> bool:
        """Whether a key function is known for a level."""
        return self._keys.get(level) is not None

    def take_found_key(self, level: int, make_key: Callable[[bytes], bytes], what: str) -> None:
        """Note by which method of making keys the level was seen to open, and use that method from now on."""
        self._keys[level] = lambda seed, _: make_key(seed)
        self.found_keys[level] = what
        self._client.state.key_found(level)

    # Keys that go out

    def why_no_guess(self, level: int) -> str:
        """Return why no wrong key may be sent to a level, whatever the budget; empty if wrong keys may be sent."""
        state = self.level(level)
        if not state.suspect and self.has_key(level) and not state.is_proven and self.right_key_must_come_first:
            return f"level 0x{level:02X}: no wrong key before the right one has worked once"
        return state.suspect

    def before_key(self, key_request: bytes) -> None:
        """Count a guess that is about to be sent. Raises NotRun or Inconclusive if it must not be sent.

        Inconclusive: the ECU has refused the right key, or it was not tried although that was possible.
        """
        level = level_of(key_request)
        if reason := self.why_no_guess(level):
            raise Inconclusive(reason)
        self.ledger.spend(level)
        self.tell_key(key_request[2:], self.level(level).seed or b"", False)
        self.wrong_keys_sent += 1
        self._client.state.send_key(level, is_right=False)

    # Seeds

    def request_seed(self, level: int, record: bytes | None = None) -> Reply:
        """Request a seed once, and return any answer; the data record is the target's unless one is given."""
        if record is None:
            record = self._client.target.of_level(level).record
        return self._client.request(bytes((Service.SECURITY_ACCESS, level)) + record)

    def seed(self, level: int, *, as_given: bool = False) -> bytes:
        """Return a fresh seed, after any delay; empty if the level is open. Raises Inconclusive if the ECU gives none.

        Zeros mean an open level only if an effect shows it, or if no effect is available and the level was opened before.
        Zeros of a locked level are a seed like any other. `as_given`: return what the ECU gave, even if that is zeros.
        """
        reply = self._seed_after_delay(level)
        for _ in range(EMPTY_SEEDS):
            if not reply.is_positive or len(reply.pdu) > 2:
                break
            reply = self.request_seed(level)
        if not reply.is_positive or len(reply.pdu) <= 2:
            self._client.cite(reply)
            raise Inconclusive(f"no seed for level 0x{level:02X}: {reply}")
        seed = reply.pdu[2:]
        return seed if as_given or any(seed) else self._meaning_of_zeros(level, seed)

    def _seed_after_delay(self, level: int) -> Reply:
        state = self._client.state
        reply = self.request_seed(level)
        if self._client.target.before_level(level) and reply.is_refused_with(*_PRECONDITION_LOST):
            self._client.session_for(level)
            reply = self.request_seed(level)
        waited_s = delayed_s = 0.0
        if reply.is_delayed and (left_s := self.delay_left_s(level)):
            self._client.wait(left_s, delay_of(level))
            delayed_s = left_s
            self._client.session_for(level)  # the session may have timed out
            reply = self.request_seed(level)
        while not state.level(level).is_locked_out and (step_s := self._patience_s(level, reply, waited_s)):
            is_delay = reply.is_delayed or self.is_in_delay(level)
            self._client.wait(step_s, delay_of(level) if is_delay else "the ECU gives no seed yet")
            waited_s += step_s
            if reply.is_delayed or self.is_in_delay(level):
                delayed_s = waited_s
                self._client.session_for(level)  # the session may have timed out
            reply = self.request_seed(level)
        state.waited_out(level, delayed_s if reply.is_positive else 0.0, is_over=not reply.is_delayed)
        return reply

    def _meaning_of_zeros(self, level: int, zeros: bytes) -> bytes:
        """Learn what a seed of zeros means: return empty if the level is open, else the seed to answer, or a new one."""
        state = self._client.state
        is_open = self.unlock_effects.is_open(level, says_so=True)
        if is_open is None:
            again = self.request_seed(level)
            if again.is_positive and any(again.pdu[2:]):
                return again.pdu[2:]
            is_short = bool(state.level(level).seed_lengths) and len(zeros) not in state.level(level).seed_lengths
            is_open = is_short or state.has_unlocked or not self.has_key(level)
        elif not is_open:
            state.zero_seed_while_locked(level)
            if state.level(level).seed is None:  # the effect was requested in another session, or has used the seed up
                return self._given_again(level, zeros)
        if is_open:
            state.open_already()
            return b""
        return zeros

    def _given_again(self, level: int, zeros: bytes) -> bytes:
        again = self.request_seed(level)
        return again.pdu[2:] if again.is_positive and len(again.pdu) > 2 else zeros

    def _patience_s(self, level: int, reply: Reply, waited_s: float) -> float:
        """Return how many seconds to wait before the next seed request; 0 if waiting is useless."""
        delay_s = self.delay_s(level)
        if reply.is_delayed and waited_s <= LONGEST_DELAYS * delay_s:
            return delay_s / 2 if waited_s else delay_s + 0.5
        if reply.is_refused_with(Nrc.CONDITIONS_NOT_CORRECT):
            if waited_s < START_UP_S:
                return START_UP_S / 10
            if self.is_in_delay(level):  # some ECUs send only this while a delay is running
                return delay_s / 2
        return 0.0

    def is_in_delay(self, level: int) -> bool:
        """Whether a delay after the last wrong key, of declared or usual length, may still be running."""
        last_s = self.level(level).last_wrong_s
        return last_s is not None and self._client.link.now_s - last_s < self.delay_s(level) + DELAY_MARGIN_S

    def delay_left_s(self, level: int) -> float:
        """Return for how many seconds a delay may still run since the last wrong key or a later restart; 0 if it is over."""
        last_s = self.level(level).last_wrong_s
        if last_s is None:
            return 0.0
        restarted_s = self._client.state.restarted_s + self._client.target.reset.boot_s
        over_s = max(last_s, restarted_s) + self.delay_s(level) + DELAY_MARGIN_S
        return max(over_s - self._client.link.now_s, 0.0)

    def delay_s(self, level: int) -> float:
        """Return the declared delay of a level, or a usual one, in seconds."""
        declared = self._client.target.of_level(level).delay_s
        return DEFAULT_DELAY_S if declared is None else declared

    # Keys

    def right_key(self, level: int, seed: bytes) -> bytes:
        """Return the key for a seed. Raises Inconclusive without a key function, KeyFunctionError if it fails."""
        key = self._keys.get(level)
        if key is None:
            raise Inconclusive(f"no key function is given for level 0x{level:02X}")
        if not seed:
            raise Inconclusive(f"an answer without a seed was given for level 0x{level:02X}: there is no key to it")
        try:
            found = key(seed, level)
        except KeyFunctionError as error:
            if any(seed):
                raise
            raise Inconclusive(
                f"the key function of level 0x{level:02X} makes no key for a seed of zeros: {error}"
            ) from error
        self.tell_key(found, seed, True)
        return found

    def right_key_of_length(self, level: int, length: int, seed: bytes) -> bytes:
        """Return a seed's key. Raises Inconclusive if it has not `length` bytes, so that its parts are unknown."""
        key = self.right_key(level, seed)
        if len(key) != length:
            raise Inconclusive(f"keys of different lengths fit level 0x{level:02X}: {length} and {len(key)} bytes")
        return key

    def wrong_key(self, level: int, seed: bytes, *, flip: int = 0) -> bytes:
        """Return a key of the right length that is wrong in all of its parts; a random key if the right key is unknown.

        If the right key is known, the wrong key differs from it in all bits except bit number `flip`.
        """
        if self.has_key(level) and seed:
            key = bytearray(byte ^ 0xFF for byte in self.right_key(level, seed))
            key[(flip // 8) % len(key)] ^= 1 << flip % 8
            return bytes(key)
        return self._client.chance.random_bytes(self.key_length(level))

    def key_length(self, level: int) -> int:
        """Return the length of a level's keys in bytes; without a key function, of its seeds. May request a seed."""
        state = self.level(level)
        if not state.key_length:
            seed = self.seed(level)
            self._client.state.learn_length(
                level, len(self.right_key(level, seed)) if self.has_key(level) and seed else len(seed) or USUAL_KEY_LENGTH
            )
        return state.key_length

    def discard_seed(self, level: int) -> Reply | None:
        """Use up a seed that may be pending, by a wrong key; return the answer, or None if no seed can be pending."""
        if not self.level(level).may_be_pending:
            return None
        return self.send_key(level, self._client.chance.random_bytes(self.key_length(level)))

    def send_key(self, level: int, key: bytes) -> Reply:
        """Send a key. A key that is not right for the pending seed is a guess: it is counted, and needs permission.

        The key function's first key is no guess and needs no permission, but it is counted until it has opened the level,
        since the function may be wrong. Raises Inconclusive if that key was refused, NotRun if the budget is used up.
        """
        client, state = self._client, self.level(level)
        seed = state.seed or b""
        is_right = bool(seed) and self.has_key(level) and key == self.right_key(level, seed)
        was_in_delay = self.is_in_delay(level)
        if is_right:
            self._let_pass(level, state)
        if self._breath_s:
            client.wait(self._breath_s, "a pause between seed and key")
        reply = client.request(bytes((Service.SECURITY_ACCESS, level + 1)) + key, is_right_key=is_right)
        if reply.is_refused_with(Nrc.BUSY_REPEAT_REQUEST):
            self._breath_s = BREATH_S
        if is_right and not reply.is_positive and not self._has_opened(level, seed, key, reply):
            self._doubt(level, reply, was_in_delay=was_in_delay)
        elif is_right and self._is_first_counted.pop(level, False):
            self.ledger.take_back(level)
        return reply

    def send_key_alone(self, level: int, key: bytes, *, sub_function: int | None = None) -> Reply:
        """Send a key and nothing else, whatever the answer: for callers that must send the next request directly after it.

        The key is counted and permitted as in `send_key`, but the key function's key counts as a guess until a key of the
        function has opened the level. `sub_function` replaces the level's own. Raises NotPermitted, NotRun or Inconclusive
        if the key was not sent.
        """
        client, state = self._client, self.level(level)
        seed = state.seed or b""
        is_own = sub_function is None or sub_function == level + 1
        is_right = is_own and bool(seed) and state.is_proven and key == self.right_key(level, seed)
        if is_right:
            client.state.send_key(level, is_right=True)
        service = bytes((Service.SECURITY_ACCESS, level + 1 if sub_function is None else sub_function))
        reply = client.request(service + key, is_right_key=is_right)
        if is_right and reply.is_refused_with(Nrc.INVALID_KEY, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS):
            self.wrong_keys_sent += 1
            self.ledger.count(level)
        return reply

    def _let_pass(self, level: int, state: LevelState) -> None:
        """Count the key function's key before it is sent, unless the function is known to be right."""
        if state.suspect:
            raise Inconclusive(state.suspect)
        if not state.is_proven:
            if state.right_keys_in_vain and not self._client.allows("lockout"):
                raise Inconclusive(f"the first key for level 0x{level:02X} did not open it, and no more are permitted")
            self.ledger.spend_first(level)
            self._is_first_counted[level] = True
        self._client.state.send_key(level, is_right=True)

    def unlock(self, level: int) -> Unlocked:
        """Open a level with the right key. Raises Inconclusive with the reason if that fails.

        Effects decide, not answers. If the ECU refuses the key while a delay may be running, or because it is not
        ready, a key is sent again later. If the ECU refuses the key as wrong, the key function is suspect, and no wrong key
        is sent to the level any more.
        """
        state = self.level(level)
        if state.suspect:
            raise Inconclusive(state.suspect)
        self._client.session_for(level)
        if not state.is_proven:
            self.unlock_effects.look(level)
        has_waited = False
        for tries_left in reversed(range(3 if state.is_proven else 2)):
            seed = self.seed(level)
            if not seed:
                return Unlocked(b"", b"")
            key = self.right_key(level, seed)
            was_in_delay = self.is_in_delay(level)
            reply = self.send_key(level, key)
            if reply.is_positive or (not reply.is_negative and self.unlock_effects.is_open(level)):
                return Unlocked(seed, key)
            if self._is_told_by(reply, level, seed):
                self._client.state.open_already()
                return Unlocked(b"", b"")
            if not tries_left or has_waited or not self._may_be_too_early(level, reply, was_in_delay=was_in_delay):
                break
            has_waited = was_in_delay or reply.is_refused_with(Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)
            self._client.session_for(level)
        self._client.cite(reply)
        raise Inconclusive(state.suspect or f"level 0x{level:02X} was not opened by its key: {reply}")

    def _is_told_by(self, reply: Reply, level: int, seed: bytes) -> bool:
        """Whether a key for a seed of zeros is refused in a way that shows an open level, which no effect contradicts."""
        is_refused = reply.is_refused_with(Nrc.REQUEST_SEQUENCE_ERROR, Nrc.CONDITIONS_NOT_CORRECT)
        return not any(seed) and is_refused and self.unlock_effects.is_open(level) is not False

    def _has_opened(self, level: int, seed: bytes, key: bytes, reply: Reply) -> bool:
        """Whether a right key has opened the level although the ECU did not answer that it accepts it."""
        if reply.is_refused_with(*NOT_COMPARED) or reply.is_delayed or not self.unlock_effects.is_open(level):
            return False
        self._client.cite(reply)
        self._client.note(f"level 0x{level:02X}: its right key has opened it, but was answered with {reply}")
        self._client.state.opened_by_effect(level, seed, key, is_right=True)
        if self._is_first_counted.pop(level, False):
            self.ledger.take_back(level)
        return True

    def _may_be_too_early(self, level: int, reply: Reply, *, was_in_delay: bool) -> bool:
        """Wait if the right key may have come too early for the ECU; return whether there was anything to wait for."""
        if self.level(level).suspect or not (self._client.allows("lockout") or self.level(level).is_proven):
            return False  # the next key would need the permission
        if reply.is_refused_with(Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED) or was_in_delay:
            self._client.wait(self.delay_s(level) + DELAY_MARGIN_S, delay_of(level))
            return True
        if reply.is_refused_with(Nrc.CONDITIONS_NOT_CORRECT, Nrc.BUSY_REPEAT_REQUEST):
            self._client.wait(START_UP_S / 2, "the ECU takes no key yet")
            return True
        return False

    def _doubt(self, level: int, reply: Reply, *, was_in_delay: bool) -> None:
        """Record that the ECU refused the key function's key: the function may be wrong, unless the key came too early."""
        state = self.level(level)
        is_refused = reply.is_refused_with(Nrc.INVALID_KEY, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)
        if is_refused:
            self.wrong_keys_sent += 1
            if state.is_proven:
                self.ledger.count(level)
        if (is_refused and not was_in_delay and not state.is_proven) or state.right_keys_in_vain > RIGHT_KEYS_IN_VAIN:
            why = f"key function suspect: the ECU answers the key for level 0x{level:02X} with {reply}"
            self._client.state.suspect_key(level, why)

    def try_key(self, level: int, make_key: Callable[[bytes], bytes]) -> tuple[bytes, bytes, Reply]:
        """Make room for a guess, request a fresh seed, and send the guess for it; return (seed, key, reply).

        If the guess could reach the limit of attempts, the counter is first cleared by an unlock with the right key, if
        possible. Raises AlreadyOpen if the level gives the seed of an open level.
        """
        self.make_room(level)
        self._client.session_for(level)
        seed = self.seed(level)
        if not seed:
            raise AlreadyOpen(f"level 0x{level:02X} gives a seed of zeros, as if it were unlocked")
        key = make_key(seed)
        return seed, key, self.send_key(level, key)

    def make_room(self, level: int, guesses: int = 1) -> bool:
        """Clear the attempt counter if `guesses` more guesses could reach its limit; return whether it was cleared."""
        state = self.level(level)
        declared = self._client.target.of_level(level).attempts
        attempts = declared or min(state.seen_limit or DEFAULT_ATTEMPTS, DEFAULT_ATTEMPTS)
        is_close = state.wrong_in_a_row > 0 and state.wrong_in_a_row + guesses >= max(attempts, 2)
        return is_close and self.clear_attempts(level)

    def clear_attempts(self, level: int) -> bool:
        """Clear the attempt counter by an unlock with the right key, and lock again.

        Return False, with nothing sent, if the key is not proven or the ECU cannot be locked again.
        """
        if not (self.level(level).is_proven and self.right_key_must_come_first):
            return False
        self.unlock(level)
        self.lock()
        return True
