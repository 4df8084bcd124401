"""Prove, against the standards' words, the permission for each of 256 services with each of 256 sub-functions."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.target import PERMISSIONS, Permission, RoutineEntry, ServiceEntry, SessionEntry, Span
from harness.tester.harm import ACTING, HARMLESS, TABLE
from harness.tester.safety import SafetyGate

from .bench import allowing

# Written from ISO 14229-1:2020, ISO 14230-3:1999, SAE J2190 and SAE J1979, and not from the gate. A service without
# sub-functions stands with its word; with sub-functions it stands with the word of those that are not named.
WHOLE_SERVICES = {
    # SAE J1979: 01 current data, 02 freeze frames, 03 and 07 and 0A trouble codes, 05 and 06 test results, 09 vehicle data.
    **dict.fromkeys((0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x09, 0x0A), ""),
    0x04: "destructive",  # clears emission-related diagnostic information
    0x08: "destructive",  # requests control of an on-board system, test or component
    # In none of the four.
    **dict.fromkeys((0x00, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x15, 0x16, *range(0x1B, 0x20)), ""),
    0x11: "reset",  # ECUReset
    0x12: "",  # readFreezeFrameData
    0x13: "",  # readDiagnosticTroubleCodes
    0x14: "destructive",  # ClearDiagnosticInformation
    0x17: "",  # readStatusOfDiagnosticTroubleCodes
    0x18: "",  # readDiagnosticTroubleCodesByStatus
    0x19: "",  # ReadDTCInformation
    0x1A: "",  # readEcuIdentification
    0x20: "reset",  # stopDiagnosticSession
    0x21: "",  # readDataByLocalIdentifier
    0x22: "",  # ReadDataByIdentifier
    0x23: "",  # ReadMemoryByAddress
    0x24: "",  # ReadScalingDataByIdentifier
    0x25: "destructive",  # stopRepeatedDataTransmission
    0x26: "destructive",  # setDataRates
    0x28: "destructive",  # CommunicationControl
    0x2B: "write",  # dynamically define data packet
    0x2C: "write",  # DynamicallyDefineDataIdentifier
    0x2D: "write",  # define PID by memory address
    0x2E: "write",  # WriteDataByIdentifier
    0x2F: "destructive",  # InputOutputControlByIdentifier
    0x30: "destructive",  # inputOutputControlByLocalIdentifier
    0x32: "destructive",  # stopRoutineByLocalIdentifier
    0x33: "destructive",  # requestRoutineResultsByLocalIdentifier: no check asks, so that nobody has argued for it
    0x34: "destructive",  # RequestDownload
    0x35: "destructive",  # RequestUpload
    0x36: "destructive",  # TransferData
    0x37: "destructive",  # RequestTransferExit
    0x38: "destructive",  # RequestFileTransfer; startRoutineByAddress
    0x39: "destructive",  # stopRoutineByAddress
    0x3A: "destructive",  # requestRoutineResultsByAddress, as 33
    0x3B: "write",  # writeDataByLocalIdentifier
    0x3C: "destructive",  # read data block, as 33
    0x3D: "destructive",  # WriteMemoryByAddress
    0x3E: "",  # TesterPresent
    0x3F: "destructive",
    **dict.fromkeys(range(0x40, 0x80), ""),  # responses
    0x80: "destructive",  # escCode
    0x81: "reset",  # startCommunication
    0x82: "reset",  # stopCommunication
    0x83: "destructive",  # AccessTimingParameter, whose numbers differ between the two standards
    0x84: "destructive",  # SecuredDataTransmission
    0x85: "destructive",  # ControlDTCSetting
    0x86: "write",  # ResponseOnEvent
    0x87: "destructive",  # LinkControl
    **dict.fromkeys(range(0x88, 0xA0), "destructive"),  # reserved
    **dict.fromkeys(range(0xA0, 0xBF), "destructive"),  # vehicle manufacturer, system supplier
    0xBF: "destructive",  # reserved
    **dict.fromkeys(range(0xC0, 0x100), ""),  # responses
}
SERVICES_WITH_PARTS = {
    0x10: ("reset", {0x01: "", 0x03: ""}),  # defaultSession, extendedDiagnosticSession
    0x27: ("lockout", dict.fromkeys(range(0x01, 0x80, 2), "")),  # requestSeed is odd, sendKey even
    0x29: (
        "lockout write reset",
        {
            0x00: "reset",  # deAuthenticate
            0x01: "lockout",  # verifyCertificateUnidirectional
            0x02: "lockout",  # verifyCertificateBidirectional
            0x03: "lockout",  # proofOfOwnership
            0x04: "write",  # transmitCertificate
            0x05: "lockout",  # requestChallengeForAuthentication
            0x06: "lockout",  # verifyProofOfOwnershipUnidirectional
            0x07: "lockout",  # verifyProofOfOwnershipBidirectional
            0x08: "",  # authenticationConfiguration
        },
    ),
    0x2A: ("destructive", {0x04: ""}),  # stopSending
    0x31: ("destructive", {0x03: ""}),  # requestRoutineResults
}
SERVICES_ALONE = {0x10: "reset", 0x27: "", 0x29: "lockout write reset", 0x2A: "destructive", 0x31: "destructive"}
"""Services whose request of one byte needs other permissions than their sub-functions."""

EVERY_ALLOWANCE = [frozenset(), *(frozenset((one,)) for one in PERMISSIONS), frozenset(PERMISSIONS)]


def expected(service: int, sub_function: int | None) -> set[str]:
    """Return the permissions for a request; bit 7 of the sub-function asks for silence and changes nothing else."""
    if service in WHOLE_SERVICES:
        return set(WHOLE_SERVICES[service].split())
    others, parts = SERVICES_WITH_PARTS[service]
    if sub_function is None:
        return set(SERVICES_ALONE[service].split())
    return set(parts.get(sub_function & 0x7F, others).split())


def test_the_expectations_name_every_service_once() -> None:
    assert WHOLE_SERVICES.keys() | SERVICES_WITH_PARTS.keys() == set(range(0x100))
    assert not WHOLE_SERVICES.keys() & SERVICES_WITH_PARTS.keys()
    assert SERVICES_ALONE.keys() == SERVICES_WITH_PARTS.keys()


@pytest.mark.parametrize("more", [b"", b"\xff\x00\x01\x11"], ids=["short", "long"])
def test_each_sub_function_of_each_service_needs_its_word(more: bytes) -> None:
    gate = SafetyGate(allowing())
    wrong = {
        f"{service:02X} {sub_function:02X}": found
        for service in range(0x100)
        for sub_function in range(0x100)
        if (found := gate.harms(bytes((service, sub_function)) + more)) != expected(service, sub_function)
    }
    assert wrong == {}


def test_a_service_alone_needs_its_word() -> None:
    gate = SafetyGate(allowing())
    alone = {service: gate.harms(bytes((service,))) for service in range(0x100)}
    assert alone == {service: expected(service, None) for service in range(0x100)}


@pytest.mark.parametrize("allowed", EVERY_ALLOWANCE, ids=lambda allowed: ",".join(sorted(allowed)) or "nothing")
def test_each_permission_lets_its_words_pass_and_nothing_else(allowed: frozenset[Permission]) -> None:
    gate = SafetyGate(allowing(*allowed))
    wrong = [
        f"{service:02X} {sub_function:02X}"
        for service in range(0x100)
        for sub_function in range(0x100)
        if gate.permits(bytes((service, sub_function))) is not (expected(service, sub_function) <= allowed)
    ]
    assert wrong == []


def test_nothing_allowed_is_little() -> None:
    """Only a quarter of the requests' numbers may be sent; nobody knows whether the others do harm."""
    gate = SafetyGate(allowing())
    requests = [service for service in range(0x100) if not service & 0x40]
    free = [service for service in requests if all(gate.permits(bytes((service, one))) for one in range(0x80))]
    assert len(free) == 32
    assert len(requests) == 128


