"""Flaws of the guard on data: writes, reads, and the ways around it."""

from collections.abc import Callable
from copy import copy
from typing import Final

import can

from harness.ecu.config import OPEN, DataIdentifier
from harness.ecu.definition import Definition
from harness.ecu.ecu_node import UdsNode
from harness.ecu.flaws.declare import flaw
from harness.ecu.rules import Answer, Ecu, Rule, ServiceRules, sub_function
from harness.ecu.services.s2e_write_data_by_identifier import (
    did_of,
    identifier_is_writable,
    level_is_unlocked,
    level_needed,
    value_has_its_length,
    value_is_allowed,
    value_is_stored,
)
from harness.ecu.services.s22_read_data_by_identifier import MAX_RESPONSE_BYTES, supported_identifiers_are_read
from harness.ecu.services.s27_security_access import is_key, level_of, seed_is_given
from harness.ecu.state import LOCKED
from harness.link.isotp import IsoTp
from harness.uds import RESPONSE_OFFSET, Nrc, Service, Session

_KEY_DID: Final = 0x2021
_SECRET_DID: Final = 0xF1F0
_FORGOTTEN_DID: Final = 0x1011
_OVERLOOKED_BITS: Final = 0x001
_WRITE: Final = Service.WRITE_DATA_BY_IDENTIFIER

_SAME_WRITE: Final = {
    "AC-02": "it is the same write, in another session",
    "AC-03": "it is the same write, to the functional address",
}
_FUZZED_WRITE: Final = {
    "FZ-01": "random frames hit upon the same write",
    "FZ-02": "mutated requests hit upon the same write",
    "FZ-05": "frames out of sequence hit upon the same write",
}


def _fitted(ecu: Ecu, request: bytes) -> bytes:
    """Return the write, its value cut to the stored value's length or completed from the stored value."""
    old = ecu.state.values[did_of(request)]
    new = request[3 : 3 + len(old)]
    return request[:3] + new + old[len(new) :]


def _also_hearing(definition: Definition, is_meant: Callable[[UdsNode, can.Message], bool]) -> Definition:
    """Take each frame for which `is_meant` holds as if the frame had the ECU's request id."""

    def hear(go_on: Callable[[can.Message], None], node: UdsNode, frame: can.Message) -> None:
        if not is_meant(node, frame):
            go_on(frame)
            return
        heard = copy(frame)
        heard.arbitration_id, heard.is_extended_id = node.request_id, False
        node.ecu.state.until_restart["came by another id"] = True
        go_on(heard)
        node.ecu.state.until_restart["came by another id"] = False

    return definition.at("hear", hear)


def _is_long_form(node: UdsNode, frame: can.Message) -> bool:
    return bool(frame.is_extended_id and frame.arbitration_id == node.request_id)


# Service 2C: F2xx and F3xx may be defined to stand for parts of other identifiers (01), and cleared (03).

_DYNAMIC: Final = Service.DYNAMICALLY_DEFINE_DATA_IDENTIFIER
_DYNAMIC_DIDS: Final = range(0xF200, 0xF400)
_DEFINE_BY_IDENTIFIER: Final = 0x01
_CLEAR: Final = 0x03


def _aliases(ecu: Ecu) -> dict[int, bytes]:
    """Return the definition of each alias, four bytes: source identifier, position of the first byte (from 1) and size."""
    aliases: dict[int, bytes] = ecu.state.until_restart.setdefault("aliases", {})
    return aliases


def _alias_is_controlled(ecu: Ecu, request: bytes) -> Answer | None:
    alias = request[2] << 8 | request[3]
    if alias not in _DYNAMIC_DIDS:
        return Nrc.REQUEST_OUT_OF_RANGE
    if sub_function(request) == _CLEAR:
        _aliases(ecu).pop(alias, None)
    elif len(request) != 8:
        return Nrc.INCORRECT_MESSAGE_LENGTH
    else:
        source, position, size = request[4] << 8 | request[5], request[6], request[7]
        value = ecu.state.values.get(source, b"")
        if not position or not size or position - 1 + size > len(value):
            return Nrc.REQUEST_OUT_OF_RANGE
        _aliases(ecu)[alias] = request[4:]
    return bytes((_DYNAMIC + RESPONSE_OFFSET, sub_function(request))) + request[2:4]


def _record(ecu: Ecu, did: int) -> bytes | None:
    """Return what 22 reads from an identifier or an alias."""
    entry = ecu.data_identifiers.get(did)
    if entry is not None and entry.read >= OPEN:
        return ecu.state.values[did]
    if did not in _aliases(ecu):
        return None
    alias = _aliases(ecu)[did]
    source, first, size = alias[0] << 8 | alias[1], alias[2] - 1, alias[3]
    return ecu.state.values[source][first : first + size]


