"""Prove that discovery and verdicts are right on other people's servers; expectations come from their source."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_functions
from harness.buses import open_link
from harness.discovery import identifiers
from harness.discovery.discover import Found, discover
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import load_text
from harness.target.load import unknown_target
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
KEYED_HASH = f"{Path(__file__).parent / 'keys.py'}:keyed_hash"
FEW_IDS = [(0x7E0, False), (0x7DF, False), (0x7E8, False)]

OF_THE_LIBRARY = {
    "AC-08": (PASS, "the access rule of a routine is asked before its callback"),
    "AC-09": (FAIL, "the memory at 8000 has no access rule, so that everybody reads it"),
    "AC-11": (PASS, "one denied identifier denies the whole request"),
    "AC-13": (PASS, "a value of another length raises ValueError, which becomes 13"),
    "AC-15": (
        INCONCLUSIVE,
        "identifier 0101 has no access rule, so that everybody writes it; nobody declares whether that is meant",
    ),
    "CF-04": (FAIL, "the length of a request for a seed is never looked at"),
    "CF-07": (FAIL, "a wrong key leaves its seed pending, so that the next one is answered 35 and not 24"),
    "CF-09": (FAIL, "19 masks bit 7 off, and answers all the same"),
    "CF-11": (FAIL, "an unknown identifier among known ones is KeyError, which refuses all of them"),
    "SA-05": (PASS, "the seeds are the configuration's own, here the bus's chance"),
    "SA-08": (FAIL, "the seed callback is asked whether or not the level is open"),
    "SA-09": (PASS, "three attempts, as configured"),
    "SA-10": (PASS, "attempts are forgotten with a right key only"),
    "SA-11": (PASS, "a session change resets seeds and levels, not attempts"),
    "SA-12": (PASS, "nor does ECUReset"),
    "SA-13": (FAIL, "attempts are kept in memory alone"),
    "SA-16": (PASS, "27 asks for the end of the delay first"),
    "SA-18": (FAIL, "no delay begins but at the limit"),
    "SA-21": (PASS, "24 without a pending seed"),
    "SA-22": (FAIL, "the seed is taken away by a right key only"),
    "SA-23": (FAIL, "the same, for keys of another length"),
    "SA-24": (PASS, "the right key takes the seed away"),
    "SA-26": (PASS, "a session change takes the seeds away"),
    "SA-27": (PASS, "seeds are kept by level"),
    "SA-30": (PASS, "keys are compared whole, as bytes"),
    "SA-31": (PASS, "keys are compared whole, as bytes"),
    "SA-32": (PASS, "an HMAC is none of the simple keys"),
    "SA-38": (FAIL, "what follows 27 01 is not looked at"),
    "ST-04": (PASS, "TesterPresent does nothing but restart S3"),
    "ST-05": (FAIL, "levels know nothing of sessions"),
    "ST-07": (PASS, "01, 02 and 03 where no sessions are configured"),
    "ST-08": (PASS, "ECUReset resets session, levels and transfer"),
    "TP-05": (FAIL, "can-isotp continues a first frame of length 0"),
    "TP-08": (FAIL, "can-isotp continues a first frame of length 0 in the long form"),
}

OF_SCAPY = {
    "CF-02": (FAIL, "whatever fits no answer of the list is refused with 10"),
    "CF-09": (FAIL, "the suppress bit is no part of what an answer is compared with"),
    "DS-04": (FAIL, "27 alone has no securityAccessType: AttributeError ends the machine"),
    "SA-01": (FAIL, "one seed is in the list"),
    "SA-09": (FAIL, "nothing counts attempts"),
    "SA-21": (FAIL, "a key is answered whether or not a seed was asked for"),
    "SA-32": (FAIL, "the key is the seed twice"),
    "ST-05": (PASS, "27 is answered in session 3 only"),
}

OF_GALLIA = {
    "CF-02": (PASS, "serviceNotSupported for what is in no session"),
    "SA-06": (FAIL, "random_payload may give one byte"),
    "SA-09": (FAIL, "nothing counts attempts"),
    "SA-21": (PASS, "24 without a response to a request for a seed before it"),
    "SA-22": (PASS, "the last response is forgotten before keys are compared"),
    "SA-24": (PASS, "the same"),
    "SA-32": (FAIL, "the identity is the key: the seed itself"),
    "SA-38": (FAIL, "the data record of a request for a seed is not looked at"),
    "ST-05": (PASS, "27 is in session 54 only"),
    "ST-07": (FAIL, "sessions that nobody declared"),
}


@cache
def found(channel: str, key: str | None = None) -> Found:
    link = open_link(interface="uds-sim", channel=channel, bitrate=500_000, trace=Trace(), chance=Chance(1))
    unknown = unknown_target(interface="uds-sim", channel=channel)
    (one,) = discover(link, unknown, candidates=FEW_IDS, key=key, depth=Depth.QUICK).ecus
    return one


def judge(one: Found, expected: Mapping[str, tuple[Verdict, str]], depth: Depth = Depth.QUICK) -> None:
    functions = shipped_functions()
    findings = run_checks([functions[check] for check in expected], load_text(one.text, "found"), depth=depth)
    seen = {check: {finding.verdict for finding in findings if finding.id == check} for check in expected}
    assert seen == {check: {verdict} for check, (verdict, _) in expected.items()}


@pytest.fixture
def few_identifiers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Return identifiers for servers that are slow to answer each, and have no others."""
    monkeypatch.setattr(identifiers, "COMMON", range(0x20))


