"""List where wrong keys may be sent: sessions and addresses that give seeds of a level, and states of the ECU."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

from harness.errors import Inconclusive, Unjudged
from harness.tester.guesses import KeyOutcome
from harness.tester.other_address import OtherAddress
from harness.tester.reply import Reply
from harness.tester.tester import Tester
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Service, Session
from harness.verdict import Severity

READING = (
    Service.READ_DATA_BY_IDENTIFIER,
    Service.READ_MEMORY_BY_ADDRESS,
    Service.READ_DTC_INFORMATION,
    Service.TESTER_PRESENT,
)
"""Services whose requests may be repeated without limit."""

TRIES = 3
"""How often the tester tries a right key before giving up, since an ECU may be busy now and then."""

SHARED_HEADER_BYTES = 2
"""How many bytes come before the key in the request that sends it: service and sub-function."""


@dataclass(frozen=True, slots=True)
class Place:
    """A session and address at which a seed is requested and a key sent."""

    name: str
    check: str
    """The id of the check that fails if the limit does not hold in this place."""
    words: str
    enter: Callable[[], object]
    """Go to the session in which the level gives seeds."""
    ask: Callable[[], Reply]
    """Request a seed."""
    send: Callable[[bytes], Reply] | None = None
    """Send a key; None: in the usual way."""
    severity: Severity | None = None
    """The severity of a limit that does not hold in this place; None stands for the check's own severity."""
    may_be_silent: bool = False
    """Whether a key that opens nothing may be answered by silence."""


@dataclass(frozen=True, slots=True)
class PlaceState:
    """A state of the ECU in which wrong keys are sent."""

    name: str
    check: str
    prepare: Callable[[], object]
    """Bring the ECU from the known state into this state."""
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    """Return the context in which each seed is requested and its key sent."""
    is_lost_by_acts: bool = False
    """Whether an act between two keys, or a change of session, would end the state."""
    asks_others: bool = False
    """Whether seeds of other levels must be requested to bring the state about."""
    place: Place | None = None
    """The place where keys are sent in this state; None: the place that the row names."""

    @property
    def words(self) -> str:
        """The state in words, as part of a sentence."""
        return self.name


def home_of(tester: Tester, level: int) -> Place:
    """Return the usual place: the session in which the level is declared, on the tester's own connection."""
    return Place("home", "", "", partial(tester.session_for, level), partial(tester.guesses.ask, level))


def places_of(tester: Tester, level: int) -> list[Place]:
    """Return other places for wrong keys: sessions and addresses in which the level gives seeds, and the suppress bit."""
    found: list[Place] = []
    suppressed = bytes((Service.SECURITY_ACCESS, level + 1 | SUPPRESS_POSITIVE_RESPONSE))
    if _is_compared(tester, level, suppressed):
        found.append(
            Place(
                suppressed.hex(" ").upper(),
                "SA-36",
                "keys with the suppress bit",
                partial(tester.session_for, level),
                partial(tester.guesses.ask, level),
                lambda key: tester.request(suppressed + key),
                Severity.HIGH,
                may_be_silent=True,
            )
        )
    else:
        tester.note("keys with the suppress bit are not compared")
    for session in sessions_of(tester, level):
        enter = partial(_enter, tester, session)
        words = f"in session 0x{session:02X}"
        found.append(Place(f"session 0x{session:02X}", "SA-19", words, enter, partial(tester.guesses.ask, level)))
    for other in tester.other_addresses():
        if other.longest < SHARED_HEADER_BYTES + tester.security.key_length(level):
            continue
        place = _elsewhere(tester, level, other)
        try:
            place.enter()
            if tester.guesses.is_seed(level, place.ask()):
                found.append(place)
        except Unjudged as reason:
            tester.note(f"{other.name}: {reason}")
        tester.state.expect_anything()
    return found


def _is_compared(tester: Tester, level: int, suppressed: bytes) -> bool:
    """Send a suppressed key; return whether the ECU compares it, accepting a right key or refusing a wrong one."""
    security, guesses = tester.security, tester.guesses
    seed = guesses.start(level)
    if security.level(level).is_proven and tester.access.can_relock:
        tester.request(suppressed + security.right_key(level, seed), is_right_key=True)
        following = security.request_seed(level)
        tester.access.lock()
        return following.is_positive and not any(following.pdu[2:]) and not security.level(level).gives_zero_seeds
    reply = tester.request(suppressed + security.wrong_key(level, seed))
    return not reply.is_silence and guesses.outcome(level, reply) in (KeyOutcome.WRONG, KeyOutcome.LIMITED)


