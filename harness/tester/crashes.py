"""Recognise an ECU that crashes, restarts by itself, and answers again at once as if nothing had happened.

Every request without an answer in a check is a suspect. Each is sent again while the ECU holds a state that a restart loses:
a session, an unlocked level, a pending seed. If the state is lost afterwards, or the ECU stops answering for a while, the
suspect is sent once more. If a harmless request in its place loses nothing, the suspect made the ECU restart.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from harness.errors import ContactLost, KeyFunctionError, NotPermitted, Unjudged
from harness.runs.findings import Exchange
from harness.tester.access import AccessProbes
from harness.tester.bus_load import MOST_BACKLOG_S, await_quiet
from harness.tester.client import Client, Life
from harness.tester.reply import RawReply, Reply, ReplyKind, Sent, is_positive_response
from harness.tester.restart import IN_GOOD_TIME, SLOWEST_BOOT
from harness.tester.security import SecurityAccess
from harness.tester.seen import Condition
from harness.uds import ACTIVE_SESSION, NEGATIVE_RESPONSE, SUPPRESS_POSITIVE_RESPONSE, Nrc, Service, Session, is_send_key

RAW_LISTEN_S: Final = 0.01
"""Seconds that an ECU needs to read a raw frame. No answer is awaited, because the ECU's state is asked for afterwards."""
RAW_AT_ONCE: Final = 16
MOST_REQUESTS: Final = 64
"""The largest number of suspects of one check on a real bus, where each suspect takes as long as an answer may take."""
MOST_ALIKE: Final = 8
"""The largest number of suspects with the same service and length in a run on a real bus."""
MOST_PROBES: Final = 6
LONGEST_SHOWN_BYTES: Final = 32
OUTLASTS_S: Final = 3.0
"""How many seconds longer the state must last in the control than it lasted with the suspect.

When the suspect was sent, the state may have been older, and may have ended by itself.
"""
KEEP_BUSY_S: Final = 0.25
MOST_ENDED: Final = 2
"""How often a state may end by itself before its loss counts no longer as a sign of a restart."""
RECOVERY_S: Final = 5.0
"""The seconds beyond its slowest boot in which a silent ECU may come back by itself."""

_USUAL_SESSIONS: Final = frozenset(Session)


@dataclass(frozen=True, slots=True)
class CrashCause:
    """The request that made the ECU crash, or may have."""

    request: str
    """The request in hex; raw frames as ``raw 740#0322F190``."""
    what: str
    """What was seen, as a sentence."""
    is_reproduced: bool
    """Whether the request made the ECU crash again from a known state, or the ECU was seen to restart by itself."""
    exchanges: tuple[Exchange, ...] = ()
    is_dead: bool = False
    """Whether the ECU has not come back since the request."""


@dataclass(frozen=True, slots=True)
class SessionSign:
    """A request whose answer distinguishes a session from the default one."""

    request: bytes
    here: str
    """The answer in the session, by its kind and code."""
    in_default: str
    """The answer in the default session, by its kind and code."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A volatile state, whose loss shows a restart."""

    name: str
    take: Callable[[], bool]
    """Bring the ECU into the state; return whether the ECU is then in it."""
    holds: Callable[[], bool]
    """Whether the ECU is still in the state."""


@dataclass(frozen=True, slots=True)
class _Effect:
    """What happened to the ECU after suspects were sent."""

    what: str
    exchange: Exchange
    is_dead: bool = False
    after_s: float = 0.0
    """The seconds between the ECU's entering the state and the moment when the state was found to be lost."""


