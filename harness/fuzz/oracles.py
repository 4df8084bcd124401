"""Check after every message of a case, whatever was answered, that the ECU is alive and locked, and its values unchanged.

The values are those that the target declares to need a level, or never to be written. A level that is open during the
case, by the case's state or by a precondition, protects no value. The lock is tested in the session of the case, by writing
the present value back; this proves something only if the ECU refused the same write before the case began.
"""

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from harness.errors import Inconclusive
from harness.target import DataEntry
from harness.tester.bus_load import owes_answer
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import write_data
from harness.verdict import Severity

LEAST_CONTROL_S, MOST_CONTROL_S = 10.0, 60.0
LEAST_CONTROL_REQUESTS, MOST_CONTROL_REQUESTS = 100, 200
"""The smallest and largest number of plain requests during which a changed value is watched before a message is blamed."""

MOST_AT_ONCE: Final = 4
"""How many protected values are read after each message, one of each level first; others are read now and then."""

MOST_WATCHED: Final = 64

SELF_HELP_S: Final = 5.0
"""The seconds in which a silent ECU may come back by itself."""

_NEGATIVE: Final = ReplyKind.NEGATIVE
CRASH: Final = "crash"


@dataclass(frozen=True, slots=True)
class Damage:
    """The damage that a message has done to the ECU: a crash, an open lock, or a changed value."""

    what: str
    """``crash``, ``value 2020`` or ``lock 2020``: a name that is equal for all damage of one cause."""
    expected: str
    observed: str
    severity: Severity
    evidence: Reply | RawReply | None = None
    is_death: bool = False
    is_restart: bool = False
    """Whether the ECU fell silent and came back by itself."""
    open_level: int | None = None
    """The level whose data can be written though it was locked; None: no lock is open."""

    @property
    def is_crash(self) -> bool:
        """Whether contact was lost, for good or for a while."""
        return self.is_death or self.is_restart


class ChangedValues:
    """By ECU, the values that a case has changed for good, so that a second run does not take them for its own."""

    def __init__(self) -> None:
        self._values: WeakKeyDictionary[Tester, dict[int, bytes]] = WeakKeyDictionary()

    def on(self, tester: Tester) -> dict[int, bytes]:
        """Return the values on this ECU, by DID, as they were before the case changed them."""
        return self._values.setdefault(tester, {})


