"""Control a headless Chromium through its DevTools protocol over two pipes, to look at a page."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

INTO_PLACE = (
    "import fcntl, os, sys; reads, writes = (fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3]); "
    "os.dup2(reads, 3); os.dup2(writes, 4); os.execv(sys.argv[3], sys.argv[3:])"
)
"""A shell command that makes file 3 Chromium's input for orders, and file 4 its output for answers."""


class Browser:
    """One page. Its console messages and its network requests are recorded."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._left = b""
        self._number = 0
        self._session: str | None = None
        self.said: list[str] = []
        self.requested: list[str] = []
        self._loaded = 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send an order, and wait for the answer; events that come meanwhile are recorded."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            event = self._next()
            if event.get("id") == self._number:
                assert "error" not in event, event
                return dict(event["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            some = os.read(self._from, 1 << 16)
            assert some, "the browser has ended"
            self._left += some
        line, self._left = self._left.split(b"\0", 1)
        event: dict[str, Any] = json.loads(line)
        method, parameters = event.get("method"), event.get("params", {})
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.said.append(json.dumps(parameters)[:500])
        elif method == "Network.requestWillBeSent":
            self.requested.append(parameters["request"]["url"][:200])
        elif method == "Page.loadEventFired":
            self._loaded += 1
        return event

    def open(self, page: Path, *, width: int, fragment: str = "") -> None:
        """Load a file into a window of this width, and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url="about:blank")
        before = self._loaded
        self.call("Page.navigate", url=page.as_uri() + fragment)
        while self._loaded <= before or not self.value(
            "document.readyState === 'complete' && location.protocol === 'file:'"
        ):
            self._next()

    def value(self, script: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start a Chromium, and end it at the end of the block."""
    assert CHROMIUM is not None
    child_reads, we_write = os.pipe()
    we_read, child_writes = os.pipe()
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}",
        "--remote-debugging-pipe",
    ]
    running = subprocess.Popen(
        [sys.executable, "-c", INTO_PLACE, str(child_reads), str(child_writes), CHROMIUM, *options],
        pass_fds=(child_reads, child_writes),
        stderr=subprocess.DEVNULL,
    )
    os.close(child_reads)
    os.close(child_writes)
    try:
        yield Browser(we_write, we_read)
    finally:
        os.close(we_write)
        os.close(we_read)
        running.terminate()
        running.wait(timeout=300)
