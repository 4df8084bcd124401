"""Ask an HTTP service without redirections or proxies, within a time limit, for an answer of bounded length."""

import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from harness.errors import KeyFunctionError


def post_json(url: str, body: bytes, *, timeout_s: float, most_bytes: int) -> bytes:
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
