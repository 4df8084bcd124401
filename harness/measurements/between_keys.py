"""List acts that must not reset the count when they come between wrong keys, each with the check that fails if it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from harness.errors import Inconclusive
from harness.tester.security import DEFAULT_DELAY_S
from harness.tester.tester import Tester
from harness.uds import Service, Session, read_memory, write_data
from harness.verdict import Depth, Severity

MOST_SESSIONS = 6
"""The largest number of sessions that are entered from one another."""
MOST_ENTRIES = 3
"""The largest number of data identifiers, and the largest number of routines, that are used."""
IDLE_S = (3700.0, 1830.0, 610.0, 310.0, 130.0, 65.0)
"""Pauses in seconds after which an ECU may drop its count of wrong keys, each a little longer than a round time."""
WORTH_WAITING = 0.8
"""A share of the time that delays cost; a count that lapses is a flaw if guessing with pauses takes less than this share."""


@dataclass(frozen=True, slots=True)
class Act:
    """An act that comes between two wrong keys."""

    name: str
    check: str
    """The id of the check that fails if the act resets the count."""
    do: Callable[[], object]
    severity: Severity | None = None
    """The severity if the act resets the count; None: the check's own."""
    parts: tuple[Act, ...] = ()
    """The act's parts, to be tried one by one if the whole resets the count."""
    comes_with: tuple[Act, ...] = ()
    """Acts that this act needs: this act is not to blame if one of them resets the count by itself."""
    seconds: float = 0.0
    """The length of the act in seconds, if it consists in waiting."""
    may_count: bool = False
    """Whether an ECU may rightly count the act as a wrong key."""
    asks_others: bool = False
    """Whether the act requests seeds of other levels."""
    leaves_place: bool = False
    """Whether the act may end the session, so that the level's session must be entered again."""

    @property
    def checks(self) -> list[str]:
        """The ids of the act's own check and of its parts' checks, each once."""
        return list(dict.fromkeys((self.check, *(part.check for part in self.parts))))


def acts_between(tester: Tester, level: int, limit: int, depth: Depth) -> list[Act]:
    """Return acts that target and ECU allow: session changes, other requests, keys of other lengths, and pauses."""
    changes = _session_changes(tester, level)
    acts = [
        _together("session changes", "SA-11", changes),
        _together("other requests", "SA-14", [*_requests(tester), _seeds(tester, level)], severity=Severity.HIGH),
        _together("keys of a wrong length", "SA-14", [*_misfits(tester, level)], severity=Severity.HIGH),
    ]
    if limit > 1:  # else a delay runs after each key, and time may end it
        acts += _idle(tester, level, limit, depth, tuple(changes))
    return [act for act in acts if act is not None]


def _together(name: str, check: str, parts: list[Act], *, severity: Severity | None = None) -> Act | None:
    if not parts:
        return None

    def do() -> None:
        for part in parts:
            part.do()

    asks_others = any(part.asks_others for part in parts)
    leaves_place = any(part.leaves_place for part in parts)
    may_count = any(part.may_count for part in parts)
    return Act(
        name, check, do, severity, tuple(parts), may_count=may_count, asks_others=asks_others, leaves_place=leaves_place
    )


# Sessions.


def _session_changes(tester: Tester, level: int) -> list[Act]:
    """Return changes to another session and to the same one, also with the answer suppressed and by the functional id."""
    if not tester.has_sessions:
        return []
    home = tester.target.of_level(level).session or int(Session.DEFAULT)
    sessions = []
    for session in dict.fromkeys((int(Session.DEFAULT), home, *tester.sessions())):
        if tester.enter_session(session).is_positive:
            sessions.append(session)
        else:
            tester.note(f"session 0x{session:02X} was not entered")
        return_to(tester, level)
    ways = [(session, session) for session in sessions]
    ways += [(a, b) for a in sessions[:MOST_SESSIONS] for b in sessions[:MOST_SESSIONS] if a != b]
    changes = [_change(tester, level, first, then) for first, then in ways]
    for session in (int(Session.DEFAULT), home):
        request = bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session))
        quiet = bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session | 0x80))
        name = f"session 0x{session:02X}"
        changes.append(_ask(tester, level, f"{name} without an answer", partial(tester.request, quiet)))
        if tester.target.can.functional_id is not None and tester.allows("functional"):
            by_all = partial(tester.request, request, is_functional=True)
            changes.append(_ask(tester, level, f"{name} by the functional id", by_all))
    return changes


def _change(tester: Tester, level: int, first: int, then: int) -> Act:
    def do() -> None:
        tester.enter_session(first)
        tester.enter_session(then)
        return_to(tester, level)

    words = f"session 0x{then:02X}" + (" twice" if first == then else f" from 0x{first:02X}")
    return Act(words, "SA-11", do, leaves_place=True)


