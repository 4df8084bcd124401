"""uds-harness: is an ECU's SecurityAccess real? These are the names that an author of checks imports."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.audit.declare import attack
    from harness.audit.measurements import Measurements
    from harness.fuzz.python import fuzz_case
    from harness.link.frame import Frame
    from harness.outcome import Inconclusive, fail, inconclusive, not_applicable, not_run
    from harness.run import Depth, Severity
    from harness.target import DataEntry, Target, load_target
    from harness.tester.reply import RawReply, Reply, malformed, negative, positive, silence
    from harness.tester.segments import segments
    from harness.tester.tester import Tester
    from harness.uds import Nrc, Service

_HOME = {
    "DataEntry": "harness.target",
    "Depth": "harness.run",
    "Frame": "harness.link.frame",
    "Inconclusive": "harness.outcome",
    "Measurements": "harness.audit.measurements",
    "Nrc": "harness.uds",
    "RawReply": "harness.tester.reply",
    "Reply": "harness.tester.reply",
    "Service": "harness.uds",
    "Severity": "harness.run",
    "Target": "harness.target",
    "Tester": "harness.tester.tester",
    "attack": "harness.audit.declare",
    "fail": "harness.outcome",
    "fuzz_case": "harness.fuzz.python",
    "inconclusive": "harness.outcome",
    "load_target": "harness.target",
    "malformed": "harness.tester.reply",
    "negative": "harness.tester.reply",
    "not_applicable": "harness.outcome",
    "not_run": "harness.outcome",
    "positive": "harness.tester.reply",
    "segments": "harness.tester.segments",
    "silence": "harness.tester.reply",
}

__all__ = [
    "DataEntry",
    "Depth",
    "Frame",
    "Inconclusive",
    "Measurements",
    "Nrc",
    "RawReply",
    "Reply",
    "Service",
    "Severity",
    "Target",
    "Tester",
    "attack",
    "fail",
    "fuzz_case",
    "inconclusive",
    "load_target",
    "malformed",
    "negative",
    "not_applicable",
    "not_run",
    "positive",
    "segments",
    "silence",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that ``import harness`` stays light."""
    if name not in _HOME:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
