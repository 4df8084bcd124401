"""Prove that every kind of key function computes the right key, and that a failing one says so in one line."""

import gc
import hashlib
import json
import os
import select
import shlex
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from harness.errors import KeyFunctionError, UserError
from harness.target import Secret, SecurityLevel
from harness.tester import keys, patience
from harness.tester.keys import KeyFunction, article_key, hmac_sha256_key, key_function

SEED = bytes.fromhex("A8 3A 63 B3 C1")
ARTICLE_SECRET = Secret(bytes.fromhex("12 34 56 78 90"))
RIGHT = bytes.fromhex("5E F7 39 B0")

HANGS_S = 60.0
"""The seconds after which a function that has not returned never will."""


def function(key: str, folder: Path, *, secret: bytes | None = None, timeout_s: float = 10.0) -> KeyFunction:
    entry = SecurityLevel(level=0x01, key=key, secret=secret and Secret(secret), key_timeout_s=timeout_s)
    found = key_function(entry, folder)
    assert found is not None
    return found


def failure(compute: KeyFunction) -> str:
    """Return the one line with which a key function fails."""
    with pytest.raises(KeyFunctionError) as caught:
        compute(SEED, 0x01)
    text = str(caught.value)
    assert text.startswith("key ")
    assert "\n" not in text
    assert text.isprintable()
    assert len(text) < 500
    return text


# Built-in algorithms


@pytest.mark.parametrize(
    ("seed", "key"),
    [
        ("A8 3A 63 B3 C1", "5E F7 39 B0"),
        ("00 00 00 00 00", "6C 79 1A F4"),
        ("12 34 56 78 90", "88 E1 D2 5D"),
        ("FF FF FF FF FF", "79 53 73 3B"),
        ("01 02 03 04 05", "5A C3 E9 C3"),
    ],
)
def test_article_key_has_the_articles_vectors(seed: str, key: str) -> None:
    """The vectors come from the exchange that the article prints."""
    assert article_key(bytes.fromhex(seed), ARTICLE_SECRET.reveal()) == bytes.fromhex(key)


@pytest.mark.parametrize("seed", [b"", bytes(2), bytes(16)])
def test_article_key_of_a_seed_of_another_length_is_an_error_that_tells_no_secret(seed: bytes) -> None:
    with pytest.raises(KeyFunctionError) as caught:
        article_key(seed, ARTICLE_SECRET.reveal())
    assert "1234567890" not in str(caught.value)
    assert f"{len(seed)} bytes" in str(caught.value)


@pytest.mark.parametrize(
    ("message", "secret", "mac"),
    [
        (b"Hi There", b"\x0b" * 20, "b0344c61d8db38535ca8afceaf0bf12b"),
        (b"what do ya want for nothing?", b"Jefe", "5bdcc146bf60754e6a042426089575c7"),
        (b"\xdd" * 50, b"\xaa" * 20, "773ea91e36800e46854db8ebd09181a7"),
        (b"Test Using Larger Than Block-Size Key - Hash Key First", b"\xaa" * 131, "60e431591ee0b67f0d8a26aacbf5b77f"),
    ],
)
def test_hmac_key_is_that_of_rfc_4231_over_seed_and_level(message: bytes, secret: bytes, mac: str) -> None:
    """The last byte of each vector stands for the level."""
    assert hmac_sha256_key(message[:-1], message[-1], secret).hex() == mac


def test_hmac_key_is_two_nested_hashes() -> None:
    secret, seed = bytes(range(16)), bytes(range(16, 32))
    block = secret.ljust(64, b"\x00")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + seed + b"\x03").digest()
    assert hmac_sha256_key(seed, 0x03, secret) == hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()[:16]


def test_hmac_keys_of_two_levels_differ() -> None:
    assert hmac_sha256_key(SEED, 0x01, b"secret") != hmac_sha256_key(SEED, 0x03, b"secret")


def test_target_without_a_key_has_no_key_function(tmp_path: Path) -> None:
    assert key_function(SecurityLevel(level=0x01), tmp_path) is None


