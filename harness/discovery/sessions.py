"""Which sessions does one ECU have, and by which ways are they entered and left?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.discovery.addresses import Progress
from harness.discovery.ecu_map import EcuMap
from harness.discovery.timing import note_pending
from harness.tester.reply import Kind, Reply
from harness.tester.tester import Tester
from harness.uds import Service, Session

SESSION_IDS = range(0x01, 0x80)
LONGEST_SESSION_S = 12.0
"""A session that is not left when asked is given so long to end by itself."""
LONGEST_BOOT_S = 30.0
MOST_SESSIONS = 16
SILENT_QUESTIONS = 8
"""An ECU that leaves so many questions of a kind unanswered in a row is not asked the others."""


class SessionMapper:
    """Brings one ECU into its sessions, and asks it there. LinkError: the adapter fails."""

    def __init__(self, tester: Tester, progress: Progress) -> None:
        self.tester = tester
        self.map = EcuMap()
        self._progress = progress
        self._vias: dict[int, int] = {}
        self._no_way_back: set[int] = set()
        self._is_stuck = False
        """In a session that nothing ends."""

    def sessions(self) -> None:
        """Every session that is entered from the default one, or from one of those and so on, and the ways between them."""
        found = self.map
        starts = [int(Session.DEFAULT)]
        for start in starts:
            starts += self._sessions_from(start) if not self._is_stuck and self.enter(start) else []
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
        if not self._is_stuck:
            some_ways = [end for end in found.sessions if not all(found.leads(start, end) for start in found.sessions)]
            ways = {session: self._vias.get(session, int(Session.DEFAULT)) for session in some_ways}
            found.vias = {session: via for session, via in ways.items() if session != Session.DEFAULT}

    def _sessions_from(self, start: int) -> list[int]:
        """The sessions that were not known before, and are entered from this one."""
        found = self.map
        new: list[int] = []
        wanted = [session for session in SESSION_IDS if session not in found.sessions and session not in self._no_way_back]
        what = "sessions" if start == Session.DEFAULT else f"sessions from session 0x{start:02X}"
        for session, reply in self.each(what, wanted, lambda session: bytes((0x10, session))):
            if not reply.is_positive:
                continue
            if start != Session.DEFAULT:
                self._vias[session] = start
            if self._leaves(session):
                new.append(session)
                found.sessions[session] = reply.pdu.hex(" ").upper()
                if len(reply.pdu) == 6:
                    found.p2_star_ms = int.from_bytes(reply.pdu[4:6], "big") * 10
            if self._is_stuck or len(found.sessions) > MOST_SESSIONS or not self.enter(start):
                break
        return new

    def _leaves(self, session: int) -> bool:
        """Whether the default session can be had again from this one; if not, it is never entered again."""
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
        """What may end a session that is not left when asked, the mildest first; each tells whether it was done."""
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
        """Be in a session, by the way that was found; the default one where there are no others."""
        if not self.map.sessions:
            return session == Session.DEFAULT
        way = [session]
        while way[0] != Session.DEFAULT:
            way.insert(0, self._vias.get(way[0], int(Session.DEFAULT)))
        replies = [self._ask_for(step) for step in way]
        return session == Session.DEFAULT or replies[-1].is_positive  # some refuse to enter the session that they are in

    def each(self, what: str, numbers: Sequence[int], request_of: Callable[[int], bytes]) -> Iterator[tuple[int, Reply]]:
        """One question for each number, as far as questions of the kind are permitted and get answers."""
        tester = self.tester
        silent = 0
        refused: list[int] = []
        harms: set[str] = set()
        total = len(numbers)
        for done, number in enumerate(numbers):
            request = request_of(number)
            if done % 16 == 0:
                self._progress(what, done, total)
            if not tester.permits(request):
                refused.append(number)
                harms |= tester.gate.harms(request)
                continue
            reply = tester.request(request)
            note_pending(tester, self.map, reply)
            silent = silent + 1 if reply.kind is Kind.SILENCE else 0
            yield number, reply
            if silent >= SILENT_QUESTIONS and done + 1 < total:
                self.map.not_asked.append(f"{what.capitalize()}: {silent} questions in a row were not answered.")
                break
        if refused:
            needed = ", ".join(f'"{harm}"' for harm in sorted(harms - tester.target.safety.allow))
            kind = what.partition(" in ")[0].partition(" from ")[0].capitalize()
            sentence = f"{kind} {ranges(refused)} were not asked for: the target does not allow {needed}."
            if sentence not in self.map.not_asked:
                self.map.not_asked.append(sentence)

    def in_each_session(self) -> Iterator[_Here]:
        """Each session that was found, entered, programming last; just the one there is where none was."""
        for session in sorted(self.map.sessions or (int(Session.DEFAULT),), key=_preference):
            if self.enter(session):
                yield _Here(session)
        self.enter(Session.DEFAULT)


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in hex, those that follow each other as ranges: ``04 10-12``."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1] = [found[-1][0], number]
        else:
            found.append([number])
    return " ".join("-".join(f"{number:02X}" for number in one) for one in found)


def _preference(session: int) -> tuple[bool, int]:
    return session == Session.PROGRAMMING, session


@dataclass(frozen=True, slots=True)
class _Here:
    """The session that is active, as progress is told of it."""

    number: int

    def __str__(self) -> str:
        return f" in session 0x{self.number:02X}"
