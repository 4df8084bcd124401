"""Find out whether protected data is protected: bring about the locked state, read effects back, take positive controls."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from harness.errors import Inconclusive, KeyFunctionError, NotPermitted, NotRun, Unjudged
from harness.target import Access as ByLevel
from harness.target import DataEntry
from harness.tester.client import Client
from harness.tester.looking import Looking
from harness.tester.reply import RawReply, Reply
from harness.tester.restart import Restart
from harness.tester.security import SecurityAccess
from harness.uds import Session

R = TypeVar("R", bound=Reply | RawReply)


END_OF_SESSION = "the end of the session (S3)"
"""The purpose of a wait for the end of a session, as plans and logs name it."""
STORING_S = 0.2
"""In seconds. An ECU may answer before it has stored a value, so the value is read again this long after the answer."""
QUICK_STORING_S, STORED_AT_ONCE = 0.1, 3
"""A shorter wait in seconds, used once the ECU has stored this many values at once and none late."""

CLOCK_S = 8.0
"""In seconds. A value is watched this long for changes by itself, because it may be a clock or a counter."""
LOOKS = 8
"""How often a value is read while it is watched; the reads also keep a session alive."""


@dataclass(frozen=True, slots=True)
class Effect(Generic[R]):
    """What a request did to a stored value, whatever the ECU answered."""

    reply: R
    before: bytes
    after: bytes
    is_secret: bool = False

    @property
    def is_changed(self) -> bool:
        """Whether the value differs from before."""
        return self.after != self.before

    def __str__(self) -> str:
        change = f"the value went from {self.before.hex(' ').upper()} to {self.after.hex(' ').upper()}"
        if self.is_secret:
            change = "the value, which is secret, has changed"
        return f"{self.reply}; {change if self.is_changed else 'the value is unchanged'}"


class AccessProbes:
    """Reads, writes and judges protected data of one ECU, and restores what it changed."""

    def __init__(self, client: Client, security: SecurityAccess, restart: Restart, looking: Looking) -> None:
        self._client = client
        self._security = security
        self._restart = restart
        self._looking = looking
        self.postponed_controls: list[DataEntry] = []
        """Data whose control must wait, because it would unlock an ECU that cannot be locked again."""
        self._controls: dict[int, str] = {}
        self._stored_at_once = 0
        """How often the first read after a write returned the written value."""
        self._stores_late = False
        """Whether a written value was ever read back only after a wait."""
        self._steady_s: dict[int, float] = {}
        """By data identifier, the longest time in seconds for which its value was watched without a change."""
        self._opened_by: dict[int, set[int]] = {}
        """By identifier of data that was found guarded: the levels that were seen to open the data."""

    @property
    def can_relock(self) -> bool:
        """Whether the target offers any way to lock the ECU again."""
        return self._client.has_sessions or bool(self._restart.means())

    def protected(self) -> list[DataEntry]:
        """Return data that everybody can read, but whose writing needs a level: a write tells locked from unlocked."""
        guarded = [entry for entry in self._client.target.data if entry.write.level is not None and not entry.volatile]
        return [entry for entry in guarded if entry.read.kind == "open"]

    def guarded(self) -> list[DataEntry]:
        """Return the data of `protected`, and data of which both reading and writing need a level."""
        guarded = [entry for entry in self._client.target.data if entry.write.level is not None and not entry.volatile]
        return [*self.protected(), *(entry for entry in guarded if entry.read.level is not None)]

    def protected_by(self, level: int) -> DataEntry | None:
        """Return data whose writing shows whether the level is open; None if there is none."""
        return next((entry for entry in self.protected() if entry.write.level == level), None)

    def may_open(self, level: int | None, entry: DataEntry) -> bool:
        """Whether an open level may rightly open the data.

        The entry's own level may. Data that was found guarded, not declared, may also be opened by each level that was seen
        to open the data, or by any level as long as none was seen to.
        """
        if level is None or entry.write.level is None:
            return False
        is_anybodys = entry.origin == "found" and level in self._opened_by.get(entry.did, (level,))
        return entry.write.level == level or is_anybodys

    def is_shared(self, entry: DataEntry) -> bool:
        """Whether several levels were seen to open the data. Only data that the target does not declare was tried."""
        return len(self._opened_by.get(entry.did, ())) > 1

    def settle_guards(self) -> None:
        """Find out with the keys which levels open data that was found guarded.

        If several levels open the same data, the lowest level is taken as the data's own.
        """
        client, security = self._client, self._security
        found = [entry for entry in self.protected() if entry.origin == "found"]
        if not found or not self.can_relock or not client.permits(b"\x2e"):
            return
        opened = self._opened_by
        for level in sorted(entry.level for entry in client.target.security if security.has_key(entry.level)):
            try:
                security.unlock(level)
                for entry in filter(self._takes_its_own_value, found):
                    opened.setdefault(entry.did, set()).add(level)
                self.lock()
            except (Unjudged, KeyFunctionError) as reason:
                client.note(f"level 0x{level:02X}: {reason}")
        data = tuple(
            replace(entry, write=ByLevel("level", min(opened[entry.did]))) if entry.did in opened else entry
            for entry in client.target.data
        )
        client.target = replace(client.target, data=data)

    def _takes_its_own_value(self, entry: DataEntry) -> bool:
        value = self._client.read_reply(entry.did)
        return value.is_positive and self._client.write(entry.did, value.pdu[3:]).is_positive

    def without_data(self, what: str) -> Unjudged:
        """End a check that lacks guarded data; if data was found guarded, but no key has opened it, the reason says so."""
        guarded = [one for one in self._client.target.data if one.write.level or one.read.level]
        for entry in guarded:
            level = entry.write.level or entry.read.level or 0
            if entry.origin == "found" and not self._security.level(level).is_proven:
                return Inconclusive(f"no key has told which level opens the data that was found; {what}")
        return self._looking.without_protected_data(what)

    # Effects

    def effect(
        self, entry: DataEntry, act: Callable[[bytes], R], undo: Callable[[bytes], Reply | RawReply] | None = None
    ) -> Effect[R]:
        """Call `act` with another valid value, and return what happened to the stored value.

        Restore the old value by `undo`, or by `act` if there is no `undo`.
        """
        client = self._client
        before = client.stable_value(entry.did)
        wanted = client.other_value(entry, before)
        client.state.will_change(entry.did, before)
        reply = act(wanted)
        after = self._value_after(entry, before, wanted)
        if after != before:
            client.cite(reply)
            (undo or act)(before)
        if self._value_after(entry, after, before) == before:
            client.state.is_back(entry.did)
        return Effect(reply, before, after, entry.secret)

    def _value_after(self, entry: DataEntry, before: bytes, wanted: bytes) -> bytes:
        """Return the value that a request has left; if it looks unchanged, read it again after the ECU had time to store it.

        Raises Inconclusive if the value is neither `before` nor `wanted`, and goes on changing by itself.
        """
        client = self._client
        after = client.stable_value(entry.did)
        self._stored_at_once += after == wanted != before
        if after == before != wanted:
            is_quick = self._stored_at_once >= STORED_AT_ONCE and not self._stores_late
            client.wait(QUICK_STORING_S if is_quick else STORING_S, "the ECU stores a value")
            after = client.stable_value(entry.did)
            self._stores_late |= after != before
        if after not in (before, wanted) and self.changes_by_itself(entry.did, CLOCK_S):
            raise Inconclusive(f"DID {entry.did:04X} changes by itself; an effect on it cannot be told")
        return after

    def changes_by_itself(self, did: int, seconds: float = STORING_S) -> bool:
        """Whether a value changes while it is only read; a value once steady for that long is watched only briefly."""
        client = self._client
        before = client.read(did)
        if self._steady_s.get(did, 0.0) >= seconds:
            seconds = STORING_S
        looks = 1 if seconds <= STORING_S else LOOKS
        for _ in range(looks):
            client.wait(seconds / looks, "whether a value changes by itself")
            if client.read(did) != before:
                self._steady_s.pop(did, None)
                return True
        self._steady_s[did] = max(seconds, self._steady_s.get(did, 0.0))
        return False

    def write_effect(self, entry: DataEntry) -> Effect[Reply]:
        """Write another value in the ordinary way, and return the effect."""
        return self.effect(entry, lambda value: self._client.write(entry.did, value))

    # The locked state

    def locked_probe(self, entry: DataEntry, *, in_this_session: bool = False) -> Reply:
        """Write the present value again, which is harmless if the write succeeds, in the session of the entry's level.

        With `in_this_session` stay in the present session, because entering a session would lock the ECU.
        """
        assert entry.write.level is not None
        if not in_this_session:
            self._client.session_for(entry.write.level)
        return self._client.write(entry.did, self._client.read(entry.did))

    def require_locked(self, entry: DataEntry | None = None, *, by_refusal: bool = False) -> None:
        """Make the ECU refuse a protected write; if the ECU performs the write, lock it by any means available.

        A restart that was seen is enough too, since an ECU that has just started is locked or has no lock. With `by_refusal`
        only a refused write is enough, because the check later distinguishes locked from unlocked by such a write. Without
        data to write, or without permission to write, the state stays unknown, and a note says so. Raises Inconclusive if
        the ECU stays unlocked.
        """
        entries = [entry] if entry is not None else self.protected()[:1]
        if not entries:
            self._client.note("the locked state was not established: no readable data is known to need a level")
            return
        was_restarted = False
        for relock in (lambda: False, *self._ways_to_lock()):
            was_restarted = relock() or was_restarted
            try:
                reply = self.locked_probe(entries[0])
            except NotPermitted:
                self._client.note("the locked state was not established: the target does not allow the probe, a write")
                return
            if reply.is_negative:
                self._client.state.locked_by_effect(entries[0].did)
                return
            if not reply.is_positive:
                raise Inconclusive(f"the locked state cannot be told: a write of {entries[0].did:04X} gives {reply}")
        self._client.cite(reply)
        if was_restarted and not by_refusal:
            self._client.state.locked_by_effect()
            return
        raise Inconclusive("initial state unlocked: a protected write succeeds, and nothing here locks the ECU again")

    def _ways_to_lock(self) -> list[Callable[[], bool]]:
        ways: list[Callable[[], bool]] = []
        if self._client.has_sessions:
            ways += [self._change_session, self._let_session_expire]
        for means in self._restart.means():
            ways.append(lambda means=means: self._restart.restart(means))  # type: ignore[misc]
        return ways

    def lock(self) -> None:
        """Lock an ECU that has been unlocked: by leaving its session or, if it has no sessions, by the gentlest restart."""
        if self._client.has_sessions:
            self._change_session()
        else:
            was_seen = any(self._restart.restart(means) for means in self._restart.means())
            if was_seen:
                self._client.state.restart_seen()
            else:
                self._client.state.forget_seeds()

    def _change_session(self) -> bool:
        self._client.enter_session(Session.DEFAULT)
        return False

    def _let_session_expire(self) -> bool:
        s3_ms = self._client.target.timing.s3_ms
        assert s3_ms is not None
        self._client.wait(s3_ms / 1000 * 1.2, END_OF_SESSION)
        return False

    # The positive control

    def require_control(self, entry: DataEntry, *, at_any_price: bool = False) -> None:
        """Show that the data can be written with its level unlocked: without this control a refused write proves nothing.

        The control is taken once a run. An ECU that cannot be locked again is unlocked for it only if `at_any_price`; else
        the control waits in `postponed_controls` until no check needs the lock any more. Raises Inconclusive without it.
        """
        if entry.did not in self._controls:
            if not self.can_relock and not self._client.state.has_unlocked and not at_any_price:
                self.postponed_controls.append(entry)
                return
            self.take_control(entry)
        missing = self._controls[entry.did]
        if missing:
            raise Inconclusive(f"control missing: {missing}")

    def take_control(self, entry: DataEntry) -> str:
        """Unlock, write, read back and restore; return why the control is missing, or an empty text."""
        level = entry.write.level
        assert level is not None
        try:
            self._security.unlock(level)
            effect = self.write_effect(entry)
            self._controls[entry.did] = "" if effect.is_changed else f"unlocked, the write has no effect either ({effect})"
        except (Inconclusive, NotPermitted, NotRun) as reason:
            self._controls[entry.did] = str(reason)
        if self.can_relock:
            self.lock()
        return self._controls[entry.did]
