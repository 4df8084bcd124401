"""Prove that text of a build machine is distinguished from a product's own identification."""

import pytest

from harness.analysis.development import credentials_in, traces_of_development


@pytest.mark.parametrize(
    "value",
    [
        b"/home/build/ecu/src/main.c",
        b"\x00\x01C:\\work\\ecu\\out\x00",
        b"app.elf",
        b"built by jenkins-07",
        b"v1.2-5-gdeadbee-dirty",
        b"SW 4.1 DEBUG",
        b"/data/ecu/trace_03.trc",
        b"last: boot-0412.log",
        b"/etc/ecu/update.conf",
        "/home/build/main.c".encode("utf-16-le"),
    ],
)
def test_a_trace_is_named(value: bytes) -> None:
    assert traces_of_development(value)


@pytest.mark.parametrize(
    "value",
    [
        b"UDS-HARNESS-0001",
        b"WVWZZZ1JZXW000001",
        b"SW 04.12.001 / HW 3.2",
        b"2026-01-31",
        b"5Q0 937 085 AB",
        bytes(range(256)),
        b"",
    ],
)
def test_a_product_is_left_alone(value: bytes) -> None:
    assert traces_of_development(value) == ""
    assert credentials_in(value) == ""


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"password: s3cr3t", "a password"),
        (b"\x01WIFI_PSK=correcthorse", "a password"),
        (b"root:toor", "a password"),
        (b"login=service01", "a password"),
        (b"ftp://diag:diag@10.0.0.2/log", "an address with a password"),
        (b"root:$6$saltsalt$abcdefghijk", "a password"),
        (b"$6$saltsalt$abcdefghijk", "a hash of a password"),
        (b"-----BEGIN RSA PRIVATE KEY-----", "a private key"),
    ],
)
def test_a_credential_is_named_and_not_shown(value: bytes, kind: str) -> None:
    assert credentials_in(value) == kind


@pytest.mark.parametrize("value", [b"PASSENGER AIRBAG", b"SPIN 04", b"TOKENS 12", b"AUTHORITY DE", b"ECU USER MANUAL 12"])
def test_words_that_only_look_alike_are_none(value: bytes) -> None:
    assert credentials_in(value) == ""
