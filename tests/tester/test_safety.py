"""Prove that nothing reaches the bus that the target does not allow."""

from dataclasses import replace

import pytest

from harness.errors import NotPermitted
from harness.link.frame import Frame
from harness.target import RoutineEntry, Safety, ServiceEntry, SessionEntry, Span, Target

from .bench import ALL, FUNCTIONAL_ID, Bench, ScriptedEcu, allowing, bare

HARMFUL = [
    ("27 02 01 02 03 04", "lockout"),
    ("27 82 01 02 03 04", "lockout"),
    ("27 02", "lockout"),
    ("27 00", "lockout"),
    ("27 42 00", "lockout"),
    ("2E 10 10 05", "write"),
    ("2E", "write"),
    ("2C 01 F2 00 10 10 01 01", "write"),
    ("11 01", "reset"),
    ("11 81", "reset"),
    ("11", "reset"),
    ("10 02", "reset"),
    ("10 82", "reset"),
    ("14 FF FF FF", "destructive"),
    ("28 03 01", "destructive"),
    ("2F 10 10 03", "destructive"),
    ("31 01 02 03", "destructive"),
    ("31 81 02 03", "destructive"),
    ("31 02 02 03", "destructive"),
    ("34 00 11 00 01", "destructive"),
    ("36 01 00", "destructive"),
    ("37", "destructive"),
    ("38 02 00 01 41", "destructive"),
    ("3D 11 00 01 05", "destructive"),
    ("85 02", "destructive"),
    ("87 01 05", "destructive"),
    ("A0", "destructive"),
    ("BA 00", "destructive"),
    ("BE", "destructive"),
]
"""Requests, each with the permission that it needs."""

HARMLESS = [
    *("10 01", "10 03", "10 83", "19 02 FF", "22 10 10", "22 F1 90", "23 11 00 01", "24 10 10", "27 01", "27 81"),
    *("27 03 00", "27", "31 03 02 03", "3E 00", "3E 80", "7F 22 33", "62 10 10 05", "05", "1E"),
]


def refused(bench: Bench, request: str | bytes, **how: bool) -> str:
    """Return the reason for which a request is refused, after asserting that nothing was sent."""
    with pytest.raises(NotPermitted) as caught:
        bench.tester.request(request, **how)
    assert bench.sent() == []
    return str(caught.value)


def goes_out(bench: Bench, request: str | bytes, **how: bool) -> bool:
    bench.tester.request(request, **how)
    return bool(bench.sent())


# Permission by permission


@pytest.mark.parametrize(("request_", "permission"), HARMFUL)
def test_harmful_request_is_not_sent_without_its_permission(request_: str, permission: str) -> None:
    bench = Bench(ScriptedEcu(), target=allowing(*(ALL - {permission})))
    reason = refused(bench, request_)
    assert f'"{permission}"' in reason
    assert "[safety] allow" in reason
    assert "\n" not in reason
    assert not bench.tester.permits(bytes.fromhex(request_))


@pytest.mark.parametrize(("request_", "permission"), HARMFUL)
def test_harmful_request_is_sent_with_its_permission_alone(request_: str, permission: str) -> None:
    bench = Bench(ScriptedEcu(), target=allowing(permission))
    assert goes_out(bench, request_)
    assert bench.tester.permits(bytes.fromhex(request_))


@pytest.mark.parametrize("request_", HARMLESS)
def test_harmless_request_needs_no_permission(request_: str) -> None:
    assert goes_out(Bench(ScriptedEcu(), target=allowing()), request_)


@pytest.mark.parametrize("service", range(0xA0, 0xBF))
def test_suppliers_own_services_are_taken_for_destructive(service: int) -> None:
    assert "destructive" in refused(Bench(ScriptedEcu(), target=allowing(*(ALL - {"destructive"}))), bytes((service, 0x01)))


@pytest.mark.parametrize("request_", ["04", "08 01"])
def test_obd_services_that_clear_codes_or_move_actuators_are_destructive(request_: str) -> None:
    """SAE J1979 services 04 and 08 use the same ids; 04 does what 14 FF FF FF does."""
    refused(Bench(ScriptedEcu(), target=allowing(*(ALL - {"destructive"}))), request_)


