"""Find the sessions of one ECU, and the ways to enter and leave them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from harness.discovery.addresses import Progress
from harness.discovery.ecu_map import EcuMap
from harness.discovery.intervals import note_pending
from harness.tester.reply import Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, Service, Session, nrc_name

USUAL_SESSIONS = (0x01, 0x02, 0x03, 0x04, 0x40, 0x41, 0x50, 0x60, 0x63, 0x81, 0x82, 0x84, 0x85, 0x86, 0x90, 0xC0, 0xFA)
"""Sessions that are requested first, since an ECU that is silent to missing sessions is not asked for all of them."""
SESSION_IDS = tuple(dict.fromkeys((*USUAL_SESSIONS, *range(0x01, 0x100))))
"""All session numbers, the usual ones first. In most ECUs, a number above 0x7F is a lower number with the suppress bit."""
MOST_REFUSED = 8
"""How many sessions may get the same refusal before it counts as the ECU's answer to missing sessions."""
PARTS = 4
"""The share of the remaining time that one kind of requests may take, as one part in this many."""
START_UP_S = 5.0
"""The seconds before a session that was refused with conditionsNotCorrect is requested again."""
LONGEST_SESSION_S = 12.0
"""The longest wait in seconds for a session to end by itself, if it cannot be left."""
LONGEST_BOOT_S = 30.0
MOST_SESSIONS = 16
SILENT_QUESTIONS = 8
"""How many requests of one kind in a row may get no answer before no more of that kind are sent."""


HIGHEST_WITH_SUPPRESS_BIT = 0x7F
_NO_SUCH_SESSION = (
    Nrc.SERVICE_NOT_SUPPORTED,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED,
    Nrc.REQUEST_OUT_OF_RANGE,
    Nrc.INCORRECT_MESSAGE_LENGTH,
)
_TELLING = (b"\x22\xf1\x86", b"\x27\x01", b"\x27\x03", b"\x27\x11", b"\x31\x03\xff\x01", b"\x19\x01\xff", b"\x22\xf1\x90")
"""Requests that change nothing, and that ECUs often answer differently in different sessions."""