def _ask(tester: Tester, level: int, name: str, ask: Callable[[], object]) -> Act:
    def do() -> None:
        ask()
        return_to(tester, level)

    return Act(name, "SA-11", do, leaves_place=True)


def return_to(tester: Tester, level: int) -> None:
    """Enter the level's session; if that fails because the ECU is restarting, wait for it and try again."""
    try:
        tester.session_for(level)
    except Inconclusive:
        tester.await_life()
        tester.session_for(level)


# Other requests.


def _requests(tester: Tester) -> Iterator[Act]:
    """Yield requests that the target allows and that leave the ECU as it is: reads, and some that act."""
    for request in other_requests(tester):
        if tester.permits(request):
            name = request.hex(" ").upper()
            yield Act(name, "SA-14", lambda request=request: tester.request(request), Severity.HIGH)  # type: ignore[misc]
    if tester.target.can.functional_id is not None and tester.allows("functional"):
        by_all = partial(tester.request, b"\x3e\x00", is_functional=True)
        yield Act("3E 00 by the functional id", "SA-14", by_all, Severity.HIGH)
    for entry in [entry for entry in tester.target.data if entry.write.kind == "open" and entry.read.kind == "open"][:1]:
        if tester.permits(bytes((Service.WRITE_DATA_BY_IDENTIFIER,))):

            def write_back(did: int = entry.did) -> None:
                value = tester.read_reply(did)
                if value.is_positive:
                    tester.request(write_data(did, value.pdu[3:]))

            yield Act(f"a write of DID {entry.did:04X}", "SA-14", write_back, Severity.HIGH)


def other_requests(tester: Tester) -> list[bytes]:
    """Return requests that leave the ECU as it is; a change made by one request is undone by the next."""
    target = tester.target
    readable = [entry.did for entry in target.data if entry.read.kind == "open"][:MOST_ENTRIES]
    requests = [b"\x3e\x00", b"\x3e\x80", b"\x22\xf1\x86", b"\x28\x00\x01", b"\x19\x01\xff", b"\x19\x02\xff"]
    requests += [b"\x14\xff\xff\xff", b"\x85\x02", b"\x85\x01"]
    requests += [b"\x22", b"\x3e\x7f", b"\x22\xff\xff"]  # what no ECU serves may take its own path through the code
    for did in readable:
        name = did.to_bytes(2, "big")
        requests += [b"\x22" + name, b"\x24" + name, b"\x2f" + name + b"\x00"]
    safe = [entry for entry in target.routines if entry.safe and entry.needs.kind == "open"][:MOST_ENTRIES]
    for routine in safe:
        name = routine.span.first.to_bytes(2, "big")
        requests += [b"\x31\x01" + name, b"\x31\x03" + name, b"\x31\x02" + name]
    memory = [entry for entry in target.memory if entry.needs.kind == "open"][:1]
    return [*requests, *(read_memory(entry.span.first) for entry in memory)]


def _seeds(tester: Tester, level: int) -> Act:
    """Return an act that requests seeds of this level and of all others, and answers none."""
    others = [entry.level for entry in tester.target.security if entry.level != level]

    def ask() -> None:
        for one in (level, *others, level):
            tester.security.request_seed(one)

    return Act("seeds that are not answered", "SA-10", ask, asks_others=bool(others))


def _misfits(tester: Tester, level: int) -> Iterator[Act]:
    """Yield acts that send a key of a wrong length for a new seed; it is not compared, but may reset the count."""
    length = tester.security.key_length(level)
    for size in sorted({length + 1, length - 1, 0} - {length}):

        def send(size: int = size) -> None:
            if tester.security.request_seed(level).is_seed:
                tester.security.send_key(level, tester.chance.random_bytes(size))

        yield Act(f"a key of {size} bytes", "SA-14", send, Severity.HIGH, may_count=True)


# Time.


def _idle(tester: Tester, level: int, limit: int, depth: Depth, changes: tuple[Act, ...]) -> Iterator[Act]:
    """Yield a pause that ends the session, and a longer pause if guessing with it would still be faster than with delays."""
    delay_s = tester.target.of_level(level).delay_s or DEFAULT_DELAY_S
    s3_s = (tester.target.timing.s3_ms or 5000) / 1000 * 1.2
    longest_s = depth.choose(quick=70.0, default=320.0, deep=4000.0)
    if tester.link.is_virtual:
        longest_s = max(longest_s, IDLE_S[0])
    pays_s = WORTH_WAITING * delay_s * (limit - 1) / limit
    long_s = next((one for one in IDLE_S if s3_s < one <= min(longest_s, pays_s)), None)
    for seconds in (s3_s, *([long_s] if long_s else [])):

        def be_idle(seconds: float = seconds) -> None:
            tester.wait(seconds, "idle time between two wrong keys")
            tester.session_for(level)

        yield Act(
            f"{seconds:g} s without any request", "SA-14", be_idle, comes_with=changes, seconds=seconds, leaves_place=True
        )