def test_built_in_keys_take_the_declared_secret(tmp_path: Path) -> None:
    assert function("article", tmp_path, secret=ARTICLE_SECRET.reveal())(SEED, 0x01) == RIGHT
    assert function("hmac-sha256", tmp_path, secret=b"Jefe")(b"what do ya want for nothing", 0x3F).hex().startswith("5bdc")


# A Python function


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str], KeyFunction]:
    def write(source: str) -> KeyFunction:
        (tmp_path / "keys.py").write_text(source)
        return function("keys.py:key", tmp_path)

    return write


def test_python_function_gets_seed_and_level(python: Callable[[str], KeyFunction]) -> None:
    assert python("def key(seed, level): return seed[::-1] + bytes([level])")(SEED, 0x03) == SEED[::-1] + b"\x03"


def test_python_file_is_found_from_the_targets_folder(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "keys.py").write_text("def key(seed, level): return b'\\x01'")
    assert function("deep/keys.py:key", tmp_path)(SEED, 0x01) == b"\x01"
    assert function(f"{tmp_path}/deep/keys.py:key", Path("/"))(SEED, 0x01) == b"\x01"


def test_bytearray_is_a_key_too(python: Callable[[str], KeyFunction]) -> None:
    key = python("def key(seed, level): return bytearray(b'ab')")(SEED, 0x01)
    assert key == b"ab"
    assert type(key) is bytes


@pytest.mark.parametrize(
    "result", ["None", "'5EF739B0'", "[1, 2]", "5", "b''", "bytes(4094)", "(b'\\x01',)", "memoryview(b'a')"]
)
def test_python_function_that_returns_no_key_is_an_error(python: Callable[[str], KeyFunction], result: str) -> None:
    assert "keys.py:key" in failure(python(f"def key(seed, level): return {result}"))


@pytest.mark.parametrize(
    "statement",
    [
        "raise ValueError('no such level')",
        "return 1 / 0",
        "raise RuntimeError('first line\\nsecond line')",
        "raise RuntimeError('x' * 100_000)",
        "raise RuntimeError('\\x1b[2J\\x00\\u202e\\ud800')",
        "raise SystemExit(2)",
        "import sys; sys.exit('cannot go on')",
        "return seed + None",
    ],
)
def test_python_function_that_raises_is_an_error_in_one_line(python: Callable[[str], KeyFunction], statement: str) -> None:
    assert "keys.py:key" in failure(python(f"def key(seed, level): {statement}"))


def test_ctrl_c_in_a_python_function_is_no_error_of_its(python: Callable[[str], KeyFunction]) -> None:
    with pytest.raises(KeyboardInterrupt):
        python("def key(seed, level): raise KeyboardInterrupt")(SEED, 0x01)


@pytest.mark.parametrize("body", ["while True: pass", "import threading; threading.Event().wait()"])
def test_python_function_that_never_returns_is_interrupted(
    python: Callable[[str], KeyFunction], body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "LONGEST_PYTHON_S", 0.2)
    assert "no answer within 0.2 s" in failure(python(f"def key(seed, level):\n    {body}"))


def test_python_function_that_swallows_its_interruption_is_interrupted_again(
    python: Callable[[str], KeyFunction], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "LONGEST_PYTHON_S", 0.1)
    monkeypatch.setattr(patience, "AGAIN_S", 0.1)
    swallow = "try:\n            while True: pass\n        except BaseException as error: seen.append(error)"
    source = f"seen = []\ndef key(seed, level):\n    while len(seen) < 3:\n        {swallow}\n    while True: pass"
    assert "no answer within 0.1 s" in failure(python(source))


def test_key_of_the_wrong_signature_is_an_error(python: Callable[[str], KeyFunction]) -> None:
    assert "TypeError" in failure(python("def key(seed): return seed"))