class SessionMapper:
    """Enters the sessions of one ECU, and sends requests there. Raises LinkError if the adapter fails."""

    def __init__(self, tester: Tester, progress: Progress, *, until_s: float = math.inf) -> None:
        """`until_s` is the time, by the link's clock, at which the time for this ECU is over."""
        self.tester = tester
        self.until_s = until_s
        self._begun_s = tester.link.now_s
        self._step_until_s = math.inf
        self.map = EcuMap()
        self._progress = progress
        self._vias: dict[int, int] = {}
        self._no_way_back: set[int] = set()
        self._is_stuck = False
        """Whether the ECU is in a session that nothing ends."""

    def sessions(self) -> None:
        """Find all sessions that can be entered, directly or through others, and from which session each can be entered."""
        found = self.map
        starts = [int(Session.DEFAULT)]
        for start in starts:
            starts += self._sessions_from(start, SESSION_IDS) if not self._is_stuck and self.enter(start) else []
            if start == Session.DEFAULT:
                starts += self._later()
            if len(found.sessions) > MOST_SESSIONS:
                found.not_asked.append(
                    f"{len(found.sessions)} sessions were entered, as if any would do; only the usual are mapped."
                )
                found.sessions = {session: said for session, said in found.sessions.items() if session in set(Session)}
                break
        for start in found.sessions:
            for end in found.sessions:
                if self.enter(start):
                    found.transitions[start, end] = str(self._ask_for(end))
        self.enter(Session.DEFAULT)
        self._sort_out_refusals()
        if not self._is_stuck:
            some_ways = [end for end in found.sessions if not all(found.leads(start, end) for start in found.sessions)]
            ways = {session: self._vias.get(session, int(Session.DEFAULT)) for session in some_ways}
            found.vias = {session: via for session, via in ways.items() if session != Session.DEFAULT}

    def _later(self) -> list[int]:
        """Return sessions that were refused with 0x22, as a starting ECU does, and can be entered some seconds later."""
        early = [one for one, said in self.map.refused_sessions.items() if _names(said.values(), Nrc.CONDITIONS_NOT_CORRECT)]
        if not early or self._is_stuck:
            return []
        self.tester.wait(START_UP_S)
        return self._sessions_from(int(Session.DEFAULT), early) if self.enter(Session.DEFAULT) else []

    def _is_worth_asking(self, start: int, session: int) -> bool:
        """Whether to request `session` from `start`, if it could not be entered from the default session.

        A session above 0x7F is requested only if it is usual, or its refusal shows that it may exist.
        """
        is_high = session > HIGHEST_WITH_SUPPRESS_BIT and session not in USUAL_SESSIONS
        return start == Session.DEFAULT or not is_high or session in self.map.refused_sessions

    def _sort_out_refusals(self) -> None:
        """Keep only the refusals that show that a session exists."""
        found = self.map
        codes = Counter(said for by in found.refused_sessions.values() for said in set(by.values()))
        for session, by in list(found.refused_sessions.items()):
            low = session & ~SUPPRESS_POSITIVE_RESPONSE
            if low != session and (low in found.sessions or low in found.refused_sessions or low in self._no_way_back):
                by = {}  # the lower session with the suppress bit
            telling = {start: said for start, said in by.items() if codes[said] <= MOST_REFUSED}
            if not telling or session in found.sessions or session in found.aliases or session in self._no_way_back:
                del found.refused_sessions[session]
            else:
                found.refused_sessions[session] = telling

    def _is_alias(self, session: int) -> bool:
        """Whether a session above 0x7F gives the same answers as the one of the same number without the highest bit."""
        other = session & ~SUPPRESS_POSITIVE_RESPONSE
        if other not in self.map.sessions:
            return False
        told = []
        for one in (other, session):
            self._ask_for(Session.DEFAULT)
            self._ask_for(one)
            replies = [self.tester.request(question) for question in _TELLING if self.tester.permits(question)]
            told.append([(reply.kind, reply.nrc, reply.pdu if reply.request[0] == 0x22 else b"") for reply in replies])
        return told[0] == told[1]

    def _sessions_from(self, start: int, candidates: Sequence[int]) -> list[int]:
        """Return the sessions that can be entered from `start` and were not known before."""
        found = self.map
        new: list[int] = []
        known = {*found.sessions, *found.aliases, *self._no_way_back}
        wanted = [session for session in candidates if session not in known and self._is_worth_asking(start, session)]
        what = "sessions" if start == Session.DEFAULT else f"sessions from session 0x{start:02X}"
        for session, reply in self.each(what, wanted, lambda session: bytes((0x10, session))):
            if not reply.is_positive:
                if reply.is_negative and not reply.is_refused_with(*_NO_SUCH_SESSION):
                    found.refused_sessions.setdefault(session, {})[start] = str(reply)
                if session > HIGHEST_WITH_SUPPRESS_BIT and reply.is_silence and not self.enter(start):
                    break  # the lower session may have been entered without an answer
                continue
            if reply.pdu[1:2] != bytes((session,)) or self._is_alias(session):
                found.aliases[session] = session & ~SUPPRESS_POSITIVE_RESPONSE
                if not self.enter(start):
                    break
                continue
            if start != Session.DEFAULT:
                self._vias[session] = start
            if self._leaves(session):
                new.append(session)
                found.sessions[session] = reply.pdu.hex(" ").upper()
                if len(reply.pdu) == 6:
                    found.p2_stated_ms = max(found.p2_stated_ms or 0, int.from_bytes(reply.pdu[2:4], "big"))
                    found.p2_star_ms = max(found.p2_star_ms or 0, int.from_bytes(reply.pdu[4:6], "big") * 10)
            if self._is_stuck or len(found.sessions) > MOST_SESSIONS or not self.enter(start):
                break
        return new

    def _leaves(self, session: int) -> bool:
        """Leave the session for the default one, and return whether that worked; if not, note never to enter it again."""
        reply = self._ask_for(Session.DEFAULT)
        if reply.is_positive:
            return True
        self._no_way_back.add(session)
        worked = (how for how, end in self._ends() if end() and self._ask_for(Session.DEFAULT).is_positive)
        how = next(worked, "")
        self._is_stuck = not how
        how = how or "nothing that was tried ended it, and whatever follows was asked in it"
        self.map.not_asked.append(f"Session 0x{session:02X} could not be left by 10 01 ({reply}): {how}. It is left out.")
        return False

    def _ends(self) -> list[tuple[str, Callable[[], bool]]]:
        """Return ways to end a session that cannot be left, the mildest first; each returns whether it was done."""
        tester = self.tester

        def wait() -> bool:
            tester.wait(LONGEST_SESSION_S)
            return True

        def reset() -> bool:
            is_taken = tester.permits(b"\x11\x01") and tester.request(b"\x11\x01").is_positive
            return is_taken and tester.await_life(LONGEST_BOOT_S)

        def cut_power() -> bool:
            if not tester.allows("power") or not tester.link.can_power_cycle():
                return False
            tester.link.power_cycle()
            return tester.await_life(LONGEST_BOOT_S)

        ended_by_itself = f"it ended by itself within {LONGEST_SESSION_S:g} s"
        return [(ended_by_itself, wait), ("a reset ended it", reset), ("a power cycle ended it", cut_power)]

    def _ask_for(self, session: int) -> Reply:
        return self.tester.request(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session)))

    def enter(self, session: int) -> bool:
        """Enter a session in the way that was found, and return whether that worked."""
        if not self.map.sessions:
            return session == Session.DEFAULT
        way = [session]
        while way[0] != Session.DEFAULT:
            way.insert(0, self._vias.get(way[0], int(Session.DEFAULT)))
        replies = [self._ask_for(step) for step in way]
        return session == Session.DEFAULT or replies[-1].is_positive  # some refuse to enter the session that they are in

    def begin_step(self) -> None:
        """Limit the next requests to a part of the time, so that even a slow ECU gets some requests of each kind."""
        now_s = self.tester.link.now_s
        self._step_until_s = now_s + max(0.0, self.until_s - now_s) / PARTS

    def is_time_up(self) -> bool:
        """Whether the time for this ECU is over; if so, record that in the map."""
        is_up = self.tester.link.now_s > self.until_s
        sentence = f"The time was up after {self.until_s - self._begun_s:g} s, and whatever follows was not asked."
        if is_up and sentence not in self.map.not_asked:
            self.map.not_asked.append(sentence)
        return is_up

    def each(self, what: str, numbers: Sequence[int], request_of: Callable[[int], bytes]) -> Iterator[tuple[int, Reply]]:
        """Send the request for each number, and yield the answers; skip forbidden requests, stop when the ECU is silent."""
        tester = self.tester
        silent = 0
        refused: list[int] = []
        harms: set[str] = set()
        total = len(numbers)
        for done, number in enumerate(numbers):
            request = request_of(number)
            if done % 16 == 0:
                self._progress(what, done, total)
            if tester.link.now_s > self._step_until_s or self.is_time_up():
                self.map.not_asked.append(f"{what.capitalize()}: {total - done} of {total} were left out for want of time.")
                break
            if not tester.permits(request):
                refused.append(number)
                harms |= tester.gate.harms(request)
                continue
            reply = tester.request(request)
            note_pending(tester, self.map, reply)
            silent = silent + 1 if reply.kind is ReplyKind.SILENCE else 0
            yield number, reply
            if silent >= SILENT_QUESTIONS and done + 1 < total:
                sentence = f"{what.capitalize()}: {silent} questions in a row were not answered."
                self.map.not_asked += [sentence] if sentence not in self.map.not_asked else []
                break
        if refused:
            needed = ", ".join(f'"{harm}"' for harm in sorted(harms - tester.target.safety.allow))
            kind = what.partition(" in ")[0].partition(" from ")[0].capitalize()
            sentence = f"{kind} {ranges(refused)} were not asked for: the target does not allow {needed}."
            if sentence not in self.map.not_asked:
                self.map.not_asked.append(sentence)

    def in_each_session(self) -> Iterator[int]:
        """Enter each session that was found, programming last, and yield it; if none was found, yield the present one."""
        for session in sorted(self.map.sessions or (int(Session.DEFAULT),), key=_preference):
            if self.enter(session):
                yield session
        self.enter(Session.DEFAULT)


def _names(said: Iterable[str], nrc: Nrc) -> bool:
    return any(nrc_name(nrc) in one for one in said)


def ranges(numbers: Sequence[int]) -> str:
    """Write ascending numbers in hex, consecutive ones as ranges: ``04 10-12``."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1] = [found[-1][0], number]
        else:
            found.append([number])
    return " ".join("-".join(f"{number:02X}" for number in one) for one in found)


def _preference(session: int) -> tuple[bool, int]:
    return session == Session.PROGRAMMING, session
