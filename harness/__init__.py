"""uds-harness: is an ECU's SecurityAccess real? These are the names that an author of checks imports."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.analysis.development import credentials_in, traces_of_development
    from harness.analysis.drift import Drift, drift
    from harness.analysis.padding import Observed, padding_of, shown_in_padding
    from harness.analysis.rhythm import rhythm_of
    from harness.analysis.secrets import found_in, is_telling
    from harness.check import attack
    from harness.errors import Inconclusive, KeyFunctionError, NotApplicable, fail, inconclusive, not_applicable, not_run
    from harness.fuzz.campaign import Campaign
    from harness.fuzz.generate import frame_sequence, mutated_request, random_frame, valid_requests
    from harness.fuzz.python import fuzz_case
    from harness.fuzz.walk import Patience, Walk
    from harness.link.frame import Frame
    from harness.measurements import Measurements
    from harness.measurements.between_keys import Act
    from harness.measurements.delay import Delay
    from harness.measurements.key_book import KeyBook
    from harness.measurements.key_kinds import bits_at, rearranged
    from harness.target import DataEntry, Target, load_target
    from harness.tester.guesses import KeyOutcome
    from harness.tester.load import await_quiet, foreign_frame, frames_per_second, own_lag_s, send_load
    from harness.tester.locks import Lock, Teller, locks, teller, tellers_by_memory
    from harness.tester.observe import images, memory_in_use, watched_console
    from harness.tester.oddities import Oddity
    from harness.tester.other_address import OtherAddress
    from harness.tester.reply import RawReply, Reply, malformed, negative, positive, silence
    from harness.tester.restart import Means
    from harness.tester.segments import segments
    from harness.tester.tester import Tester
    from harness.uds import Nrc, Service, write_request
    from harness.verdict import Depth, Severity

_HOME = {
    "Act": "harness.measurements.between_keys",
    "Campaign": "harness.fuzz.campaign",
    "DataEntry": "harness.target",
    "Delay": "harness.measurements.delay",
    "Depth": "harness.verdict",
    "Drift": "harness.analysis.drift",
    "Frame": "harness.link.frame",
    "Inconclusive": "harness.errors",
    "KeyBook": "harness.measurements.key_book",
    "KeyFunctionError": "harness.errors",
    "KeyOutcome": "harness.tester.guesses",
    "Lock": "harness.tester.locks",
    "Means": "harness.tester.restart",
    "Measurements": "harness.measurements",
    "NotApplicable": "harness.errors",
    "Nrc": "harness.uds",
    "Observed": "harness.analysis.padding",
    "Oddity": "harness.tester.oddities",
    "OtherAddress": "harness.tester.other_address",
    "Patience": "harness.fuzz.walk",
    "RawReply": "harness.tester.reply",
    "Reply": "harness.tester.reply",
    "Service": "harness.uds",
    "Severity": "harness.verdict",
    "Target": "harness.target",
    "Teller": "harness.tester.locks",
    "Tester": "harness.tester.tester",
    "Walk": "harness.fuzz.walk",
    "attack": "harness.check",
    "await_quiet": "harness.tester.load",
    "bits_at": "harness.measurements.key_kinds",
    "credentials_in": "harness.analysis.development",
    "drift": "harness.analysis.drift",
    "fail": "harness.errors",
    "foreign_frame": "harness.tester.load",
    "found_in": "harness.analysis.secrets",
    "frame_sequence": "harness.fuzz.generate",
    "frames_per_second": "harness.tester.load",
    "fuzz_case": "harness.fuzz.python",
    "images": "harness.tester.observe",
    "inconclusive": "harness.errors",
    "is_telling": "harness.analysis.secrets",
    "load_target": "harness.target",
    "locks": "harness.tester.locks",
    "malformed": "harness.tester.reply",
    "memory_in_use": "harness.tester.observe",
    "mutated_request": "harness.fuzz.generate",
    "negative": "harness.tester.reply",
    "not_applicable": "harness.errors",
    "not_run": "harness.errors",
    "own_lag_s": "harness.tester.load",
    "padding_of": "harness.analysis.padding",
    "positive": "harness.tester.reply",
    "random_frame": "harness.fuzz.generate",
    "rearranged": "harness.measurements.key_kinds",
    "rhythm_of": "harness.analysis.rhythm",
    "segments": "harness.tester.segments",
    "send_load": "harness.tester.load",
    "shown_in_padding": "harness.analysis.padding",
    "silence": "harness.tester.reply",
    "teller": "harness.tester.locks",
    "tellers_by_memory": "harness.tester.locks",
    "traces_of_development": "harness.analysis.development",
    "valid_requests": "harness.fuzz.generate",
    "watched_console": "harness.tester.observe",
    "write_request": "harness.uds",
}

__all__ = [
    "Act",
    "Campaign",
    "DataEntry",
    "Delay",
    "Depth",
    "Drift",
    "Frame",
    "Inconclusive",
    "KeyBook",
    "KeyFunctionError",
    "KeyOutcome",
    "Lock",
    "Means",
    "Measurements",
    "NotApplicable",
    "Nrc",
    "Observed",
    "Oddity",
    "OtherAddress",
    "Patience",
    "RawReply",
    "Reply",
    "Service",
    "Severity",
    "Target",
    "Teller",
    "Tester",
    "Walk",
    "attack",
    "await_quiet",
    "bits_at",
    "credentials_in",
    "drift",
    "fail",
    "foreign_frame",
    "found_in",
    "frame_sequence",
    "frames_per_second",
    "fuzz_case",
    "images",
    "inconclusive",
    "is_telling",
    "load_target",
    "locks",
    "malformed",
    "memory_in_use",
    "mutated_request",
    "negative",
    "not_applicable",
    "not_run",
    "own_lag_s",
    "padding_of",
    "positive",
    "random_frame",
    "rearranged",
    "rhythm_of",
    "segments",
    "send_load",
    "shown_in_padding",
    "silence",
    "teller",
    "tellers_by_memory",
    "traces_of_development",
    "valid_requests",
    "watched_console",
    "write_request",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that ``import harness`` stays light."""
    if name not in _HOME:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