def sessions_of(tester: Tester, level: int) -> list[int]:
    """Return the sessions other than the declared one in which the level gives seeds."""
    home = tester.target.of_level(level).session or int(Session.DEFAULT)
    return [session for session in tester.sessions() if session != home and gives_seeds(tester, level, session)]


def gives_seeds(tester: Tester, level: int, session: int) -> bool:
    """Request a seed in a session, after any running delay is over, and return whether the level gives one there."""
    tester.guesses.start(level)
    tester.enter_session(Session.DEFAULT)
    if not tester.enter_session(session).is_positive:
        return False
    return tester.guesses.is_seed(level, tester.security.request_seed(level))


def _enter(tester: Tester, session: int) -> None:
    entered = tester.enter_session(session)
    if not entered.is_positive:
        raise Inconclusive(f"session 0x{session:02X} was not entered: {entered}")


def _elsewhere(tester: Tester, level: int, other: OtherAddress) -> Place:
    entry = tester.target.of_level(level)
    session = entry.session
    ask = partial(other.ask, bytes((Service.SECURITY_ACCESS, level)) + entry.record)

    tester.session_for(level)
    has_own_session = session is not None and not ask().is_positive

    def enter() -> None:
        tester.session_for(level)
        for step in tester.target.way_to(session) if has_own_session and session is not None else ():
            other.ask(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, step)))

    def send(key: bytes) -> Reply:
        return other.ask(bytes((Service.SECURITY_ACCESS, level + 1)) + key)

    return Place(other.name, "SA-19", f"from {other.name}", enter, ask, send)


# States.


def states_of(tester: Tester, level: int, home: Place) -> list[PlaceState]:
    """Return states in which to send wrong keys: level opened and locked before, another level open, a request pending."""
    security = tester.security
    found: list[PlaceState] = []
    if security.level(level).is_proven and tester.access.can_relock:

        def open_and_lock() -> None:
            security.unlock(level)
            tester.access.lock()
            tester.guesses.start(level)

        found.append(PlaceState("after its right key since the last start", "SA-09", open_and_lock))
        for other in (entry.level for entry in tester.target.security if entry.level != level):
            if (session := _shared_session(tester, level, other)) is not None:
                found.append(_beside(tester, level, other, session))
    pending = pending_request(tester, level)
    if pending:
        around = partial(_while_pending, tester, pending)
        name = f"while {pending.hex(' ').upper()} is pending"
        found.append(PlaceState(name, "SA-14", lambda: None, around, is_lost_by_acts=True))
    return found


def _shared_session(tester: Tester, level: int, other: int) -> int | None:
    """Return a session in which both levels give seeds; None if there is none, or no key opens the other level."""
    if not tester.security.level(other).is_proven:
        return None
    entries = [tester.target.level(one) for one in (other, level)]
    homes = [entry.session for entry in entries if entry is not None and entry.session is not None]
    for session in dict.fromkeys((*homes, *tester.sessions()) or (int(Session.DEFAULT),)):
        if gives_seeds(tester, level, session) and gives_seeds(tester, other, session):
            return session
    return None


def _beside(tester: Tester, level: int, other: int, session: int) -> PlaceState:
    def prepare() -> None:
        tester.enter_session(session)
        for _ in range(TRIES):
            seed = tester.security.seed(other)
            if not seed or tester.security.send_key(other, tester.security.right_key(other, seed)).is_positive:
                return
        raise Inconclusive(f"level 0x{other:02X} was not opened in session 0x{session:02X}")

    here = Place("", "", "", lambda: None, partial(tester.guesses.ask, level))
    name = f"while level 0x{other:02X} is open"
    return PlaceState(name, "SA-15", prepare, is_lost_by_acts=True, asks_others=True, place=here)


def pending_request(tester: Tester, level: int) -> bytes:
    """Find a harmless request that the ECU first answers by 0x78, and during which the level gives seeds; else empty."""
    safe = [entry for entry in tester.target.routines if entry.safe and entry.needs.kind == "open"]
    requests = [b"\x31\x01" + routine.span.first.to_bytes(2, "big") for routine in safe]
    requests += [request for request in tester.announced if request[0] in READING]
    for request in requests:
        if not tester.permits(request):
            continue
        tester.guesses.start(level)
        with tester.while_pending(request) as is_pending:
            is_served = is_pending and tester.guesses.is_seed(level, tester.security.request_seed(level))
        if is_served:
            return request
    return b""


@contextmanager
def _while_pending(tester: Tester, request: bytes) -> Iterator[None]:
    with tester.while_pending(request) as is_pending:
        if not is_pending:
            raise Inconclusive(f"{request.hex(' ').upper()} is not answered 0x78 any more")
        yield