# The key that the ECU waits for


def test_right_key_is_no_guess() -> None:
    assert goes_out(Bench(ScriptedEcu(), target=allowing()), "27 02 01 02 03 04", is_right_key=True)


@pytest.mark.parametrize("request_", ["2E 10 10 05", "11 01", "31 01 02 03"])
def test_right_key_excuses_nothing_but_a_key(request_: str) -> None:
    refused(Bench(ScriptedEcu(), target=allowing()), request_, is_right_key=True)


# The programming session


@pytest.mark.parametrize("sessions", [(), (SessionEntry(id=0x01), SessionEntry(id=0x03))])
def test_undeclared_programming_session_needs_reset(sessions: tuple[SessionEntry, ...]) -> None:
    assert '"reset"' in refused(Bench(ScriptedEcu(), target=allowing("write", sessions=sessions)), "10 02")


def test_declared_programming_session_needs_nothing() -> None:
    assert goes_out(Bench(ScriptedEcu(), target=allowing(sessions=(SessionEntry(id=0x02),))), "10 02")


def test_programming_session_that_was_only_found_needs_reset() -> None:
    sessions = (SessionEntry(id=0x02, origin="found"),)
    assert '"reset"' in refused(Bench(ScriptedEcu(), target=allowing(sessions=sessions)), "10 02")


# Routines and services that are declared safe


SAFE = RoutineEntry(id=0x0203, safe=True)


@pytest.mark.parametrize("request_", ["31 01 02 03", "31 02 02 03", "31 81 02 03 AA"])
@pytest.mark.parametrize("routine", [SAFE, RoutineEntry(range=Span(0x0200, 0x0203), safe=True)])
def test_routine_declared_safe_may_run(routine: RoutineEntry, request_: str) -> None:
    assert goes_out(Bench(ScriptedEcu(), target=allowing(routines=(routine,))), request_)


@pytest.mark.parametrize("request_", ["31 01 02 04", "31 01 02 02", "31 01 02", "31 01"])
def test_other_routines_may_not(request_: str) -> None:
    assert '"destructive"' in refused(Bench(ScriptedEcu(), target=allowing(routines=(SAFE,))), request_)


@pytest.mark.parametrize("routine", [replace(SAFE, safe=False), replace(SAFE, origin="found")])
def test_routine_that_is_not_safe_or_only_found_may_not_run(routine: RoutineEntry) -> None:
    assert '"destructive"' in refused(Bench(ScriptedEcu(), target=allowing(routines=(routine,))), "31 01 02 03")


@pytest.mark.parametrize("service", [ServiceEntry(id=0xB1, safe=True), ServiceEntry(range=Span(0xB0, 0xB3), safe=True)])
def test_service_declared_safe_may_run(service: ServiceEntry) -> None:
    """`safe` of a service, too, says that a check may use it."""
    assert goes_out(Bench(ScriptedEcu(), target=allowing(services=(service,))), "B1 01")


@pytest.mark.parametrize("service", [ServiceEntry(id=0xB1), ServiceEntry(id=0xB1, safe=True, origin="found")])
def test_service_that_is_not_safe_or_only_found_may_not_run(service: ServiceEntry) -> None:
    refused(Bench(ScriptedEcu(), target=allowing(services=(service,))), "B1 01")


# Functional addressing


def test_functional_request_needs_permission_for_it() -> None:
    assert '"functional"' in refused(Bench(ScriptedEcu(), target=allowing("write")), "3E 00", is_functional=True)
    assert goes_out(Bench(ScriptedEcu(), target=allowing("functional")), "3E 00", is_functional=True)


@pytest.mark.parametrize(("request_", "permission"), HARMFUL)
def test_functional_request_needs_its_other_permission_too(request_: str, permission: str) -> None:
    bench = Bench(ScriptedEcu(), target=allowing("functional"))
    assert f'"{permission}"' in refused(bench, request_, is_functional=True)


