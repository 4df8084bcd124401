"""Prove, from the ECU's side of the bus, what it receives if nothing, or few wrong keys, are allowed."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_functions
from harness.audit.opening import open_tester
from harness.audit.runner import Runner
from harness.audit.schedule import checks_of
from harness.buses import open_bus_of
from harness.check import declared_attack
from harness.discovery.discover import discover
from harness.doctor.answering import answers
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.measurements import Measurements
from harness.target import Target, load_text, unknown_target
from harness.verdict import Depth
from tests.unseen.vans import nodes_found

CHANGING = {0x04, 0x08, 0x11, 0x14, 0x28, 0x2C, 0x2E, 0x2F, 0x34, 0x36, 0x37, 0x38, 0x3B, 0x3D, 0x85, 0x86, 0x87}
"""Services that write, reset, silence or destroy."""


@pytest.fixture(autouse=True)
def heard() -> list[bytes]:
    nodes_found.HEARD.clear()
    nodes_found.OPENED.clear()
    return nodes_found.HEARD


def of_a_bench(name: str) -> Target:
    """Return the target of an ECU on a bench, as far as permissions go."""
    target = unknown_target(interface="uds-sim", channel=f"{nodes_found.__name__}:{name}")
    return replace(target, environment="bench", safety=replace(target.safety, allow=frozenset(), wrong_keys=40))


def discovered(target: Target) -> str:
    link = open_bus_of(target, trace=Trace(), chance=Chance(0).stream("ecu"))
    try:
        return discover(link, target, candidates=[(0x700, False)], depth=Depth.QUICK).ecus[0].text
    finally:
        link.close()


def audit(target: Target, ledger: Path | None = None) -> None:
    """Run every check, as an audit does."""
    functions = list(shipped_functions().values())
    tester = open_tester(target, seed=1, trace=Trace(), ledger_path=ledger)
    measure, runner = Measurements(tester, Depth.QUICK), Runner(tester)
    try:
        measure.prepare(declared for one in functions if (declared := declared_attack(one)) is not None)
        for check in checks_of(functions, tester=tester, measure=measure, depth=Depth.QUICK):
            runner.run(check, "")
        runner.settle()
        tester.restore()
    finally:
        tester.link.close()


def message(data: bytes) -> bytes:
    """Return the message in a single frame, or the beginning of the message in a first frame."""
    if data and 0 < data[0] < 8:
        return data[1 : 1 + data[0]]
    return data[2:] if data and data[0] >> 4 == 1 else b""


def is_key(pdu: bytes) -> bool:
    return len(pdu) > 1 and pdu[0] == 0x27 and 0 < pdu[1] & 0x7F < 0x7F and pdu[1] % 2 == 0


def is_harmful(pdu: bytes) -> bool:
    """Whether a message could lock, write, reset, start or destroy anything."""
    is_order = pdu[:1] == b"\x31" and len(pdu) > 1 and pdu[1] & 0x7F in (1, 2)
    leaves = pdu[:1] == b"\x10" and len(pdu) > 1 and pdu[1] & 0x7F == 2
    return bool(pdu) and (pdu[0] in CHANGING or is_key(pdu) or is_order or leaves)


def test_nothing_that_could_harm_is_sent_where_nothing_is_allowed(heard: list[bytes]) -> None:
    bench = of_a_bench("Watched")
    text = discovered(bench)
    assert "allow = []" in text
    found = load_text(text.replace('environment = "bench"', 'environment = "simulated"'), "found")
    audit(replace(found, environment="bench"))
    link = open_bus_of(found, trace=Trace(), chance=Chance(0))
    assert [one.has_failed for one in answers(link, found)] == [False, False]
    link.close()
    assert len(heard) > 5000
    assert [one.hex(" ") for one in heard if is_harmful(message(one))] == []


@pytest.mark.parametrize("name", ["Watched", "WatchedSecret"])
def test_two_runs_send_no_more_wrong_keys_than_the_budget_has(name: str, tmp_path: Path, heard: list[bytes]) -> None:
    bench = of_a_bench(name)
    text = discovered(replace(bench, safety=replace(bench.safety, allow=frozenset({"write"}))))
    found = load_text(text.replace('environment = "bench"', 'environment = "simulated"'), "found")
    nearly_all = frozenset(("lockout", "write", "reset", "power", "destructive"))
    for _ in range(2):
        target = replace(found, environment="bench", safety=replace(bench.safety, allow=nearly_all))
        audit(target, tmp_path / "wrong-keys.json")
    sent = Counter((pdu[1] & 0x7F) - 1 for data in heard if is_key(pdu := message(data)))
    wrong = {level: count - nodes_found.OPENED[level] for level, count in sent.items()}
    assert wrong[1] > 20
    assert max(wrong.values()) <= 40