@pytest.mark.parametrize(
    ("source", "name", "what"),
    [
        (None, "key", "there is no file"),
        ("def other(seed, level): return seed", "key", "has no function key"),
        ("key = 5", "key", "has no function key"),
        ("def key(seed, level)\n    return seed", "key", "SyntaxError"),
        ("import no_such_module_anywhere", "key", "ModuleNotFoundError"),
        ("raise RuntimeError('licence server\\nnot reached')", "key", "RuntimeError"),
        ("import sys; sys.exit(3)", "key", "SystemExit"),
    ],
)
def test_python_file_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, source: str | None, name: str, what: str
) -> None:
    if source is not None:
        (tmp_path / "keys.py").write_text(source)
    with pytest.raises(UserError) as caught:
        function(f"keys.py:{name}", tmp_path)
    assert what in str(caught.value)
    assert "keys.py" in str(caught.value)
    assert "\n" not in str(caught.value)


# A command


def command(source: str, *, timeout_s: float = 20.0) -> KeyFunction:
    words = shlex.join([sys.executable, "-c", source])
    return function(f"command: {words}", Path.cwd(), timeout_s=timeout_s)


def test_command_gets_seed_and_level_and_prints_the_key() -> None:
    source = "import sys; print(bytes.fromhex(sys.argv[1])[::-1].hex() + '%02x' % int(sys.argv[2], 16))"
    assert command(source)(SEED, 0x11) == SEED[::-1] + b"\x11"


@pytest.mark.parametrize("text", ["5EF739B0", "5e f7 39 b0", "0x5EF739B0", "  5EF739B0  ", "5EF739B0\\n\\n"])
def test_command_prints_hex_in_any_dress(text: str) -> None:
    assert command(f"print('{text}')")(SEED, 0x01) == RIGHT


def test_what_a_command_prints_to_its_standard_error_is_no_key() -> None:
    assert command("import sys; print('5EF739B0'); print('debug', file=sys.stderr)")(SEED, 0x01) == RIGHT


@pytest.mark.parametrize("text", ["", "hello", "5EF739B", "5EF739B0 is the key", "00" * 5000, "\\udcff", "\\x00"])
def test_command_that_prints_no_key_is_an_error(text: str) -> None:
    failure(command(f"import sys; sys.stdout.buffer.write('{text}'.encode('utf-8', 'surrogateescape'))"))


def test_command_that_fails_shows_its_exit_code_and_words_in_one_line() -> None:
    text = failure(command("import sys; print('no licence\\nask IT', file=sys.stderr); sys.exit(7)"))
    assert "7" in text
    assert "no licence" in text


def test_command_that_fails_at_length_is_cut_short() -> None:
    failure(command("import sys; print('x' * 100_000, file=sys.stderr); sys.exit(1)"))


def test_command_that_is_killed_is_an_error() -> None:
    failure(command("import os; os.kill(os.getpid(), 9)"))


def test_command_that_does_not_end_is_an_error_after_its_time() -> None:
    assert "0.3 s" in failure(command("import threading; threading.Event().wait()", timeout_s=0.3))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_command_that_prints_for_ever_is_stopped_at_once(stream: str) -> None:
    source = f"import sys\nwhile True: sys.{stream}.write('5E' * 4096)"
    assert "prints more than 65536 bytes" in failure(command(source, timeout_s=600))


def test_command_that_trickles_is_an_error_after_its_time() -> None:
    source = "import threading\nwhile True:\n    print('5E', end='', flush=True)\n    threading.Event().wait(0.02)"
    assert "no answer within 0.5 s" in failure(command(source, timeout_s=0.5))


def test_command_is_stopped_with_what_it_has_started(tmp_path: Path) -> None:
    child = f"import os, threading; open({str(tmp_path / 'child')!r}, 'w').write(str(os.getpid())); threading.Event().wait()"
    source = (
        f"import subprocess, sys, pathlib, threading\nsubprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "threading.Event().wait()"
    )
    failure(command(source, timeout_s=3))
    assert has_ended(int((tmp_path / "child").read_text()))


