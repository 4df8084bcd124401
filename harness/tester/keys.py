"""How the tester computes a key: the built-in algorithms, a Python function, a command, or an HTTP service."""

from __future__ import annotations

import hashlib
import hmac
import json
import shlex
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from harness.errors import KeyFunctionError, UserError
from harness.link.node import load_file
from harness.target import SecurityLevel

KeyFunction = Callable[[bytes, int], bytes]
"""key(seed, level) -> key; `level` is the sub-function of the seed request (odd)."""

LONGEST_KEY_BYTES = 4093


def article_key(seed: bytes, secret: bytes) -> bytes:
    """The article's key: bytes 0, 5, 9 and 13 of SHA-256(seed XOR secret), both of the same length."""
    if len(seed) != len(secret):
        raise KeyFunctionError(f"key article: the seed has {len(seed)} bytes, the secret {len(secret)}")
    digest = hashlib.sha256(bytes(a ^ b for a, b in zip(seed, secret, strict=True))).digest()
    return bytes((digest[0], digest[5], digest[9], digest[13]))


def hmac_sha256_key(seed: bytes, level: int, secret: bytes) -> bytes:
    """The first 16 bytes of HMAC-SHA256 under the secret over the seed and the level's byte."""
    return hmac.digest(secret, seed + bytes((level,)), "sha256")[:16]


def key_function(entry: SecurityLevel, relative_to: Path) -> KeyFunction | None:
    """The key function that a target declares for a level; None where it declares none.

    UserError: a Python file that cannot be loaded. What the function does wrong later is a KeyFunctionError.
    """
    how, secret = entry.key, entry.secret
    if how is None:
        return None
    if how == "article":
        assert secret is not None
        return lambda seed, level: article_key(seed, secret.reveal())
    if how == "hmac-sha256":
        assert secret is not None
        return lambda seed, level: hmac_sha256_key(seed, level, secret.reveal())
    if how.startswith("command:"):
        return _command(shlex.split(how.removeprefix("command:")), entry.key_timeout_s)
    if how.startswith(("http://", "https://")):
        return _http(how, entry.key_timeout_s)
    return _python(how, relative_to)


def _python(how: str, relative_to: Path) -> KeyFunction:
    file, _, name = how.rpartition(":")
    function = getattr(load_file(relative_to / file, f"key {how}"), name, None)
    if not callable(function):
        raise UserError(f"key {how}: {file} has no function {name}")

    def compute(seed: bytes, level: int) -> bytes:
        try:
            key = function(seed, level)
        except Exception as error:
            raise KeyFunctionError(f"key {how} raised {type(error).__name__}: {error}") from error
        return _checked(key, how)

    return compute


def _command(words: list[str], timeout_s: float) -> KeyFunction:
    how = f"command {words[0]}" if words else "command"

    def compute(seed: bytes, level: int) -> bytes:
        try:
            done = subprocess.run(
                [*words, seed.hex(), f"0x{level:02X}"], capture_output=True, timeout=timeout_s, check=True, text=True
            )
        except subprocess.TimeoutExpired as error:
            raise KeyFunctionError(f"key {how}: no answer within {timeout_s} s") from error
        except subprocess.CalledProcessError as error:
            raise KeyFunctionError(f"key {how}: exit code {error.returncode}: {error.stderr.strip()[:200]}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFunctionError(f"key {how}: {error}") from error
        return _from_hex(done.stdout, how)

    return compute


def _http(url: str, timeout_s: float) -> KeyFunction:
    def compute(seed: bytes, level: int) -> bytes:
        body = json.dumps({"seed": seed.hex(), "level": f"0x{level:02X}"}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as response:
                answer = json.loads(response.read(1 << 16))
            return _from_hex(answer["key"], url)
        except (OSError, urllib.error.URLError, ValueError, KeyError, TypeError) as error:
            raise KeyFunctionError(f"key {url}: {type(error).__name__}: {error}") from error

    return compute


def _from_hex(text: str, how: str) -> bytes:
    try:
        return _checked(bytes.fromhex(text.strip().removeprefix("0x")), how)
    except (ValueError, AttributeError) as error:
        raise KeyFunctionError(f"key {how}: the answer is no key in hex") from error


def _checked(key: object, how: str) -> bytes:
    if not isinstance(key, bytes | bytearray) or not 0 < len(key) <= LONGEST_KEY_BYTES:
        raise KeyFunctionError(f"key {how}: a key is bytes, one to {LONGEST_KEY_BYTES} of them, not {type(key).__name__}")
    return bytes(key)
