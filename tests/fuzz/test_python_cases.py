"""Prove cases in Python: what a function may yield, and that Scapy's chance follows the run's seed."""

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from scapy.contrib.automotive.uds import UDS, UDS_RDBI
from scapy.packet import Packet, Raw, fuzz

from harness import Target, fuzz_case
from harness.errors import UserError
from harness.fuzz.case import Case
from harness.fuzz.python import declared_case
from harness.link.clock import Chance
from harness.target import load_target
from harness.verdict import Severity, Verdict

from .playing import run, target

HARDENED = load_target("hardened")


def declared(function: Callable[..., Iterable[Any]], **keys: Any) -> Case:
    given = {"id": "one", "why": "Because.", "expect": "any", **keys}
    found = declared_case(fuzz_case(**given)(function))
    assert found is not None
    return found


def sent(function: Callable[..., Iterable[Any]], seed: int = 1) -> list[tuple[bytes, ...]]:
    return [step.messages for step in declared(function).messages.steps(HARDENED, Chance(seed))]


def scapy_draws() -> Iterator[Packet]:
    for _ in range(20):
        yield UDS(service=0x22) / fuzz(Raw())


def test_a_function_yields_packets_bytes_and_sequences() -> None:
    def messages() -> Iterator[object]:
        yield UDS() / UDS_RDBI(identifiers=[0x1010])
        yield b"\x22\x20\x20"
        yield [b"\x10\x03", UDS(service=0x27) / Raw(b"\x01")]

    assert sent(messages) == [(b"\x22\x10\x10",), (b"\x22\x20\x20",), (b"\x10\x03", b"\x27\x01")]


def test_a_function_may_take_the_target_and_chance() -> None:
    def messages(chance: Chance, target: Target) -> Iterator[bytes]:
        for entry in target.data:
            yield b"\x22" + entry.did.to_bytes(2, "big") + chance.random_bytes(2)

    assert len(sent(messages)) == 6
    assert sent(messages) == sent(messages) != sent(messages, seed=2)


def test_what_scapy_draws_comes_from_the_seed() -> None:
    assert sent(scapy_draws) == sent(scapy_draws) != sent(scapy_draws, seed=2)
    assert len(set(sent(scapy_draws))) == 20


def test_what_scapy_draws_is_the_same_whoever_else_draws() -> None:
    expected = sent(scapy_draws)
    steps = declared(scapy_draws).messages.steps(HARDENED, Chance(1))
    disturbed = []
    for step in steps:
        random.random()
        disturbed.append(step.messages)
    assert disturbed == expected


def test_the_global_generator_is_left_as_it_was() -> None:
    random.seed(5)
    before = random.getstate()
    sent(scapy_draws)
    assert random.getstate() == before


def test_a_function_that_raises_gives_the_global_generator_back() -> None:
    def messages() -> Iterator[bytes]:
        yield bytes(fuzz(Raw()))
        raise RuntimeError("enough")

    before = random.getstate()
    with pytest.raises(RuntimeError):
        sent(messages)
    assert random.getstate() == before


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (None, "yields NoneType; yield Scapy packets, bytes, or a list of these"),
        ("22 10 10", "yields str"),
        ([b"\x22", 5], "yields int"),
        (b"", "yields 0 bytes; yield messages of 1 to 4095"),
        (bytes(4096), "yields 4096 bytes"),
    ],
)
def test_what_cannot_be_sent_is_an_error_before_anything_is_sent(wrong: object, complaint: str) -> None:
    def messages() -> Iterator[object]:
        yield b"\x22\x10\x10"
        yield wrong

    finding = run(declared(messages))
    assert (finding.verdict, finding.last_frame - finding.first_frame) == (Verdict.ERROR, finding.last_frame)
    assert complaint in finding.reason


def test_a_function_that_never_ends_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.fuzz.python.MOST_MESSAGES", 100)

    def messages() -> Iterator[bytes]:
        while True:
            yield b"\x3e\x00"

    finding = run(declared(messages))
    assert finding.verdict is Verdict.ERROR
    assert "yields more than 100 messages" in finding.reason


def test_a_function_that_yields_nothing_is_not_applicable() -> None:
    finding = run(declared(lambda: []))
    assert (finding.verdict, finding.reason) == (Verdict.NOT_APPLICABLE, "the case has no message for this target")


def test_a_case_in_python_is_judged_like_one_in_toml() -> None:
    def messages() -> Iterator[bytes]:
        for low in range(0x80):
            yield bytes((0x22, 0x00, low))

    found = declared(messages, expect="negative 31", severity=Severity.LOW)
    assert run(found).verdict is Verdict.PASS
    finding = run(found, target("read_of_one_did_unlocks"))
    assert (finding.id, finding.verdict, finding.severity) == ("fuzz/one", Verdict.FAIL, Severity.CRITICAL)
    assert finding.expected == "DID 2020 locked as before after 22 00 4D"


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"id": "no spaces"}, 'id is "no spaces"; give letters'),
        ({"why": ""}, 'why is ""; give a sentence'),
        ({"expect": "negative|13"}, '"13" follows no list of codes'),
        ({"state": "open"}, 'state is "open"; give'),
        ({"severity": "bad"}, 'severity is "bad"; give "critical"'),
        ({"proven_by": ["No Defect"]}, "proven_by is"),
    ],
)
def test_a_malformed_decorator_is_named_with_its_place(keys: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError) as error:
        declared(scapy_draws, **keys)
    assert "test_python_cases.py:" in str(error.value)
    assert "@fuzz_case" in str(error.value)
    assert complaint in str(error.value)


def test_an_unknown_parameter_is_named() -> None:
    def messages(tester: object) -> Iterator[bytes]:
        yield b"\x22"

    with pytest.raises(UserError, match="messages takes tester; a case may take target and chance"):
        declared(messages)


def test_a_plain_function_is_no_case() -> None:
    assert declared_case(declared) is None
    assert declared_case(len) is None