def has_ended(pid: int) -> bool:
    """Whether a killed process is gone; the kernel is given time to end it, on a busy machine too."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], HANGS_S)[0])
    finally:
        os.close(process)


def test_command_that_leaves_a_child_with_its_pipes_has_answered_all_the_same() -> None:
    source = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read(1)'], stdin=subprocess.PIPE)\n"
        "print('5EF739B0')"
    )
    assert command(source)(SEED, 0x01) == RIGHT


def test_command_is_given_nothing_to_read() -> None:
    assert command("import sys; print('5EF739B0' + sys.stdin.read())")(SEED, 0x01) == RIGHT


def test_arguments_of_a_command_are_in_no_message(tmp_path: Path) -> None:
    words = shlex.join([sys.executable, "-c", "import sys; sys.exit(sys.argv[1])", "--secret=C0FFEE"])
    text = failure(function(f"command: {words}", tmp_path))
    assert "C0FFEE" not in text
    assert "exit code 1: (redacted)" in text


def test_command_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    assert "no-such-command" in failure(function(f"command: {tmp_path}/no-such-command", tmp_path))


def test_command_is_not_run_by_a_shell(tmp_path: Path) -> None:
    (tmp_path / "safe").touch()
    failure(function(f"command: echo 01; rm {tmp_path}/safe", tmp_path))
    assert (tmp_path / "safe").exists()


# An HTTP service


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/key"  # type: ignore[index]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Service(HTTPServer):
    """An HTTP server that answers every POST with the same status and body, and remembers the requests."""

    def __init__(self, status: int, body: bytes, location: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status, self.body, self.location = status, body, location
        self.asked: list[tuple[str, str, bytes]] = []


class _Answer(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.asked.append((self.path, self.headers["Content-Type"], body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Garbage(socketserver.StreamRequestHandler):
    """A server that does not speak HTTP."""

    def handle(self) -> None:
        self.request.recv(65536)
        self.wfile.write(b"220 smtp.example ESMTP\r\n\r\n")


class HangsUp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.request.recv(65536)


class SaysNothing(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while self.request.recv(65536):
            pass


def test_http_service_gets_seed_and_level_and_answers_the_key(tmp_path: Path) -> None:
    service = Service(200, b'{"key": "5EF739B0"}')
    with serving(service) as url:
        assert function(url, tmp_path)(SEED, 0x11) == RIGHT
    ((path, content_type, body),) = service.asked
    assert path == "/key"
    assert content_type == "application/json"
    asked = json.loads(body)
    assert bytes.fromhex(asked["seed"]) == SEED
    assert int(asked["level"], 16) == 0x11
    assert set(asked) == {"seed", "level"}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"key": "5EF739B0"}'),
        (404, b"not found\nat all"),
        (200, b""),
        (200, b"<html>\n<body>5EF739B0</body>\n</html>"),
        (200, b"\xff\xfe"),
        (200, b"[]"),
        (200, b'"5EF739B0"'),
        (200, b"{}"),
        (200, b'{"key": null}'),
        (200, b'{"key": 5}'),
        (200, b'{"key": "xy"}'),
        (200, b'{"key": ""}'),
        (200, b'{"key": ["5E"]}'),
        (200, b'{"key": "' + b"00" * 5000 + b'"}'),
        (200, b'{"key": "' + b"00" * 50_000 + b'"}'),
        (200, b"[" * 50_000),
        (302, b""),
    ],
)
def test_http_service_that_answers_no_key_is_an_error(tmp_path: Path, status: int, body: bytes) -> None:
    with serving(Service(status, body)) as url:
        text = failure(function(url, tmp_path))
    assert url in text
    assert status == 200 or str(status) in text.removeprefix(f"key {url}")
    gc.collect()  # a socket that was left open is reported here, as a warning that is an error


@pytest.mark.parametrize("handler", [Garbage, HangsUp])
def test_service_that_is_no_http_service_is_an_error(tmp_path: Path, handler: type[socketserver.BaseRequestHandler]) -> None:
    with serving(socketserver.TCPServer(("127.0.0.1", 0), handler)) as url:
        assert url in failure(function(url, tmp_path))


def test_http_service_that_says_nothing_is_an_error_after_its_time(tmp_path: Path) -> None:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), SaysNothing)
    with serving(server) as url:
        assert url in failure(function(url, tmp_path, timeout_s=0.2))


class Trickles(socketserver.StreamRequestHandler):
    """A server that answers a byte at a time, so that no single read takes long."""

    part = "head"

    def handle(self) -> None:
        self.request.recv(65536)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
        self.wfile.write(head[:20] if self.part == "head" else head)
        with suppress(OSError):
            while not threading.Event().wait(0.02):
                self.wfile.write(b"x")


class TricklesBody(Trickles):
    part = "body"


@pytest.mark.parametrize("handler", [Trickles, TricklesBody])
def test_http_service_that_trickles_is_an_error_after_its_time(tmp_path: Path, handler: type[Trickles]) -> None:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    with serving(server) as url:
        assert "no answer within 0.4 s" in failure(function(url, tmp_path, timeout_s=0.4))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_seed_follows_no_redirection(tmp_path: Path, status: int) -> None:
    elsewhere = Service(200, b'{"key": "5EF739B0"}')
    with serving(elsewhere) as there, serving(Service(status, b"", location=there)) as url:
        text = failure(function(url, tmp_path))
    assert f"HTTP status {status}: it sends us elsewhere" in text
    assert elsewhere.asked == []


def test_seed_goes_to_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, service = Service(200, b'{"key": "00"}'), Service(200, b'{"key": "5EF739B0"}')
    with serving(proxy) as address, serving(service) as url:
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.delenv("no_proxy")
        monkeypatch.delenv("NO_PROXY")
        assert function(url, tmp_path)(SEED, 0x01) == RIGHT
    assert proxy.asked == []


def test_what_a_url_asks_with_is_sent_and_in_no_message(tmp_path: Path) -> None:
    service = Service(500, b"")
    with serving(service) as url:
        text = failure(function(f"{url}?token=C0FFEE", tmp_path))
    assert service.asked[0][0] == "/key?token=C0FFEE"
    assert "C0FFEE" not in text


def test_http_service_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with serving(Service(200, b"")) as url:
        pass
    assert url in failure(function(url, tmp_path))


# Secrets


def test_the_value_of_an_option_is_in_no_message_of_a_failing_command(tmp_path: Path) -> None:
    words = shlex.join([sys.executable, "-c", "import sys; sys.exit('bad token ' + sys.argv[1][8:])", "--token=C0FFEE"])
    assert failure(function(f"command: {words}", tmp_path)).endswith("exit code 1: bad token (redacted)")


def test_secret_is_in_no_message_of_a_failing_command(tmp_path: Path) -> None:
    """A level whose key is a command may have a secret, for the checks to look for; it is never printed."""
    secret = bytes.fromhex("C0FFEE0123456789")
    words = shlex.join([sys.executable, "-c", "import sys; sys.exit('bad secret C0FFEE0123456789')"])
    assert "C0FFEE" not in failure(function(f"command: {words}", tmp_path, secret=secret))


def test_secret_is_in_no_message_of_a_failing_python_function(tmp_path: Path) -> None:
    (tmp_path / "keys.py").write_text("def key(seed, level): raise ValueError('c0 ff ee 01 23 45 67 89')")
    text = failure(function("keys.py:key", tmp_path, secret=bytes.fromhex("C0FFEE0123456789")))
    assert "c0 ff ee" not in text


@pytest.mark.parametrize(
    "shown", ["c0ffee0123456789", "C0-FF-EE-01-23-45-67-89", "c0:ff:ee:01:23:45:67:89", "13907095862997510025", "{secret!r}"]
)
def test_secret_is_in_no_message_in_whatever_form(tmp_path: Path, shown: str) -> None:
    secret = bytes.fromhex("C0FFEE0123456789")
    shown = shown.format(secret=secret)
    (tmp_path / "keys.py").write_text(f"def key(seed, level): raise ValueError({'no key of ' + shown!r})")
    text = failure(function("keys.py:key", tmp_path, secret=secret))
    assert "no key of" in text
    assert shown not in text


def test_secret_is_in_no_repr_of_a_built_in_key(tmp_path: Path) -> None:
    compute = function("article", tmp_path, secret=ARTICLE_SECRET.reveal())
    assert "1234567890" not in repr(compute)
    assert "1234567890" not in failure(lambda seed, level: compute(bytes(3), level))
