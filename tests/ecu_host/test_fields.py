"""Prove that an operator's input is understood, or refused with a sentence that says what to write."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.ecu_host.fields import read_bus, read_data, read_id, read_period

TAKEN: list[tuple[Callable[[str], Any], str, Any]] = [
    (read_bus, "can0", ("socketcan", "can0")),
    (read_bus, " slcan:/dev/ttyACM0 ", ("slcan", "/dev/ttyACM0")),
    (read_bus, "udp_multicast:ff15::1", ("udp_multicast", "ff15::1")),
    (read_id, "7B", (0x7B, False)),
    (read_id, "07b", (0x7B, False)),
    (read_id, "0x7FF", (0x7FF, False)),
    (read_id, "0000007B", (0x7B, True)),
    (read_id, "1FFFFFFF", (0x1FFFFFFF, True)),
    (read_data, "11,22,33,44,55,66,77,88", bytes.fromhex("1122334455667788")),
    (read_data, "0x11, 0x2, 3", bytes.fromhex("110203")),
    (read_data, "1122", bytes.fromhex("1122")),
    (read_data, "11 22", bytes.fromhex("1122")),
    (read_data, "", b""),
    (read_period, "1.0", 1.0),
    (read_period, ".5", 0.5),
]
REFUSED: list[tuple[Callable[[str], Any], str]] = [
    *((read_bus, text) for text in ("", " ", ":can0", "slcan:", "so cket:can0")),
    *((read_id, text) for text in ("", "800", "xyz", "7B ,", "-1", "0007B", "20000000", "FFFFFFFF", "1_2", "+12")),
    *((read_data, text) for text in ("zz", "1,2,3,4,5,6,7,8,9", "123", "11,222", "11;22", "0x", "1122 3")),
    *((read_period, text) for text in ("", "often", "0", "-1", "nan", "inf", "1e9", "1,5")),
]


@pytest.mark.parametrize(("read", "text", "meant"), TAKEN)
def test_what_is_meant_is_taken(read: Callable[[str], Any], text: str, meant: Any) -> None:
    assert read(text) == meant


@pytest.mark.parametrize(("read", "text"), REFUSED)
def test_what_cannot_be_meant_is_refused(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read(text)
