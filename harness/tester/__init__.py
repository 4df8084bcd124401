"""Act as the client of UDS: send requests, judge answers, and keep beliefs of the ECU. Exports what only few checks need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lazy import lazily

if TYPE_CHECKING:
    from harness.tester.bus_load import await_quiet, foreign_frame, frames_per_second, own_lag_s, send_load
    from harness.tester.guesses import KeyOutcome
    from harness.tester.locks import Lock, Look, Teller, locks_of, teller, tellers_by_memory
    from harness.tester.observe import images, memory_in_use, watched_console
    from harness.tester.oddities import Oddity
    from harness.tester.other_address import OtherAddress
    from harness.tester.restart import Means

_HOMES = {
    "KeyOutcome": "tester.guesses",
    "Lock": "tester.locks",
    "Look": "tester.locks",
    "Means": "tester.restart",
    "Oddity": "tester.oddities",
    "OtherAddress": "tester.other_address",
    "Teller": "tester.locks",
    "await_quiet": "tester.bus_load",
    "foreign_frame": "tester.bus_load",
    "frames_per_second": "tester.bus_load",
    "images": "tester.observe",
    "locks_of": "tester.locks",
    "memory_in_use": "tester.observe",
    "own_lag_s": "tester.bus_load",
    "send_load": "tester.bus_load",
    "teller": "tester.locks",
    "tellers_by_memory": "tester.locks",
    "watched_console": "tester.observe",
}

__all__ = [
    "KeyOutcome",
    "Lock",
    "Look",
    "Means",
    "Oddity",
    "OtherAddress",
    "Teller",
    "await_quiet",
    "foreign_frame",
    "frames_per_second",
    "images",
    "locks_of",
    "memory_in_use",
    "own_lag_s",
    "send_load",
    "teller",
    "tellers_by_memory",
    "watched_console",
]

__getattr__ = lazily(__name__, _HOMES)
