"""Flaws of the guard on memory, routines and whole services, and services that should not exist."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from harness.ecu.config import NORMAL_TRAFFIC, EcuConfig, MemoryRegion
from harness.ecu.definition import Definition
from harness.ecu.flaws.declare import flaw
from harness.ecu.memory import Block, read_memory, region_of, transfer_is_unlocked
from harness.ecu.rules import (
    Answer,
    Ecu,
    Rule,
    ServiceRules,
    level_of_the_service_is_unlocked,
    service_is_in_session,
    sub_function,
)
from harness.ecu.services import s2f_input_output_control_by_identifier as s2f
from harness.ecu.services import s3d_write_memory_by_address as s3d
from harness.ecu.services import s23_read_memory_by_address as s23
from harness.ecu.services import s31_routine_control as s31
from harness.ecu.state import State
from harness.uds import RESPONSE_OFFSET, Nrc, Service, Session

_SECRET_AT: Final = 0x10
_READ_BY_LOCAL_IDENTIFIER: Final = 0x21
_WRITE_BY_LOCAL_IDENTIFIER: Final = 0x3B
_OLDER_FORM_BYTES: Final = 7


def _with_secret_in_memory(definition: Definition) -> Definition:
    """Put the first level's secret into every region of memory that holds no data identifier."""
    secret = definition.config.levels[0].secret

    def with_secret(region: MemoryRegion) -> MemoryRegion:
        content = region.initial
        changed = (content[:_SECRET_AT] + secret + content[_SECRET_AT + len(secret) :])[: len(content)]
        return replace(region, initial=changed) if region.did is None else region

    return definition.with_config(memory=tuple(map(with_secret, definition.config.memory)))


def _open_to_all(definition: Definition, service: Service) -> Definition:
    """Open a whole service to everybody, in every session."""
    opened = definition.without(service, level_of_the_service_is_unlocked)
    return opened if definition.services[service].is_in_default_session else opened.without(service, service_is_in_session)


def _did_of_local(config: EcuConfig, local: int) -> int | None:
    """Return the identifier that the older services name by its last byte."""
    return next((entry.did for entry in config.data_identifiers if entry.did & 0xFF == local), None)


def _local_identifier_is_read(ecu: Ecu, request: bytes) -> Answer | None:
    did = _did_of_local(ecu.config, request[1])
    if did is None:
        return Nrc.REQUEST_OUT_OF_RANGE
    return bytes((_READ_BY_LOCAL_IDENTIFIER + RESPONSE_OFFSET, request[1])) + ecu.state.values[did]


def _local_identifier_is_written(ecu: Ecu, request: bytes) -> Answer | None:
    did = _did_of_local(ecu.config, request[1])
    if did is None:
        return Nrc.REQUEST_OUT_OF_RANGE
    if len(request) != 2 + len(ecu.state.values[did]):
        return Nrc.INCORRECT_MESSAGE_LENGTH
    ecu.state.values[did] = request[2:]
    return bytes((_WRITE_BY_LOCAL_IDENTIFIER + RESPONSE_OFFSET, request[1]))


# Memory and transfer.


@flaw(number="M69", kills=("AC-05",))
def memory_write_unprotected(definition: Definition) -> Definition:
    """3D writes memory, the cell of 2020 included, without any unlocking."""
    return definition.without(Service.WRITE_MEMORY_BY_ADDRESS, s3d.memory_is_unlocked)


