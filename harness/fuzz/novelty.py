"""Notice which kinds of answers are new, and count them by the state of the ECU in which the message was sent."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from harness.fuzz.case_state import CaseState, CaseStateKind
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.tester.seen import Condition
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Nrc, Service, Session

SentIn = tuple[Condition, int | None]
"""What was known of the ECU when a request was sent: its condition, and the level whose seed was pending."""

_Answer = tuple[int, int | str, bool, int]
"""An answer: its service, its code or kind, whether another answer came before it, and its length."""
_NO_SUCH_SERVICE: Final = "0x11"
CONSOLE: Final = "console/"
"""The beginning of features that are lines of the console."""
_IS_POSITIVE: Final = ReplyKind.POSITIVE
_POSITIVE, _MALFORMED = ReplyKind.POSITIVE.value, ReplyKind.MALFORMED.value

Cell = tuple[str, int, str]
"""One cell of the coverage: state, service and outcome."""

_ENDS_SEED: Final = frozenset((Nrc.INVALID_KEY, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS))
DEFAULT: Final = "default"
"""The state in which no session was entered and no seed asked for, as coverage and features name it."""


class Novelty:
    """Knows the kinds of answers of one ECU. `seen` are features that were new before.

    A feature is a state, a service, an outcome and a class of length, or a line of the console.
    """

    def __init__(self, seen: Iterable[str], exists: Callable[[int], None]) -> None:
        """`exists` is called with each service that the ECU turns out to have."""
        self._exists = exists
        self.seen = set(seen)
        self.news: list[str] = []
        """The features that were new since the caller last emptied the list."""
        self._counts: dict[str, dict[_Answer, int]] = {}
        """By state: kinds of answers, with how often each was seen."""
        self._names: dict[SentIn, str] = {}
        self._frames_sent_in: SentIn = (Condition(Session.DEFAULT, 0), None)

    def reached(self, state: SentIn) -> None:
        """Note in which state the next frames are sent; from then on only the answers to frames tell it."""
        self._frames_sent_in = state

    def hear(self, reply: Reply, sent_in: SentIn) -> None:
        """Note the answer to a request, and in which state the request was sent."""
        state = self._name_of(sent_in)
        nrc, kind = reply.nrc, reply.kind
        outcome = nrc if nrc is not None else _POSITIVE if kind is _IS_POSITIVE else kind.value
        self._look_at((reply.request[0], outcome, len(reply.replies) > 1, len(reply.pdu)), state)

    def hear_frames(self, heard: RawReply) -> None:
        """Note what was answered to frames."""
        for answer, pdu in _answers_in(heard):
            self._look_at(answer, self._name_of(self._frames_sent_in))
            self._frames_sent_in = _after(self._frames_sent_in, pdu)

    def _name_of(self, sent_in: SentIn) -> str:
        name = self._names.get(sent_in)
        if name is None:
            name = self._names[sent_in] = _named(*sent_in)
        return name

    def _look_at(self, answer: _Answer, state: str) -> None:
        counts = self._counts.get(state)
        if counts is None:
            counts = self._counts[state] = {}
        count = counts.get(answer)
        if count is not None:
            counts[answer] = count + 1
            return
        counts[answer] = 1
        service, length = answer[0], answer[3]
        outcome = _shown(answer)
        if outcome not in ("silence", "malformed", _NO_SUCH_SERVICE):
            self._exists(service)
        self._note(f"{state}/{service:02X}/{outcome}/{min(length, 8) if length < 16 else length.bit_length() + 8}")

    def hear_line(self, line: str) -> None:
        """Note a kind of line of the console."""
        self._note(f"{CONSOLE}{line}")

    def _note(self, feature: str) -> None:
        if feature not in self.seen:
            self.seen.add(feature)
            self.news.append(feature)

    @property
    def is_only_lack(self) -> bool:
        """Whether all that is new only says that the ECU lacks a service, which leads nowhere."""
        return all(_is_lack(news) for news in self.news)

    def cells(self) -> Counter[Cell]:
        """Return how often each outcome of each service was seen, by state."""
        found: Counter[Cell] = Counter()
        for state, counts in self._counts.items():
            for answer, count in counts.items():
                found[state, answer[0], _shown(answer)] += count
        return found


def _named(condition: Condition, pending_level: int | None) -> str:
    """Name a state in the words of a case: what comes last on the way to it."""
    if condition.level:
        return str(CaseState(CaseStateKind.UNLOCKED, condition.level))
    if pending_level is not None:
        return str(CaseState(CaseStateKind.SEED_PENDING, pending_level))
    if condition.session != Session.DEFAULT:
        return str(CaseState(CaseStateKind.SESSION, condition.session))
    return DEFAULT


def _answers_in(heard: RawReply) -> Iterator[tuple[_Answer, bytes]]:
    for frame in heard.answers:
        pdu = frame.pdu
        if pdu[:1] == bytes((NEGATIVE_RESPONSE,)) and len(pdu) > 2:
            yield (pdu[1], pdu[2], False, len(pdu)), pdu
        elif pdu:
            yield (pdu[0] & 0xBF, _POSITIVE if pdu[0] & 0x40 else _MALFORMED, False, len(pdu)), pdu


def _shown(answer: _Answer) -> str:
    _, outcome, is_late, _ = answer
    return f"{f'0x{outcome:02X}' if isinstance(outcome, int) else outcome}{'+' if is_late else ''}"


def _is_lack(news: str) -> bool:
    """Whether a feature only says that the ECU lacks a service."""
    return not news.startswith(CONSOLE) and news.split("/")[2] == _NO_SUCH_SERVICE


def _after(state: SentIn, answer: bytes) -> SentIn:
    """Return the state that an answer to frames tells of, if it tells of another one."""
    condition, _ = state
    kind, sub_function = answer[0], answer[1] if len(answer) > 1 else 0
    if kind == Service.DIAGNOSTIC_SESSION_CONTROL + RESPONSE_OFFSET:
        return Condition(sub_function, 0), None
    if kind == Service.ECU_RESET + RESPONSE_OFFSET:
        return Condition(Session.DEFAULT, 0), None
    if kind == Service.SECURITY_ACCESS + RESPONSE_OFFSET:
        if sub_function & 1:
            return condition, sub_function if any(answer[2:]) else None
        return Condition(condition.session, sub_function - 1), None
    if answer[:2] == bytes((NEGATIVE_RESPONSE, Service.SECURITY_ACCESS)) and answer[2] in _ENDS_SEED:
        return condition, None
    return state