class Watch:
    """Watches one ECU for one case. `begin` records the state that must not change."""

    def __init__(
        self,
        tester: Tester,
        unlocked_level: int | None,
        changed_values: dict[int, bytes],
        *,
        steady_values: dict[int, bytes] | None = None,
    ) -> None:
        """Watch one ECU.

        `changed_values` are those that earlier runs of this case have changed on this ECU. `steady_values` were seen to stay
        the same; they are read once instead of three times.
        """
        self._tester = tester
        self._unlocked_level = unlocked_level
        self._changed_values = changed_values
        self._steady_values = {} if steady_values is None else steady_values
        self._begun_s, self._begun_count = tester.link.now_s, tester.exchange_count
        self.is_repeated = False
        """Whether the watch only repeats a failure that a message caused before, so that short examinations suffice."""
        self._values: dict[int, bytes] = {}
        self._guarded: list[DataEntry] = []
        self._now_and_then: list[DataEntry] = []
        """The data that is read only now and then, because nobody may write it, or there is too much of it."""
        self._locked: list[tuple[DataEntry, bytes]] = []
        """Data whose lock is tested, with the request that writes the present value."""

    def begin(self) -> None:
        """Read the values that must not change, and find protected writes refused in the case's state.

        Raises Inconclusive if a value still is what an earlier run of the case has made of it.
        """
        self._values.clear()
        self._begun_s, self._begun_count = self._tester.link.now_s, self._tester.exchange_count
        known = [one for one in self._tester.target.data if one.origin == "declared" or one.write.level is not None]
        readable = [entry for entry in known if entry.read.kind == "open" and not entry.volatile]
        readable.sort(key=lambda entry: ("level", "never", "open").index(entry.write.kind))
        for entry in readable[:MOST_WATCHED]:
            self._remember(entry)
        kept = [entry for entry in readable if entry.did in self._values]
        may_open = self._tester.access.may_open
        opened = {None, *self._tester.target.levels_opened_before}
        guarded = [one for one in kept if one.write.level not in opened and not may_open(self._unlocked_level, one)]
        one_a_level = list({entry.write.level: entry for entry in reversed(guarded)}.values())[::-1]
        guarded.sort(key=lambda entry: entry not in one_a_level)
        self._guarded, others = guarded[:MOST_AT_ONCE], guarded[MOST_AT_ONCE:]
        self._now_and_then = [*others, *(entry for entry in kept if entry.write.kind == "never")]
        probes = [(entry, write_data(entry.did, self._values[entry.did])) for entry in one_a_level]
        self._locked = [(entry, probe) for entry, probe in probes if self._is_refused(entry, probe)]
        self._say_what_is_not_watched(len(readable) - MOST_WATCHED)

    def _remember(self, entry: DataEntry) -> None:
        tester = self._tester
        try:
            value = self._steady_values.get(entry.did)
            if value is None or tester.read(entry.did) != value:
                value = self._steady_values[entry.did] = tester.stable_value(entry.did)
        except Inconclusive as reason:
            tester.note(f"not watched: {reason}")
            return
        if self._changed_values.get(entry.did, value) != value:
            raise Inconclusive(f"DID {entry.did:04X} is still changed, and nothing puts it back")
        self._values[entry.did] = value
        if entry.write.kind != "never":
            tester.state.will_change(entry.did, value)  # whatever the messages do, it is put back

    def _is_refused(self, entry: DataEntry, probe: bytes) -> bool:
        if not self._tester.allows("write"):
            return False
        reply = self._tester.request(probe)
        if not reply.is_negative:
            self._tester.note(f"the lock of DID {entry.did:04X} was not watched: without any message a write gives {reply}")
        return reply.is_negative

    def _say_what_is_not_watched(self, too_many: int) -> None:
        if too_many > 0:
            self._tester.note(f"{too_many} values were neither watched nor would be put back: {MOST_WATCHED} are enough")
        if not self._guarded and not self._now_and_then:
            self._tester.note("no protected values were watched: the target declares none that can be read")
        elif not self._tester.allows("write"):
            self._tester.note("the lock state was not watched: the target does not allow the probe, a write")

    # After a message

    def check(self, *, is_thorough: bool) -> Damage | None:
        """Return what is wrong now. All values, not just the first few, are read only if `is_thorough`."""
        for entry in [*self._guarded, *self._now_and_then] if is_thorough else self._guarded:
            damage = self._check_value(entry)
            if damage is not None:
                return damage
        damage = self.check_lock()
        return damage if damage is not None or self._guarded else self.check_life()

    @property
    def locked_levels(self) -> set[int]:
        """The levels whose data refused a write when the watch began."""
        return {entry.write.level for entry, _ in self._locked if entry.write.level is not None}

    def check_lock(self) -> Damage | None:
        """Return the damage if data that was locked can be written; else None."""
        for entry, probe in self._locked:
            reply = self._tester.request(probe)
            if reply.kind is not _NEGATIVE and (damage := self._damage_to_lock(entry, reply)) is not None:
                return damage
        return None

    def check_life(self) -> Damage | None:
        """Return the damage if the ECU is silent, or was silent for a while; else None."""
        tester = self._tester
        if tester.is_alive() or (owes_answer(tester) and tester.await_life(tester.target.timing.p2_star_ms / 1000)):
            return None
        if self.is_repeated:
            return Damage(CRASH, "the ECU answers", "it does not answer", Severity.HIGH, is_death=True)
        silent_since_s = tester.link.now_s
        while tester.link.now_s < silent_since_s + SELF_HELP_S:
            if tester.is_alive():
                silent_s = tester.link.now_s - silent_since_s
                observed = f"it fell silent, and was back within {silent_s:.1f} s: it has restarted"
                return Damage(CRASH, "the ECU answers without interruption", observed, Severity.HIGH, is_restart=True)
        observed = f"it has not answered for {SELF_HELP_S:g} s"
        return Damage(CRASH, "the ECU answers", observed, Severity.HIGH, tester.state.unanswered, is_death=True)

    def _check_value(self, entry: DataEntry) -> Damage | None:
        tester = self._tester
        before = self._values[entry.did]
        reply = tester.read_reply(entry.did)
        if reply.kind is ReplyKind.SILENCE:
            return self.check_life()
        if not reply.is_positive or reply.pdu[3:] == before:
            return None
        try:
            after = self._settled(entry)
        except Inconclusive as reason:
            self._guarded = [other for other in self._guarded if other is not entry]
            self._now_and_then = [other for other in self._now_and_then if other is not entry]
            tester.state.is_back(entry.did)
            tester.note(f"not watched any more: {reason}")
            return None
        if after == before:
            return None
        self._changed_values[entry.did] = before
        change = "its content, which is secret, has changed"
        if not entry.secret:
            change = f"it went from {before.hex(' ').upper()} to {after.hex(' ').upper()}"
        return Damage(f"value {entry.did:04X}", f"DID {entry.did:04X} unchanged", change, Severity.CRITICAL, reply)

    def _settled(self, entry: DataEntry) -> bytes:
        """Watch a changed value for as long, and as many requests, as before its change; return the value if it stays.

        Raises Inconclusive if the value changes by itself.
        """
        tester = self._tester
        after = tester.stable_value(entry.did)
        count = max(tester.exchange_count - self._begun_count, 0 if self.is_repeated else LEAST_CONTROL_REQUESTS)
        for _ in range(min(count, MOST_CONTROL_REQUESTS)):
            tester.request(tester.liveness_request)
        control_s = min(max(tester.link.now_s - self._begun_s, LEAST_CONTROL_S), MOST_CONTROL_S)
        tester.wait(control_s, "whether a value changes by itself")
        if tester.stable_value(entry.did) != after:
            raise Inconclusive(f"DID {entry.did:04X} changes by itself; an effect on it cannot be told")
        return after

    def _damage_to_lock(self, entry: DataEntry, probe: Reply) -> Damage | None:
        """Test the lock by effect: a write that is answered positively but changes nothing does not show an open level."""
        tester = self._tester
        if probe.kind is ReplyKind.SILENCE:
            return self.check_life()
        if not probe.is_positive:
            return None
        effect = tester.access.write_effect(entry)
        if not effect.is_changed:
            tester.cite(probe)
            raise Inconclusive(f"a protected write is answered positively all of a sudden, but changes nothing: {effect}")
        expected = f"DID {entry.did:04X} locked as before"
        what = f"lock {entry.did:04X}"
        observed = f"a write of it is effective ({effect})"
        return Damage(what, expected, observed, Severity.CRITICAL, probe, open_level=entry.write.level)
