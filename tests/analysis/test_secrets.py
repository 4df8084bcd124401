"""Prove that a secret is found in every notation, and that other bytes are not taken for it."""

import base64
import hashlib
import random

import pytest

from harness.analysis.secrets import found_in, is_telling

SECRET = bytes.fromhex("8F1D5A20C4B97E3364F0A81B96D2075C")
SHORT = bytes.fromhex("1234567890")


@pytest.mark.parametrize("secret", [SECRET, SHORT])
@pytest.mark.parametrize(
    ("form", "write"),
    [
        ("raw", lambda value: b"\x00\x01" + value + b"\xff"),
        ("raw, bytes reversed", lambda value: b"\x00\x01" + value[::-1]),
        ("hex", lambda value: value.hex().encode()),
        ("hex", lambda value: value.hex(" ").upper().encode()),
        ("hex", lambda value: value.hex(":").encode()),
        ("hex", lambda value: ", ".join(f"0x{byte:02X}" for byte in value).encode()),
        ("hex", lambda value: "".join(f"\\x{byte:02x}" for byte in value).encode()),
        ("hex", lambda value: ",\n    ".join(f"0x{byte:02x}" for byte in value).encode()),
        ("hex, bytes reversed", lambda value: value[::-1].hex().encode()),
        ("decimal", lambda value: b"Prekey: %d\n" % int.from_bytes(value, "big")),
        ("decimal, bytes reversed", lambda value: b"%d" % int.from_bytes(value, "little")),
        ("decimal bytes", lambda value: str(list(value)).encode()),
    ],
)
def test_a_secret_is_found(secret: bytes, form: str, write: object) -> None:
    content = b"key material follows: " + write(secret) + b" and no more"  # type: ignore[operator]
    assert found_in(content, secret) == form


@pytest.mark.parametrize("before", range(4))
def test_a_secret_is_found_within_base64(before: int) -> None:
    assert found_in(base64.b64encode(bytes(range(before)) + SECRET + b"tail"), SECRET) == "base64"


def test_an_integer_literal_is_found() -> None:
    assert found_in(b"SECRET: Final = 0x1234567890\n", SHORT) == "hex"


def test_a_part_of_a_longer_number_is_none() -> None:
    assert found_in(b"178187493520123", SHORT) == ""  # 78187493520 is the secret in decimal


@pytest.mark.parametrize("seed", range(4))
def test_noise_holds_no_secret(seed: int) -> None:
    chance = random.Random(seed)
    noise = chance.randbytes(100_000)
    for content in (noise, noise.hex(" ").encode(), base64.b64encode(noise), str(list(noise[:20_000])).encode()):
        assert found_in(content, SECRET) == ""
        assert found_in(content, hashlib.sha256(SECRET).digest()[:5]) == ""


def test_what_chance_would_find_is_not_looked_for() -> None:
    assert not is_telling(b"\x12\x34\x56", 10)
    assert not is_telling(bytes(16), 10)
    assert not is_telling(b"\x01\x02\x03\x04", 1 << 20)
    assert is_telling(b"\x01\x02\x03\x04", 1 << 10)
    assert is_telling(SHORT, 1 << 20)
    assert found_in(b"\x00\x12\x34\x56\x00", b"\x12\x34\x56") == ""
