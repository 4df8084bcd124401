"""Prove that discovery with a key also finds which level opens which data."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.opening import open_tester
from harness.buses import open_link
from harness.discovery.discover import Found, discover
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import Target, load_target, load_text, unknown_target
from harness.tester.ledger import Ledger
from harness.verdict import Depth

ONE_ID = [(0x740, False)]
KEYS = Path(__file__).parent.parent / "simple_keys.py"


def discovered(
    channel: str, target: Target, key: str | None = None, ledger: Path | None = None, depth: Depth = Depth.QUICK
) -> Found:
    link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(1))
    (one,) = discover(link, target, candidates=ONE_ID, key=key, ledger_path=ledger, depth=depth).ecus
    return one


def unknown(channel: str) -> Target:
    return unknown_target(interface="uds-sim", channel=channel)


def test_the_level_of_each_guarded_identifier_is_found_with_the_keys() -> None:
    one = discovered("hardened", replace(load_target("hardened"), path=None), depth=Depth.DEFAULT)
    assert one.map.written_with == {0x2020: 1, 0x2A2A: 1, 0x3030: 3}
    assert one.map.read_with == {0x2A2A: 1}
    target = load_text(one.text, "found")
    guards = {entry.did: (str(entry.read), str(entry.write), entry.length) for entry in target.data if entry.write.level}
    assert guards == {
        0x2020: ("open", "level 0x01", 1),
        0x2A2A: ("level 0x01", "level 0x01", 10),
        0x3030: ("open", "level 0x03", 2),
    }
    assert {entry.origin for entry in target.data} == {"found"}


def test_what_is_hidden_as_long_as_it_is_locked_is_found_with_the_key() -> None:
    channel = "tests.discovery.nodes:hiding"
    one = discovered(channel, replace(unknown(channel), security=load_target("hardened").security), depth=Depth.DEFAULT)
    assert one.map.read_with == {0x2A2A: 1}
    entry = load_text(one.text, "found").did(0x2A2A)
    assert entry is not None
    assert (str(entry.read), str(entry.write), entry.length, entry.origin) == ("level 0x01", "level 0x01", 10, "found")


def test_a_record_that_a_level_wants_is_sent_with_every_request_for_its_seed() -> None:
    channel = "tests.discovery.nodes:wanting_records"
    target = load_text(discovered(channel, unknown(channel)).text, "found")
    level = target.level(0x05)
    assert level is not None
    assert level.record == bytes(4)
    tester = open_tester(target, seed=1, trace=Trace(), ledger_path=None)
    tester.session_for(0x05)
    assert tester.security.seed(0x05) == b"\x01\x02\x03"
    tester.link.close()


def test_a_key_for_an_ecu_that_nobody_described_is_written_into_its_file() -> None:
    channel = "hardened-article-key+key_is_crc_of_seed"
    one = discovered(channel, unknown(channel), key=f"{KEYS}:crc")
    assert one.map.written_with == {0x2020: 1, 0x3030: 3}
    assert {entry.key for entry in load_text(one.text, "found").security} == {f"{KEYS}:crc"}


def test_a_key_that_is_wrong_is_sent_once_a_level_and_counted(tmp_path: Path) -> None:
    ledger = tmp_path / "wrong-keys.json"
    one = discovered("hardened-article-key", unknown("hardened-article-key"), key=f"{KEYS}:crc", ledger=ledger)
    assert one.map.written_with == {}
    assert [sentence for sentence in one.map.not_asked if "key function suspect" in sentence]
    name = "uds-sim:hardened-article-key 740/748"
    assert [Ledger(ledger, name, None).spent(level) for level in (1, 3)] == [1, 1]


def test_an_ecu_that_nothing_locks_again_is_not_unlocked() -> None:
    one = discovered("article", load_target("article"))
    assert one.map.written_with == {}
    assert any("locks the ECU again" in sentence for sentence in one.map.not_asked)


@pytest.mark.parametrize("channel", ["hardened", "article"])
def test_secrets_are_not_written_into_a_target_file(channel: str) -> None:
    target = load_target(channel)
    text = discovered(channel, target).text + discovered(channel, replace(target, path=None)).text
    for entry in target.security:
        assert entry.secret is not None
        assert entry.secret.reveal().hex() not in text.lower()
