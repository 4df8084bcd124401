"""How SecurityAccess is spoken: seeds, keys, unlocking, and wrong keys only when they are known to be affordable."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.link.frame import Frame
from harness.outcome import Inconclusive
from harness.tester.client import Client
from harness.tester.keys import KeyFunction
from harness.tester.ledger import Ledger
from harness.tester.level_state import LevelState, Unlocked
from harness.tester.reply import Reply
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, Service, is_seed_request

DEFAULT_DELAY_S = 10.0
DEFAULT_ATTEMPTS = 3
LONGEST_DELAYS = 10
"""An ECU that refuses seeds for more than this many times its delay is locked out for good, as far as a run goes."""

EMPTY_SEEDS = 3
"""So often a positive answer that holds no seed is asked for again."""
START_UP_S = 5.0
"""How long conditionsNotCorrect may mean that stored attempt counters are still being read after a start."""

RIGHT_KEYS_IN_VAIN = 2
"""So often a right key may go unaccepted without 0x35, e.g. for want of a session, before it is not sent any more."""


class SecurityAccess:
    """Service 0x27 for every level of one ECU. It watches the client, so that no key goes out uncounted."""

    def __init__(self, client: Client, keys: Mapping[int, KeyFunction | None], ledger: Ledger) -> None:
        self._client = client
        self._keys = dict(keys)
        self.found_keys: dict[int, str] = {}
        """How the keys of levels are made that no key function was given for, as it was found by trying."""
        self.ledger = ledger
        self._levels: dict[int, LevelState] = {}
        self.wrong_keys_sent = 0
        self.has_unlocked = False
        """Unlocked since the ECU was last seen locked."""
        self.is_touched = False
        """A seed or key was sent since the last restore."""
        self.right_key_must_come_first = True
        """Whether rule 15 can be kept: false where an unlocked ECU can never be locked again."""
        self.lock: Callable[[], None] = lambda: None
        """Lock the ECU again; given by whoever knows how."""
        self.tell_key: Callable[[bytes, bytes, bool], None] = lambda key, seed, is_right: None
        """Tell whoever must know of a key that was made or is to be sent: the key, its seed, whether it should be right."""
        client.watch = self

    def level(self, level: int) -> LevelState:
        """What is known of a level."""
        return self._levels.setdefault(level, LevelState())

    def forget_pending(self, *, has_restarted: bool = False) -> None:
        """The ECU has changed session or restarted; only the latter is known to drop a pending seed."""
        for state in self._levels.values():
            state.seed = None
            state.may_be_pending = state.may_be_pending and not has_restarted

    def has_key(self, level: int) -> bool:
        """Whether a key function is given."""
        return self._keys.get(level) is not None

    def take_found_key(self, level: int, make_key: Callable[[bytes], bytes], what: str) -> None:
        """From now on make a level's keys in the way that was seen to open it."""
        self._keys[level] = lambda seed, _: make_key(seed)
        self.found_keys[level] = what
        self.level(level).is_proven = True

    # Watching the client

    def why_no_guess(self, level: int) -> str:
        """Why no wrong key may be sent to a level, whatever the budget; empty if one may."""
        state = self.level(level)
        if not state.suspect and self.has_key(level) and not state.is_proven and self.right_key_must_come_first:
            return f"level 0x{level:02X}: no wrong key before the right one has worked once"
        return state.suspect

    def before_key(self, key_request: bytes) -> None:
        """Let a guess pass, counted; NotRun or Inconclusive: it must not be sent.

        Inconclusive: the right key has been refused, or has not been seen to work although it could have been.
        """
        level = _level_of(key_request)
        state = self.level(level)
        if reason := self.why_no_guess(level):
            raise Inconclusive(reason)
        self.ledger.spend(level)
        self.tell_key(key_request[2:], state.seed or b"", False)
        self.wrong_keys_sent += 1
        self.is_touched = True
        state.wrong_in_a_row += 1
        state.has_guessed = True

    def after(self, reply: Reply) -> None:
        """Learn from whatever was asked of services 10, 11 and 27."""
        request = reply.request
        if request[0] != Service.SECURITY_ACCESS:
            if not reply.is_negative:  # its answer may have been suppressed
                self.forget_pending()
            return
        if len(request) < 2:
            return
        self.is_touched = True
        state = self.level(_level_of(request))
        state.is_delayed = reply.is_delayed
        if state.is_delayed and state.wrong_in_a_row:
            state.seen_limit = min(state.seen_limit or state.wrong_in_a_row, state.wrong_in_a_row)
        if is_seed_request(request):
            if reply.is_positive:
                self.forget_pending()
                state.seed = reply.pdu[2:]
            state.may_be_pending = True
            return
        was_guess, state.has_guessed = state.has_guessed, False
        if reply.is_positive and not was_guess and state.seed and any(state.seed):
            state.pairs[state.seed] = request[2:]
            state.key_length = len(request) - 2
        state.seed = None
        if reply.is_positive or reply.is_negative:
            state.may_be_pending = False
        if reply.is_positive:
            state.wrong_in_a_row = state.right_keys_in_vain = 0
            self.has_unlocked = True
            state.is_proven = state.is_proven or not was_guess
        elif not was_guess:
            self._doubt(_level_of(request), reply)

    def after_raw(self, frame: Frame) -> None:
        """A frame in which an ECU may read a request of service 27 may have touched it."""
        self.is_touched = self.is_touched or Service.SECURITY_ACCESS in frame.data[:4]

    def _doubt(self, level: int, reply: Reply) -> None:
        """The key that should be right was not accepted."""
        if reply.is_refused_with(Nrc.REQUEST_SEQUENCE_ERROR):
            return  # its seed was gone: the key was not looked at
        state = self.level(level)
        state.right_keys_in_vain += 1
        is_refused = reply.is_refused_with(Nrc.INVALID_KEY, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS)
        if is_refused:
            self.ledger.count(level)
            self.wrong_keys_sent += 1
            state.wrong_in_a_row += 1
        if (is_refused and not state.is_proven) or state.right_keys_in_vain > RIGHT_KEYS_IN_VAIN:
            state.suspect = f"key function suspect: the ECU answers the key for level 0x{level:02X} with {reply}"

    # Seeds

    def request_seed(self, level: int, record: bytes | None = None) -> Reply:
        """Ask for a seed once, whatever the answer; with the data record that the target declares, if none is given."""
        if record is None:
            entry = self._client.target.level(level)
            record = entry.record if entry is not None else b""
        return self._client.request(bytes((Service.SECURITY_ACCESS, level)) + record)

    def seed(self, level: int, *, as_given: bool = False) -> bytes:
        """A fresh seed, after any delay; zeros are asked for once more, unless wanted `as_given`. Inconclusive: none."""
        state = self.level(level)
        reply = self.request_seed(level)
        waited_s = delayed_s = 0.0
        while not state.is_locked_out and (step_s := self._patience_s(level, reply, waited_s)):
            self._client.wait(step_s)
            waited_s += step_s
            if reply.is_delayed:
                delayed_s = waited_s
                self._client.session_for(level)  # it may have ended meanwhile
            reply = self.request_seed(level)
        state.is_locked_out = reply.is_delayed
        if reply.is_positive:
            state.longest_delay_s = max(state.longest_delay_s, delayed_s)
        for _ in range(EMPTY_SEEDS):
            if not reply.is_positive or len(reply.pdu) > 2:
                break
            reply = self.request_seed(level)
        if not reply.is_positive or len(reply.pdu) <= 2:
            self._client.cite(reply)
            raise Inconclusive(f"no seed for level 0x{level:02X}: {reply}")
        if not as_given and not any(reply.pdu[2:]) and (again := self.request_seed(level)).is_positive:
            return again.pdu[2:]
        return reply.pdu[2:]

    def _patience_s(self, level: int, reply: Reply, waited_s: float) -> float:
        """How long to wait before asking again; 0 when waiting is no use."""
        delay_s = self.delay_s(level)
        if reply.is_delayed and waited_s <= LONGEST_DELAYS * delay_s:
            return delay_s / 2 if waited_s else delay_s + 0.5
        if reply.is_refused_with(Nrc.CONDITIONS_NOT_CORRECT) and waited_s < START_UP_S:
            return START_UP_S / 10
        return 0.0

    def delay_s(self, level: int) -> float:
        """The declared delay of a level, or a usual one."""
        entry = self._client.target.level(level)
        declared = entry.delay_s if entry is not None else None
        return DEFAULT_DELAY_S if declared is None else declared

    # Keys

    def right_key(self, level: int, seed: bytes) -> bytes:
        """The key for a seed. Inconclusive without a key function; KeyFunctionError when it fails."""
        key = self._keys.get(level)
        if key is None:
            raise Inconclusive(f"no key function is given for level 0x{level:02X}")
        if not seed:
            raise Inconclusive(f"an answer without a seed was given for level 0x{level:02X}: there is no key to it")
        found = key(seed, level)
        self.tell_key(found, seed, True)
        return found

    def right_key_of_length(self, level: int, length: int, seed: bytes) -> bytes:
        """The key for a seed. Inconclusive if it is longer or shorter than others were: parts of it cannot be told then."""
        key = self.right_key(level, seed)
        if len(key) != length:
            raise Inconclusive(f"keys of different lengths fit level 0x{level:02X}: {length} and {len(key)} bytes")
        return key

    def wrong_key(self, level: int, seed: bytes, *, flip: int = 0) -> bytes:
        """A key of the right length that is wrong, and in all of its parts: chance, where the right one is not known.

        Else the right one with all bits changed but one; `flip` says which.
        """
        if self.has_key(level) and seed:
            key = bytearray(byte ^ 0xFF for byte in self.right_key(level, seed))
            key[(flip // 8) % len(key)] ^= 1 << flip % 8
            return bytes(key)
        return self._client.chance.random_bytes(self.key_length(level))

    def key_length(self, level: int) -> int:
        """The length of a key: the key function's, or the seed's where there is none. May ask for a seed."""
        state = self.level(level)
        if not state.key_length:
            seed = self.seed(level)
            state.key_length = len(self.right_key(level, seed)) if self.has_key(level) else len(seed)
        return state.key_length

    def discard_seed(self, level: int) -> Reply | None:
        """Make sure that no seed is pending: a wrong key uses one up, where the ECU has not restarted since."""
        if not self.level(level).may_be_pending:
            return None
        return self.send_key(level, self._client.chance.random_bytes(self.key_length(level)))

    def send_key(self, level: int, key: bytes) -> Reply:
        """Send a key. One that is not the right one for the pending seed is a guess: counted, and with permission only."""
        state = self.level(level)
        seed = state.seed or b""
        is_right = any(seed) and self.has_key(level) and key == self.right_key(level, seed)
        if is_right:
            state.has_guessed = False
            if state.suspect:
                raise Inconclusive(state.suspect)
        return self._client.request(bytes((Service.SECURITY_ACCESS, level + 1)) + key, is_right_key=is_right)

    def unlock(self, level: int) -> Unlocked:
        """Open a level with the right key. Inconclusive when that fails, with the reason.

        A refused right key makes the key function suspect: no wrong key is sent to the level after that.
        """
        state = self.level(level)
        if state.suspect:
            raise Inconclusive(state.suspect)
        client = self._client
        client.session_for(level)
        seed = self.seed(level)
        if not any(seed):
            self.has_unlocked = True
            return Unlocked(seed, b"")
        key = self.right_key(level, seed)
        reply = self.send_key(level, key)
        if not reply.is_positive:
            client.cite(reply)
            raise Inconclusive(state.suspect or f"level 0x{level:02X} was not opened by its key: {reply}")
        return Unlocked(seed, key)

    def try_key(self, level: int, make_key: Callable[[bytes], bytes]) -> tuple[bytes, bytes, Reply]:
        """One guess on a fresh seed, at a moment when the ECU can afford to refuse it: (seed, key, reply).

        The attempt counter is cleared first by a good unlock if it could reach its limit; without a key function the
        delay is waited out.
        """
        self.make_room(level)
        self._client.session_for(level)
        seed = self.seed(level)
        key = make_key(seed)
        return seed, key, self.send_key(level, key)

    def make_room(self, level: int, guesses: int = 1) -> None:
        """Clear the attempt counter by a good unlock, and lock again, if so many more guesses could reach its limit."""
        state = self.level(level)
        entry = self._client.target.level(level)
        declared = entry.attempts if entry is not None else None
        attempts = declared or min(state.seen_limit or DEFAULT_ATTEMPTS, DEFAULT_ATTEMPTS)
        is_close = state.wrong_in_a_row and state.wrong_in_a_row + guesses >= max(attempts, 2)
        if is_close and state.is_proven and self.right_key_must_come_first:
            self.unlock(level)
            self.lock()


def _level_of(request: bytes) -> int:
    """The level that a request of service 27 is about: its seed's sub-function, or the one below its key's."""
    sub_function = request[1] & ~SUPPRESS_POSITIVE_RESPONSE
    return sub_function if sub_function & 1 else max(sub_function - 1, 0)
