"""Look for what the target does not declare, by requests that cannot act, and end checks that have no subject."""

from collections.abc import Iterator

from harness.errors import Inconclusive, NotApplicable, Unjudged
from harness.tester.client import Client
from harness.tester.presence import (
    RESERVED_LEVEL,
    UNASSIGNED_SERVICE,
    UNLIKELY_DID,
    Knowledge,
    PresenceState,
    is_long_enough,
)
from harness.tester.reply import Reply
from harness.uds import Nrc, Service, Session

LEVELS = tuple(range(0x01, 0x7F, 2))
MOST_SILENCES = 4
"""How many unanswered requests in a row end a search for levels or guarded reads in one session."""

USUAL_DIDS = (*range(0xF180, 0xF1A0), *range(0x0100, 0x0104), *range(0x0200, 0x0204), 0x0000, 0x1000, 0x2000, 0xFD00)
"""Identifiers that most ECUs have; an ECU that guards reads most likely guards some of them."""

CANNOT_ACT: dict[int, bytes] = {
    Service.DIAGNOSTIC_SESSION_CONTROL: b"\x10\x01",
    Service.ECU_RESET: b"\x11\x7e",
    Service.CLEAR_DIAGNOSTIC_INFORMATION: b"\x14\xff",
    Service.READ_DTC_INFORMATION: b"\x19\x02\xff",
    Service.READ_DATA_BY_IDENTIFIER: b"\x22\xf1\x90",
    Service.READ_MEMORY_BY_ADDRESS: b"\x23\x14\x00\x00\x00\x00\x01",
    Service.READ_SCALING_DATA_BY_IDENTIFIER: b"\x24\xf1\x90",
    Service.SECURITY_ACCESS: bytes((Service.SECURITY_ACCESS, RESERVED_LEVEL)),
    Service.COMMUNICATION_CONTROL: b"\x28\x7e",
    Service.AUTHENTICATION: b"\x29\x08",
    Service.READ_DATA_BY_PERIODIC_IDENTIFIER: b"\x2a\x04",
    Service.DYNAMICALLY_DEFINE_DATA_IDENTIFIER: b"\x2c\x7e",
    Service.WRITE_DATA_BY_IDENTIFIER: b"\x2e\xf1\x90",
    Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER: b"\x2f\xf1\x90",
    Service.ROUTINE_CONTROL: b"\x31\x03\xff\x01",
    Service.REQUEST_DOWNLOAD: b"\x34\x00",
    Service.REQUEST_UPLOAD: b"\x35\x00",
    Service.TRANSFER_DATA: b"\x36\x01",
    Service.REQUEST_TRANSFER_EXIT: b"\x37\x00",
    Service.WRITE_MEMORY_BY_ADDRESS: b"\x3d\x14",
    Service.TESTER_PRESENT: b"\x3e\x00",
    Service.CONTROL_DTC_SETTING: b"\x85\x7e",
    Service.RESPONSE_ON_EVENT: b"\x86\x7e",
    Service.LINK_CONTROL: b"\x87\x7e",
}
"""By service, a request that cannot act: it only reads, names what is reserved, or is incomplete; else 2 bytes are sent."""


