"""Share what the checks of this folder need: entering sessions locked, recognising missing services, judging refusals."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from harness import DataEntry, Inconclusive, Nrc, Reply, Service, Tester, fail, inconclusive, not_applicable

UNASSIGNED = 0x15
"""A service that no standard assigns: the ECU's answer to it shows how the ECU answers missing services."""

SECURITY = (Nrc.SECURITY_ACCESS_DENIED, Nrc.AUTHENTICATION_REQUIRED)
NOT_THERE = (
    Nrc.REQUEST_OUT_OF_RANGE,
    Nrc.REQUEST_SEQUENCE_ERROR,
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED,
)
"""Codes of refusals that come before the ECU checks a level."""

SHOW_THE_SERVICE = (
    Nrc.INCORRECT_MESSAGE_LENGTH,
    Nrc.REQUEST_SEQUENCE_ERROR,
    Nrc.SECURITY_ACCESS_DENIED,
    Nrc.AUTHENTICATION_REQUIRED,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
)
"""Codes that show that a service exists, whatever the ECU answers to missing services."""

SUPPRESS, UNKNOWN_SUB_FUNCTION = 0x80, 0x7D
DEFAULT_SESSION = 0x01
CLOCK_S = 4.0
"""Seconds after which a changed value is read again, to see whether it is a clock or a counter."""


@dataclass(frozen=True)
class Visit:
    """The session that the ECU is in during one turn of `each_session`."""

    session: int | None
    """The number of the session; None if the ECU has no sessions, or none can be entered."""

    def __str__(self) -> str:
        return "in the session it is in" if self.session is None else f"in session 0x{self.session:02X}"


def each_session(tester: Tester) -> Iterator[Visit]:
    """Enter each session, locked, from the default session, and yield a visit; yield once if no session was entered."""
    entered_any = False
    for session in tester.sessions():
        tester.enter_session(DEFAULT_SESSION)
        entered = tester.enter_session(session)
        if entered.is_positive:
            tester.await_life()
            entered_any = True
            yield Visit(session)
        else:
            tester.note(f"session 0x{session:02X} was not entered: {entered}")
    if not entered_any:
        yield Visit(None)


def enter_to_read(tester: Tester, entry: DataEntry) -> bool:
    """Enter a session in which the data can be read; return whether there is one."""
    return tester.read_reply(entry.did).is_positive or any(
        tester.read_reply(entry.did).is_positive for _ in each_session(tester)
    )


def is_absent(tester: Tester, reply: Reply) -> bool:
    """Whether the answer says that the service does not exist, by 0x11 or like the answer to an unassigned service.

    If the request was too short to be served, a longer one that cannot act is sent and judged instead.
    """
    if reply.is_positive or reply.is_silence or reply.is_refused_with(*SHOW_THE_SERVICE):
        return False
    asked = tester.looking.long_enough(reply)
    if asked is None or asked.is_positive or asked.is_silence or asked.is_refused_with(*SHOW_THE_SERVICE):
        return False
    if asked.is_refused_with(Nrc.SERVICE_NOT_SUPPORTED):
        return True
    other = tester.request(bytes((UNASSIGNED,)) + asked.request[1:])
    return (other.kind, other.nrc) == (asked.kind, asked.nrc)


def require_locked(tester: Tester, *services: int) -> None:
    """Make sure that the ECU is locked; not applicable if no lock can be seen and the ECU has none of the services."""
    try:
        tester.access.require_locked()
    except Inconclusive:
        requests = [bytes((sid,)) for sid in services if tester.permits(bytes((sid,)))]
        replies = [tester.request(request) for _ in each_session(tester) for request in requests]
        if replies and all(is_absent(tester, reply) for reply in replies):
            not_applicable(f"the ECU does not have the service: {replies[0]}")
        raise


