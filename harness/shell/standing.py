"""Follow the ECU's session, open level and pending seed, by requests and answers alone."""

from dataclasses import dataclass

from harness.target import Target
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Service, Session


@dataclass(slots=True)
class EcuCondition:
    """The session, open level and pending seed of an ECU at one moment."""

    session: int = Session.DEFAULT
    open_level: int | None = None
    seed_level: int | None = None
    """The level whose seed was given last in this session."""
    seed: bytes = b""
    """The seed that was given last in this session."""
    is_answered: bool = False
    """Whether a key was sent since that seed was given."""


class ConditionKeeper:
    """Keeps track of the condition of one ECU."""

    def __init__(self, target: Target) -> None:
        self._s3_s = None if target.timing.s3_ms is None else target.timing.s3_ms / 1000
        self._heard_s: float | None = None
        self.now = EcuCondition()

    def pass_time(self, now_s: float) -> None:
        """After more than S3 without an exchange, note that the ECU is in the default session with every level locked."""
        is_over = self._s3_s is not None and self._heard_s is not None and now_s - self._heard_s > self._s3_s
        if is_over and self.now.session != Session.DEFAULT:
            self.now = EcuCondition()
        self._heard_s = now_s

    def hear(self, request: bytes, answer: bytes, now_s: float) -> None:
        """Update the condition by a request and its answer; the answer is empty if none came."""
        self.pass_time(now_s)
        service = request[0] if request else 0
        is_positive = bool(answer) and answer[0] == service + RESPONSE_OFFSET and answer[0] != NEGATIVE_RESPONSE
        if service == Service.DIAGNOSTIC_SESSION_CONTROL and is_positive and len(answer) > 1:
            self.now = EcuCondition(session=answer[1])
        elif service == Service.ECU_RESET and is_positive:
            self.now = EcuCondition()
        elif service == Service.SECURITY_ACCESS and len(request) > 1:
            self._hear_security(request[1], answer, is_positive=is_positive)

    def _hear_security(self, sub_function: int, answer: bytes, *, is_positive: bool) -> None:
        now = self.now
        if sub_function & 1:
            if is_positive and any(answer[2:]):
                now.seed_level, now.seed, now.is_answered = sub_function & 0x7F, answer[2:], False
            return
        now.is_answered = True
        if is_positive:
            now.open_level = (sub_function & 0x7F) - 1