def _read_unguarded(ecu: Ecu, request: bytes) -> Answer | None:
    """Read every identifier, whatever level it needs."""
    response = bytes((Service.READ_DATA_BY_IDENTIFIER + RESPONSE_OFFSET,))
    for start in range(1, len(request), 2):
        record = _record(ecu, request[start] << 8 | request[start + 1])
        if record is not None:
            response += request[start : start + 2] + record
    if len(response) == 1:
        return Nrc.REQUEST_OUT_OF_RANGE
    return response if len(response) <= MAX_RESPONSE_BYTES else Nrc.RESPONSE_TOO_LONG


def _looking_at(definition: Definition, size: int | None) -> Definition:
    """Check only the levels of the first `size` bytes of a read (None: of all bytes), and read all of it."""

    def read(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        answer = go_on(ecu, request[:size])
        return answer if answer == Nrc.SECURITY_ACCESS_DENIED else _read_unguarded(ecu, request)

    return definition.wrap(Service.READ_DATA_BY_IDENTIFIER, supported_identifiers_are_read, read)


# Writing.


@flaw(
    number="M79",
    kills=("AC-01",),
    also={
        **_SAME_WRITE,
        **_FUZZED_WRITE,
        "SA-39": "the write that shows whether the ECU is locked has its effect",
        "ST-01": "the write that shows whether the ECU is locked has its effect",
    },
)
def write_before_refusal(definition: Definition) -> Definition:
    """A protected value is stored first, and the write is refused with 33 afterwards."""

    def store(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        answer = go_on(ecu, request)
        if answer is not None:
            value_is_stored(ecu, _fitted(ecu, request))
        return answer

    return definition.wrap(_WRITE, level_is_unlocked, store)


@flaw(
    kills=("AC-01",),
    also={
        **_SAME_WRITE,
        **_FUZZED_WRITE,
        "SA-39": "the write that shows whether the ECU is locked succeeds",
        "ST-01": "the write that shows whether the ECU is locked succeeds",
    },
)
def write_unprotected(definition: Definition) -> Definition:
    """Protected values are written without any unlocking."""
    return definition.without(_WRITE, level_is_unlocked)


@flaw(
    number="M66",
    kills=("AC-02",),
    also={
        "AC-01": "the same write, if the check runs in the extended session",
        "AC-03": "the same write, to the functional address in that session",
        **_FUZZED_WRITE,
        "SA-39": "the write that shows whether the ECU is locked succeeds in that session",
        "ST-01": "the write that shows whether the ECU is locked succeeds in that session",
    },
)
def unprotected_in_extended_session(definition: Definition) -> Definition:
    """In the extended session (03) protected values are written without any unlocking."""
    return definition.without(_WRITE, level_is_unlocked, when=lambda ecu, request: ecu.state.session == Session.EXTENDED)


@flaw(
    kills=("AC-02",),
    also={
        "AC-03": "the same write, to the functional address",
        "FZ-01": "random frames hit upon a request for a seed, and then upon the write",
        "FZ-02": "mutated requests hit upon a request for a seed, and then upon the write",
        "FZ-04": "a random walk requests a seed, and then writes",
    },
)
def unprotected_while_seed_pending(definition: Definition) -> Definition:
    """Once a seed has been requested, protected values are written without the seed's key."""
    return definition.without(_WRITE, level_is_unlocked, when=lambda ecu, request: ecu.state.seed)


@flaw(number="M77a", kills=("AC-13",))
def write_length_unchecked(definition: Definition) -> Definition:
    """Bytes after a written value are ignored instead of refused."""

    def fit(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        return go_on(ecu, _fitted(ecu, request))

    unchecked = definition.without(_WRITE, value_has_its_length)
    return unchecked.wrap(_WRITE, value_is_allowed, fit).wrap(_WRITE, value_is_stored, fit)


@flaw(number="M107", kills=("AC-14",))
def value_range_unchecked(definition: Definition) -> Definition:
    """A value outside its declared range is stored."""
    return definition.without(_WRITE, value_is_allowed)


@flaw(number="M108", kills=("AC-15",))
def undeclared_data_writable(definition: Definition) -> Definition:
    """DID 1011, a remainder that no file declares, is written by anybody."""
    return definition.with_data(DataIdentifier(did=_FORGOTTEN_DID, initial=b"\x00", write=OPEN, is_in_image=False))


@flaw(kills=("AC-15",))
def identifier_high_bit_ignored(definition: Definition) -> Definition:
    """A write looks up its identifier and the guard without the identifier's highest bit."""

    def write(ecu: Ecu, request: bytes) -> Answer | None:
        did = did_of(request) & 0x7FFF
        if did == did_of(request) or did not in ecu.data_identifiers or len(request) != 3 + len(ecu.state.values[did]):
            return None
        ecu.state.values[did] = request[3:]
        return bytes((_WRITE + RESPONSE_OFFSET, request[1], request[2]))

    return definition.insert(_WRITE, write, before=identifier_is_writable)


@flaw(number="M102", kills=("AC-17",))
def level_checked_at_first_frame(definition: Definition) -> Definition:
    """The level of a long write is checked at the first frame, not when the message is complete."""

    def note(ecu: Ecu, isotp: IsoTp, data: bytearray) -> bytes | None:
        if data[0] >> 4 in (0, 1):
            is_first_frame = data[0] >> 4 == 1
            ecu.state.until_restart["level at first frame"] = ecu.state.unlocked_level if is_first_frame else LOCKED
        return None

    def was_open(ecu: Ecu, request: bytes) -> bool:
        return level_needed(ecu, request) == ecu.state.until_restart.get("level at first frame")

    return definition.with_frame_rule(lambda: note).without(_WRITE, level_is_unlocked, when=was_open)


# Addresses.


@flaw(number="M67", kills=("AC-03",))
def functional_skips_security(definition: Definition) -> Definition:
    """A write by the functional address needs no unlocking."""
    return definition.without(_WRITE, level_is_unlocked, when=lambda ecu, request: ecu.is_functional)


@flaw(number="M68", kills=("AC-04",), also={"ST-04": "TesterPresent on the other id keeps the session, like any request"})
def extended_id_skips_security(definition: Definition) -> Definition:
    """The ECU also hears its request id with 29 bits, and a write by that id needs no unlocking."""
    hearing = _also_hearing(definition, _is_long_form)
    came_so = "came by another id"
    return hearing.without(_WRITE, level_is_unlocked, when=lambda ecu, request: ecu.state.until_restart.get(came_so))


@flaw(
    kills=("AC-04",),
    also={
        "SA-40": "who asks so profits from another's unlock",
        "ST-04": "TesterPresent with 29 bits keeps the session, like any request",
    },
)
def extended_id_answered(definition: Definition) -> Definition:
    """The ECU also hears its request id with 29 bits, and serves it like the declared id."""
    return _also_hearing(definition, _is_long_form)


@flaw(kills=("AC-04",), also={"ST-04": "TesterPresent on the other id keeps the session, like any request"})
def neighbouring_id_answered(definition: Definition) -> Definition:
    """The ECU ignores the last bit of the request id, and so hears the neighbouring id, too."""

    def is_neighbour(node: UdsNode, frame: can.Message) -> bool:
        own = node.request_id | _OVERLOOKED_BITS
        return not frame.is_extended_id and frame.arbitration_id | _OVERLOOKED_BITS == own

    return _also_hearing(definition, is_neighbour)


# Reading.


@flaw(number="M76", kills=("AC-11",))
def only_first_identifier_guarded(definition: Definition) -> Definition:
    """Of several identifiers in one read only the first one's level is checked."""
    return _looking_at(definition, 3)


@flaw(kills=("AC-11",))
def only_three_identifiers_guarded(definition: Definition) -> Definition:
    """Of many identifiers in one read only the levels of the first three are checked."""
    return _looking_at(definition, 7)


@flaw(number="M75", kills=("AC-10",))
def alias_unprotected(definition: Definition) -> Definition:
    """An identifier that service 2C has defined is read without the level that its source needs."""
    service = ServiceRules(
        sid=_DYNAMIC,
        min_bytes=4,
        sub_functions=lambda config: frozenset((_DEFINE_BY_IDENTIFIER, _CLEAR)),
        is_in_default_session=False,
        rules=(_alias_is_controlled,),
    )
    return _looking_at(definition.with_service(service), None)


@flaw(number="M73a", kills=("AC-12",))
def secret_readable(definition: Definition) -> Definition:
    """DID F1F0, which no file declares, holds the secret from which keys are computed."""
    secret = definition.config.levels[0].secret
    return definition.with_data(DataIdentifier(did=_SECRET_DID, initial=secret, is_in_image=False))


@flaw(number="M73b", kills=("AC-12",))
def key_readable(definition: Definition) -> Definition:
    """DID 2021, which no file declares, holds the key that the ECU waits for."""

    def note(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        answer = go_on(ecu, request)
        if not is_key(request):
            level = ecu.levels[level_of(request)]
            ecu.state.values[_KEY_DID] = level.key(ecu.state.seed, level.level)
        return answer

    held = DataIdentifier(did=_KEY_DID, initial=bytes(definition.config.levels[0].key_bytes), is_in_image=False)
    return definition.with_data(held).wrap(Service.SECURITY_ACCESS, seed_is_given, note)