@dataclass
class Refusals:
    """The refusals of a locked ECU, and the values of its data before and after."""

    tester: Tester
    what: str
    replies: list[Reply] = field(default_factory=list)
    values: dict[int, bytes] = field(default_factory=dict)
    since_s: float = 0.0
    """When the values were read, by the link's clock."""
    declared_open: list[int] = field(default_factory=list)
    """Services that the target declares open."""

    def watch(self, entries: Iterable[DataEntry]) -> None:
        """Remember the values that must not change; those that have changed are restored after the check."""
        for entry in entries:
            try:
                self.values[entry.did] = self.tester.stable_value(entry.did)
            except Inconclusive as reason:
                self.tester.note(str(reason))
        for did, value in self.values.items():
            self.tester.state.will_change(did, value)
        self.since_s = self.tester.link.now_s

    def add(self, reply: Reply) -> Reply:
        """Keep a reply for the conclusion."""
        self.replies.append(reply)
        return reply

    def is_there(self, service: int) -> bool:
        """Whether to judge the service, because it answers its bare number as an existing one and is not declared open.

        A service that is declared open is judged if single routines or parts of the memory are declared guarded.
        """
        if declared_need(self.tester, service) == "open" and not guards_parts(self.tester, service):
            self.declared_open.append(service)
            return False
        request = bytes((service,))
        if not self.tester.permits(request):
            self.tester.note(f"service {service:02X} was not tried: the target does not allow it")
            return False
        reply = self.tester.request(request)
        if not is_absent(self.tester, reply):
            return True
        self.replies.append(reply)
        return False

    def judge_values(self) -> None:
        """Fail if a watched value has changed, unless it changes by itself."""
        tester = self.tester
        for did, before in list(self.values.items()):
            after = tester.read(did)
            if after == before:
                continue
            tester.wait(max(CLOCK_S, tester.link.now_s - self.since_s), "whether a value changes by itself")
            if tester.read(did) != after:
                tester.note(f"DID {did:04X} changes by itself; whether it was changed cannot be told")
                del self.values[did]
                tester.state.is_back(did)
                continue
            tester.cite(*self.replies[-1:])
            fail(
                expected=f"DID {did:04X} unchanged by {self.what} while locked",
                observed=f"it went from {before.hex(' ').upper()} to {after.hex(' ').upper()}, whatever was answered",
            )
        for did in self.values:
            tester.state.is_back(did)

    def conclude(self, control: Callable[[], str]) -> None:
        """Judge the refusals, after every effect was judged.

        Pass if the ECU asks for a level (33), or if the same request succeeds once unlocked: `control` returns why this was
        not seen, or an empty text. Not applicable if the service, or everything that was requested of it, does not exist.
        """
        tester = self.tester
        kinds = {(reply.request[0], reply.kind, reply.nrc): reply for reply in self.replies}
        present = [reply for reply in kinds.values() if not is_absent(tester, reply)]
        if not present and self.declared_open:
            not_applicable(f"{self.what}: service 0x{self.declared_open[0]:02X} is declared open to everybody")
        if not self.replies:
            inconclusive(f"{self.what}: nothing is known that it could be tried on")
        if not present:
            not_applicable(f"{self.what}: the ECU does not have the service ({self.replies[-1]})")
        if all(reply.is_refused_with(*NOT_THERE) for reply in present):
            not_applicable(f"{self.what}: nothing of what was tried is there ({present[-1]})")
        missing = control()
        if not missing:
            return
        if any(reply.is_refused_with(Nrc.SECURITY_ACCESS_DENIED) for reply in present):
            tester.note(f"control missing: {missing}")
            return
        tester.cite(present[-1])
        if any(reply.is_refused_with(Nrc.AUTHENTICATION_REQUIRED) for reply in present):
            inconclusive(f"{self.what}: guarded by Authentication (29), which no check here passes; {missing}")
        inconclusive(f"{self.what}: refused, but not for want of a level ({present[-1]}); control missing: {missing}")


def unlocked_for(tester: Tester, level: int) -> str:
    """Unlock a level for a positive control; return why it did not open, or an empty text."""
    if not tester.access.can_relock and not tester.state.has_unlocked:
        return "the ECU could not be locked again after it"
    try:
        tester.security.unlock(level)
    except Inconclusive as reason:
        return str(reason)
    return ""


def is_carried_out_silently(tester: Tester, request: bytes) -> bool:
    """Whether the ECU carries a request out if it has the suppress bit, though refusing the request without the bit.

    A refusal is always sent, so silence means success. Control: the ECU refuses an unknown sub-function with the bit.
    """
    unknown = bytes((request[0], SUPPRESS | UNKNOWN_SUB_FUNCTION)) + request[2:]
    if not tester.request(unknown).is_negative:
        return False
    quiet = tester.request(bytes((request[0], SUPPRESS | request[1])) + request[2:])
    if not quiet.is_silence or quiet.replies or not tester.request(unknown).is_negative:
        return False
    tester.cite(quiet)
    return True


def declared_need(tester: Tester, service: int) -> str:
    """Return the need that the target declares for a whole service: ``open``, ``level``, ``never``, or an empty text."""
    declared = [entry for entry in tester.target.services if entry.origin == "declared" and service in entry.span]
    return declared[0].needs.kind if declared else ""


def guards_parts(tester: Tester, service: int) -> bool:
    """Whether the target declares that any routine or memory served by this service is guarded."""
    parts = {
        Service.ROUTINE_CONTROL: tester.target.routines,
        **dict.fromkeys(
            (
                Service.READ_MEMORY_BY_ADDRESS,
                Service.WRITE_MEMORY_BY_ADDRESS,
                Service.REQUEST_DOWNLOAD,
                Service.REQUEST_UPLOAD,
            ),
            tester.target.memory,
        ),
    }
    return any(entry.origin == "declared" and entry.needs.kind != "open" for entry in parts.get(Service(service), ()))
