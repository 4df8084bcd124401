"""Answer requests: call the rules of the service in order; the first rule that decides gives the answer."""

from typing import Final

from harness.ecu.attempts import end_expired_delays
from harness.ecu.config import EcuConfig
from harness.ecu.definition import Definition
from harness.ecu.rules import UNSUPPORTED, Rule, ServiceRules, Surroundings, ecu_is_not_busy
from harness.ecu.state import TRANSMITTING, State, factory_state
from harness.ecu.transitions import FUNCTIONAL
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Nrc, ResetType, Session, negative_response

_DEFAULT_SESSION: Final = int(Session.DEFAULT)


class Server:
    """An ECU's diagnostic server: a state, and an ordered chain of rules for each service.

    Rules read `config`, `decide`, `service`, `sub_functions`, `data_identifiers`, `levels` and `now_s`, and change `state`.
    """

    surroundings: Surroundings
    state: State
    service: ServiceRules
    now_s: float
    work_s: float = 0.0

    def __init__(self, definition: Definition | EcuConfig) -> None:
        """Compile a definition; an `EcuConfig` makes a sound ECU with these data."""
        self.definition = definition if isinstance(definition, Definition) else Definition(config=definition)
        self.config = config = self.definition.config
        self.decide = self.definition.decisions()
        self.data_identifiers = {entry.did: entry for entry in config.data_identifiers}
        self.levels = {level.level: level for level in config.levels}
        services = [service for service in self.definition.services.values() if service.exists(config)]
        self.sub_functions = {
            service.sid: service.sub_functions(config) for service in services if service.sub_functions is not None
        }
        busy = (ecu_is_not_busy,) if config.busy_every else ()
        self._chains: dict[int, tuple[ServiceRules, tuple[Rule, ...]]] = {
            service.sid: (service, (*busy, *self.definition.chain(service))) for service in services
        }
        unsupported = self.definition.services[UNSUPPORTED.sid]
        self._unsupported = self._chains[UNSUPPORTED.sid] = (unsupported, self.definition.chain(unsupported))
        self._pending_services = config.pending_services
        self._suppressible = frozenset(
            service.sid for service in services if service.sub_functions is not None and service.obeys_suppress_bit
        )

    def attach(self, surroundings: Surroundings) -> None:
        """Start as a new ECU that has just finished booting."""
        self.surroundings = surroundings
        self.state = factory_state(self.config)

    def power_cycle(self) -> None:
        """Lose everything volatile, and boot."""
        self.state = self.decide.reboot(self, self.surroundings.now_s, None)

    def reset(self, reset_type: int = ResetType.HARD) -> None:
        """Boot as soon as the answer to the present request has been sent."""
        self.state = self.decide.reboot(self, self.now_s + self._answer_time_s(self.service.sid), reset_type)

    @property
    def is_functional(self) -> bool:
        """Whether the present request went to all ECUs."""
        return self.state.address == FUNCTIONAL

    @property
    def is_speaking(self) -> bool:
        """Whether the ECU sends its normal messages, which 28 can stop until the session ends."""
        self._end_expired_session(self.surroundings.now_s)
        return self.state.communication in TRANSMITTING

    def settle(self) -> None:
        """End the session and the delays that have run out, so that `state` is correct between two requests."""
        now_s = self.surroundings.now_s
        self._end_expired_session(now_s)
        end_expired_delays(self, now_s)

    def keep_session(self) -> None:
        """Restart S3, because a message is being sent or received."""
        now_s = self.surroundings.now_s
        self._end_expired_session(now_s)
        if self.state.session != _DEFAULT_SESSION:
            self.state.s3_due_s = now_s + self.config.s3_s

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        """Return the responses to one request, in order: none, one, or response pending (78) and the final response.

        Raises EcuDied if the request crashes the ECU.
        """
        self.now_s = now_s = self.surroundings.now_s
        state = self.state
        if now_s < state.ready_s or not pdu:
            return []
        if now_s >= state.s3_due_s:
            self.decide.end_session(self)
        sid = pdu[0]
        self.work_s = 0.0
        address = FUNCTIONAL if is_functional else connection
        if address != state.address:
            self.decide.turn_to(state, address)
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
            if not self.decide.is_refusal_sent(self, pdu, answer):
                return []
            response = self.decide.refusal(pdu, answer)
            is_suppressed = False
        if sid in self._pending_services:
            return [negative_response(sid, Nrc.RESPONSE_PENDING), response]
        return [] if is_suppressed or not response else [response]

    def _answer_time_s(self, sid: int) -> float:
        """Return the time in seconds from the request until its final answer is sent."""
        config = self.config
        return config.answer_delay_s + (config.pending_s if sid in config.pending_services else 0.0)

    def _end_expired_session(self, now_s: float) -> None:
        if now_s >= self.state.s3_due_s:
            self.decide.end_session(self)