# Raw frames


def raw_bench(target: Target | None = None, *, needs: tuple[str, ...] = ()) -> Bench:
    bench = Bench(ScriptedEcu(), target=target or bare())
    bench.tester.gate.raw_needs = frozenset(needs)
    return bench


def raw_refused(bench: Bench, *fields: str, **how: bool) -> str:
    with pytest.raises(NotPermitted) as caught:
        bench.tester.raw(*map(bytes.fromhex, fields), **how)
    assert bench.sent() == []
    return str(caught.value)


def raw_goes_out(bench: Bench, *fields: str, **how: bool) -> bool:
    bench.tester.raw(*map(bytes.fromhex, fields), **how)
    return len(bench.sent()) == len(fields)


@pytest.mark.parametrize(
    "field", ["03 22 10 10 00 00 00 00", "02 3E 00", "02 10 01", "02 27 01", "30 00 00", "", "00", "FF"]
)
def test_harmless_frame_needs_nothing(field: str) -> None:
    assert raw_goes_out(raw_bench(allowing()), field)


def test_frame_needs_the_targets_permission() -> None:
    assert '"write"' in raw_refused(raw_bench(allowing("reset"), needs=("write",)), "04 2E 10 10 05")


def test_frame_needs_the_checks_declaration() -> None:
    reason = raw_refused(raw_bench(), "04 2E 10 10 05")
    assert "does not declare" in reason
    assert '"write"' in reason


def test_frame_passes_with_both() -> None:
    assert raw_goes_out(raw_bench(allowing("write"), needs=("write",)), "04 2E 10 10 05")


def test_one_frame_that_is_refused_holds_all_of_them_back() -> None:
    raw_refused(raw_bench(), "03 22 10 10", "02 11 01")


def test_right_key_as_a_frame_is_a_guess() -> None:
    assert '"lockout"' in raw_refused(raw_bench(allowing("write"), needs=("lockout",)), "06 27 02 01 02 03 04")


@pytest.mark.parametrize(
    ("field", "permission"),
    [
        pytest.param("04 2E 10 10 05", "write", id="single frame"),
        pytest.param("00 2E 10 10 05", "write", id="length zero"),
        pytest.param("0F 2E 10 10 05", "write", id="length beyond the frame"),
        pytest.param("21 2E 10 10 05", "write", id="consecutive frame"),
        pytest.param("30 27 02 00 00", "lockout", id="flow control"),
        pytest.param("70 11 01", "reset", id="reserved"),
        pytest.param("2E 10 10 05", "write", id="no protocol control"),
        pytest.param("10 0A 2E 10 10 01 02 03", "write", id="first frame"),
        pytest.param("10 0A 27 02 01 02 03 04", "lockout", id="first frame of a key"),
        pytest.param("00 04 2E 10 10 05", "write", id="escaped length"),
        pytest.param("55 04 2E 10 10 05", "write", id="an address before it"),
        pytest.param("55 10 0A 2E 10 10 01 02", "write", id="an address before a first frame"),
    ],
)
def test_frame_is_judged_by_whatever_an_ecu_may_read_into_it(field: str, permission: str) -> None:
    assert f'"{permission}"' in raw_refused(raw_bench(needs=tuple(ALL - {permission})), field)
    assert raw_goes_out(raw_bench(needs=(permission,)), field)


@pytest.mark.parametrize("service", ["14", "28", "2C", "2F", "31 01", "34", "36", "38", "3D", "85", "87", "B0"])
def test_first_frame_of_any_harmful_service_needs_its_permission(service: str) -> None:
    """A sound ECU reads the message from the third byte on, where e.g. a long 3D or 34 begins."""
    field = bytes.fromhex(f"10 0A {service} 02 03 00 00 00")[:8].hex()
    raw_refused(raw_bench(needs=("lockout", "reset")), field)


@pytest.mark.parametrize("start", [0, 1])
def test_first_and_second_byte_are_looked_at_for_any_harmful_service(start: int) -> None:
    """The bytes after these are data, any of which may have the number of a service."""
    raw_refused(raw_bench(needs=("lockout", "reset", "write")), (bytes(start) + bytes.fromhex("31 01 02 03")).hex())