class Looking:
    """Sends requests to learn what `Presence` does not know yet, once a run, in every session that can be entered."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._looked_for: set[object] = set()

    # What the ECU has

    def service(self, service: int) -> Knowledge:
        """Return whether the ECU has a service; once a run request it in each session until a frame shows it."""
        request = CANNOT_ACT.get(service, bytes((service, 0x00)))
        if self._is_new(service) and self._client.permits(request):
            for _ in self._each_session():
                self._ask(request)
                if self._client.state.presence.service(service).is_there:
                    break
            self._return()
        return self._client.state.presence.service(service)

    def security_access(self) -> Knowledge:
        """Return whether and where the ECU has service 27; once a run request a seed of every level in every session."""
        if self._is_new("levels"):
            for _ in self._each_session():
                self._ask_levels()
                self._ask_usual_sessions()
            self._return()
        return self._client.state.presence.security_access()

    def sessions(self) -> Knowledge:
        """Return whether the ECU has sessions besides the default one; request the usual ones once a run."""
        client = self._client
        if self._is_new("sessions"):
            for session in Session:
                request = bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session))
                if client.permits(request) and client.request(request).is_positive:
                    client.await_life()
            self._return()
        known = {session: client.state.presence.session(session) for session in Session}
        there = [known[session] for session in Session if session != Session.DEFAULT and known[session].is_there]
        service = client.state.presence.service(Service.DIAGNOSTIC_SESSION_CONTROL)
        if there:
            return there[0]
        if service.is_absent or all(known[session].is_absent for session in (Session.PROGRAMMING, Session.EXTENDED)):
            why = service.why if service.is_absent else "; ".join(one.why for one in known.values() if one.is_absent)
            return Knowledge(PresenceState.ABSENT, why)
        return Knowledge(PresenceState.NOT_KNOWN, known[Session.EXTENDED].why)

    # How a check without its subject ends

    def without_level(self) -> Unjudged:
        """Return the verdict of a check without a declared level: not applicable if SecurityAccess was seen to be absent."""
        known = self.security_access()
        if known.is_absent:
            return NotApplicable(known.why)
        levels = self._client.state.presence.levels()
        if levels:
            shown = "; ".join(level.why for level in list(levels.values())[:4])
            return Inconclusive(f"the target declares no security level, but {shown}")
        return Inconclusive(f"the target declares no security level; {known.why}")

    def without_another_level(self, level: int) -> Unjudged:
        """Return the verdict of a check that needs a second level: not applicable if every other level is absent."""
        self.security_access()
        presence = self._client.state.presence
        what = f"the target declares no level besides 0x{level:02X}"
        others = {other: presence.level(other) for other in LEVELS if other != level}
        there = [known.why for known in others.values() if known.is_there]
        if there:
            return Inconclusive(f"{what}, but {'; '.join(there[:4])}")
        if all(known.is_absent for known in others.values()):
            return NotApplicable(f"{what}, and every other one is refused as unknown in {self._where()}")
        unclear = next(known.why for known in others.values() if not known.is_absent)
        return Inconclusive(f"{what}; {unclear}")

    def without_service(self, service: int, what: str = "") -> Unjudged:
        """Return the verdict of a check that found nothing of a service to judge: not applicable if it is missing."""
        known = self.service(service)
        before = f"{what}; " if what else ""
        return (NotApplicable if known.is_absent else Inconclusive)(f"{before}{known.why}")

    def without_sessions(self) -> Unjudged:
        """Return the verdict of a check on a target without sessions (no s3_ms): not applicable unless a frame shows one."""
        known = self.sessions()
        none = "no session besides the default one" if self._client.has_sessions else "no sessions (no timing.s3_ms)"
        if known.is_there:
            return Inconclusive(f"the target declares {none}, but {known.why}")
        return NotApplicable(f"the target declares {none}; {known.why}")

    def without_session(self, session: int) -> Unjudged:
        """Return the verdict of a check whose session is not declared: not applicable if it was seen to be absent."""
        request = bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session))
        if self._is_new(request) and self._client.permits(request):
            for _ in self._each_session():
                self._ask(request)
            self._return()
        service = self.service(Service.DIAGNOSTIC_SESSION_CONTROL)
        known = service if service.is_absent else self._client.state.presence.session(session)
        return NotApplicable(known.why) if known.is_absent else Inconclusive(f"it is not declared; {known.why}")

    def without_this_level(self, level: int) -> Unjudged:
        """Return the verdict of a check whose level is not declared: not applicable if the level was seen to be absent."""
        service = self.security_access()
        known = self._client.state.presence.level(level)
        if service.is_absent or known.is_absent:
            return NotApplicable(service.why if service.is_absent else known.why)
        return Inconclusive(f"it is not declared; {known.why}")

    def without_restart(self) -> Unjudged:
        """Return the verdict of a check for a target without a restart: not applicable if the ECU lacks ECUReset, too."""
        return self.without_service(Service.ECU_RESET, "the target declares no way to restart the ECU, see [reset]")

    def without_guarded_reads(self, what: str) -> Unjudged:
        """Return the verdict of a check without a guarded read: not applicable if usual identifiers were seen to be open."""
        known = self.security_access()
        reads = self.service(Service.READ_DATA_BY_IDENTIFIER)
        absent = next((one for one in (known, reads) if one.is_absent), None)
        if absent is not None:
            return NotApplicable(f"{what}; {absent.why}")
        refused, unclear = self._guarded_reads()
        if refused:
            return Inconclusive(f"{what}, but {refused}")
        if unclear:
            return Inconclusive(f"{what}; {unclear}")
        usual = f"none of {len(USUAL_DIDS)} usual identifiers was refused with 0x33 in {self._where()}"
        return NotApplicable(f"{what}, and {usual}")

    def without_protected_data(self, what: str) -> Unjudged:
        """Return the verdict of a check without guarded data: not applicable if no service exists that could guard any."""
        known = self.security_access()
        if known.is_absent:
            return NotApplicable(f"{what}; {known.why}")
        writes = self.service(Service.WRITE_DATA_BY_IDENTIFIER)
        return NotApplicable(f"{what}; {writes.why}") if writes.is_absent else Inconclusive(f"{what}; {writes.why}")

    # Asking

    def long_enough(self, reply: Reply) -> Reply | None:
        """Return the reply or, if its request was too short to be served, the reply to a longer request that cannot act.

        None if the target does not allow the longer request.
        """
        service = reply.request[0]
        request = CANNOT_ACT.get(service, bytes((service, 0x00)))
        if is_long_enough(reply.request):
            return reply
        return self._ask(request) if is_long_enough(request) else reply

    def _guarded_reads(self) -> tuple[str, str]:
        """Return what shows that usual identifiers are guarded, and why that is unknown; two empty texts if open."""
        client = self._client
        if self._is_new("guarded reads"):
            for _ in self._each_session():
                silent = 0
                for did in (UNLIKELY_DID, *USUAL_DIDS):
                    silent = silent + 1 if client.read_reply(did).is_silence else 0
                    if silent == MOST_SILENCES:
                        break
            self._return()
        known = [client.state.presence.data(did) for did in USUAL_DIDS]
        guarded = [did for did in USUAL_DIDS if client.state.presence.is_guarded(did)]
        unclear = [one.why for one in known if one.standing is PresenceState.NOT_KNOWN]
        refused = f"DID {', '.join(f'{did:04X}' for did in guarded[:4])} is refused with 0x33 or 0x34" if guarded else ""
        return refused, unclear[0] if unclear else ""

    def _is_new(self, subject: object) -> bool:
        is_new = subject not in self._looked_for
        self._looked_for.add(subject)
        return is_new

    def _each_session(self) -> Iterator[int]:
        """Enter each session that can be entered, request a service there that no ECU has, and yield the session."""
        client = self._client
        for session in client.sessions() or [int(Session.DEFAULT)]:
            if client.has_sessions:
                client.enter_session(Session.DEFAULT)
                if session != Session.DEFAULT and not client.enter_session(session).is_positive:
                    continue
                client.await_life()
            self._ask(bytes((UNASSIGNED_SERVICE, 0x00)))
            yield session

    def _ask(self, request: bytes) -> Reply | None:
        return self._client.request(request) if self._client.permits(request) else None

    def _ask_usual_sessions(self) -> None:
        """From the present session request usual sessions that nobody declared, and levels in the first that is entered."""
        client = self._client
        for session in Session:
            if client.has_sessions and session not in client.sessions():
                reply = self._ask(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session)))
                if reply is not None and reply.is_positive:
                    client.await_life()
                    self._ask_levels()
                    return  # the others are requested from elsewhere, if at all

    def _ask_levels(self) -> None:
        silent = refused = 0
        for level in (RESERVED_LEVEL, *LEVELS):
            reply = self._client.request(bytes((Service.SECURITY_ACCESS, level)))
            silent = silent + 1 if reply.is_silence else 0
            says_none = reply.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED, Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION)
            refused = refused + 1 if says_none else 0
            if silent == MOST_SILENCES or refused == MOST_SILENCES:
                break

    def _where(self) -> str:
        entered = ", ".join(f"0x{session:02X}" for session in self._client.state.presence.entered())
        refused = self._client.state.presence.refused_sessions()
        others = "".join(f"; 10 {session:02X} is refused with 0x{code:02X}" for session, code in sorted(refused.items()))
        return f"session {entered}{others}"

    def _return(self) -> None:
        if self._client.has_sessions:
            self._client.enter_session(Session.DEFAULT)