def test_every_entry_of_the_tables_has_its_reason_and_none_contradicts_another() -> None:
    assert all(len(entry.why.split()) > 1 for entry in (*HARMLESS, *ACTING))
    harmless = {(service, one) for entry in HARMLESS for service in entry.services for one in entry.sub_functions}
    acting = {(service, one) for entry in ACTING for service in entry.services for one in entry.sub_functions}
    assert not harmless & acting
    for one, other in combinations(HARMLESS, 2):
        assert not {(s, f) for s in one.services for f in one.sub_functions} & {
            (s, f) for s in other.services for f in other.sub_functions
        }, (one, other)
    assert len(TABLE) == 0x100


# What a declaration lifts


@pytest.mark.parametrize("session", [0x02, 0x04, 0x40, 0x7E])
def test_a_declared_session_needs_nothing_with_and_without_an_answer(session: int) -> None:
    gate = SafetyGate(allowing(sessions=(SessionEntry(id=session),)))
    others = set(range(0x80)) - {0x01, 0x03, session}
    assert gate.permits(bytes((0x10, session)))
    assert gate.permits(bytes((0x10, 0x80 | session)))
    assert not any(gate.permits(bytes((0x10, other))) for other in others)


def test_a_safe_routine_may_be_started_and_stopped_and_nothing_else_done_to_it() -> None:
    gate = SafetyGate(allowing(routines=(RoutineEntry(id=0xFF00, safe=True),)))
    passing = [one for one in range(0x80) if gate.permits(bytes((0x31, one, 0xFF, 0x00)))]
    assert passing == [0x01, 0x02, 0x03]


@pytest.mark.parametrize("service", [0x10, 0x27, 0x31])
def test_sessions_keys_and_routines_are_not_declared_safe_by_their_service(service: int) -> None:
    """A range of safe services must not let the programming session, wrong keys and erasing pass."""
    gate = SafetyGate(allowing(services=(ServiceEntry(range=Span(0x00, 0xFF), safe=True),)))
    assert not gate.permits(bytes((service, 0x02, 0xFF, 0x00)))
    assert gate.permits(b"\x28\x03\x01")


# Whatever is asked

REQUESTS = st.binary(max_size=12)
ALLOWANCES = st.frozensets(st.sampled_from(PERMISSIONS))


@given(REQUESTS, ALLOWANCES, ALLOWANCES)
def test_more_permissions_never_let_less_pass(pdu: bytes, some: frozenset[Permission], more: frozenset[Permission]) -> None:
    assert SafetyGate(allowing(*some, *more)).permits(pdu) or not SafetyGate(allowing(*some)).permits(pdu)


@given(REQUESTS.filter(bool), st.booleans())
def test_functional_needs_its_word_on_top(pdu: bytes, is_right_key: bool) -> None:
    gate = SafetyGate(allowing())
    plain = gate.harms(pdu, is_right_key=is_right_key)
    assert gate.harms(pdu, is_functional=True, is_right_key=is_right_key) == plain | {"functional"}
    assert gate.harms(pdu) - plain <= {"lockout"}