def test_escaped_first_frame_is_looked_at_where_its_message_begins() -> None:
    raw_refused(raw_bench(needs=("lockout",)), "10 00 00 00 10 00 2E 10")


def test_long_single_frame_is_looked_at_where_its_message_begins() -> None:
    assert '"write"' in raw_refused(raw_bench(), "00 09 2E 10 10 01 02 03 04 05 06 00")
    assert '"destructive"' in raw_refused(raw_bench(), "00 08 04 00 00 00 00 00 00 00 00 00")
    assert '"destructive"' in raw_refused(raw_bench(), "00 08 B0 00 00 00 00 00 00 00 00 00")


def test_length_of_a_long_single_frame_is_not_taken_for_an_obd_service() -> None:
    assert raw_goes_out(raw_bench(can_fd()), "00 08 22 10 10 20 20 30 30 40 00 00")


def can_fd() -> Target:
    return replace(bare(), can=replace(bare().can, fd=True))


@pytest.mark.parametrize("field", ["30 00 00 00 00 00 00 00", "31 00 00", "32 00 00", "30 08 F1"])
def test_flow_control_is_not_taken_for_a_service(field: str) -> None:
    assert raw_goes_out(raw_bench(allowing()), field)


def test_what_may_be_sent_can_be_asked_before() -> None:
    gate = raw_bench(needs=("write",)).tester.gate
    assert gate.permits_raw(bytes.fromhex("03221010"), bytes.fromhex("042E101005"))
    assert not gate.permits_raw(bytes.fromhex("03221010"), bytes.fromhex("021101"))


@pytest.mark.parametrize("field", ["01 04", "02 08 01", "07 04 00 00 00 00 00 00"])
def test_single_frame_of_an_obd_service_that_destroys_needs_its_permission(field: str) -> None:
    assert '"destructive"' in raw_refused(raw_bench(), field)


@pytest.mark.parametrize("field", ["10 08 22 10 10 20 20 30", "10 04 22", "04 22 10 10 20", "08 22 10 10 00 00 00 00"])
def test_length_is_not_taken_for_an_obd_service(field: str) -> None:
    assert raw_goes_out(raw_bench(allowing()), field)


def test_functional_frame_needs_permission_for_it() -> None:
    assert '"functional"' in raw_refused(raw_bench(allowing("write")), "02 3E 00", is_functional=True)
    bench = raw_bench(allowing("functional"))
    assert raw_goes_out(bench, "02 3E 00", is_functional=True)
    assert bench.sent()[0].can_id == FUNCTIONAL_ID


def test_functional_frame_needs_its_other_permission_too() -> None:
    assert '"reset"' in raw_refused(raw_bench(allowing("functional")), "02 11 01", is_functional=True)


def test_frame_on_the_functional_id_is_functional_whoever_built_it() -> None:
    bench = raw_bench(allowing("write"))
    with pytest.raises(NotPermitted):
        bench.tester.raw_frames([Frame(FUNCTIONAL_ID, b"\x02\x3e\x00")])
    assert bench.sent() == []


# The whole


def test_nothing_harmful_reaches_the_bus_of_a_bench_that_allows_nothing() -> None:
    """All entries are tried: requests, functional ones and raw frames; the trace is the proof."""
    bench = raw_bench(bare(safety=Safety()), needs=tuple(ALL))
    for request, _ in HARMFUL:
        pdu = bytes.fromhex(request)
        for send in (
            lambda pdu=pdu: bench.tester.request(pdu),
            lambda pdu=pdu: bench.tester.request(pdu, is_functional=True),
            lambda pdu=pdu: bench.tester.raw(bytes((len(pdu), *pdu))[:8]),
            lambda pdu=pdu: bench.tester.raw(bytes((0x21, *pdu))[:8]),
        ):
            with pytest.raises(NotPermitted):
                send()
    assert bench.sent() == []
