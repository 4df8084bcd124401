"""Give a check everything it may do to an ECU, and bring the ECU back to a known state between two checks."""

from collections.abc import Collection, Mapping

from harness.errors import ContactLost, Inconclusive, KeyFunctionError, NotPermitted, Unjudged
from harness.link.bus import Link
from harness.link.clock import Chance
from harness.target import Target
from harness.tester.access import AccessProbes
from harness.tester.client import Client
from harness.tester.crashes import Crashes
from harness.tester.dialects import STANDARD_SESSION, Dialect, recognised
from harness.tester.guesses import Guesses
from harness.tester.keys import KeyFunction
from harness.tester.ledger import Ledger
from harness.tester.looking import Looking
from harness.tester.other_address import OtherAddress, other_addresses
from harness.tester.restart import Means, Restart
from harness.tester.security import SecurityAccess
from harness.uds import Session


class Tester(Client):
    """A client of UDS that adds SecurityAccess, protected data and restarts to `Client`."""

    __test__ = False
    """False, to tell pytest that this class contains no tests, although checks import it."""

    def __init__(
        self, link: Link, target: Target, *, chance: Chance, keys: Mapping[int, KeyFunction | None], ledger: Ledger
    ) -> None:
        super().__init__(link, target, chance=chance)
        self.security = SecurityAccess(self, keys, ledger)
        self.guesses = Guesses(self, self.security)
        self.restart = Restart(self)
        self.looking = Looking(self)
        self.access = AccessProbes(self, self.security, self.restart, self.looking)
        self._is_recognised = target.dialect is not None
        self.revived_by: Means | None = None
        """What brought the ECU back when it was last dead."""
        self.crashes = Crashes(self, self.security, self.access)
        self.crashes.revive = self.restore
        self.security.right_key_must_come_first = self.access.can_relock
        self.security.lock = self.access.lock

    def other_addresses(self) -> list[OtherAddress]:
        """Return the addresses other than ours at which the ECU may accept requests, whether or not it does."""
        return list(other_addresses(self, self.security))

    def prove_keys(self) -> None:
        """Open each level once with its known key, before any wrong key is sent, if the ECU can be locked again."""
        if not self.access.can_relock:
            return
        for entry in self.target.security:
            state = self.security.level(entry.level)
            if self.security.has_key(entry.level) and not state.is_proven and not state.suspect:
                try:
                    self.security.unlock(entry.level)
                except Unjudged as reason:
                    self.note(f"level 0x{entry.level:02X}: {reason}")

    def restore(self, *, for_level: int | None = None) -> None:
        """Bring the ECU to a known state: alive, default session, locked, no seed pending, counters clear, values put back.

        The ECU is restarted only if it died, was unlocked, or a check has touched its security state. With `for_level` the
        counters and delays of another level are left as they are, if the ECU was seen to open `for_level` during that
        level's delay. Raises ContactLost if the ECU does not come back.
        """
        if not self.is_alive() and not self._revive():
            can = self.target.can
            raise ContactLost(
                f"the ECU {'no longer answers' if self.has_answered else 'does not answer'} "
                f"(0x{can.request_id:X} -> 0x{can.response_id:X}){self._cause_of_death()}"
            )
        self.recognise()
        if for_level is not None:
            self._look_for_delays(for_level)
        self.try_others_during_delays()
        levels = self._levels_in_the_way(for_level)
        self._wait_out_delays(levels)
        self._put_back()
        if self.access.can_relock:
            self._clear_counters(levels)
            if self.state.is_touched or self.state.has_unlocked:
                self._restart_quietly()
        if self.has_sessions:
            self.enter_session(Session.DEFAULT)
        self.state.restored()

    def speak(self, dialect: Dialect | None) -> None:
        """Use a dialect from now on, without finding out whether the ECU speaks it; None stands for UDS."""
        self.dialect, self._is_recognised = dialect, True

    def recognise(self, *, is_unknown: bool = False) -> None:
        """Find out once which dialect the ECU speaks, if the target does not say so, by requests that only read.

        An ECU that accepts UDS's TesterPresent is taken to speak UDS, unless a session above 7F is declared or nothing is
        known of the ECU (`is_unknown`).
        """
        if self._is_recognised:
            return
        self._is_recognised = True
        is_usual = not is_unknown and self.request(b"\x3e\x00").is_positive
        if not is_usual or any(entry.id >= STANDARD_SESSION for entry in self.target.sessions):
            self.dialect = recognised(self)

    def serves_beside(self, level: int, delayed: Collection[int]) -> bool:
        """Whether the ECU opens the level while each `delayed` level is in its delay; pairs not tried yet are tried now."""
        self.try_others_during_delays()
        return all(self.state.serves_during_delay(of, level) for of in delayed)

    def _levels_in_the_way(self, for_level: int | None) -> list[int]:
        levels = [entry.level for entry in self.target.security]
        if for_level is None:
            return levels
        return [one for one in levels if one == for_level or not self.state.serves_during_delay(one, for_level)]

    def _look_for_delays(self, for_level: int) -> None:
        """Request a seed of each other level that may be in a delay, to learn whether its delay is running."""
        for level in [entry.level for entry in self.target.security if entry.level != for_level]:
            state = self.security.level(level)
            is_known = self.state.serves_during_delay(level, for_level) is not None
            if not is_known and state.is_proven and state.wrong_in_a_row and not state.is_delayed:
                self._gives_seed_at_once(level)

    def _wait_out_delays(self, levels: Collection[int]) -> None:
        for level in [level for level in levels if self.security.level(level).is_delayed]:
            try:
                self.session_for(level)
                self.security.seed(level)
            except Unjudged as reason:
                self.note(f"level 0x{level:02X} was left in its delay: {reason}")

    def try_others_during_delays(self) -> None:
        """For each level in its delay try once whether each other level can be opened meanwhile.

        Checks of another level that can be opened need not wait for the delay.
        """
        levels = [entry.level for entry in self.target.security] if self.access.can_relock else []
        at_rest = [one for one in levels if self._may_be_opened(one)]
        for level in [level for level in levels if self.security.level(level).is_delayed]:
            for other in [other for other in at_rest if other != level]:
                is_known = self.state.serves_during_delay(level, other) is not None
                if not is_known and self.security.delay_left_s(level):
                    self._try_during_delay(level, other)

    def _may_be_opened(self, level: int) -> bool:
        """Whether nothing that is known prevents the level's right key from opening it."""
        state = self.security.level(level)
        return state.is_proven and not state.is_delayed and not state.wrong_in_a_row

    def _try_during_delay(self, level: int, other: int) -> None:
        was_opened = False
        try:
            self.session_for(other)
            seed = self.security.request_seed(other)
            if seed.is_seed:
                key = self.security.right_key(other, seed.pdu[2:])
                was_opened = self.security.send_key(other, key).is_positive
                self.access.lock()
                self.session_for(level)
                if was_opened and self.security.request_seed(level).is_positive:
                    return  # the delay is over, perhaps since before
        except (Unjudged, NotPermitted, KeyFunctionError):
            was_opened = False
        self.state.tried_during_delay(level, other, was_opened=was_opened)

    def _cause_of_death(self) -> str:
        faults = self.link.faults()
        return f": {faults[-1].node} {faults[-1].reason}" if faults else ""

    def _revive(self) -> bool:
        for means in (Means.POWER, Means.COMMAND):
            if means in self.restart.means():
                self.restart.restart(means)
                if self.is_alive():
                    self.revived_by = means
                    return True
        return False

    def _restart_quietly(self) -> None:
        means = self.restart.means()
        if means and self.restart.restart(means[-1]):
            self.state.locked_by_effect()
            self.state.restart_seen()

    def _clear_counters(self, levels: Collection[int]) -> None:
        """Open these levels if they were sent wrong keys; open other such levels if they give a seed at once."""
        for level in [entry.level for entry in self.target.security]:
            state = self.security.level(level)
            if not state.wrong_in_a_row or not state.is_proven:
                continue
            try:
                if level in levels or self._gives_seed_at_once(level):
                    self.security.unlock(level)
            except (Unjudged, NotPermitted, KeyFunctionError) as reason:
                self.note(f"level 0x{level:02X} was left with failed attempts: {reason}")

    def _gives_seed_at_once(self, level: int) -> bool:
        self.session_for(level)
        return self.security.request_seed(level).is_seed

    def _put_back(self) -> None:
        for did, value in list(self.state.changed.items()):
            entry = self.target.did(did)
            level = entry.write.level if entry is not None else None
            try:
                if not self._is_put_back(did, value):
                    if level is None or not (self.access.can_relock or self.state.has_unlocked):
                        raise Inconclusive("the ECU does not take it back")
                    self.security.unlock(level)
                    if not self._is_put_back(did, value):
                        raise Inconclusive("the ECU does not take it back")
            except (Unjudged, NotPermitted, KeyFunctionError) as reason:
                shown = "(secret)" if entry is not None and entry.secret else value.hex(" ").upper()
                self.note(f"DID {did:04X} could not be put back to {shown}: {reason}")
            else:
                self.state.is_back(did)

    def _is_put_back(self, did: int, value: bytes) -> bool:
        if self.read(did) == value:
            return True
        self.write(did, value)
        return self.read(did) == value
