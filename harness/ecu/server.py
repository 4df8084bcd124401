"""How does an ECU come to its answer? It asks one rule after the other, and the first that decides is right."""

from __future__ import annotations

from typing import Final

from harness.ecu.config import EcuConfig
from harness.ecu.rules import UNSUPPORTED, Rule, ServiceRules, Surroundings, chain
from harness.ecu.services import SERVICES
from harness.ecu.state import State, factory_state, rebooted
from harness.uds import NEGATIVE_RESPONSE, SUPPRESS_POSITIVE_RESPONSE, Nrc, Session, negative_response

SILENT_WHEN_FUNCTIONAL: Final = frozenset(
    (
        Nrc.SERVICE_NOT_SUPPORTED,
        Nrc.SUB_FUNCTION_NOT_SUPPORTED,
        Nrc.REQUEST_OUT_OF_RANGE,
        Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
        Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
    )
)
"""Refusals that an ECU keeps to itself when the request went to all (ISO 14229-1:2020 8.7.5)."""

_DEFAULT_SESSION: Final = int(Session.DEFAULT)

_OFTEN_MALFORMED: Final = frozenset((Nrc.INVALID_KEY, Nrc.REQUEST_OUT_OF_RANGE))
"""The refusals that the defects of the negative response's format spoil: the two that the article gets wrong."""


class Server:
    """An ECU's diagnostic server: a state, and an ordered chain of rules for each service.

    Rules read `config`, `service`, `sub_functions`, `data_identifiers`, `levels`, `now_s` and change `state`.
    """

    surroundings: Surroundings
    state: State
    service: ServiceRules
    now_s: float

    def __init__(self, config: EcuConfig) -> None:
        self.config = config
        self.data_identifiers = {entry.did: entry for entry in config.data_identifiers}
        self.levels = {level.level: level for level in config.levels}
        self.sub_functions = {
            service.sid: service.sub_functions(config) for service in SERVICES.values() if service.sub_functions is not None
        }
        self._chains: dict[int, tuple[ServiceRules, tuple[Rule, ...]]] = {
            sid: (service, chain(service)) for sid, service in SERVICES.items()
        }
        self._pending_services = config.pending_services
        self._unsupported = (UNSUPPORTED, chain(UNSUPPORTED))

    def attach(self, surroundings: Surroundings) -> None:
        """Start as a new ECU that has been on for long enough to be ready."""
        self.surroundings = surroundings
        self.state = factory_state(self.config)

    def power_cycle(self) -> None:
        """Lose what is volatile, and boot."""
        self.state = rebooted(self.state, self.config, self.surroundings.now_s)

    def reset(self) -> None:
        """Boot as soon as the answer to the present request is out."""
        self.state = rebooted(self.state, self.config, self.now_s + self._answer_time_s(self.service.sid))

    def keep_session(self) -> None:
        """A message is on its way in or out: S3 does not run meanwhile."""
        now_s = self.surroundings.now_s
        self.state.end_expired_session(now_s)
        if self.state.session != _DEFAULT_SESSION:
            self.state.s3_due_s = now_s + self.config.s3_s

    def answer(self, pdu: bytes, *, is_functional: bool = False) -> list[bytes]:
        """The responses to one request, in order: none, one, or response pending (78) and the final one.

        Raises EcuDied if a defect lets this request kill the ECU.
        """
        self.now_s = now_s = self.surroundings.now_s
        state = self.state
        if now_s < state.ready_s or not pdu:
            return []
        if now_s >= state.s3_due_s:
            state.end_expired_session(now_s)
        sid = pdu[0]
        self.service, rules = self._chains.get(sid, self._unsupported)
        answer = None
        for rule in rules:
            answer = rule(self, pdu)
            if answer is not None:
                break
        if self.state.session != _DEFAULT_SESSION:
            self.state.s3_due_s = now_s + self._answer_time_s(sid) + self.config.s3_s
        if type(answer) is bytes:
            response = answer
            is_suppressed = self.service.sub_functions is not None and bool(pdu[1] & SUPPRESS_POSITIVE_RESPONSE)
        else:
            assert isinstance(answer, Nrc), f"no rule for {pdu.hex(' ')} decides"
            if is_functional and answer in SILENT_WHEN_FUNCTIONAL:
                return []
            response = self._refusal(pdu, answer)
            is_suppressed = False
        if sid in self._pending_services:
            return [negative_response(sid, Nrc.RESPONSE_PENDING), response]
        return [] if is_suppressed or not response else [response]

    def _answer_time_s(self, sid: int) -> float:
        """From the request until its final answer is out."""
        config = self.config
        return config.answer_delay_s + (config.pending_s if sid in config.pending_services else 0.0)

    def _refusal(self, request: bytes, nrc: Nrc) -> bytes:
        defects = self.config.defects
        if nrc in _OFTEN_MALFORMED:
            if defects.invalid_key_as_request and nrc == Nrc.INVALID_KEY:
                return bytes((request[0], nrc))
            if defects.negative_with_length:
                return bytes((NEGATIVE_RESPONSE, len(request) & 0xFF, nrc))
            if defects.negative_with_wrong_service:
                return negative_response(request[0] ^ 0x01, nrc)
            if defects.negative_without_code:
                return bytes((NEGATIVE_RESPONSE, request[0]))
        return negative_response(request[0], nrc)
