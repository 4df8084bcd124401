"""Tell from an ECU's answers in which session the ECU is."""

from dataclasses import dataclass

from harness import Nrc, Reply, Tester, inconclusive, not_applicable, uds

DEFAULT, PROGRAMMING = 0x01, 0x02
LOST_AFTER = 1.25
"""A multiple of S3 after which a session without requests has ended."""

PRESENT, SILENT_PRESENT = uds.keep_session(), b"\x3e\x80"
MOST_ASKED = 32
UNKNOWN_SERVICE = b"\x15"
"""A request for a service that no edition of the standard assigns, so that the ECU refuses it."""

LOOKS, LOOK_AGAIN_S = 5, 0.5
"""How often, and at which interval in seconds, the ECU is asked, since it may refuse requests just after its start."""


@dataclass(frozen=True)
class SafeRequest:
    """A request that changes nothing, sent to the ECU's own id or to the functional id."""

    pdu: bytes
    is_functional: bool = False

    def ask(self, tester: Tester) -> Reply:
        """Send the request, and return the reply."""
        return tester.request(self.pdu, is_functional=self.is_functional)

    def __str__(self) -> str:
        return f"{self.pdu.hex(' ').upper()}{' to the functional id' if self.is_functional else ''}"


@dataclass(frozen=True)
class SessionProbe:
    """A request that changes nothing, and that the ECU answers differently in `session` and in the default session."""

    session: int
    request: bytes
    in_default: str
    in_session: str

    def is_in_session(self, tester: Tester) -> bool:
        """Send the request, and return whether the answer is that of the session.

        Raises Inconclusive if the answer is neither that of the session nor that of the default session.
        """
        for _ in range(LOOKS):
            reply = tester.request(self.request)
            if comparable(reply) in (self.in_default, self.in_session):
                return comparable(reply) == self.in_session
            tester.wait(LOOK_AGAIN_S, "an answer that tells the session")
        tester.cite(reply)
        inconclusive(f"the session cannot be told: {reply}")


def comparable(reply: Reply) -> str:
    """Reduce an answer to the part that is the same each time: the value of a DID is kept, a seed is not."""
    if reply.request[0] == 0x27 and reply.is_delayed:
        return "positive"
    if reply.is_positive:
        return reply.pdu.hex() if reply.request[0] == 0x22 else "positive"
    return f"negative {reply.nrc}" if reply.is_negative else "nothing"


def another_session(tester: Tester) -> int:
    """Enter a session other than the default one and return it; a boot loader's session is tried last."""
    for session in sessions_beside_default(tester):
        if tester.enter_session(session).is_positive:
            tester.await_life()
            return session
    if tester.enter_session(DEFAULT).is_refused_with(Nrc.SERVICE_NOT_SUPPORTED):
        not_applicable("the ECU has no DiagnosticSessionControl")
    inconclusive("no session beside the default one was entered")


def sessions_beside_default(tester: Tester) -> list[int]:
    """Return all sessions but the default one: the sessions of the levels first, the boot loader's last."""
    if not tester.has_sessions:
        raise tester.looking.without_sessions()
    wanted = [entry.session for entry in tester.target.security if entry.session] + tester.sessions()
    found = dict.fromkeys(session for session in wanted if session != DEFAULT)
    return sorted(found, key=lambda session: session == PROGRAMMING)


def find_session_probe(tester: Tester) -> SessionProbe:
    """Find what distinguishes a session from the default one, and enter it. Raises Inconclusive if nothing does."""
    levels = [uds.request_seed(entry.level) for entry in tester.target.security]
    sessions = sessions_beside_default(tester)
    tester.enter_session(DEFAULT)
    requests = [b"\x22\xf1\x86", *not_shown(tester), *levels]
    for session in sessions:
        for request in requests:
            tester.enter_session(DEFAULT)
            in_default = comparable(tester.request(request))
            if not tester.enter_session(session).is_positive:
                break
            tester.await_life()
            in_session = comparable(tester.request(request))
            if in_session != in_default and "nothing" not in (in_default, in_session):
                return SessionProbe(session, request, in_default, in_session)
    inconclusive("nothing tells another session from the default one")


def not_shown(tester: Tester) -> list[bytes]:
    """Return reads of data that everybody may read in some session, but not in the present one."""
    return [b"\x22" + did.to_bytes(2, "big") for did in tester.not_shown()[:2]]


def enter(tester: Tester, session: int) -> None:
    """Enter a session. Raises Inconclusive if the ECU refuses it."""
    reply = tester.enter_session(session)
    if not reply.is_positive:
        inconclusive(f"session 0x{session:02X} was not entered: {reply}")
    tester.await_life()


def announced_requests(tester: Tester) -> list[bytes]:
    """Return harmless requests that the ECU announces with 0x78 before it answers: reads, a DTC report, safe routines."""
    readable = [entry.did for entry in tester.target.data if entry.read.kind == "open"][:MOST_ASKED]
    safe = [entry.span.first for entry in tester.target.routines if entry.origin == "declared" and entry.safe]
    harmless = [b"\x22" + did.to_bytes(2, "big") for did in readable]
    harmless += [b"\x19\x02\xff", *(b"\x31\x01" + routine.to_bytes(2, "big") for routine in safe)]
    if not any(pdu in tester.announced for pdu in harmless):
        for pdu in harmless:
            tester.request(pdu)
    return [pdu for pdu in harmless if pdu in tester.announced]


def s3_s(tester: Tester) -> float:
    """Return after how many seconds of silence a session ends, as the target declares."""
    s3_ms = tester.target.timing.s3_ms
    if s3_ms is None:
        raise tester.looking.without_sessions()
    return s3_ms / 1000
