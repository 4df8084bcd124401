"""Note in passing how services and data were answered, in which session, and with which level open."""

from typing import NamedTuple

from harness.tester.reply import Reply, ReplyKind
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Service, Session, is_send_key

MOST_SUBJECTS = 4096
"""The largest number of subjects that are noted: reading all data identifiers must not fill the memory."""

# Plain numbers: before Python 3.12 looking up an enum's member is slow, and every exchange is noted.
_READ, _WRITE = int(Service.READ_DATA_BY_IDENTIFIER), int(Service.WRITE_DATA_BY_IDENTIFIER)
_SESSION, _RESET = int(Service.DIAGNOSTIC_SESSION_CONTROL), int(Service.ECU_RESET)
_DEFAULT, _POSITIVE, _SILENCE = int(Session.DEFAULT), ReplyKind.POSITIVE, ReplyKind.SILENCE


class Condition(NamedTuple):
    """The condition under which a request was answered, as far as earlier exchanges show it."""

    session: int
    """The session that was entered last, unless a restart or a long silence has ended it."""
    level: int
    """The security level whose key was accepted in this session; 0 if none was."""


class Seen:
    """Keeps every outcome of every service and data identifier, by the condition under which the request was sent."""

    def __init__(self, s3_s: float | None) -> None:
        self.condition = Condition(_DEFAULT, 0)
        self.outcomes: dict[bytes, dict[Condition, set[ReplyKind | int]]] = {}
        """Outcomes by condition, for each service (one byte) and each service with data identifier (three bytes).

        A refusal is noted as its code.
        """
        self._s3_s = s3_s

    def note(self, request: bytes, outcome: ReplyKind | int) -> None:
        """Note the outcome of a request."""
        self._note(request[:1], outcome)
        if (request[0] == _READ and len(request) == 3) or (request[0] == _WRITE and len(request) > 3):
            self._note(request[:3], outcome)

    def _note(self, subject: bytes, outcome: ReplyKind | int) -> None:
        if subject in self.outcomes or len(self.outcomes) < MOST_SUBJECTS:
            self.outcomes.setdefault(subject, {}).setdefault(self.condition, set()).add(outcome)

    def learn(self, reply: Reply) -> None:
        """Update the condition from an answer of service 10, 11 or 27: a new session, a restart, or an open level."""
        request = reply.request
        if reply.kind is not _POSITIVE:
            is_suppressed = len(request) > 1 and bool(request[1] & SUPPRESS_POSITIVE_RESPONSE)
            if reply.kind is not _SILENCE or not is_suppressed:
                return
        sub_function = request[1] & ~SUPPRESS_POSITIVE_RESPONSE if len(request) > 1 else 0
        if request[0] == _SESSION:
            is_high = reply.pdu[1:2] == request[1:2]  # a session above 0x7F, which has no suppress bit
            self.condition = Condition(request[1] if is_high else sub_function, 0)
        elif request[0] == _RESET:
            self.restarted()
        elif is_send_key(request):
            self.condition = Condition(self.condition.session, sub_function - 1)

    def restarted(self) -> None:
        """Note that the ECU was told to restart."""
        self.condition = Condition(_DEFAULT, 0)

    def was_left_alone(self, seconds: float) -> None:
        """Note that the tester sent nothing for `seconds`: from S3 on, the session counts as ended."""
        if self._s3_s is not None and seconds >= self._s3_s:
            self.restarted()
