"""How does an ECU come to its answer? It asks one rule after the other, and the first that decides is right."""

from __future__ import annotations

from typing import Final

from harness.ecu.addresses import FUNCTIONAL, turn_to
from harness.ecu.attempts import end_expired_delays, spoiling_rules
from harness.ecu.boot import rebooted
from harness.ecu.config import EcuConfig
from harness.ecu.nonconformance import is_suppression_asked, suppressible, with_flaws
from harness.ecu.rules import (
    UNSUPPORTED,
    Rule,
    ServiceRules,
    Surroundings,
    chain,
    ecu_is_not_busy,
    four_bytes_are_survived,
    four_bytes_restart_nothing,
)
from harness.ecu.seeds import seed_source
from harness.ecu.services import SERVICES
from harness.ecu.state import TRANSMITTING, State, factory_state
from harness.ecu.undeclared import all_data
from harness.uds import NEGATIVE_RESPONSE, SUPPRESS_POSITIVE_RESPONSE, Nrc, ResetType, Service, Session, negative_response

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
    is_by_alias: bool = False
    work_s: float = 0.0

    def __init__(self, config: EcuConfig) -> None:
        self.config = config
        self.data_identifiers = {entry.did: entry for entry in all_data(config)}
        self.levels = {level.level: level for level in config.levels}
        self.draw_seed = seed_source(config)
        self.sub_functions = {
            service.sid: service.sub_functions(config) for service in SERVICES.values() if service.sub_functions is not None
        }
        busy = (ecu_is_not_busy,) if config.busy_every else ()
        self._chains: dict[int, tuple[ServiceRules, tuple[Rule, ...]]] = {
            sid: (service, (*busy, *with_flaws(service, (*spoiling_rules(config, sid), *chain(service)), config.defects)))
            for sid, service in SERVICES.items()
            if service.exists(config)
        }
        self._pending_services = config.pending_services
        self._suppressible = suppressible(config.defects, (service for service, _ in self._chains.values()))
        self._silent_when_functional = frozenset() if config.defects.functional_refusals_sent else SILENT_WHEN_FUNCTIONAL
        self._is_unlock_kept = config.defects.unlock_survives_session_timeout
        self._unsupported = (UNSUPPORTED, chain(UNSUPPORTED))
        if config.defects.dies_on_routine_of_four_bytes:
            service, rules = self._chains.get(Service.ROUTINE_CONTROL, self._unsupported)
            self._chains[Service.ROUTINE_CONTROL] = (service, (four_bytes_are_survived, *rules))
        if config.defects.restarts_on_routine_of_four_bytes:
            service, rules = self._chains.get(Service.ROUTINE_CONTROL, self._unsupported)
            self._chains[Service.ROUTINE_CONTROL] = (service, (four_bytes_restart_nothing, *rules))

    def attach(self, surroundings: Surroundings) -> None:
        """Start as a new ECU that has been on for long enough to be ready."""
        self.surroundings = surroundings
        self.state = factory_state(self.config)

    def power_cycle(self) -> None:
        """Lose what is volatile, and boot."""
        self.state = rebooted(self.state, self.config, self.surroundings.now_s)

    def reset(self, reset_type: int = ResetType.HARD) -> None:
        """Boot as soon as the answer to the present request is out."""
        before = self.state
        self.state = rebooted(before, self.config, self.now_s + self._answer_time_s(self.service.sid), reset_type)
        if self.config.defects.unlock_survives_reset:
            self.state.unlocked_level = before.unlocked_level
        if self.config.defects.reset_keeps_session:
            self.state.session = before.session

    @property
    def is_functional(self) -> bool:
        """Whether the present request went to all ECUs."""
        return self.state.address == FUNCTIONAL

    @property
    def is_speaking(self) -> bool:
        """Whether normal messages are sent: 28 may have silenced them, until the session ends."""
        self.state.end_expired_session(self.surroundings.now_s, is_unlock_kept=self._is_unlock_kept)
        return self.state.communication in TRANSMITTING

    def settle(self) -> None:
        """End the session and the delays that have run out, for whoever looks at `state` between two requests."""
        now_s = self.surroundings.now_s
        self.state.end_expired_session(now_s, is_unlock_kept=self._is_unlock_kept)
        end_expired_delays(self.state, self.config, now_s)

    def keep_session(self) -> None:
        """A message is on its way in or out: S3 does not run meanwhile."""
        now_s = self.surroundings.now_s
        self.state.end_expired_session(now_s, is_unlock_kept=self._is_unlock_kept)
        if self.state.session != _DEFAULT_SESSION:
            self.state.s3_due_s = now_s + self.config.s3_s

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        """The responses to one request, in order: none, one, or response pending (78) and the final one.

        Raises EcuDied if a defect lets this request kill the ECU.
        """
        self.now_s = now_s = self.surroundings.now_s
        state = self.state
        if now_s < state.ready_s or not pdu:
            return []
        if now_s >= state.s3_due_s:
            state.end_expired_session(now_s, is_unlock_kept=self._is_unlock_kept)
        sid = pdu[0]
        self.work_s = 0.0
        address = FUNCTIONAL if is_functional else connection
        if address != state.address:
            turn_to(state, address, self.config)
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
            is_suppressed = sid in self._suppressible and bool(pdu[1:] and pdu[1] & SUPPRESS_POSITIVE_RESPONSE)
        else:
            assert isinstance(answer, Nrc), f"no rule for {pdu.hex(' ')} decides"
            if is_functional and answer in self._silent_when_functional:
                return []
            response = self._refusal(pdu, answer)
            is_suppressed = self.config.defects.suppress_bit_silences_refusals and is_suppression_asked(self.service, pdu)
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