@flaw(kills=("AC-05",))
def memory_written_before_refusal(definition: Definition) -> Definition:
    """3D writes memory first, and refuses with 33 afterwards."""

    def store(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        answer = go_on(ecu, request)
        if answer is not None:
            s3d.memory_is_written(ecu, request)
        return answer

    return definition.wrap(Service.WRITE_MEMORY_BY_ADDRESS, s3d.memory_is_unlocked, store)


@flaw(number="M70", kills=("AC-06",))
def download_unprotected(definition: Definition) -> Definition:
    """In the programming session 34 and 36 write memory without any unlocking."""
    return definition.without(
        Service.REQUEST_DOWNLOAD, transfer_is_unlocked, when=lambda ecu, request: ecu.state.session == Session.PROGRAMMING
    )


@flaw(number="M72", kills=("AC-09",))
def memory_read_unprotected(definition: Definition) -> Definition:
    """23 reads memory without any unlocking, and the secret lies there."""
    return _with_secret_in_memory(definition).without(Service.READ_MEMORY_BY_ADDRESS, s23.memory_is_unlocked)


@flaw(kills=("AC-09",))
def memory_read_in_older_form(definition: Definition) -> Definition:
    """23 without a format, with four bytes of address and two of size, reads memory without any unlocking."""

    def read(ecu: Ecu, request: bytes) -> Answer | None:
        block = Block(int.from_bytes(request[1:5], "big"), int.from_bytes(request[5:], "big"), _OLDER_FORM_BYTES)
        region = region_of(ecu, block) if len(request) == _OLDER_FORM_BYTES else None
        if region is None:
            return None
        head = bytes((Service.READ_MEMORY_BY_ADDRESS + RESPONSE_OFFSET,))
        return head + read_memory(ecu.state, region, block.address, block.size)

    return definition.insert(Service.READ_MEMORY_BY_ADDRESS, read, before=s23.block_is_there)


@flaw(kills=("AC-09",))
def secret_in_memory(definition: Definition) -> Definition:
    """Memory that may be read while unlocked contains the secret."""
    return _with_secret_in_memory(definition)


@flaw(kills=("AC-09",))
def upload_unprotected(definition: Definition) -> Definition:
    """Service 35 exists, and begins an upload of memory without any unlocking."""
    return definition.offering(Service.REQUEST_UPLOAD).without(Service.REQUEST_UPLOAD, transfer_is_unlocked)


# Actuators.


@flaw(number="M71", kills=("AC-07",))
def io_control_unprotected(definition: Definition) -> Definition:
    """Service 2F exists, and sets protected values without any unlocking."""
    service = Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER
    return definition.offering(service).without(service, s2f.level_is_unlocked)


@flaw(kills=("AC-07",))
def io_reset_unprotected(definition: Definition) -> Definition:
    """Service 2F exists and needs the level to adjust a value, but lets anybody reset the value to its default."""
    service = Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER
    offering = definition.offering(service)
    return offering.without(service, s2f.level_is_unlocked, when=lambda ecu, request: request[3] == s2f.RESET_TO_DEFAULT)


@flaw(number="M106", kills=("AC-08",))
def routine_unprotected(definition: Definition) -> Definition:
    """31 starts routines, the erasing one included, without any unlocking."""
    return definition.without(Service.ROUTINE_CONTROL, s31.routine_is_unlocked)


@flaw(kills=("AC-08",))
def routine_stop_unprotected(definition: Definition) -> Definition:
    """31 needs a level to start a routine, but lets anybody stop any routine."""
    stopping = definition.without(
        Service.ROUTINE_CONTROL, s31.routine_is_unlocked, when=lambda ecu, request: sub_function(request) == s31.STOP
    )
    return stopping.without(Service.ROUTINE_CONTROL, s31.routine_was_started)


# Whole services.


@flaw(number="M109a", kills=("AC-16",))
def trouble_codes_cleared_unprotected(definition: Definition) -> Definition:
    """14 clears trouble codes in every session without any unlocking."""
    return _open_to_all(definition, Service.CLEAR_DIAGNOSTIC_INFORMATION)


@flaw(number="M109b", kills=("AC-16",))
def dtc_setting_unprotected(definition: Definition) -> Definition:
    """85 stops DTC setting in every session without any unlocking."""
    return _open_to_all(definition, Service.CONTROL_DTC_SETTING)


@flaw(number="M105", kills=("DS-06",), also={"AC-16": "28 is one of the services that change the ECU's state"})
def communication_control_unprotected(definition: Definition) -> Definition:
    """28 silences the ECU in every session without any unlocking."""
    return _open_to_all(definition, Service.COMMUNICATION_CONTROL)


@flaw(kills=("DS-06",))
def communication_stays_off(definition: Definition) -> Definition:
    """The ECU sends a frame each second, and never again once 28 has silenced it, whatever its session does."""

    def leave(go_on: Callable[[State], None], state: State) -> None:
        communication = state.communication
        go_on(state)
        state.communication = communication

    return definition.with_config(periodic_frames=NORMAL_TRAFFIC).wrap_decision(leave_session=leave)


@flaw(number="M117", kills=("DS-05",), also={"AC-16": "11 is one of the services that change the ECU's state"})
def resets_unprotected(definition: Definition) -> Definition:
    """11 resets for anybody and endlessly, though its maker declares that it needs a level."""
    return _open_to_all(definition, Service.ECU_RESET)


@flaw(number="M111", kills=("AC-19",))
def authentication_bypassed(definition: Definition) -> Definition:
    """Service 29 exists and its maker declares that it is required, but 27 still unlocks without it."""
    return definition.offering(Service.AUTHENTICATION)


@flaw(kills=("AC-18",))
def legacy_write_unprotected(definition: Definition) -> Definition:
    """3B, of the older standard, writes a value by the last byte of its identifier without any unlocking."""
    rules = (_local_identifier_is_written,)
    return definition.with_service(ServiceRules(sid=_WRITE_BY_LOCAL_IDENTIFIER, min_bytes=3, rules=rules))


@flaw(kills=("AC-18",))
def legacy_read_unprotected(definition: Definition) -> Definition:
    """21, of the older standard, reads a value by the last byte of its identifier without any unlocking."""
    rules = (_local_identifier_is_read,)
    return definition.with_service(ServiceRules(sid=_READ_BY_LOCAL_IDENTIFIER, min_bytes=2, rules=rules))
