"""Learn the usual behaviour of one ECU, and notice when it changes.

Five things are watched: response times, the session, unasked messages, the console, and the memory in use. Each is compared
with a control on the same ECU in the same minutes: an answer is slow beside others of its service, a session is lost only
if it was seen to be kept, traffic is unasked if there was none before, a line is new if starting up does not print it, and
memory grows if the same number of plain requests leaves it unchanged.
"""

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

from harness.errors import ContactLost, KeyFunctionError, NotPermitted, Unjudged
from harness.fuzz.answers import ASK_FOR_TRAFFIC, Complaint
from harness.fuzz.keyed import shown_bytes
from harness.fuzz.oracles import Damage
from harness.tester.bus_load import await_quiet, own_lag_s
from harness.tester.crashes import SessionSign
from harness.tester.listening import SENDS_UNASKED
from harness.tester.observe import ConsoleTail, memory_in_use
from harness.tester.reply import Reply
from harness.tester.tester import Tester
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Service, Session
from harness.verdict import Severity

MAY_END_SESSION: Final = frozenset((0x10, 0x11, 0x27, 0x29, 0x83, 0x87))
"""Services after which no session is judged until one is entered anew, because a sound ECU may have left its session."""
TAKES_ITS_TIME: Final = frozenset((0x27, 0x29))
"""Services for which a sound ECU may take time to compute, even to refuse."""

MEMORY: Final = "memory"
"""The name of the damage that only many repetitions show: memory that grows."""

RECENT_ANSWERS: Final = 64
FEWEST_ANSWERS: Final = 16
USUAL_SHARE: Final = 0.9
TIMES_USUAL: Final = 5
MORE_THAN_USUAL_S: Final = 0.02
"""The seconds by which a slow answer exceeds nine in ten answers of its service, and takes `TIMES_USUAL` times as long."""
SLOW_TIMES: Final = 3
SLOWEST_ANSWER_S, LATEST_ANSWER_S = 2.0, 1.0
OWN_LAG_SHARE: Final = 0.2
"""The share of the excess by which this computer may itself be late; beyond that, times are not judged."""
QUIET_S, GOES_ON_S = 0.2, 1.0
SESSION_EVERY: Final = 4
"""One in this many examinations of the ECU also tests the session."""
WEIGHED_TIMES: Final = 3

_NUMBERS: Final = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]*\d[0-9a-f]*\b", re.IGNORECASE)
_LONGEST_LINE: Final = 160
MOST_LINES: Final = 512
_FAULT: Final = re.compile(
    "|".join(
        (
            r"\bpanic",
            r"\bassert(?:ion)?\b.*(?:\bfail|:\d)",
            r"\b(?:hard|bus|usage|memory|page|double) ?fault\b",
            r"segmentation fault|\bsegfault|core dumped",
            r"stack (?:overflow|smashing)|(?:buffer|heap)[ -]overflow|heap corruption|out of memory",
            r"Traceback \(|Sanitizer\b|\bunhandled exception",
            r"\bwatchdog\b.*\b(?:reset|bite|timeout|expired)",
        )
    ),
    re.IGNORECASE,
)
"""A pattern for console lines that report a fault."""


@lru_cache(maxsize=MOST_LINES)
def _tells_of_a_fault(kind: str) -> bool:
    return _FAULT.search(kind) is not None


_TOLD_APART: Final = MAY_END_SESSION | frozenset(ASK_FOR_TRAFFIC)


