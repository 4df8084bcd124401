"""Simulate the ECU that a target declares: its sessions, levels, data and times. The rest is as in a sound ECU."""

import hmac
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from harness.ecu.addressed import AddressBytes, AddressedNode
from harness.ecu.config import NEVER, OPEN, DataIdentifier, EcuConfig, EcuSecurityLevel, MemoryRegion, Routine
from harness.ecu.ecu_node import UdsNode
from harness.ecu.server import Server
from harness.errors import KeyFunctionError
from harness.link.addressing import addresses_of
from harness.simulation.node import Node
from harness.target import Access, DataEntry, Span, Target, Values
from harness.target import SecurityLevel as DeclaredLevel
from harness.tester.keys import KeyFunction
from harness.tester.security import DEFAULT_ATTEMPTS, DEFAULT_DELAY_S
from harness.uds import NEGATIVE_RESPONSE, Nrc, Service, Session, negative_response

ANSWER_S: Final = 0.005
"""The assumed time to an answer in seconds, or half of P2 if that is shorter; targets do not declare this time."""
UNKNOWN_BYTES: Final = 16
"""The assumed length in bytes of a seed or key whose length is unknown."""
SEED_LENGTHS: Final = (4, 16, 8, 2, 3, 5, 6, 7, 10, 12, 20, 24, 32, 1)
"""The seed lengths in bytes to try, in this order, until a user's key function accepts one."""
NO_LIMIT: Final = 2**31
"""How many wrong keys lock a level for which neither a limit nor a delay is declared."""
MOST_MEMORY_BYTES: Final = 256
UNKNOWN_ADDRESS: Final = 0xF1
"""The address byte in the simulated ECU's answers if the target accepts any."""
LONGEST_SESSION: Final = 0x7F
"""The highest session that is simulated; a higher number would need the bit that suppresses the answer."""

_MALFORMED_INVALID_KEY: Final = "malformed_invalid_key"


@dataclass(frozen=True, slots=True)
class Twin:
    """An ECU simulated as its target declares it, with assumptions for what the target does not declare."""

    node: Node
    keys: Mapping[int, KeyFunction | None]
    """By level: the function with which the tester makes keys; None if the target declares no key."""
    assumptions: tuple[str, ...]
    """What was assumed of the ECU, one sentence for each assumption."""


def twin_of(target: Target, keys: Mapping[int, KeyFunction | None]) -> Twin:
    """Build the ECU that a target declares; `keys` are the target's key functions, by level."""
    assumptions = [f"An answer is taken to come within {_answer_s(target) * 1000:g} ms."]
    levels, makers = [], dict[int, KeyFunction | None]()
    for entry in target.security:
        level, maker = _level(entry, keys.get(entry.level), assumptions)
        levels.append(level)
        makers[entry.level] = maker
    if not target.security:
        assumptions.append("No level of SecurityAccess is declared: the simulated ECU has none.")
    far = [session.id for session in target.sessions if session.id > LONGEST_SESSION]
    if far:
        names = ", ".join(f"0x{session:02X}" for session in far)
        assumptions.append(f"Sessions above 0x7F are not simulated: {names}.")
    can = target.can
    server = _TwinServer(target, _config(target, tuple(levels)))
    is_extended = can.extended_ids is True or can.request_id > 0x7FF
    node = UdsNode(
        server,
        request_id=can.request_id,
        response_id=can.response_id,
        functional_id=-1 if can.functional_id is None else can.functional_id,
        hears_extended=is_extended,
        speaks_extended=can.extended_ids is True or can.response_id > 0x7FF,
    )
    return Twin(_addressed(node, target), makers, tuple(assumptions))


def _addressed(node: UdsNode, target: Target) -> Node:
    """Wrap the node so that each frame begins with the address of extended or mixed addressing."""
    addresses = addresses_of(target.can)
    if not addresses.size_bytes:
        return node
    response = addresses.response or bytes((UNKNOWN_ADDRESS,))
    first = AddressBytes(request=addresses.request[0], functional=addresses.functional[0], response=response[0])
    return AddressedNode(node, first)


