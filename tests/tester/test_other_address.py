"""Prove how requests are sent from another address: their answers are separate, and guesses are counted."""

from dataclasses import replace

import pytest

from harness.audit.opening import open_tester
from harness.errors import Inconclusive, NotPermitted
from harness.link.trace import Trace
from harness.target import Target, load_target
from harness.tester.other_address import OtherAddress
from harness.tester.tester import Tester


def bench_for(target: Target) -> Tester:
    return open_tester(target, seed=1, trace=Trace(), ledger_path=None)


@pytest.fixture
def tester() -> Tester:
    return bench_for(load_target("hardened"))


def by_name(tester: Tester) -> dict[str, OtherAddress]:
    return {other.name: other for other in tester.other_addresses()}


def test_a_declared_connection_the_other_format_and_the_functional_id_are_known(tester: Tester) -> None:
    found = by_name(tester)
    assert list(found) == ["the connection 0x742 -> 0x74A", "0x740 with 29 bits", "the functional id 0x7DF"]
    assert [other.is_tester for other in found.values()] == [True, False, False]
    assert [other.is_served() for other in found.values()] == [True, False, True]


def test_a_functional_id_needs_permission() -> None:
    target = load_target("hardened")
    tester = bench_for(replace(target, safety=replace(target.safety, allow=frozenset({"write"}))))
    assert "the functional id 0x7DF" not in by_name(tester)


def test_29_bit_ids_have_no_other_format() -> None:
    target = load_target("hardened")
    tester = bench_for(replace(target, can=replace(target.can, request_id=0x18DA40F1, extended_ids=True)))
    assert not any("bits" in name for name in by_name(tester))


def test_the_article_hears_its_id_in_either_format() -> None:
    other = by_name(bench_for(load_target("article")))["0x740 with 29 bits"]
    assert other.ask(b"\x22\x10\x10").pdu == b"\x62\x10\x10\xff"
    assert other.trace.frames(0, 99)[-2].is_extended


def test_long_messages_go_to_a_connection_only(tester: Tester) -> None:
    found = by_name(tester)
    assert len(found["the connection 0x742 -> 0x74A"].ask(b"\x22\xf1\xa0").pdu) == 100
    with pytest.raises(Inconclusive, match="more than one frame"):
        found["the functional id 0x7DF"].ask(b"\x22\x10\x10\x20\x20\x30\x30\xf1\x8c")


def test_what_is_sent_from_there_needs_permission_too() -> None:
    target = load_target("hardened")
    tester = bench_for(replace(target, safety=replace(target.safety, allow=frozenset())))
    with pytest.raises(NotPermitted, match="write"):
        tester.other_addresses()[0].ask(b"\x2e\x10\x10\x01")


def test_a_key_from_there_is_counted_and_leaves_our_seed_pending(tester: Tester) -> None:
    security = tester.security
    security.unlock(1)
    tester.access.lock()
    tester.session_for(1)
    seed = security.seed(1)
    assert tester.other_addresses()[0].ask(b"\x27\x02" + bytes(16)).is_negative
    assert security.ledger.spent(1) == 1
    assert security.level(1).seed == seed
    assert security.send_key(1, security.right_key(1, seed)).is_positive


def test_a_session_change_from_there_ends_our_seed(tester: Tester) -> None:
    tester.session_for(1)
    tester.security.seed(1)
    tester.other_addresses()[0].ask(b"\x10\x03")
    assert tester.security.level(1).seed is None


def test_exchanges_there_are_evidence_here(tester: Tester) -> None:
    before = tester.exchange_count
    reply = tester.other_addresses()[0].ask(b"\x3e\x00")
    assert tester.recent[-1] is reply
    assert tester.exchange_count == before + 1
