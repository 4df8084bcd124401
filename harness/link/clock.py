"""Tell the time and draw random numbers; no other file asks the computer for either."""

from __future__ import annotations

import hashlib
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

VIRTUAL_EPOCH_S = 1_767_225_600.0
"""The wall clock of a simulated bus at its start: 2026-01-01T00:00:00Z, the same in every run."""


class RealClock:
    """The computer's own time."""

    def now_s(self) -> float:
        """Monotonic time in seconds, for time-outs."""
        return time.monotonic()

    def utc_s(self) -> float:
        """Seconds since 1970, for time stamps."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def utc_text(utc_s: float) -> str:
    """Format a time to the second as in ISO 8601, e.g. ``2026-11-20T09:28:00Z``."""
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def system_random_bytes(n: int) -> bytes:
    """Return random bytes of the operating system, which a simulated ECU uses on a real bus."""
    return os.urandom(n)


def new_seed() -> int:
    """Return a seed for a run that was given none."""
    return int.from_bytes(os.urandom(4), "big")


def thread_time_s(thread_id: int) -> float:
    """Return the processor time in seconds of a thread, identified by `threading.get_ident`; 0 if the thread has ended."""
    if thread_id not in sys._current_frames():
        return 0.0
    return time.clock_gettime(time.pthread_getcpuclockid(thread_id))


def every(interval_s: float, callback: Callable[[], None]) -> Callable[[], None]:
    """Call a function periodically on a daemon thread, until the process ends or the function returned here is called."""
    is_over = threading.Event()

    def loop() -> None:
        while not is_over.wait(interval_s):
            callback()

    threading.Thread(target=loop, daemon=True, name="uds-harness-every").start()
    return is_over.set


class Chance:
    """Repeatable random numbers: SHA-256 in counter mode over a seed and a stream's name.

    The same seed gives the same bytes on every computer, and no statistical test distinguishes them from the system's. Each
    user takes a stream of its own, so that leaving out one check does not change what other checks draw.
    """

    def __init__(self, seed: int, stream: str = "") -> None:
        self.seed = seed
        self._stream = stream
        self._prefix = f"{seed}/{stream}/".encode()
        self._counter = 0

    def stream(self, name: str) -> Chance:
        """Return an independent source under the same seed."""
        return Chance(self.seed, f"{self._stream}/{name}")

    def random_bytes(self, n: int) -> bytes:
        """Return `n` bytes."""
        blocks = []
        for _ in range(-(-n // 32)):
            blocks.append(hashlib.sha256(self._prefix + self._counter.to_bytes(8, "big")).digest())
            self._counter += 1
        return b"".join(blocks)[:n]

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to `limit` - 1; the bias of the reduction is below 2^-64."""
        return int.from_bytes(self.random_bytes((limit.bit_length() + 7) // 8 + 8), "big") % limit

    def quick(self) -> Chance:
        """Return a quick source, seeded from this one, for callers that draw often and only need variety."""
        return _QuickChance(self)


class _QuickChance(Chance):
    """A Mersenne Twister: as repeatable as `Chance` and ten times as quick, but predictable from earlier numbers."""

    def __init__(self, source: Chance) -> None:
        super().__init__(source.seed, f"{source._stream}/quick")
        twister = random.Random(int.from_bytes(source.random_bytes(32), "big"))
        self._bits, self._fraction = twister.getrandbits, twister.random

    def random_bytes(self, n: int) -> bytes:
        """Return `n` bytes."""
        return self._bits(8 * n).to_bytes(n, "big") if n else b""

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to `limit` - 1, of no more than 32 bits."""
        return int(self._fraction() * limit)