class _TwinServer(Server):
    """A sound server in which each level has its own session, attempts and delay."""

    def __init__(self, target: Target, config: EcuConfig) -> None:
        super().__init__(config)
        self._has_malformed_invalid_key = _MALFORMED_INVALID_KEY in target.quirks
        self._session_of = {entry.level: entry.session for entry in target.security}
        self._config_of = {
            entry.level: replace(
                config,
                attempts=_attempts(entry),
                delay_s=DEFAULT_DELAY_S if entry.delay_s is None else entry.delay_s,
                ignored_record_bytes=len(entry.record),
            )
            for entry in target.security
        }

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        """Answer as the base class does, except for SecurityAccess."""
        level = (pdu[1] & 0x7F) - (not pdu[1] & 1) if len(pdu) > 1 and pdu[0] == Service.SECURITY_ACCESS else 0
        if level not in self._config_of:
            return super().answer(pdu, is_functional=is_functional, connection=connection)
        self.settle()
        session = self._session_of[level]
        if not self.config.sessions or (session is not None and session == self.state.session):
            return self._answer(level, pdu, is_functional=is_functional, connection=connection)
        if session is None or session == Session.DEFAULT:
            return self._answer_in_any_session(level, pdu, is_functional=is_functional, connection=connection)
        if self.state.session == Session.DEFAULT:
            return super().answer(pdu, is_functional=is_functional, connection=connection)
        return [] if is_functional else [negative_response(pdu[0], Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION)]

    def _answer(self, level: int, pdu: bytes, *, is_functional: bool, connection: int) -> list[bytes]:
        self.config = self._config_of[level]
        answers = super().answer(pdu, is_functional=is_functional, connection=connection)
        is_malformed = self._has_malformed_invalid_key
        return [_as_request(answer) if is_malformed else answer for answer in answers]

    def _answer_in_any_session(self, level: int, pdu: bytes, *, is_functional: bool, connection: int) -> list[bytes]:
        """Answer as in the extended session, since the base class knows levels only outside the default session."""
        state = self.state
        if state.session != Session.DEFAULT:
            return self._answer(level, pdu, is_functional=is_functional, connection=connection)
        state.session = Session.EXTENDED
        try:
            return self._answer(level, pdu, is_functional=is_functional, connection=connection)
        finally:
            state.session, state.s3_due_s = Session.DEFAULT, math.inf


def _attempts(entry: DeclaredLevel) -> int:
    """Return how many wrong keys lock the level; without a declared limit and delay, more than any run sends."""
    if entry.attempts is None:
        return NO_LIMIT if entry.delay_s is None else DEFAULT_ATTEMPTS
    return entry.attempts


def _as_request(answer: bytes) -> bytes:
    """Return the answer, but the refusal of a wrong key without its 7F, as the quirk malformed_invalid_key describes."""
    is_refused = answer == bytes((NEGATIVE_RESPONSE, Service.SECURITY_ACCESS, Nrc.INVALID_KEY))
    return answer[1:] if is_refused else answer


def _config(target: Target, levels: tuple[EcuSecurityLevel, ...]) -> EcuConfig:
    timing, has_sessions = target.timing, target.timing.s3_ms is not None
    declared = tuple(entry.id for entry in target.sessions if entry.id <= LONGEST_SESSION) or tuple(map(int, Session))
    needs = {sid: _need(entry.needs) for entry in target.services for sid in _some_of(entry.span, 0x100)}
    return EcuConfig(
        levels=levels,
        data_identifiers=tuple(_data(entry) for entry in target.data),
        memory=tuple(_memory(entry.span, _need(entry.needs)) for entry in target.memory),
        routines=tuple(
            Routine(routine=number, needs=_need(entry.needs)) for entry in target.routines for number in _ends(entry.span)
        ),
        service_needs={sid: need for sid, need in needs.items() if need != OPEN},
        sessions=tuple(dict.fromkeys((int(Session.DEFAULT), *declared))) if has_sessions else (),
        p2_ms=min(timing.p2_ms, 0xFFFF),
        p2_star_ms=min(timing.p2_star_ms, 10 * 0xFFFF),
        s3_s=(timing.s3_ms or 5000) / 1000,
        boot_s=target.reset.boot_s,
        answer_delay_s=_answer_s(target),
        connections=tuple((entry.request_id, entry.response_id) for entry in target.connections),
        padding=target.can.padding,
        fd=target.can.fd,
        address_bytes=addresses_of(target.can).size_bytes,
    )


