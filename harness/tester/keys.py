"""Compute keys for the tester: by a built-in algorithm, a Python function, a command, or an HTTP service."""

import hashlib
import hmac
import json
import re
import shlex
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import KeyFunctionError, ProgramError, UserError
from harness.target import SecurityLevel
from harness.target.user_code import load_file
from harness.target.values import BUILT_IN_KEYS, without_arguments
from harness.tester.patience import interrupted_after, nobody_to_ask
from harness.tester.programs import run_program, without_words

KeyFunction = Callable[[bytes, int], bytes]
"""key(seed, level) -> key; `level` is the sub-function of the seed request (odd)."""

LONGEST_KEY_BYTES = 4093
LONGEST_MESSAGE = 300
LONGEST_LABEL = 100
LONGEST_ANSWER_BYTES = 1 << 16
TRIED_LENGTHS = tuple(dict.fromkeys((4, 16, 8, 2, 3, 5, 6, 7, *range(1, 65))))
"""Lengths in bytes of the made-up seeds that try a key function: usual lengths first."""
LONGEST_PYTHON_S = 60.0
"""Seconds after which a Python key function is interrupted; enough for a function that asks a person for the key."""


def article_key(seed: bytes, secret: bytes) -> bytes:
    """Compute the article's key: bytes 0, 5, 9 and 13 of SHA-256(seed XOR secret), both of the same length."""
    if len(seed) != len(secret):
        raise KeyFunctionError(f"key article: the seed has {len(seed)} bytes, the secret {len(secret)}")
    digest = hashlib.sha256(bytes(a ^ b for a, b in zip(seed, secret, strict=True))).digest()
    return bytes((digest[0], digest[5], digest[9], digest[13]))


def hmac_sha256_key(seed: bytes, level: int, secret: bytes) -> bytes:
    """Return the first 16 bytes of HMAC-SHA256, under the secret, over the seed and the level's byte."""
    return hmac.digest(secret, seed + bytes((level,)), "sha256")[:16]


