"""Prove that the effects of a stream of messages on the ECU are noticed, and that the stream is reduced to the
guilty ones.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from attacks.fuzz.test_mutations import test_a_mutated_request_gets_one_well_formed_answer as mutations
from attacks.fuzz.test_random_frames import test_random_frames_neither_stop_nor_change_the_ecu as random_frames
from attacks.fuzz.test_sweep import test_no_service_answers_that_is_not_documented as sweep
from attacks.fuzz.test_transport_fuzz import test_frames_in_any_order_neither_stop_nor_change_the_ecu as sequences
from harness.audit.opening import open_tester
from harness.errors import NotRun, Violation
from harness.fuzz.stream import StimulusStream
from harness.link.trace import Trace
from harness.target import Target
from harness.tester.tester import Tester
from harness.testing import run_checks
from harness.verdict import Severity

from ..variants import with_changes
from .playing import allowing, target

QUIET = (b"\x02\x3e\x00",)


def a_tester(ecu: Target) -> Tester:
    tester = open_tester(ecu, seed=1, trace=Trace(), ledger_path=None)
    tester.restore()
    tester.prove_keys()
    tester.restore()
    tester.gate.raw_needs = tester.target.safety.allow
    return tester


def stream(*guilty: bytes, at: int = 137) -> list[tuple[bytes, ...]]:
    return [*[QUIET] * at, *[(one,) for one in guilty], *[QUIET] * 30]


def test_the_one_guilty_frame_is_named() -> None:
    sending = StimulusStream(a_tester(with_changes("hardened", "dies_on_routine_of_four_bytes")), is_raw=True)
    with pytest.raises(Violation) as caught:
        sending.run(stream(b"\x04\x31\x03\xff\x00"))
    assert caught.value.expected == "the ECU answers after 04 31 03 FF 00 as raw frames"
    assert caught.value.severity is Severity.HIGH


def test_of_a_sequence_the_guilty_frames_are_named() -> None:
    sending = StimulusStream(a_tester(with_changes("hardened", "dies_on_sequence_number_zero")), is_raw=True)
    whole = (b"\x02\x3e\x00", b"\x10\x0a\x22\x10\x10\x10\x10\x10", b"\x20" + bytes(7), b"\x02\x3e\x00")
    with pytest.raises(Violation) as caught:
        sending.run([QUIET, whole, QUIET])
    assert caught.value.expected == "the ECU answers after 10 0A 22 10 10 10 10 10; 20 00 00 00 00 00 00 00 as raw frames"


def test_an_order_of_two_requests_is_found_in_many() -> None:
    sending = StimulusStream(a_tester(with_changes("hardened", "unprotected_in_extended_session")))
    requests = [(b"\x3e\x00",)] * 20 + [(b"\x10\x03",)] + [(b"\x22\x10\x10",)] * 20 + [(b"\x2e\x20\x20\x55",)]
    with pytest.raises(Violation) as caught:
        sending.run(requests)
    assert caught.value.severity is Severity.CRITICAL
    assert "DID 2020" in caught.value.expected


def test_a_reset_that_was_asked_for_is_no_finding() -> None:
    assert StimulusStream(a_tester(target()), is_raw=True).run(stream(b"\x02\x11\x01")) == 168


def test_open_data_may_be_written_and_is_put_back() -> None:
    tester = a_tester(target())
    before = tester.read(0x1010)
    StimulusStream(tester).run([(b"\x2e\x10\x10\x12",)])
    tester.restore()
    assert tester.read(0x1010) == before


def test_what_is_not_permitted_is_left_out() -> None:
    tester = a_tester(target(**allowing("write")))
    assert StimulusStream(tester, is_raw=True).run([QUIET, (b"\x02\x11\x01",)]) == 1
    assert any("1 of 2 stimuli were left out" in note for note in tester.notes)
    with pytest.raises(NotRun):
        StimulusStream(tester, is_raw=True).run([(b"\x02\x11\x01",)])


def test_a_small_budget_of_wrong_keys_is_not_used_up() -> None:
    tester = a_tester(target(**allowing("write", "lockout", wrong_keys=8)))
    keys = [(b"\x06\x27\x02" + bytes((number,)) * 4,) for number in range(20)]
    assert StimulusStream(tester, is_raw=True).run([QUIET, *keys]) == 3
    assert tester.security.ledger.spent(0x01) == 2


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("answers_a_long_read_for_another_service", "a positive response to 22 10 10 77"),
        ("answers_a_long_read_twice", "one answer to 22 10 10 77"),
        ("ignores_long_reads", "an answer to 22 10 10 77"),
    ],
)
def test_an_answer_of_a_wrong_form_is_a_lower_finding_than_a_breach(node: str, expected: str) -> None:
    sending = StimulusStream(a_tester(target(node)), is_form_judged=True)
    with pytest.raises(Violation) as caught:
        sending.run([(b"\x3e\x00",), (b"\x22\x10\x10\x77",), (b"\x22\x10\x10",)])
    assert caught.value.severity is Severity.LOW
    assert caught.value.expected.startswith(expected)
    assert caught.value.observed.startswith("22 10 10 77 gives ")


def test_an_answer_of_a_wrong_form_that_is_seen_once_is_no_finding() -> None:
    sending = StimulusStream(a_tester(target("ignores_the_first_long_read")), is_form_judged=True)
    assert sending.run([(b"\x22\x10\x10\x77",)]) == 1


@pytest.mark.parametrize("check", [random_frames, mutations, sweep, sequences])
@pytest.mark.parametrize("seed", [2, 3, 4])
@pytest.mark.parametrize("profile", ["hardened", "hardened-article-key"])
def test_a_sound_ecu_passes(check: Callable[..., object], seed: int, profile: str) -> None:
    (finding,) = run_checks([check], with_changes(profile), seed=seed)
    assert finding.verdict.value == "pass", finding.observed


def test_an_ecu_that_nothing_brings_back_is_not_accused_twice() -> None:
    ecu = with_changes("hardened", "dies_on_sequence_number_zero")
    ecu = replace(ecu, reset=replace(ecu.reset, power=None))
    (finding,) = run_checks([sequences], ecu)
    assert finding.verdict.value == "inconclusive"
    assert "contact lost" in finding.reason
