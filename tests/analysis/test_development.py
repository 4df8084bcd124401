"""Text that only a build machine has, told from what a product says of itself."""

from __future__ import annotations

import pytest

from harness.analysis.development import traces_of_development


@pytest.mark.parametrize(
    "value",
    [
        b"/home/build/ecu/src/main.c",
        b"\x00\x01C:\\work\\ecu\\out\x00",
        b"app.elf",
        b"built by jenkins-07",
        b"v1.2-5-gdeadbee-dirty",
        b"SW 4.1 DEBUG",
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
