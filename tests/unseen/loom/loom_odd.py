"""Sound looms that are odd where the standard leaves room."""

from tests.unseen.loom.loom import CONDITIONS, DEFAULT, LEVEL, but
from tests.unseen.loom.loom import key as key
from tests.unseen.loom.loom_services import FullLoom


class SessionsRefusedAtFirst(FullLoom):
    """For 1.5 s after a start every session but the default one is refused with 0x22."""

    def refuse_session(self, wanted):
        return CONDITIONS if wanted != DEFAULT and self.port.now_s < self.ready_s + 1.5 else None


class SpeaksAfterStart(FullLoom):
    """At a start, before it can be sent a request, the ECU sends a message on its response id."""

    boot_s = 1.2

    def start(self, cause):
        super().start(cause)
        self.port.call_later(0.1, lambda: self.put(b"\x03\xc1\x57\x8f"))


class SlowSecurity(FullLoom):
    """Seeds, keys and writes take 2.3 s, after 0x78."""

    def work_s(self, pdu):
        is_open_to_it = self.session in self.guarded_sessions
        is_slow = (pdu[0] == 0x27 and is_open_to_it) or pdu[0] == 0x2E
        return 2.3 if is_slow else super().work_s(pdu)


OneTryAfterDelay = but(FullLoom, after_delay=lambda ecu: ecu.limit - 1)
"""The end of a delay permits one wrong key only: from then on each starts a delay, until a right key."""


class LoadsCountersFirst(FullLoom):
    """For two seconds after a start, SecurityAccess is refused with 0x22, since the counter is not read yet."""

    def security_access(self, pdu):
        said = None if pdu[1] & 0x7F in (LEVEL, LEVEL + 1) else super().security_access(pdu)
        if said is not None:
            return said
        if self.port.now_s < self.ready_s + 2.0:
            self.seed = b""
            return CONDITIONS
        return super().security_access(pdu)


TenTries = but(FullLoom, limit=10, delay_s=60.0)
"""Ten wrong keys are followed by a delay of a minute."""


class SlowAnswers(FullLoom):
    """An answer takes 90 ms; the answer to a session request states a P2 of 150 ms."""

    latency_s = 0.09

    def session_control(self, pdu):
        said = super().session_control(pdu)
        return said[:2] + b"\x00\x96\x01\xf4" if isinstance(said, bytes) else said

    def timing(self, pdu):
        said = super().timing(pdu)
        return said[:2] + b"\x00\x96\x01\xf4" if isinstance(said, bytes) and len(said) > 2 else said


PatientSessions = but(FullLoom, s3_s=12.0)
"""A session lasts twelve seconds after the last request."""

SlowStart = but(FullLoom, boot_s=3.0)
"""Each start takes three seconds, in which the ECU is silent."""


class FactoryOnly(FullLoom):
    """SecurityAccess exists in session 60 only, and 60 is reached through 03 and 41."""

    guarded_sessions = (0x60,)

    def refuse_session(self, wanted):
        return 0x7E if wanted == 0x60 and self.session not in (0x41, 0x60) else None
