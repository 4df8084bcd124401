"""Keep wrong answers that were seen in passing, no matter what was requested, as evidence for checks of their form."""

from dataclasses import dataclass
from enum import Enum

from harness.runs.findings import Exchange
from harness.tester.reply import Reply
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Nrc, Service

LATE_S = 10.0
"""How long after an unanswered request an answer may still belong to it, in seconds."""
MOST = 64
"""The largest number of kinds that are kept: an ECU that answers everything wrongly must not fill the memory."""

REGULAR_LENGTHS: dict[int, range] = {
    Service.DIAGNOSTIC_SESSION_CONTROL: range(2, 3),
    Service.ECU_RESET: range(2, 3),
    Service.READ_DATA_BY_IDENTIFIER: range(3, 4),
    Service.SECURITY_ACCESS: range(2, 260),
    Service.WRITE_DATA_BY_IDENTIFIER: range(4, 4096),
    Service.TESTER_PRESENT: range(2, 3),
}
"""By service, the lengths in bytes of requests whose positive response is known to repeat the request's parameter."""


class Oddity(Enum):
    """A kind of wrong answer."""

    SECOND_ANSWER = "another final answer to a request that was answered already"
    MALFORMED_REFUSAL = "a refusal that is not 7F, the request's service and one code"
    WRONG_ECHO = "a positive response that does not repeat its request"


@dataclass(slots=True)
class Occurrences:
    """How often one kind of wrong answer came to one kind of request."""

    what: Oddity
    asked: str
    """The beginning of the request in hex."""
    said: str
    """The wrong answer in hex."""
    exchange: Exchange
    count: int = 0


class Oddities:
    """Keeps every kind of wrong answer of one ECU, with the first exchange that shows it."""

    def __init__(self) -> None:
        self._found: dict[tuple[Oddity, bytes], Occurrences] = {}
        self._unsure_until_s = 0.0
        self.second_answers = 0
        """How many second answers were kept, to requests of any kind."""

    def of(self, what: Oddity) -> list[Occurrences]:
        """Return the occurrences of one kind of wrong answer, the most frequent first."""
        return sorted((one for one in self._found.values() if one.what is what), key=lambda one: -one.count)

    def not_answered(self, now_s: float) -> None:
        """Note that a request got no answer, or that raw frames were sent, so that late answers may follow."""
        self._unsure_until_s = now_s + LATE_S

    def judge(self, reply: Reply, now_s: float) -> None:
        """Keep an invalid answer as evidence if the ECU meant it as the answer to its request."""
        message, request = reply.pdu, reply.request
        if not message or now_s < self._unsure_until_s:
            return
        is_article = len(message) == 2 and message == bytes((request[0], Nrc.INVALID_KEY))
        if message[0] == NEGATIVE_RESPONSE or is_article:
            self._add(Oddity.MALFORMED_REFUSAL, reply, message)
        elif message[0] == request[0] + RESPONSE_OFFSET and len(request) in REGULAR_LENGTHS.get(request[0], ()):
            self._add(Oddity.WRONG_ECHO, reply, message)

    def second_answer(self, reply: Reply, message: bytes, now_s: float) -> None:
        """Keep an answer to a request to which the ECU had already given its final answer."""
        if now_s >= self._unsure_until_s:
            self._add(Oddity.SECOND_ANSWER, reply, message)
            self.second_answers += 1

    def _add(self, what: Oddity, reply: Reply, message: bytes) -> None:
        key = (what, reply.request[:2])
        if key not in self._found and len(self._found) >= MOST:
            return
        asked, said = reply.request[:2].hex(" ").upper(), message[:8].hex(" ").upper()
        self._found.setdefault(key, Occurrences(what, asked, said, reply.exchange())).count += 1