def _answer_s(target: Target) -> float:
    return min(ANSWER_S, target.timing.p2_ms / 2000)


def _need(access: Access) -> int:
    if access.level is not None:
        return access.level
    return OPEN if access.kind == "open" else NEVER


def _data(entry: DataEntry) -> DataIdentifier:
    length = entry.length or (min(entry.values.lengths) if entry.values is not None else 1)
    return DataIdentifier(
        did=entry.did,
        initial=_lowest(entry.values, length),
        read=_need(entry.read),
        write=_need(entry.write),
        is_non_volatile=True,
        allowed=_allowed(entry.values, length),
    )


def _lowest(values: Values | None, length: int) -> bytes:
    fitting = [parts for parts in values.alternatives if sum(len(low) for low, _ in parts) == length] if values else []
    return b"".join(low for low, _ in fitting[0]) if fitting else bytes((0xFF,)) * length


def _allowed(values: Values | None, length: int) -> range | None:
    """Return the permitted values if they form one range of numbers, else None."""
    if values is None or len(values.alternatives) != 1 or len(values.alternatives[0]) != 1:
        return None
    low, high = values.alternatives[0][0]
    return range(int.from_bytes(low, "big"), int.from_bytes(high, "big") + 1) if len(low) == length else None


def _memory(span: Span, need: int) -> MemoryRegion:
    return MemoryRegion(address=span.first, initial=bytes(min(span.last - span.first + 1, MOST_MEMORY_BYTES)), needs=need)


def _some_of(span: Span, most: int) -> range:
    return range(span.first, min(span.last + 1, most))


def _ends(span: Span) -> tuple[int, ...]:
    return tuple(dict.fromkeys((span.first, span.last)))


# Keys


def _level(
    entry: DeclaredLevel, key: KeyFunction | None, assumptions: list[str]
) -> tuple[EcuSecurityLevel, KeyFunction | None]:
    name = f"level 0x{entry.level:02X}"
    if entry.attempts is None and entry.delay_s is None:
        assumptions.append(
            f"No limit on wrong keys is declared of {name}: it is taken to have none. If it has one, the run also waits for "
            "its delays, several times."
        )
    elif entry.attempts is None or entry.delay_s is None:
        delay_s = DEFAULT_DELAY_S if entry.delay_s is None else entry.delay_s
        assumptions.append(
            f"Not all is declared of {name}: {_attempts(entry)} wrong keys are taken to lock it for {delay_s:g} s."
        )
    taken = _taken_by(entry, key)
    if taken is not None and key is not None:
        seed_bytes, key_bytes = taken
        return EcuSecurityLevel(level=entry.level, key=key, seed_bytes=seed_bytes, key_bytes=key_bytes), key
    if entry.key is None:
        assumptions.append(f"No key is declared for {name}: what needs it is not planned.")
    else:
        assumptions.append(
            f"The key of {name} is made by a stand-in: its own is a program, a service or a question, which is not asked, "
            "or makes no key of a simulated seed."
        )
    made: KeyFunction = _stand_in
    level = EcuSecurityLevel(level=entry.level, key=made, seed_bytes=UNKNOWN_BYTES, key_bytes=UNKNOWN_BYTES)
    return level, None if entry.key is None else made


def _stand_in(seed: bytes, level: int) -> bytes:
    return hmac.digest(b"a key that nobody knows", seed + bytes((level,)), "sha256")[:UNKNOWN_BYTES]


def _taken_by(entry: DeclaredLevel, key: Callable[[bytes, int], bytes] | None) -> tuple[int, int] | None:
    """Return lengths of seed and key that fit `key`; None without `key`, for a command or URL, or if none fits."""
    how = entry.key or ""
    if key is None or how.startswith(("command:", "http://", "https://")):
        return None
    lengths: tuple[int, ...] = SEED_LENGTHS
    if how == "article":
        assert entry.secret is not None
        lengths = (len(entry.secret.reveal()),)
    elif how == "hmac-sha256":
        lengths = (UNKNOWN_BYTES,)
    for length in lengths:
        try:
            return length, len(key(hmac.digest(b"a seed", bytes((length,)), "sha256")[:length], entry.level))
        except KeyFunctionError:
            continue
    return None