class Crashes:
    """Finds out for one ECU which of the unanswered requests make it restart."""

    def __init__(self, client: Client, security: SecurityAccess, access: AccessProbes) -> None:
        self._client = client
        self._security = security
        self._access = access
        self.reported: list[CrashCause] = []
        """Crashes that checks have found and reported themselves, for the runner to collect."""
        self.revive: Callable[[], None] = lambda: None
        """Bring the ECU back, or raise ContactLost; the object that can do so sets this function."""
        self._known: dict[Sent, CrashCause] = {}
        self._innocent: set[tuple[Sent, Condition]] = set()
        self._tried: Counter[tuple[bytes, int]] = Counter()
        self._sessions: dict[int, SessionSign | None] = {}
        self._ended: Counter[str] = Counter()
        """By the name of a state, how often the state has ended by itself."""

    def report(self, request: str, what: str, *, is_reproduced: bool) -> None:
        """Record a crash that a check has found by its own means."""
        self.reported.append(CrashCause(request, what, is_reproduced))

    def search(self) -> CrashCause | None:
        """Of the requests unanswered since `forget_silences`, return the first that restarts the ECU."""
        found = next((self._known[sent] for sent in self._client.state.silences if sent in self._known), None)
        if found is not None:
            return found
        suspects = list(self._suspects())
        if suspects:  # the last of them may just have made it restart
            self._client.await_life(self._client.target.reset.boot_s * SLOWEST_BOOT + RECOVERY_S)
        while suspects:
            sent, condition = suspects.pop(0)
            group = [*self._way_to(sent), sent]
            while suspects and sent.is_raw and suspects[0][0].is_raw and len(group) < RAW_AT_ONCE:
                one = suspects.pop(0)[0]
                group += [*(before for before in self._way_to(one) if before != group[-1]), one]
            found = self._try(group, self._mark_for(condition))
            if found is not None:
                return found
            self._innocent.update((one, condition) for one in group)
        return None

    def _way_to(self, sent: Sent) -> list[Sent]:
        """Return what was sent directly before a suspect, as both may cause a crash; empty if it must not be sent again."""
        before = sent.before
        is_empty = before is not None and not before.is_raw and not before.fields[0]
        if before is None or is_empty or before == sent or self._may_leave(before):
            return []
        return [] if not before.is_raw and is_send_key(before.fields[0]) else [before]

    def fell_silent(self) -> Reply | None:
        """Return the first request since `forget_silences` after which even the usual request got no answer for a while.

        None if there is none, or the ECU was only slow, so that its answer came late. Requested restarts, and the effects of
        raw frames and floods, do not count.
        """
        client = self._client
        for before, (first, *others, last) in client.state.gaps:
            if not isinstance(first, Reply) or first.request == client.liveness_request:
                continue
            if isinstance(before, Reply) and self._may_boot_after(before.request):
                continue
            if self._may_leave(Sent((first.request,))) or first.note:
                continue
            is_deaf = any(isinstance(one, Reply) and self._is_usually_answered(one.request) for one in others)
            if is_deaf and not self._came_late(first.request, first.first_frame, last.last_frame):
                return first
        return None

    def _may_boot_after(self, request: bytes) -> bool:
        """Whether an ECU may start its boot loader or its application after it has answered this request."""
        if request[:1] == bytes((Service.ECU_RESET,)):
            return True
        if request[:1] != bytes((Service.DIAGNOSTIC_SESSION_CONTROL,)) or len(request) < 2:
            return False
        session = request[1] & ~SUPPRESS_POSITIVE_RESPONSE
        has_left = session == Session.DEFAULT and any(self._client.restarts_on_leaving.values())
        return session == Session.PROGRAMMING or has_left

    def _is_usually_answered(self, request: bytes) -> bool:
        """Whether the request is the liveness request, or a read that the ECU has answered before."""
        if request == self._client.liveness_request:
            return True
        if request[:1] != bytes((Service.READ_DATA_BY_IDENTIFIER,)) or len(request) != 3:
            return False
        known = self._client.state.seen.outcomes.get(request, {}).values()
        return any(outcome is ReplyKind.POSITIVE for outcomes in known for outcome in outcomes)

    def _came_late(self, request: bytes, first_frame: int, last_frame: int) -> bool:
        """Whether the frames `first_frame` to `last_frame` contain a late answer to the request."""
        client = self._client
        for frame in client.trace.frames(first_frame, last_frame):
            message = frame.pdu
            if not message or not client.is_answer(frame):
                continue
            is_refusal = message[:2] == bytes((NEGATIVE_RESPONSE, request[0])) and request[0] != client.liveness_request[0]
            if is_refusal or is_positive_response(request, message):
                return True
        return False

    def _suspects(self) -> Iterator[tuple[Sent, Condition]]:
        number = 0
        for sent, condition in list(self._client.state.silences.items()):
            is_known = (sent, condition) in self._innocent or sent.fields[0] == self._client.liveness_request
            if is_known or self._may_leave(sent):
                continue
            if not self._client.link.is_virtual and not sent.is_raw:
                kind = sent.fields[0][:1], len(sent.fields[0])
                if number >= MOST_REQUESTS or self._tried[kind] >= MOST_ALIKE:
                    continue
                self._tried[kind] += 1
                number += 1
            yield sent, condition

    def _may_leave(self, sent: Sent) -> bool:
        """Whether an ECU may take what was sent for a request to restart or to change the session.

        In a raw frame such a request may begin at any of the first four bytes.
        """
        readings = [data[start:] for data in sent.fields for start in range(4 if sent.is_raw else 1)]
        sessions = _USUAL_SESSIONS.union(self._client.sessions())
        for reading in readings:
            sub_function = reading[1] & ~SUPPRESS_POSITIVE_RESPONSE if len(reading) > 1 else None
            if reading[:1] == bytes((Service.ECU_RESET,)) and sub_function is not None:
                return True
            is_session = reading[:1] == bytes((Service.DIAGNOSTIC_SESSION_CONTROL,)) and sub_function is not None
            if is_session and (not sent.is_raw or sub_function in sessions):
                return True
        return False

    # Trying

    def _try(self, group: list[Sent], mark: _Mark | None) -> CrashCause | None:
        """Send a few suspects in a row; return the cause if they make the ECU restart.

        If they have an effect, send them singly, in pairs and all together, until one such group has an effect twice.
        """
        first = self._effect(group, mark)
        if first is None:
            return None
        is_alive = not first.is_dead or self._is_revived()
        singles, pairs = [[one] for one in reversed(group)], [list(pair) for pair in pairwise(group)]
        for part in [*singles, *pairs, group] if is_alive and len(group) > 1 else [group] if is_alive else []:
            effect = self._effect(part, mark) if part is not group else first
            if effect is None:
                continue
            is_alive = part is group or not effect.is_dead or self._is_revived()
            again = self._effect(part, mark) if is_alive else None
            if again is not None and (again.is_dead or self._is_kept_without(part, mark, again.after_s)):
                is_gone = again.is_dead and not self._is_revived()
                found = CrashCause(_shown(part), again.what, True, (again.exchange,), is_gone)
                if len(part) == 1:
                    self._known[part[0]] = found
                return found
            if not is_alive:
                first = effect
                break
        return None if is_alive else CrashCause(_shown(group), first.what, False, (first.exchange,), is_dead=True)

    def _is_revived(self) -> bool:
        try:
            self.revive()
        except ContactLost:
            return False
        return True

    def _effect(self, sents: Sequence[Sent], mark: _Mark | None) -> _Effect | None:
        """Send these suspects; return what happened if the ECU then stopped answering for a while, or lost its state.

        Return None if neither happened, or if the last suspect was answered.
        """
        client = self._client
        is_marked = mark is not None and self._ended[mark.name] < MOST_ENDED and self._is_true(mark.take)
        taken_s = client.link.now_s
        first_frame = client.trace.count
        replies = [reply for sent in sents if (reply := self._send(sent)) is not None]
        if not replies or (isinstance(replies[-1], Reply) and (replies[-1].is_positive or replies[-1].is_negative)):
            return None
        exchange = replies[-1].exchange()
        if any(one.is_raw for one in sents):  # an ECU that works through what it was sent is only late
            heard = [frame for one in replies if isinstance(one, RawReply) for frame in one.answers]
            await_quiet(client, MOST_BACKLOG_S, after=heard)
        begun_s = client.link.now_s
        is_deaf = client.life_in(client.request(client.liveness_request)) in (Life.NONE, Life.STRAY)
        if is_deaf and not client.await_life(client.target.reset.boot_s * SLOWEST_BOOT + RECOVERY_S):
            return _Effect(f"the ECU did not answer for {client.link.now_s - begun_s:.1f} s", exchange, is_dead=True)
        silent_s = client.link.now_s - begun_s
        last = sents[-1]
        is_late = is_deaf and not last.is_raw and self._came_late(last.fields[0], first_frame, client.trace.count)
        if is_late or self._is_busy():
            return None
        is_lost = is_marked and mark is not None and not self._is_true(mark.holds)
        after_s = client.link.now_s - taken_s
        if is_lost and mark is not None and not self._may_have_ended(after_s):
            what = f"the ECU crashed and restarted ({mark.name} was gone when it answered again)"
            return _Effect(what, exchange, after_s=after_s)
        if is_deaf and not sents[-1].is_raw:  # after odd frames an ECU may wait for more of them
            return _Effect(f"the ECU fell silent for {silent_s:.1f} s", exchange)
        return None

    def _is_busy(self) -> bool:
        """Whether the ECU still answers 0x21 (busy) after P2*, so that nobody can tell what the suspects did."""
        client = self._client
        give_up_s = client.link.now_s + client.target.timing.p2_star_ms / 1000
        while client.request(client.liveness_request).is_refused_with(Nrc.BUSY_REPEAT_REQUEST):
            if client.link.now_s > give_up_s:
                return True
        return False

    def _may_have_ended(self, elapsed_s: float) -> bool:
        """Whether the session, with its states, may have timed out because the ECU was busy for this long."""
        s3_ms = self._client.target.timing.s3_ms
        return s3_ms is not None and elapsed_s >= s3_ms / 1000 * IN_GOOD_TIME

    def _is_kept_without(self, sents: Sequence[Sent], mark: _Mark | None, after_s: float) -> bool:
        """Take the control: send a harmless request instead of the suspect, and wait a little longer than with the suspect.

        Return whether the ECU kept the state.
        """
        client = self._client
        if mark is None:
            return True
        if not self._is_true(mark.take):
            return False
        taken_s = client.link.now_s
        client.request(client.liveness_request)
        least_s = RAW_LISTEN_S if sents[-1].is_raw else client.target.timing.p2_ms / 1000
        client.wait(max(least_s, taken_s + after_s - client.link.now_s), "whether the ECU keeps what it holds")
        is_kept = self._is_true(mark.holds)
        until_s = client.link.now_s + OUTLASTS_S
        while is_kept and client.link.now_s < until_s:
            client.wait(KEEP_BUSY_S, "whether the ECU keeps what it holds")
            client.request(client.liveness_request)
        is_kept = is_kept and self._is_true(mark.holds)
        if not is_kept:
            self._ended[mark.name] += 1
            client.note(
                f"{mark.name} is lost without {_shown(sents)} too: whether that makes the ECU restart cannot be told"
            )
        return is_kept

    def _send(self, sent: Sent) -> Reply | RawReply | None:
        """Send the suspect again; return None if that is not permitted."""
        client = self._client
        try:
            if sent.is_raw:
                return client.raw_frames(sent.frames, listen_s=RAW_LISTEN_S)
            pdu = sent.fields[0]
            if is_send_key(pdu):
                self._security.request_seed((pdu[1] & ~SUPPRESS_POSITIVE_RESPONSE) - 1)
            if pdu[0] == Service.WRITE_DATA_BY_IDENTIFIER and len(pdu) > 3:
                did = int.from_bytes(pdu[1:3], "big")
                before = client.read_reply(did)
                if before.is_positive:
                    client.state.will_change(did, before.pdu[3:])
            return client.request(pdu, is_functional=sent.is_functional)
        except (Unjudged, NotPermitted, KeyFunctionError, ValueError):
            return None

    def _is_true(self, act: Callable[[], bool]) -> bool:
        try:
            return act()
        except (Unjudged, NotPermitted, KeyFunctionError):
            return False

    # What a restart loses

    def _mark_for(self, condition: Condition) -> _Mark | None:
        """Return a state whose loss would show a restart: the suspect's own if possible, else another."""
        if condition.level and (mark := self._unlocked_mark(condition.level)):
            return mark
        for session in dict.fromkeys((condition.session, *self._client.sessions())):
            if session not in (Session.DEFAULT, Session.PROGRAMMING) and (mark := self._session_mark(session)):
                return mark
        levels = [entry.level for entry in self._client.target.security]
        marks = (mark for level in levels if (mark := self._unlocked_mark(level) or self._seed_mark(level)))
        return next(marks, None)

    def session_sign(self, session: int) -> SessionSign | None:
        """Return a read or a seed request that the ECU answers differently in this session and in the default session.

        The search is done once for a session; it may leave the ECU in either session.
        """
        if session not in self._sessions:
            self._sessions[session] = self._find_session_sign(session)
        return self._sessions[session]

    def _find_session_sign(self, session: int) -> SessionSign | None:
        client = self._client
        client.enter_session(Session.DEFAULT)
        reads = [bytes((Service.READ_DATA_BY_IDENTIFIER, did >> 8, did & 0xFF)) for did in client.not_shown()]
        active = bytes((Service.READ_DATA_BY_IDENTIFIER, ACTIVE_SESSION >> 8, ACTIVE_SESSION & 0xFF))
        seeds = [bytes((Service.SECURITY_ACCESS, entry.level)) + entry.record for entry in client.target.security]
        probes = [active, *reads[:MOST_PROBES], *seeds]
        in_default = [_comparable(client.request(probe)) for probe in probes]
        if not client.enter_session(session).is_positive:
            return None
        client.await_life()
        for probe, there in zip(probes, in_default, strict=True):
            here = _comparable(client.request(probe))
            if here and there and here != there:
                return SessionSign(probe, here, there)
        return None

    def told_by(self, sign: SessionSign) -> str:
        """Send the sign's request, and return the answer in the form of `SessionSign.here`."""
        return _comparable(self._client.request(sign.request))

    def _session_mark(self, session: int) -> _Mark | None:
        """Return the session as a state whose loss shows a restart; None if there is no sign of the session."""
        client, sign = self._client, self.session_sign(session)
        if sign is None:
            return None

        def holds() -> bool:
            return self.told_by(sign) == sign.here

        def take() -> bool:
            return client.enter_session(session).is_positive and holds()

        return _Mark(f"session 0x{session:02X}", take, holds)

    def _unlocked_mark(self, level: int) -> _Mark | None:
        access, security = self._access, self._security
        entry = access.protected_by(level)
        if entry is None or not access.can_relock or not security.level(level).is_proven:
            return None

        def take() -> bool:
            security.unlock(level)
            return holds()

        def holds() -> bool:
            return access.locked_probe(entry, in_this_session=True).is_positive

        return _Mark(f"level 0x{level:02X}, which was open,", take, holds)

    def _seed_mark(self, level: int) -> _Mark | None:
        client, security = self._client, self._security
        if not self._access.can_relock or not security.level(level).is_proven:
            return None
        seed = b""

        def take() -> bool:
            nonlocal seed
            self._access.lock()
            client.session_for(level)
            seed = security.seed(level)
            return any(seed)

        def holds() -> bool:
            return security.send_key(level, security.right_key(level, seed)).is_positive

        return _Mark(f"the pending seed of level 0x{level:02X}", take, holds)


def _comparable(reply: Reply) -> str:
    """Reduce an answer to what can be compared: the data of a read, but not a seed's bytes; empty if there was no answer."""
    if reply.is_positive or reply.is_delayed:
        return reply.pdu.hex() if reply.request[0] == Service.READ_DATA_BY_IDENTIFIER else "positive"
    return f"negative {reply.nrc}" if reply.is_negative else ""


def _shown(sents: Sequence[Sent]) -> str:
    shown = []
    for sent in sents:
        frames = ", ".join(frame.text() for frame in sent.frames)
        shown.append(f"raw {frames}" if sent.is_raw else shown_request(sent.fields[0]))
    return ", then ".join(shown)


def shown_request(pdu: bytes) -> str:
    """Write a request in hex for use in a sentence; of a long request only the beginning."""
    text = pdu[:LONGEST_SHOWN_BYTES].hex(" ").upper()
    return text if len(pdu) <= LONGEST_SHOWN_BYTES else f"{text} … ({len(pdu)} bytes)"
