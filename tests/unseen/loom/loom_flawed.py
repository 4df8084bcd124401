"""Looms with one flaw: in a session, in the delay, in what outlasts a lock, or in a request without its guard."""

from tests.unseen.loom.loom import FACTORY, LEVEL, SEED_BYTES, but
from tests.unseen.loom.loom import key as key
from tests.unseen.loom.loom_services import FullLoom

# Keys, counter, delay.


class SameKeyTwiceOpens(FullLoom):
    """A key that is sent twice in a row is accepted, as if it repeated a right one."""

    last = b""

    def is_right(self, seed, sent):
        was_last, self.last = sent == self.last, sent
        return was_last or super().is_right(seed, sent)


class OneByteOffOpensAfterRight(FullLoom):
    """The buffer of the last right key is not cleared, and a short comparison leaves that key's first byte there."""

    has_opened = False

    def is_right(self, seed, sent):
        right = key(seed, LEVEL)
        is_right = sent == right or (self.has_opened and sent[1:] == right[1:])
        self.has_opened = self.has_opened or is_right
        return is_right


class UncountedInFactory(FullLoom):
    """Wrong keys in session 60, the factory's, are not counted."""

    def count(self, sent):
        if self.session != FACTORY:
            super().count(sent)


class UncountedWhilePending(FullLoom):
    """While a routine is running, 27 is served by another copy of the code, which counts no wrong keys."""

    is_meanwhile = False

    def meanwhile(self, pdu):
        if pdu[0] != 0x27:
            return super().meanwhile(pdu)
        self.is_meanwhile = True
        said = self.serve(pdu)
        self.is_meanwhile = False
        return said

    def count(self, sent):
        if not self.is_meanwhile:
            super().count(sent)


class PowerCutEndsDelay(FullLoom):
    """The delay is kept in RAM only, and the counter was cleared when the delay began."""

    def restore_delay(self, cause):
        if cause == "power" and self.wrong_keys >= self.limit:
            self.wrong_keys = 0
        super().restore_delay(cause)


class TesterPresentShortensDelay(FullLoom):
    """Each TesterPresent shortens the delay by a second."""

    def tester_present(self, pdu):
        self.delayed_until_s -= 1.0
        return super().tester_present(pdu)


class ZeroSeedAfterDelay(FullLoom):
    """The first seed after a delay is zero, since it was cleared when the delay began."""

    was_punished = False

    def punish(self):
        super().punish()
        self.was_punished = True

    def make_seed(self):
        was_punished, self.was_punished = self.was_punished, False
        return bytes(SEED_BYTES) if was_punished else super().make_seed()


class FactoryRepeatsSeed(FullLoom):
    """Session 60 gives the seed that session 03 gave last, used or not."""

    made = b""

    def make_seed(self):
        if self.session != FACTORY or not self.made:
            self.made = super().make_seed()
        return self.made


class LimitAloneInSuppressed(FullLoom):
    """The delay starts only when the answer 0x36 is sent; a key with the suppress bit gets no answer, and starts no
    delay.
    """

    def send_key(self, pdu):
        self.is_quiet = bool(pdu[1] & 0x80)
        return super().send_key(pdu)

    def punish(self):
        if not self.is_quiet:
            super().punish()


# Locks.


class UnlockSurvivesTimeoutInFactory(FullLoom):
    """When session 60 times out, only the session's number changes; the level stays open."""

    def run_out(self):
        if self.session == FACTORY:
            self.session = 0x01
        else:
            super().run_out()


class FunctionalChangeDoesNotLock(FullLoom):
    """A change of session by the functional id does not lock."""

    def change(self, session):
        kept = self.is_open and self.is_functional
        super().change(session)
        self.is_open = kept

    def run_out(self):
        self.is_functional = False
        super().run_out()


class DownloadGoesOnAfterLock(FullLoom):
    """34 has a guard, but a download that has begun goes on after a lock."""

    def lock(self):
        kept = getattr(self, "transfer", None)
        super().lock()
        self.transfer = kept


class NoTimeoutAfterPending(FullLoom):
    """The session's timer is stopped during a request that takes long, and never started again."""

    is_stopped = False

    def complete(self, job, pdu, is_functional):
        super().complete(job, pdu, is_functional)
        self.is_stopped = True

    def change(self, session):
        self.is_stopped = False
        super().change(session)

    def hear(self):
        if self.is_stopped:
            self.heard_s = self.port.now_s
        super().hear()


class WritesPassWhilePending(FullLoom):
    """While a routine is running, writes have no guard."""

    def meanwhile(self, pdu):
        if pdu[0] != 0x2E or len(pdu) < 4:
            return super().meanwhile(pdu)
        was_open, self.is_open = self.is_open, True
        said = self.write(pdu)
        self.is_open = was_open
        return said


# Guards.


class FunctionalOutputUnguarded(FullLoom):
    """2F by the functional id has no guard."""

    def may_control(self, option):
        return self.is_functional or super().may_control(option)


FreezingUnguarded = but(FullLoom, may_control=lambda ecu, option: option == 2 or FullLoom.may_control(ecu, option))
"""2F 02 (freeze) has no guard."""


class FastPeriodicUnguarded(FullLoom):
    """2A checks the guard only for slow and medium rates."""

    def may_read_periodically(self, mode, numbers):
        return mode == 3 or super().may_read_periodically(mode, numbers)


class UploadInFactoryUnguarded(FullLoom):
    """35 needs no level in session 60."""

    def may_transfer(self, pdu):
        return (pdu[0] == 0x35 and self.session == FACTORY) or super().may_transfer(pdu)


ReadingFilesUnguarded = but(FullLoom, may_transfer_file=lambda ecu, mode: mode == 4 or FullLoom.may_transfer_file(ecu, mode))
"""38 guards changes of files, but not reading and listing them."""


class TransitionUnguarded(FullLoom):
    """87 03 is carried out at once, without the level and without the step before."""

    def may_control_link(self, kind):
        self.has_verified_baud = self.has_verified_baud or kind == 3
        return kind == 3 or super().may_control_link(kind)


class StopUnguarded(FullLoom):
    """31 02 for the guarded routine is answered positively to everybody."""

    def may_run(self, pdu, rid):
        if pdu[1] & 0x7F == 2:
            self.running.add(rid)
            return True
        return super().may_run(pdu, rid)
