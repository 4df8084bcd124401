"""Prove that every byte string is decoded into one line, without an exception."""

import itertools
from collections.abc import Iterator

import pytest

from harness.report import decode
from harness.report.decode import frame_line, reply_line, request_line
from harness.report.text import cut, shown_hex, visible


@pytest.mark.parametrize(
    ("pdu", "line"),
    [
        ("222020", "ReadDataByIdentifier: identifiers [0x2020]"),
        ("27025EF739B0", "SecurityAccess: securityAccessType 0x02, securityKey 5E F7 39 B0"),
        ("1003", "DiagnosticSessionControl: diagnosticSessionType extendedDiagnosticSession"),
        ("27", "SecurityAccess"),
        ("BA01", "service 0xBA, which the standard does not name"),
        ("", "empty message"),
    ],
)
def test_a_request_is_named(pdu: str, line: str) -> None:
    assert request_line(bytes.fromhex(pdu)) == line


@pytest.mark.parametrize(
    ("pdu", "line"),
    [
        ("622020FF", "ReadDataByIdentifierPositiveResponse: dataIdentifier 0x2020, data FF"),
        ("7F2E33", "WriteDataByIdentifier refused: 0x33 securityAccessDenied"),
        ("7F02F1", "service 0x02 (no request's) refused: 0xF1"),
        ("7F27", "malformed negative response of 2 bytes; the standard has 3"),
        ("2735", "no UDS response: the first byte 0x27 stands for the request SecurityAccess"),
        ("DEAD", "no UDS response: the first byte 0xDE stands for no service"),
        ("", "empty message"),
    ],
)
def test_an_answer_is_named(pdu: str, line: str) -> None:
    assert reply_line(bytes.fromhex(pdu)) == line


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("0322202000000000", "single frame, 3 bytes"),
        ("0722", "single frame, 7 bytes, only 1 present"),
        ("00", "single frame of length 0"),
        ("1014620102030405", "first frame of 20 bytes"),
        ("21", "consecutive frame 1"),
        ("300000", "flow control: continue"),
        ("320000", "flow control: overflow"),
        ("3F0000", "no ISO-TP frame: starts with 0x3F"),
        ("7F0231", "no ISO-TP frame: starts with 0x7F"),
        ("", "no data"),
    ],
)
def test_a_frame_is_named(data: str, line: str) -> None:
    assert frame_line(bytes.fromhex(data)) == line


def test_nothing_raises_whatever_the_bytes_are() -> None:
    for service, sub_function, length in itertools.product(range(256), (0x00, 0x01, 0x3C, 0xFF), (0, 1, 2, 7, 90)):
        pdu = bytes((service, *[sub_function] * length))
        for line in (request_line(pdu), reply_line(pdu), frame_line(pdu)):
            assert line.isprintable()
            assert 0 < len(line) < 200


def forget_lines() -> None:
    """Forget the cached lines, since lines are cached however they were decoded."""
    for kept in (request_line, reply_line, decode.fields):
        kept.cache_clear()


@pytest.fixture
def no_scapy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(decode, "_scapy_uds", lambda: None)
    forget_lines()
    yield
    forget_lines()


def test_without_scapy_the_standards_names_remain(no_scapy: None) -> None:
    assert request_line(bytes.fromhex("27025EF739B0")) == "SecurityAccess: 02 5E F7 39 B0"
    assert reply_line(bytes.fromhex("6702")) == "SecurityAccessPositiveResponse: 02"


def test_unprintable_characters_are_shown_as_escapes() -> None:
    assert visible("a\tb\r\nc\rd\x1b[m\x7f\u202e\u2028\ud800é鍵") == "a\tb\nc\\rd\\x1b[m\\x7f\\u202e\\u2028\\ud800é鍵"


def test_long_values_are_cut_with_their_length() -> None:
    assert cut("é" * 10, 4) == "éééé… (20 bytes)"
    assert cut("abcd", 4) == "abcd"
    assert shown_hex("AB" * 4096, 3) == "AB AB AB … (4096 bytes)"
    assert shown_hex("ab cd") == "AB CD"
    assert shown_hex("raw 740#0322") == "raw 740#0322"