class Habits:
    """Learns the usual behaviour of one ECU, and reports changes. Call `begin` each time the ECU is in a known state."""

    def __init__(self, tester: Tester, hear_line: Callable[[str], None] | None = None) -> None:
        """Start to watch. `hear_line` is called with each new kind of console line, in which # stands for numbers."""
        self._tester = tester
        self._hear_line = hear_line
        self._times: dict[int, deque[float]] = {}
        self._quick: dict[int, bytes] = {}
        """By service: a request that the ECU answered as fast as usual."""
        self._signs: dict[int, SessionSign | None] = {}
        """By session: a request that distinguishes it from the default session; None if there is none."""
        self._is_session_sure = False
        self._looks = 0
        self._was_quiet = True
        self._may_send = False
        self._console = ConsoleTail(tester)
        self._lines: set[str] = set()
        self._usual_lines: set[str] = set()
        self._memory: float | None = None
        self._weighed: list[tuple[bytes, ...]] = []

    def know(self, sessions: Iterable[int]) -> None:
        """Find requests that tell these sessions from the default session; leave the ECU in the default session."""
        tester = self._tester
        unknown = [one for one in sessions if one not in self._signs and one not in (Session.DEFAULT, Session.PROGRAMMING)]
        for session in unknown if tester.has_sessions else ():
            try:
                self._signs[session] = tester.crashes.session_sign(session)
            except ContactLost:
                raise
            except (Unjudged, NotPermitted, KeyFunctionError):
                self._signs[session] = None
        if unknown and tester.has_sessions:
            tester.enter_session(Session.DEFAULT)

    def renewed(self) -> None:
        """Note that the ECU is being brought to a known state: lines that it prints until `begin` are usual."""
        if self._hear_line is None:
            self._console.skip()
        else:
            self._new_lines()

    def begin(self, *, is_weighed: bool) -> None:
        """Record the present behaviour of the ECU; `is_weighed`: record the memory in use too, if the target says how."""
        self._is_session_sure = False
        self._may_send = False
        self._was_quiet = self._is_quiet()
        if not self._was_quiet:
            self._tester.note("what is sent unasked was not watched: the ECU sends unasked without any message")
        self._usual_lines |= set(self._new_lines())
        self._memory = memory_in_use(self._tester) if is_weighed else None
        self._weighed.clear()

    def close(self) -> None:
        """Stop following the console."""
        self._console.close()

    # What is sent, and answered

    def entered(self) -> None:
        """Note that the session was entered, and that nothing has been sent since."""
        self._is_session_sure = True

    def sent(self, messages: Sequence[bytes], *, is_raw: bool) -> None:
        """Note requests, or data fields of frames, that are sent next."""
        for message in messages:
            readings = message[1:4] if is_raw else message[:1]
            if _TOLD_APART.isdisjoint(readings):
                continue
            if not MAY_END_SESSION.isdisjoint(readings):
                self._is_session_sure = False
                self._memory = None  # what restarts, or counts wrong keys, is not sent again to be weighed
            if not ASK_FOR_TRAFFIC.isdisjoint(readings):
                self._may_send = True
        if self._memory is not None:
            self._weighed.append(tuple(messages))

    def heard(self, reply: Reply) -> None:
        """Note the answer to a request."""
        if reply.request[0] in MAY_END_SESSION:
            self._is_session_sure = reply.request[0] == Service.DIAGNOSTIC_SESSION_CONTROL and reply.is_positive

    # How fast it answers

    def slowness(self, reply: Reply, elapsed_s: float) -> Complaint | None:
        """Return the complaint about a slow answer; None if the answer is as fast as usual, or is not slow each time."""
        service = reply.request[0]
        times = self._times.get(service)
        if times is None:
            times = self._times[service] = deque(maxlen=RECENT_ANSWERS)
        if elapsed_s <= MORE_THAN_USUAL_S or len(times) < FEWEST_ANSWERS:
            if len(reply.replies) == 1:
                times.append(elapsed_s)
                self._quick[service] = reply.request
            return None
        usual_s = sorted(times)[int(USUAL_SHARE * len(times))]
        limit_s = max(TIMES_USUAL * usual_s, usual_s + MORE_THAN_USUAL_S)
        if elapsed_s <= limit_s or len(reply.replies) > 1:
            if len(reply.replies) == 1:
                times.append(elapsed_s)
            return None
        is_in_time = elapsed_s < self._tester.target.timing.p2_ms / 1000
        if is_in_time and (reply.is_positive or service in TAKES_ITS_TIME):
            return None
        return self._confirmed(reply.request, usual_s, limit_s)

    def lateness(self, reply: Reply, waited_s: float) -> tuple[Complaint | None, bool]:
        """Judge a request that got no answer within `waited_s`.

        Return the complaint if its answer comes late each time, and whether the ECU was gone: it answered no plain request,
        nor this request later.
        """
        tester, service = self._tester, reply.request[0]
        if not tester.answers_now() and not tester.answers_now():
            late = tester.listen(LATEST_ANSWER_S, why="whether the answer comes late")
            answers = (bytes((NEGATIVE_RESPONSE, service)), bytes((service + RESPONSE_OFFSET,)))
            if not any(frame.pdu.startswith(answers) for frame in late):
                return None, True
        times = self._times.get(service, ())
        if len(times) < FEWEST_ANSWERS:
            return None, False
        usual_s = sorted(times)[int(USUAL_SHARE * len(times))]
        limit_s = max(TIMES_USUAL * usual_s, usual_s + MORE_THAN_USUAL_S)
        return self._confirmed(reply.request, usual_s, limit_s) if limit_s <= waited_s else None, False

    def _confirmed(self, request: bytes, usual_s: float, limit_s: float) -> Complaint | None:
        """Return the complaint if the request is slow each time, while another request of its service in between is not."""
        tester, service = self._tester, request[0]
        control = self._quick[service]
        # A late answer to it must not be taken for the next one's.
        tester.listen(10 * tester.target.timing.p2_ms / 1000, why="a late answer")
        slow: list[float] = []
        quick: list[float] = []
        for _ in range(SLOW_TIMES):
            lag_s = own_lag_s(tester)
            taken_s, control_s = self._time(request), self._time(control)
            if taken_s is None or control_s is None or lag_s > OWN_LAG_SHARE * (limit_s - usual_s):
                return None
            if taken_s <= limit_s or control_s > usual_s + MORE_THAN_USUAL_S / 2:
                return None
            slow.append(taken_s)
            quick.append(control_s)
        p2_s = tester.target.timing.p2_ms / 1000
        limit_ms = math.ceil(1000 * limit_s)
        shown = ", ".join(f"{1000 * one:.1f}" for one in slow)
        observed = f"{shown} ms; between them {shown_bytes(control)} took {1000 * max(quick):.1f} ms at most"
        usual = f"most of service {service:02X} take {1000 * usual_s:.1f} ms"
        expected = f"an answer to {shown_bytes(request)} within {limit_ms} ms: {usual}"
        severity = Severity.MEDIUM if min(slow) > p2_s else Severity.LOW
        return Complaint(f"slow {service:02X}", expected, observed, "any", severity, within_ms=limit_ms)

    def _time(self, request: bytes) -> float | None:
        """Return the seconds until the answer; None if no answer comes, or "response pending" comes first."""
        reply = self._tester.request(request, timeout_s=SLOWEST_ANSWER_S)
        if len(reply.replies) != 1:
            return None
        return next(iter(self._tester.answer_times_s(reply)), None)

    # What it keeps, sends and prints

    def check(self, *, is_thorough: bool) -> Damage | None:
        """Return the first change of behaviour that is found, beginning with what costs least."""
        self._looks += 1
        damage = self.check_console()
        if damage is None and (is_thorough or self._looks % SESSION_EVERY == 0):
            damage = self._check_session()
        if damage is None and is_thorough:
            damage = self._check_quiet() or self._check_memory()
        return damage

    def _check_session(self) -> Damage | None:
        """Return the sign of a lost session: the ECU answers as in the default session, though no request sent it there."""
        tester = self._tester
        session = tester.state.condition.session
        sign = self._signs.get(session) if self._is_session_sure else None
        if sign is None or tester.crashes.told_by(sign) != sign.in_default:
            return None
        self._is_session_sure = False
        if not tester.enter_session(session).is_positive or tester.crashes.told_by(sign) == sign.in_default:
            return None
        words = f"{shown_bytes(sign.request)} is answered as in the default session, and otherwise when it is entered anew"
        return Damage("session", f"the ECU still in session 0x{session:02X}", words, Severity.LOW)

    def _is_quiet(self) -> bool:
        link = self._tester.link
        return link.is_quiet_for(QUIET_S) or not self._tester.listen(QUIET_S, why=SENDS_UNASKED)

    def _check_quiet(self) -> Damage | None:
        """Return the complaint about messages that answer no request, and keep coming."""
        tester = self._tester
        if not self._was_quiet or self._may_send or tester.link.is_quiet_for(QUIET_S):
            return None
        await_quiet(tester, QUIET_S)
        if not tester.listen(QUIET_S, why=SENDS_UNASKED):
            return None
        unasked = tester.listen(GOES_ON_S, why=SENDS_UNASKED)
        if not unasked or tester.is_shared():
            return None
        shown = f"{unasked[0].text()} and {len(unasked) - 1} more" if len(unasked) > 1 else unasked[0].text()
        observed = f"{shown} in {GOES_ON_S:g} s in which nothing was sent"
        return Damage("unasked", "nothing on the response id that nobody asked for", observed, Severity.LOW)

    def _new_lines(self) -> Sequence[str]:
        """Return the kinds of lines that were printed since the last call."""
        lines = self._console.new_lines()
        if not lines:
            return ()
        kinds = [kind for line in lines if (kind := _NUMBERS.sub("#", line.strip())[:_LONGEST_LINE])]
        for kind in kinds:
            if self._hear_line is not None and kind not in self._lines and len(self._lines) < MOST_LINES:
                self._lines.add(kind)
                self._hear_line(kind)
        return kinds

    def check_console(self) -> Damage | None:
        """Return the complaint about a line that reports a fault."""
        for kind in self._new_lines():
            if kind not in self._usual_lines and _tells_of_a_fault(kind):
                expected = "nothing on the console that tells of a fault"
                return Damage(f"console {kind[:60]}", expected, f"it prints: {kind}", Severity.MEDIUM)
        return None

    # The memory that it uses

    def _check_memory(self) -> Damage | None:
        """Return the complaint of memory that grows with the recorded requests, but not with as many plain ones."""
        tester, before = self._tester, self._memory
        if before is None or not self._weighed:
            return None
        sent, self._memory = self._weighed, None
        self._weighed = []
        grown = [self._grown(before)]
        control: list[float] = []
        while grown[-1] > 0 and len(control) < WEIGHED_TIMES:
            before = self._in_use()
            for _ in sent:
                tester.request(tester.liveness_request)
            control.append(self._grown(before))
            if grown[-1] <= 2 * max(0.0, *control):
                return None
            if len(control) < WEIGHED_TIMES:
                before = self._in_use()
                for messages in sent:
                    for message in messages:
                        tester.request(message)
                grown.append(self._grown(before))
        if grown[-1] <= 2 * max(0.0, *control, 0.0):
            return None
        each = "; ".join(f"{one:g}" for one in grown)
        observed = f"it grows by {each} with {len(sent)} messages, and by {max(control):g} with as many plain requests"
        return Damage(MEMORY, "as much memory in use as before", observed, Severity.MEDIUM)

    def _in_use(self) -> float:
        return memory_in_use(self._tester) or 0.0

    def _grown(self, before: float) -> float:
        return self._in_use() - before