def key_function(entry: SecurityLevel, relative_to: Path) -> KeyFunction | None:
    """Return the key function that a target declares for a level; None if it declares none.

    Raises UserError if a Python file cannot be loaded. Later errors of the function are KeyFunctionErrors.
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
    label = without_arguments(how)
    label = label if len(label) <= LONGEST_LABEL else f"{label[:LONGEST_LABEL]} …"
    private: list[str] = []
    if how.startswith("command:"):
        words = shlex.split(how.removeprefix("command:"))
        compute, private = _command(words, entry.key_timeout_s), words[1:]
    elif _is_outside(how):
        compute, private = _http(how, entry.key_timeout_s), [how.partition("?")[2]]
    else:
        compute = _python(how, relative_to)
    return _discreet(compute, label, secret.reveal() if secret is not None else b"", private)


def try_key_function(entry: SecurityLevel, key: KeyFunction | None) -> None:
    """Call a Python key function with made-up seeds, until it returns a key for one. Commands and services are not asked.

    Raises KeyFunctionError if the function returns no key for a seed of any usual length. A function that asks a person, or
    that knows only the keys of certain seeds (KeyError), is left alone.
    """
    if entry.key is None or key is None or entry.key in BUILT_IN_KEYS or _is_outside(entry.key):
        return
    first: KeyFunctionError | None = None
    with nobody_to_ask():
        for length in TRIED_LENGTHS:
            try:
                key(hmac.digest(b"a seed", bytes((length,)), "sha512")[:length], entry.level)
            except KeyFunctionError as failure:
                if failure.kind is not None and issubclass(failure.kind, (EOFError, KeyError)):
                    return
                first = first or failure
                if failure.kind is KeyFunctionError:  # it took too long, and would again
                    break
            else:
                return
    raise KeyFunctionError(f"{first} (with made-up seeds of every length; nothing was sent); see: uds-harness docs keys")


def _is_outside(how: str) -> bool:
    return how.startswith(("command:", "http://", "https://"))


def _discreet(compute: Callable[[bytes, int], object], how: str, secret: bytes, private: Sequence[str]) -> KeyFunction:
    """Turn every error of `compute` into one line without the secret and the words in `private`."""

    def key(seed: bytes, level: int) -> bytes:
        try:
            found = compute(seed, level)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # it is the user's code, and may even call sys.exit
            what = str(error) if isinstance(error, KeyFunctionError) else f"{type(error).__name__}: {error}"
            failure = KeyFunctionError(f"key {how}: {_one_line(without_words(what, private), secret)}")
            failure.kind = type(error)
            raise failure from None
        if not isinstance(found, bytes | bytearray) or not 0 < len(found) <= LONGEST_KEY_BYTES:
            given = str(len(found)) if isinstance(found, bytes | bytearray) else type(found).__name__
            raise KeyFunctionError(f"key {how}: a key is 1 to {LONGEST_KEY_BYTES} bytes, not {given}")
        return bytes(found)

    return key


def _one_line(text: str, secret: bytes) -> str:
    words = " ".join(text.split())
    line = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in words)
    if secret:
        pattern = r"[\s:,-]*".join(f"{byte:02x}" for byte in secret)
        line = re.sub(pattern, "(redacted)", line, flags=re.IGNORECASE)
        line = line.replace(repr(bytes(secret)), "(redacted)").replace(str(int.from_bytes(secret, "big")), "(redacted)")
    return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]} …"


def _python(how: str, relative_to: Path) -> Callable[[bytes, int], object]:
    file, _, name = how.rpartition(":")
    function = getattr(load_file(relative_to / file, f"key {how}"), name, None)
    if not callable(function):
        raise UserError(f"key {how}: {file} has no function {name}")

    def compute(seed: bytes, level: int) -> object:
        with interrupted_after(LONGEST_PYTHON_S):
            return function(seed, level)

    return compute


def _command(words: list[str], timeout_s: float) -> Callable[[bytes, int], object]:
    def compute(seed: bytes, level: int) -> object:
        try:
            program = run_program(
                [*words, seed.hex(), f"0x{level:02X}"], timeout_s=timeout_s, most_bytes=LONGEST_ANSWER_BYTES
            )
        except ProgramError as error:
            raise KeyFunctionError(str(error)) from None
        return _from_hex(program.answer.decode("ascii", "replace"))

    return compute


def _http(url: str, timeout_s: float) -> Callable[[bytes, int], object]:
    def compute(seed: bytes, level: int) -> object:
        body = json.dumps({"seed": seed.hex(), "level": f"0x{level:02X}"}).encode()
        answer = _post_json(url, body, timeout_s=timeout_s, most_bytes=LONGEST_ANSWER_BYTES)
        try:
            return _from_hex(json.loads(answer)["key"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise KeyFunctionError(f'the answer is no {{"key": hex}} ({type(error).__name__})') from None

    return compute


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.strip().removeprefix("0x"))
    except (ValueError, AttributeError):
        raise KeyFunctionError("the answer is no key in hex") from None


def _post_json(url: str, body: bytes, *, timeout_s: float, most_bytes: int) -> bytes:
    """Send a POST and return the body of the answer.

    Redirections and proxies are not used: the request goes to the host that the URL names, or nowhere. Raises
    KeyFunctionError unless the answer comes in time, with status 200, and is not too long.
    """
    request = _Request(url, body, timeout_s, most_bytes)
    request.start()
    request.join(timeout_s)
    if request.is_alive():
        request.cut()
        raise KeyFunctionError(f"no answer within {timeout_s:g} s")
    if request.trouble:
        raise KeyFunctionError(request.trouble)
    return request.answer


class _Request(threading.Thread):
    """One POST on a thread of its own, because a socket's timeout would begin anew with each byte that trickles in."""

    def __init__(self, url: str, body: bytes, timeout_s: float, most_bytes: int) -> None:
        super().__init__(daemon=True, name="uds-harness-post")
        self.answer = b""
        self.trouble = ""
        self._most_bytes = most_bytes
        self._body = body
        parts = urlsplit(url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)

    def run(self) -> None:
        """Send the POST, and keep the answer or the error."""
        connection = self._connection
        try:
            connection.request("POST", self._path, self._body, {"Content-Type": "application/json", "Connection": "close"})
            with connection.getresponse() as response:
                if 300 <= response.status < 400:
                    self.trouble = f"HTTP status {response.status}: it sends us elsewhere; give the address that answers"
                elif response.status != 200:
                    self.trouble = f"HTTP status {response.status}"
                else:
                    self.answer = response.read(self._most_bytes + 1)
            if len(self.answer) > self._most_bytes:
                self.trouble = f"the answer is longer than {self._most_bytes} bytes"
        except (OSError, HTTPException, ValueError) as error:
            self.trouble = f"{type(error).__name__}: {error}"
        finally:
            connection.close()

    def cut(self) -> None:
        """Cut the connection, so that `run` ends."""
        opened = self._connection.sock
        if opened is not None:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