def test_python_uds_server_is_mapped_as_it_was_configured() -> None:
    pytest.importorskip("uds_server", reason="python-uds-server is not installed")
    one = found("tests.unseen.servers.library_ecu:ecu", KEYED_HASH)
    assert sorted(one.map.sessions) == [1, 2, 3]
    assert one.map.vias == {}
    assert [(level.level, level.session, level.also, level.seed_bytes) for level in one.map.levels] == [
        (1, 3, (1, 2), 8),
        (3, 3, (1, 2), 8),
    ]
    assert {did.did: (did.length, did.sessions) for did in one.map.identifiers} == {
        0x0101: (2, (1, 2, 3)),
        0x0102: (0, (3,)),
        0x0103: (3, (3,)),
        0xF18C: (16, (1, 2, 3)),
        0xF190: (17, (1, 2, 3)),
    }
    assert {did for did, how in one.map.writes.items() if how == "open"} == {0x0101, 0x0103}
    assert list(one.map.routines) == [0x0203]
    assert one.map.memory[0x8000] == "read"
    assert "0x33" in one.map.memory[0x2000_0000]
    assert one.map.s3_ms == 5000
    assert one.map.not_asked == []
    services = "10 11 14 19 22 23 27 28 2E 2F 31 34 35 36 37 38 3D 3E"
    assert set(one.map.services[1]) == set(bytes.fromhex(services))


def test_python_uds_server_is_judged_by_what_its_source_says() -> None:
    pytest.importorskip("uds_server", reason="python-uds-server is not installed")
    judge(found("tests.unseen.servers.library_ecu:ecu", KEYED_HASH), OF_THE_LIBRARY)


def test_a_server_that_refuses_to_everybody_is_found_on_its_functional_id(few_identifiers: None) -> None:
    pytest.importorskip("uds_server", reason="python-uds-server is not installed")
    one = found("tests.unseen.servers.library_ecu:ecu_on_a_functional_id")
    assert one.ecu.functional == (0x7DF, False)
    assert not one.ecu.is_quiet_on_functional
    judge(one, {"CF-08": (FAIL, "it cannot know that a request was not for it alone")})


def test_scapys_answering_machine_is_mapped_although_a_request_kills_it(few_identifiers: None) -> None:
    one = found("tests.unseen.servers.scapy_ecus:secured")
    assert sorted(one.map.sessions) == [1, 2, 3]
    assert one.map.vias == {2: 3}
    assert [(level.level, level.session, level.seed_bytes) for level in one.map.levels] == [(1, 3, 4)]
    assert {did.did: did.sessions for did in one.map.identifiers} == {0x0001: (1, 3, 2), 0x0002: (3,)}
    assert one.map.routines == {}
    assert "It stopped answering at 27: only a power cycle brought it back." in one.map.not_asked


def test_scapys_answering_machine_is_judged_by_its_list_of_answers(few_identifiers: None) -> None:
    judge(found("tests.unseen.servers.scapy_ecus:secured"), OF_SCAPY, Depth.DEFAULT)


def test_a_session_that_nothing_ends_does_not_spoil_the_map(few_identifiers: None) -> None:
    one = found("tests.unseen.servers.scapy_ecus:dead_end")
    assert sorted(one.map.sessions) == [1, 2, 3, 4]
    assert {did.did: did.sessions for did in one.map.identifiers} == {0x0003: (3, 4)}
    assert [sentence for sentence in one.map.not_asked if "Session 0x08 could not be left" in sentence]


def test_gallias_virtual_ecu_is_mapped_session_behind_session(few_identifiers: None) -> None:
    pytest.importorskip("gallia", reason="gallia is not installed")
    one = found("tests.unseen.servers.gallia_ecu:ecu")
    assert sorted(one.map.sessions) == [0x01, 0x04, 0x54, 0x5D, 0x63]
    assert one.map.vias == {0x04: 0x01, 0x54: 0x01, 0x5D: 0x54, 0x63: 0x5D}
    assert [(level.level, level.session) for level in one.map.levels] == [(0x3F, 0x54), (0x51, 0x54), (0x59, 0x54)]
    assert one.map.s3_said == "a session lasts longer than 7 s and less than 12 s"


def test_gallias_virtual_ecu_is_judged_by_what_its_source_says(few_identifiers: None) -> None:
    pytest.importorskip("gallia", reason="gallia is not installed")
    judge(found("tests.unseen.servers.gallia_ecu:ecu"), OF_GALLIA, Depth.DEFAULT)
