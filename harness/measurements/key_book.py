"""Record which kinds of wrong keys a level has been sent, with the answers, so that no kind is sent twice without need."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.measurements.key_kinds import BLANK, SAME_AGAIN, KeyKind, KeyKinds, of_level
from harness.tester.guesses import Attempt, KeyOutcome, Supplied
from harness.tester.tester import Tester
from harness.verdict import Depth


@dataclass(frozen=True, slots=True)
class Opened:
    """A wrong key that opened its level."""

    kind: KeyKind
    attempt: Attempt
    is_proven: bool
    """Whether something that the level guards succeeded after the key, which proves that the key opened the level."""


@dataclass(frozen=True, slots=True)
class Timed:
    """How long the refusal of a wrong key took."""

    first_wrong_byte: int
    nrc: int
    time_s: float


class KeyBook:
    """The wrong keys of one level, in the order in which they are to be sent."""

    def __init__(self, tester: Tester, level: int, depth: Depth) -> None:
        self._tester = tester
        self._level = level
        others = [entry.level for entry in tester.target.security if entry.level != level]
        self.kinds = KeyKinds(tester.security, level, tester.chance, others)
        self.sent: dict[str, Attempt] = {}
        """By name of the kind: the first attempt with such a key that the ECU compared."""
        self.opened: dict[str, Opened] = {}
        self.times: list[Timed] = []
        """The times of refusals, for wrong keys whose right key is known, so that their first wrong byte is known, too."""
        self._last = b""
        self._shaped = self._shuffled(self.kinds.counted_by_shape())
        self._misplaced = self._shuffled(self.kinds.right_elsewhere())
        self._others: list[KeyKind] = []
        if tester.security.has_key(level):
            is_found = level in tester.security.found_keys  # found by trying trivial keys
            trivial = {} if is_found else self.kinds.trivial()
            self._others = [kind for name, kind in trivial.items() if name not in BLANK]
            self._others += self.kinds.changed(depth).values()

    def _shuffled(self, kinds: Mapping[str, KeyKind]) -> list[KeyKind]:
        return sorted(kinds.values(), key=lambda kind: self._tester.chance.random_bytes(4))

    @property
    def has_uncounted_kinds(self) -> bool:
        """Whether some kinds that an ECU may forget to count have not been sent yet."""
        return bool(self._shaped or self._misplaced)

    def next_kind(self, *, may_repeat: bool, is_home: bool = True) -> KeyKind:
        """Return the kind of the next wrong key: first kinds that ECUs may not count, then kinds that checks need, then any.

        `may_repeat`: whether the last key was a wrong key, which may be sent again. Keys that the ECU may not count because
        of their shape are sent in the usual place only (`is_home`), since other code may judge keys elsewhere.
        """
        for kind in self._shaped if is_home else ():
            if kind.name != SAME_AGAIN or may_repeat:
                self._shaped.remove(kind)
                return kind
        if self._misplaced:
            return self._misplaced.pop(0)
        return self._next_other() or self.kinds.plain

    def _next_other(self) -> KeyKind | None:
        while self._others:
            kind = self._others.pop(0)
            if kind.name not in self.sent:
                return kind
        return None

    def supply(self, *, are_counted: bool) -> Supplied | None:
        """Return a kind that is still to be sent, for a caller that needs any wrong key; None if any kind will do.

        With `are_counted`, return only kinds that an ECU has no reason not to count. Return None also after a wrong key has
        opened the level, which clears the count.
        """
        if self.opened:
            return None
        kind = self._next_other() if are_counted else self.next_kind(may_repeat=False)
        if kind is None or kind is self.kinds.plain:
            return None
        return Supplied(lambda seed: self.make(kind, seed, b""), lambda attempt: self.keep(kind, attempt))

    def make(self, kind: KeyKind, seed: bytes, previous: bytes) -> bytes:
        """Make a key of this kind; `previous` is the key that was sent before in the same row, empty if none was."""
        return self.kinds.make(kind, seed, previous or self._last)

    def send(self, kind: KeyKind) -> Attempt:
        """Request a seed and answer it with a key of this kind, after making sure that a refusal cannot reach the limit.

        Raises AlreadyOpen if the level is open.
        """
        tester = self._tester

        seed, key, reply = tester.security.try_key(self._level, lambda seed: self.make(kind, seed, b""))
        attempt = Attempt(seed, key, reply, tester.guesses.outcome(self._level, reply))
        self.keep(kind, attempt)
        return attempt

    def keep(self, kind: KeyKind, attempt: Attempt) -> None:
        """Record the answer to a key of this kind."""
        self._last, self.kinds.seed_before = attempt.key, attempt.seed
        self._time(attempt)
        if attempt.outcome is KeyOutcome.OPENED and kind.name not in self.opened:
            is_proven = bool(self._tester.security.unlock_effects.is_open(self._level))
            self.opened[kind.name] = Opened(kind, attempt, is_proven)
        if attempt.outcome in (KeyOutcome.WRONG, KeyOutcome.LIMITED, KeyOutcome.OPENED):
            self.sent.setdefault(kind.name, attempt)

    def _time(self, attempt: Attempt) -> None:
        right, times = self.kinds.right(attempt.seed), self._tester.answer_times_s(attempt.reply)
        nrc = attempt.reply.nrc
        if times and nrc is not None and attempt.outcome is KeyOutcome.WRONG and len(right) == len(attempt.key):
            wrong = [at for at, (one, other) in enumerate(zip(attempt.key, right, strict=True)) if one != other]
            if wrong:
                self.times.append(Timed(wrong[0], nrc, times[-1]))

    def opened_for(self, check: str) -> Opened | None:
        """Return a wrong key that opened the level and makes this check fail, if possible a proven one; None without one."""
        found = [one for one in self.opened.values() if one.kind.check == check]
        return max(found, key=lambda one: one.is_proven, default=None)

    def has_sent_key_of(self, other: int) -> bool:
        """Whether a key made by the function of the level `other` was sent to this level, and found wrong."""
        name = of_level(other)
        return name in self.sent and name not in self.opened

    def sent_kinds(self) -> list[str]:
        """Return the names of the kinds that were sent."""
        return [*self.sent]
